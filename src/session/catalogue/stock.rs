//! What is known of one store: what each side held when it was last looked at, and what follows for each session. No I/O.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::join;
use crate::clock::Timestamp;
use crate::fleet::data::Store;
use crate::session::key::Key;
use crate::session::select::Line;
use crate::session::side::{Found, Known, Scan, Standing, trouble};
use crate::session::view::{Imported, SessionRow, SideState, Totals, Verified};

/// From so many changed sessions on, all lines are made anew.
const MANY: usize = 500;

/// What is known of one side.
#[derive(Debug)]
pub(super) struct Half {
    /// Name of the destination; empty: the source.
    pub(super) name: String,
    /// How it stands.
    pub(super) standing: Standing,
    /// As `standing.state`, for the question whether its copies prove anything.
    pub(super) proof: SideState,
    /// What it held when it was last looked at.
    pub(super) found: Arc<Known>,
    /// When that was; `None`: never.
    pub(super) scanned: Option<Timestamp>,
    /// Whether that was after the start, and after it was last out of reach.
    fresh: bool,
    /// When it was last tried since the start.
    pub(super) tried: Option<Timestamp>,
    /// Its identity.
    pub(super) marker: Option<String>,
    /// The last verification of each copy.
    pub(super) verified: HashMap<Key, Verified>,
}

impl Half {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            standing: Standing::unknown(),
            proof: SideState::Unknown,
            found: Arc::default(),
            scanned: None,
            fresh: false,
            tried: None,
            marker: None,
            verified: HashMap::new(),
        }
    }

    /// What it holds of a session, as far as it is to be believed: also what was stored, until it is looked at.
    pub(super) fn believed(&self, key: &Key) -> Option<&Found> {
        if self.believable() { self.found.get(key) } else { None }
    }

    /// Whether what is kept of it is to be shown.
    pub(super) fn believable(&self) -> bool {
        self.scanned.is_some() && (self.standing.readable || self.standing.state == SideState::Unknown)
    }

    /// Whether it was looked at since the start and is what it should be: only then what it lacks is missing.
    pub(super) const fn speaks(&self) -> bool {
        self.fresh && self.standing.readable
    }

    /// What its copies prove: nothing, as long as they come from what was stored. Trouble is known at once.
    pub(super) const fn judged(&self) -> &SideState {
        match &self.proof {
            SideState::Ready if !self.fresh => &SideState::Unknown,
            state => state,
        }
    }

    fn set_standing(&mut self, standing: Standing) {
        if self.marker.is_none() {
            self.marker.clone_from(&standing.marker);
        }
        self.proof = match &standing.state {
            SideState::Ready if standing.marker.is_none() && !self.name.is_empty() => trouble(
                "no marker",
                format!("{} does not carry hotspare's marker yet", self.name),
                "sync a session: that leaves one",
            ),
            // What lies on a full share lies there all the same.
            SideState::Trouble { word, .. } if word == "full" && standing.readable && standing.marker.is_some() => {
                SideState::Ready
            }
            state => state.clone(),
        };
        self.fresh &= standing.readable;
        self.standing = standing;
    }
}

/// What is known of one store.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) store: Arc<Store>,
    pub(super) source: Half,
    pub(super) copies: Vec<Half>,
    pub(super) imported: HashMap<Key, Imported>,
    /// Whether the database of imports answers; `None`: none is declared.
    pub(super) imports: Option<SideState>,
    /// When the look at the source began that the database was last asked about.
    pub(super) asked: Option<Timestamp>,
    /// Sessions that were deleted here, and when.
    pub(super) deleted: HashMap<Key, Timestamp>,
    pub(super) busy: HashMap<Key, Vec<String>>,
    /// Looks that are under way.
    pub(super) looking: u32,
    lines: Arc<Vec<Arc<Line>>>,
    totals: Totals,
    version: u64,
    /// Rows were made anew that are not in the version yet.
    turned: bool,
    /// Sessions whose line changes by time alone, and when.
    restless: HashMap<Key, Timestamp>,
}

