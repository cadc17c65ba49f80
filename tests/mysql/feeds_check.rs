//! A target made ready, and both ends compared.

use hotspare::clock::Clock;
use hotspare::feed::compare::{self, CompareError, Ends, How};
use hotspare::feed::report::TableCompared;
use hotspare::feed::sink::SinkError;
use hotspare::feed::source::local::LocalSource;
use hotspare::feed::source::{Ask, Source};
use hotspare::feed::value::{Place, Row, Value};
use hotspare::feed::zone::Times;
use hotspare::fleet::data::{FeedTable, Zone};
use rusqlite::Connection;

use crate::feeds::{Feed, open, server, shape, strand, table};
use crate::server::Server;

/// The people-count tables, as they are.
const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, \
     out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL)";
const TARGET: &str = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, timestamp TIMESTAMP NOT NULL, in_count INT NOT NULL, \
     out_count INT NOT NULL, region_count INT NULL, camera_name VARCHAR(255) NOT NULL, ip VARCHAR(255) NULL)";

fn people() -> FeedTable {
    table("t", &["camera_name", "timestamp"])
}

/// Everything of a table, for `prepare`.
async fn sample(source: &mut LocalSource, columns: &[String]) -> Vec<Row> {
    let ask = Ask {
        table: "t".into(),
        cursor: None,
        columns: columns.to_vec(),
        after: None,
        again: false,
        limit: 100_000,
        changes: None,
        group: None,
        time: None,
    };
    source.look(&[ask]).await.expect("a look").remove(0).rows
}

/// Both ends of a feed.
struct Both {
    server: Server,
    file: Connection,
    path: tempfile::TempPath,
    feed: Feed,
    zone: &'static str,
}

impl Both {
    async fn start(source: &str, target: &str, table: &FeedTable, zone: &'static str) -> Self {
        let server = server(target).await;
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let file = Connection::open(&path).expect("a database");
        file.execute_batch(source).expect("made");
        let mut sink = open(server.port, "feed", "pw", zone);
        let mut from = LocalSource::new(&path, Clock::real());
        let shape = from.shape("t", None).await.expect("a shape");
        let columns: Vec<String> = shape.columns.iter().map(|column| column.name.clone()).collect();
        let sample = sample(&mut from, &columns).await;
        sink.prepare(table, &shape, &sample, false).await.expect("ready");
        let feed = Feed::over(sink, table, &shape).await;
        Self { server, file, path, feed, zone }
    }

    /// Carries everything that the source has.
    async fn carry(&mut self) {
        let columns = self.feed.carry.columns.clone();
        let times = self.times();
        let mut rows = sample(&mut LocalSource::new(&self.path, Clock::real()), &columns).await;
        let mut seen = std::collections::HashMap::new();
        for row in &mut rows {
            // As the pump does it: the second row of a key in the repeated hour is the second passage.
            let key = format!("{:?}", self.feed.carry.key.iter().map(|at| &row.values[*at]).collect::<Vec<_>>());
            for value in &mut row.values {
                let passage = seen.entry(key.clone()).or_insert(0);
                if let Some(text) = value.text().and_then(|text| times.passage(text, *passage)) {
                    *value = text.as_str().into();
                    *passage += 1;
                }
            }
        }
        let mut write = self.feed.batch(&rows.iter().map(|row| &row.values[..]).collect::<Vec<_>>());
        write.mark.at = rows.last().map(|row| row.at.clone());
        self.feed.sink.write(&write).await.expect("written");
        self.feed.mark = Some(write.mark);
    }

    fn times(&self) -> Times {
        Times::new(&if self.zone == "utc" { Zone::Utc } else { Zone::Named(self.zone.into()) }).expect("a zone")
    }

    async fn compare(&mut self, repair: bool) -> TableCompared {
        let how = How { repair, rows: 700, gentle: false };
        self.compared(how).await.expect("compared")
    }

    async fn compared(&mut self, how: How) -> Result<TableCompared, CompareError> {
        let source: Box<dyn Source> = Box::new(LocalSource::new(&self.path, Clock::real()));
        let times = self.times();
        let ends = Ends {
            sources: &mut [(strand(), source)],
            sink: self.feed.sink.as_mut(),
            carry: &self.feed.carry.clone(),
            times: &times,
            clock: &Clock::real(),
        };
        compare::compare(ends, how, &mut |_| {}).await.map(|mut all| all.remove(0))
    }
}

fn counts(compared: &TableCompared) -> [u64; 6] {
    [
        compared.source_rows,
        compared.target_rows,
        compared.missing,
        compared.extra,
        compared.different,
        compared.repaired,
    ]
}

