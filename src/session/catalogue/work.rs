//! What jobs ask of a store: which sessions are meant, who works on them, what all sides hold of one right now, and what is
//! to be remembered of a verification or a deletion.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use super::busy::Busy;
use super::due;
use super::shop::Shop;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::listing::Listing;
use crate::session::select;
use crate::session::side::{Found, Known, Lost, Owner, Stamp, Standing};
use crate::session::view::{Ask, SideState, Sort, Verified, Which};

/// What all sides hold of one session, looked up just now.
#[derive(Debug)]
pub struct Looked {
    /// The source; `None`: nothing lies there.
    pub source: Result<Option<Listing>, Lost>,
    /// Each destination, in the order of the fleet file.
    pub copies: Vec<Result<Option<Listing>, Lost>>,
}

impl Shop {
    /// The sessions that a command means, the newest first. Keys that nobody knows are an error that names them.
    pub fn resolve(&self, which: &Which) -> Result<Vec<Key>, String> {
        let stock = self.stock.lock();
        let (lines, _) = stock.lines();
        let known = |key: &Key| lines.binary_search_by(|line| line.key.cmp(key)).is_ok();
        let whole = !stock.reading || matches!(which, Which::Keys { keys } if keys.iter().all(known));
        if !whole {
            return Err(format!(
                "what is kept of the store `{}` is still being read; repeat it in a moment",
                self.name()
            ));
        }
        match which {
            Which::Keys { keys } => {
                let unknown: Vec<String> = keys.iter().filter(|key| !known(key)).map(ToString::to_string).collect();
                if unknown.is_empty() {
                    let mut keys = keys.clone();
                    let mut seen = std::collections::HashSet::new();
                    keys.retain(|key| seen.insert(key.clone()));
                    return Ok(keys);
                }
                Err(match keys.as_slice() {
                    [key] => self.unknown(&stock, key),
                    _ => format!("the store `{}` knows no session {}", self.store.name, unknown.join(", ")),
                })
            }
            Which::Range { from, to, participant, safe } => {
                let ask = Ask {
                    from: *from,
                    to: *to,
                    participant: participant.clone(),
                    safe: *safe,
                    sort: Sort::Date,
                    ..Ask::default()
                };
                let chosen = select::select(&lines, &ask);
                let key = |at: &u32| lines.get(*at as usize).map(|line| line.key.clone());
                Ok(chosen.order.iter().filter_map(key).collect())
            }
        }
    }

    /// That nobody knows of a session, and what there is instead.
    pub(super) fn unknown(&self, stock: &Stock, key: &Key) -> String {
        let mut why = format!("the store `{}` knows no session {key}", self.store.name);
        let participant = &key.participant;
        let days = stock.days_of(participant);
        let _a_string_takes_all = match (days.first(), days.last()) {
            (Some(first), Some(last)) if first == last => write!(why, "; {participant} has one on {first}"),
            (Some(first), Some(last)) => {
                write!(why, "; {participant} has {} between {first} and {last}", days.len())
            }
            _ => match stock.alike(participant) {
                Some(near) => write!(why, "; did you mean `{near}`?"),
                None => Ok(()),
            },
        };
        why
    }

    /// Why nobody can say which sessions lie on this computer; `None`: that is known.
    pub fn silent(&self) -> Option<String> {
        let stock = self.stock.lock();
        match (stock.source.speaks(), &stock.source.standing.state) {
            (true, _) => None,
            (false, SideState::Trouble { word, why, remedy }) => {
                Some(format!("the source cannot be looked at ({word}): {why}; {remedy}"))
            }
            (false, _) => Some("the source was not looked at yet".into()),
        }
    }

    /// Says that somebody works on a session, until what is returned is dropped. The error says who works on it already.
    pub fn busy(self: &Arc<Self>, key: &Key, what: &str) -> Result<Busy, String> {
        let mut stock = self.stock.lock();
        if let Some(other) = stock.busy.get(key).and_then(|jobs| jobs.first()) {
            return Err(format!("{key} is {other}"));
        }
        stock.busy.insert(key.clone(), vec![what.to_owned()]);
        stock.touch([key], self.clock.now());
        self.publish(&mut stock);
        Ok(Busy::new(Arc::clone(self), key.clone()))
    }

    pub(super) fn free(&self, key: &Key) {
        let mut stock = self.stock.lock();
        stock.busy.remove(key);
        stock.touch([key], self.clock.now());
        self.publish(&mut stock);
    }

    /// Looks at one session on all sides now and takes in what is there. Each side answers within its deadline; they are
    /// asked at the same time. Blocking.
    pub fn look(&self, key: &Key) -> Looked {
        let mut sides = self.look_at_all(0..self.sides.len(), key).into_iter();
        let source = sides.next().unwrap_or(Ok(None));
        Looked { source, copies: sides.collect() }
    }

    /// As [`Shop::look`], but only at these sides.
    pub(super) fn look_at_all(&self, sides: Range<usize>, key: &Key) -> Vec<Result<Option<Listing>, Lost>> {
        let looked = std::thread::scope(|scope| {
            let asked: Vec<_> = sides.map(|side| scope.spawn(move || self.look_at(side, key))).collect();
            let broke = || Err(Lost::trouble("broken", "the look at it broke", "try again"));
            asked.into_iter().map(|answer| answer.join().unwrap_or_else(|_panicked| broke())).collect()
        });
        self.publish(&mut self.stock.lock());
        looked
    }

