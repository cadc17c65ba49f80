//! Feeds that are not there: every state of one, and what carrying, comparing and preparing it comes to.

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::engine::snapshot::Snapshot;
use hotspare::feed::report::{Double, FeedCompared, FeedPrepared, FeedRan, TableCompared, TablePrepared, TableRan};
use hotspare::feed::view::{Checked, FeedState, FeedView, GroupView, HISTORY_SLICES, Part, StrandView};
use hotspare::health::observation::Outcome;

use super::{FakeClient, ago, harbour, mocap, pools};

/// Every scene there is.
pub const SCENES: [&str; 13] = [
    "live",
    "catching-up",
    "target-away",
    "source-away",
    "refused",
    "late",
    "starting",
    "elsewhere",
    "warned",
    "standing-in",
    "host-gone",
    "replicas",
    "all",
];

fn strand(source: Option<&str>, part: Part, now: Timestamp) -> StrandView {
    let group = |name: &str, age: f64| GroupView {
        name: name.into(),
        rows_behind: 0,
        newest: Some(local(now, age)),
        age: Some(age),
    };
    StrandView {
        table: "traffic".into(),
        source: source.map(Into::into),
        part,
        state: FeedState::Live,
        why: None,
        rows_behind: 0,
        counted: true,
        seconds_behind: 0.4,
        rate: 3.5,
        carried: 1_204_330,
        newest: Some(local(now, 1.0)),
        looked: Some(ago(now, 1)),
        lag_by: Some("camera_name".into()),
        groups: vec![group("entrance", 1.0), group("hall-3", 1.0), group("stairs", 11.0)],
    }
}

/// A time as a source writes it.
fn local(now: Timestamp, age: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "a few seconds")]
    let then = ago(now, age as i64);
    then.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A feed that is well.
fn live(name: &str, now: Timestamp) -> FeedView {
    let wave =
        |slice: usize| u32::try_from(14 + slice * 7919 % 11 + if slice % 37 == 4 { 40 } else { 0 }).expect("few");
    FeedView {
        from: "/data/people_count_database.db".into(),
        to: "mysql://feed@10.77.0.20/people".into(),
        state: FeedState::Live,
        seconds_behind: 0.4,
        max_lag: 30.0,
        rate_in: 3.5,
        rate: 3.5,
        history: (0..HISTORY_SLICES).map(wave).collect(),
        strands: vec![strand(None, Part::Alone, now)],
        checked: Some(Checked {
            at: ago(now, 3 * 3600 + 60),
            ok: true,
            said: "both ends have the same 1 204 330 rows".into(),
        }),
        looked: Some(ago(now, 1)),
        ..FeedView::starting(name)
    }
}

fn behind(feed: &mut FeedView, state: FeedState, why: &str, rows: u64, seconds: f64) {
    feed.state = state;
    feed.why = (!why.is_empty()).then(|| why.into());
    (feed.rows_behind, feed.seconds_behind) = (rows, seconds);
    feed.late = seconds > feed.max_lag;
    if let Some(strand) = feed.strands.first_mut() {
        (strand.state, strand.rows_behind, strand.seconds_behind) = (state, rows, seconds);
        strand.why.clone_from(&feed.why);
        strand.groups[0].rows_behind = rows / 2;
        strand.groups[1].rows_behind = rows - rows / 2;
        if state.wrong() {
            strand.rate = 0.0;
        }
    }
    if state.wrong() {
        feed.rate = 0.0;
        let stopped = feed.history.len().saturating_sub(5);
        feed.history[stopped..].fill(0);
    }
}

