//! Drawing: a frame from the state, with nothing but the state.

pub mod bars;
pub mod brush;
pub mod layout;
pub mod rows;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::App;
use super::pane::PaneId;
use super::table::part;
use super::theme::{Meaning, Theme};
use brush::Brush;
use layout::Layout;
use rows::Place;

/// Draws the whole screen. Returns where the cursor stands, if anywhere.
pub fn screen(app: &mut App, buffer: &mut Buffer) -> Option<Position> {
    let theme: Theme = app.look.theme.clone();
    let area = buffer.area;
    let mut brush = Brush::new(buffer, &theme);
    app.placed.clear();
    if area.width < layout::LEAST.0 || area.height < layout::LEAST.1 {
        too_small(&mut brush, area);
        return brush.finish();
    }
    bars::title(&mut brush, area, app);
    let guide = bars::guide(&mut brush, area, app);
    let below = Rect { y: area.y + guide, height: area.height - guide, ..area };
    let banners = bars::banners(&mut brush, below, app);
    let body = Rect { y: below.y + 1 + banners, height: below.height - 3 - banners, ..area };
    self::body(&mut brush, area, body, app);
    bars::status(&mut brush, area, app);
    bars::keys(&mut brush, area, app);
    // A modal is taken out while it draws, so that it can see all the rest.
    let mut modals = std::mem::take(&mut app.modals);
    for modal in &mut modals {
        modal.draw(&mut brush, area, app.sight());
    }
    app.modals = modals;
    brush.finish()
}

fn body(brush: &mut Brush<'_>, screen: Rect, body: Rect, app: &mut App) {
    let rows = |id: PaneId, width: u16| {
        let pane = id.pane();
        let (world, glyphs, width) = (&app.world, app.look.theme.glyphs, usize::from(width));
        let beside = || match pane.below(world, glyphs, width).len() {
            0 => pane.above(world, glyphs, width).len(),
            // An empty line keeps them apart from the rows.
            below => pane.above(world, glyphs, width).len() + below + 1,
        };
        pane.exists(world).then(|| app.lists[id as usize].len() + beside())
    };
    let zoomed = app.zoomed || !app.pages.is_empty();
    match layout::divide(screen, body, zoomed, rows) {
        Layout::TooSmall => too_small(brush, screen),
        Layout::One { tabs, body } => {
            bars::tabs(brush, tabs, app);
            if app.pages.is_empty() {
                draw_pane(brush, app.focus, body, app);
            } else {
                draw_page(brush, body, app);
            }
        }
        Layout::All(panes) => {
            for (id, area) in panes {
                draw_pane(brush, id, area, app);
            }
        }
    }
}

fn draw_pane(brush: &mut Brush<'_>, id: PaneId, area: Rect, app: &mut App) {
    let place = Place { area, focused: id == app.focus };
    app.placed.push((id, area));
    rows::draw(brush, place, id.pane(), &mut app.lists[id as usize], &app.world, &app.look.keymap);
}

fn draw_page(brush: &mut Brush<'_>, area: Rect, app: &mut App) {
    let mut path = vec![app.focus.pane().name().to_owned()];
    path.extend(app.pages.iter().map(|open| open.page.crumb()));
    if let Some(open) = app.pages.last_mut() {
        open.draw(brush, area, &path, &app.world, &app.look);
    }
}

fn too_small(brush: &mut Brush<'_>, area: Rect) {
    let (width, height) = layout::LEAST;
    let text = format!("{}x{} is too small: hotspare needs {width}x{height}", area.width, area.height);
    let short = format!("{}x{}, needs {width}x{height}", area.width, area.height);
    let text = if text.len() > usize::from(area.width) { short } else { text };
    brush.parts(area.x, area.y, area.width, &[part(Meaning::Text, text)]);
}
