//! Destinations that hang, vanish, fill up, or are not what they were: what the catalogue says of them, and that it always
//! says it in time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::fleet::Fleet;
use hotspare::fleet::bucket::Access;
use hotspare::fleet::data::{Destination, Store};
use hotspare::journal::database;
use hotspare::reach::ssh::{SshOptions, SshPool};
use hotspare::session::catalogue::{AskImported, Stores};
use hotspare::session::imported::Answer;
use hotspare::session::key::Key as Session;
use hotspare::session::side::Ways;
use hotspare::session::view::{CopyState, SessionRow, SideState, StoreView};

use crate::apart::apart;
use crate::farm::run;
use crate::share::{Key, Share};

/// No answer takes longer than the deadline of a side and some room for a busy machine.
const DEADLINE: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(60);

/// A source, a state folder, and a destination that must be mounted.
struct Site {
    folder: tempfile::TempDir,
    mount: PathBuf,
    clock: Clock,
}

impl Site {
    fn new(mount: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("mnt");
        for path in ["data/p001/20250104", "data/p001/20250103", "state", "mnt"] {
            std::fs::create_dir_all(folder.path().join(path)).expect("a folder");
        }
        for path in ["data/p001/20250104/a.mp4", "data/p001/20250103/a.mp4"] {
            std::fs::write(folder.path().join(path), vec![7; 1000]).expect("written");
        }
        drop(database::open(&folder.path().join("state"), Timestamp::UNIX_EPOCH).expect("opened"));
        Self { mount: mount.map_or(own, Path::to_owned), folder, clock: Clock::real() }
    }

    /// A copy of the first session lies at the destination.
    fn copied(&self) {
        let copy = self.mount.join("data/20250104/p001");
        std::fs::create_dir_all(&copy).expect("a folder");
        std::fs::write(copy.join("a.mp4"), vec![7; 1000]).expect("written");
    }

    fn start(&self) -> Stores {
        let mut fleet = Fleet::empty("harbour");
        fleet.sessions.push(Store {
            name: "mocap".into(),
            source: self.folder.path().join("data"),
            layout: "{participant}/{date}".into(),
            participants: Vec::new(),
            exclude: Vec::new(),
            count: "*.mp4".into(),
            settle: Duration::from_secs(120),
            destinations: vec![Destination {
                name: "NAS".into(),
                mount: Some(self.mount.clone()),
                path: self.mount.join("data"),
                layout: "{date}/{participant}".into(),
                access: Access::default(),
            }],
            parallel: 0,
            limit: None,
            imported: None,
        });
        let nobody: AskImported = Arc::new(|_, _| Box::pin(async { Answer::Known(std::collections::HashMap::new()) }));
        let ways = Ways::new(SshPool::new(SshOptions::default(), self.clock.clone()), self.clock.clone());
        Stores::start(&Arc::new(fleet), &self.folder.path().join("state"), ways, nobody)
    }
}

fn tmpfs(at: &Path) {
    run("mount", &["-t", "tmpfs", "-o", "size=1m", "share", at.to_str().expect("UTF-8")]);
}

async fn until(stores: &Stores, within: Duration, wanted: impl Fn(&StoreView) -> bool) -> Arc<StoreView> {
    let mut seen = stores.seen();
    let reached = async {
        loop {
            let view = stores.views().remove(0);
            if wanted(&view) {
                return view;
            }
            seen.changed().await.expect("it lives");
        }
    };
    let reached = tokio::time::timeout(within, reached).await;
    reached.unwrap_or_else(|_| panic!("not within {within:?}: {:#?}", stores.views()))
}

fn word(view: &StoreView) -> &str {
    match &view.destinations[0].state {
        SideState::Ready => "ready",
        SideState::Unknown => "unknown",
        SideState::Trouble { word, .. } => word,
    }
}

async fn looked(stores: &Stores) -> String {
    word(&*until(stores, PATIENCE, |view| view.scanned.is_some() && !view.scanning).await).to_owned()
}

fn row(stores: &Stores) -> SessionRow {
    let key = Session::new("p001", "20250104").expect("a session");
    stores.store(None).expect("the store").row(&key).expect("a row")
}

