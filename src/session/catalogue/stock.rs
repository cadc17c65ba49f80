//! What is known of one store: what each side held when it was last looked at, and what follows for each session. No I/O.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::changes::Changes;
use super::half::Half;
use super::join;
use crate::clock::Timestamp;
use crate::fleet::data::Store;
use crate::session::key::Key;
use crate::session::select::Line;
use crate::session::side::{Found, Known, Standing};
use crate::session::view::{Imported, SessionRow, SideState, Totals};

/// From so many changed sessions on, all lines are made anew.
const MANY: usize = 500;

/// What is known of one store.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) store: Arc<Store>,
    pub(super) source: Half,
    pub(super) copies: Vec<Half>,
    pub(super) imported: Arc<HashMap<Key, Imported>>,
    /// Whether the database of imports answers; `None`: none is declared.
    pub(super) imports: Option<SideState>,
    /// When the look at the source began that the database was last asked about.
    pub(super) asked: Option<Timestamp>,
    /// Sessions that were deleted here, and when.
    pub(super) deleted: HashMap<Key, Timestamp>,
    pub(super) busy: HashMap<Key, Vec<String>>,
    /// Looks that are under way.
    pub(super) looking: u32,
    /// What is kept of the store was not all read yet: there may be more sessions, and sums are not known.
    pub(super) reading: bool,
    pub(super) lines: Arc<Vec<Arc<Line>>>,
    pub(super) totals: Totals,
    version: u64,
    /// Rows were made anew that are not in the version yet.
    pub(super) turned: bool,
    /// Sessions whose line changes by time alone, and when.
    pub(super) restless: HashMap<Key, Timestamp>,
    /// Counts what has changed all lines.
    pub(super) wanted: u64,
    /// Of which count the lines are.
    pub(super) made: u64,
    /// Sessions that changed while all lines are made anew; `None`: they are not.
    pub(super) meanwhile: Option<HashSet<Key>>,
}

