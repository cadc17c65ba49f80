//! Two versions of a file, line by line. Pure.

use std::time::Duration;

use similar::{Algorithm, TextDiff};

use super::view::FileDiff;

/// The longest time for one file: then the comparison is coarser.
const PATIENCE: Duration = Duration::from_millis(500);
/// Lines around each change.
const AROUND: usize = 3;
/// The most lines of one file that are told.
const LINES: usize = 5_000;

/// What differs, in unified form without its head; empty where one of both is no text, or nothing differs.
pub(super) fn lines(older: &[u8], newer: &[u8]) -> Vec<String> {
    let (Ok(older), Ok(newer)) = (std::str::from_utf8(older), std::str::from_utf8(newer)) else { return Vec::new() };
    if older.contains('\0') || newer.contains('\0') {
        return Vec::new();
    }
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(PATIENCE).diff_lines(older, newer);
    let unified = diff.unified_diff().context_radius(AROUND).to_string();
    let mut lines: Vec<String> = unified.lines().map(|line| crate::reach::plain::harmless(line).into_owned()).collect();
    let over = lines.len().saturating_sub(LINES);
    if over > 0 {
        lines.truncate(LINES);
        lines.push(format!("… {over} lines more"));
    }
    lines
}

/// How many lines came and went: `+3 -1`.
pub fn counts(diff: &FileDiff) -> (usize, usize) {
    let count = |sign| diff.lines.iter().filter(|line| line.starts_with(sign)).count();
    (count('+'), count('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_what_stands_around_it() {
        let older = (1..=20).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
        let newer = older.replace("line 10\n", "line ten\nand more\n");
        assert_eq!(
            lines(older.as_bytes(), newer.as_bytes()),
            [
                "@@ -7,7 +7,8 @@",
                " line 7",
                " line 8",
                " line 9",
                "-line 10",
                "+line ten",
                "+and more",
                " line 11",
                " line 12",
                " line 13"
            ]
        );
        assert_eq!(lines(b"a\n", b"a\n"), Vec::<String>::new());
        assert_eq!(lines(b"a\n", b"\xff\n"), Vec::<String>::new());
        assert!(lines(b"a", b"\x1b[31m").concat().contains('\u{fffd}'));
    }
}
