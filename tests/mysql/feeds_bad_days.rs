//! A target that refuses, holds locks, ends connections or loses answers: nothing is lost, nothing is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotspare::feed::sink::{Sink, SinkError};
use hotspare::feed::value::Value;
use mysql_async::prelude::Queryable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::feeds::{Feed, open, server, shape, table};
use crate::server::Server;

const TABLE: &str = "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR(50))";

async fn feed(server: &Server, port: u16) -> Feed {
    let columns = shape(&[("k", "INTEGER"), ("v", "TEXT")]);
    let feed = Feed::over(open(port, "feed", "pw", "utc"), &table("t", &["k"]), &columns).await;
    assert_eq!(server.sql("USE d; SELECT COUNT(*) FROM t"), "0\n");
    feed
}

fn row(k: i64) -> Vec<Value> {
    vec![k.into(), format!("value {k}").as_str().into()]
}

async fn rows(feed: &mut Feed, keys: std::ops::Range<i64>) -> Result<(), SinkError> {
    let rows: Vec<Vec<Value>> = keys.map(row).collect();
    feed.write(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>()).await
}

fn count(server: &Server) -> String {
    server.sql("USE d; SELECT COUNT(*), SUM(v = CONCAT('value ', k)) FROM t").trim().to_owned()
}

/// Another user of the server.
async fn root(server: &Server) -> mysql_async::Conn {
    let opts = mysql_async::OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(server.port).user(Some("root"));
    mysql_async::Conn::new(opts.db_name(Some("d"))).await.expect("a connection")
}

