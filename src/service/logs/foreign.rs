//! The door for logs of hosts: what the scripts that follow files print, cut anywhere, and the lines themselves.

use std::time::Duration;

use super::docker::Last;
use super::filter::Filter;
use super::frames::{Frame, Frames, Place, Word};
use super::intake::Intake;
use super::lines::{LONGEST, Lines};
use super::time::{self, Zone};
use super::{frames, view};
use crate::clock::Tick;
use crate::foreign::{assert_plain, cuts, kind};

/// However a connection cuts what comes, the same comes of it; what is kept of a line is bounded, and does nothing to a screen.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    match first % 3 {
        0 => all_the_same(rest, files),
        1 => {
            all_the_same(rest, lines);
            take(rest);
        }
        _ => filtered(rest),
    }
}

fn all_the_same<T: PartialEq + std::fmt::Debug>(bytes: &[u8], read: impl Fn(std::slice::Chunks<'_, u8>) -> T) {
    let mut ways = cuts(bytes).map(read);
    let whole = ways.next();
    for cut in ways {
        assert_eq!(Some(cut), whole);
    }
}

/// What a script said, with the bytes of each piece of a file put together again.
#[derive(Debug, PartialEq)]
enum Said {
    Frame(String),
    Bytes(usize, Vec<u8>),
}

fn files(pieces: std::slice::Chunks<'_, u8>) -> (Vec<Said>, bool) {
    let (mut said, mut frames) = (Vec::new(), Frames::default());
    for piece in pieces {
        let fed = frames.feed(piece, &mut |frame| match frame {
            Frame::Bytes(file, bytes) => match said.last_mut() {
                Some(Said::Bytes(before, kept)) if *before == file => kept.extend_from_slice(bytes),
                _ => said.push(Said::Bytes(file, bytes.to_vec())),
            },
            Frame::Zone(ahead) => {
                let _sooner = time::of(b"2026-11-21 14:02:11", Zone { ahead, now: 0 });
                said.push(Said::Frame(format!("{frame:?}")));
            }
            Frame::Word(_, Word::Folder(ref names)) => {
                assert!(names.iter().all(|name| !name.contains('/')));
                said.push(Said::Frame(format!("{frame:?}")));
            }
            Frame::Begin(_, Place { mut at, .. }) => {
                super::files::forward(&mut at, 1 << 20);
                said.push(Said::Frame(format!("{frame:?}")));
            }
            other => said.push(Said::Frame(format!("{other:?}"))),
        });
        if let Err(garbled) = fed {
            assert_plain(&garbled.to_string());
            return (said, true);
        }
    }
    (said, false)
}

fn lines(pieces: std::slice::Chunks<'_, u8>) -> Vec<Vec<u8>> {
    let (mut found, mut lines) = (Vec::new(), Lines::default());
    for piece in pieces {
        lines.feed(piece, &mut |line| found.push(line.to_vec()));
    }
    lines.end(&mut |line| found.push(line.to_vec()));
    found
}

/// Through everything on the way to a reader, from two sources.
fn take(bytes: &[u8]) {
    let mut last = Last::default();
    let mut intake = Intake::new(2, 1, Tick::default(), 1_795_000_000_000);
    for (number, piece) in bytes.chunks(97).enumerate() {
        intake.at(Tick::at(Duration::from_millis(number as u64 * 100)));
        intake.bytes(number % 2, piece);
        intake.pulse(1_795_000_000_000);
        intake.go_on();
    }
    for line in lines(bytes.chunks(bytes.len().max(1))) {
        assert!(line.len() <= LONGEST + 40);
        assert_plain(&view::shown(&line));
        let text = String::from_utf8_lossy(&line).into_owned();
        let ahead = frames::ahead(&text);
        assert!(ahead.abs() <= 100 * 3_600_000, "{ahead}");
        let _moment = time::of(&line, Zone { ahead, now: 1_795_000_000_000 });
        let _read_before = last.fresh(&line);
    }
}

/// A filter lets through what holds its words, whatever it is written in.
fn filtered(bytes: &[u8]) {
    let (words, line) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let words = String::from_utf8_lossy(words);
    let passes = Filter::new(&words).passes(line);
    let text = String::from_utf8_lossy(line).to_lowercase();
    // Only where upper and lower case are a matter of ASCII both ways lead to the same.
    if words.is_ascii() && line.is_ascii() {
        let holds = |word: &str| match word.strip_prefix('!') {
            Some(word) => word.is_empty() || !text.contains(&word.to_lowercase()),
            None => text.contains(&word.to_lowercase()),
        };
        assert_eq!(passes, words.split_whitespace().all(holds));
    }
}
