//! Defects 10 to 19: what is said is wrong, hangs, or does something else.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use hotspare::fleet::data;
use hotspare::reach::secret::Secrets;
use hotspare::session::imported::{self, Local};
use hotspare::session::view::{Imported, Level, SideState};

use crate::fleet::{Fleet, document};
use crate::lab::{CAMERAS, DAY, Lab};
use crate::site::{Site, key};

#[tokio::test(flavor = "multi_thread")]
async fn defect_10_p001_is_imported_as_001() {
    let mut lab = Lab::start("").await;
    let base = lab.record("p001", DAY, 0, "walk", 50_000);
    let other = lab.record("TF47", DAY, 0, "walk", 50_000);
    lab.push("001", DAY, std::slice::from_ref(&base), 50_000);
    lab.push("TF47", DAY, &[other], 50_000);
    assert_eq!(lab.of("p001").await, Imported::Yes);
    assert_eq!(lab.of("TF47").await, Imported::Yes);
    lab.lose(&base, CAMERAS[0]);
    assert_eq!(lab.of("p001").await.known(), Some(false));
}

#[test]
fn defect_11_the_first_session_of_a_new_date_is_copied() {
    let (site, key) = (Site::new(), key("p777"));
    site.record(&key);
    assert!(!site.copied(&key).parent().unwrap().exists(), "nobody made the folder of the date");
    assert!(site.sync(&key).unwrap()[0].whole());
    assert_eq!(std::fs::read_dir(site.copied(&key)).unwrap().count(), 14);
    site.delete(&key).unwrap();
}

#[test]
fn defect_12_a_copy_that_fails_is_no_copy() {
    let (site, key) = (Site::new(), key("p001"));
    site.record(&key);
    // Something lies where the folder of the date would be: nobody can copy there, root neither.
    std::fs::write(site.copied(&key).parent().unwrap(), b"in the way").unwrap();
    let said = site.sync(&key).unwrap_err().to_string();
    assert!(said.contains("20250104"), "{said}");
    assert!(site.why_not(&key).iter().any(|why| why.starts_with("Network: ")));
    std::fs::remove_file(site.copied(&key).parent().unwrap()).unwrap();
    // One file of it cannot be copied.
    std::os::unix::fs::symlink("/etc/passwd", site.session(&key).join("link.mp4")).unwrap();
    let copied = site.sync(&key).unwrap();
    assert!(!copied[0].whole());
    assert_eq!(copied[0].odd[0].path, "link.mp4");
    assert!(site.why_not(&key).iter().any(|why| why.contains("link.mp4 is a symbolic link")));
}

#[test]
fn defect_12_the_program_says_so_too() {
    let fleet = Fleet::new();
    std::fs::write(fleet.place.path().join("share/20250104"), b"in the way").unwrap();
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!(
        (code, report["failed"].as_u64(), report["succeeded"].as_u64()),
        (Some(1), Some(1), Some(0)),
        "{report}"
    );
    assert_eq!(report["sessions"][0]["result"], "failed");
    assert!(report["sessions"][0]["error"].as_str().unwrap().contains("20250104"), "{report}");
    // Some fail, others do not.
    let (code, report) = fleet.session_json(&["sync", "--from", "20250104"]);
    assert_eq!(
        (code, report["failed"].as_u64(), report["succeeded"].as_u64()),
        (Some(4), Some(2), Some(1)),
        "{report}"
    );
}

#[test]
fn defect_13_a_day_is_a_day() {
    let fleet = Fleet::new();
    let ended = fleet.place.run(&["session", "sync", "20250104"]);
    assert_eq!(ended.status.code(), Some(2), "a single word is no session: {ended:?}");
    let copied = |fleet: &Fleet| {
        [("p001", "20250104"), ("p002", "20250104"), ("p001", "20250105")]
            .map(|(participant, day)| fleet.copy(participant, day).exists())
    };
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!((code, copied(&fleet)), (Some(0), [true, false, false]), "{report}");
    let (code, report) = fleet.session_json(&["sync", "--from", "20250104", "--to", "2025-01-04"]);
    assert_eq!((code, copied(&fleet)), (Some(0), [true, true, false]), "{report}");
    assert_eq!((report["succeeded"].as_u64(), report["skipped"].as_u64()), (Some(1), Some(1)), "{report}");
    let (code, report) = fleet.session_json(&["sync", "--from", "20250105", "--to", "20250104"]);
    assert_eq!((code, copied(&fleet)), (Some(2), [true, true, false]), "the wrong way round: {report}");
    let (code, report) = fleet.session_json(&["sync", "--from", "20250104"]);
    assert_eq!((code, copied(&fleet)), (Some(0), [true; 3]), "an open end is asked for by leaving it out: {report}");
}

