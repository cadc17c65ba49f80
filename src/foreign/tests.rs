//! What was found and what was kept comes in again, without any fuzzer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DOORS, enter, swollen};
use crate::clock::Clock;

/// What takes longer would never end in the size that a door takes, however slow the machine is.
const SOON: Duration = Duration::from_secs(300);

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What lies in a folder of `fuzz/`: for each door its files.
fn kept(folder: &str) -> Vec<(String, Vec<PathBuf>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let doors = files(&folder).into_iter().filter(|path| path.is_dir());
    doors.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), files(&path))).collect()
}

/// Brings one in; says what is wrong.
fn wrong(name: &str, bytes: &[u8], clock: &Clock) -> Option<String> {
    let before = clock.tick();
    let entered = std::panic::catch_unwind(|| if name == "swollen" { swollen(bytes) } else { enter(name, bytes) });
    let took = clock.tick().since(before);
    match entered {
        Err(why) => {
            let text = why.downcast_ref::<String>().cloned();
            Some(text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
        }
        Ok(()) => (took > SOON).then(|| format!("it takes {took:?}")),
    }
}

fn nothing_wrong_in(folder: &str) {
    let clock = Clock::real();
    let mut all = Vec::new();
    for (name, files) in kept(folder) {
        for path in files {
            let bytes = std::fs::read(&path).unwrap();
            all.extend(wrong(&name, &bytes, &clock).map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert!(all.is_empty(), "{} of {folder}:\n{}", all.len(), all.join("\n"));
}

#[test]
fn what_is_usual_comes_in() {
    nothing_wrong_in("seeds");
}

#[test]
fn what_was_kept_comes_in() {
    nothing_wrong_in("corpus");
}

#[test]
fn what_was_once_found_is_mended() {
    nothing_wrong_in("findings");
}

#[test]
fn every_door_has_its_target_and_its_seeds() {
    let seeds = kept("seeds");
    for name in DOORS.iter().map(|door| door.name).chain(["swollen"]) {
        assert!(seeds.iter().any(|(door, files)| door == name && !files.is_empty()), "fuzz/seeds/{name} is missing");
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(target.exists(), "{} is missing", target.display());
    }
}

#[test]
fn a_door_that_is_open_is_noticed() {
    let clock = Clock::real();
    assert!(wrong("no such door", b"", &clock).is_some_and(|why| why.contains("there is no door")));
    assert!(std::panic::catch_unwind(|| super::assert_plain("\u{1b}[2J")).is_err());
}
