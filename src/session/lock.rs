//! Who works on a session: a lock that the kernel takes back when the process ends, however it ends.
//!
//! It lies on the disk of the recordings, so that two engines with two state folders meet at it too. Its file says who
//! holds it, for the words of a refusal; what counts is the lock.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::beneath::{self, FOLDER};
use super::key::Key;
use crate::clock::Timestamp;
use crate::reach::plain;

/// Folder of hotspare's own on the disk of a source.
pub const OWN: &str = ".hotspare";
/// Folder in it that holds the locks.
const LOCKS: &str = "locks";
/// Folder beside it through which sessions go when they are deleted.
pub const TRASH: &str = ".hotspare-trash";
/// A longer name of a lock is cut, and told apart by a sum.
const LONGEST_NAME: usize = 200;
/// How often a lock whose file was removed by its last holder is taken anew.
const TRIES: usize = 100;

/// The lock of one session, held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    file: OwnedFd,
    folder: OwnedFd,
    name: OsString,
}

/// Who holds a lock, as they wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Process.
    pub pid: u32,
    /// Name of the computer.
    pub host: String,
    /// What goes on: "being copied".
    pub what: String,
    /// Since when.
    pub since: Timestamp,
}

/// Why a lock is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Somebody works on the session.
    #[error("{}", .0.as_ref().map_or_else(|| "another program works on it".to_owned(), Who::to_string))]
    Held(Option<Who>),
    /// Nobody can tell whether somebody works on it. A copy may go on without the lock, a deletion may not.
    #[error("it cannot be made sure that nobody else works on it: {}: {why}", path.display())]
    Unsure {
        /// The lock's file or folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Who {
    /// This process. `what` goes on: "being copied".
    pub fn us(what: &str, now: Timestamp) -> Self {
        Self { pid: std::process::id(), host: host(), what: what.to_owned(), since: now }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| plain::line(text, 60);
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "{} since {since} by process {} on {}", line(&self.what), self.pid, line(&self.host))
    }
}

impl Lock {
    /// Takes the lock of a session below this source, or says who has it. Never waits for a lock. `what` goes on is told
    /// to whoever comes second: "being copied".
    pub fn take(source: &Path, key: &Key, what: &str, now: Timestamp) -> Result<Self, LockError> {
        let name = name(key);
        let path = source.join(OWN).join(LOCKS).join(&name);
        let unsure = |error: io::Error| LockError::Unsure { path: path.clone(), why: remedy(&error) };
        let folder = folder(source).map_err(unsure)?;
        for _try in 0..TRIES {
            let file = file(&folder, Path::new(&name)).map_err(unsure)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => return Err(LockError::Held(read(&file))),
                Err(error) => return Err(unsure(error.into())),
            }
            let lock = Self { file, folder: folder.try_clone().map_err(unsure)?, name: name.clone() };
            if lock.named() {
                lock.sign(&path, what, now)?;
                return Ok(lock);
            }
            // Its last holder took the file away between our opening and our locking it; dropping it touches nothing.
        }
        Err(LockError::Held(None))
    }

    /// Whether the locked file still lies where others look for it.
    fn named(&self) -> bool {
        let found = rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        matches!((found, rustix::fs::fstat(&self.file)), (Ok(one), Ok(other)) if same(&one, &other))
    }

    /// Writes down who has it.
    fn sign(&self, path: &Path, what: &str, now: Timestamp) -> Result<(), LockError> {
        let us = Who::us(what, now);
        if let Some(other) = read(&self.file).filter(|who| who.host != us.host) {
            // Not all shares carry locks from one computer to another; whoever ends well takes the file away.
            let why = format!(
                "{other} did not take it back; if nothing runs there any more, remove the file with `rm '{}'`",
                path.display()
            );
            return Err(LockError::Unsure { path: path.to_owned(), why });
        }
        // The words are for people; on a full disk the lock holds without them.
        let _for_people = serde_json::to_vec(&us).map_err(io::Error::from).and_then(|words| self.write(&words));
        Ok(())
    }

    fn write(&self, words: &[u8]) -> io::Result<()> {
        let mut file = std::fs::File::from(self.file.try_clone()?);
        file.set_len(0)?;
        file.write_all(words)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Another's lock of that name, after somebody removed ours by hand, must stay.
        if self.named() {
            let _left_behind = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Who works on a session, in words; `None`: nobody, as far as this computer knows. Takes no lock, so that it stands in
/// nobody's way, and changes nothing.
pub fn holder(source: &Path, key: &Key) -> Option<String> {
    let path = Path::new(OWN).join(LOCKS).join(name(key));
    let source = open_source(source).ok()?;
    let file = beneath::open(&source, &path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).ok()?;
    let inode = rustix::fs::fstat(&file).ok()?.st_ino;
    // "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF"; the device there is not always the one that stat tells.
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let ours = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK");
        words.nth(4).and_then(|place| place.rsplit(':').next()?.parse().ok()) == Some(inode)
    };
    locks.lines().any(ours).then(|| LockError::Held(read(&file)).to_string())
}

/// Opens the folder of a store's recordings. A link in its path is the operator's own choice.
pub(super) fn open_source(source: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(source, FOLDER | OFlags::CLOEXEC, Mode::empty())?)
}

