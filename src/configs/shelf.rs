//! Where versions of files lie: in a git repository of our own, or as dated copies where git is not installed.
//!
//! The repository is bare and driven with git's plumbing: no work tree, no hooks, no filters, nobody's configuration. Whoever
//! likes may look at it with `git log`; what is kept of which file is in our own [index](super::store), whichever of the two
//! holds it.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::clock::Timestamp;
use crate::durable;
use crate::reach::{plain, program};

/// The longest time for one call of git.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes of a file that are read back.
const LARGEST: usize = 4 * 1024 * 1024;
/// The branch.
const BRANCH: &str = "refs/heads/main";

/// Where versions lie.
#[derive(Debug, Clone)]
pub(super) enum Shelf {
    /// A git repository.
    Git(PathBuf),
    /// A folder with one folder a version.
    Copies(PathBuf),
}

/// A file that changed: its host, its path there, and what is in it now; `None`: it is gone.
pub(super) type Changed<'a> = (&'a str, &'a str, Option<&'a [u8]>);

impl Shelf {
    /// In this folder; with git where it is installed and `git` says so.
    pub(super) async fn open(folder: &Path, git: bool) -> Result<Self, String> {
        private(folder)?;
        let repository = folder.join("git");
        if !git || !installed().await {
            return Ok(Self::Copies(folder.join("copies")));
        }
        if !repository.join("HEAD").exists() {
            private(&repository)?;
            git_in(&repository, &["init", "--bare", "--quiet", "--template="], b"", None).await?;
            git_in(&repository, &["symbolic-ref", "HEAD", BRANCH], b"", None).await?;
        }
        Ok(Self::Git(repository))
    }

    /// What it is, in a word.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Git(_) => "git",
            Self::Copies(_) => "copies",
        }
    }

    /// Keeps a version; returns the name by which [`Shelf::read`] finds it.
    pub(super) async fn keep(&self, changed: &[Changed<'_>], said: &str, at: Timestamp) -> Result<String, String> {
        match self {
            Self::Git(repository) => keep_in_git(repository, changed, said, at).await,
            Self::Copies(folder) => {
                // Two versions within one second have two names.
                let stamp = at.strftime("%Y-%m-%dT%H-%M-%S%.3fZ").to_string();
                let folder = folder.join(&stamp);
                for (host, path, bytes) in changed {
                    if let Some(bytes) = bytes {
                        write(&folder.join(place(host, path)), bytes)?;
                    }
                }
                Ok(format!("copy:{stamp}"))
            }
        }
    }

    /// A file as it was kept in a version, whichever shelf that lies on.
    pub(super) async fn read(&self, version: &str, host: &str, path: &str) -> Result<Vec<u8>, String> {
        let (Self::Git(folder) | Self::Copies(folder)) = self;
        let folder = folder.parent().unwrap_or(folder);
        match version.split_once(':') {
            Some(("git", commit)) => {
                let object = format!("{commit}:{}", place(host, path));
                git_in(&folder.join("git"), &["cat-file", "blob", &object], b"", None).await
            }
            Some(("copy", stamp)) if !stamp.contains(['/', '.', '\0']) || stamp.ends_with('Z') => {
                let path = folder.join("copies").join(stamp.replace('/', "_")).join(place(host, path));
                std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
            }
            _ => Err(format!("the version {} is of no kind that is known", plain::line(version, 60))),
        }
    }
}

/// Where a file of a host lies within a version: never above it, and under no name that git keeps for itself.
fn place(host: &str, path: &str) -> String {
    let parts = std::iter::once(host).chain(path.split('/')).filter(|part| !matches!(*part, "" | "."));
    let safe = |part: &str| match part {
        ".." => "_..".to_owned(),
        part if part.to_lowercase().starts_with(".git") => format!("_{part}"),
        part => part.to_owned(),
    };
    parts.map(safe).collect::<Vec<_>>().join("/")
}

/// Where a file of a host lies is below the folder of that host, by one way only.
#[cfg(any(test, fuzzing))]
pub(super) fn assert_safe(host: &str, path: &str) {
    let place = place(host, path);
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.to_lowercase().starts_with(".git");
    assert!(place.split('/').next() == Some(host) && place.split('/').all(plain), "{place:?}");
    assert!(!place.contains(['\0', '\n']), "{place:?}");
}

async fn keep_in_git(repository: &Path, changed: &[Changed<'_>], said: &str, at: Timestamp) -> Result<String, String> {
    let git = |arguments: &'static [&'static str], input: Vec<u8>| async move {
        git_in(repository, arguments, &input, Some(at)).await.map(|said| first_line(&said))
    };
    sweep(repository);
    let mut index = Vec::new();
    for (host, path, bytes) in changed {
        let place = place(host, path);
        let line = match bytes {
            Some(bytes) => {
                let object = git(&["hash-object", "-w", "--stdin"], bytes.to_vec()).await?;
                format!("100644 {object}\t{place}\0")
            }
            None => format!("0 {:040}\t{place}\0", 0),
        };
        index.extend_from_slice(line.as_bytes());
    }
    let parent = git(&["rev-parse", "--verify", "--quiet", BRANCH], Vec::new()).await.ok();
    match &parent {
        Some(_) => git(&["read-tree", BRANCH], Vec::new()).await?,
        None => git(&["read-tree", "--empty"], Vec::new()).await?,
    };
    git(&["update-index", "-z", "--index-info"], index).await?;
    let tree = git(&["write-tree"], Vec::new()).await?;
    let mut arguments = vec!["commit-tree", tree.as_str()];
    if let Some(parent) = &parent {
        arguments.extend(["-p", parent.as_str()]);
    }
    let commit = first_line(&git_in(repository, &arguments, said.as_bytes(), Some(at)).await?);
    // Only if nobody else has moved it meanwhile.
    let before = parent.as_deref().unwrap_or("0000000000000000000000000000000000000000");
    git_in(repository, &["update-ref", BRANCH, &commit, before], b"", Some(at)).await?;
    Ok(format!("git:{commit}"))
}