/// Until somebody waits for a lock.
async fn wait_for_lock(server: &Server) {
    let waits = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
    for _try in 0..50 {
        if server.sql(waits) == "1\n" {
            return;
        }
        // What the server says there is a picture that it renews at most every 100 ms, and not while it is asked for.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    panic!("nobody waits for a lock: {}", server.sql("SHOW FULL PROCESSLIST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_a_deadlock_are_tried_again() {
    let server = server(TABLE).await;
    let mut feed = feed(&server, server.port).await;
    rows(&mut feed, 0..10).await.expect("written");
    let mut other = root(&server).await;
    other.query_drop("BEGIN; UPDATE t SET v = 'mine' WHERE k = 5").await.expect("locked");
    let refused = rows(&mut feed, 0..10).await;
    assert!(matches!(&refused, Err(SinkError::Again(what)) if what.contains("1205")), "{refused:?}");
    other.query_drop("ROLLBACK").await.expect("let go");
    rows(&mut feed, 0..10).await.expect("it goes on");
    assert_eq!(count(&server), "10\t10");

    // Both wait for each other, and the server ends the smaller one, which is the feed's: it has one row and the mark.
    other.query_drop("BEGIN; UPDATE t SET v = 'mine' WHERE k < 9").await.expect("locked");
    let marks = "UPDATE hotspare_marks SET updated = updated";
    let (written, second) = tokio::join!(rows(&mut feed, 3..4), async {
        // Once the feed waits for its row it holds its mark.
        wait_for_lock(&server).await;
        other.query_drop(marks).await
    });
    assert!(matches!(&written, Err(SinkError::Again(what)) if what.contains("1213")), "{written:?}, {second:?}");
    other.query_drop("ROLLBACK").await.expect("let go");
    rows(&mut feed, 0..10).await.expect("it goes on");
    assert_eq!(count(&server), "10\t10");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_an_old_mark_writes_nothing() {
    let server = server(TABLE).await;
    let mut first = feed(&server, server.port).await;
    let mut second = feed(&server, server.port).await;
    rows(&mut first, 0..3).await.expect("written");
    let late = rows(&mut second, 7..9).await;
    assert!(matches!(&late, Err(SinkError::Moved(what)) if what.contains("another engine")), "{late:?}");
    second.mark = second.marked().await;
    assert_eq!(second.mark, first.mark);
    rows(&mut second, 3..5).await.expect("it goes on");
    let late = rows(&mut first, 7..9).await;
    assert!(matches!(late, Err(SinkError::Moved(_))), "{late:?}");
    assert_eq!(count(&server), "5\t5");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_to_do_is_said() {
    let server = server(TABLE).await;
    let mut feed = feed(&server, server.port).await;
    rows(&mut feed, 0..3).await.expect("written");
    let why = |ended: Result<(), SinkError>| match ended {
        Err(SinkError::Refused(what) | SinkError::Unprepared(what)) => what,
        other => panic!("{other:?}"),
    };
    server.sql("SET GLOBAL read_only = 1");
    let said = why(rows(&mut feed, 3..5).await);
    assert!(said.contains("read-only") && said.contains("is this the replica?"), "{said}");
    server.sql("SET GLOBAL read_only = 0; ALTER TABLE d.t CHANGE v w VARCHAR(50)");
    for keys in [3..5, 3..4] {
        let said = why(rows(&mut feed, keys).await);
        assert!(said.contains("'v'") && said.contains("was changed at the target"), "{said}");
    }
    // The next look at the table sees what it is now.
    let columns = shape(&[("k", "INTEGER"), ("v", "TEXT")]);
    let carry = feed.sink.carry(&table("t", &["k"]), &columns).await.expect("it can be carried");
    assert_eq!((&carry.columns[..], &carry.left_out[..]), (&["k".to_owned()][..], &["v".to_owned()][..]));
    server.sql("ALTER TABLE d.t CHANGE w v VARCHAR(50); RENAME TABLE d.t TO d.u");
    let said = why(rows(&mut feed, 3..5).await);
    assert!(said.contains("doesn't exist") && said.contains("hotspare feed prepare"), "{said}");
    server.sql("RENAME TABLE d.u TO d.t; REVOKE ALL ON d.* FROM feed@'%'; GRANT SELECT ON d.* TO feed@'%'");
    let said = why(rows(&mut feed, 3..5).await);
    assert!(said.contains("denied") && said.contains("GRANT"), "{said}");
    server.sql("GRANT ALL ON d.* TO feed@'%'");
    rows(&mut feed, 3..5).await.expect("it goes on by itself");
    assert_eq!(count(&server), "5\t5");

    let mut wrong = open(server.port, "feed", "very-secret", "utc");
    let said = wrong.marks("f").await.expect_err("refused").to_string();
    assert!(said.contains("Access denied for user 'feed'") && !said.contains("very-secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_killed_in_a_batch_is_made_anew() {
    let server = server(TABLE).await;
    let mut feed = feed(&server, server.port).await;
    let mut other = root(&server).await;
    other.query_drop("BEGIN; INSERT INTO t VALUES (50, 'mine')").await.expect("locked");
    let (written, ()) = tokio::join!(rows(&mut feed, 0..100), async {
        wait_for_lock(&server).await;
        let waits = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
        server.sql(&format!("KILL {}", server.sql(waits)));
    });
    assert!(matches!(written, Err(SinkError::Away(_))), "{written:?}");
    other.query_drop("ROLLBACK").await.expect("let go");
    assert_eq!((feed.marked().await, count(&server).as_str()), (None, "0\tNULL"));
    rows(&mut feed, 0..100).await.expect("it goes on");
    assert_eq!(count(&server), "100\t100");
}

/// A proxy that passes everything on, until it is told to lose the answer of a COMMIT, or to break off after so many bytes.
async fn proxy(to: u16, lose: Arc<AtomicBool>, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let lose = Arc::clone(&lose);
            tokio::spawn(async move {
                let (mut left, mut piece) = (after, vec![0; 65536]);
                let mut down = tokio::spawn(async move {
                    let mut piece = vec![0; 65536];
                    while let Ok(read @ 1..) = from_server.read(&mut piece).await {
                        if to_client.write_all(&piece[..read]).await.is_err() {
                            break;
                        }
                    }
                });
                loop {
                    let read = tokio::select! {
                        read = from_client.read(&mut piece) => read.unwrap_or(0),
                        _ended = &mut down => return,
                    };
                    let unheard = piece[..read].get(5..11) == Some(b"COMMIT") && lose.swap(false, Ordering::SeqCst);
                    if unheard {
                        down.abort();
                    }
                    let pass = read.min(left);
                    left -= pass;
                    if to_server.write_all(&piece[..pass]).await.is_err() || read == 0 || left == 0 {
                        down.abort();
                        return;
                    }
                    if unheard {
                        // The server gets it and commits; the client hears nothing of it.
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found_in_the_mark() {
    let server = server(TABLE).await;
    let lose = Arc::new(AtomicBool::new(false));
    let mut feed = feed(&server, proxy(server.port, Arc::clone(&lose), usize::MAX).await).await;
    rows(&mut feed, 0..10).await.expect("written");
    lose.store(true, Ordering::SeqCst);
    let before = feed.mark.clone();
    let ended = rows(&mut feed, 10..20).await;
    assert!(matches!(ended, Err(SinkError::Away(_))), "{ended:?}");
    assert!(!lose.load(Ordering::SeqCst), "the answer was lost");
    // It was done all the same: whoever goes on from what it knew is told so, and the mark says where to go on.
    assert!(matches!(rows(&mut feed, 10..20).await, Err(SinkError::Moved(_))));
    let after = feed.marked().await;
    assert_ne!(after, before);
    feed.mark = after;
    rows(&mut feed, 20..30).await.expect("it goes on");
    assert_eq!(count(&server), "30\t30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_leaves_both_or_neither() {
    let server = server(TABLE).await;
    let (mut cut, mut whole) = (0, 0);
    for after in (200..4200).step_by(160) {
        server.sql("USE d; TRUNCATE t; DROP TABLE IF EXISTS hotspare_marks");
        let port = proxy(server.port, Arc::default(), after).await;
        let mut sink = open(port, "feed", "pw", "utc");
        let columns = shape(&[("k", "INTEGER"), ("v", "TEXT")]);
        let carry = match sink.carry(&table("t", &["k"]), &columns).await {
            Ok(carry) => carry,
            Err(SinkError::Away(_)) => continue,
            Err(other) => panic!("after {after} bytes: {other:?}"),
        };
        drop(carry);
        let mut feed = feed(&server, server.port).await;
        feed.sink = sink;
        let ended = rows(&mut feed, 0..50).await;
        feed.sink = open(server.port, "feed", "pw", "utc");
        let marked = feed.marked().await.is_some();
        assert_eq!(count(&server), if marked { "50\t50" } else { "0\tNULL" }, "after {after} bytes");
        match ended {
            Ok(()) => whole += 1,
            Err(SinkError::Away(_)) => cut += 1,
            Err(other) => panic!("after {after} bytes: {other:?}"),
        }
    }
    assert!(cut > 3 && whole > 3, "{cut} cut, {whole} whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_or_says_nothing_is_away() {
    let mut gone: Box<dyn Sink> = open(1, "feed", "pw", "utc");
    assert!(matches!(gone.marks("f").await, Err(SinkError::Away(what)) if what == "connection refused"));
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut silent = open(silent.local_addr().expect("its address").port(), "feed", "pw", "utc");
    let ended = tokio::time::timeout(Duration::from_secs(20), silent.marks("f")).await.expect("it ends");
    assert!(matches!(ended, Err(SinkError::Away(what)) if what == "no answer in 5 s"));
}
