//! Defects 1 to 9: recordings are lost.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::session::key::Key;
use hotspare::session::lock::Lock;
use hotspare::session::view::{Imported, Level};

use crate::lab::{DAY, Lab};
use crate::site::{Site, key};

const VIDEO: &str = "walk_20250104_100100.17391304.mp4";

/// Not safe, for a reason that says this; and a deletion leaves everything as it is.
#[track_caller]
fn unsafe_for(site: &Site, key: &Key, reason: &str) {
    let why = site.why_not(key);
    assert!(why.iter().any(|why| why.contains(reason)), "{reason}: {why:#?}");
    let refused = site.delete(key).unwrap_err();
    assert!(refused.iter().any(|why| why.contains(reason)), "{reason}: {refused:#?}");
    assert!(site.session(key).is_dir());
}

fn recorded_and_copied() -> (Site, Key) {
    let (site, key) = (Site::new(), key("TF47"));
    site.record(&key);
    let copied = site.sync(&key).unwrap();
    assert!(copied[0].whole() && copied[0].proof.as_ref().is_some_and(|proof| proof.ok() && proof.from_storage));
    assert_eq!(site.why_not(&key), Vec::<String>::new());
    (site, key)
}

/// Writes other content, with the times of before.
fn in_secret(path: &Path, content: &[u8]) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn defect_01_a_truncated_backup_is_never_safe() {
    let (site, key) = recorded_and_copied();
    std::fs::write(site.copied(&key).join(VIDEO), b"").unwrap();
    unsafe_for(&site, &key, &format!("Network: {VIDEO}: size differs"));
    assert!(site.verify(&key, Some(Level::Count)).unwrap().ok(), "its number is right");
    unsafe_for(&site, &key, "verified by number only; verify by content");
    for level in [Level::Sizes, Level::Content] {
        let outcome = site.verify(&key, Some(level)).unwrap();
        assert!(!outcome.ok());
        assert_eq!(outcome.different[0].path, VIDEO);
    }
    // Copying again repairs it.
    site.sync(&key).unwrap();
    site.delete(&key).unwrap();
}

#[test]
fn defect_02_other_bytes_of_the_same_size_and_time_are_found_and_repaired() {
    let (site, key) = recorded_and_copied();
    in_secret(&site.copied(&key).join(VIDEO), &vec![8; 50_000]);
    assert!(site.verify(&key, Some(Level::Sizes)).unwrap().ok(), "its size is right");
    let outcome = site.verify(&key, None).unwrap();
    assert_eq!((outcome.level, outcome.different[0].path.as_str()), (Level::Content, VIDEO));
    assert_eq!(outcome.different[0].reason, "content");
    unsafe_for(&site, &key, "the last verification found 1 problem");
    assert_eq!(site.sync(&key).unwrap()[0].repaired, [VIDEO]);
    assert_eq!(std::fs::read(site.copied(&key).join(VIDEO)).unwrap(), vec![7; 50_000]);
    assert!(site.verify(&key, None).unwrap().ok());
    // The same on the side of the source.
    in_secret(&site.session(&key).join(VIDEO), &vec![9; 50_000]);
    unsafe_for(&site, &key, "Network: ");
    assert!(!site.verify(&key, None).unwrap().ok());
    unsafe_for(&site, &key, "Network: ");
    site.sync(&key).unwrap();
    assert_eq!(std::fs::read(site.copied(&key).join(VIDEO)).unwrap(), vec![9; 50_000]);
    site.delete(&key).unwrap();
}

#[test]
fn defect_03_as_many_files_of_other_names_are_no_copy() {
    let (site, key) = recorded_and_copied();
    let copied = site.copied(&key);
    std::fs::rename(copied.join(VIDEO), copied.join("walk_20250104_100200.17391304.mp4")).unwrap();
    let reason = format!("Network: {VIDEO}: missing");
    unsafe_for(&site, &key, &reason);
    for level in [Level::Count, Level::Sizes, Level::Content] {
        assert!(!site.verify(&key, Some(level)).unwrap().ok(), "{level:?}");
    }
    unsafe_for(&site, &key, &reason);
}

