use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn key(participant: &str) -> Key {
    Key::new(participant, "20250104").unwrap()
}

fn locks(source: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(source.join(".hotspare/locks")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_second_is_told_who_the_first_is_and_the_end_leaves_nothing() {
    let source = tempfile::tempdir().unwrap();
    assert_eq!(holder(source.path(), &key("p001")), None);
    let first = Lock::take(source.path(), &key("p001"), "being copied", NOW).unwrap();
    let error = Lock::take(source.path(), &key("p001"), "being deleted", NOW).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("being copied since 1970-01-01 00:00:00 UTC by process "), "{said}");
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    assert_eq!(holder(source.path(), &key("p001")), Some(said));
    let _another = Lock::take(source.path(), &key("p002"), "being copied", NOW).unwrap();
    assert_eq!(locks(source.path()).len(), 2);
    drop(first);
    assert_eq!(holder(source.path(), &key("p001")), None);
    assert_eq!(locks(source.path()), ["p002_20250104"]);
    Lock::take(source.path(), &key("p001"), "being deleted", NOW).unwrap();
}

#[test]
fn many_who_take_and_give_back_are_never_two_at_once() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let source = tempfile::tempdir().unwrap();
    let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    if let Ok(lock) = Lock::take(source.path(), &key("p001"), "being copied", NOW) {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                }
            });
        }
    });
    assert!(turns.into_inner() > 0, "somebody gets it");
    assert_eq!(locks(source.path()), Vec::<String>::new());
}

#[test]
fn a_holder_on_another_computer_that_never_took_it_back_is_a_doubt() {
    let source = tempfile::tempdir().unwrap();
    drop(Lock::take(source.path(), &key("p001"), "being copied", NOW).unwrap());
    let file = source.path().join(".hotspare/locks/p001_20250104");
    let other = Who { pid: 7, host: "desk-of-ana".into(), what: "being copied".into(), since: NOW };
    std::fs::write(&file, serde_json::to_vec(&other).unwrap()).unwrap();
    let error = Lock::take(source.path(), &key("p001"), "being deleted", NOW).unwrap_err();
    assert!(matches!(error, LockError::Unsure { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("desk-of-ana") && said.contains(&format!("rm '{}'", file.display())), "{said}");
    // What a killed process of this computer left, or anything else, is no doubt: the lock is free.
    std::fs::write(&file, b"\xff{").unwrap();
    Lock::take(source.path(), &key("p001"), "being deleted", NOW).unwrap();
}

#[test]
fn hotspares_folder_may_not_be_a_link() {
    for (link, target) in [(".hotspare", "elsewhere"), (".hotspare/locks", "../elsewhere")] {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("elsewhere")).unwrap();
        if link.contains('/') {
            std::fs::create_dir(place.path().join(".hotspare")).unwrap();
        }
        std::os::unix::fs::symlink(target, place.path().join(link)).unwrap();
        let error = Lock::take(place.path(), &key("p001"), "being copied", NOW).unwrap_err();
        assert!(matches!(&error, LockError::Unsure { why, .. } if why.contains("it is a link")), "{error}");
        assert_eq!(std::fs::read_dir(place.path().join("elsewhere")).unwrap().count(), 0);
        assert_eq!(holder(place.path(), &key("p001")), None);
    }
    // Nor may the lock's own file.
    let place = tempfile::tempdir().unwrap();
    drop(Lock::take(place.path(), &key("p001"), "being copied", NOW).unwrap());
    std::os::unix::fs::symlink("../../precious", place.path().join(".hotspare/locks/p001_20250104")).unwrap();
    Lock::take(place.path(), &key("p001"), "being copied", NOW).unwrap_err();
    assert!(!place.path().join("precious").exists());
}

#[test]
fn a_file_system_without_locks_is_a_doubt_that_says_what_to_do() {
    for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
        assert!(remedy(&errno.into()).contains("keeps no locks"));
    }
}

#[test]
fn every_participant_has_a_lock_of_their_own() {
    assert_eq!(name(&key("x$(touch y)")), "x$(touch y)_20250104");
    let long = "ä".repeat(127);
    let names = [format!("{long}a"), format!("{long}b")].map(|participant| name(&key(&participant)));
    assert_ne!(names[0], names[1]);
    assert!(names[0].len() <= LONGEST_NAME);
}

proptest::proptest! {
    #[test]
    fn no_name_leaves_the_folder(participant in "\\PC{1,60}") {
        if let Ok(key) = Key::new(&participant, "20250104") {
            let name = name(&key);
            proptest::prop_assert_eq!(Path::new(&name).components().count(), 1);
            proptest::prop_assert!(name.len() <= LONGEST_NAME);
        }
    }
}