/// Removes the locks of a git that was ended in the middle. Nobody else writes here: one engine has the state folder, and one
/// task at a time this repository.
fn sweep(repository: &Path) {
    for lock in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
        let _there_is_none = std::fs::remove_file(repository.join(lock));
    }
}

async fn installed() -> bool {
    let mut command = program::command("git");
    command.arg("--version");
    let asked = tokio::time::timeout(PATIENCE, program::run(command, b"", 200)).await;
    matches!(asked, Ok(Ok(ended)) if ended.status.success())
}

fn command(repository: &Path, at: Option<Timestamp>) -> Command {
    let mut command = program::command("git");
    // Whatever the person who started the engine has set up for their own work is not for ours.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsync=all", "-c", "gc.auto=0"])
        .env("GIT_DIR", repository)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("HOME", repository)
        .env("LC_ALL", "C");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "hotspare").env(format!("GIT_{who}_EMAIL"), "hotspare@localhost");
        if let Some(at) = at {
            command.env(format!("GIT_{who}_DATE"), format!("@{} +0000", at.as_second()));
        }
    }
    command
}

async fn git_in(repository: &Path, arguments: &[&str], input: &[u8], at: Option<Timestamp>) -> Result<Vec<u8>, String> {
    let mut command = command(repository, at);
    command.args(arguments);
    let what = arguments.first().copied().unwrap_or_default();
    let ended = tokio::time::timeout(PATIENCE, program::run(command, input, LARGEST))
        .await
        .map_err(|_late| format!("git {what} did not end within {}", plain::time(PATIENCE)))?
        .map_err(|error| format!("git cannot be started: {error}"))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(format!("git {what}: {}", plain::last_line(&String::from_utf8_lossy(&ended.stderr), 160)))
}

fn first_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).trim().to_owned()
}

/// A folder for its owner alone.
pub(super) fn private(folder: &Path) -> Result<(), String> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("{}: {error}", folder.display()))
}

/// A file for its owner alone, on the disk before this returns.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    private(path.parent().unwrap_or(path))?;
    durable::put(path, bytes, 0o600).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[tokio::test]
    async fn both_shelves_give_back_what_was_kept() {
        for with_git in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let shelf = Shelf::open(folder.path(), with_git).await.unwrap();
            assert_eq!(shelf.word(), if with_git { "git" } else { "copies" }, "apt-get install git");
            let binary = [0_u8, 255, 10, 13];
            let path = "/etc/a 'hard' \"name\" $(x)\t.conf";
            let one: [Changed<'_>; 2] = [("kv-1", path, Some(&binary)), ("kv-1", "/etc/b", Some(b"b\r\n"))];
            let first = shelf.keep(&one, "first", at(0)).await.unwrap();
            let second = shelf.keep(&[("kv-1", path, Some(b"two"))], "second", at(1)).await.unwrap();
            let third = shelf.keep(&[("kv-1", path, None)], "third", at(2)).await.unwrap();
            assert_eq!(shelf.read(&first, "kv-1", path).await.unwrap(), binary);
            assert_eq!(shelf.read(&first, "kv-1", "/etc/b").await.unwrap(), b"b\r\n");
            assert_eq!(shelf.read(&second, "kv-1", path).await.unwrap(), b"two");
            assert!(shelf.read(&third, "kv-1", path).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_host_cannot_write_beside_its_place() {
        for with_git in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let shelf = Shelf::open(&folder.path().join("store"), with_git).await.unwrap();
            let kept: [Changed<'_>; 2] =
                [("kv-1", "/../../../evil", Some(b"x")), ("kv-1", "/home/.git/config", Some(b"y"))];
            let version = shelf.keep(&kept, "x", at(0)).await.unwrap();
            assert_eq!(shelf.read(&version, "kv-1", "/../../../evil").await.unwrap(), b"x");
            assert_eq!(shelf.read(&version, "kv-1", "/home/.git/config").await.unwrap(), b"y");
            let beside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(beside.len(), 1, "{beside:?}");
        }
    }

    #[tokio::test]
    async fn locks_of_a_git_that_was_killed_are_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), true).await.unwrap();
        shelf.keep(&[("kv-1", "/a", Some(b"x"))], "x", at(0)).await.unwrap();
        for lock in ["index.lock", "refs/heads/main.lock"] {
            std::fs::write(folder.path().join("git").join(lock), "").unwrap();
        }
        let version = shelf.keep(&[("kv-1", "/a", Some(b"y"))], "y", at(1)).await.unwrap();
        assert_eq!(shelf.read(&version, "kv-1", "/a").await.unwrap(), b"y");
    }

    #[tokio::test]
    async fn nobodys_hooks_and_settings_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), true).await.unwrap();
        let hooks = folder.path().join("git/hooks");
        private(&hooks).unwrap();
        let mark = folder.path().join("mark");
        write(&hooks.join("reference-transaction"), format!("#!/bin/sh\ntouch {}\n", mark.display()).as_bytes())
            .unwrap();
        std::process::Command::new("chmod")
            .args(["755", "reference-transaction"])
            .current_dir(&hooks)
            .status()
            .unwrap();
        shelf.keep(&[("kv-1", "/a", Some(b"x"))], "x", at(0)).await.unwrap();
        assert!(!mark.exists());
    }
}
