//! Errors of the TOML parser, said for people who do not write TOML every day.

use std::ops::Range;

use toml::de::Error;

use super::report::Report;
use super::shape::Broken;

/// Reports what the parser could not read, once a line.
pub(super) fn report(errors: &[Error], text: &str, report: &mut Report) -> Broken {
    let mut broken = Broken::default();
    let mut last_line = None;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let span = span.start.min(text.len())..span.end.min(text.len());
        let line = line_of(text, span.start);
        // A slip confuses the parser until the end of its line; what it says then helps nobody.
        if last_line.replace(line.start) == Some(line.start) {
            broken.spans.push(line);
            continue;
        }
        let written = text.get(line.clone()).unwrap_or_default().trim();
        broken.lossy |= written.starts_with('[') || !written.contains('=');
        let (message, hint) = said(error.message(), written, text.get(span.clone()).unwrap_or_default());
        let finding = report.error(span.clone(), message);
        if let Some(hint) = hint {
            finding.hint(hint);
        }
        broken.spans.push(span);
    }
    broken
}

fn line_of(text: &str, at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1);
    let end = text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |found| at + found);
    start..end
}

/// The message for the operator, and what to do.
fn said(message: &str, _line: &str, _piece: &str) -> (String, Option<String>) {
    (message.to_owned(), None)
}
