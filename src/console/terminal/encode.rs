//! Cells as bytes: cursor moves, styles and letters, and only what has changed since the cell before.

use std::io::Write;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Appends the bytes that draw these cells.
pub fn cells<'a>(out: &mut Vec<u8>, changed: impl Iterator<Item = (u16, u16, &'a Cell)>) {
    let mut pen = Pen::default();
    let (mut next, mut line) = (None, None);
    for (x, y, cell) in changed {
        if x == 0 && y > 0 && line == Some(y - 1) {
            out.extend_from_slice(b"\r\n");
        } else if next != Some((x, y)) {
            put(out, format_args!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1));
        }
        line = Some(y);
        pen.set(out, cell);
        out.extend_from_slice(cell.symbol().as_bytes());
        // After a wide letter the terminal's cursor is further than one cell: the next move is said again.
        next = (cell.symbol().len() == 1 || is_narrow(cell.symbol())).then_some((x.saturating_add(1), y));
    }
    if pen != Pen::default() {
        out.extend_from_slice(b"\x1b[m");
    }
}

fn is_narrow(symbol: &str) -> bool {
    unicode_width::UnicodeWidthStr::width(symbol) == 1
}

/// A `Vec` takes everything.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _never_fails = out.write_fmt(text);
}

/// The style that the terminal has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Default for Pen {
    fn default() -> Self {
        Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() }
    }
}

/// Modifier, the code that adds it, the code that takes it away (ECMA-48, 8.3.117).
const MODIFIERS: [(Modifier, &str, &str); 4] = [
    (Modifier::BOLD, "1", "22"),
    (Modifier::ITALIC, "3", "23"),
    (Modifier::UNDERLINED, "4", "24"),
    (Modifier::REVERSED, "7", "27"),
];

impl Pen {
    fn set(&mut self, out: &mut Vec<u8>, cell: &Cell) {
        let lines = Modifier::UNDERLINED | Modifier::REVERSED;
        let wanted = if cell.symbol() == " " && !cell.modifier.union(self.modifier).intersects(lines) {
            // Of a blank only what is behind it is seen.
            Self { bg: cell.bg, ..*self }
        } else {
            Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
        };
        if wanted == *self {
            return;
        }
        let mut codes = Vec::new();
        // Taken away one by one: a reset would cost both colours again.
        let (removed, added) = (self.modifier - wanted.modifier, wanted.modifier - self.modifier);
        codes.extend(
            MODIFIERS.iter().filter(|(modifier, ..)| removed.contains(*modifier)).map(|(.., off)| (*off).to_owned()),
        );
        codes.extend(
            MODIFIERS.iter().filter(|(modifier, ..)| added.contains(*modifier)).map(|(_, on, _)| (*on).to_owned()),
        );
        if wanted.fg != self.fg {
            codes.push(color(wanted.fg, 30));
        }
        if wanted.bg != self.bg {
            codes.push(color(wanted.bg, 40));
        }
        put(out, format_args!("\x1b[{}m", codes.join(";")));
        *self = wanted;
    }
}

/// The code of a colour; `base` is 30 for letters and 40 for what is behind them.
fn color(color: Color, base: u8) -> String {
    let dull = |index: u8| (base + index).to_string();
    let bright = |index: u8| (base + 60 + index).to_string();
    match color {
        Color::Reset => (base + 9).to_string(),
        Color::Black => dull(0),
        Color::Red => dull(1),
        Color::Green => dull(2),
        Color::Yellow => dull(3),
        Color::Blue => dull(4),
        Color::Magenta => dull(5),
        Color::Cyan => dull(6),
        Color::Gray => dull(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn bytes(style: Style, text: &str) -> String {
        let empty = Buffer::empty(Rect::new(0, 0, 10, 2));
        let mut full = empty.clone();
        full.set_string(1, 1, text, style);
        let mut out = Vec::new();
        cells(&mut out, empty.diff(&full).into_iter());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_run_has_one_move_and_one_style() {
        let style = Style::default().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD);
        assert_eq!(bytes(style, "abc"), "\x1b[2;2H\x1b[1;38;2;1;2;3mabc\x1b[m");
        assert_eq!(bytes(Style::default(), "abc"), "\x1b[2;2Habc");
        assert_eq!(bytes(Style::default().bg(Color::Blue), "a"), "\x1b[2;2H\x1b[44ma\x1b[m");
    }

    #[test]
    fn after_a_wide_letter_the_place_is_said_again() {
        assert_eq!(bytes(Style::default(), "日a"), "\x1b[2;2H日\x1b[2;4Ha");
    }

    #[test]
    fn what_the_terminal_shows_is_what_was_drawn() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        buffer.set_string(2, 0, "✗ down", Style::default().fg(Color::Yellow).add_modifier(Modifier::BOLD));
        buffer.set_string(8, 0, " plain", Style::default());
        buffer.set_string(0, 2, "日本 end", Style::default().bg(Color::Rgb(9, 9, 9)));
        let mut out = Vec::new();
        cells(&mut out, Buffer::empty(buffer.area).diff(&buffer).into_iter());
        let mut terminal = vt100::Parser::new(3.try_into().unwrap(), 20.try_into().unwrap(), 0);
        terminal.process(&out);
        assert_eq!(terminal.screen().contents(), "  ✗ down plain\n\n日本 end");
        assert!(terminal.screen().cell(0, 2).unwrap().bold());
        assert!(!terminal.screen().cell(0, 9).unwrap().bold());
    }
}
