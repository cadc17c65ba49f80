//! Sticks that are full, read-only, replaced, pulled, dying, and let go of.

use std::io::{Read, Write};

use hotspare::dump::medium::{Kind, Readers};

use crate::site::{dump, kit, open, recovery, round, sql, time, whole, write};
use crate::stick::Stick;

#[test]
fn a_stick_that_is_not_mounted_is_no_folder_to_write_to() {
    let stick = Stick::blank(40);
    let trouble = open(&stick.path(), &[]).unwrap_err();
    assert_eq!(trouble.kind, Kind::NotMounted);
    assert_eq!(std::fs::read_dir(stick.path()).unwrap().count(), 0, "the folder below stays empty");
    stick.mount();
    let medium = open(&stick.path(), &[]).unwrap();
    round(&medium, 1).unwrap();
    assert_eq!(whole(&medium), [recovery(&stick.path())]);
}

#[test]
fn a_full_stick_is_foreseen_and_one_that_fills_up_keeps_what_it_has() {
    let stick = Stick::new(20);
    let medium = open(&stick.path(), &[]).unwrap();
    let first = round(&medium, 1).unwrap();
    let trouble = medium.begin(time(2), 100 << 20).unwrap_err();
    assert_eq!(trouble.kind, Kind::Full);
    assert!(trouble.what.contains("needs 107 MB"), "{trouble}");

    let mut staging = medium.begin(time(2), 0).unwrap();
    let said = write(&mut staging, "big", &sql(45 << 20)).unwrap_err();
    assert!(said.contains("No space left"), "{said}");
    drop(staging);
    assert_eq!(whole(&medium), std::slice::from_ref(&first.name));
    assert_eq!(recovery(&stick.path()), first.name);
    assert!(medium.free().unwrap() > 15 << 20, "nothing of it is left");
    round(&medium, 3).unwrap();
}

#[test]
fn where_room_gets_scarce_the_oldest_kits_go() {
    let stick = Stick::new(40);
    let medium = open(&stick.path(), &[]).unwrap();
    let names: Vec<String> = (1..4)
        .map(|second| {
            let mut staging = medium.begin(time(second), 0).unwrap();
            let database = write(&mut staging, "big", &sql(8 << 20)).unwrap();
            staging.publish(kit(second, vec![database])).unwrap().name
        })
        .collect();
    let free = medium.free().unwrap();
    drop(medium.begin(time(5), free + (1 << 20)).unwrap());
    assert_eq!(whole(&medium), [names[2].clone(), names[1].clone()]);
    let trouble = medium.begin(time(6), 38 << 20).unwrap_err();
    assert_eq!(trouble.kind, Kind::Full);
    assert_eq!(whole(&medium), [names[2].clone()], "the last good one stays");
    assert_eq!(recovery(&stick.path()), names[2]);
}

