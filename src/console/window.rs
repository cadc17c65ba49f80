//! The window: those rows of a store's sessions that are here, around where the person looks.
//!
//! The engine keeps all rows, chooses and sorts them. What is here stays on the screen until newer rows have come; of
//! several questions only the newest one's answer counts.

mod marks;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::time::Duration;

pub use marks::Amount;
use marks::Gather;

use crate::clock::Timestamp;
use crate::session::view::{Ask, MOST_ROWS, Rows, SessionRow, Sort};

/// The most sessions that one request names: with long names it still fits what the engine's socket takes.
pub const MOST_NAMED: usize = 5_000;

/// Screens of rows that are asked for at once.
const SCREENS: usize = 5;
/// The fewest rows that are asked for, for screens of a few lines and before the first frame.
const FEWEST: usize = 100;
/// Rows that have changed are asked for again at most this often, and so is what was refused.
const EVERY: Duration = Duration::from_millis(300);
/// After a refusal.
const AGAIN: Duration = Duration::from_secs(3);

/// What the person looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which rows and in which order; its window is not looked at.
    pub ask: Ask,
    /// The positions on the screen.
    pub visible: Range<usize>,
    /// What the selected row is known by.
    pub selected: Option<String>,
    /// The version of the rows that the engine has.
    pub version: u64,
    /// The picture stands still: only rows that are missing are asked for.
    pub frozen: bool,
}

/// Rows that have come.
#[derive(Debug, Clone)]
struct Held {
    ask: Ask,
    rows: Rows,
    index: HashMap<String, usize>,
}

/// The window.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// The store whose sessions are shown; `None`: the first.
    pub store: Option<String>,
    held: Option<Held>,
    /// Grows with each window that came.
    edition: u64,
    waiting: Option<Ask>,
    asked: Option<Timestamp>,
    refused: Option<(Timestamp, String)>,
    /// What is here is another engine's, or another store's.
    stale: bool,
    gather: Option<Gather>,
    /// Files and bytes of sessions that were marked, which may be far from here now.
    marked: HashMap<String, (u64, u64)>,
}

/// What an answer was good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Nothing: it is the answer to an old question.
    Nothing,
    /// Rows to see.
    Rows,
    /// These are all that match.
    All(BTreeSet<String>),
}

impl Window {
    /// How many rows match; `None`: nothing has come yet.
    pub fn matching(&self) -> Option<usize> {
        self.held.as_ref().map(|held| usize::try_from(held.rows.matching).unwrap_or(usize::MAX))
    }

    /// The row at this position among those that match, where it is here.
    pub fn row(&self, position: usize) -> Option<&SessionRow> {
        let held = self.held.as_ref()?;
        let first = usize::try_from(held.rows.offset).ok()?;
        held.rows.rows.get(position.checked_sub(first)?)
    }

    /// The position of the session with this key, where it is here.
    pub fn find(&self, key: &str) -> Option<usize> {
        let held = self.held.as_ref()?;
        let first = usize::try_from(held.rows.offset).ok()?;
        held.index.get(key).map(|index| first + index)
    }

    /// Every row that is here.
    pub fn rows(&self) -> &[SessionRow] {
        self.held.as_ref().map_or(&[], |held| &held.rows.rows)
    }

    /// Grows with each window that came.
    pub const fn edition(&self) -> u64 {
        self.edition
    }

    /// Why rows could not be had.
    pub fn problem(&self) -> Option<&str> {
        self.refused.as_ref().map(|(_, why)| why.as_str())
    }

    /// Whether what is here is not what was asked for last: other words, another order.
    pub fn behind(&self, ask: &Ask) -> bool {
        self.held.as_ref().is_none_or(|held| !same_rows(&held.ask, ask))
    }

    /// Another engine answers from now on: its numbers begin anew.
    pub fn forget_versions(&mut self) {
        self.stale = true;
        self.waiting = None;
        self.gather = None;
    }

    /// Shows another store.
    pub fn choose(&mut self, store: String) {
        *self = Self { store: Some(store), edition: self.edition + 1, ..Self::default() };
    }

    /// The next question, where one is needed now.
    pub fn next(&mut self, wish: &Wish, now: Timestamp) -> Option<Ask> {
        // Other words or another order: all of what was shown is no longer what is shown.
        self.gather = self.gather.take().filter(|gather| same_rows(&gather.ask, &wish.ask));
        if let Some(gather) = self.gather.as_mut().filter(|gather| !gather.sent) {
            gather.sent = true;
            return Some(gather.ask.clone());
        }
        let behind = self.behind(&wish.ask);
        let old = self.old(wish);
        if let Some(waiting) = &self.waiting {
            if same_rows(waiting, &wish.ask) && (waiting.at.is_some() || covers(waiting, &wish.visible)) {
                return None;
            }
        } else {
            let soon = self.since_asked(now).is_some_and(|since| since < self.pause());
            let missing = behind || !self.has(&wish.visible) || !self.has(&around(&wish.visible));
            let wanted = missing || old && !wish.frozen;
            if !wanted || soon && (self.refused.is_some() || !missing) {
                return None;
            }
        }
        let ask = Self::question(wish, behind || old);
        // The same question about the same rows would only be answered the same.
        if !old && self.refused.is_none() && self.held.as_ref().is_some_and(|held| held.ask == ask) {
            return None;
        }
        self.asked = Some(now);
        self.waiting = Some(ask.clone());
        Some(ask)
    }

