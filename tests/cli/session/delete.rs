//! `session delete`: every refusal, every phrase, and what is told afterwards.

use std::io::{Read, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{journal, keys, named, sorted, until};
use crate::fleet::{Fleet, document, tree};

/// Two sessions that may be deleted, and one that may not.
fn safe() -> Fleet {
    let fleet = Fleet::new();
    for (participant, day) in [("p001", "20250104"), ("p002", "20250104")] {
        fleet.imported(participant, day);
        assert_eq!(fleet.session_json(&["sync", participant, day]).0, Some(0));
    }
    fleet
}

fn delete(fleet: &Fleet) -> (Option<i32>, Value) {
    fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"])
}

/// Refused with these words, and everything is where it was.
fn refused(fleet: &Fleet, why: &str) {
    let before = tree(&fleet.at("data"), ".hotspare");
    let (code, report) = delete(fleet);
    assert_eq!(code, Some(3), "{why}: {report}");
    assert_eq!(keys(&report), sorted(&["dry_run", "deleted", "refused", "bytes_freed"]));
    assert_eq!(
        (&report["deleted"], &report["bytes_freed"], &report["dry_run"]),
        (&json!([]), &json!(0), &json!(false))
    );
    assert_eq!(keys(&report["refused"][0]), sorted(&["participant", "date", "reasons"]));
    let reasons: Vec<&str> =
        report["refused"][0]["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
    assert!(reasons.iter().any(|reason| reason.contains(why)), "{why}: {reasons:?}");
    let (code, rehearsed) = fleet.session_json(&["delete", "p001", "20250104", "--dry-run"]);
    assert!(code == Some(3) && rehearsed["refused"].to_string().contains(why), "{why}: {rehearsed}");
    assert_eq!(before, tree(&fleet.at("data"), ".hotspare"), "{why}");
}

#[test]
fn every_doubt_refuses() {
    let fleet = safe();
    let sql = |statement: &str| {
        rusqlite::Connection::open(fleet.at("imports.db"))
            .and_then(|imports| imports.execute_batch(statement))
            .unwrap();
    };
    sql("UPDATE i SET x = 0");
    refused(&fleet, "not imported");
    sql("UPDATE i SET x = NULL");
    refused(&fleet, "imported unknown");
    sql("UPDATE i SET x = 1; ALTER TABLE i RENAME TO j");
    refused(&fleet, "imported unknown");
    sql("ALTER TABLE j RENAME TO i");
    std::fs::rename(fleet.at("imports.db"), fleet.at("gone.db")).unwrap();
    refused(&fleet, "imported unknown");
    std::fs::rename(fleet.at("gone.db"), fleet.at("imports.db")).unwrap();
    let (session, copy) = (fleet.session("p001", "20250104"), fleet.copy("p001", "20250104"));
    std::fs::write(session.join("late.mp4"), b"late").unwrap();
    refused(&fleet, "late.mp4: missing");
    std::fs::remove_file(session.join("late.mp4")).unwrap();
    std::fs::write(session.join("walk.mp4"), vec![7; 50_000]).unwrap();
    refused(&fleet, "the source last changed");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    std::fs::write(copy.join("walk.mp4"), vec![7; 49_999]).unwrap();
    refused(&fleet, "walk.mp4: size");
    std::fs::write(copy.join("walk.mp4"), vec![8; 50_000]).unwrap();
    refused(&fleet, "changed");
    assert_eq!(fleet.session_json(&["verify", "p001", "20250104"]).0, Some(1));
    refused(&fleet, "Network");
    std::fs::remove_dir_all(&copy).unwrap();
    refused(&fleet, "no copy");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    std::fs::remove_file(fleet.at("share/20250104/p001.b3")).unwrap();
    refused(&fleet, "manifest");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    std::os::unix::fs::symlink("/etc", session.join("link")).unwrap();
    refused(&fleet, "link");
    std::fs::remove_file(session.join("link")).unwrap();
    let open = std::fs::File::options().append(true).open(session.join("walk.mp4")).unwrap();
    refused(&fleet, "open");
    drop(open);
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let (code, report) = delete(&fleet);
    assert_eq!(code, Some(0), "and when nothing speaks against it any more: {report}");
    let said = journal(&fleet);
    assert!(said.contains("refused: delete p001/20250104") && said.contains("late.mp4: missing"), "{said}");
}

#[test]
fn what_was_recorded_a_moment_ago_or_never_verified_stays() {
    let fleet = safe();
    fleet.edit("settle = \"0s\"", "settle = \"1h\"");
    fleet.place.run(&["engine", "stop"]);
    refused(&fleet, "quiet for 60 min is needed");
    // A copy that another program made proves nothing.
    let fleet = Fleet::new();
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p002", "20250104"]).0, Some(0));
    std::fs::create_dir_all(fleet.copy("p001", "20250104")).unwrap();
    std::fs::copy(fleet.session("p001", "20250104").join("walk.mp4"), fleet.copy("p001", "20250104").join("walk.mp4"))
        .unwrap();
    refused(&fleet, "never verified");
    assert_eq!(fleet.session_json(&["verify", "p001", "20250104"]).0, Some(0));
    refused(&fleet, "sizes");
    let (_, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!(report["sessions"][0]["result"], "skipped", "nothing needed to be written: {report}");
    assert_eq!(delete(&fleet).0, Some(0));
}

#[test]
fn only_the_whole_phrase_deletes() {
    let fleet = safe();
    let before = tree(&fleet.at("data"), ".hotspare");
    for phrase in ["", "delete", "yes", "DELETE ", " DELETE", "DELETE ALL", "DELETE\n"] {
        let (code, said) = fleet.session_said(&["delete", "p001", "20250104", "--confirm", phrase]);
        assert!(code == Some(3) && said.contains("DELETE was not typed"), "{phrase:?}: {code:?} {said}");
    }
    for typed in ["", "\n", "y\n", "delete\n", "DELETE ALL\n", "DELETE x\n"] {
        let (code, said) = fleet.session_typed(&["delete", "p001", "20250104"], typed);
        assert!(code == Some(3) && said.contains("nothing was deleted"), "{typed:?}: {code:?} {said}");
    }
    for phrase in ["DELETE", "DELETE all", "DELETE  ALL"] {
        assert_eq!(fleet.session_said(&["delete", "--all-safe", "--confirm", phrase]).0, Some(3), "{phrase}");
    }
    assert_eq!(fleet.session_typed(&["delete", "--all-safe"], "DELETE\n").0, Some(3));
    assert_eq!(before, tree(&fleet.at("data"), ".hotspare"));
    let (code, said) = fleet.session_typed(&["delete", "p001", "20250104"], "DELETE\n");
    assert!(code == Some(0) && said.contains("p001/20250104: deleted: 1 file, 50.0 kB; remains at Network"), "{said}");
    assert!(!fleet.session("p001", "20250104").exists() && fleet.session("p002", "20250104").exists());
    // With --json the question is on standard error, and the answer is one document.
    let (_, said) = fleet.session_typed(&["delete", "--all-safe", "--json"], "DELETE ALL\n");
    let document: String = said.lines().skip_while(|line| *line != "{").take_while(|line| *line != "}").collect();
    let report: Value = serde_json::from_str(&(document + "}")).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(named(&report["deleted"]), ["p002/20250104"], "{said}");
}

#[test]
fn all_that_is_safe_means_what_was_shown() {
    let fleet = Fleet::new();
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let asked = fleet.session_asked(&["delete", "--all-safe"]);
    let shown = asked.until("DELETE ALL");
    assert!(shown.contains("p001/20250104") && !shown.contains("p002/20250104: "), "{shown}");
    // While the person reads, another one becomes safe.
    fleet.imported("p002", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p002", "20250104"]).0, Some(0));
    assert_eq!(fleet.row("p002", "20250104").unwrap()["safe"], true);
    let (code, said) = asked.type_in("DELETE ALL\n");
    assert!(code == Some(0) && said.contains("p001/20250104: deleted"), "{code:?} {said}");
    assert!(!fleet.session("p001", "20250104").exists());
    assert!(fleet.session("p002", "20250104").exists(), "{said}");
}

#[test]
fn afterwards_everybody_knows() {
    let fleet = safe();
    fleet.edit("settle = ", "exclude = [\"*.tmp\"]\nsettle = ");
    std::fs::write(fleet.session("p001", "20250104").join("left.tmp"), b"excluded").unwrap();
    fleet.place.run(&["engine", "stop"]);
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let (code, report) = delete(&fleet);
    assert_eq!(
        (code, &report["dry_run"], &report["bytes_freed"]),
        (Some(0), &json!(false), &json!(50_000)),
        "{report}"
    );
    let copy = fleet.copy("p001", "20250104");
    assert_eq!(
        report["deleted"],
        json!([{ "participant": "p001", "date": "20250104", "files": 1, "bytes": 50_000,
            "remains": [format!("Network: {}", copy.display())],
            "notes": ["1 file that `exclude` leaves out of the copies, too"] }])
    );
    assert!(!fleet.session("p001", "20250104").exists() && copy.join("walk.mp4").exists());
    assert_eq!(std::fs::read_dir(fleet.at("data/.hotspare-trash")).unwrap().count(), 0);
    let row = fleet.row("p001", "20250104").unwrap();
    assert_eq!(
        (&row["on_disk"], &row["backup"], &row["safe"], &row["wrong"]),
        (&json!(false), &json!(true), &json!(false), &json!(null))
    );
    let (code, shown) = fleet.session_json(&["show", "p001", "20250104"]);
    assert_eq!((code, &shown["copies"][0]["copy"]), (Some(0), &json!("alone")), "{shown}");
    let (code, report) = delete(&fleet);
    assert!(code == Some(3) && report.to_string().contains("nothing lies"), "{report}");
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert!(code == Some(1) && report.to_string().contains("not on this computer"), "{report}");
    let (_, entries) = document(&fleet.place.run(&["journal", "--json"]));
    let about: Vec<&Value> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["about"]["session"] == "p001/20250104")
        .collect();
    let sum = blake3::hash(&vec![7; 50_000]).to_hex().to_string();
    assert_eq!(about[0]["about"]["list"], json!([{ "path": "walk.mp4", "size": 50_000, "blake3": sum }]), "{about:?}");
    assert!(about[0]["why"].as_str().unwrap().starts_with("imported, copy (content, "), "{about:?}");
    assert_eq!(about[1]["why"], "1 file that `exclude` leaves out of the copies, too", "{about:?}");
    let said = journal(&fleet);
    assert_eq!(said.matches("p001/20250104 is deleted from this computer: 1 file, 50.0 kB").count(), 1, "{said}");
    assert_eq!(said.matches("it remains at").count(), 1, "told once: {said}");
}

#[test]
fn all_that_are_safe_go_and_the_others_stay() {
    let fleet = safe();
    let (code, report) = fleet.session_json(&["delete", "--all-safe", "--dry-run"]);
    assert_eq!(
        (code, named(&report["deleted"]), &report["dry_run"]),
        (Some(0), vec!["p001/20250104".into(), "p002/20250104".into()], &json!(true))
    );
    let (code, report) = fleet.session_json(&["delete", "--all-safe", "--from", "20250105", "--confirm", "DELETE ALL"]);
    assert_eq!((code, &report["deleted"], &report["refused"]), (Some(0), &json!([]), &json!([])), "none of these days");
    // One is safe as far as the list knows, and is not when everything is looked at again.
    let open = std::fs::File::options().append(true).open(fleet.session("p001", "20250104").join("walk.mp4")).unwrap();
    let (code, report) = fleet.session_json(&["delete", "--all-safe", "--confirm", "DELETE ALL"]);
    assert_eq!(
        (code, named(&report["deleted"]), named(&report["refused"])),
        (Some(4), vec!["p002/20250104".into()], vec!["p001/20250104".into()]),
        "{report}"
    );
    drop(open);
    assert!(fleet.session("p001", "20250105").exists() && !fleet.session("p002", "20250104").exists());
    let (code, report) = fleet.session_json(&["delete", "--all-safe", "--to", "20250104", "--confirm", "DELETE ALL"]);
    assert_eq!((code, report["bytes_freed"].as_u64()), (Some(0), Some(50_000)), "{report}");
    let (_, list) = fleet.session_json(&["list"]);
    let here: Vec<&Value> = list["sessions"].as_array().unwrap().iter().filter(|row| row["on_disk"] == true).collect();
    assert_eq!(here.len(), 1, "{list}");
}

#[test]
fn what_became_safe_after_it_was_shown_stays() {
    let fleet = safe();
    let mut command = fleet.place.program(&["session", "delete", "--all-safe", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (asks, mut said) = (b"to leave everything as it is: ", Vec::new());
    while !said.ends_with(asks) {
        let mut byte = [0];
        child.stderr.as_mut().unwrap().read_exact(&mut byte).expect("the question");
        said.push(byte[0]);
    }
    assert!(!String::from_utf8_lossy(&said).contains("p001/20250105"), "{}", String::from_utf8_lossy(&said));
    // While the question waits for its answer.
    fleet.imported("p001", "20250105");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250105"]).0, Some(0));
    assert_eq!(fleet.row("p001", "20250105").unwrap()["safe"], true);
    child.stdin.take().unwrap().write_all(b"DELETE ALL\n").unwrap();
    let (code, report) = document(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(named(&report["deleted"]), ["p001/20250104", "p002/20250104"]);
    assert!(fleet.session("p001", "20250105").join("walk.mp4").exists());
    assert_eq!(fleet.row("p001", "20250105").unwrap()["safe"], true);
}

#[test]
fn what_was_shown_of_other_folders_deletes_nothing() {
    let fleet = safe();
    let asked = fleet.session_asked(&["delete", "p001", "20250104"]);
    asked.until("to leave everything as it is: ");
    // The same session lies elsewhere too, and all that must hold holds there.
    let at = |below: &str| fleet.at(below);
    assert!(std::process::Command::new("cp").args(["-a"]).args([at("data"), at("other")]).status().unwrap().success());
    fleet.edit(&format!("{}\"\nlayout", at("data").display()), &format!("{}\"\nlayout", at("other").display()));
    until("the other file is in force", || journal(&fleet).contains("was read and is in force"));
    let (code, said) = asked.type_in("DELETE\n");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("was changed in the fleet file since they were shown"), "{said}");
    for folder in ["data", "other"] {
        assert!(at(folder).join("p001/20250104/walk.mp4").exists(), "{folder}");
    }
}

#[test]
fn a_destination_that_is_another_one_is_no_second_copy() {
    let fleet = Fleet::new();
    let at = fleet.place.path().display().to_string();
    let stick = format!("}}, {{ name = \"Stick\", path = \"{at}/stick\", layout = \"{{date}}/{{participant}}\" }}]\n");
    fleet.edit("}]\n", &stick);
    std::os::unix::fs::symlink(fleet.at("share"), fleet.at("stick")).unwrap();
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    refused(&fleet, "Network and Stick are one and the same folder");
}

#[test]
fn nothing_is_deleted_where_nothing_can_be_written_down() {
    let fleet = safe();
    fleet.place.run(&["engine", "stop"]);
    // The state folder is a disk of its own, and runs full while the engine runs.
    let output = fleet.apart(
        "state=\"$1/../state\"; cp -a \"$state\" \"$1/../save\"\n\
         mount -t tmpfs -o size=32m,mode=700 none \"$state\" && cp -a \"$1/../save/.\" \"$state/\" || exit 99\n\
         hotspare session list >/dev/null || exit 98\n\
         dd if=/dev/zero of=\"$state/full\" bs=4k 2>/dev/null\n\
         hotspare session list >/dev/null || exit 97\n\
         hotspare session delete p001 20250104 --confirm DELETE --json\nended=$?\nhotspare engine stop >&2\nexit $ended",
    );
    let (code, report) = document(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(code, Some(3), "{report} {said}");
    assert!(report["refused"].to_string().contains("journal"), "{report} {said}");
    // It is a disk that nothing can be written to.
    let output = fleet.apart("mount --bind \"$1/../save\" \"$1/../state\" && mount -o remount,bind,ro \"$1/../state\" || exit 99\nhotspare session delete p001 20250104 --confirm DELETE --json");
    let (code, report) = document(&output);
    assert!(code == Some(1) && report["error"].is_string(), "{report}");
    assert!(fleet.session("p001", "20250104").join("walk.mp4").exists());
}
