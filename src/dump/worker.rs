//! The worker: makes the rounds of each dump of the fleet file, and does what people ask of dumps.
//!
//! It knows when, and what state follows from what came of it; how is for the [`hands`].

mod by_hand;
mod desk;
pub mod hands;
mod memory;
mod running;
pub mod site;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::hands::Hands;
use self::memory::Memory;
use self::running::Running;
use super::medium::Readers;
use super::view::DumpView;
use crate::clock::Clock;
use crate::fleet::Fleet;

/// Longest wait for what is under way at the end.
const ENDING: Duration = Duration::from_secs(2);
/// An engine that has just started holds its lease within this time, or does not get it.
const LEASE: Duration = Duration::from_secs(3);
/// Between two looks at whether a kit has grown too old.
const PULSE: Duration = Duration::from_secs(1);

/// All dumps of the fleet. Cheap to clone.
#[derive(Clone)]
pub struct Dumps(Arc<Inner>);

struct Inner {
    clock: Clock,
    hands: Arc<dyn Hands>,
    /// Rounds are made by the schedule, or only when somebody asks.
    always: bool,
    memory: Arc<Memory>,
    running: Mutex<Arc<Vec<Arc<Running>>>>,
    /// Why no round may be made by this engine.
    elsewhere: Mutex<Option<String>>,
    /// One a medium.
    media: Mutex<BTreeMap<PathBuf, Place>>,
    seen: watch::Sender<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Where a medium belongs. It stays the same for all dumps that go there, also for those of a fleet file that is read again.
#[derive(Clone, Default)]
struct Place {
    /// Whoever writes to the medium, or lets go of it: one at a time.
    medium: Arc<tokio::sync::Mutex<()>>,
    /// Who reads kits: as long as there is one, none of them is removed.
    readers: Readers,
}

impl std::fmt::Debug for Dumps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dumps").finish_non_exhaustive()
    }
}

impl Dumps {
    /// Begins to look at the media. `memory` is what [`Dumps::news`] told the last time; without `always` rounds are made only
    /// when somebody asks. None is made before [`Dumps::may`] has said so.
    pub fn start(fleet: &Arc<Fleet>, hands: Arc<dyn Hands>, clock: Clock, memory: &str, always: bool) -> Self {
        let dumps = Self(Arc::new(Inner {
            clock,
            hands,
            always,
            memory: Arc::new(Memory::read(memory)),
            running: Mutex::default(),
            elsewhere: Mutex::new(Some("the engine has just started".into())),
            media: Mutex::default(),
            seen: watch::channel(0).0,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        dumps.reload(fleet);
        let ticking = dumps.clone();
        dumps.0.tasks.spawn(async move {
            let stop = ticking.0.stop.clone();
            while stop.run_until_cancelled(tokio::time::sleep(PULSE)).await.is_some() {
                ticking.running().iter().for_each(|running| running.desk.compose());
            }
        });
        dumps
    }

    /// Goes on with another fleet. A dump that is as it was goes on undisturbed.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        let elsewhere = lock(&self.0.elsewhere).clone();
        let mut running = lock(&self.0.running);
        let next: Vec<Arc<Running>> = fleet
            .dumps
            .iter()
            .map(|dump| {
                let same = running.iter().find(|old| *old.dump == *dump).cloned();
                same.unwrap_or_else(|| {
                    let begun = Running::begin(self, dump);
                    begun.may(elsewhere.clone());
                    begun
                })
            })
            .collect();
        for old in running.iter().filter(|old| !next.iter().any(|new| Arc::ptr_eq(new, old))) {
            old.stop.cancel();
        }
        *running = Arc::new(next);
        drop(running);
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether this engine may make rounds; otherwise why not.
    pub fn may(&self, elsewhere: Option<String>) {
        self.running().iter().for_each(|running| running.may(elsewhere.clone()));
        *lock(&self.0.elsewhere) = elsewhere;
    }

    /// Each dump, in the order of the fleet file.
    pub fn views(&self) -> Vec<Arc<DumpView>> {
        self.running().iter().map(|running| running.desk.view()).collect()
    }

    /// Wakes when a view has changed.
    pub fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// What is to be kept for the next engine, where it has changed since the last time.
    pub fn news(&self) -> Option<String> {
        self.0.memory.news()
    }

    /// Stops. Ends within 2 s, whatever hangs: what is half written has no name yet.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let _left_behind = tokio::time::timeout(ENDING, self.0.tasks.wait()).await;
    }

    fn running(&self) -> Arc<Vec<Arc<Running>>> {
        Arc::clone(&lock(&self.0.running))
    }

    fn place(&self, to: &Path) -> Place {
        lock(&self.0.media).entry(to.to_owned()).or_default().clone()
    }
}

/// What lies behind these locks is whole at any time.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
