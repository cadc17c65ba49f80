//! The worker: runs every check of the fleet at its pace and keeps what is believed of each host.
//!
//! One task holds the schedule and starts checks; each run is a small task of its own with a time-out, so that a host
//! that never answers delays nobody. What a run brings is judged where it arrives, and a host's view is built anew only
//! when something changed that a person would see.

mod belief;
mod ears;
mod lateness;
mod schedule;
mod state;
mod trace;
mod watched;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use belief::Belief;
pub use ears::Ears;
pub use lateness::{Lateness, LatenessView};
use watched::Watched;

use super::policy;
use super::probe::Prober;
use super::view::{Change, History, HostView, MaintenanceView};
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::journal::entry::Weight;

/// How often hosts are judged that no check speaks of.
const SWEEP: Duration = Duration::from_secs(1);
/// Longest wait for running checks at the end.
const ENDING: Duration = Duration::from_secs(2);

/// A change of what is believed of a host, for the journal and for whoever acts on it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostChange {
    /// Host.
    pub host: String,
    /// From what to what, when and why. Health below any maintenance.
    pub change: Change,
    /// The evidence: each check that does not pass, how often in a row, and why; `None` when all do.
    pub evidence: Option<String>,
    /// How much it matters.
    pub weight: Weight,
    /// Whether the host is in maintenance.
    pub in_maintenance: bool,
}

/// Watches a fleet. Cheap to clone; the watching ends with [`Watch::shutdown`] or with the runtime.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    prober: Prober,
    hosts: Mutex<Arc<Vec<Arc<Watched>>>>,
    /// The same by name: in a large fleet, whoever asks for one must not look at all.
    named: Mutex<Named>,
    /// Counts changes that a person would see.
    seen: watch::Sender<u64>,
    changes: mpsc::UnboundedSender<HostChange>,
    schedule: watch::Sender<Arc<Vec<Arc<Watched>>>>,
    lateness: Lateness,
    stop: CancellationToken,
    runs: TaskTracker,
}

type Named = HashMap<String, Arc<Watched>>;

fn named(hosts: &[Arc<Watched>]) -> Named {
    hosts.iter().map(|host| (host.name().to_owned(), Arc::clone(host))).collect()
}

impl Watch {
    /// Starts watching. The receiver gets every change of health; it is unbounded because changes are held back by
    /// hysteresis and a lost one would be a gap in the journal.
    pub fn start(fleet: &Arc<Fleet>, clock: Clock, prober: Prober) -> (Self, mpsc::UnboundedReceiver<HostChange>) {
        let (changes, receiver) = mpsc::unbounded_channel();
        let hosts = Arc::new(watched::all(fleet, &[], &clock));
        let watch = Self(Arc::new(Inner {
            clock,
            prober,
            hosts: Mutex::new(hosts.clone()),
            named: Mutex::new(named(&hosts)),
            seen: watch::channel(0).0,
            changes,
            schedule: watch::channel(hosts).0,
            lateness: Lateness::default(),
            stop: CancellationToken::new(),
            runs: TaskTracker::new(),
        }));
        watch.0.runs.spawn(schedule::run(watch.clone(), watch.0.schedule.subscribe()));
        watch.0.runs.spawn(sweep(watch.clone()));
        (watch, receiver)
    }

    /// The hosts as faces see them, in the order of the fleet file. An unchanged host is the same `Arc` as before.
    pub fn views(&self) -> Vec<Arc<HostView>> {
        self.hosts().iter().map(|host| host.view()).collect()
    }

    /// What is believed of these hosts, for whoever acts on it. A name that is not watched is left out.
    pub fn beliefs<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Vec<Belief> {
        let all = lock(&self.0.named);
        names.into_iter().filter_map(|name| all.get(name)).map(|host| host.belief()).collect()
    }

    /// What is believed of every host that is down, below any maintenance.
    pub fn down(&self) -> Vec<Belief> {
        self.hosts().iter().filter(|host| host.is_down()).map(|host| host.belief()).collect()
    }

    /// Hears when a view of one of these hosts has changed.
    pub fn listen<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Ears {
        let all = lock(&self.0.named);
        Ears::new(names.into_iter().filter_map(|name| all.get(name)).map(|host| host.turned().subscribe()).collect())
    }

    /// Wakes when a view has changed.
    pub fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// The history of a host: its checks' last runs and its last changes of health.
    pub fn history(&self, host: &str) -> Option<History> {
        self.host(host).map(|host| host.history())
    }

