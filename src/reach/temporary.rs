//! Temporary folders whose names tell which process they belong to, so that what a killed one left is known from outside.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};
use tempfile::TempDir;

/// Makes a folder that nobody else may enter: the prefix, the number of this process, and something that tells it from others.
/// It goes when it is dropped.
pub(crate) fn make(place: &Path, prefix: &str) -> std::io::Result<TempDir> {
    let prefix = format!("{prefix}{}-", std::process::id());
    // The rights that the library gives by itself are open to everybody.
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix(&prefix).permissions(private).tempdir_in(place)
}

/// The folders that [`make`] made here with this prefix for processes of our user that are no more.
pub(crate) fn abandoned(place: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let us = geteuid().as_raw();
    let gone = |name: &str| {
        let owner = name.strip_prefix(prefix).and_then(|rest| rest.split_once('-')?.0.parse().ok());
        owner.and_then(Pid::from_raw).is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH))
    };
    let abandoned = entries.flatten().filter(|entry| {
        // Of the entry itself, not of what a link names: anybody may put something into a folder for temporary files.
        let ours = || entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == us);
        entry.file_name().to_str().is_some_and(gone) && ours()
    });
    abandoned.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_are_no_more_are_told_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let gone = dead.id();
        dead.wait().unwrap();
        let path = |name: String| place.path().join(name);
        let living = make(place.path(), "hs-").unwrap();
        assert_eq!(living.path().metadata().unwrap().mode() & 0o777, 0o700);
        let left = path(format!("hs-{gone}-a"));
        // What is not of this name, and what others put there.
        let others = [format!("else-{gone}-a"), format!("hs-{gone}"), format!("hs-x-{gone}-a"), "hs-demo-a".into()];
        for path in others.map(path).iter().chain([&left, &path("theirs".into())]) {
            std::fs::create_dir(path).unwrap();
        }
        std::os::unix::fs::symlink(path("theirs".into()), path(format!("hs-{gone}-link"))).unwrap();
        std::fs::write(path(format!("hs-{gone}-file")), "").unwrap();
        assert_eq!(abandoned(place.path(), "hs-"), [left]);
        assert!(abandoned(&path("nowhere".into()), "hs-").is_empty());
    }
}
