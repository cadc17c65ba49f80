//! A pane as a table in a box: its title says the answer, its rows the whole of it.

use ratatui::layout::Rect;

use super::brush::Brush;
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::list::ListState;
use crate::console::pane::Pane;
use crate::console::table::{Column, Part, dim, fit, part, places, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;

/// How a pane stands on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Where.
    pub area: Rect,
    /// Whether it has the keys.
    pub focused: bool,
}

/// Draws a pane.
pub fn draw(
    brush: &mut Brush<'_>,
    place: Place,
    pane: &dyn Pane,
    list: &mut ListState,
    world: &World,
    keymap: &Keymap,
) {
    let glyphs = brush.theme.glyphs;
    let mut title = vec![part(if place.focused { Meaning::Title } else { Meaning::Text }, pane.name()), plain("  ")];
    title.extend(pane.answer(world, glyphs));
    let inner = brush.boxed(place.area, place.focused, &title);
    brush.footnote(place.area, &notes(brush, pane, list));
    if inner.height == 0 || inner.width < 4 {
        return;
    }
    let (above, inner) = self::above(brush, inner, pane, world);
    if list.is_empty() {
        let lines = if list.filter.is_empty() { pane.empty(world, keymap) } else { nothing_passes(list) };
        return centred(brush, inner, &lines);
    }
    let inner = self::below(brush, inner, pane, list.len(), world);
    let columns = pane.columns(world);
    let widths = fit(&columns, inner.width.saturating_sub(3));
    let places = places(&widths, inner.x + 2);
    head(brush, inner.y, &columns, &places);
    let height = usize::from(inner.height.saturating_sub(1));
    let first = list.scroll(height, above);
    for (line, position) in (first..list.len()).take(height).enumerate() {
        let Some(row) = list.row(position) else { break };
        let y = inner.y + 1 + u16::try_from(line).unwrap_or(u16::MAX);
        let cells = pane.cells(world, glyphs, row);
        for (index, (column, cell)) in columns.iter().zip(&cells).enumerate() {
            if let Some((x, width)) = places[index].filter(|_| !cell.is_empty()) {
                // Text runs on over the empty cells to its right.
                let next = (index + 1..cells.len()).find(|next| !cells[*next].is_empty() && places[*next].is_some());
                let end = next.and_then(|next| places[next]).map_or(inner.right() - 1, |(x, _)| x - 2);
                let width = if column.right { width } else { width.max(end.saturating_sub(x)) };
                self::cell(brush, x, y, width, column.right, cell);
            }
        }
        if !list.marks.is_empty() && pane.key(world, row).is_some_and(|key| list.marks.contains(&key)) {
            brush.parts(inner.x + 1, y, 1, &[part(Meaning::Mark, glyphs.mark)]);
        }
        if place.focused && position == list.position() {
            brush.parts(inner.x, y, 1, &[part(Meaning::Focus, glyphs.cursor)]);
            // Only the first column is shaded: a move then costs two names, not two lines.
            if let Some((x, width)) = places.iter().flatten().next() {
                brush.shade(Rect::new(inner.x + 1, y, x + width - inner.x - 1, 1), Meaning::Selection);
            }
        }
    }
}

/// Draws what is wrong with where the rows come from. Returns how many lines that took, and the room that is left: at
/// least a third for the rows.
fn above(brush: &mut Brush<'_>, inner: Rect, pane: &dyn Pane, world: &World) -> (u16, Rect) {
    let lines = pane.above(world, brush.theme.glyphs, usize::from(inner.width.saturating_sub(2)));
    let most = inner.height.saturating_sub(1) * 2 / 3;
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(most);
    for (line, y) in lines.iter().zip(inner.y..inner.y + count) {
        brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
    }
    (count, Rect { y: inner.y + count, height: inner.height - count, ..inner })
}

/// Draws what is good to know beside the rows, as far as these leave room for it. Returns the room that is left.
fn below(brush: &mut Brush<'_>, inner: Rect, pane: &dyn Pane, rows: usize, world: &World) -> Rect {
    let lines = pane.below(world, brush.theme.glyphs, usize::from(inner.width.saturating_sub(2)));
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1).min(inner.height);
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(inner.height.saturating_sub(rows));
    // An empty line keeps them apart, where there is one to spare.
    let gap = u16::from(count > 0 && rows + count < inner.height);
    for (line, y) in lines.iter().zip(inner.y + rows + gap..inner.bottom()) {
        brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
    }
    Rect { height: inner.height - count, ..inner }
}

fn head(brush: &mut Brush<'_>, y: u16, columns: &[Column], places: &[Option<(u16, u16)>]) {
    for (column, place) in columns.iter().zip(places) {
        if let Some((x, width)) = *place {
            let title = [part(Meaning::Heading, column.title)];
            cell(brush, x, y, width, column.right, &title);
        }
    }
}

fn cell(brush: &mut Brush<'_>, x: u16, y: u16, width: u16, right: bool, parts: &[Part]) {
    if right {
        brush.parts_right(x + width, y, width, parts);
    } else {
        brush.parts(x, y, width, parts);
    }
}

/// What is not as usual about this list: order, filter, marks, and that there is more than is seen.
fn notes(brush: &Brush<'_>, pane: &dyn Pane, list: &ListState) -> Vec<Part> {
    let glyphs = brush.theme.glyphs;
    let mut notes: Vec<Vec<Part>> = Vec::new();
    if !list.filter.is_empty() {
        notes.push(vec![part(Meaning::Info, format!("filter: {}", list.filter.text()))]);
    }
    if !list.marks.is_empty() {
        notes.push(vec![part(
            Meaning::Mark,
            format!("{} {} marked", glyphs.mark, format::count(list.marks.len() as u64)),
        )]);
    }
    if list.sort > 0 || list.reversed {
        let name = pane.sorts().get(list.sort).copied().unwrap_or_default();
        let arrow = if list.reversed { glyphs.falling } else { glyphs.rising };
        notes.push(vec![dim(format!("by {name} {arrow}"))]);
    }
    // Of rows that come in windows no other sign says how far down one is.
    if pane.here().is_none() && list.len() > list.height() && list.height() > 0 {
        let place = format!("{} of {}", format::count(list.position() as u64 + 1), format::count(list.len() as u64));
        notes.push(vec![dim(place)]);
    }
    notes.join(&[dim(format!(" {} ", glyphs.dot))][..])
}

fn nothing_passes(list: &ListState) -> Vec<String> {
    vec![format!("nothing has the words of the filter: {}", list.filter.text())]
}

/// Lines in the middle of an empty pane.
fn centred(brush: &mut Brush<'_>, area: Rect, lines: &[String]) {
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let top = area.y + (area.height - count) / 2;
    for (line, y) in lines.iter().zip(top..top + count) {
        let parts = [dim(line.clone())];
        let width = u16::try_from(crate::console::table::width(&parts)).unwrap_or(u16::MAX).min(area.width);
        brush.parts(area.x + (area.width - width) / 2, y, width, &parts);
    }
}
