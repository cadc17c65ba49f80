//! A client of a fleet that is not there: it obeys as an engine would, and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hotspare::dump::view::DumpView;
use hotspare::engine::client::{BoxFuture, Client, Link};
use hotspare::engine::command::{Accepted, Answer, Command, Pace, Query, Refusal, RefusalKind, Report};
use hotspare::engine::snapshot::Snapshot;
use hotspare::feed::view::FeedView;
use hotspare::journal::entry::Chain;
use hotspare::runbook::view::{RunId, RunReport, RunView};
use hotspare::session::view::StoreView;
use hotspare::standin::view::PoolView;
use hotspare::work::view::{JobId, JobState, JobView};
use tokio::sync::watch;

use super::recordings::Recordings;
use super::{all_entries, dumps, feeds, findings, history, job, log, pools, reads, runs};

/// A client over snapshots that a test publishes. It remembers what it was asked.
pub struct FakeClient {
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub link: watch::Sender<Link>,
    pub commands: Mutex<Vec<Command>>,
    pub queries: Mutex<Vec<Query>>,
    /// The rows of the stores, in the order of the snapshot.
    pub recordings: Mutex<Vec<Recordings>>,
    /// Work on sessions does not end by itself.
    pub slow: AtomicBool,
    reports: Mutex<BTreeMap<u64, Report>>,
}