/// A feed in one of its states.
pub fn feed(name: &str, scene: &str, now: Timestamp) -> FeedView {
    let mut feed = live(name, now);
    match scene {
        "catching-up" => {
            behind(&mut feed, FeedState::CatchingUp, "", 12_300, 21.0);
            (feed.rate_in, feed.rate, feed.catches_up_in) = (3.5, 290.0, Some(42.4));
            feed.strands[0].rate = 290.0;
        }
        "target-away" => {
            let why = "connection refused by 10.77.0.20:3306; tried again in 8 s";
            behind(&mut feed, FeedState::TargetAway, why, 1204, 344.0);
        }
        "source-away" => {
            let why = "/data/people_count_database.db on studio-1: no ssh connection in 4 s; tried again in 12 s";
            behind(&mut feed, FeedState::SourceAway, why, 12, 11.0);
            (feed.looked, feed.strands[0].looked) = (Some(ago(now, 190)), Some(ago(now, 190)));
            feed.counted = false;
        }
        "refused" => {
            let why = "row 88 214 of traffic: camera_name is NULL, which the target refuses; correct it at the source, \
                       or let the column take NULL at the target";
            behind(&mut feed, FeedState::Refused, why, 31, 19.0);
        }
        "late" => {
            behind(&mut feed, FeedState::Live, "", 88, 47.0);
        }
        "starting" => return FeedView { from: feed.from, to: feed.to, ..FeedView::starting(name) },
        "elsewhere" => {
            feed.state = FeedState::Elsewhere;
            feed.why = Some("the engine on desk-2 holds the lease and carries it".into());
            (feed.strands, feed.looked, feed.history) = (Vec::new(), Some(ago(now, 600)), Vec::new());
            (feed.rate, feed.rate_in, feed.checked) = (0.0, 0.0, None);
        }
        "warned" => {
            let text = "the source keeps rows for 5 days and the target is away for 4: rows before 2026-11-16 03:30 are \
                        deleted there at 03:30";
            feed.warnings = vec![text.into()];
            feed.checked = Some(Checked {
                at: ago(now, 130),
                ok: false,
                said: "3 rows are missing at the target, 1 differs".into(),
            });
            let silent = &mut feed.strands[0].groups[2];
            (silent.age, silent.newest) = (Some(4000.0), Some(local(now, 4000.0)));
        }
        "standing-in" => {
            feed.follows = Some("people-count".into());
            feed.from = "people_count_database.db on studio-1, studio-2, studio-spare".into();
            let mut gone = strand(Some("studio-2"), Part::Replaced, now);
            gone.state = FeedState::SourceAway;
            gone.why = Some("no ssh connection in 4 s; tried again in 12 s".into());
            (gone.rows_behind, gone.counted, gone.seconds_behind, gone.rate) = (12, true, 11.0, 0.0);
            gone.groups.clear();
            gone.looked = Some(ago(now, 728));
            let spare = StrandView { carried: 25_340, ..strand(Some("studio-spare"), Part::StandsIn, now) };
            feed.strands = vec![strand(Some("studio-1"), Part::Serves, now), gone, spare];
            (feed.state, feed.rows_behind, feed.seconds_behind) = (FeedState::SourceAway, 12, 11.0);
            feed.why = Some("studio-2: no ssh connection in 4 s; tried again in 12 s".into());
        }
        _ => {}
    }
    feed
}

/// Lets the checks of two hosts ask replicas.
fn replicas(snapshot: &mut Snapshot, late: bool) {
    let hosts = Arc::make_mut(&mut snapshot.hosts);
    for (index, behind) in [(3, 0.0), (5, if late { 47.0 } else { 2.0 })] {
        let host = Arc::make_mut(&mut hosts[index]);
        let check = &mut host.checks[3];
        (check.name, check.kind) = ("replica".into(), "mysql-replica".into());
        (check.behind, check.result, check.reason) = (Some(behind), Outcome::Pass, None);
        if behind > 30.0 {
            (check.result, check.reason) = (Outcome::Fail, Some("47 s behind, at most 30 s wanted".into()));
        }
    }
}

