//! What is drawn: the snapshot that is shown, and what surrounds it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::engine::client::Link;
use crate::engine::snapshot::Snapshot;

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
    /// Nothing may be changed from here.
    pub read_only: bool,
    /// Whether the engine goes on when this console ends.
    pub engine_stays: bool,
}

impl World {
    /// A newer picture has come.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) {
        if self.frozen.is_none() {
            self.shown = Arc::clone(&snapshot);
        }
        self.newest = snapshot;
    }

    /// Holds the picture still, or lets it go on.
    pub fn toggle_freeze(&mut self) {
        if self.frozen.take().is_some() {
            self.shown = Arc::clone(&self.newest);
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

    /// Why the engine cannot be asked now.
    pub fn unreachable(&self) -> Option<String> {
        match &self.link {
            Link::Joined => None,
            Link::Lost { why } => Some(format!("the engine is gone: {why}")),
        }
    }
}
