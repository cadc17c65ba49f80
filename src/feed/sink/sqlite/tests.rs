use rusqlite::Connection;

use super::*;
use crate::clock::Clock;
use crate::feed::compare::{self, Ends, How};
use crate::feed::source::local::LocalSource;
use crate::feed::source::{Column, Source};
use crate::feed::value::{Place, Value};
use crate::feed::zone::Times;
use crate::fleet::data::Zone;

fn table() -> FeedTable {
    FeedTable {
        name: "t".into(),
        key: vec!["cam".into(), "time".into()],
        cursor: None,
        columns: Vec::new(),
        into: None,
        changes: None,
        lag_by: None,
    }
}

fn shape() -> Shape {
    let column = |name: &str, declared: &str| Column { name: name.into(), declared: declared.into(), not_null: false };
    Shape {
        columns: vec![column("id", "INTEGER"), column("time", "TEXT"), column("cam", "TEXT"), column("v", "BLOB")],
        unique: true,
    }
}

struct Lab {
    folder: tempfile::TempDir,
    sink: SqliteSink,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = SqliteSink::new("f", &folder.path().join("to.db"));
        Self { folder, sink }
    }

    fn file(&self) -> Connection {
        Connection::open(self.folder.path().join("to.db")).unwrap()
    }

    fn count(&self, what: &str) -> i64 {
        self.file().query_row(what, [], |row| row.get(0)).unwrap()
    }

    async fn ready(&mut self) -> Arc<Carry> {
        self.sink.prepare(&table(), &shape(), &[], false).await.unwrap();
        self.sink.carry(&table(), &shape()).await.unwrap()
    }
}

fn write(carry: &Arc<Carry>, was: Option<&Mark>, rows: &[[Value; 4]]) -> Write {
    let rows: Vec<Row> =
        rows.iter().zip(1..).map(|(row, at)| Row { at: Place::Number(at), values: row.clone().into() }).collect();
    let mut mark = was.cloned().unwrap_or_default();
    mark.turn += 1;
    mark.at = rows.last().map(|row| row.at.clone());
    let strand = Strand { feed: "f".into(), source: String::new(), table: "t".into() };
    Write { carry: Arc::clone(carry), strand, rows, was: was.cloned(), mark }
}

fn row(id: i64, cam: &str, v: Value) -> [Value; 4] {
    [id.into(), "2026-01-01 00:00:00".into(), cam.into(), v]
}

#[tokio::test]
async fn rows_and_their_mark_or_neither() {
    let mut lab = Lab::new();
    let unready = lab.sink.carry(&table(), &shape()).await;
    assert!(matches!(unready, Err(SinkError::Unprepared(what)) if what.ends_with("`hotspare feed prepare f`")));
    let carry = lab.ready().await;
    let odd = Value::Text(vec![0xff, 0xfe]);
    let first = write(&carry, None, &[row(1, "a", odd), row(2, "b", Value::Blob(vec![0, 255])), row(3, "a", 9.into())]);
    lab.sink.write(&first).await.unwrap();
    assert_eq!(lab.count("SELECT count(*) FROM t"), 2, "of two rows with one key the last one counts");
    assert_eq!(lab.count("SELECT v FROM t WHERE cam = 'a'"), 9);
    assert_eq!(lab.sink.marks("f").await.unwrap(), [(first.strand.clone(), first.mark.clone())]);
    assert!(lab.sink.has(&carry, &first.rows[1]).await.unwrap());

    let again = lab.sink.write(&first).await;
    assert!(matches!(again, Err(SinkError::Moved(_))), "{again:?}");
    lab.file()
        .execute_batch("CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.v = 5 BEGIN SELECT RAISE(ABORT, 'five'); END")
        .unwrap();
    let bad = write(&carry, Some(&first.mark), &[row(4, "c", 4.into()), row(5, "d", 5.into()), row(6, "e", 6.into())]);
    let refused = lab.sink.write(&bad).await;
    assert!(
        matches!(&refused, Err(SinkError::Row { index: 1, what }) if what.contains("cam=d") && what.contains("five")),
        "{refused:?}"
    );
    assert_eq!((lab.count("SELECT count(*) FROM t"), lab.count("SELECT turn FROM hotspare_marks")), (2, 1));
    let nobody = write(&carry, Some(&first.mark), &[[1.into(), Value::Null, "x".into(), Value::Null]]);
    assert!(matches!(lab.sink.write(&nobody).await, Err(SinkError::Row { index: 0, .. })));

    lab.sink.reset("f").await.unwrap();
    assert!(lab.sink.marks("f").await.unwrap().is_empty());
}

