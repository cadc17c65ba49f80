use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::dump::record::{Database, Table};
use crate::fleet::data::Scratch;
use crate::fleet::secret::{DatabaseUrl, SecretSource};

/// A dump to a folder, which need not be mounted.
fn dump(name: &str, to: &Path) -> Dump {
    Dump {
        name: name.into(),
        server: DatabaseUrl { url: "mysql://meos@127.0.0.1:3306/".into(), password: SecretSource::None },
        databases: Vec::new(),
        every: Duration::from_secs(60),
        to: to.to_owned(),
        mount: false,
        keep: Keep { last: 1, hourly: 0, daily: 0 },
        scratch: Scratch::Auto,
    }
}

fn time(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

fn open(folder: &Path) -> Medium {
    Medium::open(&dump("meos", folder), &[], time("08:00:00")).unwrap()
}

/// A dump as the server's own tool would write it.
fn sql(name: &str, rows: usize) -> Vec<u8> {
    let row = |row: usize| {
        format!(
            "INSERT INTO t VALUES ({row}, '{}');
",
            blake3::hash(&row.to_le_bytes()).to_hex()
        )
    };
    let rows: String = (0..rows).map(row).collect();
    format!(
        "CREATE DATABASE IF NOT EXISTS `{name}`;
USE `{name}`;
{rows}-- Dump completed on 2026-11-20 14:02:11
"
    )
    .into_bytes()
}

fn write(staging: &mut Staging, name: &str, plain: &[u8]) -> Database {
    let mut writer = staging.writer(name).unwrap();
    writer.write_all(&zstd::encode_all(plain, 1).unwrap()).unwrap();
    let held = Held {
        kit: String::new(),
        at: time("14:02:11"),
        files: writer.finish().unwrap(),
        content: "c".into(),
        plain: plain.len() as u64,
        locked: None,
        tables: vec![Table { name: "t".into(), rows: Some(3), checksum: None }],
        mark: String::new(),
    };
    Database { name: name.into(), label: Some("A race".into()), held: Some(held), error: None }
}

fn kit(at: Timestamp, databases: Vec<Database>) -> Kit {
    Kit {
        name: String::new(),
        dump: String::new(),
        number: 0,
        at,
        server: "mysql://meos@127.0.0.1:3306/".into(),
        version: "10.11.14-MariaDB".into(),
        databases,
    }
}

/// A round that writes these databases.
fn round(medium: &Medium, at: &str, names: &[&str]) -> Kit {
    let mut staging = medium.begin(time(at), 0).unwrap();
    let databases = names.iter().map(|name| write(&mut staging, name, &sql(name, 3))).collect();
    staging.publish(kit(time(at), databases)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn verified(medium: &Medium, kit: &Kit) -> Vec<String> {
    medium.verify(kit, &AtomicBool::new(false)).problems
}

#[test]
fn a_kit_is_whole_and_any_tool_can_check_it() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    let made = round(&medium, "14:02:11", &["meosmain", "race:1", "Race:1"]);
    assert_eq!((made.name.as_str(), made.number, made.dump.as_str()), ("2026-11-20T14-02-11Z", 1, "meos"));
    assert_eq!(
        names(folder.path()),
        [".hotspare-medium", "2026-11-20T14-02-11Z", "RECOVERY.txt", "restore.ps1", "restore.sh"]
    );
    let own = folder.path().join(&made.name);
    assert_eq!(
        names(&own),
        ["B3SUMS", "Race_1-2.sql.zst", "SHA256SUMS", "contents.txt", "kit.json", "meosmain.sql.zst", "race_1.sql.zst"]
    );
    for (tool, list) in [("b3sum", "B3SUMS"), ("sha256sum", "SHA256SUMS")] {
        let checked = Command::new(tool).args(["--check", list]).current_dir(&own).output();
        let checked = checked.unwrap_or_else(|_| panic!("{tool} is there: apt-get install b3sum coreutils"));
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success() && said.matches(": OK").count() == 5, "{tool}: {said}");
    }
    assert_eq!(medium.kits().unwrap(), std::slice::from_ref(&made));
    assert_eq!(verified(&medium, &made), Vec::<String>::new());
    let text = std::fs::read_to_string(folder.path().join("RECOVERY.txt")).unwrap();
    assert!(text.contains("'2026-11-20T14-02-11Z/race_1.sql.zst'") && text.contains("sh restore.sh"), "{text}");
    assert!(!text.contains(folder.path().to_str().unwrap()), "no path of this machine");
}

#[test]
fn a_long_dump_is_parted_and_reads_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    let mut staging = medium.begin(time("14:02:11"), 0).unwrap();
    staging.parts_of(1000);
    let plain = sql("big", 200);
    let database = write(&mut staging, "big", &plain);
    let made = staging.publish(kit(time("14:02:11"), vec![database])).unwrap();
    let held = made.databases[0].held.as_ref().unwrap();
    assert!(held.files.len() > 3 && held.files.iter().all(|file| file.bytes <= 1000));
    assert_eq!((held.files[0].name.as_str(), held.files[1].name.as_str()), ("big.sql.zst", "big.sql.zst.2"));
    let mut joined = Vec::new();
    medium.stream(held).read_to_end(&mut joined).unwrap();
    assert_eq!(zstd::decode_all(joined.as_slice()).unwrap(), plain);
    assert_eq!(verified(&medium, &made), Vec::<String>::new());
}