#[test]
fn defect_14_a_destination_that_is_not_mounted_is_not_one_that_holds_nothing() {
    let (mut site, key) = (Site::new(), key("p001"));
    site.record(&key);
    assert!(site.why_not(&key).contains(&"Network: no copy; sync it".to_owned()));
    site.sync(&key).unwrap();
    site.network = SideState::Trouble {
        word: "not mounted".into(),
        why: "nothing is mounted at /mnt/CottonLab".into(),
        remedy: "mount it".into(),
    };
    let why = site.why_not(&key);
    assert_eq!(why, ["Network: not mounted: nothing is mounted at /mnt/CottonLab; mount it"]);
    assert_eq!(site.delete(&key).unwrap_err(), why);
}

#[test]
fn defect_14_the_program_says_so_too() {
    // Nothing is mounted where the fleet file says that something is: what lies there is this computer's own disk.
    let fleet = Fleet::with(", mount = \"{at}/share\"");
    fleet.imported("p001", "20250104");
    let (code, report) = fleet.session_json(&["sync", "p001", "20250104"]);
    assert_eq!(code, Some(3), "{report}");
    assert!(report["sessions"][0]["error"].as_str().unwrap().contains("not mounted"), "{report}");
    assert_eq!(std::fs::read_dir(fleet.place.path().join("share")).unwrap().count(), 0, "nothing was made there");
    let row = fleet.row("p001", "20250104").unwrap();
    assert_eq!(row["backup"], serde_json::Value::Null, "neither there nor not there: {row}");
    assert!(row["why_not_safe"].to_string().contains("Network: not mounted"), "{row}");
}

