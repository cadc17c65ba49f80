use rusqlite::Connection;

use super::*;
use crate::clock::Timestamp;
use crate::feed::value::Row;

const TRAFFIC: &str = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, \
     out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL); \
     CREATE INDEX idx_camera_name_timestamp ON traffic (camera_name, timestamp);";

struct Site {
    folder: tempfile::TempDir,
    clock: Clock,
}

impl Site {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::held(Timestamp::UNIX_EPOCH) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("count.db")
    }

    fn writer(&self, mode: &str) -> Connection {
        let file = Connection::open(self.path()).unwrap();
        file.pragma_update(None, "journal_mode", mode).unwrap();
        file.execute_batch(TRAFFIC).unwrap();
        file
    }

    fn source(&self) -> LocalSource {
        LocalSource::new(self.path(), self.clock.clone())
    }
}

fn count(file: &Connection, second: u32, camera: &str) {
    let time = format!("2026-11-21 08:{:02}:{:02}", second / 60, second % 60);
    let row = (time, camera);
    file.execute("INSERT INTO traffic (timestamp, in_count, out_count, camera_name) VALUES (?1, 1, 2, ?2)", row)
        .unwrap();
}

fn ask(after: Option<i64>, limit: u32) -> Ask {
    Ask {
        table: "traffic".into(),
        cursor: Some("id".into()),
        columns: ["timestamp", "in_count", "region_count", "camera_name"].map(str::to_owned).into(),
        after: after.map(Place::Number),
        again: false,
        limit,
        changes: None,
        group: Some(("camera_name".into(), Some("timestamp".into()))),
        time: Some("timestamp".into()),
    }
}

async fn look(source: &mut LocalSource, ask: Ask) -> Look {
    source.look(&[ask]).await.unwrap().remove(0)
}

fn places(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.at.to_string()).collect()
}

#[rstest::rstest]
#[tokio::test]
async fn says_what_stands_behind_a_mark(#[values("delete", "wal", "persist", "truncate")] mode: &str) {
    let site = Site::new();
    let writer = site.writer(mode);
    let mut source = site.source();
    let shape = source.shape("traffic", Some("id")).await.unwrap();
    assert!(shape.unique && shape.columns.len() == 7 && shape.columns[1].not_null && !shape.columns[6].not_null);
    let empty = look(&mut source, ask(None, 10)).await;
    assert_eq!((empty.span, empty.waiting, empty.counted, empty.times), (None, 0, true, None));
    for second in [0, 10, 20, 30] {
        count(&writer, second, if second == 20 { "west" } else { "east" });
    }
    // A late row: an older time, a later place.
    count(&writer, 5, "north");
    let said = look(&mut source, ask(Some(2), 2)).await;
    assert_eq!(said.tail.unwrap().values[0], Value::from("2026-11-21 08:00:10"));
    assert_eq!(said.span, Some((Place::Number(1), Place::Number(5))));
    assert_eq!((said.waiting, said.counted), (3, true));
    assert_eq!(places(&said.rows), ["3", "4"]);
    assert_eq!(*said.rows[0].values, [Value::from("2026-11-21 08:00:20"), 1.into(), Value::Null, "west".into()]);
    let times = said.times.unwrap();
    assert_eq!(times.last, Value::from("2026-11-21 08:00:30"), "not that of the late row");
    assert_eq!(times.waiting, Some(Value::from("2026-11-21 08:00:20")));
    let group = |name: &str| (said.groups[name].waiting, said.groups[name].newest.clone());
    assert_eq!(group("east"), (1, Some("2026-11-21 08:00:30".into())));
    assert_eq!(group("north"), (1, Some("2026-11-21 08:00:05".into())));
    assert_eq!(group("west"), (1, Some("2026-11-21 08:00:20".into())));
    let key = [("camera_name".to_owned(), Value::from("east"))];
    assert_eq!(source.before(&ask(None, 1), &key, &Place::Number(4)).await, Ok(2));
    let done = look(&mut source, ask(Some(5), 2)).await;
    assert_eq!((done.waiting, done.rows.len(), done.groups["east"].waiting), (0, 0, 0));
}

