//! Errors of the TOML parser, said for people who do not write TOML every day.

use std::ops::Range;

use toml::de::Error;

use super::report::Report;
use super::shape::Broken;
use super::source::names_a_secret;

/// So many errors of the parser are looked at; a text with more is not TOML.
const MOST: usize = 1000;
/// Quotes as they are printed in books; word processors and chats make them of plain ones.
const TYPOGRAPHIC: [char; 11] = ['“', '”', '„', '‟', '«', '»', '‘', '’', '‚', '‹', '›'];

/// Reports what the parser could not read, once a line.
pub(super) fn report(errors: &[Error], text: &str, report: &mut Report) -> Broken {
    let mut broken = Broken::default();
    let mut last_line = None;
    // The end of the last line that is known to belong to a table that is there twice.
    let mut twice: Option<usize> = None;
    for (at, error) in errors.iter().enumerate() {
        if at == MOST {
            broken.lossy = true;
            break;
        }
        let span = error.span().unwrap_or(0..0);
        let span = span.start.min(text.len())..span.end.min(text.len());
        // A slip confuses the parser until the end of its line; what it says then helps nobody.
        if last_line.as_ref().is_some_and(|line: &Range<usize>| line.start <= span.start && span.start <= line.end) {
            broken.spans.push(span);
            continue;
        }
        let line = line_of(text, span.start);
        let written = text.get(line.clone()).unwrap_or_default().trim();
        let header = written.starts_with('[');
        let duplicate = error.message().contains("duplicate key");
        // Where a whole table is there twice, so are its keys.
        twice = twice.filter(|end| !has_header(text, *end..line.start)).map(|_| line.end);
        if duplicate && !header && twice.is_some() {
            broken.spans.push(span);
            continue;
        }
        if duplicate && header {
            twice = Some(line.end);
        }
        broken.lossy |= !duplicate && (header || !written.contains('='));
        let said = say(error.message(), written, text.get(span.clone()).unwrap_or_default());
        let finding = report.error(span.clone(), said.message);
        if let Some(hint) = said.hint {
            finding.hint(hint);
        }
        if let Some(meant) = said.meant {
            finding.mean(meant);
        }
        broken.spans.push(span);
        last_line = Some(line);
    }
    broken
}

fn line_of(text: &str, at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1);
    let end = text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |found| at + found);
    start..end
}

fn has_header(text: &str, part: Range<usize>) -> bool {
    text.get(part).is_some_and(|part| part.lines().any(|line| line.trim_start().starts_with('[')))
}

/// A message for the operator.
struct Said {
    message: String,
    hint: Option<String>,
    meant: Option<String>,
}

/// The parser's words in those of the operator. `line` is the line as written, `piece` what the parser points at.
fn say(message: &str, line: &str, piece: &str) -> Said {
    let said = |message: &str, hint: &str| Said {
        message: message.into(),
        hint: (!hint.is_empty()).then(|| hint.into()),
        meant: None,
    };
    let any = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    let value = line.split_once('=').map_or("", |(_key, value)| value.trim_start());
    let typographic = |text: &str| text.chars().next().filter(|first| TYPOGRAPHIC.contains(first));
    if let Some(quote) = typographic(piece).or_else(|| typographic(value)) {
        Said {
            meant: plain_quoted(line),
            ..said(&format!("`{quote}` is a typographic quote: a text stands in plain ones, `\"` or `'`"), "")
        }
    } else if any(&["duplicate key"]) {
        let name = piece.trim_matches(['"', '\'']);
        said(&format!("`{name}` is there twice"), "keep one of the two")
    } else if any(&["unclosed table", "unclosed array table"]) {
        said("a header that is not closed: its `]` is missing", "such as [hosts.studio-1]")
    } else if any(&["key with no value"]) {
        said("a key without a value: the `=` is missing", "such as address = \"10.77.0.11\"")
    } else if any(&["between array elements", "between key-value pairs", "missing comma"]) {
        said("a comma is missing between two values", "")
    } else if any(&["escape"]) {
        said(
            "a backslash means something else in double quotes",
            "write it twice, or put the text into 'single quotes'",
        )
    } else if any(&["invalid basic string", "invalid literal string", "invalid multi-line"]) {
        said("a text that is not closed: its quote is missing", "")
    } else if any(&[
        "must be quoted",
        "invalid boolean",
        "invalid null",
        "invalid integer",
        "invalid float",
        "invalid number",
    ]) {
        Said { meant: quoted(line), ..said("a text must stand in quotes", "") }
    } else if any(&["recursion limit"]) {
        said("tables or lists are nested too deeply", "")
    } else {
        Said {
            hint: Some("the file is TOML: https://toml.io".into()),
            ..said(&format!("this is not TOML: {message}"), "")
        }
    }
}

/// The value of a line in typographic quotes, in plain ones; not where it may be a secret.
fn plain_quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim_start().strip_prefix(TYPOGRAPHIC)?;
    let (text, rest) = value.split_at(value.find(TYPOGRAPHIC)?);
    let rest = rest.trim_start_matches(TYPOGRAPHIC).trim_start();
    let whole = (rest.is_empty() || rest.starts_with('#')) && !text.contains(['"', '\\']);
    (whole && !names_a_secret(key.trim())).then(|| format!("\"{text}\""))
}

/// The value of a line that lacks its quotes, with them; not where it may be a secret.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let value = value.split(" #").next()?.trim();
    let plain = value.chars().all(|c| c.is_alphanumeric() || ".-_/:%@".contains(c)) && !value.contains("://");
    (plain && !value.is_empty() && !names_a_secret(key.trim())).then(|| format!("\"{value}\""))
}
