//! A medium whose storage lies: errors at any operation, bytes that change, writes that vanish, and silence.

use std::time::Duration;

use hotspare::dump::medium::Kind;

use crate::share::{Key, Share};
use crate::site::{open, recovery, round, time, whole};

#[test]
fn an_error_at_any_operation_leaves_the_last_kit_and_is_said() {
    for key in [Key::EioWriteAt, Key::EioFsyncAt, Key::EioRenameAt, Key::EioReadAt] {
        let share = Share::new();
        let medium = open(&share.path(), &[]).unwrap();
        let first = round(&medium, 1).unwrap();
        let mut failed = 0;
        for nth in [1, 2, 3, 5, 8, 13, 21, 34] {
            share.set(key, share.get(counter(key)) + nth);
            let made = round(&medium, 1 + nth);
            share.set(key, 0);
            match made {
                // The operation was not one of those that a round needs, such as the text that is there already.
                Ok(_) => {}
                Err(said) => {
                    failed += 1;
                    assert!(said.contains("Input/output error"), "{key:?} {nth}: {said}");
                }
            }
            let kits = whole(&medium);
            assert!(kits.contains(&first.name), "{key:?} {nth}: {kits:?}");
            assert!(kits.contains(&recovery(&share.path())), "{key:?} {nth}");
        }
        assert!(failed > 0, "{key:?}: it failed nowhere");
        assert_eq!(round(&medium, 50).unwrap().name, whole(&medium)[0], "{key:?}: it goes on");
    }
}

const fn counter(key: Key) -> Key {
    match key {
        Key::EioFsyncAt => Key::Fsyncs,
        Key::EioRenameAt => Key::Renames,
        Key::EioReadAt => Key::Reads,
        _ => Key::Writes,
    }
}

#[test]
fn what_the_medium_does_not_give_back_as_it_was_written_is_no_kit() {
    for key in [Key::CorruptWriteAt, Key::DropWrites] {
        let share = Share::new();
        let medium = open(&share.path(), &[]).unwrap();
        let first = round(&medium, 1).unwrap();
        let value = if matches!(key, Key::DropWrites) { 1 } else { share.get(Key::Writes) + 2 };
        let mut staging = medium.begin(time(2), 0).unwrap();
        share.set(key, value);
        let database = crate::site::write(&mut staging, "race", &crate::site::sql(400_000)).unwrap();
        let trouble = staging.publish(crate::site::kit(2, vec![database])).unwrap_err();
        share.set(key, 0);
        assert_eq!(trouble.kind, Kind::Broken, "{key:?}: {trouble}");
        assert_eq!(whole(&medium), std::slice::from_ref(&first.name), "{key:?}");
        assert_eq!(recovery(&share.path()), first.name, "{key:?}");
    }
}

#[test]
fn a_medium_that_hangs_holds_nobody_up() {
    let share = Share::new();
    drop(open(&share.path(), &[]).unwrap());
    share.set(Key::Hang, 1);
    let clock = hotspare::clock::Clock::real();
    let begun = clock.tick();
    let trouble = open(&share.path(), &[]).unwrap_err();
    assert_eq!(trouble.kind, Kind::Hangs, "{trouble}");
    assert!(clock.tick().since(begun) < Duration::from_secs(15));
    share.set(Key::Hang, 0);
}