#[tokio::test]
async fn many_rows_that_wait_are_not_counted_one_by_one() {
    let site = Site::new();
    let writer = site.writer("wal");
    writer
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) \
             INSERT INTO traffic SELECT i, '2026-11-21 08:00:00', 1, 2, NULL, 'cam' || (i % 3), NULL FROM n; \
             DELETE FROM traffic WHERE id % 2 = 0;",
        )
        .unwrap();
    let mut source = site.source();
    let said = look(&mut source, ask(None, 10)).await;
    assert_eq!((said.waiting, said.counted), (149_990, false), "at most so many");
    let said = look(&mut source, ask(Some(100_000), 10)).await;
    assert_eq!((said.waiting, said.counted), (25_000, true));
    assert_eq!(said.groups["cam0"].waiting, 25_000, "many are grouped once in a while");
    site.clock.advance(Duration::from_secs(3));
    let said = look(&mut source, ask(Some(100_000), 10)).await;
    assert_eq!(said.groups.values().map(|group| group.waiting).sum::<u64>(), 25_000);
}

#[tokio::test]
async fn a_change_is_told_of_at_once_and_only_then() {
    for mode in ["delete", "wal"] {
        let site = Site::new();
        let writer = site.writer(mode);
        let mut source = site.source();
        look(&mut source, ask(None, 10)).await;
        let quiet = tokio::time::timeout(Duration::from_millis(400), source.stirred()).await;
        assert!(quiet.is_err(), "{mode}: nothing has changed");
        for second in 0..20 {
            count(&writer, second, "east");
            tokio::time::timeout(Duration::from_secs(5), source.stirred()).await.expect("it stirs");
            let seen = look(&mut source, ask(None, 100)).await.waiting;
            assert_eq!(seen, u64::from(second) + 1, "{mode}: what stirred is there");
        }
    }
}

#[tokio::test]
async fn a_writer_is_not_kept_waiting_and_one_that_locks_is_told_of() {
    let site = Site::new();
    let writer = site.writer("delete");
    count(&writer, 1, "east");
    writer.busy_timeout(Duration::ZERO).unwrap();
    let mut source = site.source();
    look(&mut source, ask(None, 10)).await;
    count(&writer, 2, "east");
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = source.look(&[ask(None, 10)]).await.unwrap_err();
    assert!(matches!(&error, SourceError::Away(why) if why.contains("locked by a writer for 500 ms")), "{error}");
    site.clock.advance(Duration::from_mins(1));
    let error = source.look(&[ask(None, 10)]).await.unwrap_err();
    assert!(error.to_string().contains("locked by a writer for 60 s"), "{error}");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(look(&mut source, ask(None, 10)).await.waiting, 2);
}

#[rstest::rstest]
#[tokio::test]
async fn another_file_in_its_place_is_opened_anew(#[values("delete", "wal")] mode: &str) {
    let site = Site::new();
    let writer = site.writer(mode);
    (1..=5).for_each(|second| count(&writer, second, "east"));
    let mut source = site.source();
    assert_eq!(look(&mut source, ask(Some(5), 10)).await.waiting, 0);
    for more in ["", "-wal", "-shm"] {
        let path = site.folder.path().join(format!("count.db{more}"));
        if path.exists() {
            std::fs::rename(&path, site.folder.path().join(format!("old.db{more}"))).unwrap();
        }
    }
    let error = source.look(&[ask(None, 10)]).await.unwrap_err();
    assert!(matches!(&error, SourceError::Away(why) if why.contains("is not there")), "{error}");
    let fresh = site.writer(mode);
    (1..=2).for_each(|second| count(&fresh, second, "west"));
    let said = look(&mut source, ask(Some(5), 10)).await;
    assert_eq!((said.tail, said.span), (None, Some((Place::Number(1), Place::Number(2)))));
    assert_eq!(look(&mut source, ask(Some(2), 10)).await.tail.unwrap().values[3], Value::from("west"));
    drop(writer);
}

