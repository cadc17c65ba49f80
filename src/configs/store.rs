//! Which versions of which files are kept: one line of JSON a version, in a file that only grows.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fetch::Fetched;
use super::shelf::{Changed, Shelf};
use super::view::{Change, FileView};
use crate::clock::Timestamp;
use crate::durable;

/// Name of the index.
const INDEX: &str = "versions.jsonl";
/// Name of the file that says when each host was looked at.
const LOOKED: &str = "looked.json";

/// All versions of one config backup.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    shelf: Shelf,
    versions: Vec<Version>,
    looked: BTreeMap<String, Timestamp>,
}

/// What changed on one host at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// Where its files lie.
    id: String,
    /// When they were fetched.
    pub(super) at: Timestamp,
    /// Their host.
    pub(super) host: String,
    /// The files.
    pub(super) files: Vec<Entry>,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Path on the host.
    pub(super) path: String,
    /// What became of it.
    pub(super) change: Change,
    /// Bytes.
    pub(super) bytes: u64,
    /// Permission bits.
    pub(super) mode: String,
    /// BLAKE3 of its content, in hexadecimal; empty where it is gone.
    sum: String,
}

impl Store {
    /// Reads what is kept in this folder, and makes it where it is missing. With git where it is installed and `git` says so.
    pub(super) async fn open(folder: PathBuf, git: bool) -> Result<Self, String> {
        let shelf = Shelf::open(&folder, git).await?;
        let index = std::fs::read_to_string(folder.join(INDEX)).unwrap_or_default();
        // The last line of an engine that was killed may be half a line: its version never was.
        let versions = index.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let looked = std::fs::read(folder.join(LOOKED)).ok();
        let looked = looked.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Ok(Self { folder, shelf, versions, looked })
    }

