//! A fleet that is not there: snapshots, histories and a client for pictures and tests of the console.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test and the example use their own part")]
#![allow(clippy::expect_used, clippy::cast_precision_loss, reason = "invented data: few, small and right")]

#[path = "client.rs"]
mod client;
#[path = "dumps.rs"]
pub mod dumps;
#[path = "feeds.rs"]
pub mod feeds;
#[path = "pools.rs"]
pub mod pools;
#[path = "reads.rs"]
pub mod reads;
#[path = "recordings.rs"]
pub mod recordings;
#[path = "runs.rs"]
pub mod runs;
#[path = "services.rs"]
pub mod services;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use client::FakeClient;
use hotspare::clock::Timestamp;
use hotspare::engine::command::{Finding, Grade, LogLine};
use hotspare::engine::snapshot::{EngineView, FileView, Head, JournalView, LeaseView, Snapshot};
use hotspare::health::observation::Outcome;
use hotspare::health::view::{Change, CheckView, Health, History, HostView, MaintenanceView, Point};
use hotspare::journal::entry::{Chain, Entry, Weight};
use hotspare::session::view::StoreView;
use hotspare::work::view::{JobId, JobState, JobView, Part, Priority, Unit};
use recordings::Recordings;

/// Twenty past two in the afternoon, with seconds in which nothing is young.
pub fn noon() -> Timestamp {
    "2026-11-20T14:02:11Z".parse().expect("a time")
}

/// So many seconds before that time.
pub fn ago(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(now.as_second() - seconds).expect("in range")
}

fn check(name: &str, kind: &str, asks: &str, vital: bool, now: Timestamp) -> CheckView {
    CheckView {
        name: name.into(),
        kind: kind.into(),
        asks: asks.into(),
        vital,
        result: Outcome::Pass,
        latency: Some(0.000_4),
        reason: None,
        behind: None,
        found: None,
        streak: 4711,
        at: Some(ago(now, 300)),
        every: if vital { 1.0 } else { 5.0 },
        timeout: if vital { 0.8 } else { 4.0 },
    }
}

/// A host that is well.
pub fn host(name: &str, address: &str, latency: f64, now: Timestamp) -> HostView {
    let mut checks = vec![
        check("ping", "ping", address, true, now),
        check("ssh", "tcp", &format!("{address}:22"), true, now),
        check("http", "http", &format!("http://{address}:5000/ = 200, contains \"People\""), true, now),
        check("rtmp", "rtmp", &format!("rtmp://{address}:1935"), false, now),
        check("stack", "docker", "sync_mysql, redis", false, now),
        check("disk", "disk", "/data, 10 % free", false, now),
    ];
    for (index, check) in checks.iter_mut().enumerate() {
        check.latency = Some(latency * (1.0 + 2.0 * index as f64));
    }
    HostView {
        name: name.into(),
        address: address.into(),
        ssh: format!("ops@{address}"),
        service: None,
        labels: BTreeMap::from([("site".to_owned(), "hall-a".to_owned())]),
        health: Health::Up,
        since: ago(now, 12 * 86_400 + 4 * 3600 + 100),
        why: None,
        next: None,
        thresholds: "down after 5 failures × 500 ms, up after 60 s".into(),
        identity: Some("SHA256:q0r3dVvT9hC3Z9u6N0bGQm2yFq8m1cXnTtYpJk4sZzA".into()),
        maintenance: None,
        checks,
        trend: (0..8).map(|step| Some(latency * [1.0, 1.0, 1.4, 1.0, 1.1, 1.0, 2.2, 1.0][step])).collect(),
    }
}

fn fail(host: &mut HostView, names: &[&str], reason: &str) {
    for check in host.checks.iter_mut().filter(|check| names.contains(&check.name.as_str())) {
        check.result = Outcome::Fail;
        check.latency = None;
        check.streak = 62;
        check.reason = Some(reason.into());
    }
}

