//! The worker: keeps each pool's book, looks around, has the arbiter judge, and carries out what was decided.
//!
//! A pool has a task that judges at its pace, and others that look: at the anchors, through the witnesses, at the spares, at
//! who owns the addresses. What the arbiter decides is handed to the engine, which makes a job of it; the job comes back to
//! [`Pools::begin`], where the decision is made durable before its first step.

mod act;
mod audit;
mod cards;
mod claims;
mod eyes;
mod glance;
mod hold;
mod keep;
mod ledger;
mod make;
mod mind;
mod practice;
mod show;
mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use act::{Order, Progress};
pub use keep::Undone;
pub use ledger::{Ledge, Standing};
pub use words::Word;

use super::arbiter::{Act, Decision, Refusal, Wish, by_hand};
use super::desk::{Desk, Seen};
use super::lease::Lease;
use super::lease::opinion::{Others, sights};
use super::steady::Steady;
use super::view::{PoolDetail, PoolView, Stand};
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::settings::Event;
use crate::health::probe::Prober;
use crate::health::worker::{Belief, Ears, Watch};
use crate::journal::writer::Journal;
use crate::runbook::run::Wish as Say;
use crate::runbook::tools::Tools;
use crate::runbook::view::RunId;

/// Longest wait for the tasks at the end.
const ENDING: Duration = Duration::from_secs(2);

/// Between two looks at what is down in the whole fleet, at least.
const BETWEEN_WORDS: Duration = Duration::from_millis(50);

/// What it works with.
#[derive(Clone)]
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// What is believed of hosts.
    pub watch: Watch,
    /// Asks anchors.
    pub prober: Prober,
    /// Does the steps of runs.
    pub tools: Tools,
    /// The right to act, and where books are kept.
    pub lease: Lease,
    /// The journal.
    pub journal: Journal,
    /// The folder of the recovery cards.
    pub cards: PathBuf,
}

/// What the engine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The arbiter decided: a job is to call [`Pools::begin`] with it.
    Decided {
        /// Pool.
        pool: String,
        /// What.
        decision: Decision,
    },
    /// Something worth telling somebody.
    Told {
        /// What kind.
        event: Event,
        /// Host or pool.
        subject: String,
        /// What happened.
        what: String,
        /// Why.
        why: String,
    },
}

/// All pools of the fleet. Cheap to clone.
#[derive(Clone)]
pub struct Pools(Arc<Inner>);

struct Inner {
    parts: Parts,
    steady: Steady,
    fleet: Mutex<Arc<Fleet>>,
    desks: Mutex<Arc<Vec<Arc<Desk>>>>,
    frozen: Mutex<Option<String>>,
    /// What was down in the whole fleet a moment ago.
    down: Mutex<Arc<Vec<Belief>>>,
    seen: watch::Sender<u64>,
    news: mpsc::UnboundedSender<News>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Cancelled when the fleet file changes: the tasks of the pools before.
    round: Mutex<CancellationToken>,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}

impl Pools {
    /// Begins to look after the pools. The receiver gets what is to be done and told.
    pub fn start(fleet: &Arc<Fleet>, parts: Parts) -> (Self, mpsc::UnboundedReceiver<News>) {
        let (news, told) = mpsc::unbounded_channel();
        let steady = Steady::begin(&parts.clock);
        let pools = Self(Arc::new(Inner {
            parts,
            steady,
            fleet: Mutex::new(Arc::clone(fleet)),
            desks: Mutex::default(),
            frozen: Mutex::default(),
            down: Mutex::default(),
            seen: watch::channel(0).0,
            news,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            round: Mutex::new(CancellationToken::new()),
        }));
        pools.reload(fleet);
        let (telling, stop) = (pools.clone(), pools.0.stop.clone());
        pools.0.tasks.spawn(async move { stop.run_until_cancelled(telling.tell_others()).await });
        (pools, told)
    }

