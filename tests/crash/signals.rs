//! Signals, and starting twice.

use std::time::Duration;

use hotspare::engine::client::{Client, Link};
use hotspare::engine::command::Command;
use rustix::process::Signal;

use crate::place::{FLEET, PATIENCE, Place, text};

#[tokio::test(flavor = "multi_thread")]
async fn hangup_is_survived_and_terminate_ends_cleanly() {
    for ending in [Signal::TERM, Signal::INT] {
        let place = Place::new(FLEET);
        let mut engine = place.engine();
        let client = place.join().await;
        engine.signal(Signal::HUP);
        client.command(Command::Note { text: "after the hangup".into() }).await.unwrap();
        engine.signal(ending);
        assert_eq!(engine.ended().await, Some(0));
        let mut link = client.link();
        let lost = link.wait_for(|link| *link != Link::Joined).await.unwrap().clone();
        assert_eq!(lost, Link::Lost { why: "the engine was stopped".into() });
        assert!(!place.socket().exists());
        let journal = text(&place.run(&["journal"]).stdout);
        assert!(journal.lines().last().unwrap().ends_with("the engine stopped"), "{journal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_with_pid_and_remedy() {
    let place = Place::new(FLEET);
    let engine = place.engine();
    let _client = place.join().await;
    let second = place.run(&["engine"]);
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("(pid {})", engine.pid())), "{said}");
    assert!(said.contains("hint: ") && said.contains("engine stop"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_that_start_an_engine_at_once_share_one() {
    let place = Place::new(FLEET);
    let mut both: Vec<_> = (0..4)
        .map(|_| {
            let mut command = place.program(&["status", "--json"]);
            std::thread::spawn(move || command.output().unwrap())
        })
        .collect();
    for one in both.drain(..) {
        let ended = one.join().unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&ended.stdout).unwrap()["hosts"].is_array());
    }
    let journal = text(&place.run(&["journal"]).stdout);
    assert_eq!(journal.matches("the engine started").count(), 1, "{journal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_knows_on_waking_that_it_cannot_trust_itself() {
    let place = Place::new(FLEET);
    let engine = place.engine();
    let client = place.join().await;
    let mut snapshots = client.snapshots();
    engine.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(4)).await;
    engine.signal(Signal::CONT);
    let frozen = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| snapshot.head.engine.frozen.is_some()));
    let why = frozen.await.unwrap().unwrap().head.engine.frozen.clone().unwrap().why;
    assert!(why.contains("late"), "{why}");
}
