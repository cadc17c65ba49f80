//! What a reader asks of a log, and what it gets.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A window of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// A service, a host (the logs of all its services), or `HOST:PATH`.
    pub of: String,
    /// Only lines with a greater number than this, the oldest of them first; `None`: the newest lines.
    pub after: Option<u64>,
    /// At most so many; of the newest lines, without what hotspare says between them.
    pub limit: u32,
    /// Words that a line must have, or after a `!` must not have.
    pub filter: String,
    /// Not before this time, as far as lines say one.
    pub since: Option<Timestamp>,
    /// How long to wait for a line, milliseconds.
    pub wait: u32,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The lines, oldest first.
    pub rows: Vec<Row>,
    /// What was looked through so far: what to write into `after` next.
    pub next: u64,
    /// So many lines came and went before this reader asked for them.
    pub passed: u64,
    /// Every source was read up to its end.
    pub whole: bool,
    /// Where the lines come from, in the order of the fleet file.
    pub sources: Vec<SourceView>,
    /// Bytes a second that come in.
    pub rate: f64,
}

/// One source of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Its name on screens: as short as it may be told from the others.
    pub name: String,
    /// Host it is on.
    pub host: String,
    /// The whole path, or `docker NAME`.
    pub place: String,
    /// Why it is not read now.
    pub trouble: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// When it was written, as far as it says so, or the lines before it.
    pub time: Option<Timestamp>,
    /// Position of its source; `None`: hotspare says it, such as that lines may be missing.
    pub source: Option<u16>,
    /// Its text, without what could do something to a terminal.
    pub text: String,
}

/// The text of a line for a screen: without colours, and without what could do something to a terminal.
pub fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = if text.contains('\u{1b}') { without_colours(&text).into() } else { text };
    crate::reach::plain::harmless(&text).replace('\n', "\u{fffd}")
}

/// Takes out control sequences (ECMA-48: ESC, `[`, parameters, one final byte from `@` to `~`): those of colours are the only
/// ones that a log has for a good reason.
fn without_colours(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sequence)) = rest.split_once("\u{1b}[") {
        kept.push_str(before);
        rest = sequence.find(|end| ('@'..='~').contains(&end)).and_then(|end| sequence.get(end + 1..)).unwrap_or("");
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_nothing_moves_a_terminal() {
        assert_eq!(
            shown(b"\x1b[1;31mERROR\x1b[0m of \x1b]52;c;aGk=\x07x\ty\xff"),
            "ERROR of \u{fffd}]52;c;aGk=\u{fffd}x y\u{fffd}"
        );
        assert_eq!(shown("größe\u{202e}".as_bytes()), "größe\u{fffd}");
        assert_eq!(shown(b"\x1b["), "");
    }
}