/// Runs a test that waits, apart.
fn waiting(name: &str, body: impl AsyncFnOnce()) {
    apart(&format!("destinations::{name}"), || {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(body());
    });
}

#[test]
fn a_share_that_never_answers_is_stale_within_its_deadline() {
    waiting("a_share_that_never_answers_is_stale_within_its_deadline", async || {
        let share = Share::new();
        let site = Site::new(Some(&share.path()));
        site.copied();
        let stores = site.start();
        assert_eq!(looked(&stores).await, "ready");
        assert_eq!(row(&stores).copies[0].state, CopyState::Same);

        share.set(Key::Hang, 1);
        let began = site.clock.tick();
        stores.refresh(None).expect("the store");
        let view = until(&stores, DEADLINE, |view| word(view) == "stale").await;
        let SideState::Trouble { why, remedy, .. } = &view.destinations[0].state else { unreachable!() };
        assert!(why.contains("did not answer") && remedy.contains("umount -l"), "{why}; {remedy}");
        assert_eq!(row(&stores).copies[0].state, CopyState::Unknown { why: "stale".into() });
        assert!(row(&stores).source.is_some(), "the source is nobody's prisoner");

        let key = Session::new("p001", "20250104").expect("a session");
        let detail = tokio::time::timeout(DEADLINE, stores.detail(None, &key)).await.expect("in time").expect("known");
        assert_eq!((detail.files.len(), detail.files[0].there[0]), (1, None), "unknown is not missing");
        let shop = stores.store(None).expect("the store");
        let asked = site.clock.tick();
        assert!(!shop.prepare("NAS").expect("the destination").readable);
        assert!(site.clock.tick().since(asked) < DEADLINE);
        println!("stale after {:?}, with a detail and a sync refused", site.clock.tick().since(began));

        // It answers again.
        share.set(Key::Hang, 0);
        until(&stores, PATIENCE, |view| word(view) == "ready" && !view.scanning).await;
        assert_eq!(row(&stores).copies[0].state, CopyState::Same);

        // An engine that starts while it hangs, and one that ends.
        share.set(Key::Hang, 1);
        let late = site.start();
        until(&late, DEADLINE, |view| word(view) == "stale" && view.scanned.is_some()).await;
        let ending = site.clock.tick();
        late.shutdown().await;
        stores.shutdown().await;
        assert!(site.clock.tick().since(ending) < DEADLINE);
        share.set(Key::Hang, 0);
    });
}

#[test]
fn a_share_that_dies_while_it_is_looked_at_keeps_its_rows_and_says_so() {
    waiting("a_share_that_dies_while_it_is_looked_at_keeps_its_rows_and_says_so", async || {
        let share = Share::new();
        let site = Site::new(Some(&share.path()));
        site.copied();
        for number in 0..400 {
            let copy = share.behind().join(format!("data/20250101/q{number}"));
            std::fs::create_dir_all(&copy).expect("a folder");
            std::fs::write(copy.join("a.mp4"), "x").expect("written");
        }
        let stores = site.start();
        assert_eq!(looked(&stores).await, "ready");
        let rows = stores.views()[0].totals.sessions;
        assert_eq!(rows, 402);
        share.set(Key::DelayUs, 5_000);
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| view.scanning).await;
        let calls = share.get(Key::Calls);
        while share.get(Key::Calls) < calls + 200 {
            tokio::task::yield_now().await;
        }
        share.set(Key::Hang, 1);
        until(&stores, PATIENCE, |view| word(view) == "stale" && !view.scanning).await;
        assert_eq!(stores.views()[0].totals.sessions, rows, "what was known of it stays");
        assert_eq!(row(&stores).copies[0].state, CopyState::Unknown { why: "stale".into() });
        share.set(Key::Hang, 0);
        share.set(Key::DelayUs, 0);
        stores.shutdown().await;
    });
}

