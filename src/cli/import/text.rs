//! What every import writes alike: TOML values, comments, names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What was made of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// The fleet file.
    pub(super) text: String,
    /// What was not carried, each with its line.
    pub(super) notes: Vec<String>,
}

/// The first lines: from which file, and what was not carried.
pub(super) fn head(files: &str, notes: &[String]) -> String {
    let mut text = format!("# Made from {} by `hotspare import`.\n", one_line(files));
    for note in notes {
        let _a_string_takes_all = writeln!(text, "# not carried: {}", one_line(note));
    }
    text
}

/// In one line, so that it can stand in a comment too: TOML reads JSON's texts, with one character more escaped.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A list of texts.
pub(super) fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A key of a table: bare where that is possible.
pub(super) fn key(text: &str) -> String {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { text.to_owned() } else { quoted(text) }
}

/// Without line ends and control characters.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Names of a fleet file, each given once.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: BTreeSet<String>,
    /// The last number that was put behind a name: thousands may come to the same one.
    numbers: BTreeMap<String, u64>,
}

impl Names {
    /// Words that mean something else in a step.
    const TAKEN: [&str; 4] = ["spare", "failed", "console", "each"];

    /// The name that comes nearest to this one and is free.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        let mended: String = wanted.chars().map(fits).skip_while(|c| matches!(c, '-' | '.')).take(60).collect();
        let mended = if mended.is_empty() { "host".to_owned() } else { mended };
        let free = |name: &str| !Self::TAKEN.contains(&name) && !self.given.contains(name);
        let mut name = mended.clone();
        if !free(&name) {
            let number = self.numbers.entry(mended.clone()).or_insert(1);
            while !free(&name) {
                *number += 1;
                name = format!("{mended}-{number}");
            }
        }
        self.given.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mended_and_given_once() {
        let mut names = Names::default();
        let given = ["web 1", "web-1", "spare", "-.x", "é", ""].map(|wanted| names.give(wanted));
        assert_eq!(given, ["web-1", "web-1-2", "spare-2", "x", "host", "host-2"]);
        assert_eq!(
            ["host-4", "host", "host", "host"].map(|wanted| names.give(wanted)),
            ["host-4", "host-3", "host-5", "host-6"]
        );
        assert_eq!(names.give(&"a".repeat(99)).len(), 60);
    }

    #[test]
    fn values_stay_in_their_line() {
        assert_eq!(quoted("a\n\"\u{7f}"), "\"a\\n\\\"\\u007f\"");
        assert_eq!((key("a_b-1"), key("a.b")), ("a_b-1".into(), "\"a.b\"".into()));
        assert_eq!(one_line("a\r\nb"), "a  b");
    }
}
