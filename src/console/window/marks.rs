//! What is marked: every row that matches where a person wants all of them, and how much that is.

use std::collections::{BTreeSet, HashMap};

use super::{Taken, Window, same_rows};
use crate::clock::Timestamp;
use crate::session::view::{Ask, MOST_ROWS, Rows, SessionRow};

/// Keys of all rows that match, on their way.
#[derive(Debug, Clone)]
pub(super) struct Gather {
    pub(super) ask: Ask,
    pub(super) sent: bool,
    keys: BTreeSet<String>,
}

/// How much sessions are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Sessions.
    pub sessions: usize,
    /// Their files on this computer.
    pub files: u64,
    /// Their bytes on this computer.
    pub bytes: u64,
    /// Of the sessions, those of which it is not known.
    pub unknown: usize,
}

impl Window {
    /// Wants to know every row that matches. Where all are here, they are known at once.
    pub fn gather(&mut self, ask: &Ask) -> Option<BTreeSet<String>> {
        let whole = self.held.as_ref().filter(|held| {
            same_rows(&held.ask, ask) && held.rows.offset == 0 && held.rows.rows.len() as u64 >= held.rows.matching
        });
        if let Some(held) = whole {
            self.marked.extend(held.rows.rows.iter().map(|row| (row.key.to_string(), amount_of(row))));
            return Some(held.index.keys().cloned().collect());
        }
        let ask = Ask { offset: 0, limit: MOST_ROWS, at: None, ..ask.clone() };
        self.gather = Some(Gather { ask, sent: false, keys: BTreeSet::new() });
        None
    }

    /// Remembers how much a session is that was marked.
    pub fn remember(&mut self, position: usize) {
        if let Some(row) = self.row(position) {
            let (key, amount) = (row.key.to_string(), amount_of(row));
            self.marked.insert(key, amount);
        }
    }

    /// No marks are left.
    pub fn forget_marks(&mut self) {
        self.marked = HashMap::new();
    }

    /// How much these sessions are.
    pub fn amount<'a>(&self, keys: impl Iterator<Item = &'a String>) -> Amount {
        let mut sum = Amount::default();
        for key in keys {
            let here = || self.find(key).and_then(|position| self.row(position)).map(amount_of);
            let known = self.marked.get(key).copied().or_else(here);
            sum.sessions += 1;
            match known {
                Some((files, bytes)) => (sum.files, sum.bytes) = (sum.files + files, sum.bytes + bytes),
                None => sum.unknown += 1,
            }
        }
        sum
    }

    /// How many of the rows that match are known so far, where they are on their way.
    pub fn gathering(&self) -> Option<usize> {
        self.gather.as_ref().map(|gather| gather.keys.len())
    }

    /// Wants it no more.
    pub fn stop_gathering(&mut self) {
        self.gather = None;
    }

    pub(super) fn gathered(&mut self, answer: Result<Rows, String>, now: Timestamp) -> Taken {
        let Some(mut gather) = self.gather.take() else { return Taken::Nothing };
        match answer {
            Ok(rows) => {
                for row in &rows.rows {
                    let key = row.key.to_string();
                    self.marked.insert(key.clone(), amount_of(row));
                    gather.keys.insert(key);
                }
                let next = rows.offset + rows.rows.len() as u64;
                if next >= rows.matching || rows.rows.is_empty() {
                    return Taken::All(gather.keys);
                }
                gather.ask.offset = next;
                gather.sent = false;
                self.gather = Some(gather);
            }
            Err(why) => self.refused = Some((now, why)),
        }
        Taken::Nothing
    }
}

fn amount_of(row: &SessionRow) -> (u64, u64) {
    row.source.as_ref().map_or((0, 0), |facts| (u64::from(facts.files), facts.bytes))
}