    /// Whether the engine has rows of a newer version than those that are here.
    fn old(&self, wish: &Wish) -> bool {
        self.stale || self.held.as_ref().is_none_or(|held| held.rows.version < wish.version)
    }

    fn pause(&self) -> Duration {
        if self.refused.is_some() { AGAIN } else { EVERY }
    }

    fn since_asked(&self, now: Timestamp) -> Option<Duration> {
        self.asked.map(|asked| now.duration_since(asked).unsigned_abs())
    }

    /// How long until the next question may be due by itself.
    pub fn due(&self, wish: &Wish, now: Timestamp) -> Option<Duration> {
        let wanted = self.waiting.is_none() && (self.refused.is_some() || self.old(wish) && !wish.frozen);
        let since = self.since_asked(now).unwrap_or(self.pause());
        wanted.then(|| self.pause().saturating_sub(since).max(Duration::from_millis(1)))
    }

    /// `moved`: rows may stand elsewhere now, and the window is put around the selected one.
    fn question(wish: &Wish, moved: bool) -> Ask {
        let screen = wish.visible.len();
        let rows = (screen * SCREENS).clamp(FEWEST, MOST_ROWS as usize);
        let offset = wish.visible.start.saturating_sub((rows - screen.min(rows)) / 2);
        Ask {
            offset: offset as u64,
            limit: u32::try_from(rows).unwrap_or(MOST_ROWS),
            at: wish.selected.as_deref().filter(|_| moved).and_then(key_of),
            ..wish.ask.clone()
        }
    }

    /// An answer has come.
    pub fn take(&mut self, ask: &Ask, answer: Result<Rows, String>, now: Timestamp) -> Taken {
        if self.gather.as_ref().is_some_and(|gather| gather.ask == *ask) {
            return self.gathered(answer, now);
        }
        if self.waiting.as_ref() != Some(ask) {
            return Taken::Nothing;
        }
        self.waiting = None;
        match answer {
            Ok(rows) => {
                let index = rows.rows.iter().enumerate().map(|(index, row)| (row.key.to_string(), index)).collect();
                self.held = Some(Held { ask: ask.clone(), rows, index });
                self.edition += 1;
                self.stale = false;
                self.refused = None;
            }
            Err(why) => self.refused = Some((now, why)),
        }
        Taken::Rows
    }

    /// Whether all of these positions are here, as far as there are so many.
    fn has(&self, positions: &Range<usize>) -> bool {
        let Some(held) = &self.held else { return false };
        let end = positions.end.min(self.matching().unwrap_or(0));
        let first = usize::try_from(held.rows.offset).unwrap_or(usize::MAX);
        positions.start.min(end) >= first.min(end) && end <= first.saturating_add(held.rows.rows.len())
    }
}

/// A screen before and one after: when one of these is missing, the next rows are asked for.
fn around(visible: &Range<usize>) -> Range<usize> {
    visible.start.saturating_sub(visible.len())..visible.end.saturating_add(visible.len())
}

/// Whether two questions are about the same rows in the same order, whatever their windows.
fn same_rows(one: &Ask, other: &Ask) -> bool {
    let bare = |ask: &Ask| Ask { offset: 0, limit: 0, at: None, ..ask.clone() };
    bare(one) == bare(other)
}

fn covers(ask: &Ask, visible: &Range<usize>) -> bool {
    let first = usize::try_from(ask.offset).unwrap_or(usize::MAX);
    first <= visible.start && visible.end <= first.saturating_add(ask.limit as usize)
}

/// A key as a list writes it: `p001/20250104`.
pub fn key_of(text: &str) -> Option<crate::session::key::Key> {
    let (participant, date) = text.rsplit_once('/')?;
    crate::session::key::Key::new(participant, date).ok()
}

/// The orders of the pane, as the engine knows them.
pub const SORTS: [(&str, Sort); 7] = [
    ("trouble", Sort::Trouble),
    ("date", Sort::Date),
    ("participant", Sort::Participant),
    ("size", Sort::Size),
    ("safe", Sort::Safe),
    ("verified", Sort::Verified),
    ("changed", Sort::Changed),
];

#[cfg(test)]
mod tests;