/// The snapshot of a scene.
pub fn fleet(scene: &str, now: Timestamp) -> Snapshot {
    let mut snapshot = match scene {
        "standing-in" => pools::scene("all:standing-in", now),
        "host-gone" => pools::scene("host-gone", now),
        "all" => mocap(now).0,
        _ => harbour(now),
    };
    snapshot.feeds = match scene {
        "replicas" => Arc::default(),
        "all" => {
            feeds(&[("counts", "live"), ("orders", "refused"), ("scans", "catching-up"), ("tags", "target-away")], now)
        }
        "host-gone" => feeds(&[("counts", "standing-in")], now),
        one => feeds(&[("counts", one)], now),
    };
    if matches!(scene, "replicas" | "all" | "live") {
        replicas(&mut snapshot, scene == "replicas");
    }
    snapshot
}

fn feeds(named: &[(&str, &str)], now: Timestamp) -> Arc<Vec<Arc<FeedView>>> {
    Arc::new(named.iter().map(|(name, scene)| Arc::new(feed(name, scene, now))).collect())
}

/// A client over a scene.
pub fn client(scene: &str, now: Timestamp) -> Arc<FakeClient> {
    let recordings = if matches!(scene, "all" | "standing-in") { mocap(now).1 } else { Vec::new() };
    FakeClient::with(fleet(scene, now), recordings)
}

/// What carrying once comes to.
pub fn ran(feed: &str) -> FeedRan {
    let table = |source: &str, rows: u64, error: Option<&str>| TableRan {
        table: "traffic".into(),
        source: Some(source.into()),
        rows,
        seconds: 3.1,
        rows_behind: if error.is_some() { 31 } else { 0 },
        error: error.map(Into::into),
    };
    let tables = vec![
        table("studio-1", 1_000_000, None),
        table("studio-2", 12, Some("row 88 214: camera_name is NULL, which the target refuses")),
    ];
    FeedRan { feed: feed.into(), tables }
}

/// What comparing comes to.
pub fn compared(feed: &str, repair: bool) -> FeedCompared {
    let table = |source: &str, missing: u64, different: u64| TableCompared {
        table: "traffic".into(),
        source: Some(source.into()),
        source_rows: 1_204_330,
        target_rows: 1_204_330 - missing,
        missing,
        extra: 0,
        different,
        repaired: if repair { missing + different } else { 0 },
        examples: if missing > 0 {
            vec![
                "missing: camera_name=hall-3, timestamp=2026-11-20 14:01:50".into(),
                "different: camera_name=entrance, timestamp=2026-11-20 13:59:10: in_count is 4, at the target 3".into(),
            ]
        } else {
            Vec::new()
        },
        seconds: 2.2,
        error: None,
    };
    let tables = vec![table("studio-1", 0, 0), table("studio-2", 3, 1)];
    FeedCompared { feed: feed.into(), ok: repair, repaired: repair, tables }
}

/// What preparing comes to: of `tags` it cannot be done, of `scans` nothing is missing.
pub fn prepared(feed: &str, dry_run: bool) -> FeedPrepared {
    let mut table = TablePrepared {
        table: "traffic".into(),
        into: "traffic".into(),
        statements: vec![
            "CREATE TABLE `traffic` (`timestamp` TIMESTAMP NOT NULL, `in_count` BIGINT NOT NULL, `out_count` BIGINT NOT \
             NULL, `camera_name` VARCHAR(255) NOT NULL) DEFAULT CHARACTER SET utf8mb4"
                .into(),
            "CREATE UNIQUE INDEX `hotspare_traffic` ON `traffic` (`camera_name`, `timestamp`)".into(),
        ],
        notes: vec!["region_count and ip are not carried: the target does not have them".into()],
        ..TablePrepared::default()
    };
    let mut ok = true;
    match feed {
        "tags" => {
            ok = false;
            table.statements.remove(0);
            table.doubled = 214;
            table.doubles = vec![
                Double { key: "camera_name=hall-3, timestamp=2026-11-18 09:00:10".into(), times: 2 },
                Double { key: "camera_name=stairs, timestamp=2026-11-18 09:00:10".into(), times: 3 },
            ];
        }
        "scans" => table.statements.clear(),
        _ => {}
    }
    FeedPrepared { feed: feed.into(), dry_run, ok, tables: vec![table] }
}
