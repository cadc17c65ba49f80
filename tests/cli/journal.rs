//! `journal`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use hotspare::engine::client::Client;
use hotspare::engine::command::Command;

use crate::place::{FLEET, Place, Running, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_entries_with_and_without_an_engine() {
    let place = Place::new(FLEET);
    let mut engine = place.engine();
    let client = place.join().await;
    client.command(Command::Note { text: "the cable is blue".into() }).await.unwrap();
    let document = |place: &Place| -> serde_json::Value {
        let ended = place.run(&["journal", "--json"]);
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        serde_json::from_slice(&ended.stdout).unwrap()
    };
    let with = document(&place);
    let note = with["entries"].as_array().unwrap().iter().find(|entry| entry["what"] == "the cable is blue").unwrap();
    assert!(note["who"].as_str().unwrap().ends_with("(console)"));
    assert!(note["time"].as_str().unwrap().ends_with('Z') && note["about"].is_object());
    place.run(&["engine", "stop"]);
    engine.ended().await;
    let without = document(&place);
    assert_eq!(without["chain"], "intact");
    let (with, without) = (with["entries"].as_array().unwrap(), without["entries"].as_array().unwrap());
    assert_eq!(without[..with.len()], with[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_reaches_the_terminal_and_no_entry_looks_like_two() {
    let place = Place::new(FLEET);
    let _engine = place.engine();
    let client = place.join().await;
    let hostile =
        "a\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{202e}\u{200b}\r\n2026-11-20 14:00:00  note     engine  all is well";
    client.command(Command::Note { text: hostile.into() }).await.unwrap();
    let until = "2100-01-01T00:00:00Z".parse().unwrap();
    let maintain = Command::Maintain { host: "studio-1".into(), why: hostile.into(), until };
    client.command(maintain).await.unwrap();
    for arguments in [
        ["journal"].as_slice(),
        &["status"],
        &["status", "studio-1"],
        &["journal", "--json"],
        &["status", "--json"],
        &["engine", "status"],
        &["doctor"],
        &["jobs"],
    ] {
        let ended = place.run(arguments);
        for said in [text(&ended.stdout), text(&ended.stderr)] {
            let plain = |symbol: char| symbol == '\n' || hotspare::reach::plain::is_plain(symbol);
            assert!(said.chars().all(plain), "{arguments:?}: {said:?}");
            assert!(!said.lines().any(|line| line.starts_with("2026-11-20 14:00:00")), "{arguments:?}: {said}");
        }
    }
    let document = place.run(&["journal", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let kept = document["entries"].as_array().unwrap().iter().any(|entry| entry["what"] == hostile);
    assert!(kept, "the document has every character: {document}");
}

#[test]
fn a_tampered_journal_is_told_with_the_entry() {
    let place = Place::new(FLEET);
    place.run(&["status"]);
    place.run(&["engine", "stop"]);
    let connection = rusqlite::Connection::open(place.state().join("state.db")).unwrap();
    connection
        .execute_batch("DROP TRIGGER journal_keeps_words; UPDATE journal SET what = 'nothing happened' WHERE seq = 2;")
        .unwrap();
    drop(connection);
    let ended = place.run(&["journal", "--json"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("breaks at entry 2"), "{}", text(&ended.stderr));
}

#[test]
fn since_takes_a_time_a_date_or_a_span_and_refuses_the_rest() {
    let place = Place::new(FLEET);
    place.run(&["status", "studio-1"]);
    let count = |since: &str| text(&place.run(&["journal", "--since", since]).stdout).lines().count();
    assert!(count("2h") >= 1);
    assert_eq!(count("2999-01-01"), 0);
    assert_eq!(count("2999-01-01T00:00:00Z"), 0);
    let refused = place.run(&["journal", "--since", "yesterday"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("hint: write a time"));
}

#[tokio::test(flavor = "multi_thread")]
async fn following_prints_what_comes() {
    let place = Place::new(FLEET);
    let _engine = place.engine();
    let client = place.join().await;
    let mut child = place.program(&["journal", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _following = Running::from(child);
    assert!(lines.next().unwrap().unwrap().contains("the engine started"));
    client.command(Command::Note { text: "the cable is blue".into() }).await.unwrap();
    let found =
        tokio::task::spawn_blocking(move || lines.map_while(Result::ok).any(|line| line.contains("the cable is blue")));
    assert!(tokio::time::timeout(crate::place::PATIENCE, found).await.unwrap().unwrap());
}