    /// Looks at one session on one side now and takes in what is there.
    pub(super) fn look_at(&self, side: usize, key: &Key) -> Result<Option<Listing>, Lost> {
        let standing = self.stand(side);
        if !standing.readable {
            return Err(Lost::Trouble(standing.state));
        }
        let Some(at) = self.sides.get(side) else { return Ok(None) };
        let listing = at.list(key)?;
        let found = listing.as_ref().map(|listing| Found {
            facts: listing.facts(|path| self.filter.video(path)),
            // No stamp: the next look at all sessions makes one.
            stamp: Stamp::default(),
        });
        let known: Known = found.clone().map(|found| (key.clone(), found)).into_iter().collect();
        self.stock.lock().found(side, key, found, self.clock.now());
        self.index.keep_facts(self.at(side), &known, std::slice::from_ref(key), &[]);
        Ok(listing)
    }

    /// Looks up now how a side stands, and takes it in.
    pub(super) fn stand(&self, side: usize) -> Standing {
        let kept = self.stock.lock().half(side).and_then(|half| half.marker.clone());
        let Some(at) = self.sides.get(side) else { return Standing::unknown() };
        let standing = at.stand(kept.as_deref());
        self.take_in(side, &standing);
        standing
    }

    fn take_in(&self, side: usize, standing: &Standing) {
        let mut stock = self.stock.lock();
        let had = stock.half(side).is_some_and(|half| half.marker.is_some());
        let differs = stock.stands(side, standing.clone());
        let due = stock.wanted != stock.made;
        drop(stock);
        if due {
            self.renew();
        }
        if differs {
            self.publish(&mut self.stock.lock());
        }
        if !had && standing.marker.is_some() {
            self.keep_side(side);
        }
    }

    /// How a destination stands, looked up now. Blocking, within its deadline.
    pub fn destination_state(&self, name: &str) -> Result<Standing, String> {
        Ok(self.stand(self.side(name)?))
    }

    /// How the source stands, looked up now. Blocking, within its deadline.
    pub fn source_state(&self) -> SideState {
        self.stand(0).state
    }

    /// Who else works on a session than whoever said that it is `ours`.
    pub fn busy_with_others(&self, key: &Key, ours: &str) -> Vec<String> {
        let stock = self.stock.lock();
        stock.busy.get(key).into_iter().flatten().filter(|what| *what != ours).cloned().collect()
    }

    /// Makes a destination ready for copies: leaves the marker the first time, and makes its folder inside a mounted mount or
    /// where a plain folder was never used. Blocking, within its deadline.
    pub fn prepare(&self, name: &str) -> Result<Standing, String> {
        let side = self.side(name)?;
        let kept = self.stock.lock().half(side).and_then(|half| half.marker.clone());
        let owner = Owner { fleet: self.fleet.clone(), store: self.store.name.clone(), destination: name.to_owned() };
        let Some(at) = self.sides.get(side) else { return Ok(Standing::unknown()) };
        let standing = at.prepare(kept.as_deref(), &owner, self.clock.now());
        self.take_in(side, &standing);
        Ok(standing)
    }

    /// Takes in what came of verifying the copy of a session. Blocking.
    pub fn record_verified(&self, destination: &str, key: &Key, verified: &Verified) {
        let Ok(side) = self.side(destination) else { return };
        let now = self.clock.now();
        let mut stock = self.stock.lock();
        let Some(half) = stock.half_mut(side) else { return };
        let more = half.verified.get(key).is_none_or(|before| !before.says_more_than(verified));
        half.deferred.verified(key, now, more);
        if !more {
            return;
        }
        Arc::make_mut(&mut half.verified).insert(key.clone(), verified.clone());
        stock.touch([key], now);
        self.publish(&mut stock);
        drop(stock);
        self.index.keep_verified(self.at(side), [(key, verified)]);
    }

    /// Takes in that the copy of a session could not be verified: in the background others come first.
    pub fn record_unverified(&self, destination: &str, key: &Key) {
        let Ok(side) = self.side(destination) else { return };
        let now = self.clock.now();
        if let Some(half) = self.stock.lock().half_mut(side) {
            half.deferred.failed(key, now);
        }
    }

    /// When a session of this name was deleted here last, as long as it lies anywhere.
    pub fn deleted(&self, key: &Key) -> Option<Timestamp> {
        self.stock.lock().deleted.get(key).copied()
    }

    /// Takes in that a session was deleted here: its copies are no orphans. Blocking.
    pub fn record_deleted(&self, key: &Key) {
        let at = self.clock.now();
        let mut stock = self.stock.lock();
        stock.deleted.insert(key.clone(), at);
        stock.touch([key], at);
        self.publish(&mut stock);
        drop(stock);
        self.index.keep_deleted(&self.store.name, [(key, &at)]);
    }

    /// Wishes for a full look at all sides.
    pub fn refresh(&self) {
        self.wishes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The copy to verify next in the background, and when it was verified last.
    pub(super) fn next_to_verify(&self, now: Timestamp) -> Option<(Timestamp, String, Key)> {
        due::next(&self.stock.lock(), now)
    }
}
