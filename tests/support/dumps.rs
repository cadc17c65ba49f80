//! Dumps that are not there: every state of one, and what making, checking and restoring its kits comes to.

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::dump::report::{
    DatabaseDrilled, DatabaseMade, Drilled, KitVerified, Made, MadeResult, Overwritten, Restored, Verified,
};
use hotspare::dump::view::{DatabaseView, DrillView, DumpState, DumpView, KitDatabase, KitView};
use hotspare::engine::snapshot::Snapshot;

use super::{FakeClient, ago, feeds, harbour, mocap, pools};

/// Every scene there is.
pub const SCENES: [&str; 13] = [
    "good",
    "dumping",
    "ejected",
    "elsewhere",
    "starting",
    "late",
    "server-away",
    "failing",
    "medium-away",
    "nearly-full",
    "undrilled",
    "all",
    "host-gone",
];

const RACES: [(&str, &str, u64); 5] = [
    ("meosmain", "", 61_000),
    ("2026_sprint_np", "Sprint Nordpark", 84_000),
    ("2026_middle_kw", "Middle Königswald – day 1", 97_000),
    ("2026_long_kw", "Long Königswald – day 2 🏔", 102_000),
    ("2026_kids", "Kids' cup", 18_000),
];

fn kit_name(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// A dump that is well.
fn good(name: &str, now: Timestamp) -> DumpView {
    let databases = RACES.iter().enumerate().map(|(index, (name, label, bytes))| DatabaseView {
        name: (*name).into(),
        label: (!label.is_empty()).then(|| (*label).into()),
        result: if index < 2 { MadeResult::Written } else { MadeResult::Unchanged },
        bytes: *bytes,
        locked: (index < 2).then_some(0.004),
        good: Some(ago(now, 42)),
        error: None,
    });
    DumpView {
        server: "mysql://meos@127.0.0.1:3306/".into(),
        to: "/media/usb".into(),
        state: DumpState::Good,
        every: 60.0,
        kit: Some(kit_name(ago(now, 42))),
        good: Some(ago(now, 42)),
        databases: databases.collect(),
        kits: 88,
        bytes: 214_000_000,
        free: Some(28_400_000_000),
        medium: Some("4A21-0001".into()),
        took: Some(0.31),
        drill: Some(DrillView {
            kit: kit_name(ago(now, 6 * 86_400)),
            at: ago(now, 6 * 86_400),
            ok: true,
            seconds: 4.1,
            said: "5 databases as they were noted".into(),
        }),
        next: Some(ago(now, -18)),
        ..DumpView::starting(name)
    }
}

/// A dump in one of its states.
pub fn dump(name: &str, scene: &str, now: Timestamp) -> DumpView {
    let mut dump = good(name, now);
    let wrong = |dump: &mut DumpView, state: DumpState, old: i64, why: &str| {
        (dump.state, dump.why, dump.next) = (state, Some(why.into()), None);
        (dump.good, dump.kit) = (Some(ago(now, old)), Some(kit_name(ago(now, old))));
    };
    match scene {
        "dumping" => dump.state = DumpState::Dumping,
        "ejected" => {
            wrong(&mut dump, DumpState::Ejected, 130, "plug it in again, and rounds go on by themselves");
            dump.free = None;
        }
        "elsewhere" => {
            wrong(&mut dump, DumpState::Elsewhere, 300, "the engine on desk-2 holds the lease and makes the rounds");
        }
        "starting" => return DumpView { server: dump.server, to: dump.to, every: 60.0, ..DumpView::starting(name) },
        "late" => {
            let why = "the last good round ended 4 min ago; a round is under way";
            wrong(&mut dump, DumpState::Late, 251, why);
        }
        "server-away" => {
            let why =
                "mysql://meos@127.0.0.1:3306/: connection refused; is the server running, and does it listen there?";
            wrong(&mut dump, DumpState::ServerAway, 190, why);
        }
        "failing" => {
            let why = "2026_middle_kw: table oRunner is marked as crashed; repair it with `mysqlcheck --repair 2026_middle_kw`";
            wrong(&mut dump, DumpState::Failing, 640, why);
            dump.databases[2].result = MadeResult::Failed;
            dump.databases[2].good = Some(ago(now, 640));
            dump.databases[2].error =
                Some("table oRunner is marked as crashed; repair it with `mysqlcheck --repair 2026_middle_kw`".into());
        }
        "medium-away" => {
            let why = "nothing is mounted at /media/usb; plug the medium in, or another one";
            wrong(&mut dump, DumpState::MediumAway, 75, why);
            (dump.free, dump.drill) = (None, None);
        }
        "nearly-full" => {
            dump.free = Some(900_000);
            let text =
                "the medium has 900 kB left, and the largest kit took 362 kB: plug in another one soon, or keep fewer";
            dump.warnings = vec![text.into()];
        }
        "undrilled" => dump.drill = None,
        "bad-drill" => {
            let drill = dump.drill.as_mut().expect("it was drilled");
            (drill.ok, drill.said) = (false, "1 of 5 databases not as they were noted".into());
        }
        _ => {}
    }
    dump
}

/// The snapshot of a scene.
pub fn fleet(scene: &str, now: Timestamp) -> Snapshot {
    let mut snapshot = match scene {
        "host-gone" => pools::scene("host-gone", now),
        "all" => feeds::fleet("standing-in", now),
        _ => harbour(now),
    };
    let named: &[(&str, &str)] = match scene {
        "all" => &[("meos", "good"), ("archive", "medium-away"), ("shop", "failing"), ("club", "server-away")],
        "host-gone" => &[("meos", "good")],
        one => &[("meos", one)],
    };
    snapshot.dumps = Arc::new(named.iter().map(|(name, scene)| Arc::new(dump(name, scene, now))).collect());
    snapshot
}

/// A client over a scene.
pub fn client(scene: &str, now: Timestamp) -> Arc<FakeClient> {
    let recordings = if scene == "all" { mocap(now).1 } else { Vec::new() };
    FakeClient::with(fleet(scene, now), recordings)
}

/// What lies on the medium.
pub fn kits(now: Timestamp) -> Vec<KitView> {
    let kit = |seconds: i64, written: &[usize], failed: bool| {
        let name = kit_name(ago(now, seconds));
        let databases = RACES.iter().enumerate().map(|(index, (race, label, bytes))| {
            let here = written.contains(&index);
            KitDatabase {
                name: (*race).into(),
                label: (!label.is_empty()).then(|| (*label).into()),
                bytes: *bytes,
                held: Some(if here { name.clone() } else { kit_name(ago(now, 7_000)) }),
                at: Some(ago(now, if here { seconds } else { 7_000 })),
                error: (failed && index == 2).then(|| "table oRunner is marked as crashed".into()),
            }
        });
        let bytes = written.iter().map(|index| RACES[*index].2).sum();
        KitView {
            kit: name.clone(),
            at: ago(now, seconds),
            version: "10.11.14-MariaDB".into(),
            databases: databases.collect(),
            bytes,
        }
    };
    vec![
        kit(42, &[0, 1], false),
        kit(102, &[1], false),
        kit(640, &[0, 1, 3], true),
        kit(7_000, &[0, 1, 2, 3, 4], false),
    ]
}

/// What a round comes to.
pub fn made(now: Timestamp) -> Made {
    let kit = kit_name(now);
    let databases = RACES.iter().enumerate().map(|(index, (name, label, bytes))| {
        let result = match index {
            0 | 1 => MadeResult::Written,
            2 => MadeResult::Failed,
            _ => MadeResult::Unchanged,
        };
        DatabaseMade {
            name: (*name).into(),
            label: (!label.is_empty()).then(|| (*label).into()),
            bytes: *bytes,
            result,
            file: (result != MadeResult::Failed).then(|| format!("{kit}/{name}.sql.zst")),
            blake3: None,
            locked: (index < 2).then_some(0.004),
            error: (index == 2).then(|| "table oRunner is marked as crashed".into()),
        }
    });
    Made { kit: kit.clone(), databases: databases.collect() }
}

/// What a check of all kits comes to.
pub fn verified(now: Timestamp) -> Verified {
    let kit = |seconds: i64, problems: &[&str]| KitVerified {
        kit: kit_name(ago(now, seconds)),
        ok: problems.is_empty(),
        problems: problems.iter().map(|problem| (*problem).into()).collect(),
    };
    let kits = vec![
        kit(42, &[]),
        kit(102, &[]),
        kit(640, &["2026_long_kw.sql.zst has other bytes than were written: copy this kit from another medium"]),
        kit(7_000, &[]),
    ];
    Verified { ok: false, kits }
}

fn drilled_databases(bad: bool) -> Vec<DatabaseDrilled> {
    let one = |index: usize, name: &str| DatabaseDrilled {
        name: name.into(),
        ok: !(bad && index == 3),
        tables: 14,
        problems: if bad && index == 3 { vec!["oCard has 998 rows, 1 000 were noted".into()] } else { Vec::new() },
    };
    RACES.iter().enumerate().map(|(index, (name, ..))| one(index, name)).collect()
}

/// What a drill comes to.
pub fn drilled(now: Timestamp) -> Drilled {
    Drilled { ok: false, kit: kit_name(ago(now, 42)), seconds: 4.2, databases: drilled_databases(true) }
}

/// What a restore comes to.
pub fn restored(now: Timestamp, to: &str, dry_run: bool) -> Restored {
    let over = |index: usize, rows: u64| Overwritten {
        name: RACES[index].0.into(),
        tables: 14,
        rows,
        changed: Some(ago(now, 30)),
    };
    Restored {
        dry_run,
        ok: true,
        kit: kit_name(ago(now, 42)),
        to: to.into(),
        before: (!dry_run).then(|| kit_name(now)),
        overwrites: vec![over(0, 52), over(1, 3_120), over(2, 4_204)],
        databases: drilled_databases(false),
        seconds: if dry_run { 0.1 } else { 5.3 },
    }
}
