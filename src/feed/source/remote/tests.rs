use std::path::Path;
use std::process::Stdio;

use rusqlite::Connection;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::clock::Timestamp;
use crate::feed::source::local::LocalSource;

/// Runs what a host would run.
pub(super) async fn run(remote: &Remote) -> Result<Output, SshError> {
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", &remote.script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut pipe, input) = (child.stdin.take().unwrap(), remote.input.clone().unwrap());
    let feed = tokio::spawn(async move { drop(pipe.write_all(&input).await) });
    let output = child.wait_with_output().await.unwrap();
    feed.await.unwrap();
    if output.stdout.len() > remote.limit {
        let (what, remedy) = ("too much".into(), String::new());
        return Err(SshError { kind: SshErrorKind::TooMuch, what, remedy });
    }
    assert_ne!(output.status.code(), Some(script::NO_PROGRAM), "apt-get install sqlite3");
    Ok(Output { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr })
}

fn source(path: &Path) -> RemoteSource {
    RemoteSource::over(Way::Here, "studio-1", path.to_str().unwrap(), Clock::held(Timestamp::UNIX_EPOCH))
}

fn ask(table: &str, cursor: Option<&str>, columns: &[&str]) -> Ask {
    Ask {
        table: table.into(),
        cursor: cursor.map(str::to_owned),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        after: None,
        again: false,
        limit: 3,
        changes: None,
        group: None,
        time: None,
    }
}

const TABLES: &str = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, camera_name TEXT, n REAL);
    CREATE INDEX by_camera ON traffic (camera_name, timestamp);
    CREATE UNIQUE INDEX only ON traffic (timestamp);
    INSERT INTO traffic VALUES (1, '2026-11-21 08:00:00', 'east', 0.1), (2, '2026-11-21 08:00:10', 'a|b', 1e300),
        (4, '2026-11-21 08:00:20', 'ü''\n`\u{1F600}', -0.0), (7, '2026-11-21 08:00:05', '', 9e999), (9, 'x', NULL, 5);
    CREATE TABLE `hard ``'\"|name` (v, rowid TEXT);
    INSERT INTO `hard ``'\"|name` VALUES (NULL, 'r'), (-9223372036854775808, x'00ff'), (CAST(x'ff00fe' AS TEXT), ''), (x'', 1),
        ('  spaces  ', 'tab\t'), ('~}|{', '\r\n');
    CREATE TABLE keyed (k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID; INSERT INTO keyed VALUES ('b', 1), ('a', 2), ('c', 3);
    CREATE VIEW seen AS SELECT * FROM keyed;
    CREATE TABLE ties (at INTEGER NOT NULL, v TEXT); INSERT INTO ties VALUES (1,'a'), (2,'b'), (2,'c'), (2,'d'), (3,'e');
    CREATE TABLE loose (at INTEGER, v TEXT); INSERT INTO loose VALUES (1, 'a'), (NULL, 'b');
    CREATE TABLE cased (k TEXT COLLATE NOCASE UNIQUE NOT NULL, v); INSERT INTO cased VALUES ('b', 1), ('C', 2);
    CREATE TABLE made (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2)); INSERT INTO made (a) VALUES (3);";

#[rstest::rstest]
#[tokio::test]
async fn says_what_a_connection_of_our_own_would_say(#[values("UTF-8", "UTF-16le", "UTF-16be")] encoding: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a 'hard' name.db");
    let file = Connection::open(&path).unwrap();
    file.pragma_update(None, "encoding", encoding).unwrap();
    file.execute_batch(TABLES).unwrap();
    if encoding != "UTF-8" {
        // Bytes that are no text have no one meaning there.
        file.execute_batch("UPDATE `hard ``'\"|name` SET v = 'z' WHERE typeof(v) = 'text' AND v NOT LIKE ' %'")
            .unwrap();
    }
    let mut near = LocalSource::new(&path, Clock::held(Timestamp::UNIX_EPOCH));
    let mut far = source(&path);
    let traffic = Ask {
        group: Some(("camera_name".into(), Some("timestamp".into()))),
        time: Some("timestamp".into()),
        ..ask("traffic", Some("id"), &["timestamp", "camera_name", "n"])
    };
    let mut asks = vec![
        traffic.clone(),
        Ask { after: Some(Place::Number(2)), ..traffic.clone() },
        Ask { after: Some(Place::Number(2)), again: true, limit: 1, ..traffic.clone() },
        Ask { after: Some(Place::Number(3)), limit: 0, ..traffic.clone() },
        Ask { after: Some(Place::Number(9)), time: Some("n".into()), ..traffic.clone() },
        Ask { after: Some(Place::Number(i64::MIN)), ..traffic.clone() },
        Ask { changes: Some(("n".into(), None)), ..traffic.clone() },
        Ask {
            changes: Some(("timestamp".into(), Some(Place::Text("2026-11-21 08:00:05".into())))),
            limit: 2,
            ..traffic
        },
        Ask { limit: 100, ..ask("hard `'\"|name", None, &["v", "rowid"]) },
        Ask { after: Some(Place::Text("a".into())), ..ask("seen", Some("k"), &["v"]) },
        Ask { limit: 2, ..ask("ties", Some("at"), &["v"]) },
        Ask { after: Some(Place::Number(2)), again: true, limit: 1, ..ask("ties", Some("at"), &["v"]) },
        ask("cased", Some("k"), &["v"]),
        ask("made", None, &["b"]),
    ];
    asks.extend(
        ["a", "x'\n", "\0"].map(|k| Ask { after: Some(Place::Text(k.into())), ..ask("keyed", Some("k"), &["v"]) }),
    );
    let (here, there) = (near.look(&asks).await.unwrap(), far.look(&asks).await.unwrap());
    for (ask, (here, there)) in asks.iter().zip(here.into_iter().zip(there)) {
        assert_eq!(here, there, "{ask:?}");
    }
    // What columns of a view are declared as differs between releases of SQLite.
    for ask in asks.iter().filter(|ask| ask.table != "seen") {
        let cursor = ask.cursor.as_deref();
        assert_eq!(near.shape(&ask.table, cursor).await, far.shape(&ask.table, cursor).await);
    }
    let hard = ask("hard `'\"|name", None, &[]);
    for value in
        [Value::Null, i64::MIN.into(), Value::Text(vec![0xff, 0, 0xfe]), Value::Blob(vec![]), "  spaces  ".into()]
    {
        let key = [("v".to_owned(), value)];
        let place = Place::Number(5);
        assert_eq!(near.before(&hard, &key, &place).await, far.before(&hard, &key, &place).await, "{key:?}");
    }
    for (table, cursor, columns) in [
        ("gone", None, "v"),
        ("keyed", None, "v"),
        ("seen", None, "v"),
        ("loose", Some("at"), "v"),
        ("keyed", Some("gone"), "v"),
        ("keyed", Some("k"), "gone"),
    ] {
        let wanted = [ask(table, cursor, &[columns])];
        let (here, there) = (near.look(&wanted).await.unwrap_err(), far.look(&wanted).await.unwrap_err());
        assert!(matches!((&here, &there), (SourceError::Refused(_), SourceError::Refused(_))), "{here}; {there}");
    }
}

