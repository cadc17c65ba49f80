//! Several at once: two engines on one source, many sessions in one command.

use std::process::{Command, Stdio};
use std::time::Duration;

use hotspare::clock::Clock;

use crate::fleet::{Fleet, document};
use crate::place::{Place, signal};
use hotspare::engine::lock::Lock;
use rustix::process::Signal;

/// Kills the second engine of a place, however the test ends.
struct Other(std::path::PathBuf);

impl Drop for Other {
    fn drop(&mut self) {
        if let Some(Some(pid)) = Lock::holder(&self.0.join("engine.lock")) {
            signal(pid, Signal::KILL);
        }
    }
}

fn other(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("--fleet").arg(place.file()).arg("--state").arg(place.path().join("state-2")).args(arguments);
    command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

#[test]
fn a_second_engine_on_the_same_source_is_told_who_works_there() {
    let fleet = Fleet::new();
    let _other = Other(fleet.at("state-2"));
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    std::fs::write(fleet.session("p001", "20250104").join("long.mp4"), vec![1; 12_000_000]).unwrap();
    assert_eq!(fleet.session_said(&["limit", "2MB/s"]).0, Some(0));
    let child = fleet.session_begun(&["sync", "p001", "20250104"]);
    let lock = fleet.at("data/.hotspare/locks/p001_20250104");
    let clock = Clock::real();
    let end = clock.tick() + crate::place::PATIENCE;
    while !lock.exists() {
        assert!(!end.since(clock.tick()).is_zero(), "never locked");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let pid = Lock::holder(&fleet.place.lock()).flatten().unwrap();
    let who = format!("by process {pid} on ");
    for arguments in [
        &["session", "sync", "p001", "20250104", "--json"][..],
        &["session", "delete", "p001", "20250104", "--confirm", "DELETE", "--json"],
    ] {
        let (code, report) = document(&other(&fleet.place, arguments).output().unwrap());
        let said = report.to_string();
        assert_eq!(code, Some(3), "{arguments:?}: {said}");
        assert!(said.contains("being copied since ") && said.contains(&who), "{arguments:?}: {said}");
    }
    assert_eq!(fleet.session_said(&["limit", "none"]).0, Some(0));
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn many_sessions_make_few_lines_on_a_pipe() {
    let fleet = Fleet::new();
    let imports = rusqlite::Connection::open(fleet.at("imports.db")).unwrap();
    for number in 0..300 {
        let (participant, day) = (format!("s{:03}", number % 100), format!("202402{:02}", 1 + number / 100));
        let session = fleet.session(&participant, &day);
        std::fs::create_dir_all(&session).unwrap();
        std::fs::write(session.join("a.mp4"), number.to_string()).unwrap();
        imports.execute("INSERT INTO i VALUES (?, ?, 1)", (participant, day)).unwrap();
    }
    drop(imports);
    let clock = Clock::real();
    for (arguments, result) in [
        (&["sync", "--from", "20240201", "--to", "20240203"][..], "300 copied and verified, 0 good already, 0 failed"),
        (&["verify", "--from", "20240201", "--to", "20240203"], "300 good, 0 not"),
        (&["delete", "--all-safe", "--dry-run"], "would be freed"),
        (&["delete", "--all-safe", "--confirm", "DELETE ALL"], "freed"),
    ] {
        let began = clock.tick();
        let output = fleet.place.run(&[&["session"], arguments].concat());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let list = || fleet.session_said(&["list"]).1;
        assert!(output.status.success() && out.contains(result), "{arguments:?}: {out}{err}{}", list());
        let lasted = clock.tick().since(began).as_secs();
        let lines = err.lines().count() as u64;
        assert!(lines <= 25 + lasted, "{arguments:?}: {lines} lines in {lasted} s: {err}");
    }
    assert!(fleet.session_said(&["list"]).1.contains("mocap: 303 sessions, 3 on this computer"));
}