impl Stock {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            source: Half::new(""),
            copies: store.destinations.iter().map(|to| Half::new(&to.name)).collect(),
            imported: Arc::default(),
            imports: store.imported.as_ref().map(|_| SideState::Unknown),
            asked: None,
            deleted: HashMap::new(),
            busy: HashMap::new(),
            looking: 0,
            reading: true,
            lines: Arc::default(),
            totals: Totals::default(),
            version: 0,
            turned: false,
            restless: HashMap::new(),
            wanted: 0,
            made: 0,
            meanwhile: None,
            store,
        }
    }

    /// The rows in the order of their keys, and the version they are of.
    pub(super) fn lines(&self) -> (Arc<Vec<Arc<Line>>>, u64) {
        (Arc::clone(&self.lines), self.version)
    }

    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }

    /// The version of the rows; a new one where any was made anew since this was last asked: whoever holds a window of an
    /// older one is to ask again.
    pub(super) fn version(&mut self) -> u64 {
        self.version += u64::from(std::mem::take(&mut self.turned));
        self.version
    }

    /// The source at 0, then the destinations.
    pub(super) fn half(&self, side: usize) -> Option<&Half> {
        side.checked_sub(1).map_or(Some(&self.source), |at| self.copies.get(at))
    }

    pub(super) fn half_mut(&mut self, side: usize) -> Option<&mut Half> {
        match side.checked_sub(1) {
            None => Some(&mut self.source),
            Some(at) => self.copies.get_mut(at),
        }
    }

    /// When the look at all sides began that the rows come from; `None`: one of them was not looked at since the start.
    pub(super) fn looked(&self) -> Option<Timestamp> {
        let tried = std::iter::once(&self.source).chain(&self.copies).map(|half| half.tried);
        let asked = self.imports.as_ref().map(|_| self.asked);
        tried.chain(asked).min().flatten()
    }

    /// Which destination has this name.
    pub(super) fn destination(&self, name: &str) -> Option<usize> {
        self.copies.iter().position(|half| half.name == name).map(|at| at + 1)
    }

    /// Takes in how a side stands. Returns whether a person would see a difference; all lines may be due to be made anew.
    pub(super) fn stands(&mut self, side: usize, standing: Standing) -> bool {
        let Some(half) = self.half_mut(side) else { return false };
        let seen = (half.standing.state.clone(), half.standing.readable, half.proof.clone());
        let free = half.standing.free;
        half.set_standing(standing);
        let turned = seen != (half.standing.state.clone(), half.standing.readable, half.proof.clone());
        let differs = turned || free != half.standing.free;
        self.wanted += u64::from(turned);
        differs
    }

    /// Takes in what a look at all sessions of a side found, and what that changes. All lines may be due to be made anew.
    pub(super) fn scanned(&mut self, side: usize, found: Arc<Known>, changes: &Changes, began: Timestamp) {
        let Some(half) = self.half_mut(side) else { return };
        half.found = found;
        half.scanned = Some(began);
        let first = !std::mem::replace(&mut half.fresh, true);
        if first || changes.put.len() + changes.gone.len() > MANY {
            self.wanted += 1;
        } else {
            self.touch(changes.put.iter().chain(&changes.gone), began);
        }
    }

    /// Takes in what one side holds of one session; `None`: nothing.
    pub(super) fn found(&mut self, side: usize, key: &Key, found: Option<Found>, now: Timestamp) {
        let Some(half) = self.half_mut(side) else { return };
        let known = Arc::make_mut(&mut half.found);
        match found {
            Some(found) => drop(known.insert(key.clone(), found)),
            None => drop(known.remove(key)),
        }
        self.touch([key], now);
    }

    /// Makes the lines of these sessions anew.
    pub(super) fn touch<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>, now: Timestamp) {
        for key in keys {
            self.turned = true;
            if let Some(meanwhile) = &mut self.meanwhile {
                meanwhile.insert(key.clone());
            }
            let line = self.line(key, now).map(Arc::new);
            let lines = Arc::make_mut(&mut self.lines);
            let old = match (lines.binary_search_by(|line| line.key.cmp(key)), &line) {
                (Ok(at), Some(line)) => lines.get_mut(at).map(|old| std::mem::replace(old, Arc::clone(line))),
                (Ok(at), None) => Some(lines.remove(at)),
                (Err(at), Some(line)) => {
                    lines.insert(at, Arc::clone(line));
                    None
                }
                (Err(_), None) => None,
            };
            if let Some(old) = old {
                old.take_from(&mut self.totals);
            }
            if let Some(line) = line {
                line.add_to(&mut self.totals);
            }
        }
    }

    /// Makes anew what time alone has changed. Returns whether anything was.
    pub(super) fn settle(&mut self, now: Timestamp) -> bool {
        let due = self.restless.iter().filter(|(_, due)| **due <= now).map(|(key, _)| key.clone());
        let due: Vec<Key> = due.collect();
        self.touch(due.iter(), now);
        !due.is_empty()
    }

    pub(super) fn line(&mut self, key: &Key, now: Timestamp) -> Option<Line> {
        let Some(joined) = join::join(self, key, now) else {
            self.restless.remove(key);
            return None;
        };
        let (line, due) = (joined.line(key), joined.due());
        match due {
            Some(due) => drop(self.restless.insert(key.clone(), due)),
            None => drop(self.restless.remove(key)),
        }
        Some(line)
    }

    /// The row of a session; `None`: nobody knows it.
    pub(super) fn row(&self, key: &Key, now: Timestamp) -> Option<SessionRow> {
        join::join(self, key, now).map(|joined| joined.row(key))
    }

    /// The participant whose name is most like this one, where one is.
    pub(super) fn alike(&self, participant: &str) -> Option<String> {
        let known: BTreeSet<&str> = self.lines.iter().map(|line| line.key.participant.as_str()).collect();
        let lower = participant.to_lowercase();
        let near = |known: &&str| strsim::jaro(&known.to_lowercase(), &lower);
        let best = known.into_iter().max_by(|one, other| near(one).total_cmp(&near(other)))?;
        (near(&best) > 0.7).then(|| best.to_owned())
    }

    /// Days of sessions that the sides hold, for the question whether a name is known at all.
    pub(super) fn days_of(&self, participant: &str) -> BTreeSet<jiff::civil::Date> {
        self.lines.iter().filter(|line| line.key.participant == participant).map(|line| line.key.date).collect()
    }
}
