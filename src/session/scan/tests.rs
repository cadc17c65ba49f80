use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::clock::Timestamp;
use crate::fleet::data::Store;
use crate::session::key::Key;
use crate::session::side::{Depth, Known};

/// Long after everything that a test writes: nothing changed lately.
fn later() -> Timestamp {
    Timestamp::from_second(4_000_000_000).unwrap()
}

struct Disk {
    folder: tempfile::TempDir,
    layout: &'static str,
}

impl Disk {
    fn new(layout: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), layout }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, size: usize) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), vec![1; size]).unwrap();
    }

    fn scan(&self, known: &Known, depth: Depth) -> Scan {
        let look = Look { known: Arc::new(known.clone()), depth, now: later() };
        scan(&self.place(), &Layout::new(self.layout), &filter(), &look, &|| true).unwrap()
    }

    fn place(&self) -> Place {
        Place { path: self.folder.path().to_owned(), mount: None, marked: false }
    }
}

fn filter() -> Filter {
    Filter::new(&Store {
        name: "s".into(),
        source: PathBuf::new(),
        layout: String::new(),
        participants: vec!["p".into()],
        exclude: vec!["*.tmp".into()],
        count: "*.mp4".into(),
        settle: Duration::ZERO,
        destinations: Vec::new(),
        parallel: 0,
        limit: None,
        imported: None,
    })
}

fn key(participant: &str, date: &str) -> Key {
    Key::new(participant, date).unwrap()
}

#[test]
fn sessions_are_counted_and_everything_else_is_left_alone() {
    let disk = Disk::new("{participant}/{date}");
    disk.write("p1/20250104/a.mp4", 10);
    disk.write("p1/20250104/deep/b.mp4", 7);
    disk.write("p1/20250104/c.json", 3);
    disk.write("p1/20250104/x.tmp", 100);
    disk.write("p1/20250105/a.mp4", 1);
    disk.write("p1/file.mp4", 1);
    disk.write("p1/notes/a.mp4", 1);
    disk.write("q1/20250104/a.mp4", 1);
    disk.write(".hotspare-trash/p1/20250104/a.mp4", 1);
    std::fs::create_dir(disk.at("p2")).unwrap();
    std::fs::create_dir(disk.at("p1/20250106")).unwrap();
    std::os::unix::fs::symlink(disk.at("p1/20250104"), disk.at("p1/20250107")).unwrap();
    std::os::unix::fs::symlink(disk.at("p1"), disk.at("p3")).unwrap();
    let scan = disk.scan(&Known::new(), Depth::Full);
    let mut keys: Vec<&Key> = scan.found.keys().collect();
    keys.sort();
    assert_eq!(keys, [&key("p1", "20250104"), &key("p1", "20250105"), &key("p1", "20250106")]);
    let facts = &scan.found[&key("p1", "20250104")].facts;
    assert_eq!((facts.videos, facts.files, facts.bytes, facts.odd), (2, 3, 20, 0));
    assert_eq!((scan.strays, scan.looked), (2, 3), "notes and q1; trash is not even a stray");
    assert_eq!(scan.blind, []);
}

#[test]
fn the_facts_are_those_of_a_single_listing() {
    let disk = Disk::new("raw/{participant}_{date}");
    disk.write("raw/p_1_20250104/a/b/c.mp4", 10);
    disk.write("raw/p_1_20250104/d.mp4", 10);
    std::os::unix::fs::symlink("/etc", disk.at("raw/p_1_20250104/out")).unwrap();
    let scan = disk.scan(&Known::new(), Depth::Full);
    let filter = filter();
    let listing = crate::session::tree::list(&disk.at("raw/p_1_20250104"), &|path| filter.excluded(path)).unwrap();
    assert_eq!(scan.found[&key("p_1", "20250104")].facts, listing.facts(|path| filter.video(path)));
    assert_eq!(listing.odd.len(), 1);
}

