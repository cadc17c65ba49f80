//! Rows of feeds into a real server: types, times, refusals, and connections that break.

use std::sync::Arc;

use hotspare::clock::Clock;
use hotspare::feed::mark::{Mark, Strand};
use hotspare::feed::sink::{self, Carry, Sink, SinkError, Write};
use hotspare::feed::source::{Column, Shape};
use hotspare::feed::value::{Place, Row, Value};
use hotspare::fleet::data::{FeedSink, FeedTable, Zone};
use hotspare::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use hotspare::reach::secret::Secrets;

use crate::server::Server;

/// A feed into a server, as the pump would drive it.
pub(crate) struct Feed {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) carry: Arc<Carry>,
    pub(crate) mark: Option<Mark>,
    next: i64,
}

pub(crate) fn table(name: &str, key: &[&str]) -> FeedTable {
    FeedTable {
        name: name.into(),
        key: key.iter().map(|name| (*name).into()).collect(),
        cursor: None,
        columns: Vec::new(),
        into: None,
        changes: None,
        lag_by: None,
    }
}

pub(crate) fn shape(columns: &[(&str, &str)]) -> Shape {
    let column = |(name, declared): &(&str, &str)| Column {
        name: (*name).into(),
        declared: (*declared).into(),
        not_null: false,
    };
    Shape { columns: columns.iter().map(column).collect(), unique: true }
}

pub(crate) fn open(port: u16, user: &str, password: &str, zone: &str) -> Box<dyn Sink> {
    let url = DatabaseUrl {
        url: format!("mysql://{user}@127.0.0.1:{port}/d"),
        password: SecretSource::Inline(Secret::new(password)),
    };
    let zone = if zone == "utc" { Zone::Utc } else { Zone::Named(zone.into()) };
    let clock = Clock::real();
    sink::open("f", &FeedSink::Mysql(url), &zone, &Secrets::new(clock.clone()), &clock)
}

/// A server with the database `d` and a user who may everything in it.
pub(crate) async fn server(more: &str) -> Server {
    server_with("", more).await
}

async fn server_with(config: &str, more: &str) -> Server {
    let server = Server::start_with(1, false, config).await;
    server.sql("CREATE DATABASE d; CREATE USER feed@'%' IDENTIFIED BY 'pw'; GRANT ALL ON d.* TO feed@'%'");
    server.sql(&format!("USE d; {more}"));
    server
}

pub(crate) fn strand() -> Strand {
    Strand { feed: "f".into(), source: String::new(), table: "t".into() }
}

impl Feed {
    pub(crate) async fn over(mut sink: Box<dyn Sink>, table: &FeedTable, shape: &Shape) -> Self {
        let carry = sink.carry(table, shape).await.expect("it can be carried");
        assert!(sink.marks("f").await.expect("marks").is_empty());
        Self { sink, carry, mark: None, next: 1 }
    }

    /// Rows with the values of the columns that are carried, and the mark behind them.
    pub(crate) fn batch(&self, rows: &[&[Value]]) -> Write {
        let row = |(at, values): (i64, &&[Value])| Row { at: Place::Number(at), values: values.to_vec().into() };
        let rows: Vec<Row> = (self.next..).zip(rows).map(row).collect();
        let was = self.mark.clone();
        let mut mark = was.clone().unwrap_or_default();
        mark.turn += 1;
        mark.at = rows.last().map(|row| row.at.clone()).or(mark.at);
        mark.rows += rows.len() as u64;
        Write { carry: Arc::clone(&self.carry), strand: strand(), rows, was, mark }
    }

    pub(crate) async fn write(&mut self, rows: &[&[Value]]) -> Result<(), SinkError> {
        let write = self.batch(rows);
        self.sink.write(&write).await?;
        self.next += i64::try_from(rows.len()).expect("a few");
        self.mark = Some(write.mark);
        Ok(())
    }

    /// The mark as the target has it.
    pub(crate) async fn marked(&mut self) -> Option<Mark> {
        self.sink.marks("f").await.expect("marks").pop().map(|(_, mark)| mark)
    }
}

