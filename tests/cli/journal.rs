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

/// The numbers of these lines, each of which is what the schema says.
fn numbers(lines: impl Iterator<Item = String>) -> Vec<u64> {
    let schema = serde_json::from_str(include_str!("../../docs/journal-entry.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let number = |line: String| {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&entry).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{line}: {wrong:?}");
        entry["seq"].as_u64().unwrap()
    };
    lines.map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_stream_loses_nothing_however_far_it_falls_behind() {
    let place = Place::new(FLEET);
    let mut engine = place.engine();
    let client = place.join().await;
    let mut child = place.program(&["journal", "-f", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let following = Running::from(child);
    assert_eq!(numbers(lines.next().unwrap().into_iter()), [1]);
    // More than are asked for at once come while it stands still.
    following.signal(rustix::process::Signal::STOP);
    for hundred in 0..25 {
        let notes = (0..100).map(|one| client.command(Command::Note { text: format!("note {hundred} {one}") }));
        for noted in futures_util::future::join_all(notes).await {
            noted.unwrap();
        }
    }
    client.command(Command::Note { text: "the last".into() }).await.unwrap();
    following.signal(rustix::process::Signal::CONT);
    let all = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        for line in lines.map_while(Result::ok) {
            seen.push(line);
            if seen.last().is_some_and(|line| line.contains("the last")) {
                break;
            }
        }
        numbers(seen.into_iter())
    });
    let all = tokio::time::timeout(crate::place::PATIENCE, all).await.unwrap().unwrap();
    assert!(all.len() > 2_500, "{}", all.len());
    assert!(all.iter().copied().eq(2..=all.len() as u64 + 1), "one after the other");
    drop(following);
    // Taken up where it was left, with an engine and without.
    let last = *all.last().unwrap();
    let after = |number: u64| {
        let ended = place.run(&["journal", "--after", &number.to_string(), "--json"]);
        let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let entries = document["entries"].as_array().unwrap().clone();
        numbers(entries.into_iter().map(|entry| entry.to_string()))
    };
    assert_eq!(after(last - 2)[..2], [last - 1, last]);
    place.run(&["engine", "stop"]);
    engine.ended().await;
    assert_eq!(after(last - 2)[..2], [last - 1, last]);
    let beyond = place.run(&["journal", "--after", "999999"]);
    assert!(text(&beyond.stderr).contains("it began anew"), "{}", text(&beyond.stderr));
    assert!(text(&beyond.stdout).contains("the engine started"));
    let both = place.run(&["journal", "--after", "1", "--since", "2h"]);
    assert_eq!(both.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_since_now_begins_with_what_is_new() {
    let place = Place::new(FLEET);
    let _engine = place.engine();
    let client = place.join().await;
    client.command(Command::Note { text: "the old".into() }).await.unwrap();
    let mut child = place.program(&["journal", "--since", "0s", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _following = Running::from(child);
    let noting = async {
        loop {
            client.command(Command::Note { text: "the new".into() }).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let first = tokio::task::spawn_blocking(move || {
        let relevant = |line: &String| line.contains("the old") || line.contains("the new");
        lines.map_while(Result::ok).find(relevant).unwrap()
    });
    let first = tokio::select! {
        first = tokio::time::timeout(crate::place::PATIENCE, first) => first.unwrap().unwrap(),
        () = noting => unreachable!(),
    };
    assert!(first.contains("the new"), "{first}");
}
