use std::collections::HashMap;
use std::path::PathBuf;

use super::*;
use crate::fleet::data::{Destination, Store};
use crate::journal::database;
use crate::session::view::{CopyState, Sort};

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
        Stores::start(&self.fleet, &self.path("state"), self.clock.clone(), nobody)
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
