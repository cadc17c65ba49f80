//! The staging folder of a session: files on their way, and the journal of those that are whole.
//!
//! The journal only saves work. What it says of a file is believed when the file has the size and time that it says, and
//! counts when the file's content was read back from storage.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Order, target};
use crate::session::beneath::{self, Kind, Rights};
use crate::session::listing::File;
use crate::session::manifest::{self, Line, Seen};
use crate::session::stream::lock;
use crate::session::tree;

/// Longer names of staging folders are replaced by a sum: participants may have names of 255 bytes.
const LONGEST_NAME: usize = 200;
/// So many bytes may have to be copied again after a kill, because the journal did not hold them yet.
const UNWRITTEN: u64 = 64 << 20;

/// The staging folder of one session.
pub(super) struct Stage {
    pub(super) folder: OwnedFd,
    pub(super) files: OwnedFd,
    journal: Mutex<Journal>,
}

struct Journal {
    first: Vec<u8>,
    pending: Vec<u8>,
    bytes: u64,
    file: Option<std::fs::File>,
}

/// Where a session is staged, below the destination.
pub(super) fn path(order: &Order<'_>) -> PathBuf {
    let name = format!("{}_{}", order.key.day(), order.key.participant);
    let name = if name.len() <= LONGEST_NAME {
        name
    } else {
        format!("{}_{}", order.key.day(), blake3::hash(name.as_bytes()).to_hex())
    };
    Path::new(".hotspare/staging").join(name)
}

impl Stage {
    /// Makes the folder, or takes up what is there: the sums of files that seem whole.
    pub(super) fn open(order: &Order<'_>, root: &OwnedFd, kind: Kind) -> io::Result<(Self, BTreeMap<PathBuf, Line>)> {
        let path = path(order);
        let first = first(order);
        let mut whole = BTreeMap::new();
        if let Ok(folder) = beneath::open(root, &path, beneath::FOLDER, Mode::empty()) {
            let journal = manifest::content(&folder, Path::new("journal")).unwrap_or_default();
            if journal.starts_with(&first) {
                whole = left(&folder, &journal[first.len()..], kind)?;
            } else {
                beneath::remove(root, &path)?;
            }
        }
        // Several people may copy to one share, each their own sessions.
        beneath::make(root, path.parent().unwrap_or(&path), Rights::AsAbove, false)?;
        let files = beneath::make(root, &path.join("files"), Rights::Private, false)?;
        let folder = beneath::open(root, &path, beneath::FOLDER, Mode::empty())?;
        let journal = Journal { first, pending: Vec::new(), bytes: 0, file: None };
        Ok((Self { folder, files, journal: Mutex::new(journal) }, whole))
    }

    /// Remembers a file that is written whole.
    pub(super) fn remember(&self, path: &Path, seen: Seen, hash: blake3::Hash) -> io::Result<()> {
        let mut journal = lock(&self.journal);
        journal.pending.extend_from_slice(&manifest::facts(path, seen, Some(hash)));
        journal.bytes += seen.size;
        if journal.bytes >= UNWRITTEN { journal.flush(&self.folder) } else { Ok(()) }
    }

    /// Writes down what is remembered.
    pub(super) fn flush(&self) -> io::Result<()> {
        lock(&self.journal).flush(&self.folder)
    }
}

impl Journal {
    fn flush(&mut self, folder: &OwnedFd) -> io::Result<()> {
        use std::io::Write;
        if self.pending.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let append = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
                let file = beneath::open(folder, Path::new("journal"), append, Mode::from_raw_mode(0o600))?;
                if rustix::fs::fstat(&file)?.st_size == 0 {
                    self.pending.splice(0..0, self.first.iter().copied());
                }
                none.insert(file.into())
            }
        };
        // One write, so that a kill leaves whole lines but the last one.
        file.write_all(&self.pending)?;
        self.pending.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The first line tells sessions apart that two stores have under one name.
fn first(order: &Order<'_>) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    for path in [order.source, order.relative] {
        let path = path.as_os_str().as_bytes();
        hasher.update(&(path.len() as u64).to_le_bytes()).update(path);
    }
    format!("hotspare journal 1 {}\n", hasher.finalize().to_hex()).into_bytes()
}

/// What of an earlier run seems whole; everything else is removed.
fn left(folder: &OwnedFd, journal: &[u8], kind: Kind) -> io::Result<BTreeMap<PathBuf, Line>> {
    let lines = manifest::lines(journal).filter_map(|(_, line)| manifest::read_facts(line).ok());
    let mut said: BTreeMap<PathBuf, Line> = lines.map(|line| (line.path.clone(), line)).collect();
    let files = match beneath::open(folder, Path::new("files"), beneath::FOLDER, Mode::empty()) {
        Ok(files) => files,
        // It was published, and the rest of the work was not done.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let listing = tree::list_in(&files, Path::new("the staging folder"), &|_| false).map_err(io::Error::other)?;
    let mut whole = BTreeMap::new();
    for file in &listing.files {
        match said.remove(&file.path) {
            Some(line) if line.hash.is_some() && target::as_written(file, &line, kind) => {
                whole.insert(file.path.clone(), line);
            }
            _ => beneath::remove(&files, &file.path)?,
        }
    }
    Ok(whole)
}

/// Makes the folders that the session has, in the staging folder.
pub(super) fn folders<'a>(stage: &Stage, folders: impl Iterator<Item = &'a Path>) -> io::Result<()> {
    for path in folders {
        match beneath::parent(&stage.files, path)
            .and_then(|(above, name)| Ok(rustix::fs::mkdirat(above, name, Mode::from_raw_mode(0o700))?))
        {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives a file of the staging folder, or of the copy, a second name in the staging folder.
pub(super) fn link(from: &OwnedFd, first: &Path, stage: &Stage, second: &File) -> io::Result<()> {
    let (above, name) = beneath::parent(from, first)?;
    let (below, other) = beneath::parent(&stage.files, &second.path)?;
    let make = || rustix::fs::linkat(&above, name, &below, other, AtFlags::empty());
    if let Err(error) = make() {
        if error != Errno::EXIST {
            return Err(error.into());
        }
        rustix::fs::unlinkat(&below, other, AtFlags::empty())?;
        make()?;
    }
    Ok(())
}
