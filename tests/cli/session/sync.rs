//! `session sync`.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::json;

use super::{keys, named, sorted};
use crate::fleet::{Fleet, document, tree};

#[test]
fn a_dry_run_says_what_would_be_copied_and_changes_nothing() {
    let fleet = Fleet::new();
    let everything = || tree(fleet.place.path(), "state");
    let before = everything();
    for destination in ["never used", "not there"] {
        let (code, report) = fleet.session_json(&["sync", "--from", "20250101", "--dry-run"]);
        assert_eq!(code, Some(0), "{destination}: {report}");
        assert_eq!(keys(&report), sorted(&["dry_run", "sessions", "succeeded", "failed", "skipped"]));
        assert_eq!((&report["dry_run"], &report["succeeded"]), (&json!(true), &json!(3)), "{report}");
        let line = &report["sessions"][0];
        assert_eq!((&line["written"], &line["written_bytes"]), (&json!(1), &json!(50_000)), "{line}");
        let (code, said) = fleet.session_said(&["sync", "p001", "20250104", "--dry-run"]);
        assert!(code == Some(0) && said.contains("1 would be copied, 0 good already, 0 failed"), "{said}");
        let (code, refused) = fleet.session_json(&["delete", "--all-safe", "--dry-run"]);
        assert_eq!((code, refused["deleted"].as_array().unwrap().len()), (Some(0), 0));
        if destination == "never used" {
            assert_eq!(before, everything(), "{destination}");
            std::fs::remove_dir(fleet.at("share")).unwrap();
        }
    }
    assert!(!fleet.at("share").exists());
    // Where there are copies already, only what hotspare keeps for itself on the share is touched.
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let before = tree(fleet.place.path(), "state");
    let own = fleet.at("share/.hotspare");
    let without_own = |mut tree: std::collections::BTreeMap<_, _>| {
        tree.remove(&own);
        tree
    };
    let (code, report) = fleet.session_json(&["sync", "--to", "20250104", "--dry-run"]);
    assert_eq!(
        (code, report["succeeded"].as_u64(), report["skipped"].as_u64()),
        (Some(0), Some(1), Some(1)),
        "{report}"
    );
    fleet.imported("p001", "20250104");
    let imports = fleet.at("imports.db");
    let (code, report) = fleet.session_json(&["delete", "p001", "20250104", "--dry-run"]);
    assert_eq!((code, report["deleted"].as_array().unwrap().len()), (Some(0), 1), "{report}");
    let (mut before, mut after) = (without_own(before), without_own(everything()));
    assert!(before.remove(&imports) != after.remove(&imports), "the test itself wrote there");
    assert_eq!(before, after);
    assert!(!super::journal(&fleet).contains("alarm"), "a rehearsal is no alarm: {}", super::journal(&fleet));
}

#[test]
fn what_is_good_is_skipped_and_what_is_not_is_copied_again() {
    let fleet = Fleet::new();
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!(code, Some(0));
    let line = &report["sessions"][0];
    for (key, value) in [
        ("participant", json!("p001")),
        ("date", json!("20250104")),
        ("result", json!("copied")),
        ("files", json!(1)),
        ("bytes", json!(50_000)),
        ("error", json!(null)),
        ("destination", json!("Network")),
    ] {
        assert_eq!(line[key], value, "{key}: {line}");
    }
    assert!(line["seconds"].is_f64());
    let sync = || {
        let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
        (
            code,
            report["sessions"][0]["result"].as_str().unwrap().to_owned(),
            report["sessions"][0]["written"].as_u64().unwrap(),
        )
    };
    assert_eq!(sync(), (Some(0), "skipped".into(), 0));
    let copy = fleet.copy("p001", "20250104").join("walk.mp4");
    let times = |path: &std::path::Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let modified = times(&copy);
    for spoil in ["truncated", "other bytes, same size and time", "gone", "other bytes, seen by a verification"] {
        match spoil {
            "truncated" => std::fs::File::options().write(true).open(&copy).unwrap().set_len(49_999).unwrap(),
            "gone" => std::fs::remove_file(&copy).unwrap(),
            _ => {
                std::fs::write(&copy, vec![8; 50_000]).unwrap();
                std::fs::File::options().write(true).open(&copy).unwrap().set_modified(modified).unwrap();
            }
        }
        if spoil.ends_with("verification") {
            assert_eq!(fleet.session_json(&["verify", "p001", "20250104"]).0, Some(1));
        }
        assert_eq!(sync(), (Some(0), "copied".into(), 1), "{spoil}");
        assert_eq!(std::fs::read(&copy).unwrap(), vec![7; 50_000], "{spoil}");
        assert_eq!(sync(), (Some(0), "skipped".into(), 0), "{spoil}");
    }
    // The share can be checked without hotspare.
    let sums = std::fs::read_to_string(fleet.at("share/20250104/p001.b3")).unwrap();
    assert_eq!(sums, format!("{}  p001/walk.mp4\n", blake3::hash(&vec![7; 50_000]).to_hex()));
}

