//! Columns of text that keep their place.

use unicode_width::UnicodeWidthStr;

use crate::reach::plain;

/// Rows under headings; the last column is as long as it likes.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Only headings yet.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned).into()] }
    }

    /// One more row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        // A cell of two lines would put the rest of it into another row.
        self.rows.push(cells.map(|cell| plain::one_line(&cell)).into());
    }

    /// All rows, each column two spaces from the next, a line each.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A span as people read it in a column: `0:42`, `0:12:31`, `12d 04h`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{rest:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{rest:02}"),
        _ => format!("{days}d {hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_place_also_with_wide_letters() {
        let mut table = Table::new(["host", "health", "why"]);
        table.row(["東京".into(), "up".into(), String::new()]);
        table.row(["studio-1".into(), "down".into(), "no answer".into()]);
        assert_eq!(table.render(), "host      health  why\n東京      up\nstudio-1  down    no answer\n");
    }

    #[test]
    fn what_others_wrote_stays_in_its_cell() {
        let mut table = Table::new(["host", "why"]);
        table.row(["a".into(), "no\nb     up \u{1b}[2J".into()]);
        assert_eq!(table.render(), "host  why\na     no; b     up \u{fffd}[2J\n");
    }

    #[test]
    fn spans_read_as_on_a_watch() {
        assert_eq!(
            [0, 42, 751, 3_600, 1_051_200, -5].map(span),
            ["0:00", "0:42", "12:31", "1:00:00", "12d 04h", "0:00"]
        );
    }
}
