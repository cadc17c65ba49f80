//! What a source deletes: rows that were never carried, and how long it is until that happens. Pure.
//!
//! A source deletes its oldest rows, at a start or by night. Nobody tells how old they may become: it is learned from what
//! was seen to disappear. Only the front is watched; a row that is deleted in the midst of others is not missed.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::value::Place;
use crate::reach::plain;

/// Times at which rows disappeared that are remembered.
const EVENTS: usize = 7;
/// It is warned when the oldest row that waits has so much of the age at which rows disappear.
const SHARE: f64 = 0.8;

/// What was seen of the front of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Retention {
    /// The front at the last look, how many rows waited, and when that was.
    last: Option<(Place, u64, Timestamp)>,
    /// Rows before this that were lost are counted.
    counted: Option<Place>,
    /// How old the oldest row was that was left, each time when rows had disappeared; seconds.
    left: VecDeque<u64>,
}

/// A look at one table, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Front<'a> {
    /// The first place of the table; `None`: it is empty.
    pub first: Option<&'a Place>,
    /// The time of the row there, where it can be read.
    pub time: Option<Timestamp>,
    /// Up to here rows were carried; `None`: none was.
    pub mark: Option<&'a Place>,
    /// Rows after it.
    pub waiting: u64,
    /// The time of the first of them, where it can be read.
    pub oldest: Option<Timestamp>,
    /// When it was looked.
    pub now: Timestamp,
}

/// Rows that the source deleted before they were carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// There were not more than so many.
    pub at_most: u64,
    /// They were there at this time; `None`: nobody looked before.
    pub since: Option<Timestamp>,
}

/// Rows that it will delete before long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soon {
    /// How old the oldest row is that waits.
    pub age: Duration,
    /// How old rows become there.
    pub kept: Duration,
}

impl Retention {
    /// Takes note of a look: what was lost since the last one, and what will be.
    pub fn looked(&mut self, front: Front<'_>) -> (Option<Lost>, Option<Soon>) {
        let Some(first) = front.first else {
            // An empty table tells nothing: what it held last is still compared with what comes next.
            return (None, None);
        };
        let was = self.last.replace((first.clone(), front.waiting, front.now));
        if was.as_ref().is_some_and(|(was, ..)| first < was) {
            // Put back, or another file: it is carried again from its beginning.
            *self = Self { last: self.last.take(), left: std::mem::take(&mut self.left), ..Self::default() };
            return (None, self.soon(front));
        }
        let moved = was.as_ref().is_some_and(|(was, ..)| first > was);
        if let (true, Some(time)) = (moved, front.time) {
            if self.left.len() == EVENTS {
                self.left.pop_front();
            }
            self.left.push_back(since(time, front.now).as_secs());
        }
        (self.lost(first, front.mark, was), self.soon(front))
    }

    /// How old rows become at the source, as far as that was seen.
    pub fn kept(&self) -> Option<Duration> {
        let mut left: Vec<u64> = self.left.iter().copied().collect();
        left.sort_unstable();
        // In the middle: somebody who deletes by hand once does not move it.
        left.get(left.len().saturating_sub(1) / 2).map(|seconds| Duration::from_secs(*seconds))
    }

    fn lost(&mut self, first: &Place, mark: Option<&Place>, was: Option<(Place, u64, Timestamp)>) -> Option<Lost> {
        if mark.is_some_and(|mark| first <= mark) || self.counted.as_ref().is_some_and(|counted| first <= counted) {
            return None;
        }
        // Up to here rows are known not to be lost, or lost and counted.
        let known =
            [mark.cloned(), self.counted.clone().map(before), was.as_ref().map(|(was, ..)| before(was.clone()))];
        let known = known.into_iter().flatten().max()?;
        let at_most = match (first, &known) {
            (Place::Number(first), Place::Number(known)) => first.saturating_sub(1).abs_diff(*known),
            // Between two texts nobody knows how many there may be: those that waited.
            _ => was.as_ref().filter(|(was, ..)| first > was).map_or(0, |(_, waiting, _)| *waiting),
        };
        (at_most > 0).then(|| {
            self.counted = Some(first.clone());
            Lost { at_most, since: was.map(|(_, _, at)| at) }
        })
    }

    fn soon(&self, front: Front<'_>) -> Option<Soon> {
        let kept = self.kept().filter(|_kept| front.waiting > 0)?;
        let age = since(front.oldest?, front.now);
        (age > kept.mul_f64(SHARE)).then_some(Soon { age, kept })
    }
}

/// The place before this one, where that is known.
fn before(place: Place) -> Place {
    match place {
        Place::Number(number) => Place::Number(number.saturating_sub(1)),
        text @ Place::Text(_) => text,
    }
}

fn since(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or_default()
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the source has deleted rows before they were carried, {} at most", self.at_most)?;
        match self.since {
            Some(since) => write!(f, ", since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => f.write_str(", while nobody looked"),
        }
    }
}

impl fmt::Display for Soon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (age, kept) = (plain::time(rounded(self.age)), plain::time(rounded(self.kept)));
        write!(
            f,
            "rows that wait will be deleted at the source: the oldest is {age} old, and rows were seen to go at {kept}"
        )
    }
}

/// In a unit of which there are a few.
fn rounded(time: Duration) -> Duration {
    let seconds = time.as_secs();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| seconds >= unit * 2).unwrap_or(1);
    Duration::from_secs(seconds / unit * unit)
}

#[cfg(test)]
mod tests;
