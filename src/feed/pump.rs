//! The pump of one feed: a lane for each machine that it is read from, all of them writing to one target, one after the other.
//!
//! Lanes take turns at the target, so that what a machine has to catch up with keeps no other's new rows waiting. Each lane
//! looks at its source while what it read before is written.

mod known;
mod lane;
mod passages;
mod round;

use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::lane::Lane;
use super::desk::Desk;
use super::memory::Memory;
use super::sink::Sink;
use super::source::Source;
use super::view::Part;
use super::zone::Times;
use crate::clock::Clock;
use crate::fleet::data::Feed;

/// What the lanes of a feed share.
pub struct Common {
    /// The feed.
    pub feed: Arc<Feed>,
    /// Reads times of the source.
    pub times: Times,
    /// What is known of it.
    pub desk: Arc<Desk>,
    /// The time.
    pub clock: Clock,
    /// The target; whoever wants it waits for its turn.
    pub sink: Mutex<Box<dyn Sink>>,
    /// When rows may be carried.
    pub gate: watch::Receiver<Gate>,
    /// What was last known of marks.
    pub memory: Arc<Memory>,
}

/// When rows may be carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// Why nothing may be carried by this engine; `None`: it may.
    pub elsewhere: Option<String>,
    /// Rows are carried as they come; otherwise only while somebody has asked for it.
    pub always: bool,
    /// Requests to carry what waits that are not carried out yet.
    pub open: u32,
    /// Number of the last request: every lane looks at once.
    pub asked: u64,
}

impl Gate {
    fn is_open(&self) -> bool {
        self.elsewhere.is_none() && (self.always || self.open > 0)
    }
}

/// Begins to carry one machine's rows: `source` is its name, empty for this machine. `part` says what it does; where that is
/// not known yet, nothing is read from it.
pub fn begin(
    common: Arc<Common>,
    source: String,
    from: Box<dyn Source>,
    part: watch::Receiver<Option<Part>>,
    stop: CancellationToken,
    tasks: &TaskTracker,
) {
    let lane = Lane::new(common, source, from, part);
    tasks.spawn(async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = lane.run() => {}
        }
    });
}
