//! `session list` and `session show`, and how sessions are named.

use std::time::Duration;

use hotspare::clock::Clock;
use serde_json::{Value, json};

use super::{keys, named, sorted, until};
use crate::fleet::{Fleet, tree};

#[test]
fn the_list_is_what_was_promised() {
    let fleet = Fleet::new();
    fleet.imported("p001", "20250104");
    std::fs::write(fleet.session("p001", "20250104").join("walk.json"), b"{}").unwrap();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let (code, list) = fleet.session_json(&["list"]);
    assert_eq!(code, Some(0));
    assert_eq!(list["store"], "mocap");
    assert_eq!(named(&list["sessions"]), ["p001/20250105", "p001/20250104", "p002/20250104"], "the newest first");
    let row = &list["sessions"][1];
    for (key, value) in [
        ("videos", json!(1)),
        ("files", json!(2)),
        ("bytes", json!(50_002)),
        ("imported", json!(true)),
        ("backup", json!(true)),
        ("verified", json!("content")),
        ("safe", json!(true)),
        ("why_not_safe", json!([])),
    ] {
        assert_eq!(row[key], value, "{key}: {row}");
    }
    let other = &list["sessions"][2];
    assert_eq!(
        (&other["imported"], &other["backup"], &other["verified"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    assert!(other["why_not_safe"].as_array().unwrap().iter().all(Value::is_string));
    assert_eq!(list["totals"], json!({ "sessions": 3, "files": 4, "bytes": 150_002, "safe": 1, "safe_bytes": 50_002 }));
    assert_eq!((&list["source"]["state"], &list["imported"]["state"]), (&json!("ready"), &json!("ready")), "{list}");
    assert_eq!(
        (&list["destinations"][0]["name"], &list["destinations"][0]["state"]),
        (&json!("Network"), &json!("ready"))
    );
    for time in [&list["looked"], &row["verified_at"], &row["changed"]] {
        assert!(time.as_str().is_some_and(|time| time.ends_with('Z') && time.contains('T')), "{time}");
    }
    let (code, safe) = fleet.session_json(&["list", "--safe"]);
    assert_eq!((code, named(&safe["sessions"])), (Some(0), vec!["p001/20250104".to_owned()]));
    assert_eq!(safe["totals"]["sessions"], 1);
    // The sums are those of the lines, also of what is only elsewhere.
    assert_eq!(fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]).0, Some(0));
    let (_, list) = fleet.session_json(&["list"]);
    let sum =
        |key: &str| list["sessions"].as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(
        (list["totals"]["files"].as_u64(), list["totals"]["bytes"].as_u64()),
        (Some(sum("files")), Some(sum("bytes")))
    );
    assert!(
        fleet.session_said(&["list"]).1.contains("mocap: 3 sessions, 2 on this computer (100 kB), 0 safe"),
        "{list}"
    );
}

#[test]
fn one_session_is_shown_with_the_reason_for_every_no() {
    let fleet = Fleet::new();
    let (code, shown) = fleet.session_json(&["show", "p002", "20250104"]);
    assert_eq!(code, Some(0), "{shown}");
    let promised = [
        "participant",
        "date",
        "videos",
        "files",
        "bytes",
        "imported",
        "backup",
        "verified",
        "verified_at",
        "safe",
        "why_not_safe",
        "on_disk",
        "busy",
        "wrong",
        "changed",
        "store",
        "source",
        "imported_why",
        "copies",
        "differing",
        "odd",
    ];
    assert_eq!(keys(&shown), sorted(&promised));
    assert_eq!(keys(&shown["copies"][0]), sorted(&["destination", "path", "copy", "files", "bytes", "verified"]));
    assert_eq!(shown["copies"][0]["copy"], "none");
    assert_eq!(shown["source"], fleet.session("p002", "20250104").display().to_string());
    let (code, said) = fleet.session_said(&["show", "p002", "20250104"]);
    assert!(code == Some(0) && said.contains("1 file, 1 video, 50.0 kB"), "{said}");
    // Something is wrong with one whose copy lacks a file.
    assert_eq!(fleet.session_json(&["sync", "p002", "20250104"]).0, Some(0));
    std::fs::remove_file(fleet.copy("p002", "20250104").join("walk.mp4")).unwrap();
    let (code, shown) = fleet.session_json(&["show", "p002", "20250104"]);
    assert_eq!((code, &shown["copies"][0]["copy"]), (Some(1), &json!("differs")), "{shown}");
    assert_eq!(
        shown["differing"],
        json!([{ "path": "walk.mp4", "here": 50_000, "there": [null], "problem": "missing" }])
    );
    assert_eq!(fleet.session_said(&["show", "p002", "20250104"]).0, Some(1));
}

#[test]
fn days_are_ranges_with_both_ends_in_either_spelling() {
    let fleet = Fleet::new();
    let listed = |arguments: &[&str]| named(&fleet.session_json(&[&["list"], arguments].concat()).1["sessions"]);
    let all = ["p001/20250105", "p001/20250104", "p002/20250104"];
    assert_eq!(listed(&["--from", "20250104", "--to", "2025-01-05"]), all);
    assert_eq!(listed(&["--from", "2025-01-05"]), all[..1]);
    assert_eq!(listed(&["--to", "20250104"]), all[1..]);
    assert_eq!(listed(&["--from", "20250104", "--to", "20250104", "--participant", "p002"]), all[2..]);
    assert_eq!(listed(&["--from", "20260101"]), [""; 0]);
    assert_eq!(fleet.session_json(&["show", "p001", "2025-01-05"]).1["date"], "20250105");
}

#[test]
fn what_is_no_session_is_wrong_usage_and_says_what_there_is() {
    let fleet = Fleet::new();
    let touched = fleet.at("touched");
    let before = tree(fleet.place.path(), "state");
    let shell = format!("x$(touch {})", touched.display());
    let wrong: [(&str, &str, &str); 10] = [
        ("p001", "", "is not a day"),
        ("..", "x", "is not a day"),
        ("..", "20250104", "is not the name of a participant"),
        ("", "20250104", "is not the name of a participant"),
        (&shell, "20250104", "is not the name of a participant"),
        ("x$(touch touched)", "20250104", "knows no session"),
        ("p001", "20250230", "is not a day"),
        ("p001", "20250107", "p001 has 2 between 2025-01-04 and 2025-01-05"),
        ("p002", "20250107", "p002 has one on 2025-01-04"),
        ("P01", "20250104", "did you mean `p001`?"),
    ];
    for (participant, day, words) in wrong {
        for what in [&["show"][..], &["sync"], &["sync", "--dry-run"], &["verify"], &["delete", "--confirm", "DELETE"]]
        {
            let (code, said) = fleet.session_said(&[what, &[participant, day]].concat());
            assert!(code == Some(2) && said.contains(words), "{what:?} {participant:?} {day:?}: {code:?} {said}");
        }
    }
    for arguments in [
        &["sync"][..],
        &["sync", "p001"],
        &["sync", "p001", "20250104", "--from", "20250104"],
        &["sync", "--from", "20250105", "--to", "20250104"],
        &["verify", "--from", "yesterday"],
        &["verify", "p001", "20250104", "--quick", "--sizes"],
        &["delete"],
        &["delete", "--all-safe", "p001", "20250104"],
        &["delete", "--from", "20250104"],
        &["list", "--participant", "../x"],
        &["list", "--store", "mokap"],
        &["limit", "fast"],
        &["-rf", "20250104"],
    ] {
        assert_eq!(fleet.session_said(arguments).0, Some(2), "{arguments:?}");
    }
    assert!(fleet.session_said(&["list", "--store", "mokap"]).1.contains("did you mean `mocap`?"));
    assert_eq!(before, tree(fleet.place.path(), "state"), "nothing of it changed anything");
    let output = fleet.place.run(&["session", "show", "p009", "20250104", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), keys(&document)), (Some(2), vec!["error", "hints"]));
    assert!(!output.stderr.is_empty() && String::from_utf8_lossy(&output.stdout).lines().count() == 1);
}

