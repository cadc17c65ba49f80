//! What is measured: memory, descriptors, threads, tasks, processes, what lies on the disk, and how soon the engine answers.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hotspare::engine::command::{Answer, Command, Query};

use crate::house::{House, processes_of};
use crate::{Plan, graph};

/// One look at everything. Memory and disk in KiB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Since the beginning, seconds.
    pub(crate) at: f64,
    pub(crate) engine: Process,
    pub(crate) console: Process,
    /// Tasks that live in the engine; `None`: it did not answer.
    pub(crate) tasks: Option<u64>,
    /// Processes that work for the engine, ssh clients in the background included.
    pub(crate) children: u64,
    /// From a remark to the picture that shows it, milliseconds; `None`: not in time.
    pub(crate) beat: Option<f64>,
    /// Entries of the journal.
    pub(crate) entries: u64,
    /// Sessions that are somewhere: they are to be as many at the end as at the beginning.
    pub(crate) sessions: u64,
    pub(crate) state_db: u64,
    pub(crate) wal: u64,
    pub(crate) log: u64,
    /// All else in the state folder.
    pub(crate) state: u64,
    pub(crate) temporary: u64,
    /// Recordings, copies and the stick: what is worked on, not what is written about it.
    pub(crate) data: u64,
    pub(crate) share: u64,
    pub(crate) stick: u64,
}

/// One process, from `/proc`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) rss: u64,
    /// What it has allocated, without files that are mapped.
    pub(crate) heap: u64,
    pub(crate) fds: u64,
    pub(crate) threads: u64,
    /// Processor time since it began, seconds.
    pub(crate) cpu: f64,
}

pub(crate) struct Samples {
    house: Arc<House>,
    every: Duration,
    began: hotspare::clock::Tick,
    beats: u64,
    taken: Series,
    plan: Plan,
}

/// The table of all samples, and its head.
const TABLE: &str = "soak.csv";
const HEAD: &str = "seconds,engine_pid,engine_rss_kib,engine_heap_kib,engine_fds,engine_threads,engine_tasks,engine_children,\
     engine_cpu_s,console_rss_kib,console_heap_kib,console_fds,console_cpu_s,beat_ms,journal_entries,state_db_kib,wal_kib,\
     log_kib,state_kib,temporary_kib,data_kib,share_kib,stick_kib,sessions\n";
/// A beat is shown within this.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

impl Samples {
    pub(crate) fn new(house: &Arc<House>, plan: &Plan) -> Self {
        let taken = Series::default();
        if let Some(out) = &plan.out {
            std::fs::create_dir_all(out).unwrap();
            std::fs::write(out.join(TABLE), HEAD).unwrap();
        }
        Self {
            house: Arc::clone(house),
            every: plan.every(),
            began: house.clock.tick(),
            beats: 0,
            taken,
            plan: plan.clone(),
        }
    }

