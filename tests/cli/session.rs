//! `session`: what it promises to scripts and people, on real folders and with a real engine.

mod delete;
mod interrupted;
mod list;
mod sync;
mod together;
mod verify;

use std::time::Duration;

use hotspare::clock::Clock;
use serde_json::Value;

use crate::fleet::Fleet;

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> =
        object.as_object().unwrap_or_else(|| panic!("{object}")).keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// These words, in order.
fn sorted<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut words = words.to_vec();
    words.sort_unstable();
    words
}

/// Participants and days of sessions, as they come.
fn named(list: &Value) -> Vec<String> {
    let one = |row: &Value| format!("{}/{}", row["participant"].as_str().unwrap(), row["date"].as_str().unwrap());
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(one).collect()
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = Clock::real();
    let end = clock.tick() + crate::place::PATIENCE;
    while !holds() {
        assert!(!end.since(clock.tick()).is_zero(), "never: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The journal as one text.
fn journal(fleet: &Fleet) -> String {
    String::from_utf8(fleet.place.run(&["journal"]).stdout).unwrap()
}
