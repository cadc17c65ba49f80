//! Tables: columns that keep their place, cells made of parts with a meaning each.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::theme::Meaning;

/// A piece of text with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is read.
    pub text: Cow<'static, str>,
    /// What it means.
    pub meaning: Meaning,
}

/// A piece of text with this meaning.
pub fn part(meaning: Meaning, text: impl Into<Cow<'static, str>>) -> Part {
    Part { text: text.into(), meaning }
}

/// Ordinary text.
pub fn plain(text: impl Into<Cow<'static, str>>) -> Part {
    part(Meaning::Text, text)
}

/// Text that matters less.
pub fn dim(text: impl Into<Cow<'static, str>>) -> Part {
    part(Meaning::Dim, text)
}

/// How many columns these take.
pub fn width(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.text.width()).sum()
}

/// All of it without meanings.
pub fn words(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.as_ref()).collect()
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub title: &'static str,
    /// How wide it is at least.
    pub least: u16,
    /// How wide it may become where there is room; equal to `least`: it never grows.
    pub most: u16,
    /// Aligned to the right.
    pub right: bool,
    /// Left out first where there is no room: the highest number goes first; 0 stays.
    pub spare: u8,
}

impl Column {
    /// A column of this width.
    pub const fn fixed(title: &'static str, width: u16) -> Self {
        Self { title, least: width, most: width, right: false, spare: 0 }
    }

    /// A column that grows.
    pub const fn growing(title: &'static str, least: u16, most: u16) -> Self {
        Self { title, least, most, right: false, spare: 0 }
    }

    /// Aligned to the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Left out where there is no room.
    #[must_use]
    pub const fn spare(self, order: u8) -> Self {
        Self { spare: order, ..self }
    }
}

/// Two columns lie between any two.
const GAP: u16 = 2;

/// The widths of the columns in so much room; `None`: left out.
///
/// Room that is left goes to the growing columns, the first ones first.
pub fn fit(columns: &[Column], room: u16) -> Vec<Option<u16>> {
    let mut widths: Vec<Option<u16>> = columns.iter().map(|column| Some(column.least)).collect();
    let taken = |widths: &[Option<u16>]| -> u16 {
        let kept = widths.iter().flatten();
        kept.clone().sum::<u16>() + GAP * u16::try_from(kept.count().saturating_sub(1)).unwrap_or(0)
    };
    while taken(&widths) > room {
        let last = (0..columns.len())
            .filter(|index| widths[*index].is_some() && columns[*index].spare > 0)
            .max_by_key(|index| columns[*index].spare);
        let Some(last) = last else { break };
        widths[last] = None;
    }
    let mut rest = room.saturating_sub(taken(&widths));
    for (column, width) in columns.iter().zip(&mut widths) {
        if let Some(width) = width {
            let more = rest.min(column.most - column.least);
            *width += more;
            rest -= more;
        }
    }
    widths
}

/// Where each column begins, and how wide it is.
pub fn places(widths: &[Option<u16>], from: u16) -> Vec<Option<(u16, u16)>> {
    let mut x = from;
    widths
        .iter()
        .map(|width| {
            let width = (*width)?;
            let place = (x, width);
            x = x.saturating_add(width + GAP);
            Some(place)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::growing("host", 8, 20), Column::fixed("since", 8).right().spare(1), Column::growing("why", 10, 200)];

    #[test]
    fn room_goes_to_the_first_growing_column_first() {
        assert_eq!(fit(&COLUMNS, 40), [Some(18), Some(8), Some(10)]);
        assert_eq!(fit(&COLUMNS, 50), [Some(20), Some(8), Some(18)]);
    }

    #[test]
    fn spare_columns_go_where_there_is_no_room() {
        assert_eq!(fit(&COLUMNS, 29), [Some(17), None, Some(10)]);
        assert_eq!(fit(&COLUMNS, 1), [Some(8), None, Some(10)]);
    }
}