#[test]
fn a_quick_look_passes_by_what_did_not_change() {
    let disk = Disk::new("{participant}/{date}");
    for day in 1..=9 {
        disk.write(&format!("p1/2025010{day}/a/x.mp4"), 5);
    }
    let first = disk.scan(&Known::new(), Depth::Full).found;
    assert_eq!(disk.scan(&first, Depth::Changed).looked, 0);
    disk.write("p1/20250103/new.mp4", 5);
    disk.write("p1/20250104/a/new.mp4", 5);
    std::fs::remove_dir_all(disk.at("p1/20250105/a")).unwrap();
    std::fs::remove_dir_all(disk.at("p1/20250106")).unwrap();
    disk.write("p1/20250110/a.mp4", 5);
    let quick = disk.scan(&first, Depth::Changed);
    assert_eq!(quick.looked, 4);
    assert_eq!(quick.found, disk.scan(&Known::new(), Depth::Full).found);
    // What is written into an old file changes no folder: a quick look is blind to it, a full one is not.
    disk.write("p1/20250101/a/x.mp4", 50);
    assert_eq!(disk.scan(&quick.found, Depth::Changed).found, quick.found);
    let full = disk.scan(&quick.found, Depth::Full).found;
    assert_eq!(full[&key("p1", "20250101")].facts.bytes, 50);
}

#[test]
fn sessions_that_changed_lately_are_always_looked_into() {
    let disk = Disk::new("{participant}/{date}");
    disk.write("p1/20250101/x.mp4", 5);
    let first = disk.scan(&Known::new(), Depth::Full).found;
    disk.write("p1/20250101/x.mp4", 50);
    let now = first.values().filter_map(|found| found.facts.changed).max().unwrap();
    let look = Look { known: Arc::new(first), depth: Depth::Changed, now };
    let layout = Layout::new(disk.layout);
    let again = scan(&disk.place(), &layout, &filter(), &look, &|| true).unwrap();
    assert_eq!(again.found[&key("p1", "20250101")].facts.bytes, 50);
    assert_eq!(again.found[&key("p1", "20250101")].stamp.folders, None, "its folder may change again in this tick");
}

#[test]
fn a_disk_that_is_not_there_is_trouble_and_not_emptiness() {
    let disk = Disk::new("{participant}/{date}");
    let place = Place { path: disk.at("none"), mount: None, marked: false };
    let look = Look { known: Arc::default(), depth: Depth::Full, now: later() };
    let lost = scan(&place, &Layout::new(disk.layout), &filter(), &look, &|| true).unwrap_err();
    assert!(matches!(&lost, Lost::Trouble(super::super::view::SideState::Trouble { word, .. }) if word == "no folder"));
    assert!(lost.to_string().contains("make it, or correct `path`"), "{lost}");
}

#[test]
fn a_look_that_is_taken_back_ends() {
    let disk = Disk::new("{participant}/{date}");
    for number in 0..200 {
        disk.write(&format!("p{number}/20250101/x.mp4"), 5);
    }
    let asked = AtomicU32::new(0);
    let look = Look { known: Arc::default(), depth: Depth::Full, now: later() };
    let go_on = || asked.fetch_add(1, Ordering::Relaxed) < 1;
    let ended = scan(&disk.place(), &Layout::new(disk.layout), &filter(), &look, &go_on);
    assert_eq!(ended.map(|scan| scan.looked), Err(Lost::Cancelled));
}

#[test]
fn many_sessions_in_one_folder_are_shared_among_the_threads() {
    let disk = Disk::new("{date}_{participant}");
    for number in 0..500 {
        disk.write(&format!("20250101_p{number}/x.mp4"), number);
    }
    let scan = disk.scan(&Known::new(), Depth::Full);
    assert_eq!(scan.found.len(), 500);
    assert!(scan.found.iter().all(|(key, found)| key.participant == format!("p{}", found.facts.bytes)));
}

#[test]
fn whoever_takes_in_slowly_does_not_call_a_disk_stale() {
    let disk = Disk::new("{participant}/{date}");
    for number in 0..150 {
        disk.write(&format!("p{number}/20250101/x.mp4"), 5);
    }
    let look = Look { known: Arc::default(), depth: Depth::Full, now: later() };
    // By the time the second piece of news is taken in, the threads have told all of theirs.
    let slowly = || {
        std::thread::park_timeout(Duration::from_millis(5));
        true
    };
    let scan = scan(&disk.place(), &Layout::new(disk.layout), &filter(), &look, &slowly).unwrap();
    assert_eq!(scan.found.len(), 150);
}