    /// Takes samples. Ends never.
    pub(crate) async fn take(&mut self) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.one().await;
        }
    }

    pub(crate) fn into_series(self) -> Series {
        self.taken
    }

    pub(crate) async fn one(&mut self) {
        let client = self.house.client();
        let beat = self.beat().await;
        let tasks = match client.query(Query::Pace).await {
            Ok(Answer::Pace { pace }) => Some(pace.tasks),
            _ => None,
        };
        let pid = self.house.engine_pid().await;
        let (dir, state) = (self.house.path().to_owned(), self.house.state());
        let at = self.house.clock.tick().since(self.began).as_secs_f64();
        let (entries, sessions) = {
            let snapshots = client.snapshots();
            let picture = snapshots.borrow();
            (picture.journal.length, picture.stores.iter().map(|store| store.totals.sessions).sum())
        };
        let sample = Sample {
            at,
            engine: process(pid),
            console: process(self.house.console_pid()),
            tasks,
            children: children(pid, &dir),
            beat,
            entries,
            sessions,
            state_db: size(&state.join("state.db")),
            wal: size(&state.join("state.db-wal")),
            log: below(&state.join("log")),
            state: below(&state),
            temporary: below(&dir.join("t")),
            data: below(&dir.join("data")),
            share: below(&dir.join("machines/nas/recordings")),
            stick: below(&dir.join("stick")),
        };
        let now_and_then = self.taken.0.len().is_multiple_of(20);
        if now_and_then {
            println!(
                "soak: {at:.0} s: engine {} KiB, {} fds, {tasks:?} tasks; console {} KiB; {entries} entries; beat {beat:?} ms",
                sample.engine.rss, sample.engine.fds, sample.console.rss
            );
        }
        self.taken.0.push(sample);
        // As it goes: a play that is ended before its time has its graph too.
        if let Some(out) = &self.plan.out {
            let mut table = std::fs::OpenOptions::new().append(true).open(out.join(TABLE)).unwrap();
            table.write_all(self.taken.0[self.taken.0.len() - 1].line().as_bytes()).unwrap();
            if now_and_then {
                self.draw();
            }
        }
    }

    /// The graph of all that was measured so far.
    pub(crate) fn draw(&self) {
        if let Some(out) = &self.plan.out {
            std::fs::write(out.join("soak.svg"), graph::svg(&self.taken, &self.plan)).unwrap();
        }
    }

    /// From a remark to the picture that shows it.
    async fn beat(&mut self) -> Option<f64> {
        self.beats += 1;
        let (client, text) = (self.house.client(), format!("beat {}", self.beats));
        let mut snapshots = client.snapshots();
        let began = self.house.clock.tick();
        client.command(Command::Note { text: text.clone() }).await.ok()?;
        let shown =
            snapshots.wait_for(|snapshot| snapshot.journal.tail.iter().rev().any(|entry| entry.what.contains(&text)));
        tokio::time::timeout(SHOWN_WITHIN, shown).await.ok()?.ok()?;
        Some(self.house.clock.tick().since(began).as_secs_f64() * 1e3)
    }
}

fn process(pid: u32) -> Process {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks: u64 = stat.rsplit_once(')').map_or(0, |(_, rest)| {
        rest.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum()
    });
    Process {
        pid,
        rss: figure("VmRSS:"),
        heap: figure("RssAnon:"),
        threads: figure("Threads:"),
        fds: std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |fds| fds.count() as u64),
        cpu: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
    }
}

/// Processes below this one, and the ssh clients that it keeps in the background.
fn children(pid: u32, dir: &Path) -> u64 {
    let mut found = 0;
    let mut look = vec![pid];
    while let Some(pid) = look.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
                found += 1;
                look.push(child);
            }
        }
    }
    let masters = processes_of(&dir.join("t")).iter().filter(|line| line.contains("ssh")).count();
    found + masters as u64
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len() / 1024)
}

/// All files below a folder.
fn below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => below(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |found| found.len().div_ceil(1024)),
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

/// All samples, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(pub(crate) Vec<Sample>);

impl Sample {
    /// Its line of the table.
    fn line(&self) -> String {
        let Self { engine, console, .. } = self;
        let tasks = self.tasks.map(|tasks| tasks.to_string()).unwrap_or_default();
        let beat = self.beat.map(|beat| format!("{beat:.1}")).unwrap_or_default();
        format!(
            "{:.1},{},{},{},{},{},{tasks},{},{:.2},{},{},{},{:.2},{beat},{},{},{},{},{},{},{},{},{},{}\n",
            self.at,
            engine.pid,
            engine.rss,
            engine.heap,
            engine.fds,
            engine.threads,
            self.children,
            engine.cpu,
            console.rss,
            console.heap,
            console.fds,
            console.cpu,
            self.entries,
            self.state_db,
            self.wal,
            self.log,
            self.state,
            self.temporary,
            self.data,
            self.share,
            self.stick,
            self.sessions,
        )
    }
}
