use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::*;
use crate::feed::view::FeedState;
use crate::reach::http::HttpClient;
use crate::reach::ssh::{SshOptions, SshPool};

/// A source and a target in a folder of their own.
struct Place {
    folder: tempfile::TempDir,
}

const TRAFFIC: &str =
    "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL,
    camera_name TEXT NOT NULL)";

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.source().execute_batch(TRAFFIC).unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self) -> Connection {
        Connection::open(self.path("people.db")).unwrap()
    }

    fn target(&self) -> Connection {
        Connection::open(self.path("warehouse.db")).unwrap()
    }

    /// Writes rows as a counter does: each camera each ten seconds.
    fn count(&self, from: u32, to: u32) {
        let mut source = self.source();
        let all = source.transaction().unwrap();
        for number in from..to {
            let time = format!("2026-01-01 {:02}:{:02}:{:02}", number / 3600 % 24, number / 60 % 60, number % 60);
            all.execute(
                "INSERT INTO traffic (timestamp, in_count, camera_name) VALUES (?1, ?2, ?3)",
                (format!("{time}.{}", number / 86_400), number, format!("cam{}", number % 3)),
            )
            .unwrap();
        }
        all.commit().unwrap();
    }

    fn fleet(&self, table: &str, feed: &str) -> Arc<Fleet> {
        let text = format!(
            "name = \"harbour\"\n[feeds.counts]\nfrom = {{ sqlite = {:?} }}\nto = {{ sqlite = {:?} }}\nevery = \"50ms\"\n\
             tables = [{{ name = \"traffic\", key = [\"camera_name\", \"timestamp\"], lag_by = \"camera_name\"{table} }}]\n{feed}",
            self.path("people.db"),
            self.path("warehouse.db")
        );
        let loaded = crate::fleet::load(text.as_bytes(), Path::new("/fleet.toml"));
        let errors: Vec<String> = loaded.errors().map(|error| format!("{error:?}")).collect();
        Arc::new(loaded.fleet.unwrap_or_else(|| panic!("{errors:?}")))
    }

    fn feeds(&self, always: bool) -> Feeds {
        self.feeds_of("", "", always)
    }

    /// With more of the table, and of the feed.
    fn feeds_of(&self, table: &str, feed: &str, always: bool) -> Feeds {
        let clock = Clock::real();
        let secrets = Secrets::new(clock.clone());
        let sources = source::Tools {
            ssh: SshPool::new(SshOptions::default(), clock.clone()),
            http: HttpClient::new(),
            secrets: secrets.clone(),
            clock: clock.clone(),
        };
        let feeds = Feeds::start(&self.fleet(table, feed), Tools { clock, secrets, sources }, "", always);
        feeds.may(None);
        feeds
    }

    /// Rows of both ends, without what only the source numbers.
    fn same(&self) -> bool {
        let rows = |connection: &Connection| {
            let mut all =
                connection.prepare("SELECT timestamp, in_count, camera_name FROM traffic ORDER BY 3, 1").unwrap();
            let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.collect::<Result<Vec<(String, i64, String)>, _>>().unwrap()
        };
        rows(&self.source()) == rows(&self.target())
    }
}

fn one(feeds: &Feeds) -> Arc<FeedView> {
    feeds.views().remove(0)
}