    /// How versions are kept, in a word.
    pub(super) const fn kept(&self) -> &'static str {
        self.shelf.word()
    }

    /// How many versions are kept.
    pub(super) fn count(&self) -> usize {
        self.versions.len()
    }

    /// When a host was last looked at.
    pub(super) fn looked(&self, host: &str) -> Option<Timestamp> {
        self.looked.get(host).copied()
    }

    /// When something of a host last changed.
    pub(super) fn changed(&self, host: &str) -> Option<Timestamp> {
        self.versions.iter().rev().find(|version| version.host == host).map(|version| version.at)
    }

    /// Every version of every file of a host, oldest first.
    fn history<'a>(&'a self, host: &str) -> BTreeMap<&'a str, Vec<(&'a Version, &'a Entry)>> {
        let mut files: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for version in self.versions.iter().filter(|version| version.host == host) {
            for entry in &version.files {
                files.entry(&entry.path).or_default().push((version, entry));
            }
        }
        files
    }

    /// What is kept of a host now.
    pub(super) fn files(&self, host: &str) -> Vec<FileView> {
        let history = self.history(host).into_iter();
        let there = history.filter_map(|(path, all)| {
            let (version, entry) = all.last().filter(|(_, entry)| entry.change != Change::Removed)?;
            let (bytes, mode, since) = (entry.bytes, entry.mode.clone(), version.at);
            Some(FileView { path: path.to_owned(), bytes, mode, since, versions: all.len() })
        });
        there.collect()
    }

    /// Keeps what differs from what is kept, and tells it.
    pub(super) async fn keep(&mut self, host: &str, fetched: &Fetched, at: Timestamp) -> Result<Vec<Entry>, String> {
        let before = self.history(host);
        let now = |path: &str| {
            before.get(path).and_then(|all| all.last()).filter(|(_, entry)| entry.change != Change::Removed)
        };
        let mut entries = Vec::new();
        for (path, file) in &fetched.files {
            let sum = blake3::hash(&file.bytes).to_hex().to_string();
            let change = match now(path) {
                None => Change::Added,
                Some((_, entry)) if entry.sum != sum || entry.mode != file.mode => Change::Changed,
                Some(_) => continue,
            };
            let bytes = u64::try_from(file.bytes.len()).unwrap_or(u64::MAX);
            entries.push(Entry { path: path.clone(), change, bytes, mode: file.mode.clone(), sum });
        }
        // What cannot be had is not gone.
        let left = |path: &str| fetched.left.iter().any(|(left, _)| left == path);
        for path in
            before.keys().filter(|path| now(path).is_some() && !fetched.files.contains_key(**path) && !left(path))
        {
            let (path, change) = ((*path).to_owned(), Change::Removed);
            entries.push(Entry { path, change, bytes: 0, mode: String::new(), sum: String::new() });
        }
        if !entries.is_empty() {
            let changed: Vec<Changed<'_>> = entries
                .iter()
                .map(|entry| {
                    (host, entry.path.as_str(), fetched.files.get(&entry.path).map(|file| file.bytes.as_slice()))
                })
                .collect();
            let said = format!("{host}: {}\n", words(&entries));
            let id = self.shelf.keep(&changed, &said, at).await?;
            let version = Version { id, at, host: host.to_owned(), files: entries.clone() };
            self.append(&version)?;
            self.versions.push(version);
        }
        self.looked.insert(host.to_owned(), at);
        self.note_looked()?;
        Ok(entries)
    }

    /// The content of a file in a version.
    pub(super) async fn read(&self, version: &Version, path: &str) -> Result<Vec<u8>, String> {
        self.shelf.read(&version.id, &version.host, path).await
    }

    /// Two versions of each file of a host: the newest, and the one that was in force at `from`; without that the one before,
    /// of files that have more than one.
    pub(super) fn pairs<'a>(&'a self, host: &str, from: Option<Timestamp>) -> Vec<Pair<'a>> {
        let pair = |all: Vec<(&'a Version, &'a Entry)>| {
            let newer = all.last().copied()?;
            let at = match from {
                Some(from) => all.iter().rposition(|(version, _)| version.at <= from),
                None => Some(all.len().checked_sub(2)?),
            };
            let older = at.and_then(|at| all.get(at)).copied().filter(|(_, entry)| entry.change != Change::Removed);
            let same = match older {
                Some((_, entry)) => (&entry.sum, &entry.mode) == (&newer.1.sum, &newer.1.mode),
                None => newer.1.change == Change::Removed,
            };
            Some(Pair { older, newer, same })
        };
        self.history(host).into_values().filter_map(pair).collect()
    }

    /// The newest version of a file of a host, or that which was in force at a time.
    pub(super) fn version(&self, host: &str, path: &str, at: Option<Timestamp>) -> Option<&Version> {
        let of_file = |version: &&Version| version.files.iter().any(|entry| entry.path == path);
        let in_time = |version: &&Version| at.is_none_or(|at| version.at <= at);
        self.versions.iter().rev().filter(|version| version.host == host).filter(of_file).find(in_time)
    }

    fn append(&self, version: &Version) -> Result<(), String> {
        let path = self.folder.join(INDEX);
        let written = || -> std::io::Result<()> {
            let mut line = serde_json::to_string(version)?;
            line.push('\n');
            let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            if !ends_whole(&path) {
                line.insert(0, '\n');
            }
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        written().map_err(|error| format!("{}: {error}", path.display()))
    }

    fn note_looked(&self) -> Result<(), String> {
        let path = self.folder.join(LOOKED);
        let written = || -> std::io::Result<()> { durable::put(&path, &serde_json::to_vec(&self.looked)?, 0o600) };
        written().map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Two versions of a file.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    /// `None`: it was not there.
    pub(super) older: Option<(&'a Version, &'a Entry)>,
    pub(super) newer: (&'a Version, &'a Entry),
    /// Nothing differs.
    pub(super) same: bool,
}

/// Whether the last line was written to its end.
fn ends_whole(path: &Path) -> bool {
    // Its last byte alone: it grows with every version of years.
    let last = || -> std::io::Result<bool> {
        let mut file = std::fs::File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(true);
        }
        file.seek(std::io::SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte == *b"\n")
    };
    last().unwrap_or(false)
}

/// `1 added: /etc/a; 2 changed: /etc/b, /etc/c`, with a few names of each.
pub(super) fn words(entries: &[Entry]) -> String {
    let kinds = [Change::Added, Change::Changed, Change::Removed].into_iter().filter_map(|change| {
        let paths: Vec<&str> =
            entries.iter().filter(|entry| entry.change == change).map(|entry| entry.path.as_str()).collect();
        let more = if paths.len() > NAMED { ", …" } else { "" };
        let named = paths.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        (!paths.is_empty()).then(|| format!("{} {}: {named}{more}", paths.len(), change.word()))
    });
    kinds.collect::<Vec<_>>().join("; ")
}

/// Files that are named.
const NAMED: usize = 5;

#[cfg(test)]
mod tests;