    /// Runs every check of these hosts now (of all hosts where no name is given) and waits for the results, which takes no
    /// longer than the longest time-out. Checks that are just running are not run twice. Returns how many were run.
    pub async fn probe_now(&self, hosts: &[String]) -> usize {
        let all = self.hosts();
        let chosen = all.iter().filter(|host| hosts.is_empty() || hosts.iter().any(|name| name == host.name()));
        let mut runs = Vec::new();
        for host in chosen {
            self.0.prober.ssh().wake(host.ssh());
            runs.extend((0..host.len()).filter_map(|check| self.launch(host, check)));
        }
        futures_util::future::join_all(runs).await.len()
    }

    /// Watches this fleet from now on. Hosts and checks that did not change keep their history and their verdict.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        let hosts = {
            let mut hosts = lock(&self.0.hosts);
            *hosts = Arc::new(watched::all(fleet, &hosts, &self.0.clock));
            *lock(&self.0.named) = named(&hosts);
            hosts.clone()
        };
        self.0.schedule.send_replace(hosts);
        self.bump();
        let (ssh, fleet) = (self.0.prober.ssh().clone(), fleet.clone());
        self.0.runs.spawn(async move {
            ssh.retain(|destination| fleet.reaches(destination)).await;
        });
    }

    /// Puts a host into maintenance or takes it out. Watching goes on; its end is kept by whoever asked for it. `false`:
    /// there is no such host.
    pub fn set_maintenance(&self, host: &str, maintenance: Option<MaintenanceView>) -> bool {
        let Some(host) = self.host(host) else { return false };
        host.set_maintenance(maintenance, self.0.clock.tick());
        self.turn(&host);
        true
    }

    /// How late checks start, and how many were left out because the run before had not ended.
    pub fn lateness(&self) -> LatenessView {
        self.0.lateness.view()
    }

    /// Stops watching and closes the connections over ssh. Ends within 4 s.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.runs.close();
        let _left_behind = tokio::time::timeout(ENDING, self.0.runs.wait()).await;
        self.0.prober.ssh().shutdown().await;
    }

    fn hosts(&self) -> Arc<Vec<Arc<Watched>>> {
        lock(&self.0.hosts).clone()
    }

    fn host(&self, name: &str) -> Option<Arc<Watched>> {
        lock(&self.0.named).get(name).cloned()
    }

    /// The view of a host is another one.
    fn turn(&self, host: &Watched) {
        host.turned().send_modify(|count| *count = count.wrapping_add(1));
        self.bump();
    }

    fn bump(&self) {
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The host that is watched now in the place of this one, and its check that asks the same. `None`: nobody asks it any more.
    fn heir(&self, host: &Watched, check: usize) -> Option<(Arc<Watched>, usize)> {
        let now = self.host(host.name())?;
        let check = now.same_check(host, check)?;
        Some((now, check))
    }

    /// Starts one run of a check, unless one is under way.
    fn launch(&self, host: &Arc<Watched>, check: usize) -> Option<tokio::task::JoinHandle<()>> {
        let running = host.begin(check)?;
        let (watch, host) = (self.clone(), host.clone());
        Some(self.0.runs.spawn(async move {
            let Some((ask, pace)) = host.question(check) else { return };
            let seen = tokio::select! {
                seen = watch.0.prober.run(ask, pace.timeout) => seen,
                () = watch.0.stop.cancelled() => return,
            };
            let identity = ask.kind.over_ssh().then(|| watch.0.prober.ssh().identity(host.ssh())).flatten();
            // The fleet file may have been read again meanwhile: what a host that is watched no more has heard, the one in
            // its place would never hear, as long as each question takes as long as the pace is.
            let Some((host, check)) = watch.heir(&host, check) else { return };
            if host.take_in(check, &seen, identity, &watch.0.changes) {
                watch.turn(&host);
            }
            // A host that is silent is asked at its pace also where each question takes as long as the pace is.
            if running.end() {
                watch.launch(&host, check);
            }
        }))
    }
}

/// Judges again what time alone changes: results that grow old, a recovery that is long enough, the trend.
async fn sweep(watch: Watch) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _tick = ticks.tick() => {}
            () = watch.0.stop.cancelled() => return,
        }
        let (now, wall) = (watch.0.clock.tick(), watch.0.clock.now());
        for host in watch.hosts().iter() {
            if host.sweep(now, wall, &watch.0.changes) {
                watch.turn(host);
            }
        }
    }
}

/// What lies behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
