//! Copies to a share that misbehaves, and what a verification finds there.

use std::sync::atomic::{AtomicU64, Ordering};

use hotspare::session::copy::CopyError;
use hotspare::work::progress::Event;
use hotspare::work::steer::Steer;
use hotspare::work::view::Part;

use crate::recording::{COPY, Recording, contents};
use crate::share::{Key, Share};

fn recording() -> Recording {
    Recording::new(3, 2_500_000, 40)
}

#[test]
fn a_share_that_works_holds_the_session_whole() {
    let (share, session) = (Share::new(), recording());
    let copied = session.copy(&share.path()).unwrap();
    assert!(copied.whole() && session.same(&share.behind()), "{copied:?}");
    let proof = copied.proof.unwrap();
    assert!(proof.from_storage && proof.read == Some("from the disk"), "{proof:?}");
    assert!(share.get(Key::Fsyncs) >= 43, "each file was made durable");
    let calls = share.get(Key::Writes);
    assert_eq!(session.copy(&share.path()).unwrap().written, 0);
    assert_eq!(share.get(Key::Writes), calls, "nothing was written the second time");
    assert!(Recording::clean(&share.path()));
}

/// FUSE, as NFS does, keeps what is removed while it is open under another name until it is closed: the folder is not empty.
#[test]
fn what_is_still_open_in_an_old_staging_folder_is_waited_for() {
    let (share, session) = (Share::new(), recording());
    let old = share.path().join(".hotspare/staging/20250104_p001/files/old.mp4");
    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
    let open = std::fs::File::create(&old).unwrap();
    let closing = std::thread::spawn(move || {
        let folder = old.parent().unwrap();
        let hidden = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(".fuse_hidden"))
        };
        let begun = std::time::Instant::now();
        while !std::fs::read_dir(folder).unwrap().any(hidden) {
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "nothing was hidden");
            std::thread::yield_now();
        }
        drop(open);
    });
    assert!(session.copy(&share.path()).unwrap().whole());
    closing.join().unwrap();
    assert!(Recording::clean(&share.path()) && session.same(&share.behind()));
}

#[test]
fn a_stumble_at_one_write_fsync_read_or_rename_costs_nothing() {
    for (key, at) in [
        (Key::EioWriteAt, 7),
        (Key::EioFsyncAt, 9),
        (Key::EioReadAt, 11),
        (Key::EioRenameAt, 1),
        (Key::EioRenameAt, 2),
        (Key::EioRenameAt, 4),
    ] {
        let (share, session) = (Share::new(), recording());
        share.set(key, at);
        let copied = session.copy(&share.path()).unwrap_or_else(|error| panic!("{key:?}: {error}"));
        assert!(copied.whole() && copied.proof.is_some(), "{key:?} {copied:?}");
        assert!(session.same(&share.behind()), "{key:?}");
    }
}

#[test]
fn a_share_that_makes_nothing_durable_is_never_called_done() {
    let (share, session) = (Share::new(), recording());
    share.set(Key::EioFsyncAlways, 1);
    match session.copy(&share.path()) {
        Ok(copied) => assert!(copied.failed.len() == 43 && copied.proof.is_none(), "{copied:?}"),
        Err(error) => assert!(error.to_string().contains("Input/output"), "{error}"),
    }
    assert!(!share.behind().join(COPY).exists());
    share.set(Key::EioFsyncAlways, 0);
    assert!(session.copy(&share.path()).unwrap().whole());
}

#[test]
fn a_block_that_is_silently_corrupted_is_found_named_and_copied_again() {
    let (share, session) = (Share::new(), recording());
    share.set(Key::CorruptWriteAt, 5);
    let copied = session.copy(&share.path()).unwrap();
    assert_eq!(copied.repaired.len(), 1, "{copied:?}");
    assert!(copied.whole() && session.same(&share.behind()));
}

#[test]
fn a_share_that_always_corrupts_is_given_up_by_name() {
    let (share, session) = (Share::new(), Recording::new(1, 2_000_000, 2));
    share.set(Key::CorruptWritesFrom, 1);
    let copied = session.copy(&share.path()).unwrap();
    assert_eq!(copied.failed.len(), 3, "{copied:?}");
    assert!(copied.failed[0].reason.contains("wrong each of 3 times"), "{copied:?}");
    assert!(copied.proof.is_none() && !share.behind().join(COPY).exists());
}

#[test]
fn what_is_given_up_never_gets_its_name_and_the_others_do() {
    let (share, session) = (Share::new(), Recording::new(1, 100_000, 2));
    // Each of the three times that it is written, the largest file is the first; before it, it is written down who copies.
    let spoil = || share.set(Key::CorruptWriteAt, share.get(Key::Writes) + 1);
    share.set(Key::CorruptWriteAt, share.get(Key::Writes) + 2);
    let copied = session.copy_steered(&share.path(), &Spoiler { spoil: &spoil }).unwrap();
    assert_eq!(copied.failed.len(), 1, "{copied:?}");
    let there = contents(&share.behind().join(COPY));
    assert_eq!(there.len(), 2);
    let here = contents(&session.path());
    assert!(there.iter().all(|(path, content)| here[path] == *content));
}

/// Spoils the next write whenever reading back begins.
struct Spoiler<'a> {
    spoil: &'a (dyn Fn() + Send + Sync),
}