#[test]
fn without_a_store_or_a_destination_that_is_said() {
    let fleet = Fleet::new();
    let head = "name = \"harbour\"\n[engine]\nlinger = \"always\"\n";
    std::fs::write(fleet.place.file(), head).unwrap();
    for arguments in [&["sync", "p001", "20250104"][..], &["delete", "--all-safe", "--confirm", "DELETE ALL"]] {
        let (code, said) = fleet.session_said(arguments);
        assert!(code == Some(2) && said.contains("declares no [sessions.*]"), "{arguments:?} {code:?} {said}");
    }
    let (_, none) = fleet.session_json(&["list"]);
    assert_eq!((&none["store"], &none["sessions"]), (&Value::Null, &json!([])), "{none}");
    // A running engine takes in a store that comes to the fleet file.
    let store = "[sessions.mocap]\nlayout = \"{participant}/{date}\"\n";
    let text = format!("{head}{store}source = \"{}\"\n", fleet.at("data").display());
    std::fs::write(fleet.place.file(), text).unwrap();
    until("the store is there", || fleet.session_json(&["list"]).1["store"] == "mocap");
    let (_, list) = fleet.session_json(&["list"]);
    assert_eq!((list["sessions"].as_array().unwrap().len(), &list["imported"]), (3, &Value::Null), "{list}");
    let row = &list["sessions"][0];
    assert_eq!((&row["imported"], &row["backup"], &row["safe"]), (&Value::Null, &json!(false), &json!(false)), "{row}");
    let (code, said) = fleet.session_said(&["sync", "--from", "20250101"]);
    assert!(code == Some(2) && said.contains("mocap has no destination"), "{code:?} {said}");
    let (code, said) = fleet.session_said(&["delete", "p001", "20250104", "--confirm", "DELETE"]);
    assert!(code == Some(3) && said.contains("refused"), "{code:?} {said}");
    assert!(fleet.session("p001", "20250104").join("walk.mp4").exists());
}