    /// Goes on with another fleet.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        let now = self.now();
        *lock(&self.0.fleet) = Arc::clone(fleet);
        let desks: Arc<Vec<Arc<Desk>>> = {
            let mut desks = lock(&self.0.desks);
            let before = Arc::clone(&desks);
            let desk = |pool| match before.iter().find(|desk| desk.pool().name == *pool_name(pool)) {
                Some(old) if old.pool() == pool => Arc::clone(old),
                Some(old) => Arc::new(old.carried(pool, now)),
                None => Arc::new(Desk::new(pool, now)),
            };
            *desks = Arc::new(fleet.pools.iter().map(desk).collect());
            Arc::clone(&desks)
        };
        let round = self.0.stop.child_token();
        std::mem::replace(&mut *lock(&self.0.round), round.clone()).cancel();
        for desk in desks.iter() {
            let (pools, desk, round) = (self.clone(), Arc::clone(desk), round.clone());
            self.0.tasks.spawn(async move { round.run_until_cancelled(pools.look_after(&desk)).await });
        }
        self.bump();
    }

    /// The pools as faces see them, in the order of the fleet file; an unchanged one is the same `Arc` as before.
    pub fn views(&self) -> Vec<Arc<PoolView>> {
        lock(&self.0.desks).iter().map(|desk| desk.view()).collect()
    }

    /// Wakes when a view has changed.
    pub fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// Everything known of one pool. `None`: there is none of this name.
    pub fn detail(&self, pool: &str) -> Option<PoolDetail> {
        self.desk(pool).map(|desk| desk.detail())
    }

    /// Suspends automatic decisions, or lets them go on.
    pub fn freeze(&self, why: Option<String>) {
        *lock(&self.0.frozen) = why;
    }

    /// What a person's wish comes to now: the decision, or everything that speaks against it. Changes nothing.
    pub fn choose(&self, pool: &str, wish: &Wish) -> Result<Decision, Vec<Refusal>> {
        let Some(desk) = self.desk(pool) else { return Err(Vec::new()) };
        let sight = self.sight(&desk);
        let kept = desk.kept();
        let scene = desk.scene(&kept, &sight.seen());
        by_hand(desk.pool(), &kept.book, &scene, wish)
    }

    /// The host that a person means who names none: of a takeover the most important one that is gone, of a giveback the
    /// only one that is stood in for.
    pub fn meant(&self, pool: &str, act: Act) -> Result<String, String> {
        let Some(desk) = self.desk(pool) else { return Err(format!("there is no pool {pool}")) };
        let view = desk.view();
        let stands = |wanted: &[Stand]| -> Vec<String> {
            view.hosts.iter().filter(|host| wanted.contains(&host.stand)).map(|host| host.name.clone()).collect()
        };
        match act {
            Act::Takeover => stands(&[Stand::Failing, Stand::Waiting])
                .into_iter()
                .next()
                .ok_or_else(|| format!("no host of {pool} is gone; to move the work of one that is alive, choose it among the hosts, or name it (--failed)")),
            Act::Drill => view.hosts.first().map(|host| host.name.clone()).ok_or_else(|| format!("{pool} has no host")),
            Act::Giveback | Act::Release => {
                let served: Vec<String> =
                    desk.kept().book.spares.values().map(|assigned| assigned.host.clone()).collect();
                match served.as_slice() {
                    [] => Err(format!("nobody stands in for a host of {pool}")),
                    [one] => Ok(one.clone()),
                    several => {
                        Err(format!("several hosts of {pool} are stood in for; name one: {}", several.join(", ")))
                    }
                }
            }
        }
    }

    /// What the steps of runs are done with.
    pub fn tools(&self) -> &Tools {
        &self.0.parts.tools
    }

    /// Which step of a run asks for something, and the way to whoever does the run.
    pub fn question(&self, run: RunId) -> Option<(String, mpsc::Sender<Say>)> {
        let desks = Arc::clone(&lock(&self.0.desks));
        desks.iter().find_map(|desk| {
            let kept = desk.kept();
            let view = kept.run.as_ref().filter(|view| view.id == run)?;
            Some((view.question.as_ref()?.step.clone(), kept.hand.clone()?))
        })
    }

    /// Stops looking. Runs that are under way end by the jobs that do them. Ends within 2 s.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let _left_behind = tokio::time::timeout(ENDING, self.0.tasks.wait()).await;
        self.0.parts.lease.release().await;
    }

    fn desk(&self, pool: &str) -> Option<Arc<Desk>> {
        lock(&self.0.desks).iter().find(|desk| desk.pool().name == pool).cloned()
    }

    fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&lock(&self.0.fleet))
    }

    /// Steady time.
    fn now(&self) -> Timestamp {
        self.0.steady.at(self.0.parts.clock.tick())
    }

    /// What is seen of a pool now.
    fn sight(&self, desk: &Desk) -> Sight {
        Sight {
            beliefs: self.0.parts.watch.beliefs(desk.members()),
            down: Arc::clone(&lock(&self.0.down)),
            others: self.0.parts.lease.others().borrow().clone(),
            now: self.0.parts.clock.tick(),
            steady: self.0.steady,
            lease: self.0.parts.lease.may_act().map(|_right| ()).map_err(|not| not.0),
            frozen: lock(&self.0.frozen).clone(),
        }
    }

    /// Hears of the machines of a pool.
    fn ears(&self, desk: &Desk) -> Ears {
        self.0.parts.watch.listen(desk.members())
    }

    /// Tells the other engines what this one sees, once for all pools, as soon as it changes.
    async fn tell_others(&self) {
        let mut seen = self.0.parts.watch.seen();
        loop {
            let down = self.0.parts.watch.down();
            self.0.parts.lease.publish(sights(&down, self.0.steady));
            *lock(&self.0.down) = Arc::new(down);
            tokio::time::sleep(BETWEEN_WORDS).await;
            if seen.changed().await.is_err() {
                return;
            }
        }
    }

    fn bump(&self) {
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn tell(&self, news: News) {
        // An error: the engine is ending.
        let _ending = self.0.news.send(news);
    }
}

/// What a scene of one pool is made of.
struct Sight {
    beliefs: Vec<Belief>,
    down: Arc<Vec<Belief>>,
    others: Arc<Others>,
    now: Tick,
    steady: Steady,
    lease: Result<(), String>,
    frozen: Option<String>,
}

impl Sight {
    fn seen(&self) -> Seen<'_> {
        Seen {
            now: self.now,
            steady: self.steady,
            beliefs: &self.beliefs,
            down: &self.down,
            others: &self.others,
            lease: self.lease.clone(),
            frozen: self.frozen.clone(),
        }
    }
}

fn pool_name(pool: &crate::fleet::pool::Pool) -> &String {
    &pool.name
}

/// What lies behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