#[test]
fn defect_15_every_session_is_shown_wherever_it_is_known() {
    let fleet = Fleet::new();
    fleet.imported("p001", "20250104");
    fleet.imported("p009", "20250104");
    let on_disk_only = fleet.row("p002", "20250104").expect("on the disk, not in the database");
    assert_eq!((&on_disk_only["on_disk"], &on_disk_only["imported"]), (&true.into(), &false.into()));
    let in_database_only = fleet.row("p009", "20250104").expect("in the database, not on the disk");
    assert_eq!((&in_database_only["on_disk"], &in_database_only["safe"]), (&false.into(), &false.into()));
    // What was deleted can be reviewed.
    fleet.session_json(&["sync", "p001", "20250104"]);
    let (code, report) = fleet.session_json(&["delete", "p001", "20250104", "--confirm", "DELETE"]);
    assert_eq!((code, report["deleted"][0]["participant"].as_str()), (Some(0), Some("p001")), "{report}");
    assert!(!fleet.session("p001", "20250104").exists());
    let deleted = fleet.row("p001", "20250104").expect("deleted here, and shown");
    assert_eq!((&deleted["on_disk"], &deleted["backup"]), (&false.into(), &true.into()), "{deleted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_16_a_database_that_fails_is_neither_yes_nor_no() {
    let (mut site, key) = (Site::new(), key("p001"));
    site.record(&key);
    site.sync(&key).unwrap();
    let mut lab = Lab::start("").await;
    lab.record("p001", DAY, 0, "walk", 50_000);
    let preset = lab.preset();
    let broken = site.place().join("recordings.db");
    std::fs::write(&broken, b"not a database").unwrap();
    let elsewhere = |sqlite| match preset.clone() {
        data::Imported::Datajoint { mysql, .. } => data::Imported::Datajoint { sqlite, mysql },
        other @ data::Imported::Query { .. } => other,
    };
    let missing = site.place().join("nowhere.db");
    let local = [Local { key: key.clone(), videos: Vec::new() }];
    // The file is not there, it is no database, and then the server is gone.
    let ways = [elsewhere(missing), elsewhere(broken), preset.clone()];
    lab.server.sql("DROP DATABASE mocap_sessions");
    let clock = hotspare::clock::Clock::real();
    for way in ways {
        let answer = imported::ask(&way, &Secrets::new(clock.clone()), &local, Duration::from_secs(10)).await;
        site.imported = answer.of(&key);
        assert_eq!(site.imported.known(), None, "{:?}", site.imported);
        let why = site.why_not(&key);
        assert!(why.iter().any(|why| why.starts_with("imported unknown: ")), "{why:?}");
    }
}

/// Mounts a share whose server never answers over `$1`; the shell itself holds the unread end.
const DEAD: &str = r#"exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$1" || exit 99
"#;

#[test]
fn defect_17_a_dead_mount_holds_nobody() {
    let fleet = Fleet::new();
    fleet.imported("p001", "20250104");
    assert_eq!(fleet.session_json(&["sync", "p001", "20250104"]).0, Some(0));
    assert_eq!(fleet.row("p001", "20250104").unwrap()["safe"], true);
    fleet.place.run(&["engine", "stop"]);
    let clock = hotspare::clock::Clock::real();
    for (arguments, code) in [
        ("session list --refresh --json", 0),
        ("session delete p001 20250104 --confirm DELETE --json", 3),
        ("session sync p001 20250104 --json", 1),
        ("session verify p001 20250104 --json", 1),
    ] {
        let began = clock.tick();
        let output =
            fleet.apart(&format!("{DEAD}hotspare {arguments}\nended=$?\nhotspare engine stop >&2\nexit $ended"));
        let lasted = clock.tick().since(began);
        let (ended, said) = document(&output);
        assert_eq!(ended, Some(code), "{arguments}: {said}");
        assert!(said.to_string().contains("stale"), "{arguments}: {said}");
        assert!(lasted < Duration::from_secs(40), "{arguments} took {lasted:?}");
    }
    assert!(fleet.session("p001", "20250104").join("walk.mp4").exists());
}

#[test]
fn defect_18_participants_are_names_and_never_commands() {
    let site = Site::new();
    let touched = site.place().join("touched");
    for participant in ["x$(touch touched)", "`touch touched`", "; touch touched", "-rf", "a b 'c\" \\", "*"] {
        let key = key(participant);
        site.record(&key);
        assert!(site.sync(&key).unwrap()[0].whole(), "{participant}");
        assert!(site.verify(&key, None).unwrap().ok(), "{participant}");
        site.delete(&key).unwrap_or_else(|why| panic!("{participant}: {why:?}"));
        assert!(site.copied(&key).join("a_00.json").exists());
    }
    assert!(!touched.exists() && !std::path::Path::new("touched").exists());
}

#[test]
fn defect_19_names_may_hold_anything() {
    let (site, key) = (Site::new(), key("p001"));
    site.record(&key);
    let long = "x".repeat(255);
    let names: [&[u8]; 8] =
        [b"line\nbreak.mp4", b"'quote\".mp4", b"back\\slash", b"\xff\xfe.mp4", b" ", b"-n", b"tab\t", long.as_bytes()];
    for name in names {
        std::fs::write(site.session(&key).join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    assert!(site.sync(&key).unwrap()[0].whole());
    for level in [Level::Count, Level::Sizes, Level::Content] {
        let outcome = site.verify(&key, Some(level)).unwrap();
        assert!(outcome.ok() && outcome.files == 22, "{level:?}: {outcome:?}");
    }
    std::fs::write(site.copied(&key).join("line\nbreak.mp4"), b"LINE\nbreak.mp4").unwrap();
    assert_eq!(site.verify(&key, None).unwrap().different[0].path, "line\nbreak.mp4");
    assert!(!site.why_not(&key).is_empty());
    site.sync(&key).unwrap();
    assert_eq!(site.delete(&key).unwrap().report.files, 22);
}