/// Six hosts, one down, one degraded, one under maintenance.
pub fn harbour(now: Timestamp) -> Snapshot {
    let mut studio_2 = host("studio-2", "10.77.0.12", 0.000_5, now);
    studio_2.service = Some("10.77.0.100/24".into());
    studio_2.health = Health::Down;
    studio_2.since = ago(now, 751);
    studio_2.why = Some("http: no answer in 800 ms; ping: no answer in 800 ms".into());
    studio_2.next = Some("up after passing for 60 s".into());
    studio_2.trend = vec![Some(0.000_4), Some(0.000_5), Some(0.004), None, None, None, None, None];
    fail(&mut studio_2, &["ping", "ssh", "http", "rtmp"], "no answer in 800 ms");
    fail(&mut studio_2, &["stack", "disk"], "no ssh connection");
    let mut nas = host("nas", "10.77.0.20", 0.000_6, now);
    nas.health = Health::Degraded;
    nas.since = ago(now, 190);
    nas.why = Some("disk: 6 % free on /data, wanted 10 %".into());
    fail(&mut nas, &["disk"], "6 % free on /data, wanted 10 %");
    let mut cupola = host("cupola-2", "10.77.0.32", 0.000_5, now);
    cupola.health = Health::Maintenance;
    cupola.since = ago(now, 4000);
    cupola.maintenance = Some(MaintenanceView {
        owner: "ana".into(),
        why: "new fan, do not touch".into(),
        since: ago(now, 4000),
        until: ago(now, -3400),
    });
    let hosts = vec![
        host("studio-1", "10.77.0.11", 0.000_4, now),
        studio_2,
        host("studio-spare", "10.77.0.13", 0.000_3, now),
        host("cupola-1", "10.77.0.31", 0.000_6, now),
        cupola,
        nas,
    ];
    snapshot(now, hosts, jobs(now), journal(now))
}

/// A snapshot of these parts.
pub fn snapshot(now: Timestamp, hosts: Vec<HostView>, jobs: Vec<JobView>, entries: Vec<Entry>) -> Snapshot {
    Snapshot {
        seq: 1,
        taken: now,
        head: Arc::new(Head {
            fleet: "harbour".into(),
            engine: EngineView {
                pid: 4121,
                version: env!("CARGO_PKG_VERSION").into(),
                started: ago(now, 86_400),
                state: PathBuf::from("/home/ops/.local/state/hotspare/harbour"),
                frozen: None,
                consoles: 1,
                brief: false,
            },
            lease: LeaseView { kind: "embedded".into(), held: true, by: Some("this engine".into()), why: None },
            file: FileView {
                path: PathBuf::from("/etc/hotspare/hotspare.toml"),
                read: ago(now, 86_400),
                refused: vec![],
                runbooks: vec![],
            },
            alarms: Vec::new(),
        }),
        hosts: Arc::new(hosts.into_iter().map(Arc::new).collect()),
        pools: Arc::default(),
        feeds: Arc::default(),
        dumps: Arc::default(),
        runs: Arc::default(),
        services: Arc::default(),
        stores: Arc::default(),
        jobs: Arc::new(jobs.into_iter().map(Arc::new).collect()),
        journal: Arc::new(JournalView {
            length: entries.last().map_or(0, |entry| entry.seq),
            tail: entries.into_iter().map(Arc::new).collect(),
            chain: Chain::Intact,
        }),
    }
}

/// Nothing declared, nothing done.
pub fn nothing(now: Timestamp) -> Snapshot {
    snapshot(now, Vec::new(), Vec::new(), Vec::new())
}

/// So many hosts, each seventh of which is not up.
pub fn many(now: Timestamp, count: usize) -> Snapshot {
    let hosts = (0..count)
        .map(|index| {
            let address = format!("10.{}.{}.{}", 80 + index / 65_536, index / 256 % 256, index % 256);
            let mut host = host(&format!("node-{index:04}"), &address, 0.000_3 + 0.000_001 * index as f64, now);
            if index % 7 == 3 {
                host.health = Health::ALL[index / 7 % 5];
                host.why = Some("http: no answer in 800 ms".into());
                fail(&mut host, &["http"], "no answer in 800 ms");
            }
            host
        })
        .collect();
    snapshot(now, hosts, jobs(now), journal(now))
}

fn job(id: u64, kind: &str, title: &str, state: JobState, now: Timestamp) -> JobView {
    JobView {
        id: JobId(id),
        kind: kind.into(),
        title: title.into(),
        state,
        priority: Priority::Normal,
        who: "ana (console)".into(),
        asked: ago(now, 90),
        started: Some(ago(now, 88)),
        ended: state.ended().then(|| ago(now, 70)),
        done: 25,
        total: Some(41),
        unit: Unit::Items,
        rate: Some(2.4),
        eta: Some(6.7),
        part: None,
        note: None,
        error: None,
    }
}

