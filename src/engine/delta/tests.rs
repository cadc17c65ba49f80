use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::dump::view::DumpView;
use crate::engine::snapshot::{EngineView, FileView, LeaseView};
use crate::feed::view::FeedView;
use crate::health::view::Health;
use crate::journal::entry::Weight;
use crate::work::view::{JobState, Priority, Unit};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn head(consoles: u32) -> Head {
    Head {
        fleet: "harbour".into(),
        engine: EngineView {
            pid: 1,
            version: "0".into(),
            started: at(0),
            state: PathBuf::from("/s"),
            frozen: None,
            consoles,
            brief: false,
        },
        lease: LeaseView { kind: "embedded".into(), held: true, by: None, why: None },
        file: FileView { path: PathBuf::from("/f"), read: at(0), refused: Vec::new(), runbooks: Vec::new() },
        alarms: Vec::new(),
    }
}

fn host(name: u8, health: Health) -> Arc<HostView> {
    Arc::new(HostView {
        name: format!("h{name}"),
        address: "a".into(),
        ssh: "a".into(),
        service: None,
        labels: std::collections::BTreeMap::new(),
        health,
        since: at(0),
        why: None,
        next: None,
        thresholds: String::new(),
        identity: None,
        maintenance: None,
        checks: Vec::new(),
        trend: vec![Some(0.25), None],
    })
}

fn job(id: u64, done: u64) -> Arc<JobView> {
    Arc::new(JobView {
        id: JobId(id),
        kind: "doctor".into(),
        title: String::new(),
        state: JobState::Running,
        priority: Priority::Normal,
        who: "ana".into(),
        asked: at(0),
        started: None,
        ended: None,
        done,
        total: Some(9),
        unit: Unit::Items,
        rate: None,
        eta: None,
        part: None,
        note: None,
        error: None,
    })
}

fn entry(seq: u64, what: u8) -> Arc<Entry> {
    Arc::new(Entry {
        seq,
        time: at(0),
        who: "engine".into(),
        what: format!("{what}"),
        why: String::new(),
        about: serde_json::json!({ "n": what }),
        weight: Weight::Note,
    })
}

fn dump(name: u8, bytes: u64) -> Arc<DumpView> {
    Arc::new(DumpView { bytes, ..DumpView::starting(format!("dump-{name}")) })
}

fn feed(name: u8, rows_behind: u64) -> Arc<FeedView> {
    Arc::new(FeedView { rows_behind, ..FeedView::starting(format!("feed-{name}")) })
}

fn health() -> impl Strategy<Value = Health> {
    prop_oneof![Just(Health::Up), Just(Health::Down), Just(Health::Degraded)]
}

prop_compose! {
    fn snapshot()(
        seq in any::<u64>(),
        consoles in 0u32..3,
        hosts in proptest::sample::subsequence((0u8..8).collect::<Vec<_>>(), 0..8).prop_shuffle(),
        healths in proptest::collection::vec(health(), 8),
        dumps in proptest::sample::subsequence((0u8..4).collect::<Vec<_>>(), 0..4).prop_shuffle(),
        feeds in proptest::sample::subsequence((0u8..4).collect::<Vec<_>>(), 0..4).prop_shuffle(),
        jobs in proptest::sample::subsequence((0u64..6).collect::<Vec<_>>(), 0..6),
        done in proptest::collection::vec(0u64..3, 6),
        first in 0u64..12,
        entries in proptest::collection::vec(0u8..3, 0..8),
    ) -> Snapshot {
        let tail = entries.iter().zip(first..).map(|(what, seq)| entry(seq, *what)).collect();
        Snapshot {
            seq,
            taken: at(5),
            head: Arc::new(head(consoles)),
            hosts: Arc::new(hosts.iter().map(|name| host(*name, healths[*name as usize])).collect()),
            pools: Arc::default(),
            services: Arc::default(),
            dumps: Arc::new(dumps.iter().map(|name| dump(*name, done[usize::from(*name)])).collect()),
            feeds: Arc::new(feeds.iter().map(|name| feed(*name, done[usize::from(*name)])).collect()),
            runs: Arc::default(),
            stores: Arc::default(),
            jobs: Arc::new(jobs.iter().map(|id| job(*id, done[usize::try_from(*id).unwrap()])).collect()),
            journal: Arc::new(JournalView { length: first + entries.len() as u64, tail, chain: Chain::Intact }),
        }
    }
}

proptest! {
    #[test]
    fn the_old_snapshot_and_the_delta_give_the_new_one(old in snapshot(), new in snapshot()) {
        let delta = Delta::between(&old, &new);
        let sent = serde_json::to_vec(&delta).unwrap();
        let received: Delta = serde_json::from_slice(&sent).unwrap();
        prop_assert_eq!(received.apply(&old).unwrap(), new);
    }

    #[test]
    fn a_delta_for_another_snapshot_is_a_misfit_or_harmless(old in snapshot(), new in snapshot(), other in snapshot()) {
        let _no_panic = Delta::between(&old, &new).apply(&other);
    }

    #[test]
    fn a_snapshot_survives_the_wire(snapshot in snapshot()) {
        let sent = serde_json::to_vec(&snapshot).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Snapshot>(&sent).unwrap(), snapshot);
    }
}

#[test]
fn nothing_changed_is_next_to_nothing_and_keeps_every_part() {
    let old = Snapshot {
        seq: 1,
        taken: at(0),
        head: Arc::new(head(1)),
        hosts: Arc::new(vec![host(1, Health::Up)]),
        pools: Arc::default(),
        feeds: Arc::default(),
        dumps: Arc::default(),
        runs: Arc::default(),
        services: Arc::default(),
        stores: Arc::default(),
        jobs: Arc::default(),
        journal: Arc::new(JournalView { length: 1, tail: vec![entry(1, 1)], chain: Chain::Intact }),
    };
    let new = Snapshot { seq: 2, ..old.clone() };
    let delta = Delta::between(&old, &new);
    assert!(serde_json::to_vec(&delta).unwrap().len() < 64);
    let applied = delta.apply(&old).unwrap();
    assert!(Arc::ptr_eq(&applied.hosts, &old.hosts) && Arc::ptr_eq(&applied.head, &old.head));
}

#[test]
fn one_changed_host_is_all_that_travels() {
    let hosts: Vec<_> = (0..100).map(|name| host(name, Health::Up)).collect();
    let base = Snapshot {
        seq: 1,
        taken: at(0),
        head: Arc::new(head(1)),
        hosts: Arc::new(hosts.clone()),
        pools: Arc::default(),
        feeds: Arc::default(),
        dumps: Arc::default(),
        runs: Arc::default(),
        services: Arc::default(),
        stores: Arc::default(),
        jobs: Arc::default(),
        journal: Arc::new(JournalView { length: 0, tail: Vec::new(), chain: Chain::Intact }),
    };
    let mut changed = hosts;
    changed[42] = host(42, Health::Down);
    let new = Snapshot { seq: 2, hosts: Arc::new(changed), ..base.clone() };
    let size = serde_json::to_vec(&Delta::between(&base, &new)).unwrap().len();
    assert!(size < 600, "{size}");
    assert!(Arc::ptr_eq(&Delta::between(&base, &new).apply(&base).unwrap().hosts[7], &base.hosts[7]));
}
