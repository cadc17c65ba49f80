mod kept;

use std::collections::HashMap;
use std::path::PathBuf;

use super::*;
use crate::clock::Clock;
use crate::fleet::data::{Destination, Store};
use crate::journal::database;
use crate::reach::ssh::{SshOptions, SshPool};
use crate::session::index::{KeptSide, Where};
use crate::session::listing::Facts;
use crate::session::side::{Found, Stamp};
use crate::session::view::{CopyState, Level, Sort, Verified, Which};

/// A store in temporary folders.
struct Place {
    folder: tempfile::TempDir,
    fleet: Arc<Fleet>,
    clock: Clock,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in ["data", "nas", "state"] {
            std::fs::create_dir(folder.path().join(below)).unwrap();
        }
        drop(database::open(&folder.path().join("state"), Timestamp::UNIX_EPOCH).unwrap());
        let mut fleet = Fleet::empty("harbour");
        fleet.sessions.push(Store {
            name: "mocap".into(),
            source: folder.path().join("data"),
            layout: "{participant}/{date}".into(),
            participants: vec!["p".into(), "TF".into()],
            exclude: vec!["*.tmp".into()],
            count: "*.mp4".into(),
            settle: Duration::from_secs(120),
            destinations: vec![Destination {
                name: "NAS".into(),
                mount: None,
                path: folder.path().join("nas"),
                layout: "{date}/{participant}".into(),
                access: crate::fleet::bucket::Access::default(),
            }],
            parallel: 0,
            limit: None,
            imported: None,
        });
        Self { folder, fleet: Arc::new(fleet), clock: Clock::real() }
    }

    fn write(&self, path: &str, size: usize) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, vec![7; size]).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_736_000_000)).unwrap();
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn start(&self) -> Stores {
        let nobody: AskImported = Arc::new(|_, _| Box::pin(async { Answer::Known(HashMap::new()) }));
        Stores::start(&self.fleet, &self.path("state"), self.ways(), nobody)
    }

    fn ways(&self) -> Ways {
        Ways::new(SshPool::new(SshOptions::default(), self.clock.clone()), self.clock.clone())
    }
}

