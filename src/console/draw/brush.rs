//! The brush: puts parts of text, boxes and tables into the frame, and never outside it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::console::table::{Part, width};
use crate::console::theme::{Meaning, Theme};
use crate::reach::plain;

/// Draws into one frame.
#[derive(Debug)]
pub struct Brush<'a> {
    /// The frame.
    pub buffer: &'a mut Buffer,
    /// What everything looks like.
    pub theme: &'a Theme,
    /// Where the cursor stands, where something is typed.
    pub cursor: Option<Position>,
}

impl<'a> Brush<'a> {
    /// A brush for this frame, which is wiped.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        let area = buffer.area;
        let mut brush = Self { buffer, theme, cursor: None };
        brush.wipe(area);
        brush
    }

    /// Makes this area empty.
    pub fn wipe(&mut self, area: Rect) {
        let style = self.theme.style(Meaning::Base);
        let area = area.intersection(self.buffer.area);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Writes parts from `x` in at most `room` columns; what does not fit is cut off with a sign. Returns the columns
    /// used.
    pub fn parts(&mut self, x: u16, y: u16, room: u16, parts: &[Part]) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() || room == 0 {
            return 0;
        }
        let room = room.min(area.right() - x);
        let cut = width(parts) > usize::from(room);
        let limit = if cut { room - 1 } else { room };
        let mut used = 0;
        for part in parts {
            let style = self.theme.style(part.meaning);
            // A line under the spaces that only keep a column apart would look like an empty field.
            let blank = Style { add_modifier: style.add_modifier - Modifier::UNDERLINED, ..style };
            let (before, end) = (part.text.len() - part.text.trim_start().len(), part.text.trim_end().len());
            let letters = if end == 0 { 0..part.text.len() } else { before..end };
            for (at, symbol) in
                part.text.grapheme_indices(true).filter(|(_, symbol)| symbol.chars().all(plain::is_plain))
            {
                let style = if letters.contains(&at) { style } else { blank };
                let columns = u16::try_from(symbol.width()).unwrap_or(u16::MAX);
                if columns > limit - used {
                    let sign = self.theme.glyphs.cut;
                    self.buffer.set_string(x + used, y, sign, style);
                    return used + 1;
                }
                self.buffer.set_string(x + used, y, symbol, style);
                used += columns;
            }
        }
        used
    }

    /// Writes parts so that they end before `right`.
    pub fn parts_right(&mut self, right: u16, y: u16, room: u16, parts: &[Part]) -> u16 {
        let columns = u16::try_from(width(parts)).unwrap_or(u16::MAX).min(room);
        self.parts(right.saturating_sub(columns), y, columns, parts)
    }

    /// Lays a style over an area, leaving the letters.
    pub fn shade(&mut self, area: Rect, meaning: Meaning) {
        let style = self.theme.style(meaning);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// A box with its title; returns what is inside.
    pub fn boxed(&mut self, area: Rect, focused: bool, title: &[Part]) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect::default();
        }
        let style = self.theme.style(if focused { Meaning::Focus } else { Meaning::Border });
        let [top_left, top_right, bottom_left, bottom_right, across, down] = self.theme.glyphs.lines;
        let (left, right, top, bottom) = (area.left(), area.right() - 1, area.top(), area.bottom() - 1);
        for x in left + 1..right {
            self.buffer.set_string(x, top, across, style);
            self.buffer.set_string(x, bottom, across, style);
        }
        for y in top + 1..bottom {
            self.buffer.set_string(left, y, down, style);
            self.buffer.set_string(right, y, down, style);
        }
        for (x, y, corner) in
            [(left, top, top_left), (right, top, top_right), (left, bottom, bottom_left), (right, bottom, bottom_right)]
        {
            self.buffer.set_string(x, y, corner, style);
        }
        if !title.is_empty() && area.width > 6 {
            self.buffer.set_string(left + 1, top, " ", style);
            let used = self.parts(left + 2, top, area.width - 5, title);
            self.buffer.set_string(left + 2 + used, top, " ", style);
        }
        Rect::new(left + 1, top + 1, area.width - 2, area.height - 2)
    }

    /// A line on the lower edge of a box, at its right.
    pub fn footnote(&mut self, area: Rect, parts: &[Part]) {
        if area.width > 8 && area.height > 1 && !parts.is_empty() {
            let room = area.width - 4;
            let columns = u16::try_from(width(parts)).unwrap_or(u16::MAX).min(room);
            let x = area.right().saturating_sub(columns + 2);
            self.parts(x - 1, area.bottom() - 1, 1, &[crate::console::table::plain(" ")]);
            let used = self.parts(x, area.bottom() - 1, columns, parts);
            self.parts(x + used, area.bottom() - 1, 1, &[crate::console::table::plain(" ")]);
        }
    }

    /// The last touch: where there is no Unicode, text from outside and the signs in sentences become ASCII.
    pub fn finish(self) -> Option<Position> {
        if self.theme.glyphs.name == "ascii" {
            for cell in &mut self.buffer.content {
                if !cell.symbol().is_ascii() {
                    let plain = crate::console::theme::glyphs::Glyphs::plain(cell.symbol());
                    cell.set_symbol(plain);
                }
            }
        }
        self.cursor
    }
}

/// Breaks a text into lines of at most `room` columns, at spaces where there are some.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        if paragraph.width() <= room {
            lines.push(paragraph.to_owned());
            continue;
        }
        let mut line = String::new();
        for (index, word) in paragraph.split(' ').enumerate() {
            let mut word = word;
            if !line.is_empty() && line.width() + 1 + word.width() > room {
                lines.push(std::mem::take(&mut line));
            } else if index > 0 {
                line.push(' ');
            }
            while word.width() > room.max(1) {
                let (fits, rest) = word.split_at(fitting(word, room));
                if rest.is_empty() {
                    break;
                }
                lines.push(fits.to_owned());
                word = rest;
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// How many bytes of a word fit into so many columns: whole letters, and at least one, so that it comes to an end.
fn fitting(word: &str, room: usize) -> usize {
    let (mut bytes, mut columns) = (0, 0);
    for letter in word.graphemes(true) {
        columns += letter.width();
        if bytes > 0 && columns > room {
            break;
        }
        bytes += letter.len();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::library::Library;
    use crate::console::table::part;
    use crate::console::theme::color::Depth;

    #[test]
    fn marks_that_change_how_others_read_are_not_drawn() {
        let theme = Theme::load(&Library::default(), "mono", Depth::None, true).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        let hostile = "ev\u{202e}il\u{200b} \u{1b}[31mred\u{9b}";
        let used = Brush::new(&mut buffer, &theme).parts(0, 0, 20, &[part(Meaning::Text, hostile)]);
        let drawn: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!((used, drawn.trim_end()), (12, "evil [31mred"));
    }

    #[test]
    fn text_is_broken_at_spaces_and_never_too_wide() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a\n\nb", 7), ["a", "", "b"]);
        assert_eq!(wrap("  in", 7), ["  in"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("漢字漢字漢 ab", 4), ["漢字", "漢字", "漢", "ab"]);
        assert_eq!(wrap("👩‍🔧👩‍🔧👩‍🔧", 4), ["👩‍🔧👩‍🔧", "👩‍🔧"]);
        // What is wider than the room has a line of its own, and comes to an end.
        assert_eq!(wrap("漢字x", 1), ["漢", "字", "x"]);
        assert_eq!(wrap("漢", 0), ["漢"]);
        assert!(wrap("anything", 0).iter().all(|line| line.width() <= 1));
    }
}
