//! The beginning of an engine's state: what was kept is loaded, and what that asks for is begun.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{Core, Parts, dumps, feeds, jobs, pools, runs};
use crate::engine::compose;
use crate::engine::freeze::Watchdog;
use crate::engine::guards::Guards;
use crate::engine::hosts::News;
use crate::engine::maintenance::{self, Maintenance};
use crate::engine::notify::Herald;
use crate::engine::pools::lease_view;
use crate::engine::runs::Runs;
use crate::engine::snapshot::{EngineView, FileView, Head, Snapshot};
use crate::journal::entry::{Chain, Weight};
use crate::work::jobs::Jobs;

/// Jobs at once.
const JOBS_AT_ONCE: usize = 4;

impl Core {
    /// Loads what was kept and writes that the engine started.
    pub(in crate::engine) async fn new(parts: Parts) -> Self {
        let (clock, now) = (parts.clock.clone(), parts.clock.now());
        let kept = |key| parts.journal.kept(key);
        let last_job = kept(jobs::LAST).await.ok().flatten().and_then(|text| text.parse().ok());
        // Where a state.db that cannot be read may know of jobs, the seconds since 1970 are a number that none of them has.
        let unknown = parts.journal.tail().borrow().trouble.is_some();
        let last_job = last_job.unwrap_or(if unknown { now.as_second().unsigned_abs() } else { 0 });
        let maintenance = Maintenance::from_kept(kept(maintenance::KEY).await.ok().flatten().as_deref());
        let (jobs_table, ended_jobs) = Jobs::new(clock.clone(), last_job, JOBS_AT_ONCE);
        let runbooks = runs::of_people(&parts.fleet);
        let file = FileView { path: parts.file.clone(), read: now, refused: Vec::new(), runbooks };
        let engine = EngineView {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: now,
            state: parts.folder.path().to_owned(),
            frozen: None,
            consoles: 0,
            brief: parts.quiet,
        };
        parts.hosts.maintain_all(maintenance.all());
        let (verdicts, verified) = mpsc::channel(4);
        let (read_again, readings) = mpsc::unbounded_channel();
        let (say, said) = mpsc::unbounded_channel();
        let last_run = kept(pools::LAST_RUN).await.ok().flatten().and_then(|text| text.parse().ok());
        let last_run = last_run.unwrap_or(if unknown { now.as_second().unsigned_abs() } else { 0 });
        let run_names = kept(runs::NAMES).await.ok().flatten().and_then(|text| serde_json::from_str(&text).ok());
        let run_names: BTreeSet<String> = run_names.unwrap_or_default();
        let open_jobs = kept(jobs::OPEN).await.ok().flatten();
        let holds = kept(crate::engine::services::HOLDS).await.ok().flatten();
        let runs = Runs::start(&parts.lease, &run_names).await;
        let empty = Snapshot {
            seq: 0,
            taken: now,
            head: Arc::new(Head {
                fleet: parts.fleet.name.clone(),
                engine: engine.clone(),
                lease: lease_view(&parts.fleet, &parts.lease),
                file: file.clone(),
                alarms: Vec::new(),
            }),
            hosts: Arc::new(parts.hosts.views()),
            pools: Arc::new(parts.pools.views()),
            feeds: Arc::new(parts.feeds.views()),
            dumps: Arc::new(parts.dumps.views()),
            services: Arc::new(parts.services.views().into_iter().map(Arc::new).collect()),
            runs: Arc::new(runs.views()),
            stores: Arc::new(parts.sessions.views()),
            jobs: Arc::default(),
            journal: Arc::new(compose::journal(&parts.journal.tail().borrow(), &Chain::Checking)),
        };
        let _closed_or_busy = parts.journal.limit(parts.fleet.engine.journal);
        let mut core = Self {
            jobs: jobs_table,
            ended_jobs,
            maintenance,
            guards: Guards::default(),
            watchdog: Watchdog::new(clock.tick(), now),
            herald: Herald::new(&clock, parts.http.clone(), parts.hosts.prober().secrets().clone()),
            chain: Chain::Checking,
            file,
            engine,
            news: News::default(),
            most_guests: 0,
            published: watch::channel(Arc::new(empty)).0,
            published_at: clock.tick(),
            verified,
            verdicts,
            read_again,
            readings,
            say,
            said,
            last_run,
            runs,
            run_names,
            run_waits: None,
            feeds_said: feeds::Said::default(),
            dumps_said: dumps::Said::default(),
            again: None,
            foreign_said: Vec::new(),
            holds_kept: String::new(),
            open_jobs_kept: String::new(),
            parts,
        };
        core.note(
            "engine",
            format!("the engine started (pid {}, version {})", core.engine.pid, core.engine.version),
            String::new(),
            serde_json::json!({ "engine": "started", "pid": core.engine.pid }),
            Weight::Note,
        );
        core.end_lost_jobs(open_jobs.as_deref());
        core.end_overdue_maintenance();
        core.holds_before(holds.as_deref());
        core.verify_quietly();
        if !core.parts.quiet {
            core.recover_deletions();
        }
        core.publish();
        core
    }
}