async fn until(stores: &Stores, wanted: impl Fn(&StoreView) -> bool) -> Arc<StoreView> {
    let mut seen = stores.seen();
    let reached = async {
        loop {
            let view = stores.views().remove(0);
            if wanted(&view) {
                return view;
            }
            seen.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap()
}

async fn looked(stores: &Stores) -> Arc<StoreView> {
    until(stores, |view| view.scanned.is_some() && !view.scanning).await
}

fn all() -> Ask {
    Ask { limit: 100, sort: Sort::Date, ..Ask::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn source_and_copies_are_joined_into_rows() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    place.write("data/p001/20250104/a.json", 5);
    place.write("data/p001/20250104/a.tmp", 99);
    place.write("nas/20250104/p001/a.mp4", 10);
    place.write("nas/20250104/p001/a.json", 5);
    place.write("data/TF47/20250103/b.mp4", 10);
    place.write("nas/20250103/TF47/b.mp4", 9);
    place.write("data/p002/20250102/c.mp4", 10);
    place.write("nas/20250101/p003/d.mp4", 10);
    place.write("data/x9/20250101/none.mp4", 1);
    place.write("data/p001/notes/none.mp4", 1);
    place.write("data/.hotspare-trash/p1/20250101/none.mp4", 1);
    let stores = place.start();
    let view = looked(&stores).await;
    let rows = stores.rows(&all()).unwrap();
    let states: Vec<_> = rows.rows.iter().map(|row| (row.key.to_string(), row.copies[0].state.clone())).collect();
    assert_eq!(
        states,
        [
            ("p001/20250104".to_owned(), CopyState::Same),
            ("TF47/20250103".to_owned(), CopyState::Differs),
            ("p002/20250102".to_owned(), CopyState::None),
            ("p003/20250101".to_owned(), CopyState::Alone),
        ]
    );
    let first = rows.rows[0].source.unwrap();
    assert_eq!((first.videos, first.files, first.bytes), (1, 2, 15));
    assert_eq!(rows.rows[0].busy.as_deref(), Some("being recorded"), "its inodes changed just now");
    assert_eq!(rows.rows[3].wrong.as_deref(), Some("orphan: a copy without a source"));
    assert!(rows.rows.iter().all(|row| !row.safe && !row.why_not.is_empty()));
    assert_eq!((view.totals.sessions, view.totals.on_disk, view.totals.bytes), (4, 3, 35));
    assert!(view.source.ready() && view.destinations[0].state.ready() && view.free.is_some());
    stores.shutdown().await;
}

fn key(participant: &str, date: &str) -> Key {
    Key::new(participant, date).unwrap()
}

/// The row of a session.
fn row(stores: &Stores, key: &Key) -> Option<crate::session::view::SessionRow> {
    stores.store(None).unwrap().row(key)
}

fn verified(row: &crate::session::view::SessionRow, ok: bool) -> Verified {
    Verified {
        level: Level::Content,
        at: Clock::real().now(),
        ok,
        read: Some("from the disk".into()),
        from_storage: true,
        problems: u32::from(!ok),
        source: row.source.map(|facts| facts.state),
        copy: row.copies[0].facts.unwrap().state,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_seen_without_being_asked_for() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    let stores = place.start();
    looked(&stores).await;
    // In a session that is watched, in a new one of a known participant, and of a new participant.
    for (path, session) in [
        ("data/p001/20250104/b.mp4", key("p001", "20250104")),
        ("data/p001/20250105/b.mp4", key("p001", "20250105")),
        ("data/p002/20250105/b.mp4", key("p002", "20250105")),
    ] {
        let before = row(&stores, &session).and_then(|row| row.source).map(|facts| facts.files);
        place.write(path, 5);
        until(&stores, |_| row(&stores, &session).and_then(|row| row.source).map(|facts| facts.files) > before).await;
    }
    std::fs::remove_dir_all(place.path("data/p002")).unwrap();
    until(&stores, |_| row(&stores, &key("p002", "20250105")).is_none()).await;
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_works_on_a_session_is_seen_and_kept_apart() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    let stores = place.start();
    looked(&stores).await;
    let (shop, one) = (stores.store(Some("mocap")).unwrap(), key("p001", "20250104"));
    let version = stores.views()[0].version;
    let busy = shop.busy(&one, "being copied").unwrap();
    let seen = row(&stores, &one).unwrap();
    assert_eq!(seen.busy.as_deref(), Some("being copied"));
    assert!(seen.why_not.iter().any(|why| why.contains("being copied")), "{:?}", seen.why_not);
    assert!(stores.views()[0].version > version);
    assert_eq!(shop.busy(&one, "being deleted").unwrap_err(), "p001/20250104 is being copied");
    drop(busy);
    assert_ne!(row(&stores, &one).unwrap().busy.as_deref(), Some("being copied"));
    assert!(shop.busy(&one, "being deleted").is_ok());
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_stores_are_named_as_they_are_meant() {
    let place = Place::new();
    for day in 1..=5 {
        place.write(&format!("data/p001/2025010{day}/a.mp4"), 10);
    }
    place.write("data/p002/20250103/a.mp4", 10);
    let stores = place.start();
    looked(&stores).await;
    let shop = stores.store(None).unwrap();
    let range = |from: i8, to: i8, participant: Option<&str>| Which::Range {
        from: Some(jiff::civil::date(2025, 1, from)),
        to: Some(jiff::civil::date(2025, 1, to)),
        participant: participant.map(str::to_owned),
        safe: false,
    };
    assert_eq!(shop.resolve(&range(2, 4, Some("p001"))).unwrap().len(), 3);
    assert_eq!(shop.resolve(&range(3, 3, None)).unwrap(), [key("p001", "20250103"), key("p002", "20250103")]);
    let keys = vec![key("p002", "20250103"), key("p001", "20250101"), key("p002", "20250103")];
    assert_eq!(shop.resolve(&Which::Keys { keys: keys.clone() }).unwrap(), keys[..2], "each once, as they were named");
    let unknown = shop.resolve(&Which::Keys { keys: vec![key("p001", "20240101")] }).unwrap_err();
    assert!(unknown.contains("p001/20240101") && unknown.contains("5 between 2025-01-01 and 2025-01-05"), "{unknown}");
    assert_eq!(stores.store(Some("mocab")).unwrap_err(), "there is no store `mocab`; did you mean `mocap`?");
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_lists_what_is_there_now() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    place.write("data/p001/20250104/b.mp4", 10);
    place.write("nas/20250104/p001/a.mp4", 9);
    let stores = place.start();
    looked(&stores).await;
    place.write("nas/20250104/p001/b.mp4", 10);
    std::os::unix::fs::symlink("/etc", place.path("data/p001/20250104/out")).unwrap();
    let detail = stores.detail(None, &key("p001", "20250104")).await.unwrap();
    let said: Vec<_> =
        detail.files.iter().map(|file| (file.path.as_str(), file.there[0], file.problem.as_deref())).collect();
    assert_eq!(said, [("a.mp4", Some(9), Some("size")), ("b.mp4", Some(10), None)]);
    assert_eq!(detail.odd[0].path, "out");
    assert_eq!(detail.copies, [place.path("nas/20250104/p001").display().to_string()]);
    assert_eq!(detail.row.copies[0].facts.unwrap().files, 2, "the row is of now, too");
    assert!(stores.detail(None, &key("p009", "20250104")).await.unwrap_err().contains("p009/20250104"));
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_fleet_file_keeps_what_did_not_change() {
    let mut place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    let stores = place.start();
    looked(&stores).await;
    let before = stores.store(None).unwrap();
    stores.reload(&place.fleet);
    assert!(Arc::ptr_eq(&before, &stores.store(None).unwrap()));
    let mut fleet = (*place.fleet).clone();
    fleet.sessions[0].participants = vec!["q".into()];
    place.fleet = Arc::new(fleet);
    stores.reload(&place.fleet);
    let view = looked(&stores).await;
    assert_eq!(view.totals.sessions, 0);
    stores.reload(&Arc::new(Fleet::empty("harbour")));
    assert!(stores.views().is_empty());
    assert!(stores.rows(&all()).unwrap_err().contains("declares no [sessions.*]"));
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_verified_longest_ago_is_due_first() {
    let place = Place::new();
    for day in 1..=3 {
        place.write(&format!("data/p001/2025010{day}/a.mp4"), 10);
        place.write(&format!("nas/2025010{day}/p001/a.mp4"), if day == 3 { 9 } else { 10 });
    }
    let stores = place.start();
    looked(&stores).await;
    let shop = stores.store(None).unwrap();
    shop.prepare("NAS").unwrap();
    let day = |day: i64| Timestamp::from_second(4_000_000_000 + day * 86_400).unwrap();
    for (session, at) in [("20250101", 2), ("20250102", 1), ("20250103", 0)] {
        let session = key("p001", session);
        let verified = Verified { at: day(at), ..verified(&row(&stores, &session).unwrap(), true) };
        shop.record_verified("NAS", &session, &verified);
    }
    assert_eq!(stores.next_to_verify(day(20)), None, "not yet");
    let due = |at| stores.next_to_verify(day(at)).map(|(_, _, key)| key.day());
    assert_eq!(due(40).as_deref(), Some("20250102"), "the one that differs waits for a person");
    let _busy = shop.busy(&key("p001", "20250102"), "being copied").unwrap();
    assert_eq!(due(40).as_deref(), Some("20250101"));
    stores.shutdown().await;
}

#[tokio::test]
async fn a_store_whose_host_is_reached_in_another_way_begins_anew_and_no_other() {
    let place = Place::new();
    let fleet = |ssh: &str| {
        let text = format!(
            "name = 'harbour'\n[hosts.nas]\naddress = '10.0.0.9'\nssh = '{ssh}'\n\
             [sessions.near]\nsource = '/near'\nlayout = '{{participant}}/{{date}}'\n\
             [sessions.far]\nsource = '/data'\nlayout = '{{participant}}/{{date}}'\n\
             destinations = [{{ name = 'NAS', path = 'ssh://nas/srv' }}]\n"
        );
        crate::fleet::load(text.as_bytes(), Path::new("hotspare.toml")).fleet.unwrap()
    };
    let (one, two) = (fleet("nas-jump"), fleet("nas"));
    let open = |store: &str| {
        let store = one.sessions.iter().find(|known| known.name == store).unwrap();
        let (seen, stop) = (watch::channel(0).0, CancellationToken::new());
        (Shop::open(&one, store, &place.ways(), &Index::new(&place.path("state")), &seen, &stop), store.clone())
    };
    let ((near, near_store), (far, far_store)) = (open("near"), open("far"));
    assert!(near.is(&two, &near_store) && far.is(&one, &far_store) && !far.is(&two, &far_store));
}
