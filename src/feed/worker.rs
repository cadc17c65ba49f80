//! The worker: a pump for each feed of the fleet file, and what people ask of feeds.

mod by_hand;
mod running;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::running::Running;
use super::memory::Memory;
use super::source;
use super::view::{FeedView, Part};
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::reach::secret::Secrets;

/// Longest wait for what is under way at the end.
const ENDING: Duration = Duration::from_secs(2);
/// Between two pictures where nothing else makes one: what waits grows older.
const PULSE: Duration = Duration::from_secs(1);

/// What feeds work with.
#[derive(Clone)]
pub struct Tools {
    /// The time.
    pub clock: Clock,
    /// Passwords and tokens.
    pub secrets: Secrets,
    /// How sources are reached.
    pub sources: source::Tools,
}

/// What each host of a pool does, by pool and host.
pub type Casting = BTreeMap<String, BTreeMap<String, Part>>;

/// All feeds of the fleet. Cheap to clone.
#[derive(Clone)]
pub struct Feeds(Arc<Inner>);

struct Inner {
    tools: Tools,
    /// Rows are carried as they come, or only when somebody asks.
    always: bool,
    memory: Arc<Memory>,
    running: Mutex<Arc<Vec<Arc<Running>>>>,
    /// Why nothing may be carried by this engine.
    elsewhere: Mutex<Option<String>>,
    casting: Mutex<Casting>,
    seen: watch::Sender<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeds").finish_non_exhaustive()
    }
}

impl Feeds {
    /// Begins to carry. `memory` is what [`Feeds::news`] told the last time; without `always` rows are carried only when
    /// somebody asks. Nothing is carried before [`Feeds::may`] has said so.
    pub fn start(fleet: &Arc<Fleet>, tools: Tools, memory: &str, always: bool) -> Self {
        let feeds = Self(Arc::new(Inner {
            tools,
            always,
            memory: Arc::new(Memory::read(memory)),
            running: Mutex::default(),
            elsewhere: Mutex::new(Some("the engine has just started".into())),
            casting: Mutex::default(),
            seen: watch::channel(0).0,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        feeds.reload(fleet);
        let ticking = feeds.clone();
        feeds.0.tasks.spawn(async move {
            let stop = ticking.0.stop.clone();
            while stop.run_until_cancelled(tokio::time::sleep(PULSE)).await.is_some() {
                ticking.running().iter().for_each(|running| running.desk.compose());
            }
        });
        feeds
    }

    /// Goes on with another fleet. A feed that is as it was goes on undisturbed.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        let (elsewhere, casting) = (lock(&self.0.elsewhere).clone(), lock(&self.0.casting).clone());
        let mut running = lock(&self.0.running);
        let next: Vec<Arc<Running>> = fleet
            .feeds
            .iter()
            .map(|feed| {
                let same = running.iter().find(|old| old.is(fleet, feed)).cloned();
                same.unwrap_or_else(|| {
                    let begun = Running::begin(self, fleet, feed);
                    begun.may(elsewhere.clone());
                    begun.cast(&casting);
                    begun
                })
            })
            .collect();
        for old in running.iter().filter(|old| !next.iter().any(|new| Arc::ptr_eq(new, old))) {
            old.stop.cancel();
        }
        *running = Arc::new(next);
        drop(running);
        self.bump();
    }

    /// Whether this engine may carry; otherwise why not.
    pub fn may(&self, elsewhere: Option<String>) {
        self.running().iter().for_each(|running| running.may(elsewhere.clone()));
        *lock(&self.0.elsewhere) = elsewhere;
    }

    /// What the hosts of pools do now.
    pub fn cast(&self, casting: Casting) {
        self.running().iter().for_each(|running| running.cast(&casting));
        *lock(&self.0.casting) = casting;
    }

    /// The feeds as faces see them, in the order of the fleet file. An unchanged one is the same `Arc` as before.
    pub fn views(&self) -> Vec<Arc<FeedView>> {
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

    /// Stops. Ends within 2 s, whatever hangs: what is half written is undone by the target.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let _left_behind = tokio::time::timeout(ENDING, self.0.tasks.wait()).await;
    }

    fn running(&self) -> Arc<Vec<Arc<Running>>> {
        Arc::clone(&lock(&self.0.running))
    }

    fn bump(&self) {
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// What lies behind these locks is whole at any time.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