/// A folder of hotspare's own, made when it is not there, for whoever may record here. Never through a link.
pub(super) fn own(above: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let open = || beneath::open(above, Path::new(name), FOLDER, Mode::empty());
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let mode = Mode::from_raw_mode(rustix::fs::fstat(above)?.st_mode & 0o777);
    match rustix::fs::mkdirat(above, name, mode) {
        Ok(()) => {
            let folder = open()?;
            // Whatever the mask says.
            rustix::fs::fchmod(&folder, mode)?;
            beneath::sync_folder(above)?;
            Ok(folder)
        }
        Err(Errno::EXIST) => open(),
        Err(error) => Err(error.into()),
    }
}

fn folder(source: &Path) -> io::Result<OwnedFd> {
    let source = open_source(source)?;
    // Whoever works here for the first time makes it, because on a full disk nobody could.
    let _said_by_a_deletion = own(source.as_fd(), TRASH);
    own(own(source.as_fd(), OWN)?.as_fd(), LOCKS)
}

fn file(folder: &OwnedFd, name: &Path) -> io::Result<OwnedFd> {
    let mode = Mode::from_raw_mode(rustix::fs::fstat(folder)?.st_mode & 0o666);
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    match beneath::open(folder, name, flags | OFlags::RDWR | OFlags::CREATE, mode) {
        // Another person's file can be locked without being written.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::ACCESS | Errno::ROFS)) => {
            beneath::open(folder, name, flags | OFlags::RDONLY, Mode::empty()).map_err(|_missing| error)
        }
        opened => opened,
    }
}

/// `p001_20250104`.
pub(super) fn name(key: &Key) -> OsString {
    let whole = format!("{}_{}", key.participant, key.day());
    if whole.len() <= LONGEST_NAME {
        return whole.into();
    }
    let cut = whole.floor_char_boundary(LONGEST_NAME - 64);
    let sum = blake3::hash(whole.as_bytes()).to_hex();
    format!("{}{sum}", whole.get(..cut).unwrap_or_default()).into()
}

fn read(file: &OwnedFd) -> Option<Who> {
    let mut words = [0; 4096];
    let length = rustix::io::pread(file, &mut words[..], 0).ok()?;
    serde_json::from_slice(words.get(..length)?).ok()
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// An error's words, with what to do about it.
pub(super) fn remedy(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            format!("this file system keeps no locks ({error}); record on a local disk, or delete by hand")
        }
        Some(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => {
            format!("it is a link, a file or a mount where hotspare keeps a folder of its own ({error}); remove it")
        }
        Some(Errno::ACCESS | Errno::PERM) => format!("{error}; run the engine as somebody who may write there"),
        Some(Errno::ROFS) => format!("{error}; mount it writable"),
        Some(Errno::NOSPC | Errno::DQUOT) => format!("{error}; make room for one small file"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