#[tokio::test]
async fn who_reads_an_old_mark_writes_nothing() {
    let mut lab = Lab::new();
    let carry = lab.ready().await;
    let first = write(&carry, None, &[row(1, "a", 1.into())]);
    lab.sink.write(&first).await.unwrap();
    let next = write(&carry, Some(&first.mark), &[row(2, "b", 2.into())]);
    lab.sink.write(&next).await.unwrap();
    let late = write(&carry, Some(&first.mark), &[row(3, "c", 3.into())]);
    let moved = lab.sink.write(&late).await;
    assert!(matches!(moved, Err(SinkError::Moved(_))), "{moved:?}");
    assert_eq!((lab.count("SELECT count(*) FROM t"), lab.count("SELECT turn FROM hotspare_marks")), (2, 2));
}

#[tokio::test]
async fn a_file_that_is_held_damaged_or_nowhere_is_told_apart() {
    let mut lab = Lab::new();
    let carry = lab.ready().await;
    let holder = lab.file();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let held = lab.sink.write(&write(&carry, None, &[row(1, "a", 1.into())])).await;
    assert!(matches!(&held, Err(SinkError::Away(what)) if what.contains("held locked")), "{held:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    lab.sink.write(&write(&carry, None, &[row(1, "a", 1.into())])).await.unwrap();

    holder.execute_batch("ALTER TABLE t RENAME COLUMN v TO w").unwrap();
    let mark = lab.sink.marks("f").await.unwrap().remove(0).1;
    let changed = lab.sink.write(&write(&carry, Some(&mark), &[row(2, "b", 1.into())])).await;
    assert!(
        matches!(&changed, Err(SinkError::Refused(what)) if what.contains('v') && what.contains("was changed")),
        "{changed:?}"
    );

    let mut nowhere = SqliteSink::new("f", &lab.folder.path().join("none/to.db"));
    assert!(matches!(nowhere.marks("f").await, Err(SinkError::Refused(what)) if what.contains("folder")));
    std::fs::write(lab.folder.path().join("text.db"), [b'x'; 5000]).unwrap();
    let mut damaged = SqliteSink::new("f", &lab.folder.path().join("text.db"));
    assert!(matches!(damaged.marks("f").await, Err(SinkError::Refused(what)) if what.contains("damaged")));
}

#[tokio::test]
async fn doubles_stand_in_the_way_of_an_index() {
    let mut lab = Lab::new();
    lab.file()
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, time TEXT, cam TEXT, v); INSERT INTO t (time, cam) VALUES ('x', 'a'), ('x', 'a'), ('y', 'a')")
        .unwrap();
    let stopped = lab.sink.prepare(&table(), &shape(), &[], false).await.unwrap();
    assert_eq!((stopped.doubled, &stopped.doubles[..]), (1, &[("a, x".to_owned(), 2)][..]));
    assert_eq!(lab.count("SELECT count(*) FROM sqlite_schema WHERE type = 'index' OR name = 'hotspare_marks'"), 0);
    lab.file().execute_batch("DELETE FROM t WHERE id = 1").unwrap();
    let carry = lab.ready().await;
    assert_eq!(carry.left_out, ["id"], "the number of a row is the target's own");
}

#[tokio::test]
async fn both_ends_are_compared_and_repaired() {
    let mut lab = Lab::new();
    let path = lab.folder.path().join("from.db");
    let source = Connection::open(&path).unwrap();
    source
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, time TEXT, cam TEXT, v); \
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) \
             INSERT INTO t (time, cam, v) SELECT datetime('2026-01-01', '+' || x || ' seconds'), 'a', x FROM n",
        )
        .unwrap();
    let carry = lab.ready().await;
    let strand = Strand { feed: "f".into(), source: String::new(), table: "t".into() };
    let mark = Mark { turn: 1, at: Some(Place::Number(2000)), ..Mark::default() };
    let marked = Write { carry: Arc::clone(&carry), strand: strand.clone(), rows: Vec::new(), was: None, mark };
    lab.sink.write(&marked).await.unwrap();
    let times = Times::new(&Zone::Utc).unwrap();
    let mut compare = async |repair| {
        let from: Box<dyn Source> = Box::new(LocalSource::new(&path, Clock::real()));
        let ends = Ends {
            sources: &mut [(strand.clone(), from)],
            sink: &mut lab.sink,
            carry: &carry,
            times: &times,
            clock: &Clock::real(),
        };
        let how = How { repair, rows: 300, gentle: false };
        let found = compare::compare(ends, how, &mut |_| {}).await.unwrap().remove(0);
        (found.source_rows, found.target_rows, found.missing, found.extra, found.different, found.repaired)
    };
    assert_eq!(compare(true).await, (2000, 0, 2000, 0, 0, 2000));
    assert_eq!(compare(false).await, (2000, 2000, 0, 0, 0, 0));
    source.execute_batch("UPDATE t SET v = -1 WHERE id = 77; DELETE FROM t WHERE id IN (1, 2, 500)").unwrap();
    // The first two are from before the source's first time; the other one is too much.
    assert_eq!(compare(false).await, (1997, 1998, 0, 1, 1, 0));
}
