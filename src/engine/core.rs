//! The heart of the engine: one task that owns all state, takes requests, and publishes snapshots.
//!
//! Everything else tells it what changed over channels; it never waits for a disk, a host or a guest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::command::{Accepted, Answer, Command, Query, Refusal, Report};
use super::door::Door;
use super::file::Parsed;
use super::freeze::{PULSE, Watchdog};
use super::guards::Guards;
use super::guest::{Presence, Who};
use super::hosts::{Hosts, News};
use super::log::Ring;
use super::maintenance::Maintenance;
use super::notify::Herald;
use super::outlet::Outlet;
use super::runs::Runs;
use super::sessions::Sessions;
use super::snapshot::{EngineView, FileView, Snapshot};
use super::state::StateFolder;
use crate::clock::{Clock, Tick, Timestamp};
use crate::configs::{Configs, News as ConfigNews};
use crate::dump::worker::Dumps;
use crate::feed::worker::Feeds;
use crate::fleet::Fleet;
use crate::health::worker::HostChange;
use crate::journal::entry::{Chain, Weight};
use crate::journal::store::Draft;
use crate::journal::writer::{Journal, Recorded};
use crate::reach::http::HttpClient;
use crate::runbook::view::RunId;
use crate::service::logs::Logs;
use crate::service::worker::{News as ServiceNews, Services};
use crate::standin::lease::Lease;
use crate::standin::worker::{News as PoolNews, Pools};
use crate::work::jobs::Jobs;
use crate::work::view::JobView;

mod begin;
mod commands;
mod configs;
mod dumps;
mod end;
mod errand;
mod events;
mod feeds;
mod jobs;
mod pools;
mod publish;
mod queries;
mod runs;
mod services;
mod sessions;

use pools::Worded;

/// At most ten snapshots a second.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_millis(100);

/// A request to the core.
#[derive(Debug)]
pub(super) enum Ask {
    /// To change something.
    Command { who: Who, command: Command, answer: oneshot::Sender<Result<Accepted, Refusal>> },
    /// To see something.
    Query { query: Query, answer: oneshot::Sender<Result<Answer, Refusal>> },
    /// To end, whatever runs.
    Stop { who: String },
    /// To journal that somebody was not let in.
    TurnedAway { who: String, why: String },
}

/// What the core is made of.
pub(super) struct Parts {
    pub clock: Clock,
    pub detached: bool,
    pub folder: StateFolder,
    pub file: std::path::PathBuf,
    pub fleet: Arc<Fleet>,
    pub hosts: Hosts,
    pub sessions: Sessions,
    pub pools: Pools,
    pub feeds: Feeds,
    pub dumps: Dumps,
    pub services: Services,
    pub service_news: mpsc::UnboundedReceiver<ServiceNews>,
    pub logs: Logs,
    pub configs: Configs,
    pub config_news: mpsc::UnboundedReceiver<ConfigNews>,
    /// Nothing is done that nobody has asked for.
    pub quiet: bool,
    pub lease: Lease,
    pub pool_news: mpsc::UnboundedReceiver<PoolNews>,
    pub host_changes: mpsc::UnboundedReceiver<HostChange>,
    pub http: HttpClient,
    pub journal: Journal,
    pub ring: Ring,
    pub presence: Presence,
    pub door: Door,
    pub outlet: Outlet,
    pub stop: CancellationToken,
}

/// The state of the engine.
pub(super) struct Core {
    parts: Parts,
    jobs: Jobs<Report>,
    ended_jobs: mpsc::UnboundedReceiver<JobView>,
    maintenance: Maintenance,
    guards: Guards,
    watchdog: Watchdog,
    herald: Herald,
    chain: Chain,
    file: FileView,
    engine: EngineView,
    news: News,
    most_guests: u32,
    published: watch::Sender<Arc<Snapshot>>,
    published_at: Tick,
    verified: mpsc::Receiver<Chain>,
    verdicts: mpsc::Sender<Chain>,
    read_again: mpsc::UnboundedSender<ReadAgain>,
    readings: mpsc::UnboundedReceiver<ReadAgain>,
    say: mpsc::UnboundedSender<Worded>,
    said: mpsc::UnboundedReceiver<Worded>,
    /// Number of the last run.
    last_run: u64,
    runs: Runs,
    /// Names of the runbooks whose last run is kept.
    run_names: BTreeSet<String>,
    /// What was told of runs that wait for a person.
    run_waits: Option<BTreeMap<RunId, String>>,
    feeds_said: feeds::Said,
    dumps_said: dumps::Said,
    /// Since when how many copies were verified again in the background and not told of yet.
    again: Option<(Timestamp, u64)>,
    /// What was told of values in etcd that none of this fleet's engines wrote.
    foreign_said: Vec<String>,
    /// What was kept last of the holds that stand.
    holds_kept: String,
    /// What was kept last of the jobs that have not ended.
    open_jobs_kept: String,
}

/// The fleet file as it was read because somebody asked for it, and to whom that is answered.
struct ReadAgain {
    who: Who,
    parsed: Parsed,
    answer: oneshot::Sender<Result<Accepted, Refusal>>,
}

