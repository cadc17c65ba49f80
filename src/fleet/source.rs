//! The text of a fleet file: where a byte lies, and how a piece of it is shown without showing a secret.
//!
//! A secret is found in two ways, because a broken file must not show one either: by the values that were parsed
//! (`protect`), and by looking at the shown line itself (`://user:…@`, `password = "…"`).

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diagnostic::Excerpt;

/// Longest line shown as an excerpt, in characters.
const EXCERPT: usize = 110;
/// Longest offending text shown, in characters.
const TEXT: usize = 60;
/// What stands for a secret, whatever its length.
const MASK: &str = "***";

/// The text of one fleet file.
#[derive(Debug)]
pub(super) struct Source<'a> {
    path: PathBuf,
    text: &'a str,
    starts: Vec<usize>,
    secrets: Vec<Range<usize>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &Path, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.into(), text, starts, secrets: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Never shows this piece.
    pub(super) fn protect(&mut self, span: Range<usize>) {
        self.secrets.push(span);
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line_of(at);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..at).map_or(0, |piece| piece.chars().count());
        (line + 1, before + 1)
    }

    /// The piece as it may be shown: masked, its first line, not too long.
    pub(super) fn shown(&self, span: Range<usize>) -> String {
        let line = self.line_of(span.start);
        let end = span.end.min(self.line_end(line));
        let cells = self.cells(line, span.start..end.max(span.start));
        let mut text: String = cells.iter().take(TEXT).map(|cell| cell.shown).collect();
        if cells.len() > TEXT || span.end > self.line_end(line) + 1 {
            text.push('…');
        }
        text
    }

    /// The line around the piece with the place of the marker.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> Option<Excerpt> {
        let line = self.line_of(span.start);
        let whole = *self.starts.get(line)?..self.line_end(line);
        // Far from the marker a long line is not even looked at.
        let near = self.char_floor(span.start.saturating_sub(4 * EXCERPT)).max(whole.start);
        let far = self.char_floor(span.start.saturating_add(4 * EXCERPT)).min(whole.end).max(near);
        let cells = self.cells(line, near..far);
        let from = cells.iter().take_while(|cell| cell.at < span.start).count();
        let marked = cells.iter().skip(from).take_while(|cell| cell.at < span.end).count().max(1);
        let skip = if cells.len() > EXCERPT { from.saturating_sub(EXCERPT / 3) } else { 0 };
        let mut text: String = cells.iter().skip(skip).take(EXCERPT).map(|cell| cell.shown).collect();
        let mut before = from - skip;
        if near > whole.start || skip > 0 {
            text.insert(0, '…');
            before += 1;
        }
        if cells.len() > skip + EXCERPT || far < whole.end {
            text.push('…');
        }
        let text = text.trim_end().to_owned();
        let length = marked.min(EXCERPT.saturating_sub(before).max(1));
        Some(Excerpt { line: text, before, length })
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn line_end(&self, line: usize) -> usize {
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        // The carriage return of a file from Windows belongs to the end of its line.
        end - usize::from(end > 0 && self.text.as_bytes().get(end - 1) == Some(&b'\r'))
    }

    fn char_floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The characters of a part of a line, secrets replaced by the mask.
    fn cells(&self, line: usize, part: Range<usize>) -> Vec<Cell> {
        let start = self.starts.get(line).copied().unwrap_or(0);
        // Secrets are looked for in a bounded neighbourhood, so that a line of a megabyte costs no more than another.
        let from = self.char_floor(part.start.saturating_sub(1024)).max(start);
        let to = self.char_floor(part.end.saturating_add(1024)).min(self.line_end(line));
        let mut hidden: Vec<Range<usize>> = self
            .text
            .get(from..to)
            .map(secrets_in)
            .unwrap_or_default()
            .into_iter()
            .map(|found| found.start + from..found.end + from)
            .collect();
        hidden.extend(self.secrets.iter().filter(|span| span.start < part.end && part.start < span.end).cloned());
        let mut cells = Vec::new();
        let mut masked: Option<usize> = None;
        let Some(text) = self.text.get(part.clone()) else { return cells };
        for (offset, shown) in text.char_indices() {
            let at = part.start + offset;
            match hidden.iter().position(|span| span.contains(&at)) {
                Some(which) if masked == Some(which) => {}
                Some(which) => {
                    masked = Some(which);
                    cells.extend(MASK.chars().map(|shown| Cell { at, shown }));
                }
                None => {
                    masked = None;
                    cells.push(Cell { at, shown: visible(shown) });
                }
            }
        }
        cells
    }
}

/// One shown character and the byte of the file it stands for.
struct Cell {
    at: usize,
    shown: char,
}

/// A character that can do nothing to a terminal.
fn visible(char: char) -> char {
    match char {
        '\t' => ' ',
        char if char.is_control() || ('\u{202a}'..='\u{202e}').contains(&char) => '\u{fffd}',
        char => char,
    }
}