#[test]
fn where_room_gets_scarce_while_somebody_reads_the_round_waits_and_the_kits_stay() {
    let stick = Stick::new(40);
    let readers = Readers::default();
    let medium = open(&stick.path(), &[]).unwrap().read_by(readers.clone());
    let kits: Vec<_> = (1..4)
        .map(|second| {
            let mut staging = medium.begin(time(second), 0).unwrap();
            let database = write(&mut staging, "big", &sql(8 << 20)).unwrap();
            staging.publish(kit(second, vec![database])).unwrap()
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reading = runtime.block_on(readers.enter());
    let oldest = kits[0].databases[0].held.as_ref().unwrap();
    let mut stream = medium.stream(oldest);
    let mut read = vec![0; 1 << 20];
    stream.read_exact(&mut read).unwrap();
    let wanted = medium.free().unwrap() + (1 << 20);
    assert_eq!(medium.begin(time(5), wanted).unwrap_err().kind, Kind::Full);
    stream.read_to_end(&mut read).unwrap();
    assert_eq!(read.len() as u64, oldest.bytes(), "whoever restores the oldest reads it to its end");
    drop((stream, reading));
    drop(medium.begin(time(6), wanted).unwrap());
    assert_eq!(whole(&medium), [kits[2].name.clone(), kits[1].name.clone()]);
}

#[test]
fn a_stick_that_becomes_read_only_says_so_and_goes_on_later() {
    let stick = Stick::new(40);
    let medium = open(&stick.path(), &[]).unwrap();
    let known = [medium.id().to_owned()];
    let first = round(&medium, 1).unwrap();
    let mut staging = medium.begin(time(2), 0).unwrap();
    let database = write(&mut staging, "race", &sql(100_000)).unwrap();
    stick.remount("ro");
    let trouble = staging.publish(kit(2, vec![database])).unwrap_err();
    assert_eq!(trouble.kind, Kind::ReadOnly, "{trouble}");
    assert_eq!(open(&stick.path(), &known).unwrap_err().kind, Kind::ReadOnly);
    assert_eq!(recovery(&stick.path()), first.name);
    stick.remount("rw");
    let medium = open(&stick.path(), &known).unwrap();
    let second = round(&medium, 2).unwrap();
    assert_eq!(whole(&medium), [second.name.clone(), first.name], "and what was under way is gone");
    assert_eq!(recovery(&stick.path()), second.name);
}

#[test]
fn a_stick_that_is_pulled_while_it_is_written_to_leaves_the_folder_below_alone() {
    let stick = Stick::new(40);
    let medium = open(&stick.path(), &[]).unwrap();
    let known = [medium.id().to_owned()];
    let first = round(&medium, 1).unwrap();
    let mut staging = medium.begin(time(2), 0).unwrap();
    let mut writer = staging.writer("race").unwrap();
    writer.write_all(&vec![7; 100_000]).unwrap();
    stick.pull();
    let _may_still_take_it = writer.write_all(&vec![7; 100_000]);
    drop(writer);
    let trouble = staging.publish(kit(2, Vec::new())).unwrap_err();
    assert_eq!(trouble.kind, Kind::NotMounted, "{trouble}");
    assert_eq!(open(&stick.path(), &known).unwrap_err().kind, Kind::NotMounted);
    assert_eq!(std::fs::read_dir(stick.path()).unwrap().count(), 0);
    assert!(round(&medium, 3).unwrap_err().contains("taken away"));
    drop(medium);
    stick.mount();
    let medium = open(&stick.path(), &known).unwrap();
    assert_eq!(whole(&medium), std::slice::from_ref(&first.name));
    assert_eq!(recovery(&stick.path()), first.name);
    round(&medium, 3).unwrap();
}

#[test]
fn a_stick_that_loses_its_end_while_it_is_written_to_is_not_called_good() {
    let stick = Stick::new(40);
    let medium = open(&stick.path(), &[]).unwrap();
    round(&medium, 1).unwrap();
    let mut staging = medium.begin(time(2), 0).unwrap();
    let database = write(&mut staging, "race", &sql(8 << 20)).unwrap();
    stick.lose(2 << 20);
    let trouble = staging.publish(kit(2, vec![database])).unwrap_err();
    assert!(matches!(trouble.kind, Kind::Broken | Kind::ReadOnly), "{trouble:?}");
}

#[test]
fn two_sticks_take_turns_and_a_strangers_is_refused() {
    let (one, other, photos) = (Stick::new(40), Stick::blank(40), Stick::blank(40));
    let place = one.path();
    let medium = open(&place, &[]).unwrap();
    let mut known = vec![medium.id().to_owned()];
    let first = round(&medium, 1).unwrap();
    drop(medium);
    one.unmount();

    photos.mount_at(&place);
    std::fs::write(place.join("holiday.jpg"), b"the sea").unwrap();
    let trouble = open(&place, &known).unwrap_err();
    assert_eq!(trouble.kind, Kind::Another);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "nothing is written to it");
    one.unmount();

    other.mount_at(&place);
    let medium = open(&place, &known).expect("a blank one is taken");
    assert!(!known.contains(&medium.id().to_owned()));
    known.push(medium.id().to_owned());
    let second = round(&medium, 2).unwrap();
    assert_eq!(whole(&medium), std::slice::from_ref(&second.name));
    drop(medium);
    one.unmount();

    one.mount();
    // What was known is lost with the state folder: the marker still tells.
    let medium = open(&place, &["something else".to_owned()]).unwrap();
    let third = round(&medium, 3).unwrap();
    assert_eq!(whole(&medium), [third.name, first.name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_is_let_go_of_and_taken_up_again() {
    let stick = Stick::new(40);
    let medium = open(&stick.path(), &[]).unwrap();
    let first = round(&medium, 1).unwrap();
    let busy = std::fs::File::open(stick.path().join("RECOVERY.txt")).unwrap();
    let trouble = medium.eject().await.unwrap_err();
    assert_eq!(trouble.kind, Kind::Busy, "{trouble}");
    drop(busy);
    let medium = open(&stick.path(), &[]).unwrap();
    let ejected = medium.eject().await.unwrap();
    assert!(ejected.said.ends_with("safe to remove"), "{ejected:?}");
    assert_eq!(open(&stick.path(), &[]).unwrap_err().kind, Kind::NotMounted);
    stick.mount();
    assert_eq!(whole(&open(&stick.path(), &[]).unwrap()), [first.name]);
}

#[test]
fn a_folder_that_need_not_be_mounted_is_ejected_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let plain = hotspare::fleet::data::Dump { mount: false, ..dump(folder.path()) };
    let medium = hotspare::dump::medium::Medium::open(&plain, &[], time(0)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ejected = runtime.block_on(medium.eject()).unwrap();
    assert!(ejected.said.contains("everything is written"), "{ejected:?}");
}