/// Four jobs: running, waiting, done, failed.
pub fn jobs(now: Timestamp) -> Vec<JobView> {
    let mut done = job(7, "doctor", "", JobState::Done, now);
    done.note = Some("41 tried, 1 does not work, 2 with a risk".into());
    let mut failed = job(6, "verify journal", "", JobState::Failed, now);
    failed.error = Some("state.db cannot be read: disk I/O error".into());
    let mut verify = job(8, "verify journal", "", JobState::Running, now);
    (verify.done, verify.total, verify.rate, verify.eta) = (118_300, Some(402_117), Some(61_200.0), Some(42.3));
    let waiting = job(9, "doctor", "", JobState::Queued, now);
    vec![failed, done, verify, waiting]
}

/// A job that copies sessions, in the second of seven.
pub fn copying(now: Timestamp) -> JobView {
    let mut job = job(12, "copy", "mocap", JobState::Running, now);
    (job.done, job.total, job.unit) = (21_500_000_000, Some(98_700_000_000), Unit::Bytes);
    (job.rate, job.eta) = (Some(118_000_000.0), Some(654.0));
    job.part = Some(Part {
        key: "p014/20261120".into(),
        step: "copying".into(),
        before: 1,
        pieces: 7,
        done: 8_700_000_000,
        total: 14_200_000_000,
    });
    job
}

/// A fleet with a store of sessions in every state, one of which is being copied.
pub fn mocap(now: Timestamp) -> (Snapshot, Vec<Recordings>) {
    let rows = recordings::mocap(now);
    let mut jobs = jobs(now);
    jobs.push(copying(now));
    let mut snapshot = snapshot(now, Vec::new(), jobs, journal(now));
    snapshot.hosts = harbour(now).hosts;
    snapshot.stores = stores(vec![recordings::view("mocap", &rows, now)]);
    (snapshot, vec![Recordings::new(rows)])
}

/// The same while the destination does not answer.
pub fn stale(now: Timestamp) -> (Snapshot, Vec<Recordings>) {
    let (mut snapshot, _) = mocap(now);
    let mut rows = recordings::mocap(now);
    rows.remove(1);
    recordings::make_stale(&mut rows);
    let mut view = recordings::view("mocap", &rows, now);
    view.destinations[0].state = recordings::stale();
    view.destinations[0].free = None;
    view.scanned = Some(ago(now, 900));
    snapshot.stores = stores(vec![view]);
    Arc::make_mut(&mut snapshot.jobs).pop();
    (snapshot, vec![Recordings::new(rows)])
}

/// A store with so many sessions, and a second one.
pub fn archive(now: Timestamp, count: usize) -> (Snapshot, Vec<Recordings>) {
    let (mut snapshot, _) = mocap(now);
    Arc::make_mut(&mut snapshot.jobs).pop();
    let rows = recordings::archive(now, count);
    let few = recordings::archive(now, 3);
    let mut second = recordings::view("gait", &few, now);
    second.days_left = None;
    snapshot.stores = stores(vec![recordings::view("mocap", &rows, now), second]);
    (snapshot, vec![Recordings::new(rows), Recordings::new(few)])
}

/// A store in which nothing lies yet.
pub fn no_sessions(now: Timestamp) -> (Snapshot, Vec<Recordings>) {
    let (mut snapshot, _) = mocap(now);
    Arc::make_mut(&mut snapshot.jobs).pop();
    snapshot.stores = stores(vec![recordings::view("mocap", &[], now)]);
    (snapshot, vec![Recordings::default()])
}

fn stores(views: Vec<StoreView>) -> Arc<Vec<Arc<StoreView>>> {
    Arc::new(views.into_iter().map(Arc::new).collect())
}

