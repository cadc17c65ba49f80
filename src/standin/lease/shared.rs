//! What everybody who has the lease looks at, and its keeper alone changes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::book::{Book, Books};
use super::hold::{Hold, Right};
use super::opinion::{Others, Sights};
use super::{LeaseState, NotHeld};
use crate::clock::{Clock, Tick};

/// The common ground of a lease and its keeper.
pub(super) struct Shared {
    pub(super) who: String,
    pub(super) clock: Clock,
    known: Mutex<Known>,
    state: watch::Sender<LeaseState>,
    books: watch::Sender<Arc<Books>>,
    others: watch::Sender<Arc<Others>>,
    mine: watch::Sender<Arc<Sights>>,
    changed: Notify,
}

/// What the state is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Ours, if it is.
    pub(super) hold: Option<Hold>,
    /// Whose it is, where it is not ours.
    pub(super) holder: Option<String>,
    /// The last ownership that was heard of.
    pub(super) generation: u64,
    /// What is wrong, and what to do now.
    pub(super) trouble: Option<String>,
    /// What lies in etcd and none of this fleet's engines wrote, a line each.
    pub(super) foreign: Vec<String>,
    /// Given back, or about to be: whatever is known, it is not ours any more.
    pub(super) released: bool,
}

impl Known {
    fn right(&self, now: Tick) -> Option<Right> {
        if self.released { None } else { self.hold.and_then(|hold| hold.at(now)) }
    }

    fn why(&self, now: Tick, who: &str) -> String {
        if self.released {
            return super::ENDED.to_owned();
        }
        let trouble = self.trouble.as_deref();
        match (self.hold, self.holder.as_deref()) {
            (Some(hold), _) if hold.at(now).is_some() => "held by this engine".to_owned(),
            (Some(hold), _) if now < hold.from => {
                "taken over from an engine that did not give it back: it may act in a moment".to_owned()
            }
            (Some(_), _) => trouble.map_or_else(
                || "it could not be renewed in time; this engine tries on".to_owned(),
                |trouble| format!("it could not be renewed in time: {trouble}"),
            ),
            (None, _) if trouble.is_some() => trouble.unwrap_or_default().to_owned(),
            // Its name is in etcd before the answer is here that put it there.
            (None, Some(holder)) if holder == who => "it is being taken by this engine".to_owned(),
            (None, Some(holder)) => format!("held by {holder}"),
            (None, None) => "nobody holds it yet".to_owned(),
        }
    }
}

impl Shared {
    pub(super) fn new(who: String, clock: Clock) -> Self {
        let known = Known::default();
        let why = known.why(clock.tick(), &who);
        let state = LeaseState {
            held: false,
            by: None,
            elsewhere: false,
            why,
            since: clock.now(),
            generation: 0,
            foreign: Vec::new(),
        };
        Self {
            who,
            clock,
            known: Mutex::new(known),
            state: watch::Sender::new(state),
            books: watch::Sender::default(),
            others: watch::Sender::default(),
            mine: watch::Sender::default(),
            changed: Notify::new(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Plain values, whole after each change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> watch::Receiver<LeaseState> {
        self.state.subscribe()
    }

    pub(super) fn may_act(&self) -> Result<Right, NotHeld> {
        let known = self.known();
        // After the lock: a moment noted before it may have passed while waiting.
        let now = self.clock.tick();
        known.right(now).ok_or_else(|| NotHeld(known.why(now, &self.who)))
    }

    /// Changes what is known and tells it.
    pub(super) fn learn(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known());
        self.tell();
        self.changed.notify_one();
    }

    /// Tells when a right begins or ends by itself, for ever.
    pub(super) async fn tell_in_time(&self) -> Infallible {
        loop {
            let hold = self.known().hold;
            let now = self.clock.tick();
            let moments = hold.into_iter().flat_map(|hold| [Some(hold.from), hold.until]).flatten();
            let next = moments.filter(|moment| *moment > now).min();
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(next.unwrap_or_default().since(now)), if next.is_some() => self.tell(),
            }
        }
    }

    /// Tells how the lease stands now: also called when a right has begun or ended by itself.
    pub(super) fn tell(&self) {
        // One after the other, so that the newest is told last.
        self.state.send_if_modified(|state| {
            let known = self.known();
            let now = self.clock.tick();
            let held = known.right(now).is_some();
            let by = if held { Some(self.who.clone()) } else { known.holder.clone() };
            let generation = known.hold.map_or(known.generation, |hold| hold.generation);
            let why = known.why(now, &self.who);
            let elsewhere = known.hold.is_none() && by.as_ref().is_some_and(|by| *by != self.who);
            let changed = (held, &by, generation) != (state.held, &state.by, state.generation);
            let since = if changed { self.clock.now() } else { state.since };
            let foreign = known.foreign.clone();
            let new = LeaseState { held, by, elsewhere, why, since, generation, foreign };
            let differs = *state != new;
            *state = new;
            differs
        });
    }

    pub(super) fn books(&self) -> watch::Receiver<Arc<Books>> {
        self.books.subscribe()
    }

    /// Takes note of a book, unless a newer one is known.
    pub(super) fn note(&self, pool: &str, book: &Book) {
        self.books.send_if_modified(|books| {
            let newer = books.get(pool).is_none_or(|known| known.version < book.version);
            if newer && book.version > 0 {
                Arc::make_mut(books).insert(pool.to_owned(), book.clone());
            }
            newer && book.version > 0
        });
    }

    /// All books there are.
    pub(super) fn set_books(&self, all: Arc<Books>) {
        replace(&self.books, all);
    }

    /// What all other engines see.
    pub(super) fn set_others(&self, all: Arc<Others>) {
        replace(&self.others, all);
    }

    /// What this engine sees.
    pub(super) fn mine(&self) -> watch::Receiver<Arc<Sights>> {
        self.mine.subscribe()
    }

    pub(super) fn others(&self) -> watch::Receiver<Arc<Others>> {
        self.others.subscribe()
    }

    pub(super) fn publish(&self, seen: Sights) {
        replace(&self.mine, Arc::new(seen));
    }
}

/// Tells it if it differs.
fn replace<T: PartialEq>(sender: &watch::Sender<Arc<T>>, new: Arc<T>) {
    sender.send_if_modified(|known| {
        let differs = !Arc::ptr_eq(known, &new) && *known != new;
        // Also where it is the same: so the next comparison is one of two addresses.
        *known = new;
        differs
    });
}

#[cfg(test)]
mod tests;