/// A text made safe to show: passwords of urls masked, control characters replaced.
pub(super) fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let hidden = secrets_in(text);
    let mut last: Option<usize> = None;
    for (at, char) in text.char_indices() {
        let within = hidden.iter().position(|span| span.contains(&at));
        match within {
            None => out.push(visible(char)),
            Some(_) if within == last => {}
            Some(_) => out.push_str(MASK),
        }
        last = within;
    }
    out
}

/// Whether a key of this name holds a secret itself (and does not say where one is).
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pass", "pwd", "pasw", "secr", "secer", "token", "signing"].iter().any(|part| key.contains(part))
        && !["_file", "_env", "_command", "_credential"].iter().any(|end| key.ends_with(end))
}

/// The pieces of a text that look like secrets.
fn secrets_in(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let authority = at + 3;
        let Some(rest) = text.get(authority..) else { continue };
        let end = rest.find(['"', '\'', ' ', '`']).unwrap_or(rest.len());
        let Some(piece) = rest.get(..end) else { continue };
        if let (Some(colon), Some(sign)) = (piece.find(':'), piece.rfind('@'))
            && colon + 1 < sign
        {
            found.push(authority + colon + 1..authority + sign);
        }
    }
    let mut from = 0;
    while let Some(equals) = text.get(from..).and_then(|rest| rest.find('=')).map(|at| at + from) {
        from = equals + 1;
        let key = text.get(..equals).unwrap_or_default().trim_end().trim_end_matches(['"', '\'']);
        let begin = key.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |at| at + 1);
        if !key.get(begin..).is_some_and(names_a_secret) {
            continue;
        }
        let Some(rest) = text.get(from..) else { continue };
        let value = from + (rest.len() - rest.trim_start().len());
        let Some(quote) = text.get(value..).and_then(|rest| rest.chars().next()) else { continue };
        let end = match quote {
            '"' | '\'' => {
                let inner = value + 1;
                text.get(inner..).and_then(|rest| rest.find(quote)).map_or(text.len(), |at| inner + at)
            }
            _ => text.get(value..).and_then(|rest| rest.find([',', '}'])).map_or(text.len(), |at| value + at),
        };
        let begin = if matches!(quote, '"' | '\'') { value + 1 } else { value };
        if begin < end {
            found.push(begin..end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new(Path::new("f"), "ä = 1\nüü = x\n");
        let at = "ä = 1\nüü = ".len();
        assert_eq!(source.position(at), (2, 6));
        assert_eq!(source.position(0), (1, 1));
    }

    #[test]
    fn secrets_are_masked_whatever_their_length() {
        assert_eq!(masked("mysql://a:hunter2@h/ and http://h:80/x"), "mysql://a:***@h/ and http://h:80/x");
        for line in [
            "password = \"hunter2\"",
            "pasword = 'hunter2'",
            "{ url = \"mysql://u:hunter2@h/\", password=\"hunter2\" }",
            "password = hunter2",
            "url = \"mysql://u:hun/ter@hunter2@h",
            "\"token\" = \"hunter2",
        ] {
            let source = Source::new(Path::new("f"), line);
            let shown = source.excerpt(&(0..3)).map(|excerpt| excerpt.line).unwrap_or_default();
            assert!(!shown.contains("hunter2") && shown.contains(MASK), "{shown}");
        }
        assert_eq!(masked("password_file = \"db.pass\""), "password_file = \"db.pass\"");
    }

    #[test]
    fn the_marker_stands_under_the_text_behind_a_mask() {
        let line = "{ url = \"mysql://u:averylongpassword@h/\", prot = 3 }";
        let source = Source::new(Path::new("f"), line);
        let at = line.find("prot").unwrap();
        let excerpt = source.excerpt(&(at..at + 4)).unwrap();
        let marked: String = excerpt.line.chars().skip(excerpt.before).take(excerpt.length).collect();
        assert_eq!(marked, "prot");
    }

    #[test]
    fn lines_may_end_as_on_windows() {
        let source = Source::new(Path::new("f"), "a = 1\r\n\r\nb = 2\r\n");
        assert_eq!(source.excerpt(&(9..10)).map(|excerpt| excerpt.line), Some("b = 2".into()));
        assert_eq!((source.position(9), source.shown(0..9)), ((3, 1), "a = 1…".into()));
        assert_eq!(source.excerpt(&(7..8)).map(|excerpt| excerpt.line), Some(String::new()));
    }

    #[test]
    fn long_lines_are_cut_around_the_marker() {
        let line = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let source = Source::new(Path::new("f"), &line);
        let excerpt = source.excerpt(&(5000..5004)).unwrap();
        let marked: String = excerpt.line.chars().skip(excerpt.before).take(excerpt.length).collect();
        assert_eq!(marked, "HERE");
        assert!(excerpt.line.chars().count() <= EXCERPT + 2);
    }
}
