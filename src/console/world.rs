//! What is drawn: the snapshot that is shown, and what surrounds it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::window::Window;
use crate::clock::Timestamp;
use crate::engine::client::Link;
use crate::engine::snapshot::{JournalView, Snapshot};
use crate::journal::entry::Entry;
use crate::session::view::StoreView;

/// How many entries of the journal are kept at most, whatever was paged through.
pub const JOURNAL_KEPT: usize = 5000;

/// Everything that a frame is drawn from, apart from where the person is looking.
#[derive(Debug, Clone)]
pub struct World {
    /// The picture that is shown.
    pub shown: Arc<Snapshot>,
    /// The newest picture, which is another one while the screen is frozen.
    pub newest: Arc<Snapshot>,
    /// Whether the engine is there.
    pub link: Link,
    /// The time of this frame.
    pub now: Timestamp,
    /// Where the person is, for times of day.
    pub zone: TimeZone,
    /// Since when the screen is frozen.
    pub frozen: Option<Timestamp>,
    /// The rows of sessions that are here.
    pub sessions: Window,
    /// Nothing may be changed from here, as was asked for; see [`World::changes_nothing`].
    pub read_only: bool,
    /// Why the engine lets this person only look.
    pub looks_only: Option<String>,
    /// Whether the engine goes on when this console ends.
    pub engine_stays: bool,
    /// What to look at now, as somebody tells who knows; empty: nobody does.
    pub guide: String,
}

impl World {
    /// Nothing may be changed from here: it was asked for, or the engine lets this person only look.
    pub const fn changes_nothing(&self) -> bool {
        self.read_only || self.looks_only.is_some()
    }

    /// A newer picture has come.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.newest = snapshot;
        if self.frozen.is_none() {
            self.show_newest();
        }
    }

    /// Shows the newest picture, with the entries of the journal that were paged to.
    fn show_newest(&mut self) {
        let same_engine = self.shown.head.engine.started == self.newest.head.engine.started;
        let journal = if same_engine { joined(&self.shown.journal, &self.newest.journal) } else { None };
        self.shown = match journal {
            Some(journal) => Arc::new(Snapshot { journal: Arc::new(journal), ..(*self.newest).clone() }),
            None => Arc::clone(&self.newest),
        };
    }

    /// The number of the oldest entry of the journal that is shown, where older ones exist and may be kept too.
    pub fn oldest_entry(&self) -> Option<u64> {
        let tail = &self.shown.journal.tail;
        tail.first().map(|entry| entry.seq).filter(|seq| *seq > 1 && tail.len() < JOURNAL_KEPT)
    }

    /// Older entries of the journal have come, oldest first. Those that do not end where the shown ones begin are
    /// answers to an old question. Returns whether there is more to see now.
    pub fn page_back(&mut self, older: &[Entry]) -> bool {
        let first = self.shown.journal.tail.first().map(|entry| entry.seq);
        if older.last().is_none_or(|last| Some(last.seq + 1) != first) {
            return false;
        }
        let room = JOURNAL_KEPT.saturating_sub(self.shown.journal.tail.len());
        let kept = older.iter().skip(older.len().saturating_sub(room)).cloned().map(Arc::new);
        let mut shown = (*self.shown).clone();
        Arc::make_mut(&mut shown.journal).tail.splice(0..0, kept);
        self.shown = Arc::new(shown);
        true
    }

    /// Holds the picture still, or lets it go on.
    pub fn toggle_freeze(&mut self) {
        if self.frozen.take().is_some() {
            self.show_newest();
        } else {
            self.frozen = Some(self.now);
        }
    }

    /// Against which time ages are counted: a picture that stands still does not age.
    pub fn reference(&self) -> Timestamp {
        match (self.frozen, &self.link) {
            (Some(since), _) => since,
            (None, Link::Lost { .. }) => self.shown.taken,
            (None, Link::Joined) => self.now,
        }
    }

    /// The store whose sessions are shown.
    pub fn store(&self) -> Option<&StoreView> {
        let stores = &self.shown.stores;
        let chosen = self.sessions.store.as_ref().and_then(|name| stores.iter().find(|store| store.name == *name));
        chosen.or_else(|| stores.first()).map(AsRef::as_ref)
    }

    /// Why the engine cannot be asked now.
    pub fn unreachable(&self) -> Option<String> {
        match &self.link {
            Link::Joined => None,
            Link::Lost { why } => Some(format!("the engine is gone: {why}")),
        }
    }
}

/// The newest journal with the entries before it that are shown. `None`: there are none, or they do not join.
fn joined(shown: &JournalView, newest: &JournalView) -> Option<JournalView> {
    let first = newest.tail.first()?.seq;
    let older = shown.tail.partition_point(|entry| entry.seq < first);
    if older == 0 || shown.tail[older - 1].seq + 1 != first {
        return None;
    }
    // Nobody paged back: the window only moves on.
    if shown.tail.len() <= newest.tail.len() {
        return None;
    }
    let from = (older + newest.tail.len()).saturating_sub(JOURNAL_KEPT).min(older);
    let tail = shown.tail[from..older].iter().chain(&newest.tail).map(Arc::clone).collect();
    Some(JournalView { tail, ..newest.clone() })
}