#[tokio::test]
async fn an_answer_that_would_be_too_long_is_asked_for_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.db");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(
        "CREATE TABLE big (v BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) \
         INSERT INTO big SELECT randomblob(500000) FROM n; INSERT INTO big VALUES (randomblob(10000000));",
    )
    .unwrap();
    let mut far = source(&path);
    let (mut after, mut seen, mut rounds) = (None, 0, 0);
    while seen < 41 {
        let wanted = Ask { after: after.clone(), limit: 5000, ..ask("big", None, &["v"]) };
        let look = far.look(&[wanted]).await.unwrap().remove(0);
        assert_eq!(look.waiting, 41 - seen);
        seen += u64::try_from(look.rows.len()).unwrap();
        after = look.rows.last().map(|row| row.at.clone());
        assert!(after.is_some(), "each round has a row");
        rounds += 1;
    }
    assert!((8..42).contains(&rounds), "{rounds}");
    assert_eq!(after, Some(Place::Number(41)));
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.db");
    let wanted = [ask("traffic", Some("id"), &["camera_name"])];
    let mut far = source(&path);
    let error = far.look(&wanted).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Away(why) if why.starts_with("studio-1:") && why.contains("is not there")),
        "{error}"
    );
    std::fs::write(&path, "this is a text and no database at all, however long it goes on".repeat(50)).unwrap();
    let error = far.look(&wanted).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("is no SQLite database")), "{error}");
    std::fs::remove_file(&path).unwrap();
    let file = Connection::open(&path).unwrap();
    file.execute_batch(TABLES).unwrap();
    assert_eq!(far.look(&wanted).await.unwrap()[0].waiting, 5);
    file.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = far.look(&wanted).await.unwrap_err();
    assert!(matches!(&error, SourceError::Away(why) if why.contains("locked by a writer for 1 s")), "{error}");
    far.clock.advance(Duration::from_mins(1));
    assert!(far.look(&wanted).await.unwrap_err().to_string().contains("locked by a writer for 61 s"));
    file.execute_batch("COMMIT; ALTER TABLE traffic RENAME COLUMN camera_name TO camera").unwrap();
    let error = far.look(&wanted).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("no such column: camera_name")), "{error}");
    file.execute_batch("ALTER TABLE traffic ADD COLUMN camera_name TEXT DEFAULT 'here'").unwrap();
    assert_eq!(*far.look(&wanted).await.unwrap()[0].rows[0].values, ["here".into()]);
    drop(file);
    let whole = std::fs::read(&path).unwrap();
    let mut broken = whole.clone();
    broken[4096..].fill(7);
    std::fs::write(&path, broken).unwrap();
    let error = far.look(&wanted).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused(why) if why.contains("is damaged")), "{error}");
    std::fs::write(&path, whole).unwrap();
    assert!(far.look(&wanted).await.is_ok(), "mended, it goes on");
}

#[test]
fn noise_and_cut_answers_are_told_from_answers() {
    let whole = b"Welcome to studio-1!\ne|0|tUTF-8\nv|0|i7\nr|0|i1|h2e|n\nz|0\n";
    let answer = answer::read(whole).unwrap();
    assert_eq!((answer.schema, answer.weight(0)), (7, 12));
    for cut in 0..whole.len() - 4 {
        assert!(answer::read(&whole[..cut]).is_err(), "{cut}");
    }
    assert!(answer::read(b"e|0|tUTF-8\nr|0|h2\nz|0\n").is_err(), "half a byte");
}
