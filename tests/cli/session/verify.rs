//! `session verify`: what each level finds.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{keys, sorted};
use crate::fleet::Fleet;

/// A session of three files, copied.
fn copied() -> (Fleet, PathBuf) {
    let fleet = Fleet::new();
    let session = fleet.session("p001", "20250104");
    std::fs::write(session.join("a.json"), b"{}").unwrap();
    std::fs::create_dir(session.join("images")).unwrap();
    std::fs::write(session.join("images/face.png"), vec![1; 3_000]).unwrap();
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    let copy = fleet.copy("p001", "20250104");
    (fleet, copy)
}

fn verify(fleet: &Fleet, level: &[&str]) -> (Option<i32>, Value) {
    fleet.session_json(&[&["verify", "p001", "20250104"], level].concat())
}

/// Other bytes of the same size and time.
fn corrupt(path: &Path) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    std::fs::write(path, vec![8; 50_000]).unwrap();
    std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

const LEVELS: [(&[&str], &str); 4] =
    [(&["--quick"], "count"), (&["--sizes"], "sizes"), (&["--content"], "content"), (&[], "content")];

#[test]
fn a_good_copy_is_good_at_every_level() {
    let (fleet, _) = copied();
    for (level, word) in LEVELS {
        let (code, report) = verify(&fleet, level);
        assert_eq!(
            keys(&report),
            sorted(&[
                "session",
                "destination",
                "level",
                "ok",
                "missing",
                "different",
                "extra",
                "files",
                "bytes",
                "seconds",
                "read",
                "error"
            ])
        );
        assert_eq!((code, &report["ok"], &report["level"]), (Some(0), &json!(true), &json!(word)), "{report}");
        assert_eq!((&report["files"], &report["missing"], &report["extra"]), (&json!(3), &json!([]), &json!([])));
        assert_eq!(report["session"], json!({ "participant": "p001", "date": "20250104" }));
        assert!(report["seconds"].is_f64());
        assert_eq!(report["read"].is_string(), word == "content", "{report}");
        assert_eq!(fleet.row("p001", "20250104").unwrap()["verified"], "content", "what was proven stays proven");
    }
}

#[test]
fn each_level_finds_what_it_looks_at() {
    let (fleet, copy) = copied();
    let video = copy.join("walk.mp4");
    let good = std::fs::read(&video).unwrap();
    // What is wrong, then for each level of LEVELS: is it found?
    let cases: [(&str, [bool; 4]); 5] = [
        ("truncated", [false, true, true, true]),
        ("corrupted", [false, false, true, true]),
        ("renamed", [true, true, true, true]),
        ("missing", [true, true, true, true]),
        ("extra", [true, true, true, true]),
    ];
    for (case, found) in cases {
        match case {
            "truncated" => std::fs::write(&video, &good[..49_999]).unwrap(),
            "corrupted" => corrupt(&video),
            "renamed" => std::fs::rename(&video, copy.join("walk2.mp4")).unwrap(),
            "missing" => std::fs::remove_file(&video).unwrap(),
            _ => std::fs::write(copy.join("extra.txt"), b"extra").unwrap(),
        }
        for ((level, word), found) in LEVELS.into_iter().zip(found) {
            let (code, report) = verify(&fleet, level);
            let expected = if found { (Some(1), &json!(false)) } else { (Some(0), &json!(true)) };
            assert_eq!((code, &report["ok"]), expected, "{case} by {word}: {report}");
            if !found {
                continue;
            }
            let (missing, different, extra) = match case {
                "truncated" => (json!([]), json!([{ "path": "walk.mp4", "reason": "size" }]), json!([])),
                "corrupted" => (json!([]), json!([{ "path": "walk.mp4", "reason": "content" }]), json!([])),
                "renamed" => (json!(["walk.mp4"]), json!([]), json!(["walk2.mp4"])),
                "missing" => (json!(["walk.mp4"]), json!([]), json!([])),
                _ => (json!([]), json!([]), json!(["extra.txt"])),
            };
            assert_eq!(
                (&report["missing"], &report["different"], &report["extra"]),
                (&missing, &different, &extra),
                "{case} by {word}"
            );
            assert_eq!(fleet.row("p001", "20250104").unwrap()["safe"], false);
        }
        let (code, said) = fleet.session_said(&["verify", "p001", "20250104"]);
        assert!(code == Some(1) && said.contains("0 good, 1 not"), "{case}: {said}");
        for other in ["walk2.mp4", "extra.txt"] {
            let _it_may_not_be_there = std::fs::remove_file(copy.join(other));
        }
        assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0), "{case} is mended");
        assert_eq!(verify(&fleet, &[]).0, Some(0), "{case}");
    }
}

#[test]
fn what_was_found_by_content_is_not_forgotten_because_the_names_are_there() {
    let (fleet, copy) = copied();
    corrupt(&copy.join("walk.mp4"));
    assert_eq!(verify(&fleet, &[]).0, Some(1));
    assert_eq!(verify(&fleet, &["--quick"]).0, Some(0));
    let row = fleet.row("p001", "20250104").unwrap();
    assert_eq!((&row["verified"], &row["wrong"]), (&json!(null), &json!("1 problem at Network")), "{row}");
}

#[test]
fn without_a_source_the_manifest_speaks() {
    let (fleet, copy) = copied();
    std::fs::remove_dir_all(fleet.session("p001", "20250104")).unwrap();
    for (level, word) in LEVELS {
        let (code, report) = verify(&fleet, level);
        assert_eq!((code, &report["ok"], &report["level"]), (Some(0), &json!(true), &json!(word)), "{report}");
    }
    corrupt(&copy.join("walk.mp4"));
    let (code, report) = verify(&fleet, &[]);
    assert_eq!(
        (code, &report["different"]),
        (Some(1), &json!([{ "path": "walk.mp4", "reason": "content" }])),
        "{report}"
    );
    // And without a manifest nothing proves anything: the source is compared by sizes.
    let (fleet, _) = copied();
    for file in ["p001.b3", "p001.sizes"] {
        std::fs::remove_file(fleet.at("share/20250104").join(file)).unwrap();
    }
    let (code, report) = verify(&fleet, &[]);
    assert_eq!((code, &report["level"], &report["ok"]), (Some(0), &json!("sizes"), &json!(true)), "{report}");
}

#[test]
fn several_are_counted() {
    let (fleet, copy) = copied();
    assert_eq!(fleet.session_json(&["sync", "p002", "20250104"]).0, Some(0));
    let (code, report) = fleet.session_json(&["verify", "--from", "20250104", "--to", "2025-01-05"]);
    assert_eq!(
        (code, &report["succeeded"], &report["failed"]),
        (Some(0), &json!(2), &json!(0)),
        "what was never copied is not meant: {report}"
    );
    std::fs::remove_file(copy.join("walk.mp4")).unwrap();
    let (code, report) = fleet.session_json(&["verify", "--from", "20250104"]);
    assert_eq!(
        (code, &report["ok"], &report["succeeded"], &report["failed"]),
        (Some(4), &json!(false), &json!(1), &json!(1))
    );
    let (code, report) = fleet.session_json(&["verify", "p001", "20250105"]);
    assert_eq!((code, &report["missing"]), (Some(1), &json!(["walk.mp4"])), "one that was never copied: {report}");
}