#[test]
fn defect_04_what_is_recorded_after_the_question_is_not_deleted() {
    let (mut site, key) = recorded_and_copied();
    let session = site.session(&key);
    site.write(&key, "late.mp4", b"recorded while the question was on the screen");
    unsafe_for(&site, &key, "Network: late.mp4: missing");
    site.sync(&key).unwrap();
    assert_eq!(site.why_not(&key), Vec::<String>::new());
    // And after the answer.
    site.on_record = Box::new(move || std::fs::write(session.join("later.mp4"), b"recorded").unwrap());
    let refused = site.delete(&key).unwrap_err();
    assert!(refused.iter().any(|why| why.contains("later.mp4")), "{refused:#?}");
    assert_eq!(std::fs::read(site.session(&key).join("later.mp4")).unwrap(), b"recorded");
    assert!(site.session(&key).join("late.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_05_one_imported_recording_of_three_is_not_imported() {
    let mut lab = Lab::start("").await;
    let first = lab.record("TF47", DAY, 0, "walk", 50_000);
    lab.push("TF47", DAY, &[first], 50_000);
    assert_eq!(lab.of("TF47").await, Imported::Yes);
    for trial in 1..3 {
        lab.record("TF47", DAY, trial, "recorded after the push", 50_000);
    }
    let (mut site, key) = recorded_and_copied();
    site.imported = lab.of("TF47").await;
    assert!(matches!(&site.imported, Imported::No { short, .. } if short == "1 of 3"), "{:?}", site.imported);
    unsafe_for(&site, &key, "is not in recording");
}

#[test]
fn defect_06_no_path_ever_means_more_than_one_session() {
    let (site, key) = recorded_and_copied();
    for folder in ["", ".", "..", "../data", "TF47/..", "/", "TF47/../TF47/20250104"] {
        let refused = site.delete_folder(&key, Path::new(folder)).unwrap_err();
        assert!(refused[0].contains("is not the folder of a session"), "{folder}: {refused:?}");
    }
    for (participant, day) in [("..", "20250104"), ("TF47", ""), ("", "20250104"), ("TF47", ".."), (".", "x")] {
        Key::new(participant, day).unwrap_err();
        let ended = hotspare(&site, &["session", "delete", participant, day, "--confirm", "DELETE"]);
        assert_eq!(ended.0, Some(2), "{participant:?} {day:?}: {}", ended.1);
    }
    assert!(site.session(&key).is_dir());
    // A layout that does not name one session is refused when the fleet file is read.
    for layout in ["", "data", "{date}", "{participant}", "../{participant}/{date}", "/{participant}/{date}"] {
        let fleet = format!(
            "name = \"harbour\"\n[sessions.mocap]\nsource = \"/data\"\nlayout = \"{layout}\"\n\
             destinations = [{{ name = \"N\", path = \"/mnt\", layout = \"{{date}}/{{participant}}\" }}]\n"
        );
        std::fs::write(site.place().join("hotspare.toml"), fleet).unwrap();
        let (code, said) = hotspare(&site, &["check"]);
        assert!(code != Some(0) && said.contains("layout"), "{layout}: {code:?} {said}");
    }
}

/// Runs the program with a state folder of its own; its exit code and all that it says.
fn hotspare(site: &Site, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("--fleet").arg(site.place().join("hotspare.toml")).arg("--state").arg(site.place().join("state"));
    command.args(arguments).stdin(Stdio::null()).env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn defect_07_an_empty_source_is_not_safe() {
    let (site, key) = (Site::new(), key("TF47"));
    std::fs::create_dir_all(site.session(&key)).unwrap();
    std::fs::create_dir_all(site.copied(&key)).unwrap();
    unsafe_for(&site, &key, "the folder holds no files");
    site.sync(&key).unwrap();
    let _whatever_comes_of_it = site.verify(&key, None);
    unsafe_for(&site, &key, "the folder holds no files");
}

#[test]
fn defect_08_whoever_works_on_it_keeps_others_away() {
    let (mut site, key) = recorded_and_copied();
    // A second operator, or a copy that runs.
    let lock = Lock::take(&site.source(), &key, "being copied", Clock::real().now()).unwrap();
    unsafe_for(&site, &key, "being copied since ");
    drop(lock);
    // The acquisition, with a file open.
    let mut child = Command::new("sh")
        .args(["-c", "exec 3>>\"$1\"; echo; read _", "sh"])
        .arg(site.session(&key).join(VIDEO))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    unsafe_for(&site, &key, &format!("process {} (sh) has {VIDEO} open", child.id()));
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    child.wait().unwrap();
    // The acquisition, a moment ago.
    site.settle = Duration::from_secs(3600);
    unsafe_for(&site, &key, "quiet for 60 min is needed");
    site.settle = Duration::ZERO;
    site.delete(&key).unwrap();
}

#[test]
fn defect_09_every_destination_counts_and_what_goes_is_written_down() {
    let (mut site, key) = recorded_and_copied();
    site.destinations = 2;
    unsafe_for(&site, &key, "Stick: no copy; sync it");
    site.sync_to(1, &key).unwrap();
    let deleted = site.delete(&key).unwrap();
    assert_eq!(deleted.report.remains.len(), 2);
    let journal = site.journal.borrow();
    let files = journal.last().unwrap().files();
    assert_eq!(files.len(), 14);
    let video = files.iter().find(|file| file.path == VIDEO).unwrap();
    assert_eq!((video.size, video.blake3.as_str()), (50_000, blake3::hash(&vec![7; 50_000]).to_hex().as_str()));
}
