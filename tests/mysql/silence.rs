//! Databases that do not answer, or not in full: nothing is known then, and never a no.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::data::Imported as How;
use hotspare::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::lab::{DAY, Lab, PATIENCE, ask, silence, url};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_lacks_something_or_is_gone() {
    let mut lab = Lab::start("").await;
    let walk = lab.record("p001", DAY, 0, "walk", 1000);
    lab.push("001", DAY, &[walk], 1000);
    let with = |mysql: DatabaseUrl| How::Datajoint { sqlite: lab.sqlite.clone(), mysql };
    let local = lab.local();

    let password = SecretSource::Inline(Secret::new("a-wrong-one"));
    let (word, why) = silence(&ask(&with(DatabaseUrl { password, ..lab.url() }), &local, PATIENCE).await);
    assert!(word == "login refused" && why.contains("Access denied for user 'reader'"), "{why}");
    assert!(!why.contains("a-wrong-one"), "{why}");
    let password = SecretSource::File(lab.path("no-such-file"));
    let (word, why) = silence(&ask(&with(DatabaseUrl { password, ..lab.url() }), &local, PATIENCE).await);
    assert!(word == "no password" && why.contains("no-such-file"), "{why}");

    lab.server.sql("REVOKE SELECT ON pose_pipeline.* FROM reader@'%'");
    let (word, why) = silence(&lab.ask().await);
    assert!(word == "missing" && why.contains("~external_localattach"), "{why}");
    lab.server.sql("GRANT SELECT ON pose_pipeline.* TO reader@'%'");
    lab.server.sql("ALTER TABLE pose_pipeline.`~external_localattach` RENAME COLUMN `size` TO bytes");
    let (word, why) = silence(&lab.ask().await);
    assert!(word == "error" && why.contains("server error 1054") && why.contains("stored.size"), "{why}");
    lab.server.sql("RENAME TABLE mocap_sessions.recording TO mocap_sessions.gone");
    let (word, why) = silence(&lab.ask().await);
    assert!(word == "missing" && why.contains("mocap_sessions.recording cannot be seen"), "{why}");

    let gone = lab.preset();
    let port = lab.server.port;
    drop(lab);
    let (word, why) = silence(&ask(&gone, &local, PATIENCE).await);
    // The file went with the lab; of two that are gone the first is named.
    assert!(word == "missing" && why.ends_with("recordings.db is not there"), "{why}");
    let empty = empty();
    let flag = How::Query {
        sqlite: empty.to_path_buf(),
        query: "SELECT 'p001', '20250104', 1".into(),
        mysql: Some(url(port)),
        queries: vec![("Session".into(), "SELECT 'p001', '20250104'".into())],
    };
    let (word, why) = silence(&ask(&flag, &local, PATIENCE).await);
    assert!(word == "unreachable" && why.contains("connection refused"), "{why}");
}

/// A database without tables.
fn empty() -> tempfile::TempPath {
    let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    rusqlite::Connection::open(&path).expect("it opens").execute_batch("VACUUM").expect("written");
    path
}

/// What a proxy does with the server's answers once so many bytes have passed.
#[derive(Debug, Clone, Copy)]
enum Then {
    Hold,
    Cut,
}