#[test]
fn what_was_not_published_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    let mut staging = medium.begin(time("14:02:11"), 0).unwrap();
    let mut half = staging.writer("half").unwrap();
    half.write_all(b"CREATE DA").unwrap();
    drop(half);
    let whole = write(&mut staging, "whole", &sql("whole", 3));
    let second = medium.begin(time("14:02:11"), 0).unwrap();
    assert_eq!(second.name(), "2026-11-20T14-02-11Z-2", "two in one second");
    drop(second);
    let made = staging.publish(kit(time("14:02:11"), vec![whole])).unwrap();
    assert!(!folder.path().join(&made.name).join("half.sql.zst").exists());
    let mut third = medium.begin(time("14:02:11"), 0).unwrap();
    write(&mut third, "d", b"x");
    assert_eq!(third.name(), "2026-11-20T14-02-11Z-2");
    drop(third);
    let there = names(folder.path());
    assert!(there.iter().all(|name| !name.contains("making")), "{there:?}");
}

#[test]
fn a_clock_that_is_set_back_neither_overwrites_nor_confuses() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    for at in ["14:02:11", "15:02:11", "14:02:11", "14:02:12"] {
        round(&medium, at, &["d"]);
    }
    let kits = medium.kits().unwrap();
    let order: Vec<(&str, u64)> = kits.iter().map(|kit| (kit.name.as_str(), kit.number)).collect();
    assert_eq!(
        order,
        [
            ("2026-11-20T14-02-12Z", 4),
            ("2026-11-20T14-02-11Z-2", 3),
            ("2026-11-20T15-02-11Z", 2),
            ("2026-11-20T14-02-11Z", 1)
        ]
    );
    let text = std::fs::read_to_string(folder.path().join("RECOVERY.txt")).unwrap();
    assert!(text.contains("Newest kit:    2026-11-20T14-02-12Z"), "{text}");
}

#[test]
fn an_unchanged_database_stays_where_it_was_and_that_kit_is_never_removed() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    let first = round(&medium, "14:00:00", &["meosmain", "race"]);
    round(&medium, "14:01:00", &["race"]);
    let mut staging = medium.begin(time("14:02:00"), 0).unwrap();
    let race = write(&mut staging, "race", &sql("race", 3));
    let third = staging.publish(kit(time("14:02:00"), vec![first.databases[0].clone(), race])).unwrap();
    assert_eq!(third.databases[0].held.as_ref().unwrap().kit, first.name);
    assert_eq!(verified(&medium, &third), Vec::<String>::new());
    let keep = Keep { last: 1, hourly: 0, daily: 0 };
    assert_eq!(medium.retain(keep, 0).unwrap(), ["2026-11-20T14-01-00Z"]);
    assert_eq!(medium.retain(keep, u64::MAX).unwrap(), Vec::<String>::new(), "whatever room is wanted");
    let left: Vec<String> = medium.kits().unwrap().into_iter().map(|kit| kit.name).collect();
    assert_eq!(left, [third.name.as_str(), first.name.as_str()]);
    let text = std::fs::read_to_string(folder.path().join("RECOVERY.txt")).unwrap();
    assert!(!text.contains("14-01-00Z") && text.contains("'2026-11-20T14-00-00Z/meosmain.sql.zst'"), "{text}");

    assert_eq!(medium.seen(&third), None);
    let recovery = std::fs::metadata(folder.path().join("RECOVERY.txt")).unwrap().modified().unwrap();
    medium.note_unchanged(&third, time("14:05:00")).unwrap();
    assert_eq!(medium.seen(&third), Some(time("14:05:00")));
    assert_eq!(medium.seen(&first), None, "it is said of the newest only");
    let after = std::fs::metadata(folder.path().join("RECOVERY.txt")).unwrap().modified().unwrap();
    assert_eq!(recovery, after, "nothing but the note is written");
}