#[tokio::test]
async fn what_is_no_database_is_told_apart() {
    let site = Site::new();
    let mut source = site.source();
    let said = async |source: &mut LocalSource| source.look(&[ask(None, 10)]).await.unwrap_err();
    assert!(said(&mut source).await.to_string().contains("is not there"));
    std::fs::write(site.path(), "").unwrap();
    let error = said(&mut source).await;
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("it holds no table at all")), "{error}");
    std::fs::write(site.path(), "this is a text and no database at all, however long it goes on".repeat(50)).unwrap();
    let error = said(&mut source).await;
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("is no SQLite database")), "{error}");
    std::fs::remove_file(site.path()).unwrap();
    let writer = site.writer("delete");
    writer.execute_batch("BEGIN").unwrap();
    (0..3000).for_each(|second| count(&writer, second, "east"));
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(look(&mut source, ask(None, 10)).await.waiting, 3000);
    drop(writer);
    let whole = std::fs::read(site.path()).unwrap();
    std::fs::write(site.path(), &whole[..whole.len() / 2]).unwrap();
    let mut wanted = ask(None, 10_000);
    wanted.group = None;
    let error = source.look(&[wanted.clone()]).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("is damaged")), "{error}");
    std::fs::write(site.path(), &whole).unwrap();
    assert_eq!(look(&mut source, wanted).await.waiting, 3000, "mended, it goes on");
}

