//! Deletions on disks that are full, read-only or not theirs, with other file systems mounted inside, and very large ones.
//!
//! Each test runs in a mount namespace of its own (`unshare`, util-linux), so that nothing is mounted for anybody else and
//! all of it is gone when the test ends, however it ends.

use std::os::unix::fs::{FileTypeExt, chown, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use hotspare::clock::Clock;
use hotspare::session::lock::{Lock, LockError};

use crate::backed_up::{Recording, everything};
use crate::farm::run;

/// `nobody`, who owns nothing here.
const NOBODY: u32 = 65_534;

/// Runs the body in a mount namespace of its own.
fn apart(name: &str, body: impl FnOnce()) {
    crate::apart::apart(&format!("deletion::{name}"), body);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn mount(arguments: &[&str], at: &Path) {
    run("mount", &[arguments, &[text(at)]].concat());
}

#[track_caller]
fn refused(recording: &Recording, reason: &str) {
    let reasons = recording.delete(&recording.witness()).expect_err("refused");
    assert!(reasons.iter().any(|said| said.contains(reason)), "{reason}: {reasons:#?}");
    assert!(recording.session().exists());
}

/// A recording on a file system of its own, of a kind that can be filled.
fn on(kind: &str, place: &Path) -> Recording {
    let data = place.join("data");
    std::fs::create_dir(&data).expect("a folder");
    if kind == "tmpfs" {
        mount(&["-t", "tmpfs", "-o", "size=4m", "small"], &data);
    } else {
        let image = place.join("image");
        std::fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("an image");
        run("mkfs.ext4", &["-q", "-m", "0", text(&image)]);
        mount(&["-o", "loop", text(&image)], &data);
    }
    let recording = Recording::at(place);
    recording.record();
    // What an engine makes when it copies for the first time.
    drop(Lock::take(&data, &Recording::key(), "being copied", Clock::real().now()).expect("the lock"));
    recording
}

fn fill(folder: &Path) {
    let mut file = std::fs::File::create(folder.join("ballast")).expect("a file");
    for size in [64 << 10, 4 << 10, 512, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
    for number in 0.. {
        if std::fs::create_dir(folder.join(format!("ballast-{number}"))).is_err() || number > 2_000 {
            break;
        }
    }
    std::fs::write(folder.join("one more"), [1; 5_000]).expect_err("the disk is full");
}

#[test]
fn another_file_system_inside_refuses() {
    apart("another_file_system_inside_refuses", || {
        let recording = Recording::new();
        let outside = recording.place().join("outside");
        std::fs::create_dir(&outside).expect("a folder");
        std::fs::write(outside.join("precious"), b"precious").expect("written");
        let images = recording.session().join("images");
        mount(&["-t", "tmpfs", "inside"], &images);
        refused(&recording, "images is on another file system");
        run("umount", &[text(&images)]);
        // The same disk mounted again, which has the same device number.
        mount(&["--bind", text(&outside)], &images);
        refused(&recording, "images is on another file system");
        run("umount", &[text(&images)]);
        for folder in [recording.session(), recording.source().join("p001")] {
            mount(&["--bind", text(&folder)], &folder);
            let reasons = recording.delete(&recording.witness()).expect_err("refused");
            assert!(reasons[0].contains("on another file system than its source"), "{reasons:?}");
            run("umount", &[text(&folder)]);
        }
        assert!(outside.join("precious").exists());
        recording.delete(&recording.witness()).expect("deleted");
    });
}

#[test]
fn a_file_system_mounted_in_the_last_moment_is_not_emptied() {
    apart("a_file_system_mounted_in_the_last_moment_is_not_emptied", || {
        for step in ["moved into the trash", "removing"] {
            let recording = Recording::new();
            let outside = recording.place().join("outside");
            std::fs::create_dir(&outside).expect("a folder");
            std::fs::copy(recording.session().join("images/face\n.jpg"), outside.join("face\n.jpg")).expect("copied");
            let mut told = recording.witness();
            let (trash, target) = (Recording::at(recording.place()), outside.clone());
            told.on = Box::new(move |now| {
                if now == step {
                    mount(&["--bind", text(&target)], &trash.in_trash().expect("in the trash").join("images"));
                }
            });
            let reasons = recording.delete(&told).expect_err("refused");
            assert!(outside.join("face\n.jpg").exists(), "{reasons:?}");
            if step == "removing" {
                let trash = recording.in_trash().expect("the rest lies in the trash");
                assert!(reasons[0].contains("the rest lies in"), "{reasons:?}");
                run("umount", &[text(&trash.join("images"))]);
                assert_eq!(recording.recover(), ["the interrupted deletion of p001/20250104 was finished"]);
                assert!(!recording.session().exists());
            } else {
                run("umount", &[text(&recording.session().join("images"))]);
                assert_eq!(everything(&recording.session()), everything(&recording.copied()));
            }
        }
    });
}

#[test]
fn devices_and_sockets_refuse() {
    apart("devices_and_sockets_refuse", || {
        let recording = Recording::new();
        let device = recording.session().join("null");
        run("mknod", &[text(&device), "c", "1", "3"]);
        refused(&recording, "null is a device");
        assert!(std::fs::metadata(&device).expect("there").file_type().is_char_device());
        std::fs::remove_file(&device).expect("removed");
        let _socket = std::os::unix::net::UnixListener::bind(recording.session().join("socket")).expect("a socket");
        refused(&recording, "socket is a socket");
    });
}

#[test]
fn excluded_links_and_devices_go_without_what_they_lead_to() {
    apart("excluded_links_and_devices_go_without_what_they_lead_to", || {
        let recording = Recording::new();
        let outside = recording.place().join("outside");
        std::fs::write(&outside, b"precious").expect("written");
        symlink(&outside, recording.session().join("link.tmp")).expect("a link");
        run("mkfifo", &[text(&recording.session().join("fifo.tmp"))]);
        let deleted = recording.delete(&recording.witness()).expect("deleted");
        assert_eq!(deleted.excluded, 2);
        assert_eq!(std::fs::read(outside).expect("still there"), b"precious");
        assert!(!recording.session().exists());
    });
}

#[test]
fn a_full_disk_can_be_freed() {
    apart("a_full_disk_can_be_freed", || {
        for kind in ["tmpfs", "ext4"] {
            let place = tempfile::tempdir().expect("a folder");
            let recording = on(kind, place.path());
            fill(&recording.source());
            let deleted = recording.delete(&recording.witness()).unwrap_or_else(|why| panic!("{kind}: {why:?}"));
            assert!(deleted.freed >= 70_000, "{kind}: {}", deleted.freed);
            assert_eq!(deleted.report.notes, Vec::<String>::new());
            assert!(!recording.session().exists());
            assert_eq!(std::fs::read_dir(recording.trash()).expect("the trash").count(), 0, "{kind}");
            run("umount", &[text(&recording.source())]);
        }
    });
}

#[test]
fn a_deletion_interrupted_on_a_full_disk_is_put_back_or_told() {
    apart("a_deletion_interrupted_on_a_full_disk_is_put_back_or_told", || {
        let place = tempfile::tempdir().expect("a folder");
        let recording = on("tmpfs", place.path());
        fill(&recording.source());
        for (step, end) in [("moved into the trash", "it was put back"), ("removing", "remove the rest by hand")] {
            let mut told = recording.witness();
            told.on = Box::new(move |now| assert_ne!(now, step, "interrupted"));
            catch_unwind(AssertUnwindSafe(|| recording.delete(&told))).expect_err("interrupted");
            assert!(!recording.session().exists());
            let said = recording.recover();
            assert!(said[0].contains(end), "{step}: {said:?}");
        }
        assert_eq!(everything(&recording.in_trash().expect("in the trash")), everything(&recording.copied()));
    });
}

#[test]
fn a_read_only_disk_refuses_and_a_dry_run_does_not_mind() {
    apart("a_read_only_disk_refuses_and_a_dry_run_does_not_mind", || {
        let recording = Recording::new();
        mount(&["--bind", text(&recording.source())], &recording.source());
        mount(&["-o", "remount,bind,ro"], &recording.source());
        refused(&recording, "Read-only file system (os error 30); mount it writable");
        let error =
            Lock::take(&recording.source(), &Recording::key(), "being copied", Clock::real().now()).unwrap_err();
        assert!(matches!(error, LockError::Unsure { .. }), "a copy may go on without: {error}");
        let said = recording.dry_run(&recording.witness()).expect_err("nobody may empty it");
        assert!(said[0].contains("may not be emptied: Read-only file system"), "{said:?}");
    });
}

#[test]
fn what_may_not_be_removed_stays_in_the_trash_and_is_finished_later() {
    apart("what_may_not_be_removed_stays_in_the_trash_and_is_finished_later", || {
        let place = tempfile::tempdir().expect("a folder");
        let recording = on("ext4", place.path());
        run("chattr", &["+i", text(&recording.session().join("walk.17391304.mp4"))]);
        let reasons = recording.delete(&recording.witness()).expect_err("one file may not be removed");
        let trash = recording.in_trash().expect("in the trash");
        let said = &reasons[0];
        assert!(said.contains("walk.17391304.mp4: Operation not permitted"), "{said}");
        assert!(said.contains(text(&trash)), "{said}");
        assert!(said.starts_with("2 files of it were removed and 1 things could not be"), "{said}");
        assert!(recording.recover()[0].contains("Operation not permitted"));
        run("chattr", &["-i", text(&trash.join("walk.17391304.mp4"))]);
        assert_eq!(recording.recover(), ["the interrupted deletion of p001/20250104 was finished"]);
        assert_eq!(std::fs::read_dir(recording.trash()).expect("the trash").count(), 0);
        run("umount", &[text(&recording.source())]);
    });
}

/// Deletes as somebody who may do little.
#[test]
#[ignore = "a role that another test plays"]
fn role() {
    let recording = Recording::at(&PathBuf::from(std::env::var_os("HOTSPARE_TEST_PLACE").expect("a place")));
    let ended = recording.delete(&recording.witness());
    println!("{}", ended.map_or_else(|reasons| reasons.join("\n"), |_| "deleted".into()));
}

fn as_nobody(recording: &Recording) -> String {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".into()]);
    // The test's own program may lie where nobody may go.
    let program = recording.place().join("program");
    if !program.exists() {
        crate::program::itself(&program);
    }
    command.arg(&program).args(["--exact", "deletion::role", "--ignored", "--nocapture"]);
    let output = command.env("HOTSPARE_TEST_PLACE", recording.place()).output().expect("setpriv: util-linux");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn whoever_may_not_empty_it_is_refused_before_anything_is_moved() {
    let recording = Recording::new();
    run("chmod", &["755", text(recording.place())]);
    let before = recording.everything();
    let said = as_nobody(&recording);
    assert!(said.contains("Permission denied") && said.contains("run the engine as somebody who may"), "{said}");
    assert_eq!(before, recording.everything());
    // The source is nobody's, one folder of the session is not.
    run("chown", &["-R", "65534", text(&recording.source())]);
    chown(recording.session().join("images"), Some(0), None).expect("chown");
    let said = as_nobody(&recording);
    assert!(
        said.contains("images may not be emptied: Permission denied; run the engine as somebody who may"),
        "{said}"
    );
    assert_eq!(before, {
        let mut after = recording.everything();
        after.retain(|path, _| !path.starts_with(".hotspare") && path != Path::new(".hotspare-trash"));
        after
    });
    // The folder above belongs to somebody else: it cannot be moved out of it.
    chown(recording.session().join("images"), Some(NOBODY), None).expect("chown");
    chown(recording.source().join("p001"), Some(0), None).expect("chown");
    let said = as_nobody(&recording);
    assert!(said.contains("cannot be moved into") && said.contains("Permission denied"), "{said}");
    assert!(recording.session().join("walk.json").exists());
    chown(recording.source().join("p001"), Some(NOBODY), None).expect("chown");
    assert!(as_nobody(&recording).contains("deleted"));
    assert!(!recording.session().exists());
}

#[test]
fn a_hundred_thousand_files_are_deleted() {
    let recording = Recording::new();
    for folder in 0..100 {
        for file in 0..1_000 {
            recording.write(&format!("frames/{folder:02}/{file:03}"), b"");
        }
    }
    recording.copy();
    let told = recording.witness();
    let (clock, copy) = (Clock::real(), recording.copied());
    let started = clock.tick();
    let deleted = recording.delete(&told).expect("deleted");
    let lasted = clock.tick().since(started);
    println!("{} files deleted in {lasted:.1?}", deleted.report.files);
    assert_eq!(deleted.report.files, 100_003);
    assert!(!recording.session().exists() && copy.exists());
    assert!(lasted.as_secs() < 120, "{lasted:?}");
}