fn blob(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Blob(bytes.into())
}

const EVERY: &str = "CREATE TABLE t (k BIGINT PRIMARY KEY, small INT UNSIGNED, big BIGINT, d DOUBLE, txt LONGTEXT CHARACTER SET \
     utf8mb4, v VARCHAR(10) CHARACTER SET latin1, b LONGBLOB, n DECIMAL(20,4))";

fn every() -> Shape {
    shape(&[
        ("k", "INTEGER"),
        ("small", "INTEGER"),
        ("big", "INTEGER"),
        ("d", "REAL"),
        ("txt", "TEXT"),
        ("v", "TEXT"),
        ("b", "BLOB"),
        ("n", "NUMERIC"),
    ])
}

/// Rows of the table above, with all kinds of values.
fn each_kind(whole: &[u8], long: &str) -> Vec<Vec<Value>> {
    let null = Value::Null;
    vec![
        vec![1.into(), 0.into(), i64::MIN.into(), Value::Real(1e300), "".into(), "é".into(), blob(whole), 7.into()],
        vec![
            2.into(),
            4_294_967_295.into(),
            i64::MAX.into(),
            Value::Real(0.1),
            "\u{1f6aa} a'b\\c\"\0\n".into(),
            null.clone(),
            blob([]),
            Value::Real(-2.5),
        ],
        vec![
            3.into(),
            null.clone(),
            null.clone(),
            null.clone(),
            null.clone(),
            null.clone(),
            null.clone(),
            null.clone(),
        ],
        vec![4.into(), "12".into(), 5.into(), 3.into(), long.into(), "x".into(), "text".into(), "3.25".into()],
        // Bytes that are no UTF-8 are at home in a blob, also where SQLite calls them text.
        vec![
            5.into(),
            1.into(),
            5.into(),
            3.into(),
            12.into(),
            1.into(),
            Value::Text(vec![0xff, 0xfe, 0x27]),
            null.clone(),
        ],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_arrives_as_it_is_or_is_refused_by_name() {
    each_value(server(EVERY).await).await;
}

/// A server that calls itself MySQL gets rows as literals.
#[tokio::test(flavor = "multi_thread")]
async fn each_value_arrives_where_the_server_is_no_mariadb_too() {
    let server = server_with("version=8.0.30", EVERY).await;
    assert_eq!(server.sql("SELECT @@version LIKE '%MariaDB%'"), "0\n");
    each_value(server).await;
}

async fn each_value(server: Server) {
    let mut feed = Feed::over(open(server.port, "feed", "pw", "utc"), &table("t", &["k"]), &every()).await;
    let whole: Vec<u8> = (0..=255).collect();
    let long = "\u{1f6aa}é".repeat(700_000);
    let rows = each_kind(&whole, &long);
    let all: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
    feed.write(&all).await.expect("written");
    assert_eq!(
        server.sql("USE d; SELECT k, small, big, d, HEX(b), n, v FROM t WHERE k <> 4 ORDER BY k"),
        format!(
            "1\t0\t-9223372036854775808\t1e300\t{}\t7.0000\té\n2\t4294967295\t9223372036854775807\t0.1\t\t-2.5000\tNULL\n\
             3\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL\n5\t1\t5\t3\tFFFE27\tNULL\t1\n",
            whole.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"))
        )
    );
    assert_eq!(server.sql("USE d; SELECT HEX(txt) FROM t WHERE k = 2"), "F09F9AAA206127625C6322000A\n");
    assert_eq!(
        server.sql("USE d; SELECT txt IS NULL, txt = '' FROM t WHERE k IN (1, 3) ORDER BY k"),
        "0\t1\n1\tNULL\n"
    );
    let sum = server.sql("USE d; SELECT MD5(txt), LENGTH(txt), small, n FROM t WHERE k = 4");
    assert_eq!(sum, format!("{}\t{}\t12\t3.2500\n", md5(&server, &long), long.len()));

    // The same again, one by one and as literals: nothing changes.
    let before = server.sql("USE d; CHECKSUM TABLE t");
    for row in &all {
        feed.write(&[row]).await.expect("written");
    }
    feed.write(&all).await.expect("written");
    assert_eq!(server.sql("USE d; CHECKSUM TABLE t"), before);

    let good: &[Value] =
        &[10.into(), 1.into(), 1.into(), Value::Real(1.0), "t".into(), "v".into(), blob([1]), 1.into()];
    let mark = feed.mark.clone();
    for (at, bad, words) in [
        (0, Value::Null, "`k` of the key is NULL"),
        (1, (-1).into(), "Out of range value for column 'small'"),
        (1, 4_294_967_296.into(), "Out of range value for column 'small'"),
        (2, Value::Real(1.5), "1.5 is no whole number, and `big` is bigint"),
        (2, "".into(), "is no whole number"),
        (4, Value::Text(vec![b'a', 0xff]), "Incorrect string value"),
        (5, "far too long".into(), "Data too long for column 'v'"),
        (5, "\u{1f6aa}".into(), "Incorrect string value"),
        (7, "dear".into(), "Incorrect decimal value"),
    ] {
        for (place, count) in [(0, 1), (0, 7), (3, 7), (6, 7)] {
            let mut rows: Vec<Vec<Value>> = vec![good.to_vec(); count];
            for (k, row) in (10..).zip(&mut rows) {
                row[0] = k.into();
            }
            rows[place][at] = bad.clone();
            let rows: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
            match feed.write(&rows).await {
                Err(SinkError::Row { index, what }) => {
                    assert_eq!(index, place, "{what}");
                    assert!(what.contains(words), "{what} should hold: {words}");
                    let key = 10 + i64::try_from(place).expect("small");
                    assert!(at == 0 || what.contains(&format!("k={key}")), "{what}");
                }
                other => panic!("{bad:?} in column {at}, row {place} of {count}: {other:?}"),
            }
        }
    }
    assert_eq!(feed.marked().await, mark);
    feed.write(&[good]).await.expect("it goes on");
}

fn md5(server: &Server, text: &str) -> String {
    server.sql(&format!("SELECT MD5('{text}')")).trim().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_begins_without_values_keeps_those_that_follow() {
    let server =
        server("SET GLOBAL max_allowed_packet = 65536; CREATE TABLE t (k BIGINT PRIMARY KEY, a LONGTEXT, b BIGINT)")
            .await;
    let mut feed = Feed::over(
        open(server.port, "feed", "pw", "utc"),
        &table("t", &["k"]),
        &shape(&[("k", "INTEGER"), ("a", "TEXT"), ("b", "INTEGER")]),
    )
    .await;
    // Many packets, the first ones without a value in `b`, and negative numbers behind: the types of a packet are its own.
    let rows: Vec<Vec<Value>> = (0..3000)
        .map(|k| {
            let b = if k < 1500 { Value::Null } else { Value::Int(-k) };
            vec![k.into(), "x".repeat(100).as_str().into(), b]
        })
        .collect();
    let rows: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
    feed.write(&rows).await.expect("written");
    assert_eq!(
        server.sql("USE d; SELECT COUNT(*), COUNT(b), SUM(b), SUM(LENGTH(a)), SUM(b = -k) FROM t"),
        "3000\t1500\t-3374250\t300000\t1500\n"
    );
    let large = "y".repeat(100_000);
    match feed.write(&[rows[0], &[1.into(), large.as_str().into(), Value::Null]]).await {
        Err(SinkError::Row { index: 1, what }) => {
            assert!(what.contains("k=1") && what.contains("raise max_allowed_packet of the server (65536)"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    feed.write(&rows[..2]).await.expect("it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_keep_their_meaning_across_clock_changes_and_zones() {
    let make = "CREATE TABLE t (k BIGINT PRIMARY KEY, m TIMESTAMP NULL, n DATETIME, f DATETIME(3))";
    let server = server(make).await;
    server.sql("SET GLOBAL time_zone = '-05:00'");
    let mut feed = Feed::over(
        open(server.port, "feed", "pw", "Europe/Berlin"),
        &table("t", &["k"]),
        &shape(&[("k", "INTEGER"), ("m", "TEXT"), ("n", "TEXT"), ("f", "TEXT")]),
    )
    .await;
    let row = |k: i64, m: &str| -> Vec<Value> { vec![k.into(), m.into(), m.into(), "2026-01-02 03:04:05.678".into()] };
    let rows = [
        row(1, "2026-03-29 01:59:59"),
        row(2, "2026-03-29 03:00:00"),
        row(3, "2026-10-25 02:30:00"),
        row(4, "2026-10-25T02:30:00+01:00"),
        row(5, "2026-10-25 03:00:00"),
    ];
    feed.write(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>()).await.expect("written");
    assert_eq!(
        server.sql("USE d; SET time_zone = '+00:00'; SELECT k, m, n, f FROM t ORDER BY k"),
        "1\t2026-03-29 00:59:59\t2026-03-29 01:59:59\t2026-01-02 03:04:05.678\n\
         2\t2026-03-29 01:00:00\t2026-03-29 03:00:00\t2026-01-02 03:04:05.678\n\
         3\t2026-10-25 00:30:00\t2026-10-25 02:30:00\t2026-01-02 03:04:05.678\n\
         4\t2026-10-25 01:30:00\t2026-10-25 02:30:00\t2026-01-02 03:04:05.678\n\
         5\t2026-10-25 02:00:00\t2026-10-25 03:00:00\t2026-01-02 03:04:05.678\n"
    );
    for (time, words) in [
        ("2026-03-29 02:30:00", "does not exist in Europe/Berlin"),
        ("2026-02-30 00:00:00", "is no time"),
        ("0000-00-00 00:00:00", "is no time"),
        ("2026-07-01 12:00:00.5", "parts of a second that timestamp does not keep"),
    ] {
        match feed.write(&[&row(6, "2026-07-01 12:00:00"), &row(7, time)]).await {
            Err(SinkError::Row { index: 1, what }) => assert!(what.contains(words) && what.contains("k=7"), "{what}"),
            other => panic!("{time}: {other:?}"),
        }
    }
    // A moment that a TIMESTAMP cannot hold is the server's to refuse.
    match feed.write(&[&row(8, "1960-01-01 00:00:00")]).await {
        Err(SinkError::Row { index: 0, what }) => assert!(what.contains("Incorrect datetime value"), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_sets_itself_to_now_is_not_let() {
    let make = "SET explicit_defaults_for_timestamp = 0; CREATE TABLE t (at TIMESTAMP NOT NULL, cam VARCHAR(20), n INT, \
                UNIQUE (cam, at))";
    let server = server(make).await;
    assert!(server.sql("USE d; SHOW CREATE TABLE t").contains("ON UPDATE current_timestamp"));
    let columns = shape(&[("at", "TEXT"), ("cam", "TEXT"), ("n", "INTEGER")]);
    let mut feed = Feed::over(open(server.port, "feed", "pw", "utc"), &table("t", &["cam", "at"]), &columns).await;
    for n in [1, 2] {
        feed.write(&[&["2026-01-01 00:00:00".into(), "door".into(), n.into()]]).await.expect("written");
    }
    // Of two rows with one key the last one counts.
    let twice: [&[Value]; 2] = [
        &["2026-01-01 00:00:10".into(), "door".into(), 1.into()],
        &["2026-01-01 00:00:10".into(), "door".into(), 9.into()],
    ];
    feed.write(&twice).await.expect("written");
    assert_eq!(
        server.sql("USE d; SET time_zone = '+00:00'; SELECT * FROM t ORDER BY at"),
        "2026-01-01 00:00:00\tdoor\t2\n2026-01-01 00:00:10\tdoor\t9\n"
    );
}