impl FakeClient {
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        Self::with(snapshot, Vec::new())
    }

    pub fn with(snapshot: Snapshot, recordings: Vec<Recordings>) -> Arc<Self> {
        Arc::new(Self {
            snapshots: watch::Sender::new(Arc::new(snapshot)),
            link: watch::Sender::new(Link::Joined),
            commands: Mutex::default(),
            queries: Mutex::default(),
            recordings: Mutex::new(recordings),
            slow: AtomicBool::new(false),
            reports: Mutex::default(),
        })
    }

    pub fn answer(&self, query: &Query) -> Answer {
        let now = self.snapshots.borrow().taken;
        self.queries.lock().expect("not poisoned").push(query.clone());
        match query {
            Query::History { .. } => Answer::History { history: history(now) },
            Query::Journal { before, limit, .. } => {
                let before = before.unwrap_or(u64::MAX);
                let mut entries = all_entries(now);
                entries.retain(|entry| entry.seq < before);
                let from = entries.len().saturating_sub(*limit as usize);
                Answer::Journal { entries: entries.split_off(from), chain: Chain::Intact }
            }
            Query::Log { after } => {
                Answer::Log { lines: log(now).into_iter().filter(|line| line.seq > *after).collect() }
            }
            Query::Pace => Answer::Pace {
                pace: Pace {
                    started: 36_000,
                    skipped: 0,
                    late_p50: 0.0004,
                    late_p99: 0.0021,
                    late_max: 0.013,
                    tasks: 214,
                },
            },
            Query::Sessions { ask } => {
                let (index, view) = self.store(ask.store.as_ref());
                let rows = self.recordings.lock().expect("not poisoned")[index].window(ask, &view);
                Answer::Sessions { rows }
            }
            Query::Session { store, key } => {
                let (index, view) = self.store(store.as_ref());
                let detail = self.recordings.lock().expect("not poisoned")[index].detail(&view.name, key);
                Answer::Session { detail: Box::new(detail.expect("a session that is there")) }
            }
            Query::Pool { pool } => {
                let snapshot = Arc::clone(&self.snapshots.borrow());
                let view = snapshot.pool(pool).expect("a pool that is there");
                Answer::Pool { detail: Box::new(pools::detail(view, now)) }
            }
            Query::Hold { service, generation } => {
                let snapshot = Arc::clone(&self.snapshots.borrow());
                let hold = snapshot.service(service).and_then(|service| service.hold.clone());
                Answer::Hold { hold: hold.filter(|hold| hold.generation == *generation) }
            }
            Query::Services => {
                let snapshot = Arc::clone(&self.snapshots.borrow());
                Answer::Services { services: snapshot.services.iter().map(|service| (**service).clone()).collect() }
            }
            Query::Kits { .. } => Answer::Kits { kits: dumps::kits(now) },
            Query::Logs { ask } => Answer::Logs { window: Box::new(reads::logs(ask, now)) },
            Query::Configs => Answer::Configs { configs: reads::configs(now) },
            Query::ConfigDiff { .. } => Answer::ConfigDiff { diff: Box::new(reads::diff(now)) },
            Query::ConfigShow { host, path, .. } => Answer::ConfigShow {
                shown: Box::new(hotspare::configs::view::Shown {
                    config: "machines".into(),
                    host: host.clone(),
                    path: path.clone(),
                    at: now,
                    text: "listen 8080\n".into(),
                }),
            },
            Query::Report { job } => {
                let report = self.reports.lock().expect("not poisoned").get(&job.0).cloned();
                Answer::Report { report: report.unwrap_or_else(|| Report::Findings { findings: findings() }) }
            }
        }
    }

    fn store(&self, name: Option<&String>) -> (usize, Arc<StoreView>) {
        let stores = Arc::clone(&self.snapshots.borrow().stores);
        let index = name.and_then(|name| stores.iter().position(|store| store.name == *name)).unwrap_or(0);
        (index, Arc::clone(&stores[index]))
    }

    /// What an engine would do.
    pub fn obey(&self, command: &Command) -> Result<Accepted, Refusal> {
        let now = self.snapshots.borrow().taken;
        let said = |said: &str| Ok(Accepted { said: said.to_owned(), job: None });
        let index = |store: &Option<String>| self.store(store.as_ref()).0;
        match command {
            Command::ProbeNow { hosts } if hosts.is_empty() => said("every check of all hosts runs now"),
            Command::ProbeNow { hosts } => said(&format!("every check of {} runs now", hosts.join(", "))),
            Command::Stop { .. } => Err(Refusal {
                kind: RefusalKind::Safety,
                what: "the engine goes on: this is a fixture".into(),
                hint: Some("leave the console instead".into()),
            }),
            Command::SessionSync { store, which, dry_run } => {
                let sync = self.recordings.lock().expect("not poisoned")[index(store)].sync(which, *dry_run);
                Ok(self.job("copy", Report::Synced { sync }))
            }
            Command::SessionVerify { store, which, level } => {
                let stores = self.recordings.lock().expect("not poisoned");
                let verified = stores[index(store)].verification(which, *level);
                drop(stores);
                Ok(self.job("verify", Report::Verified { verified }))
            }
            Command::SessionDelete { store, which, dry_run, .. } => {
                let mut stores = self.recordings.lock().expect("not poisoned");
                let rows = &mut stores[index(store)];
                let deletion = rows.deletion(which, *dry_run, now);
                if !dry_run {
                    let gone: Vec<_> = deletion.deleted.iter().map(|deleted| deleted.key.clone()).collect();
                    rows.change(|rows| rows.retain(|row| !gone.contains(&row.key)));
                }
                drop(stores);
                Ok(self.job("delete", Report::Deleted { deletion }))
            }
            Command::SessionLimit { store, limit } => {
                self.change_store(index(store), |view| view.limit = *limit);
                said("the limit holds from now on")
            }
            Command::FeedRun { feed } => Ok(self.job("carry", Report::Fed { fed: feeds::ran(feed) })),
            Command::FeedCheck { feed, repair } => {
                Ok(self.job("compare", Report::Compared { compared: feeds::compared(feed, *repair) }))
            }
            Command::FeedPrepare { feed, dry_run } => {
                Ok(self.job("prepare", Report::Prepared { prepared: feeds::prepared(feed, *dry_run) }))
            }
            Command::FeedReset { .. } => Ok(self.job("start over", Report::Nothing)),
            Command::DumpNow { .. } => Ok(self.job("dump", Report::Dumped { made: dumps::made(now) })),
            Command::DumpVerify { .. } => {
                Ok(self.job("verify kits", Report::KitsVerified { kits: dumps::verified(now) }))
            }
            Command::DumpDrill { .. } => Ok(self.job("drill", Report::Drilled { drilled: dumps::drilled(now) })),
            Command::DumpRestore { to, dry_run, .. } => {
                let restored = dumps::restored(now, &to.url, *dry_run);
                Ok(self.job("restore", Report::Restored { restored }))
            }
            Command::ServiceHold { .. }
            | Command::ServiceRelease { .. }
            | Command::ServiceStop { .. }
            | Command::ServiceForce { .. } => Ok(self.job("service", Report::Nothing)),
            Command::DumpEject { .. } => Ok(self.job("eject", Report::Nothing)),
            Command::Hold { job, held } => {
                let state = if *held { JobState::Paused } else { JobState::Running };
                self.change_job(*job, |job| job.state = state);
                said(&format!("job {job} {}", if *held { "is held" } else { "goes on" }))
            }
            Command::PoolTakeover { pool, .. }
            | Command::PoolGiveback { pool, .. }
            | Command::PoolDrill { pool, .. }
            | Command::PoolResume { pool }
            | Command::PoolAbandon { pool } => Ok(self.run(pool, command)),
            Command::Run { dry_run: true, .. } => {
                let ran = Box::new(runs::rehearsal(now));
                Ok(self.job("rehearse", Report::Ran { ran }))
            }
            _ => said("accepted"),
        }
    }

    /// A run of a pool, or its rehearsal, which is done at once.
    fn run(&self, pool: &str, command: &Command) -> Accepted {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let (now, view) = (snapshot.taken, snapshot.pool(pool).expect("a pool that is there"));
        let dry = match command {
            Command::PoolTakeover { dry_run, .. }
            | Command::PoolGiveback { dry_run, .. }
            | Command::PoolDrill { dry_run, .. } => *dry_run,
            _ => false,
        };
        if dry {
            let ran = Box::new(pools::rehearsal(view, command, now));
            return self.job("rehearse", Report::Ran { ran });
        }
        let slow = self.slow.load(Ordering::Relaxed);
        let id = view.run.as_ref().map_or(0, |run| run.id.0) + 1;
        let run = if slow { pools::under_way(id, now) } else { RunView { id: RunId(id), ..pools::done(now) } };
        self.change_pool(pool, |view| view.run = Some(Arc::new(run.clone())));
        self.job("takeover", Report::Ran { ran: Box::new(RunReport { run, dry_run: false, refused: Vec::new() }) })
    }

    /// Another snapshot.
    fn change(&self, act: impl FnOnce(&mut Snapshot)) {
        self.snapshots.send_modify(|snapshot| {
            let snapshot = Arc::make_mut(snapshot);
            snapshot.seq += 1;
            act(snapshot);
        });
    }

    /// Changes what a snapshot says of a pool.
    pub fn change_pool(&self, name: &str, act: impl FnOnce(&mut PoolView)) {
        self.change(|snapshot| {
            let pools = Arc::make_mut(&mut snapshot.pools);
            act(Arc::make_mut(pools.iter_mut().find(|pool| pool.name == name).expect("a pool that is there")));
        });
    }

    /// Changes what a snapshot says of a feed.
    pub fn change_feed(&self, name: &str, act: impl FnOnce(&mut FeedView)) {
        self.change(|snapshot| {
            let feeds = Arc::make_mut(&mut snapshot.feeds);
            act(Arc::make_mut(feeds.iter_mut().find(|feed| feed.name == name).expect("a feed that is there")));
        });
    }

    pub fn change_dump(&self, name: &str, act: impl FnOnce(&mut DumpView)) {
        self.change(|snapshot| {
            let dumps = Arc::make_mut(&mut snapshot.dumps);
            act(Arc::make_mut(dumps.iter_mut().find(|dump| dump.name == name).expect("a dump that is there")));
        });
    }

    /// A job that has done this already, or waits for [`Self::finish`].
    fn job(&self, kind: &str, report: Report) -> Accepted {
        let mut id = 0;
        let slow = self.slow.load(Ordering::Relaxed);
        self.change(|snapshot| {
            id = snapshot.jobs.last().map_or(0, |job| job.id.0) + 1;
            let state = if slow { JobState::Running } else { JobState::Done };
            let mut job = job(id, kind, "mocap", state, snapshot.taken);
            if !slow {
                (job.done, job.eta) = (41, None);
            }
            Arc::make_mut(&mut snapshot.jobs).push(Arc::new(job));
        });
        self.reports.lock().expect("not poisoned").insert(id, report);
        Accepted { said: format!("job {id} began"), job: Some(JobId(id)) }
    }

    pub fn change_job(&self, id: JobId, act: impl FnOnce(&mut JobView)) {
        self.change(|snapshot| {
            let jobs = Arc::make_mut(&mut snapshot.jobs);
            act(Arc::make_mut(jobs.iter_mut().find(|job| job.id == id).expect("a job that is there")));
        });
    }

    /// Changes what a snapshot says of a store, and its version.
    pub fn change_store(&self, index: usize, act: impl FnOnce(&mut StoreView)) {
        self.change(|snapshot| {
            let view = Arc::make_mut(&mut Arc::make_mut(&mut snapshot.stores)[index]);
            view.version += 1;
            act(view);
        });
    }
}

impl Client for FakeClient {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn command(&self, command: Command) -> BoxFuture<Result<Accepted, Refusal>> {
        self.commands.lock().expect("not poisoned").push(command.clone());
        assert!(!matches!(&command, Command::Note { text } if text == "panic"), "asked to panic");
        let answer = self.obey(&command);
        Box::pin(async move { answer })
    }

    fn query(&self, query: Query) -> BoxFuture<Result<Answer, Refusal>> {
        let answer = self.answer(&query);
        Box::pin(async move { Ok(answer) })
    }

    fn restart(&self) -> BoxFuture<Result<(), Refusal>> {
        self.link.send_replace(Link::Joined);
        Box::pin(async { Ok(()) })
    }
}