/// A proxy to the server that stops after so many bytes of answers.
async fn proxy(to: u16, after: usize, then: Then) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let (mut left, mut piece) = (after, vec![0; 4096]);
                while let Ok(read @ 1..) = from_server.read(&mut piece).await {
                    let pass = read.min(left);
                    if to_client.write_all(&piece[..pass]).await.is_err() {
                        return;
                    }
                    left -= pass;
                    match (left, then) {
                        (0, Then::Cut) => return,
                        (0, Then::Hold) => std::future::pending().await,
                        _ => {}
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_or_never_comes_is_no_answer() {
    let mut lab = Lab::start("").await;
    for trial in 0..30 {
        let walk = lab.record("p001", DAY, trial, "walk", 1000);
        lab.push("001", DAY, &[walk], 1000);
    }
    let patience = Duration::from_secs(2);
    let through = |port: u16| How::Datajoint { sqlite: lab.sqlite.clone(), mysql: url(port) };
    assert_eq!(lab.of("p001").await.known(), Some(true));

    // From the greeting to the middle of the rows.
    for after in [0, 40, 1_000, 4_000] {
        let (word, why) =
            silence(&ask(&through(proxy(lab.server.port, after, Then::Cut).await), &lab.local(), patience).await);
        assert_eq!(word, "unreachable", "after {after} bytes: {why}");
    }
    let clock = Clock::real();
    for after in [40, 4_000] {
        let began = clock.tick();
        let (word, why) =
            silence(&ask(&through(proxy(lab.server.port, after, Then::Hold).await), &lab.local(), patience).await);
        assert!(word == "no answer" && why.contains("no answer in 2 s"), "after {after} bytes: {why}");
        assert!(clock.tick().since(began) < Duration::from_secs(15));
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("its address").port();
    let (word, why) = silence(&ask(&through(port), &lab.local(), patience).await);
    assert!(word == "no answer" && why.contains(&format!("mysql://reader@127.0.0.1:{port}/")), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_damaged_or_missing_is_no_answer() {
    let mut lab = Lab::start("").await;
    let walk = lab.record("p001", DAY, 0, "walk", 1000);
    lab.push("001", DAY, &[walk], 1000);
    let patience = Duration::from_secs(2);
    let file = lab.acquisition();
    file.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let (word, why) = silence(&ask(&lab.preset(), &lab.local(), patience).await);
    assert!(word == "locked" && why.ends_with("recordings.db was held locked by a writer for 1 s"), "{why}");
    // A writer that lets go in time is waited for.
    let local = lab.local();
    let preset = lab.preset();
    let asking = tokio::spawn(async move { ask(&preset, &local, PATIENCE).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    file.execute_batch("COMMIT").expect("let go");
    assert!(matches!(asking.await.expect("it ends"), hotspare::session::imported::Answer::Known(_)));

    // A log that was not written back yet counts, also while its writer is at work.
    file.pragma_update(None, "journal_mode", "wal").expect("a log");
    file.execute_batch("UPDATE recordings SET filename = 'data/p001/20250104/later_20250104_120000'; BEGIN IMMEDIATE")
        .expect("begun");
    assert_eq!(lab.of("p001").await.known(), Some(false), "the log is read");
    file.execute_batch("ROLLBACK").expect("undone");
    drop(file);

    let with = |path: std::path::PathBuf| How::Datajoint { sqlite: path, mysql: lab.url() };
    let other = |name: &str, bytes: &[u8]| {
        let path = lab.path(name);
        std::fs::write(&path, bytes).expect("written");
        with(path)
    };
    let (word, why) = silence(&ask(&with(lab.path("none.db")), &lab.local(), patience).await);
    assert!(word == "missing" && why.ends_with("none.db is not there"), "{why}");
    let (word, why) = silence(&ask(&other("text.db", &[b'x'; 5000]), &lab.local(), patience).await);
    assert!(word == "damaged" && why.contains("text.db is damaged, or is no SQLite database"), "{why}");
    let (word, why) = silence(&ask(&other("empty.db", b""), &lab.local(), patience).await);
    assert!(word == "error" && why.contains("no such table: sessions"), "{why}");
    let mut cut = std::fs::read(&lab.sqlite).expect("read");
    let half = cut.len() / 2;
    cut[half..].fill(0xa5);
    let (word, why) = silence(&ask(&other("cut.db", &cut), &lab.local(), patience).await);
    assert_eq!(word, "damaged", "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_an_end_is_given_up() {
    let empty = empty();
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 'p', '20250104', max(x) FROM n";
    let how = How::Query { sqlite: empty.to_path_buf(), query: endless.into(), mysql: None, queries: Vec::new() };
    let (word, why) = silence(&ask(&how, &[], Duration::from_millis(300)).await);
    assert!(word == "no answer" && why.ends_with("no answer in 300 ms"), "{why}");
}
