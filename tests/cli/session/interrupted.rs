//! What ends in the middle: Ctrl-C, a killed engine, a terminal that closes.

use std::process::{Child, Output};
use std::time::Duration;

use hotspare::engine::lock::Lock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::until;
use crate::fleet::{Fleet, document, tree};

/// A session that takes its time: a limit holds it back.
fn slow() -> Fleet {
    let fleet = Fleet::new();
    for number in 0..3 {
        std::fs::write(fleet.session("p001", "20250104").join(format!("{number}.mp4")), vec![number; 6_000_000])
            .unwrap();
    }
    assert_eq!(fleet.session_said(&["limit", "1MB/s"]).0, Some(0));
    fleet
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

/// The last job.
fn job(fleet: &Fleet) -> Value {
    let (_, jobs) = document(&fleet.place.run(&["jobs", "--json"]));
    jobs["jobs"].as_array().and_then(|jobs| jobs.last().cloned()).unwrap_or_default()
}

fn copying(fleet: &Fleet) {
    until("it copies", || job(fleet)["state"] == "running" && job(fleet)["done"].as_u64() > Some(1_000_000));
}

fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// The next run copies the rest, and nothing of the first is left lying about.
fn goes_on(fleet: &Fleet) {
    assert_eq!(fleet.session_said(&["limit", "none"]).0, Some(0));
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!((code, report["succeeded"].as_u64()), (Some(0), Some(1)), "{report}");
    assert_eq!(fleet.session_json(&["verify", "p001", "20250104"]).0, Some(0));
    let names: Vec<String> = tree(&fleet.at("share"), "state").keys().map(|path| path.display().to_string()).collect();
    assert!(!names.iter().any(|name| name.contains(".part") || name.contains("/staging/")), "{names:?}");
    assert_eq!(std::fs::read_dir(fleet.at("data/.hotspare/locks")).unwrap().count(), 0);
}

#[test]
fn ctrl_c_ends_the_job_and_the_next_run_goes_on() {
    let fleet = slow();
    let child = fleet.session_begun(&["sync", "p001", "20250104"]);
    copying(&fleet);
    signal(&child, Signal::INT);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("goes on where this one stopped"));
    let job = job(&fleet);
    assert_eq!(job["state"], "cancelled");
    assert!(job["done"].as_u64() < job["total"].as_u64(), "as far as it came: {job}");
    assert!(!fleet.copy("p001", "20250104").exists());
    goes_on(&fleet);
}

#[test]
fn a_job_that_somebody_else_cancels_is_interrupted() {
    let fleet = slow();
    let child = fleet.session_begun(&["sync", "p001", "20250104", "--json"]);
    copying(&fleet);
    let id = job(&fleet)["id"].to_string();
    assert_eq!(fleet.place.run(&["cancel", &id]).status.code(), Some(0));
    assert_eq!(ended(child).status.code(), Some(130));
    goes_on(&fleet);
}

#[test]
fn a_killed_engine_leaves_nothing_half() {
    let fleet = slow();
    let child = fleet.session_begun(&["sync", "p001", "20250104", "--json"]);
    copying(&fleet);
    let pid = Lock::holder(&fleet.place.lock()).flatten().unwrap();
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let output = ended(child);
    let (code, report) = document(&output);
    assert_eq!(code, Some(1), "{report}");
    assert!(report["error"].as_str().unwrap().contains("engine was lost"), "{report}");
    assert!(!fleet.copy("p001", "20250104").exists());
    let row = fleet.row("p001", "20250104").unwrap();
    assert_eq!((&row["backup"], &row["verified"]), (&Value::Bool(false), &Value::Null), "{row}");
    goes_on(&fleet);
}

#[test]
fn a_terminal_that_closes_leaves_the_job_running() {
    let fleet = slow();
    let child = fleet.session_begun(&["sync", "p001", "20250104"]);
    copying(&fleet);
    signal(&child, Signal::HUP);
    ended(child);
    assert_eq!(job(&fleet)["state"], "running");
    assert_eq!(fleet.session_said(&["limit", "none"]).0, Some(0));
    until("it is copied", || job(&fleet)["state"] == "done");
    assert_eq!(fleet.session_json(&["verify", "p001", "20250104"]).0, Some(0));
}

#[test]
fn a_copy_can_be_held_and_goes_on() {
    let fleet = slow();
    let child = fleet.session_begun(&["sync", "p001", "20250104", "--json"]);
    copying(&fleet);
    let id = job(&fleet)["id"].to_string();
    let (code, held) = document(&fleet.place.run(&["hold", &id, "--json"]));
    assert_eq!((code, held), (Some(0), serde_json::json!({ "job": id.parse::<u64>().unwrap(), "held": true })));
    until("it waits", || job(&fleet)["state"] == "paused");
    // What is on its way when it is held still comes.
    let mut before = job(&fleet)["done"].clone();
    until("nothing moves", || {
        std::thread::park_timeout(Duration::from_millis(500));
        std::mem::replace(&mut before, job(&fleet)["done"].clone()) == before
    });
    assert_eq!(fleet.session_said(&["limit", "none"]).0, Some(0));
    std::thread::park_timeout(Duration::from_millis(500));
    assert_eq!(job(&fleet)["done"], before, "also without a limit it waits");
    // Whoever comes second is told who has it.
    let (code, report) = fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]);
    assert!(code == Some(3) && report["refused"].to_string().contains("being copied"), "{report}");
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert!(code == Some(3) && report["sessions"][0]["error"].to_string().contains("being copied"), "{report}");
    assert_eq!(fleet.place.run(&["resume", &id]).status.code(), Some(0));
    assert_eq!(ended(child).status.code(), Some(0));
    goes_on_skipped(&fleet);
}

fn goes_on_skipped(fleet: &Fleet) {
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!((code, report["skipped"].as_u64()), (Some(0), Some(1)), "{report}");
}