#[test]
fn others_may_read_what_lies_on_the_share() {
    let fleet = Fleet::new();
    std::fs::set_permissions(fleet.at("share"), std::fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let mode = |below: &str| std::fs::metadata(fleet.at(below)).unwrap().mode() & 0o777;
    assert_eq!(
        (mode("share/20250104"), mode("share/.hotspare"), mode("share/.hotspare/staging")),
        (0o775, 0o775, 0o775)
    );
    assert_eq!((mode("share/20250104/p001.b3"), mode("share/.hotspare/store.json")), (0o664, 0o664));
    let recorded = |below: &str| std::fs::metadata(fleet.at("data/p001/20250104").join(below)).unwrap().mode() & 0o777;
    assert_eq!(
        (mode("share/20250104/p001"), mode("share/20250104/p001/walk.mp4")),
        (recorded(""), recorded("walk.mp4"))
    );
    assert_eq!(mode("state"), 0o700);
    assert_eq!(mode("state/state.db") & 0o077, 0);
}

#[test]
fn each_destination_counts_for_itself() {
    let fleet = Fleet::new();
    let at = fleet.place.path().display().to_string();
    fleet.edit(
        "}]\n",
        &format!("}}, {{ name = \"Stick\", path = \"{at}/stick\", layout = \"{{participant}}/{{date}}\" }}]\n"),
    );
    std::fs::write(fleet.at("stick"), b"a file, not a folder").unwrap();
    fleet.imported("p001", "20250104");
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!((code, named(&report["sessions"]).len()), (Some(4), 2), "{report}");
    assert_eq!(
        (&report["sessions"][0]["result"], &report["sessions"][1]["result"]),
        (&json!("copied"), &json!("failed"))
    );
    let row = fleet.row("p001", "20250104").unwrap();
    assert_eq!((&row["backup"], &row["verified"], &row["safe"]), (&json!(null), &json!(null), &json!(false)), "{row}");
    assert!(row["why_not_safe"].to_string().contains("Stick"), "{row}");
    let (code, report) = fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]);
    assert_eq!(code, Some(3), "{report}");
    assert!(fleet.session("p001", "20250104").exists() && report.to_string().contains("Stick"), "{report}");
    std::fs::remove_file(fleet.at("stick")).unwrap();
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!(
        (code, report["succeeded"].as_u64(), report["skipped"].as_u64()),
        (Some(0), Some(1), Some(1)),
        "{report}"
    );
    let (code, several) = fleet.session_json(&["verify", "p001", "20250104"]);
    assert_eq!((code, keys(&several)), (Some(0), sorted(&["ok", "verified", "succeeded", "failed"])), "{several}");
    let (code, report) = fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]);
    assert_eq!((code, report["deleted"][0]["remains"].as_array().unwrap().len()), (Some(0), 2), "{report}");
    assert!(fleet.at("stick/p001/20250104/walk.mp4").exists());
}

