//! `kill -9` at any moment.

use std::process::Stdio;
use std::time::Duration;

use hotspare::engine::client::{Client, Link};
use hotspare::engine::command::Command;
use hotspare::journal::database;
use hotspare::journal::entry::Chain;
use hotspare::journal::store::{self, Window};

use crate::place::{FLEET, PATIENCE, Place, Running, until};

/// Kills the engine again and again while entries are appended. Each time: what was acknowledged is there, the chain
/// holds, and the next start finds neither the lock nor the socket in its way.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_while_it_writes_keeps_every_acknowledged_entry() {
    let place = Place::new(FLEET);
    let mut acknowledged = Vec::new();
    for round in 0..12u64 {
        let engine = place.engine();
        let client = place.join().await;
        let killer = tokio::spawn(async move {
            // Another moment each time, from the first write to the middle of a stream of them.
            tokio::time::sleep(Duration::from_millis(7 * round * round % 180)).await;
            engine.kill();
        });
        for number in 0.. {
            let text = format!("round {round}, note {number}");
            match client.command(Command::Note { text: text.clone() }).await {
                Ok(_) => acknowledged.push(text),
                Err(_gone) => break,
            }
        }
        killer.await.unwrap();
        assert!(place.socket().exists(), "a killed engine leaves its socket: that is what is tested");

        let mut connection = database::open_read_only(&place.state()).unwrap();
        assert_eq!(store::verify(&mut connection, |_, _| true).unwrap(), Some(Chain::Intact), "round {round}");
        let window = Window { since: None, before: None, limit: u32::MAX };
        let written = store::read(&connection, window).unwrap();
        assert!(written.iter().map(|entry| entry.seq).eq(1..=written.len() as u64));
        let notes: Vec<&str> =
            written.iter().map(|entry| entry.what.as_str()).filter(|what| what.starts_with("round")).collect();
        for text in &acknowledged {
            assert!(notes.contains(&text.as_str()), "{text} was acknowledged and is lost");
        }
    }
    assert!(acknowledged.len() > 12, "only {} notes were written", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_console_costs_the_engine_nothing() {
    let place = Place::new(FLEET);
    let _engine = place.engine();
    let client = place.join().await;
    let pid = client.snapshots().borrow().head.engine.pid;
    let watcher = place.program(&["status", "--watch"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut snapshots = client.snapshots();
    until(&mut snapshots, "a host that is down", |snapshot| {
        snapshot.journal.tail.iter().any(|e| e.what.ends_with("down"))
    })
    .await;
    Running::from(watcher).kill();
    client.command(Command::Note { text: "still here".into() }).await.unwrap();
    assert_eq!(snapshots.borrow().head.engine.pid, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_says_that_the_engine_was_killed_and_joins_the_next() {
    let place = Place::new(FLEET);
    let engine = place.engine();
    let client = place.join().await;
    let mut link = client.link();
    let pid = engine.pid();
    engine.kill();
    let lost =
        tokio::time::timeout(PATIENCE, link.wait_for(|link| *link != Link::Joined)).await.unwrap().unwrap().clone();
    assert_eq!(lost, Link::Lost { why: format!("the engine (pid {pid}) ended without a word") });
    let _next = place.engine();
    tokio::time::timeout(PATIENCE, link.wait_for(|link| *link == Link::Joined)).await.unwrap().unwrap();
    assert_ne!(client.snapshots().borrow().head.engine.pid, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_engine_outlives_the_command_that_started_it_and_is_joined_at_once() {
    let place = Place::new(FLEET);
    let first = place.run(&["status", "--json"]);
    assert_eq!(first.status.code(), Some(1), "studio-2 is not well");
    let client = place.join().await;
    let pid = client.snapshots().borrow().head.engine.pid;
    let second = place.run(&["engine", "status", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(document["engine"]["pid"], pid);
    let stopped = place.run(&["engine", "stop"]);
    assert_eq!(stopped.status.code(), Some(0));
    assert!(!place.socket().exists());
}