impl Stock {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            source: Half::new(""),
            copies: store.destinations.iter().map(|to| Half::new(&to.name)).collect(),
            imported: HashMap::new(),
            imports: store.imported.as_ref().map(|_| SideState::Unknown),
            asked: None,
            deleted: HashMap::new(),
            busy: HashMap::new(),
            looking: 0,
            lines: Arc::default(),
            totals: Totals::default(),
            version: 0,
            turned: false,
            restless: HashMap::new(),
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

    /// Takes in how a side stands. Returns whether a person would see a difference.
    pub(super) fn stands(&mut self, side: usize, standing: Standing, now: Timestamp) -> bool {
        let Some(half) = self.half_mut(side) else { return false };
        let seen = (half.standing.state.clone(), half.standing.readable, half.proof.clone());
        let free = half.standing.free;
        half.set_standing(standing);
        let turned = seen != (half.standing.state.clone(), half.standing.readable, half.proof.clone());
        let differs = turned || free != half.standing.free;
        if turned {
            self.rebuild(now);
        }
        differs
    }

    /// Takes in what a look at all sessions of a side found: what changed, for the index. What it could not look into stays
    /// as it was.
    pub(super) fn scanned(
        &mut self,
        side: usize,
        scan: Scan,
        began: Timestamp,
        layout: &crate::session::layout::Layout,
    ) -> Changes {
        let Some(half) = self.half_mut(side) else { return Changes::default() };
        let Scan { mut found, blind, .. } = scan;
        if !blind.is_empty() {
            for (key, old) in half.found.iter().filter(|(key, _)| !found.contains_key(key)).collect::<Vec<_>>() {
                let path = layout.render(key);
                if blind.iter().any(|(blind, _)| path.starts_with(blind)) {
                    found.insert(key.clone(), old.clone());
                }
            }
        }
        let gone: Vec<Key> = half.found.keys().filter(|key| !found.contains_key(key)).cloned().collect();
        let put: Vec<Key> = found
            .iter()
            .filter(|(key, found)| half.found.get(key) != Some(found))
            .map(|(key, _)| key.clone())
            .collect();
        half.found = Arc::new(found);
        half.scanned = Some(began);
        let first = !std::mem::replace(&mut half.fresh, true);
        if first || put.len() + gone.len() > MANY {
            self.rebuild(began);
        } else {
            self.touch(put.iter().chain(&gone), began);
        }
        Changes { put, gone }
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

    /// Makes all lines anew.
    pub(super) fn rebuild(&mut self, now: Timestamp) {
        let mut keys: Vec<&Key> = self.source.found.keys().chain(self.imported.keys()).collect();
        keys.extend(self.copies.iter().flat_map(|half| half.found.keys()));
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        self.restless.clear();
        self.turned = true;
        let lines: Vec<Arc<Line>> = keys.iter().filter_map(|key| self.line(key, now).map(Arc::new)).collect();
        let mut totals = Totals::default();
        for line in &lines {
            line.add_to(&mut totals);
        }
        (self.lines, self.totals) = (Arc::new(lines), totals);
    }

    /// Makes anew what time alone has changed. Returns whether anything was.
    pub(super) fn settle(&mut self, now: Timestamp) -> bool {
        let due = self.restless.iter().filter(|(_, due)| **due <= now).map(|(key, _)| key.clone());
        let due: Vec<Key> = due.collect();
        self.touch(due.iter(), now);
        !due.is_empty()
    }

    fn line(&mut self, key: &Key, now: Timestamp) -> Option<Line> {
        let joined = join::join(self, key, now)?;
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

/// What a look at all sessions changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New ones, and those that are not as before.
    pub(super) put: Vec<Key>,
    /// Those that are gone.
    pub(super) gone: Vec<Key>,
}