#[test]
fn nothing_is_made_below_a_mount_point_where_nothing_is_mounted() {
    let fleet = Fleet::with(", mount = \"{at}/share\"");
    let before = tree(fleet.place.path(), "state");
    for arguments in
        [&["sync", "p001", "20250104"][..], &["sync", "--from", "20250101"], &["sync", "p001", "20250104", "--dry-run"]]
    {
        let (code, report) = fleet.session_json(arguments);
        assert_eq!(code, Some(3), "refused, and nothing was changed: {report}");
        let line = &report["sessions"][0];
        assert_eq!((&line["result"], &line["refused"]), (&json!("failed"), &json!(true)), "{line}");
        assert!(line["error"].as_str().unwrap().contains("not mounted"), "{line}");
    }
    let (code, report) = fleet.session_json(&["verify", "p001", "20250104"]);
    assert!(code == Some(1) && report["error"].as_str().unwrap().contains("not mounted"), "{report}");
    let own = fleet.at("data/.hotspare");
    let mut after = tree(fleet.place.path(), "state");
    after.retain(|path, _| !path.starts_with(&own) && !path.starts_with(fleet.at("data/.hotspare-trash")));
    let source = fleet.at("data");
    assert_eq!(
        before.iter().filter(|(path, _)| **path != source).collect::<Vec<_>>(),
        after.iter().filter(|(path, _)| **path != source).collect::<Vec<_>>()
    );
    fleet.place.run(&["engine", "stop"]);
    // Once it is mounted, the same command copies onto it; when it is gone again, nothing pretends to be it.
    let output = fleet.apart(
        "mount -t tmpfs none \"$1\" || exit 99\nhotspare session sync p001 20250104 --json >&2 || exit 98\n\
         umount \"$1\"\nhotspare session sync p002 20250104 --json\nended=$?\nls -A \"$1\" >&2\nhotspare engine stop >&2\nexit $ended",
    );
    let (code, report) = document(&output);
    assert_eq!(code, Some(3), "{report} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(fleet.at("share")).unwrap().count(), 0);
}

#[test]
fn nothing_is_made_where_disks_are_mounted_by_custom_and_none_is() {
    let fleet = Fleet::new();
    let stick = "/run/media/nobody/HOTSPARE-TEST";
    fleet.edit(&format!("{}/share", fleet.place.path().display()), &format!("{stick}/backup"));
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    let line = &report["sessions"][0];
    assert_eq!((code, &line["refused"]), (Some(3), &json!(true)), "{report}");
    assert!(line["error"].as_str().unwrap().contains(&format!("nothing is mounted at {stick}")), "{line}");
    assert!(!std::path::Path::new(stick).exists());
}

#[test]
fn another_recording_under_the_name_of_a_deleted_one_is_not_written_over_the_only_copy() {
    let fleet = Fleet::new();
    let session = fleet.session("p001", "20250104");
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    assert_eq!(fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]).0, Some(0));
    let before = tree(&fleet.at("share"), ".hotspare");
    std::fs::create_dir_all(&session).unwrap();
    std::fs::write(session.join("walk.mp4"), vec![9; 40_000]).unwrap();
    for arguments in [&["sync", "p001", "20250104"][..], &["sync", "p001", "20250104", "--dry-run"]] {
        let (code, report) = fleet.session_json(arguments);
        assert_eq!(code, Some(3), "{report}");
        assert!(report["sessions"][0]["error"].as_str().unwrap().contains("another recording"), "{report}");
    }
    assert_eq!(before, tree(&fleet.at("share"), ".hotspare"));
    // The one that was deleted may come back.
    std::fs::copy(fleet.copy("p001", "20250104").join("walk.mp4"), session.join("walk.mp4")).unwrap();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
}

#[test]
fn another_destination_in_its_place_is_refused() {
    let fleet = Fleet::new();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    std::fs::rename(fleet.at("share"), fleet.at("elsewhere")).unwrap();
    for there in ["nothing", "an empty folder"] {
        if there == "an empty folder" {
            std::fs::create_dir(fleet.at("share")).unwrap();
        }
        let (code, report) = fleet.session_json(&["sync", "p002", "20250104"]);
        assert_eq!(code, Some(3), "{there}: {report}");
        assert!(report["sessions"][0]["error"].as_str().unwrap().contains("replaced"), "{there}: {report}");
    }
    assert_eq!(std::fs::read_dir(fleet.at("share")).unwrap().count(), 0);
    std::fs::remove_dir(fleet.at("share")).unwrap();
    std::fs::rename(fleet.at("elsewhere"), fleet.at("share")).unwrap();
    assert_eq!(fleet.session_json(&["sync", "p002", "20250104"]).0, Some(0));
}

#[test]
fn what_cannot_be_copied_is_named_and_the_rest_is_copied() {
    let fleet = Fleet::new();
    let session = fleet.session("p001", "20250104");
    std::os::unix::fs::symlink("/etc/passwd", session.join("link.mp4")).unwrap();
    std::fs::write(session.join("new\nline 'x' \"y\".json"), b"{}").unwrap();
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!((code, &report["sessions"][0]["result"]), (Some(1), &json!("failed")), "{report}");
    assert_eq!(report["sessions"][0]["refused"], false);
    assert!(report["sessions"][0]["error"].as_str().unwrap().contains("link.mp4"), "{report}");
    assert!(fleet.copy("p001", "20250104").join("new\nline 'x' \"y\".json").exists());
    assert!(!fleet.copy("p001", "20250104").join("link.mp4").exists());
    let (code, said) = fleet.session_said(&["show", "p001", "20250104"]);
    assert!(code == Some(1) && said.contains("link.mp4: a symbolic link"), "{said}");
    let (code, report) = fleet.session_json(&["sync", "--from", "20250101"]);
    assert_eq!(
        (code, report["succeeded"].as_u64(), report["failed"].as_u64()),
        (Some(4), Some(2), Some(1)),
        "{report}"
    );
    std::fs::remove_file(session.join("link.mp4")).unwrap();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
}

#[test]
fn a_destination_that_leads_back_to_the_source_holds_no_copies() {
    let fleet = Fleet::new();
    fleet.edit("{date}/{participant}", "{participant}/{date}");
    std::fs::remove_dir(fleet.at("share")).unwrap();
    std::os::unix::fs::symlink(fleet.at("data"), fleet.at("share")).unwrap();
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    let why = report["sessions"][0]["error"].as_str().unwrap_or_default();
    assert!(code == Some(1) && why.contains("is the session's own folder"), "{report}");
    assert!(fleet.session("p001", "20250104").join("walk.mp4").exists());
}