#[test]
fn each_store_is_asked_by_its_name() {
    let fleet = Fleet::new();
    let text = std::fs::read_to_string(fleet.place.file()).unwrap();
    let at = fleet.place.path().display();
    let faces = format!(
        "[sessions.faces]\nsource = \"{at}/faces\"\nlayout = \"{{date}}/{{participant}}\"\nparticipants = [\"m\"]\n\
         destinations = [{{ name = \"Stick\", path = \"{at}/stick\", layout = \"{{participant}}/{{date}}\" }}]\n"
    );
    std::fs::write(fleet.place.file(), text + &faces).unwrap();
    for participant in ["m01", "x01"] {
        std::fs::create_dir_all(fleet.at("faces/20250110").join(participant)).unwrap();
        std::fs::write(fleet.at("faces/20250110").join(participant).join("a.mp4"), b"face").unwrap();
    }
    assert_eq!(fleet.session_json(&["list"]).1["store"], "mocap", "the first one");
    let (_, faces) = fleet.session_json(&["list", "--store", "faces"]);
    assert_eq!((&faces["store"], named(&faces["sessions"])), (&json!("faces"), vec!["m01/20250110".to_owned()]));
    let (code, report) = fleet.session_json(&["--store", "faces", "sync", "m01", "20250110"]);
    assert_eq!((code, report["succeeded"].as_u64()), (Some(0), Some(1)), "{report}");
    assert_eq!(std::fs::read(fleet.at("stick/m01/20250110/a.mp4")).unwrap(), b"face");
    assert_eq!(fleet.session_said(&["sync", "m01", "20250110"]).0, Some(2), "not of the first store");
}

#[test]
fn a_face_that_only_reads_may_look_and_nothing_else() {
    let fleet = Fleet::new();
    let before = tree(fleet.place.path(), "state");
    let read_only =
        |arguments: &[&str]| fleet.place.run(&[&["--read-only", "session"], arguments].concat()).status.code();
    assert_eq!(read_only(&["list"]), Some(0));
    assert_eq!(read_only(&["show", "p001", "20250104"]), Some(0));
    for arguments in [
        &["sync", "p001", "20250104"][..],
        &["verify", "p001", "20250104"],
        &["delete", "p001", "20250104", "--confirm", "DELETE"],
        &["delete", "--all-safe", "--confirm", "DELETE ALL"],
        &["limit", "1MB/s"],
    ] {
        assert_eq!(read_only(arguments), Some(3), "{arguments:?}");
    }
    assert_eq!(before, tree(fleet.place.path(), "state"));
}

#[test]
fn the_first_list_of_a_new_fleet_waits_for_no_deadline() {
    let fleet = Fleet::new();
    let clock = Clock::real();
    for arguments in
        [&["session", "list"][..], &["session", "list", "--refresh"], &["session", "show", "p001", "20250104"]]
    {
        let began = clock.tick();
        assert_eq!(fleet.place.run(arguments).status.code(), Some(0));
        let lasted = clock.tick().since(began);
        assert!(lasted < Duration::from_secs(3), "{arguments:?} took {lasted:?}");
    }
    for arguments in [&["status"][..], &["doctor"], &["check"]] {
        let ended = fleet.place.run(arguments);
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_nothing() {
    let fleet = Fleet::new();
    std::fs::rename(fleet.at("data"), fleet.at("elsewhere")).unwrap();
    let (code, list) = fleet.session_json(&["list"]);
    assert_eq!(
        (code, &list["source"]["state"], &list["source"]["word"]),
        (Some(0), &json!("trouble"), &json!("no folder"))
    );
    for arguments in [
        &["sync", "--from", "20250101"][..],
        &["sync", "--from", "20250101", "--dry-run"],
        &["delete", "--all-safe", "--confirm", "DELETE ALL"],
    ] {
        let (code, said) = fleet.session_said(arguments);
        assert!(
            code == Some(1) && said.contains("the source cannot be looked at (no folder)"),
            "{arguments:?} {code:?} {said}"
        );
    }
    std::fs::rename(fleet.at("elsewhere"), fleet.at("data")).unwrap();
    assert_eq!(fleet.session_json(&["sync", "--from", "20250101"]).1["succeeded"], 3);
}