/// Waits until a feed looks like this.
async fn until(feeds: &Feeds, what: &str, holds: impl Fn(&FeedView) -> bool) -> Arc<FeedView> {
    let mut seen = feeds.seen();
    let waiting = async {
        loop {
            seen.mark_unchanged();
            let view = one(feeds);
            if holds(&view) {
                return view;
            }
            seen.changed().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waited.unwrap_or_else(|_late| panic!("{what}: {:#?}", one(feeds)))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_carried_when_somebody_asks_and_late_ones_too() {
    let place = Place::new();
    place.count(0, 12_345);
    let feeds = place.feeds(false);
    let refused = feeds.run("counts").await.unwrap();
    assert!(refused.tables[0].error.as_ref().unwrap().contains("feed prepare counts"), "{refused:?}");
    let shown = feeds.prepare("counts", true).await.unwrap();
    assert!(shown.ok && shown.tables[0].statements[0].starts_with("CREATE TABLE"), "{shown:?}");
    assert!(feeds.run("counts").await.unwrap().tables[0].error.is_some(), "a dry run makes nothing");
    assert!(feeds.prepare("counts", false).await.unwrap().ok);
    let watched = until(&feeds, "what waits is counted", |feed| feed.rows_behind == 12_345).await;
    assert!(watched.seconds_behind > 1000.0, "by the time of the oldest row: {watched:?}");
    assert!(place.target().query_row("SELECT count(*) FROM traffic", [], |row| row.get::<_, i64>(0)).unwrap() == 0);
    let ran = feeds.run("counts").await.unwrap();
    assert_eq!((ran.tables[0].rows, ran.tables[0].rows_behind, &ran.tables[0].error), (12_345, 0, &None), "{ran:?}");
    assert!(place.same());
    let late = "INSERT INTO traffic (timestamp, in_count, camera_name) VALUES ('2025-12-31 00:00:00', 1, 'late')";
    place.source().execute(late, []).unwrap();
    assert_eq!(feeds.run("counts").await.unwrap().tables[0].rows, 1);
    assert!(place.same());
    assert!(feeds.run("count").await.unwrap_err().contains("did you mean `counts`"));
    feeds.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_carried_as_they_come_and_the_lag_is_known_while_the_target_is_away() {
    let place = Place::new();
    let feeds = place.feeds(true);
    feeds.prepare("counts", false).await.unwrap();
    place.count(0, 100);
    until(&feeds, "carried", |feed| carried(feed) == 100 && feed.state == FeedState::Live).await;
    let target = place.target();
    target.execute_batch("BEGIN EXCLUSIVE").unwrap();
    place.count(100, 350);
    let away = until(&feeds, "the target is away", |feed| feed.state == FeedState::TargetAway).await;
    assert!(away.why.as_ref().unwrap().contains("lock"), "{away:?}");
    place.count(350, 400);
    until(&feeds, "what waits is counted meanwhile", |feed| feed.rows_behind == 300).await;
    target.execute_batch("ROLLBACK").unwrap();
    until(&feeds, "caught up", |feed| carried(feed) == 400 && feed.rows_behind == 0).await;
    assert!(place.same());
    feeds.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pumps_on_one_feed_double_nothing_and_lose_nothing() {
    let place = Place::new();
    let (one_pump, other) = (place.feeds(true), place.feeds(true));
    one_pump.prepare("counts", false).await.unwrap();
    let over = AtomicBool::new(false);
    let writing = async {
        for round in 0..40 {
            place.count(round * 50, (round + 1) * 50);
            tokio::task::yield_now().await;
        }
        over.store(true, Ordering::SeqCst);
    };
    writing.await;
    let done = |feed: &FeedView| feed.rows_behind == 0 && feed.state == FeedState::Live;
    until(&one_pump, "caught up", done).await;
    until(&other, "caught up", done).await;
    one_pump.run("counts").await.unwrap();
    assert!(place.same());
    one_pump.shutdown().await;
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_replaced_and_a_target_that_was_put_back_are_told_and_made_whole() {
    let place = Place::new();
    let feeds = place.feeds(false);
    feeds.prepare("counts", false).await.unwrap();
    place.count(0, 500);
    feeds.run("counts").await.unwrap();
    std::fs::copy(place.path("warehouse.db"), place.path("older.db")).unwrap();
    place.count(500, 800);
    feeds.run("counts").await.unwrap();
    // An older target, with its mark.
    std::fs::rename(place.path("older.db"), place.path("warehouse.db")).unwrap();
    let ran = feeds.run("counts").await.unwrap();
    assert_eq!(ran.tables[0].error, None);
    assert!(place.same());
    assert!(one(&feeds).warnings.iter().any(|warning| warning.contains("older state")), "{:?}", one(&feeds).warnings);
    // Another file with fewer rows, and with other ones.
    for name in ["people.db", "people.db-wal", "people.db-shm"] {
        let _not_all_are_there = std::fs::remove_file(place.path(name));
    }
    place.source().execute_batch(TRAFFIC).unwrap();
    place.count(90_000, 90_040);
    let ran = feeds.run("counts").await.unwrap();
    assert_eq!(ran.tables[0].error, None, "{ran:?}");
    let there: i64 = place.target().query_row("SELECT count(*) FROM traffic", [], |row| row.get(0)).unwrap();
    assert_eq!(there, 840, "what was carried stays");
    let told = one(&feeds).warnings.clone();
    assert!(told.iter().any(|warning| warning.contains("put back or replaced")), "{told:?}");
    feeds.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_updates_are_carried_at_once_however_many_batches_they_take() {
    let place = Place::new();
    place.source().execute_batch("ALTER TABLE traffic ADD COLUMN updated INTEGER NOT NULL DEFAULT 0").unwrap();
    place.count(0, 2000);
    let feeds = place.feeds_of(", changes = \"updated\"", "batch = 100\n", false);
    feeds.prepare("counts", false).await.unwrap();
    feeds.run("counts").await.unwrap();
    assert!(place.same());
    place.source().execute_batch("UPDATE traffic SET in_count = in_count + 1, updated = id").unwrap();
    assert!(!place.same());
    feeds.run("counts").await.unwrap();
    assert!(place.same(), "{:?}", one(&feeds));
    feeds.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_feed_that_is_declared_otherwise_is_told_so() {
    let place = Place::new();
    let feeds = place.feeds(false);
    feeds.prepare("counts", false).await.unwrap();
    place.count(0, 10);
    let target = place.target();
    target.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let asked = feeds.clone();
    let run = tokio::spawn(async move { asked.run("counts").await });
    let mut gate = feeds.named("counts").unwrap().gate.subscribe();
    gate.wait_for(|gate| gate.open > 0).await.unwrap();
    feeds.reload(&place.fleet("", "batch = 77"));
    let ended = tokio::time::timeout(Duration::from_secs(20), run).await.expect("it ends").unwrap();
    assert!(ended.unwrap_err().contains("says otherwise of the feed counts"));
    target.execute_batch("ROLLBACK").unwrap();
    assert_eq!(feeds.run("counts").await.unwrap().tables[0].rows, 10);
    feeds.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_carried_by_an_engine_that_may_not() {
    let place = Place::new();
    place.count(0, 10);
    let feeds = place.feeds(true);
    feeds.may(Some("this engine does not hold the lease: held by engine-b".into()));
    feeds.prepare("counts", false).await.unwrap();
    let view = until(&feeds, "counted", |feed| feed.rows_behind == 10).await;
    assert_eq!(view.state, FeedState::Elsewhere);
    let ran = feeds.run("counts").await.unwrap();
    assert!(ran.tables[0].error.as_ref().unwrap().contains("held by engine-b"), "{ran:?}");
    feeds.may(None);
    until(&feeds, "carried", |feed| carried(feed) == 10).await;
    assert!(place.same());
    feeds.shutdown().await;
}

fn carried(feed: &FeedView) -> u64 {
    feed.strands.iter().map(|strand| strand.carried).sum()
}