/// A table with so many rows of three cameras.
fn people_rows(count: i64) -> String {
    format!(
        "{SOURCE}; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {count}) \
         INSERT INTO t (timestamp, in_count, out_count, camera_name) \
         SELECT datetime('2026-06-01', '+' || (x * 10) || ' seconds'), x % 5, x % 3, 'cam ' || (x % 3) FROM n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_that_is_missing_too_many_or_different_is_found_and_repaired() {
    let mut both = Both::start(&people_rows(5000), TARGET, &people(), "Europe/Berlin").await;
    both.carry().await;
    assert_eq!(counts(&both.compare(true).await), [5000, 5000, 0, 0, 0, 0]);

    both.server.sql(
        "USE d; SET time_zone = '+02:00'; DELETE FROM t WHERE in_count = 0 AND out_count = 0; \
         UPDATE t SET in_count = 77 WHERE timestamp = '2026-06-01 00:02:40'; \
         UPDATE t SET region_count = 0 WHERE timestamp = '2026-06-01 00:02:50'; \
         INSERT INTO t VALUES (NULL, '2026-06-02 00:00:05', 1, 1, 1, 'cam 1', NULL); \
         INSERT INTO t VALUES (NULL, '2026-05-01 00:00:00', 1, 1, 1, 'before', NULL)",
    );
    // What came in after the mark waits: it is not missing.
    both.file
        .execute_batch(
            "INSERT INTO t (timestamp, in_count, out_count, camera_name) VALUES ('2026-06-08 00:00:00', 1, 1, 'x')",
        )
        .expect("inserted");
    let found = both.compare(false).await;
    assert_eq!(counts(&found), [5000, 4668, 333, 1, 2, 0]);
    let holds =
        |text: &str| assert!(found.examples.iter().any(|example| example == text), "{text}: {:?}", found.examples);
    holds("different: camera_name=cam 1, timestamp=2026-06-01 00:02:40");
    holds("different: camera_name=cam 2, timestamp=2026-06-01 00:02:50");
    holds("missing: camera_name=cam 0, timestamp=2026-06-01 00:02:30");
    holds("extra: camera_name=cam 1, timestamp=2026-06-01 22:00:05 UTC");
    assert_eq!(counts(&both.compare(true).await)[5], 335);
    assert_eq!(counts(&both.compare(false).await), [5000, 5001, 0, 1, 0, 0], "nothing is deleted");
    assert_eq!(both.feed.marked().await, both.feed.mark, "no mark is changed");

    // Retention at the source: what was deleted there stays here and is not too much.
    both.file.execute_batch("DELETE FROM t WHERE timestamp < '2026-06-03'").expect("deleted");
    let found = both.compare(false).await;
    assert_eq!((found.missing, found.extra, found.different), (0, 0, 0), "{:?}", found.examples);
    assert!(found.source_rows < 5000 && found.target_rows == found.source_rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_that_is_repeated_is_compared_by_its_passages() {
    let hour = "INSERT INTO t (timestamp, in_count, out_count, camera_name) SELECT '2026-10-25 02:' || substr('0' || x, -2) || \
                ':00', x, 0, 'door' FROM m";
    let source = format!(
        "{SOURCE}; CREATE TABLE m AS WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n \
                          WHERE x < 59) SELECT x FROM n; {hour}; {hour}"
    );
    let mut both = Both::start(&source, TARGET, &people(), "Europe/Berlin").await;
    both.carry().await;
    assert_eq!(both.server.sql("USE d; SELECT COUNT(*) FROM t"), "120\n");
    assert_eq!(counts(&both.compare(false).await), [120, 120, 0, 0, 0, 0]);
    both.server.sql("USE d; SET time_zone = '+00:00'; DELETE FROM t WHERE timestamp = '2026-10-25 01:30:00'");
    assert_eq!(counts(&both.compare(true).await), [120, 119, 1, 0, 0, 1]);
    assert_eq!(counts(&both.compare(false).await), [120, 120, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_server_writes_in_another_way_are_compared_too() {
    let source = "CREATE TABLE t (k INTEGER PRIMARY KEY, d REAL, f REAL, n NUMERIC, j TEXT, b BLOB, l TEXT, at TEXT); \
        INSERT INTO t VALUES (1, 0.1, 0.1, 2.5, '{\"b\": 1, \"a\": [2]}', x'00ff27', 'long', '2026-01-01 00:00:00'), \
        (2, 1e300, 3.25, 7, NULL, x'', '', '2026-01-01 00:00:00.5'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
        (4, -0.0, 100, -1.25, '[]', 'text', 'é🚪', '2026-01-02')";
    let target = "CREATE TABLE t (k BIGINT PRIMARY KEY, d DOUBLE, f FLOAT, n DECIMAL(10,3), j JSON, b LONGBLOB, l LONGTEXT, \
        at DATETIME(3)) DEFAULT CHARSET utf8mb4";
    for (target, servers) in
        [(target.to_owned(), false), (target.replace("DOUBLE, f FLOAT, n DECIMAL(10,3)", "BIGINT"), true)]
    {
        // With only such columns as the server writes alike, the server makes the digests.
        let source = if servers {
            source
                .replace(" d REAL, f REAL, n NUMERIC,", " d INTEGER,")
                .replace("0.1, 0.1, 2.5,", "9,")
                .replace("1e300, 3.25, 7,", "-9223372036854775808,")
                .replace("NULL, NULL, NULL, NULL, NULL, NULL, NULL)", "NULL, NULL, NULL, NULL, NULL)")
                .replace("-0.0, 100, -1.25,", "0,")
        } else {
            source.to_owned()
        };
        let mut both = Both::start(&source, &target, &table("t", &["k"]), "utc").await;
        both.carry().await;
        let found = both.compare(false).await;
        assert_eq!(counts(&found), [4, 4, 0, 0, 0, 0], "{:?}", found.examples);
        both.server.sql(
            "USE d; UPDATE t SET b = x'00ff28' WHERE k = 1; UPDATE t SET l = NULL WHERE k = 2; \
                         UPDATE t SET at = '2026-01-02 00:00:00.001' WHERE k = 4; UPDATE t SET j = '' WHERE k = 99",
        );
        let found = both.compare(true).await;
        assert_eq!(counts(&found), [4, 4, 0, 0, 3, 3], "{:?}", found.examples);
        assert_eq!(counts(&both.compare(false).await), [4, 4, 0, 0, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_ready_and_doubles_stand_in_the_way() {
    let server = server(TARGET).await;
    let mut sink = open(server.port, "feed", "pw", "utc");
    let columns = shape(&[
        ("id", "INTEGER"),
        ("timestamp", "TEXT"),
        ("in_count", "INTEGER"),
        ("camera_name", "TEXT"),
        ("out_count", "INTEGER"),
        ("note", "TEXT"),
    ]);
    let unready = sink.carry(&people(), &columns).await;
    assert!(
        matches!(&unready, Err(SinkError::Unprepared(what)) if what.ends_with("run `hotspare feed prepare f`")),
        "{unready:?}"
    );

    let door =
        "INSERT INTO d.t (timestamp, in_count, out_count, camera_name) VALUES ('2026-01-01 00:00:00', 1, 1, 'door')";
    server.sql(&format!("{door}; {door}; {door}"));
    let stopped = sink.prepare(&people(), &columns, &[], false).await.expect("an answer");
    assert_eq!((stopped.doubled, stopped.doubles[0].1), (1, 3));
    assert!(stopped.doubles[0].0.starts_with("door, "), "{:?}", stopped.doubles);
    assert_eq!(server.sql("USE d; SHOW TABLES"), "t\n", "nothing was done");
    server.sql("USE d; DELETE FROM t WHERE id > 1");

    let shown = sink.prepare(&people(), &columns, &[], true).await.expect("an answer");
    assert_eq!((shown.doubled, shown.statements.len()), (0, 2), "{:?}", shown.statements);
    assert!(shown.statements[1].contains("ADD UNIQUE INDEX hotspare_key (`camera_name`, `timestamp`)"));
    let notes = shown.notes.join("\n");
    for note in ["without case", "`id` numbers the rows of the target", "no column `note`"] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    assert_eq!(server.sql("USE d; SHOW TABLES"), "t\n", "a dry run changes nothing");
    sink.prepare(&people(), &columns, &[], false).await.expect("done");
    let carry = sink.carry(&people(), &columns).await.expect("it can be carried");
    assert_eq!(carry.left_out, ["id", "note"]);
    assert!(sink.prepare(&people(), &columns, &[], false).await.expect("ready").statements.is_empty());

    // A table that is not there, from what rows of the source hold.
    let fresh = FeedTable { into: Some("fresh".into()), ..people() };
    let values: Box<[Value]> =
        [1.into(), "2026-01-01 00:00:00".into(), 1.into(), "door".into(), 2.into(), Value::Null].into();
    let sample = [Row { at: Place::Number(1), values }];
    let made = sink.prepare(&fresh, &columns, &sample, false).await.expect("done");
    assert!(made.notes.iter().any(|note| note.contains("in the hour that a clock change repeats")), "{:?}", made.notes);
    let shown = server.sql("USE d; SHOW CREATE TABLE fresh");
    for line in [
        "`timestamp` datetime NOT NULL",
        "COLLATE utf8mb4_bin NOT NULL",
        "`note` longtext",
        "`id` bigint(20) DEFAULT NULL",
        "PRIMARY KEY (`camera_name`,`timestamp`)",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(sink.carry(&fresh, &columns).await.expect("it can be carried").left_out, [""; 0]);
    server.sql("USE d; CREATE TABLE texts (camera_name TEXT, timestamp DATETIME)");
    let texts = FeedTable { into: Some("texts".into()), ..people() };
    let refused = sink.prepare(&texts, &columns, &[], false).await;
    assert!(
        matches!(&refused, Err(SinkError::Refused(what)) if what.contains("MODIFY `camera_name` VARCHAR(255)")),
        "{refused:?}"
    );
}
