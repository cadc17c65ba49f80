//! A studio that counts people, and a warehouse.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hotspare::engine::client::Client;
use hotspare::engine::socket::Socket;
use hotspare::feed::view::FeedView;
use rusqlite::Connection;

use crate::place::{PATIENCE, Place, Running, text};

/// As the people count has it: rows are told apart by their number alone.
pub(crate) const TRAFFIC: &str = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, \
     in_count INTEGER NOT NULL, out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL);
     CREATE INDEX idx_camera_name_timestamp ON traffic (camera_name, timestamp);";

pub(crate) struct Site {
    pub(crate) place: Place,
}

impl Site {
    /// A studio whose warehouse is a SQLite file, made ready.
    pub(crate) fn new() -> Self {
        let site = Self::to("{ sqlite = \"warehouse.db\" }");
        site.prepare();
        site
    }

    /// A studio whose counts go there.
    pub(crate) fn to(target: &str) -> Self {
        let fleet = format!(
            "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\nchecks = [{{ kind = \"ping\", every = \"10s\" }}]\n\
             [feeds.counts]\nfrom = {{ sqlite = \"counts.db\" }}\nto = {target}\nevery = \"100ms\"\nlag_by = \"camera_name\"\n\
             zone = \"utc\"\ntables = [{{ name = \"traffic\", key = [\"camera_name\", \"timestamp\"], cursor = \"id\" }}]\n"
        );
        let site = Self { place: Place::new(&fleet) };
        site.writer().execute_batch(TRAFFIC).unwrap();
        site
    }

    pub(crate) fn prepare(&self) {
        let prepared = self.place.run(&["feed", "prepare", "counts"]);
        assert_eq!(prepared.status.code(), Some(0), "{}{}", text(&prepared.stdout), text(&prepared.stderr));
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.place.path().join("counts.db")
    }

    /// A connection of a counter.
    pub(crate) fn writer(&self) -> Connection {
        let file = Connection::open(self.source()).unwrap();
        file.busy_timeout(PATIENCE).unwrap();
        file
    }

    /// A connection to the warehouse.
    pub(crate) fn warehouse(&self) -> Connection {
        let file = Connection::open(self.place.path().join("warehouse.db")).unwrap();
        file.busy_timeout(PATIENCE).unwrap();
        file
    }

    /// Carries what waits; whether that ended well, and what was said.
    pub(crate) fn carry(&self) -> (bool, String) {
        let ended = self.place.run(&["feed", "run", "counts", "--once"]);
        (ended.status.code() == Some(0), text(&ended.stdout) + &text(&ended.stderr))
    }

    /// Carries what waits, all of it.
    pub(crate) fn carry_all(&self) {
        let (well, said) = self.carry();
        assert!(well, "{said}");
    }

    /// What `feed check` says; it must find both ends equal.
    pub(crate) fn check(&self) -> serde_json::Value {
        let ended = self.place.run(&["feed", "check", "counts", "--json"]);
        let said = text(&ended.stdout) + &text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{said}");
        let said: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let table = &said["tables"][0];
        assert!(said["ok"] == true && table["source_rows"] == table["target_rows"], "{said}");
        said
    }

    /// Rows of the warehouse.
    pub(crate) fn carried(&self) -> u64 {
        number(&self.warehouse(), "SELECT count(*) FROM traffic")
    }

    /// Both ends have the same rows, each once, however that is asked.
    pub(crate) fn equal(&self) {
        self.check();
        let file = self.warehouse();
        file.execute("ATTACH ?1 AS studio", [self.source().to_str().unwrap()]).unwrap();
        let columns = "timestamp, in_count, out_count, region_count, camera_name, ip";
        for (one, other) in [("main", "studio"), ("studio", "main")] {
            let more = format!(
                "SELECT count(*) FROM (SELECT {columns} FROM {one}.traffic EXCEPT SELECT {columns} FROM {other}.traffic)"
            );
            assert_eq!(number(&file, &more), 0, "{one} has more");
        }
        let doubled = "SELECT count(*) - count(DISTINCT camera_name || '|' || timestamp) FROM main.traffic";
        assert_eq!(number(&file, doubled), 0);
    }

    /// Starts what carries on and on.
    pub(crate) fn begin(&self) -> Running {
        let said = std::fs::File::create(self.place.path().join("run.log")).unwrap();
        let child =
            self.place.program(&["feed", "run", "counts"]).stdout(said.try_clone().unwrap()).stderr(said).spawn();
        Running::from(child.unwrap())
    }
}

/// Waits until the picture of the feed shows it.
pub(crate) async fn until(engine: &Socket, what: &str, shows: impl Fn(&FeedView) -> bool) -> Arc<FeedView> {
    let mut snapshots = engine.snapshots();
    let found = tokio::time::timeout(
        PATIENCE,
        snapshots.wait_for(|snapshot| snapshot.feed("counts").is_some_and(|feed| shows(feed))),
    );
    if let Ok(found) = found.await {
        return found.unwrap().feed("counts").unwrap().clone();
    }
    panic!("{what}: {:?}", engine.snapshots().borrow().feed("counts"))
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _try in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 20 s");
}

pub(crate) fn number(file: &Connection, query: &str) -> u64 {
    file.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
}

/// A row of a camera, so many seconds after eight.
pub(crate) fn count(file: &Connection, camera: &str, second: u32) {
    let time = format!("2026-11-21 {:02}:{:02}:{:02}", 8 + second / 3600, second / 60 % 60, second % 60);
    at(file, camera, &time);
}

/// A row of a camera at a time.
pub(crate) fn at(file: &Connection, camera: &str, time: &str) {
    let text = "INSERT INTO traffic (timestamp, in_count, out_count, camera_name) VALUES (?1, 1, length(?2), ?2)";
    file.execute(text, (time, camera)).unwrap();
}