/// The end of a journal.
pub fn journal(now: Timestamp) -> Vec<Entry> {
    let entry = |seq: u64, before: i64, who: &str, what: &str, why: &str, weight: Weight| Entry {
        seq,
        time: ago(now, before),
        who: who.into(),
        what: what.into(),
        why: why.into(),
        about: serde_json::json!({ "host": "studio-2", "from": "suspect", "to": "down" }),
        weight,
    };
    vec![
        entry(211, 90_000, "engine", "engine started", "pid 4121, version 0.1.0", Weight::Note),
        entry(212, 4000, "ana (console)", "maintenance of cupola-2 began", "new fan, do not touch", Weight::Note),
        entry(213, 760, "engine", "studio-2 is suspect", "http fails, ping passes", Weight::Warning),
        entry(214, 751, "engine", "studio-2 is down", "all 3 vital checks failed 5 times in a row", Weight::Alarm),
        entry(215, 600, "ana (console)", "stop refused", "job 8 is running", Weight::Refusal),
        entry(216, 190, "engine", "nas is degraded", "disk: 6 % free on /data, wanted 10 %", Weight::Warning),
        entry(217, 120, "engine", "cupola-1 is up", "passing for 60 s", Weight::Good),
        entry(218, 70, "ana (console)", "doctor done", "41 tried, 1 does not work, 2 with a risk", Weight::Note),
    ]
}

/// The whole journal, of which a snapshot has the tail.
pub fn all_entries(now: Timestamp) -> Vec<Entry> {
    let tail = journal(now);
    let older = |seq: u64| Entry {
        seq,
        time: ago(now, 90_000 + 60 * i64::try_from(211 - seq).expect("small")),
        who: "engine".into(),
        what: format!("remark {seq}"),
        why: String::new(),
        about: serde_json::Value::Null,
        weight: Weight::Note,
    };
    (1..tail[0].seq).map(older).chain(tail.iter().cloned()).collect()
}

/// A history with a wave, a gap and a failure for every check.
pub fn history(now: Timestamp) -> History {
    let points = |base: f64| -> Vec<Point> {
        (0..150_u32)
            .map(|index| {
                let failed = (96..102).contains(&index);
                let wave = (f64::from(index) / 9.0).sin() + 1.6 + f64::from(index * 7919 % 13) / 20.0;
                Point {
                    at: ago(now, i64::from(150 - index)),
                    outcome: if failed { Outcome::Fail } else { Outcome::Pass },
                    latency: (!failed).then_some(base * wave),
                    reason: failed.then(|| "no answer in 800 ms".into()),
                }
            })
            .collect()
    };
    let names = ["ping", "ssh", "http", "rtmp", "stack", "disk"];
    let change = |before: i64, from: Health, to: Health, why: &str| Change {
        at: ago(now, before),
        from,
        to,
        why: (!why.is_empty()).then(|| why.into()),
    };
    History {
        checks: names
            .iter()
            .enumerate()
            .map(|(n, name)| ((*name).to_owned(), points(0.000_3 * (n + 1) as f64)))
            .collect(),
        changes: vec![
            change(90_000, Health::Unknown, Health::Up, ""),
            change(760, Health::Up, Health::Suspect, "http fails, ping passes"),
            change(751, Health::Suspect, Health::Down, "all 3 vital checks failed 5 times in a row"),
        ],
    }
}

/// A line of the log that needs two lines of most screens.
pub const LONG_LINE: &str = "studio-2 is down who=\"engine\" why=\"tcp failed 5 × (connection refused), \
    http failed 5 × (no answer in 800 ms)\"";

fn log(now: Timestamp) -> Vec<LogLine> {
    let line = |seq: u64, level: &str, text: &str| LogLine {
        seq,
        time: ago(now, 100 - i64::try_from(seq).expect("small")),
        level: level.into(),
        text: text.into(),
    };
    vec![
        line(1, "INFO", "engine 0.1.0 started, fleet harbour, 6 hosts, 36 checks"),
        line(2, "INFO", "listening on engine.sock"),
        line(3, "WARN", "probe ping of studio-2: no answer in 800 ms"),
        line(4, "ERROR", "ssh to studio-2: connection timed out"),
        line(5, "INFO", LONG_LINE),
    ]
}

/// What a doctor may find.
pub fn findings() -> Vec<Finding> {
    let finding = |subject: &str, grade, found: &str, remedy: &str| Finding {
        subject: subject.into(),
        grade,
        found: found.into(),
        remedy: remedy.into(),
    };
    vec![
        finding("ssh to studio-1", Grade::Good, "answers in 212 ms", ""),
        finding(
            "ssh to studio-2",
            Grade::Bad,
            "connection timed out after 3 s",
            "switch it on, or ask `ssh -v ops@10.77.0.12` why",
        ),
        finding("clock of nas", Grade::Risk, "is 1.4 s behind", "let it run an NTP client"),
    ]
}
