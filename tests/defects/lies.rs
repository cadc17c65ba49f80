//! Defects 10 to 19: what is said is wrong, hangs, or does something else.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use hotspare::fleet::data;
use hotspare::reach::secret::Secrets;
use hotspare::session::imported::{self, Local};
use hotspare::session::view::{Imported, Level, SideState};

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