#[tokio::test]
async fn a_table_needs_a_cursor_that_can_tell() {
    let site = Site::new();
    let writer = site.writer("delete");
    writer
        .execute_batch(
            "CREATE TABLE plain (a TEXT, rowid TEXT); INSERT INTO plain VALUES ('x', 'y');
             CREATE TABLE keyed (k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID; INSERT INTO keyed VALUES ('b', 1), ('a', 2);
             CREATE VIEW seen AS SELECT * FROM keyed;
             CREATE TABLE ties (at INTEGER NOT NULL, v TEXT); INSERT INTO ties VALUES (1, 'a'), (2, 'b'), (2, 'c'), (2, 'd');
             CREATE TABLE loose (at INTEGER, v TEXT); INSERT INTO loose VALUES (1, 'a'), (NULL, 'b');
             CREATE TABLE cased (k TEXT COLLATE NOCASE UNIQUE, v); INSERT INTO cased VALUES ('b', 1), ('C', 2);",
        )
        .unwrap();
    let mut source = site.source();
    let about = |table: &str, cursor: Option<&str>, columns: &[&str]| Ask {
        table: table.into(),
        cursor: cursor.map(str::to_owned),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        group: None,
        time: None,
        ..ask(None, 2)
    };
    let refused = async |source: &mut LocalSource, ask: Ask| match source.look(&[ask]).await {
        Err(SourceError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(places(&look(&mut source, about("plain", None, &["rowid"])).await.rows), ["1"]);
    assert!(refused(&mut source, about("keyed", None, &[])).await.contains("a table without rowid"));
    assert!(refused(&mut source, about("seen", None, &[])).await.contains("is a view"));
    assert_eq!(places(&look(&mut source, about("keyed", Some("k"), &["v"])).await.rows), ["a", "b"]);
    assert!(source.shape("keyed", Some("k")).await.unwrap().unique);
    assert_eq!(places(&look(&mut source, about("seen", Some("k"), &["v"])).await.rows), ["a", "b"]);
    assert_eq!(places(&look(&mut source, about("ties", Some("at"), &["v"])).await.rows), ["1", "2", "2", "2"]);
    assert!(!source.shape("ties", Some("at")).await.unwrap().unique);
    let again = Ask { after: Some(Place::Number(2)), again: true, ..about("ties", Some("at"), &["v"]) };
    let said = look(&mut source, again).await;
    assert_eq!((places(&said.rows).len(), said.waiting, said.tail.unwrap().values[0].clone()), (3, 3, "d".into()));
    assert!(refused(&mut source, about("loose", Some("at"), &[])).await.contains("is NULL in a row"));
    assert_eq!(places(&look(&mut source, about("cased", Some("k"), &["v"])).await.rows), ["C", "b"], "byte by byte");
    assert!(
        refused(&mut source, about("gone", None, &[])).await.contains("has no table `gone`; it has traffic, plain")
    );
    assert!(refused(&mut source, about("plain", Some("x"), &[])).await.contains("no column `x` for a cursor"));
    assert!(refused(&mut source, about("plain", None, &["gone"])).await.contains("no such column: gone"));
    // The table is found as it is now.
    writer.execute_batch("ALTER TABLE plain ADD COLUMN gone TEXT DEFAULT 'here'").unwrap();
    assert_eq!(look(&mut source, about("plain", None, &["gone"])).await.rows[0].values[0], Value::from("here"));
}

#[tokio::test]
async fn changed_rows_come_whole_by_the_column_that_tells() {
    let site = Site::new();
    let writer = site.writer("delete");
    (0..6).for_each(|second| count(&writer, second / 3, "east"));
    let mut source = site.source();
    let since = |since: Option<&str>| Ask {
        changes: Some(("timestamp".into(), since.map(|text| Place::Text(text.into())))),
        ..ask(Some(6), 2)
    };
    assert_eq!(places(&look(&mut source, since(None)).await.changed), ["1", "2", "3"]);
    assert_eq!(places(&look(&mut source, since(Some("2026-11-21 08:00:01"))).await.changed), ["4", "5", "6"]);
    assert!(look(&mut source, since(Some("2026-11-21 08:00:02"))).await.changed.is_empty());
}

#[tokio::test]
async fn any_value_comes_as_it_is() {
    let site = Site::new();
    let writer = site.writer("delete");
    writer.execute_batch("CREATE TABLE anything (v)").unwrap();
    writer
        .execute_batch(
            "INSERT INTO anything VALUES (NULL), (9223372036854775807), (-9223372036854775808), (0.1), ('ü''\n\u{1F600}'), \
             (CAST(x'ff00fe' AS TEXT)), (x'00ff'), ('')",
        )
        .unwrap();
    let wanted = Ask {
        table: "anything".into(),
        cursor: None,
        columns: vec!["v".into()],
        group: None,
        time: None,
        ..ask(None, 9)
    };
    let said = look(&mut site.source(), wanted).await;
    let values: Vec<Value> = said.rows.into_iter().map(|row| row.values[0].clone()).collect();
    let expected = [
        Value::Null,
        i64::MAX.into(),
        i64::MIN.into(),
        Value::Real(0.1),
        "ü'\n\u{1F600}".into(),
        Value::Text(vec![0xff, 0, 0xfe]),
        Value::Blob(vec![0, 0xff]),
        "".into(),
    ];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_disk_that_hangs_holds_one_thread_and_nobody_else() {
    let site = Site::new();
    count(&site.writer("delete"), 1, "east");
    let mut source = site.source();
    source.patience = Duration::from_millis(50);
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let hung = source.ask(move |_file| Ok(hold.recv().is_ok())).await.unwrap_err();
    assert!(matches!(&hung, SourceError::Away(why) if why.contains("no answer in 50 ms")), "{hung}");
    let again = source.look(&[ask(None, 1)]).await.unwrap_err();
    assert!(again.to_string().contains("still gives no answer"), "{again}");
    source.patience = PATIENCE;
    drop(release);
    let mut back = source.look(&[ask(None, 1)]).await;
    while back.is_err() {
        tokio::task::yield_now().await;
        back = source.look(&[ask(None, 1)]).await;
    }
    assert_eq!(back.unwrap()[0].waiting, 1, "once it has answered it is asked again");
}