#[test]
fn two_dumps_on_one_medium_leave_each_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    let one = open(folder.path());
    let other = Medium::open(&dump("gate", folder.path()), &[], time("08:00:00")).unwrap();
    round(&one, "14:00:00", &["d"]);
    let gate = round(&other, "14:00:00", &["d"]);
    round(&one, "14:01:00", &["d"]);
    assert_eq!(one.retain(Keep { last: 0, hourly: 0, daily: 0 }, u64::MAX).unwrap(), ["2026-11-20T14-00-00Z"]);
    assert_eq!(other.kits().unwrap(), [gate]);
    let text = std::fs::read_to_string(folder.path().join("RECOVERY.txt")).unwrap();
    assert!(text.contains("--dump 'gate'") && text.contains("--dump 'meos'"), "{text}");
}

#[test]
fn what_is_broken_is_found_and_not_called_whole() {
    let folder = tempfile::tempdir().unwrap();
    let medium = open(folder.path());
    let made = round(&medium, "14:00:00", &["good", "bad"]);
    let path = folder.path().join(&made.name).join("bad.sql.zst");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let problems = verified(&medium, &made);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let held = made.databases[1].held.as_ref().unwrap();
    let error = medium.stream(held).read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("bad.sql.zst: its content is not what was written"), "{error}");

    bytes.pop();
    std::fs::write(&path, &bytes).unwrap();
    let shelf = medium.shelf().unwrap();
    assert!(shelf.kits.is_empty() && shelf.broken[0].1.contains("bad.sql.zst has"), "{shelf:?}");

    // Half a dump of which every byte is as it was written.
    let mut staging = medium.begin(time("14:01:00"), 0).unwrap();
    let half = write(&mut staging, "half", b"CREATE DATABASE d;\nINSERT INTO");
    let half = staging.publish(kit(time("14:01:00"), vec![half])).unwrap();
    assert_eq!(verified(&medium, &half), ["half: it does not end as a whole dump ends"]);
}

#[tokio::test]
async fn no_kit_goes_for_want_of_room_while_somebody_reads_one() {
    let folder = tempfile::tempdir().unwrap();
    let readers = Readers::default();
    let medium = open(folder.path()).read_by(readers.clone());
    let made = ["14:00:00", "14:01:00", "14:02:00"].map(|at| round(&medium, at, &["race"]));
    let reading = readers.enter().await;
    // More than there is, whatever goes.
    let full = medium.begin(time("14:03:00"), u64::MAX).unwrap_err();
    assert_eq!(full.kind, Kind::Full);
    assert!(full.what.ends_with("no old kit is removed while somebody reads kits"), "{full}");
    assert!(full.remedy.starts_with("wait until the drill, the check or the restore is over, "), "{}", full.remedy);
    assert_eq!(medium.retain(Keep { last: 1, hourly: 0, daily: 0 }, u64::MAX).unwrap(), Vec::<String>::new());
    assert_eq!(verified(&medium, &made[0]), Vec::<String>::new());
    assert_eq!(medium.kits().unwrap().len(), 3);
    drop(reading);
    let full = medium.begin(time("14:03:00"), u64::MAX).unwrap_err();
    assert!(full.what.ends_with(" are free") && full.remedy.starts_with("remove what is not"), "{full}");
    assert_eq!(medium.kits().unwrap(), std::slice::from_ref(&made[2]));
}

#[test]
fn what_a_restore_overwrote_stays_until_a_person_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let before = restore::before(&dump("meos", folder.path()));
    let aside = Medium::open(&before, &[], time("08:00:00")).unwrap();
    for at in ["14:00:00", "14:01:00", "14:02:00"] {
        round(&aside, at, &["race"]);
    }
    let medium = open(folder.path());
    for (of, at) in [(&aside, "14:03:00"), (&medium, "14:04:00")] {
        let full = of.begin(time(at), u64::MAX).unwrap_err();
        assert_eq!(full.kind, Kind::Full);
        let way = "kits made before a restore that nobody wants back (the oldest is 2026-11-20T14-00-00Z)";
        assert!(full.remedy.contains(way), "{}", full.remedy);
        assert_eq!(aside.kits().unwrap().len(), 3);
    }
}

