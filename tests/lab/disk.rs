//! Copies to disks that lose power, run full, or keep less than the source has. Needs root: loop devices are mounted.

use std::os::unix::fs::MetadataExt;

use hotspare::session::copy::CopyError;

use crate::recording::{COPY, Recording};
use crate::share::Disk;

#[test]
fn after_a_power_cut_right_after_done_every_file_is_there() {
    for make in [["mkfs.ext4", "-q"], ["mkfs.xfs", "-q"]] {
        let session = Recording::new(6, 2_500_000, 54);
        let disk = Disk::new(400, &make);
        let root = disk.path().join("share");
        std::fs::create_dir(&root).unwrap();
        assert!(std::process::Command::new("sync").arg("--file-system").arg(&root).status().unwrap().success());
        assert!(session.copy(&root).unwrap().whole());
        disk.cut();
        assert!(session.same(&root), "{make:?}: a new copy");
        assert!(session.verify(&root).unwrap().ok(), "{make:?}: the manifest is there too");

        for number in 0..10 {
            session.write(&format!("images/{number}.json"), b"{}");
        }
        session.write("more/new.json", b"{}");
        assert_eq!(session.copy(&root).unwrap().written, 11);
        disk.cut();
        assert!(session.same(&root), "{make:?}: a copy that was brought up to date");
        assert!(session.verify(&root).unwrap().ok());
        assert_eq!(session.copy(&root).unwrap().written, 0);
        println!("{}: 60 of 60 and 61 of 61 files are there after the power cut", make[0]);
    }
}

#[test]
fn a_disk_that_is_too_small_is_foreseen_and_not_written_to() {
    let session = Recording::new(4, 5_000_000, 10);
    let disk = Disk::new(16, &["mkfs.ext4", "-q"]);
    let refused = session.copy(&disk.path()).unwrap_err();
    assert!(matches!(refused, CopyError::Room { .. }) && refused.to_string().contains("no room"), "{refused}");
    assert!(!disk.path().join(COPY).exists() && Recording::clean(&disk.path()));
}

#[test]
fn a_disk_that_somebody_fills_meanwhile_is_one_clear_error() {
    use std::io::Write;
    let session = Recording::new(4, 2_000_000, 10);
    let disk = Disk::new(16, &["mkfs.ext4", "-q", "-m", "0"]);
    let (root, filled) = (disk.path(), std::sync::atomic::AtomicBool::new(false));
    let fill = || {
        if !filled.swap(true, std::sync::atomic::Ordering::SeqCst) {
            let mut ballast = std::fs::File::create(root.join("ballast")).unwrap();
            while ballast.write_all(&[0; 4_096]).is_ok() {}
        }
    };
    let refused = session.copy_steered(&disk.path(), &Filler(&fill)).unwrap_err();
    assert!(matches!(refused, CopyError::Full { .. }), "{refused}");
    assert!(!disk.path().join(COPY).exists() && Recording::clean(&disk.path()));
    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    assert!(session.copy(&disk.path()).unwrap().whole() && session.same(&disk.path()));
}

struct Filler<'a>(&'a (dyn Fn() + Sync));

impl hotspare::work::steer::Steer for Filler<'_> {
    fn go_on(&self) -> bool {
        true
    }

    fn event(&self, event: hotspare::work::progress::Event) {
        if matches!(event, hotspare::work::progress::Event::Advance(_)) {
            (self.0)();
        }
    }

    fn part(&self, _: Option<hotspare::work::view::Part>) {}

    fn note(&self, _: &str) {}
}

#[test]
fn five_gigabytes_of_holes_need_no_room() {
    let session = Recording::new(0, 0, 1);
    let file = std::fs::File::create(session.path().join("holes.bin")).unwrap();
    file.set_len(5 << 30).unwrap();
    for at in [0, 3 << 30, (5 << 30) - 7] {
        std::os::unix::fs::FileExt::write_all_at(&file, b"islands", at).unwrap();
    }
    let disk = Disk::new(64, &["mkfs.ext4", "-q"]);
    let copied = session.copy(&disk.path()).unwrap();
    assert!(copied.whole() && copied.proof.is_some(), "{copied:?}");
    let copy = std::fs::metadata(disk.path().join(COPY).join("holes.bin")).unwrap();
    assert!(copy.size() == 5 << 30 && copy.blocks() * 512 < 1 << 20, "{} bytes on disk", copy.blocks() * 512);
}

#[test]
fn another_file_system_inside_a_session_and_devices_are_named_and_left() {
    let session = Recording::new(1, 100_000, 2);
    let inner = session.path().join("mounted");
    std::fs::create_dir(&inner).unwrap();
    let bound = session.path().join("bound");
    std::fs::create_dir(&bound).unwrap();
    let mount = |words: &[&str], at: &std::path::Path| {
        assert!(std::process::Command::new("mount").args(words).arg(at).status().unwrap().success());
    };
    mount(&["-t", "tmpfs", "none"], &inner);
    mount(&["--bind", session.path().join("images").to_str().unwrap()], &bound);
    let made = std::process::Command::new("mknod").arg(session.path().join("zero")).args(["c", "1", "5"]).status();
    assert!(made.unwrap().success());
    let destination = tempfile::tempdir().unwrap();
    let copied = session.copy(destination.path());
    for path in [&inner, &bound] {
        assert!(std::process::Command::new("umount").arg(path).status().unwrap().success());
    }
    let copied = copied.unwrap();
    let odd: Vec<_> = copied.odd.iter().map(|odd| (odd.path.as_str(), odd.what.as_str())).collect();
    let other = "on another file system";
    assert_eq!(odd, [("bound", other), ("mounted", other), ("zero", "a device")]);
    assert!(!copied.whole() && destination.path().join(COPY).join("walk_0.mp4").exists());
}

/// `HOTSPARE_MANY=100000` for the number of the bad day; a tenth of it by default.
#[test]
fn a_session_of_very_many_files_is_copied_and_a_second_time_nothing_is_done() {
    let many = std::env::var("HOTSPARE_MANY").map_or(10_000, |many| many.parse().unwrap());
    let session = Recording::new(0, 0, 1);
    for number in 0..many {
        let folder = session.path().join(format!("f{}", number % 7));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{number}.json")), number.to_string()).unwrap();
    }
    let destination = tempfile::tempdir().unwrap();
    let copied = session.copy(destination.path()).unwrap();
    assert_eq!((copied.files, copied.written), (many + 1, many + 1));
    assert_eq!(session.copy(destination.path()).unwrap().written, 0);
    println!("{many} files");
}