impl Steer for Spoiler<'_> {
    fn go_on(&self) -> bool {
        true
    }

    fn event(&self, _: Event) {}

    fn part(&self, _: Option<Part>) {}

    fn note(&self, note: &str) {
        if note == "reading back" {
            (self.spoil)();
        }
    }
}

#[test]
fn dropped_writes_are_never_called_a_copy() {
    let (share, session) = (Share::new(), Recording::new(1, 2_000_000, 3));
    share.set(Key::DropWrites, 1);
    let copied = session.copy(&share.path()).unwrap();
    assert!(copied.failed.len() == 4 && copied.proof.is_none(), "{copied:?}");
    share.set(Key::DropWrites, 0);
    assert!(session.copy(&share.path()).unwrap().whole() && session.same(&share.behind()));
}

#[test]
fn a_share_that_runs_full_shows_nothing_half_and_is_left_clean() {
    let (share, session) = (Share::new(), recording());
    share.set(Key::FullAfterBytes, 4_000_000);
    let full = session.copy(&share.path()).unwrap_err();
    assert!(matches!(full, CopyError::Full { .. }), "{full}");
    assert!(!share.behind().join(COPY).exists() && Recording::clean(&share.behind()));
    share.set(Key::FullAfterBytes, 0);
    assert!(session.copy(&share.path()).unwrap().whole());
}

#[test]
fn rot_below_the_page_cache_is_found() {
    let (share, session) = (Share::new(), recording());
    session.copy(&share.path()).unwrap();
    // Into this computer's memory, where cmp and rsync --checksum look.
    assert!(session.same(&share.path()));
    let path = share.behind().join(COPY).join("walk_1.mp4");
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"rot", 1_234_567).unwrap();
    file.set_modified(modified).unwrap();
    let found = session.verify(&share.path()).unwrap();
    assert_eq!(found.different.len(), 1, "{found:?}");
    assert_eq!((found.different[0].path.as_str(), found.from_storage), ("walk_1.mp4", true));
}

#[test]
fn a_file_that_cannot_be_read_back_is_named_and_the_others_are_verified() {
    let (share, session) = (Share::new(), recording());
    session.copy(&share.path()).unwrap();
    share.set(Key::EioReadAt, share.get(Key::Reads) + 2);
    assert!(session.verify(&share.path()).unwrap().ok(), "one stumble is tried again");
    std::fs::remove_file(share.behind().join(COPY).join("walk_0.mp4")).unwrap();
    let found = session.verify(&share.path()).unwrap();
    assert!(!found.ok() && found.missing.len() + found.different.len() == 1, "{found:?}");
}

/// Does something once after so many pieces.
struct After<'a> {
    pieces: AtomicU64,
    at: u64,
    act: &'a (dyn Fn() + Send + Sync),
}

impl Steer for After<'_> {
    fn go_on(&self) -> bool {
        true
    }

    fn event(&self, event: Event) {
        if matches!(event, Event::Advance(_)) && self.pieces.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            (self.act)();
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}

#[test]
fn a_mount_that_vanishes_in_mid_copy_leaves_its_bare_folder_bare() {
    let (share, session) = (Share::new(), recording());
    let vanish = || share.vanish();
    let wrong = session.copy_steered(&share.path(), &After { pieces: AtomicU64::new(0), at: 6, act: &vanish });
    let wrong = wrong.unwrap_err();
    assert!(matches!(wrong, CopyError::Root(_)), "{wrong}");
    assert!(wrong.to_string().contains("is gone"), "{wrong}");
    assert_eq!(std::fs::read_dir(share.path()).unwrap().count(), 0, "local disk was written to");
    assert!(!share.behind().join(COPY).exists());
}

#[test]
fn files_of_a_copy_are_replaced_whole_and_what_was_not_touched_stays() {
    let (share, session) = (Share::new(), recording());
    session.copy(&share.path()).unwrap();
    let before = contents(&share.behind().join(COPY));
    session.write("walk_1.mp4", b"shorter now");
    // The first one is that of the file that says who copies.
    share.set(Key::EioRenameAt, share.get(Key::Renames) + 2);
    let copied = session.copy(&share.path()).unwrap();
    assert_eq!((copied.written, copied.whole()), (1, true), "{copied:?}");
    let after = contents(&share.behind().join(COPY));
    assert_eq!(before.iter().filter(|(path, content)| after[*path] != **content).count(), 1);
    assert!(session.same(&share.behind()));
}

#[test]
fn a_stick_with_fat_holds_the_session_and_what_it_cannot_keep_is_named() {
    let session = Recording::new(2, 1_500_000, 10);
    std::fs::hard_link(session.path().join("walk_0.mp4"), session.path().join("walk_link.mp4")).unwrap();
    let share = Share::new();
    share.set(Key::Fat, 1);
    let copied = session.copy(&share.path()).unwrap();
    assert!(copied.whole() && session.same(&share.path()), "{copied:?}");
    for word in ["hard links", "permission bits", "times"] {
        assert!(copied.notes.iter().any(|note| note.contains(word)), "{word}: {:?}", copied.notes);
    }
    let again = session.copy(&share.path()).unwrap();
    assert_eq!((again.written, again.whole()), (0, true), "times are compared as far as FAT keeps them");
    assert!(session.verify(&share.path()).unwrap().ok());

    session.write("what:is this?", b"x");
    let refused = session.copy(&share.path()).unwrap();
    assert_eq!(refused.failed.len(), 1, "{refused:?}");
    assert_eq!(refused.failed[0].path, "what:is this?");
}
