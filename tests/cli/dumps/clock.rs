//! The wall clock is set back while the engine runs: kits go on, and the newest is the newest.

use std::process::Stdio;

use super::{Place, Running};

#[test]
fn a_clock_that_is_set_back_an_hour_costs_no_kit() {
    let place = Place::new();
    let kept = "keep = { last = 3, hourly = 0, daily = 0 }";
    place.fleet_with("", &format!("databases = [\"race\"]\nevery = \"1s\"\n{kept}\n"), place.server.port);
    let libraries = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library = libraries
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime: sh tests/install-deps, as root");
    let clock = place.folder.path().join("clock");
    std::fs::write(&clock, "+0\n").unwrap();
    let mut command = place.command(&["engine"]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    // Only the wall clock: what waits, waits as long as before.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let engine = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let first = place.until("it is good", |dump| dump["state"] == "good")["last"].clone();

    std::fs::write(&clock, "-3600\n").unwrap();
    let newest = |rows: u32| {
        place.server.sql(&format!("INSERT INTO race.oRunner VALUES ({}, 'late')", 100 + rows));
        let before = place.json(0, &["dump", "list", "meos"])["dumps"][0]["kit"].clone();
        let mut listed = serde_json::Value::Null;
        for _try in 0..300 {
            listed = place.json(0, &["dump", "list", "meos"])["dumps"][0].clone();
            if listed["kit"] != before {
                return listed;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("no kit holds what was written after the clock was set back: {listed}");
    };
    let mut made = Vec::new();
    for row in 0..5 {
        let listed = newest(row);
        assert_eq!(listed["state"], "good", "{listed}");
        let kit = listed["kit"].as_str().unwrap().to_owned();
        assert_eq!(listed["on_medium"][0]["kit"], *kit, "{listed}");
        made.push(kit);
    }
    println!("first {first}, then {made:?}");
    assert!(made.iter().all(|kit| kit.as_str() < first.as_str().unwrap()), "the clock was set back: {first} {made:?}");
    // The kit of the hour that has not come yet went by its age among kits, not by its name.
    let listed = place.json(0, &["dump", "list", "meos"]);
    let kits: Vec<&str> =
        listed["dumps"][0]["on_medium"].as_array().unwrap().iter().map(|kit| kit["kit"].as_str().unwrap()).collect();
    made.reverse();
    assert_eq!(kits, made[..3], "the last three");
    let usb = place.folder.path().join("usb");
    let text = std::fs::read_to_string(usb.join("RECOVERY.txt")).unwrap();
    assert!(text.contains(&format!("Newest kit:    {}\n", made[0])), "{text}");
    let told = std::process::Command::new("sh").arg(usb.join("restore.sh")).arg("--check").output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.starts_with(&format!("Kit {} of meos", made[0])), "{told}");
    drop(engine);
}
