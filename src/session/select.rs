//! Which rows of a store a face asked for, and in which order. Pure, and quick enough for a hundred thousand rows while
//! somebody types: every row is searched and ordered by what was made of it beforehand.
//!
//! A filter is words, all of which the row must hold as its table shows them: a participant, a day in either spelling,
//! `safe`, `wrong`, `imported`, `copied`, `verified`, `busy`, `orphan`, what is wrong or goes on. `!` before a word excludes.

use std::cmp::Reverse;
use std::sync::Arc;

use memchr::memmem::Finder;

use super::key::Key;
use super::view::{Ask, MOST_ROWS, Sort, Totals};
use crate::clock::Timestamp;

/// What filtering and ordering need of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which session.
    pub key: Key,
    /// Its text, in lower case.
    pub text: Box<str>,
    /// Whether it lies on this computer's disk.
    pub on_disk: bool,
    /// Files there.
    pub files: u32,
    /// Bytes: there, or else of its largest copy.
    pub bytes: u64,
    /// Last change there, or else of its copies.
    pub changed: Option<Timestamp>,
    /// When the copy was verified that was verified longest ago; `None`: one never was.
    pub verified: Option<Timestamp>,
    /// Whether it may be deleted here.
    pub safe: bool,
    /// Whether it needs a person.
    pub wrong: bool,
    /// Whether something goes on with it.
    pub busy: bool,
}

impl Line {
    /// Adds it to sums.
    pub fn add_to(&self, totals: &mut Totals) {
        totals.sessions += 1;
        totals.wrong += u64::from(self.wrong);
        if self.on_disk {
            totals.on_disk += 1;
            totals.files += u64::from(self.files);
            totals.bytes += self.bytes;
        }
        if self.safe {
            totals.safe += 1;
            totals.safe_bytes += self.bytes;
        }
    }

    /// Takes it out of sums that hold it.
    pub fn take_from(&self, totals: &mut Totals) {
        let mut own = Totals::default();
        self.add_to(&mut own);
        totals.sessions -= own.sessions;
        totals.wrong -= own.wrong;
        totals.on_disk -= own.on_disk;
        totals.files -= own.files;
        totals.bytes -= own.bytes;
        totals.safe -= own.safe;
        totals.safe_bytes -= own.safe_bytes;
    }
}

/// Rows in an order, and their sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Positions of the rows that match, in the order asked for.
    pub order: Vec<u32>,
    /// Sums over them.
    pub totals: Totals,
}

/// The rows that match what was asked, in its order. `lines` are in the order of their keys.
pub fn select(lines: &[Arc<Line>], ask: &Ask) -> Selection {
    let filter = Words::new(&ask.filter);
    let mut chosen = Selection::default();
    for (position, line) in lines.iter().enumerate() {
        if filter.hold(&line.text) && wanted(line, ask) {
            line.add_to(&mut chosen.totals);
            chosen.order.push(u32::try_from(position).unwrap_or(u32::MAX));
        }
    }
    sort(lines, &mut chosen.order, ask.sort);
    if ask.reversed {
        chosen.order.reverse();
    }
    chosen
}

/// The part of a selection that a window shows: from, to.
pub fn window(lines: &[Arc<Line>], selection: &Selection, ask: &Ask) -> (usize, usize) {
    let length = selection.order.len();
    let limit = usize::try_from(ask.limit.min(MOST_ROWS)).unwrap_or(usize::MAX);
    let asked = usize::try_from(ask.offset).unwrap_or(usize::MAX);
    let around = ask.at.as_ref().and_then(|key| {
        let at = lines.binary_search_by(|line| line.key.cmp(key)).ok()?;
        let stands = selection.order.iter().position(|position| *position as usize == at)?;
        Some(stands.saturating_sub(limit / 2))
    });
    // A window is full as long as there are rows to fill it.
    let from = around.unwrap_or(asked).min(length.saturating_sub(limit));
    (from, length.min(from + limit))
}

fn wanted(line: &Line, ask: &Ask) -> bool {
    ask.from.is_none_or(|from| line.key.date >= from)
        && ask.to.is_none_or(|to| line.key.date <= to)
        && ask.participant.as_ref().is_none_or(|participant| *participant == line.key.participant)
        && (!ask.safe || line.safe)
}

/// Sorts positions. They come in the order of keys, oldest first, and each order falls back to the newest first, then the
/// participant: so they are brought into that order once, and the rest is a stable sort by small keys.
fn sort(lines: &[Arc<Line>], order: &mut [u32], by: Sort) {
    newest_first(lines, order);
    let line = |position: &u32| lines.get(*position as usize);
    match by {
        Sort::Date => {}
        Sort::Trouble => order.sort_by_cached_key(|at| line(at).map_or((true, true), |line| (!line.busy, !line.wrong))),
        Sort::Size => order.sort_by_cached_key(|at| line(at).map_or(Reverse(0), |line| Reverse(line.bytes))),
        Sort::Safe => {
            let key = |line: &Arc<Line>| (!line.safe, Reverse(line.bytes));
            order.sort_by_cached_key(|at| line(at).map(key));
        }
        Sort::Verified => order.sort_by_cached_key(|at| line(at).and_then(|line| line.verified)),
        Sort::Changed => order.sort_by_cached_key(|at| Reverse(line(at).and_then(|line| line.changed))),
        // Most names end within their first bytes, which lie at hand.
        Sort::Participant => order.sort_by_cached_key(|at| {
            let name = line(at).map_or("", |line| line.key.participant.as_str());
            let mut first = [0; 16];
            first.iter_mut().zip(name.bytes()).for_each(|(to, byte)| *to = byte);
            // No name holds a NUL, so a short one stands before each that goes on.
            (u128::from_be_bytes(first), name.as_bytes().get(first.len()..).unwrap_or_default())
        }),
    }
}

/// From the order of keys to the newest day first, participants of a day still in their order.
fn newest_first(lines: &[Arc<Line>], order: &mut [u32]) {
    order.reverse();
    let date = |position: &u32| lines.get(*position as usize).map(|line| line.key.date);
    order.chunk_by_mut(|one, other| date(one) == date(other)).for_each(<[u32]>::reverse);
}

/// The words of a filter, ready to be looked for in many texts.
struct Words {
    held: Vec<Finder<'static>>,
    excluded: Vec<Finder<'static>>,
}

impl Words {
    fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let (excluded, held): (Vec<&str>, Vec<&str>) = lower.split_whitespace().partition(|word| word.starts_with('!'));
        let finder = |word: &str| Finder::new(word).into_owned();
        let excluded = excluded.into_iter().filter_map(|word| word.strip_prefix('!')).filter(|word| !word.is_empty());
        Self { held: held.into_iter().map(finder).collect(), excluded: excluded.map(finder).collect() }
    }

    fn hold(&self, text: &str) -> bool {
        let holds = |word: &Finder<'_>| word.find(text.as_bytes()).is_some();
        self.held.iter().all(holds) && !self.excluded.iter().any(holds)
    }
}

#[cfg(test)]
mod tests;
