//! Colours: how they are written, how a terminal with fewer of them shows them, how well one reads on another.

use ratatui::style::Color;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// 256.
    Indexed,
    /// 16.
    Sixteen,
    /// None, by wish (`NO_COLOR`) or because it is `dumb`.
    None,
}

impl Depth {
    /// From what the environment says of the terminal.
    pub fn of(no_color: bool, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or_default();
        if no_color || term == "dumb" {
            return Self::None;
        }
        if matches!(colorterm, Some("truecolor" | "24bit")) || term.ends_with("-direct") {
            return Self::True;
        }
        if term.contains("256color") || matches!(term, "xterm-kitty" | "alacritty" | "foot" | "xterm-ghostty") {
            return Self::Indexed;
        }
        Self::Sixteen
    }

    /// The nearest colour that such a terminal has.
    pub fn fit(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed((r, g, b))),
            (Self::Sixteen, Color::Rgb(r, g, b)) => NAMED[nearest_of((r, g, b), &SIXTEEN)].1,
            (_, color) => color,
        }
    }
}

/// A colour as a theme writes it: `#rrggbb`, one of sixteen names, or `default` (the terminal's own).
pub fn parse(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    if let Some(hex) = text.strip_prefix('#') {
        let value = (hex.len() == 6).then(|| u32::from_str_radix(hex, 16).ok()).flatten()?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    NAMED.iter().find(|(name, _)| *name == text).map(|(_, color)| *color)
}

/// The sixteen names.
pub const NAMED: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

type Rgb = (u8, u8, u8);

/// What xterm shows for the sixteen names.
const SIXTEEN: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The red, green and blue of an entry of the 256-colour cube or of its greys (from 16 on).
fn indexed(index: u8) -> Rgb {
    let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
    match index {
        0..16 => SIXTEEN[usize::from(index)],
        16..232 => {
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232.. => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

fn nearest_indexed(color: Rgb) -> u8 {
    // The first sixteen are whatever the user made of them, so they are never chosen.
    (16..=255).min_by_key(|index| distance(color, indexed(*index))).unwrap_or(16)
}

fn nearest_of(color: Rgb, among: &[Rgb]) -> usize {
    (0..among.len()).min_by_key(|index| distance(color, among[*index])).unwrap_or(0)
}

/// Weighted squared distance, near enough to what an eye sees ("redmean", Riemersma).
fn distance(a: Rgb, b: Rgb) -> i64 {
    let mean = i64::midpoint(i64::from(a.0), i64::from(b.0));
    let square = |a: u8, b: u8| (i64::from(a) - i64::from(b)).pow(2);
    (((512 + mean) * square(a.0, b.0)) >> 8) + 4 * square(a.1, b.1) + (((767 - mean) * square(a.2, b.2)) >> 8)
}

/// Contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"); `None` where the terminal decides what they look like.
pub fn contrast(a: Color, b: Color) -> Option<f64> {
    let (a, b) = (luminance(a)?, luminance(b)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

/// Whether letters on this background should be dark: it reads better against black than against white.
pub fn is_light(r: u8, g: u8, b: u8) -> bool {
    luminance(Color::Rgb(r, g, b)).is_some_and(|luminance| luminance > 0.179)
}

fn luminance(color: Color) -> Option<f64> {
    let (r, g, b) = match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(index) if index >= 16 => indexed(index),
        _ => return None,
    };
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    Some(0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        let ratio = contrast(Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)).unwrap();
        assert!((ratio - 21.0).abs() < 1e-9);
        let grey = contrast(Color::Rgb(0x76, 0x76, 0x76), Color::Rgb(255, 255, 255)).unwrap();
        assert!((4.5..4.6).contains(&grey), "{grey}");
    }

    #[test]
    fn depth_follows_the_environment() {
        assert_eq!(Depth::of(true, Some("truecolor"), Some("xterm")), Depth::None);
        assert_eq!(Depth::of(false, Some("truecolor"), Some("xterm")), Depth::True);
        assert_eq!(Depth::of(false, None, Some("xterm-256color")), Depth::Indexed);
        assert_eq!(Depth::of(false, None, Some("linux")), Depth::Sixteen);
        assert_eq!(Depth::of(false, None, Some("dumb")), Depth::None);
    }

    #[test]
    fn a_colour_becomes_its_nearest() {
        assert_eq!(Depth::Indexed.fit(Color::Rgb(255, 135, 0)), Color::Indexed(208));
        assert_eq!(Depth::Sixteen.fit(Color::Rgb(250, 5, 5)), Color::LightRed);
        assert_eq!(Depth::None.fit(Color::Rgb(1, 2, 3)), Color::Reset);
        assert_eq!(parse("#0a0b0c"), Some(Color::Rgb(10, 11, 12)));
        assert_eq!(parse("#12345"), None);
        assert_eq!(parse("white"), Some(Color::Gray));
    }
}