impl Core {
    /// The snapshots it will publish.
    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Runs until it is stopped; then ends the jobs and closes the journal.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>, mut files: mpsc::Receiver<Parsed>) {
        let mut hosts = self.parts.hosts.seen();
        let mut lease = self.parts.lease.state();
        let mut pools = self.parts.pools.seen();
        let mut stores = self.parts.sessions.seen();
        let mut feeds = self.parts.feeds.seen();
        let mut dumps = self.parts.dumps.seen();
        let mut runs = self.runs.seen();
        let mut services = self.parts.services.seen();
        let mut jobs = self.jobs.changed();
        let mut tail = self.parts.journal.tail();
        let mut counts = self.parts.presence.counts();
        let mut outlet = self.parts.outlet.trouble();
        let stop = self.parts.stop.clone();
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // What was said before this listened is heard, too: a busy machine comes here late.
        for seen in [&mut pools, &mut feeds, &mut dumps] {
            seen.mark_changed();
        }
        lease.mark_changed();
        counts.mark_changed();
        if outlet.borrow().is_some() {
            outlet.mark_changed();
        }
        let mut changed = true;
        while !stop.is_cancelled() {
            let due = BETWEEN_SNAPSHOTS.saturating_sub(self.parts.clock.tick().since(self.published_at));
            changed = tokio::select! {
                () = stop.cancelled() => changed,
                Some(ask) = asks.recv() => { self.take(ask); true }
                Ok(()) = hosts.changed() => true,
                Some(change) = self.parts.host_changes.recv() => { self.host_changed(&change); true }
                Ok(()) = pools.changed() => { self.guide_feeds(); self.runs_wait(); true }
                Ok(()) = feeds.changed() => { self.feeds_seen(); true }
                Ok(()) = dumps.changed() => { self.dumps_seen(); true }
                Ok(()) = services.changed() => { self.keep_holds(); true }
                Some(news) = self.parts.service_news.recv() => { self.service_news(&news); true }
                Ok(()) = stores.changed() => true,
                Ok(()) = runs.changed() => { self.runs_wait(); true }
                Ok(()) = jobs.changed() => true,
                Ok(()) = tail.changed() => true,
                Ok(()) = counts.changed() => {
                    let count = *counts.borrow_and_update();
                    self.guests(count);
                    true
                }
                Ok(()) = outlet.changed() => {
                    let trouble = outlet.borrow_and_update().clone();
                    self.outlet_told(trouble);
                    true
                }
                Some(parsed) = files.recv() => { self.reload(parsed, "engine"); true }
                Some(worded) = self.said.recv() => { self.worded(worded); true }
                Some(news) = self.parts.pool_news.recv() => { self.pool_news(news); true }
                Some(news) = self.parts.config_news.recv() => { self.config_news(&news); true }
                Ok(()) = lease.changed() => {
                    let foreign = lease.borrow_and_update().foreign.clone();
                    self.foreign_in_etcd(foreign);
                    self.guide_feeds();
                    self.guide_dumps();
                    true
                }
                Some(again) = self.readings.recv() => { self.reload_answered(again); true }
                Some(job) = self.ended_jobs.recv() => {
                    self.job_ended(&job);
                    self.guests(*counts.borrow());
                    true
                }
                Some(chain) = self.verified.recv() => { self.verdict(chain); true }
                _ = pulse.tick() => { self.pulse(); true }
                () = tokio::time::sleep(due), if changed => {
                    self.publish();
                    false
                }
            };
        }
        self.close().await;
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Command { who, command, answer } => self.command(&who, command, answer),
            Ask::Query { query, answer } => self.query(query, answer),
            Ask::Stop { who } => self.begin_to_stop(&who),
            Ask::TurnedAway { who, why } => {
                let about = serde_json::json!({ "socket": "refused" });
                self.note(&who, "refused: to join the engine", why, about, Weight::Refusal);
            }
        }
    }

    fn begin_to_stop(&self, who: &str) {
        self.note(
            who,
            "the engine is asked to stop",
            String::new(),
            serde_json::json!({ "engine": "stopping" }),
            Weight::Note,
        );
        self.parts.stop.cancel();
    }

    /// Writes an entry; what cannot even be queued is in the log.
    fn note(
        &self,
        who: &str,
        what: impl Into<String>,
        why: impl Into<String>,
        about: serde_json::Value,
        weight: Weight,
    ) -> Option<oneshot::Receiver<Recorded>> {
        let draft = Draft { time: self.now(), who: who.to_owned(), what: what.into(), why: why.into(), about, weight };
        let why = Some(&draft.why).filter(|why| !why.is_empty());
        let (who, what) = (&draft.who, &draft.what);
        match draft.weight {
            Weight::Alarm => tracing::error!(who, why, "{what}"),
            Weight::Warning | Weight::Refusal => tracing::warn!(who, why, "{what}"),
            Weight::Note | Weight::Good => tracing::info!(who, why, "{what}"),
        }
        self.parts
            .journal
            .append(draft)
            .inspect_err(|error| tracing::error!(%error, "an entry of the journal is lost"))
            .ok()
    }

    /// Tells what lies in etcd that none of this fleet's engines wrote, and when it is there no more.
    fn foreign_in_etcd(&mut self, foreign: Vec<String>) {
        for line in foreign.iter().filter(|line| !self.foreign_said.contains(line)) {
            let about = serde_json::json!({ "etcd": "foreign" });
            self.note("engine", line.clone(), String::new(), about, Weight::Alarm);
        }
        if foreign.is_empty() && !self.foreign_said.is_empty() {
            let about = serde_json::json!({ "etcd": "own" });
            self.note("engine", "everything in etcd is written by this fleet's engines again", "", about, Weight::Good);
        }
        self.foreign_said = foreign;
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}