#[test]
fn a_folder_is_known_again_and_one_that_is_gone_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("kits");
    let medium = open(&at);
    let known = [medium.id().to_owned()];
    let again = Medium::open(&dump("meos", &at), &known, time("09:00:00")).unwrap();
    assert_eq!(again.id(), medium.id());
    std::fs::remove_dir_all(&at).unwrap();
    let gone = Medium::open(&dump("meos", &at), &known, time("09:00:00")).unwrap_err();
    assert_eq!(gone.kind, Kind::NotMounted);
    assert!(!at.exists(), "nothing is made where a medium was");
    std::fs::create_dir(&at).unwrap();
    let bare = Medium::open(&dump("meos", &at), &known, time("09:00:00")).unwrap_err();
    assert_eq!(bare.kind, Kind::Another, "{bare}");
    assert!(names(&at).is_empty(), "nothing is written to it");
    std::fs::write(at.join(MARKER), b"").unwrap();
    Medium::open(&dump("meos", &at), &known, time("09:00:00")).unwrap();
}

#[test]
fn a_medium_of_another_dump_is_not_taken_for_one_that_was_known() {
    let folder = tempfile::tempdir().unwrap();
    Medium::open(&dump("gate", folder.path()), &[], time("08:00:00")).unwrap();
    let other = Medium::open(&dump("meos", folder.path()), &["else".into()], time("08:00:00")).unwrap_err();
    assert_eq!(other.kind, Kind::Another);
    assert!(other.remedy.contains("touch"), "{}", other.remedy);
}

#[test]
fn nothing_is_made_under_a_mount_point_without_a_mount() {
    let folder = tempfile::tempdir().unwrap();
    let unmounted = Dump { mount: true, ..dump("meos", &folder.path().join("usb")) };
    let trouble = Medium::open(&unmounted, &[], time("08:00:00")).unwrap_err();
    assert_eq!(trouble.kind, Kind::NotMounted);
    assert!(names(folder.path()).is_empty());
    std::fs::create_dir(&unmounted.to).unwrap();
    assert_eq!(Medium::open(&unmounted, &[], time("08:00:00")).unwrap_err().kind, Kind::NotMounted);
    assert!(names(&unmounted.to).is_empty());
}

#[test]
fn what_stands_in_commands_of_the_text_for_recovery_is_plain() {
    let kit = |kit: &str, file: &str, sum: &str| {
        let text = serde_json::json!({ "name": "2026-11-20T14-02-11Z", "dump": "d", "at": "2026-11-20T14:02:11Z", "server": "s",
            "version": "1", "databases": [{ "name": "x", "label": null, "error": null, "held": { "kit": kit,
            "at": "2026-11-20T14:02:11Z", "files": [{ "name": file, "bytes": 1, "blake3": "af13", "sha256": sum }],
            "content": "", "plain": 1, "locked": null, "tables": [], "mark": "" } }] });
        shelf::kit(text.to_string().as_bytes())
    };
    assert!(kit("2026-11-20T14-02-11Z", "x y.sql.zst", "e3b0").is_ok());
    for (of, file, sum) in [("k", "x.sql'; reboot; '", "e3b0"), ("k", "x.sql", "e3b0\u{7f}"), ("k'", "x.sql", "e3b0")] {
        let error = kit(of, file, sum).unwrap_err();
        assert!(error.contains("the name or a sum of a file of x is none"), "{error}");
    }
}

#[test]
fn a_kit_that_tells_of_more_bytes_than_there_can_be_is_none() {
    let file = r#"{"name":"a","bytes":18446744073709551615,"blake3":"","sha256":""}"#;
    let text = format!(
        r#"{{"name":"2026-11-20T14-02-11Z","dump":"d","at":"2026-11-20T14:02:11Z","server":"s","version":"1","databases":[
        {{"name":"x","label":null,"held":{{"kit":"k","at":"2026-11-20T14:02:11Z","files":[{file},{file}],"content":"","plain":1,
        "locked":null,"tables":[],"mark":""}},"error":null}}]}}"#
    );
    assert!(shelf::kit(text.as_bytes()).unwrap_err().contains("more bytes than there can be"));
    assert!(shelf::kit(text.replace("18446744073709551615", "7").as_bytes()).is_ok());
}
