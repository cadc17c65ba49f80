//! `engine`, `jobs`, `cancel`.

use crate::place::{FLEET, Place, text};

#[test]
fn without_an_engine_each_command_says_so_in_its_own_way() {
    let place = Place::new(FLEET);
    let status = place.run(&["engine", "status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(text(&status.stdout).contains("no engine runs"));
    let jobs = place.run(&["jobs", "--json"]);
    assert_eq!(jobs.status.code(), Some(0));
    let document: serde_json::Value = serde_json::from_slice(&jobs.stdout).unwrap();
    assert_eq!(document, serde_json::json!({ "engine": false, "jobs": [] }));
    assert!(text(&jobs.stderr).contains("no engine runs"));
    let cancel = place.run(&["cancel", "3"]);
    assert_eq!(cancel.status.code(), Some(1));
    assert!(text(&cancel.stderr).contains("hint: start one"));
    let stop = place.run(&["engine", "stop"]);
    assert_eq!(stop.status.code(), Some(0));
    assert!(!place.socket().exists(), "none of these starts an engine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_engine_is_described_and_stopped() {
    let place = Place::new(FLEET);
    let mut engine = place.engine();
    place.join().await;
    let status = place.run(&["engine", "status"]);
    assert_eq!(status.status.code(), Some(0));
    assert!(text(&status.stdout).contains(&format!("engine    pid {}", engine.pid())));
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let environment = std::fs::read(format!("/proc/{}/environ", engine.pid())).unwrap();
        for setting in ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=65536"] {
            let set = environment.split(|byte| *byte == 0).any(|set| set == setting.as_bytes());
            assert!(set, "its allocator keeps what is not needed, without {setting}: {}", text(&environment));
        }
    }
    let cancel = place.run(&["cancel", "3"]);
    assert_eq!(cancel.status.code(), Some(2));
    assert!(text(&cancel.stderr).contains("no job 3 runs"));
    let refused = place.run(&["--read-only", "engine", "stop"]);
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(place.run(&["engine", "stop"]).status.code(), Some(0));
    assert_eq!(engine.ended().await, Some(0));
    let said = place.engine_said();
    assert!(said.lines().count() == 1 && said.starts_with("hotspare: the engine runs"), "{said}");
}

#[test]
fn a_broken_fleet_file_is_shown_in_full_and_ends_with_two() {
    let place = Place::new("name = \"harbour\"\n[hosts.a]\nadress = \"127.0.0.1\"\n");
    for command in ["engine", "status"] {
        let ended = place.run(&[command]);
        assert_eq!(ended.status.code(), Some(2), "{}", text(&ended.stderr));
        let said = text(&ended.stderr);
        assert!(said.contains("hotspare.toml:3:") && said.contains("did you mean `address`?"), "{said}");
    }
}

#[test]
fn without_a_fleet_file_the_way_to_one_is_told() {
    let place = Place::new(FLEET);
    let empty = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("status").current_dir(empty.path()).env("HOME", empty.path());
    command.env_remove("HOTSPARE_FLEET").env_remove("XDG_CONFIG_HOME");
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("hotspare init"), "{}", text(&ended.stderr));
    drop(place);
}

#[test]
fn the_doctor_prints_a_line_a_finding_and_leaves_a_job() {
    let place = Place::new(FLEET);
    let ended = place.run(&["doctor", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let bad = findings.iter().any(|finding| finding["grade"] == "bad");
    assert_eq!(ended.status.code(), Some(i32::from(bad)), "{}", text(&ended.stderr));
    assert_eq!(document["ok"], !bad);
    let lines = text(&place.run(&["doctor"]).stdout);
    assert_eq!(lines.lines().count(), findings.len(), "{lines}");
    let jobs = text(&place.run(&["jobs"]).stdout);
    assert!(jobs.contains("doctor") && jobs.contains("done") && jobs.contains("100 %"), "{jobs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_systemd_its_lines_carry_priorities() {
    let place = Place::new(FLEET);
    let path = place.path().join("engine.err");
    let errors = std::fs::File::create(&path).unwrap();
    let stat = rustix::fs::fstat(&errors).unwrap();
    let mut command = place.program(&["engine"]);
    command.env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino)).stderr(errors);
    let mut engine = crate::place::Running::from(command.spawn().unwrap());
    let client = place.join().await;
    let mut snapshots = hotspare::engine::client::Client::snapshots(&client);
    let down =
        snapshots.wait_for(|snapshot| snapshot.journal.tail.iter().any(|entry| entry.what == "studio-2 is down"));
    tokio::time::timeout(crate::place::PATIENCE, down).await.unwrap().unwrap();
    assert!(place.run(&["engine", "stop"]).status.success());
    assert_eq!(engine.ended().await, Some(0));
    let said = place.engine_said();
    let line = |what: &str| said.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {said}"));
    assert!(line("the engine started").starts_with("<6>the engine started"), "{said}");
    assert!(line("studio-2 is down").starts_with("<3>studio-2 is down who=\"engine\""), "{said}");
    let bare: Vec<&str> = said.lines().filter(|line| !line.starts_with('<')).collect();
    assert!(bare.len() == 1 && bare[0].starts_with("hotspare: the engine runs"), "{said}");
}