#[test]
fn a_share_that_is_unmounted_is_not_an_empty_one() {
    waiting("a_share_that_is_unmounted_is_not_an_empty_one", async || {
        let site = Site::new(None);
        tmpfs(&site.mount);
        site.copied();
        let stores = site.start();
        assert_eq!(looked(&stores).await, "ready");
        let shop = stores.store(None).expect("the store");
        let id = shop.prepare("NAS").expect("the destination").marker.expect("a marker");
        let mount = site.mount.to_str().expect("UTF-8");
        run("umount", &[mount]);
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| word(view) == "not mounted").await;
        assert_eq!(row(&stores).copies[0].state, CopyState::Unknown { why: "not mounted".into() });
        assert!(!shop.prepare("NAS").expect("the destination").readable);
        assert_eq!(std::fs::read_dir(&site.mount).expect("a folder").count(), 0, "nothing is made below it");

        // Another disk under the same name, empty or with the marker of others.
        tmpfs(&site.mount);
        std::fs::create_dir(site.mount.join("data")).expect("a folder");
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| word(view) == "replaced").await;
        assert_eq!(row(&stores).copies[0].state, CopyState::Unknown { why: "replaced".into() });
        assert!(!shop.prepare("NAS").expect("the destination").readable);
        assert_eq!(std::fs::read_dir(site.mount.join("data")).expect("a folder").count(), 0);
        stores.shutdown().await;

        // The identity outlives the engine.
        let stores = site.start();
        assert_eq!(looked(&stores).await, "replaced");
        let own = site.mount.join("data/.hotspare");
        std::fs::create_dir(&own).expect("a folder");
        let marker =
            format!(r#"{{"id":"{id}","fleet":"f","store":"s","destination":"d","made":"2025-01-04T00:00:00Z"}}"#);
        std::fs::write(own.join("store.json"), marker).expect("written");
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| word(view) == "ready" && !view.scanning).await;
        assert_eq!(row(&stores).copies[0].state, CopyState::None, "now it is known that nothing is there");
        stores.shutdown().await;
    });
}

#[test]
fn what_lies_on_a_full_or_read_only_share_is_still_seen() {
    waiting("what_lies_on_a_full_or_read_only_share_is_still_seen", async || {
        let site = Site::new(None);
        tmpfs(&site.mount);
        site.copied();
        let stores = site.start();
        assert_eq!(looked(&stores).await, "ready");
        let shop = stores.store(None).expect("the store");
        assert!(shop.prepare("NAS").expect("the destination").state.ready());

        let ballast = site.mount.join("ballast");
        let mut file = std::fs::File::create(&ballast).expect("a file");
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        stores.refresh(None).expect("the store");
        let view = until(&stores, PATIENCE, |view| word(view) == "full").await;
        assert_eq!(view.destinations[0].free, Some(0));
        assert_eq!(row(&stores).copies[0].state, CopyState::Same);
        drop(file);
        std::fs::remove_file(&ballast).expect("removed");

        let mount = site.mount.to_str().expect("UTF-8");
        run("mount", &["-o", "remount,ro", mount]);
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| word(view) == "read-only").await;
        assert_eq!(row(&stores).copies[0].state, CopyState::Same);
        assert!(row(&stores).why_not.iter().any(|why| why.contains("NAS")));

        run("mount", &["-o", "remount,rw", mount]);
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| word(view) == "ready").await;
        stores.shutdown().await;
    });
}

#[test]
fn a_mount_that_another_one_covers_is_not_the_declared_one() {
    waiting("a_mount_that_another_one_covers_is_not_the_declared_one", async || {
        let site = Site::new(None);
        tmpfs(&site.mount);
        site.copied();
        // Over the folder of the copies, below the mount point: the declared mount is there, the path is not on it.
        tmpfs(&site.mount.join("data"));
        let stores = site.start();
        assert_eq!(looked(&stores).await, "not mounted");
        assert_eq!(row(&stores).copies[0].state, CopyState::Unknown { why: "not mounted".into() });
        let data = site.mount.join("data");
        run("umount", &[data.to_str().expect("UTF-8")]);
        // A bind mount of the same file system, with the same device number, in its place.
        let other = site.mount.join("other");
        std::fs::create_dir(&other).expect("a folder");
        run("mount", &["--bind", other.to_str().expect("UTF-8"), data.to_str().expect("UTF-8")]);
        stores.refresh(None).expect("the store");
        until(&stores, PATIENCE, |view| view.scanned.is_some() && !view.scanning).await;
        assert_eq!(word(&stores.views()[0]), "not mounted", "told by the number of the mount, not of the device");
        stores.shutdown().await;
    });
}
