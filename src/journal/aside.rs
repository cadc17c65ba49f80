//! What becomes of a `state.db` that cannot be gone on with: it is kept beside the new one, under a name that says when.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::database::FILE;
use crate::clock::Timestamp;

/// A `state.db` that was kept under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// What happened to it.
    pub cause: Cause,
    /// Where it is now.
    pub path: PathBuf,
    /// How that is known.
    pub why: String,
}

/// What happened to a `state.db` that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// `SQLite` cannot make sense of it.
    Corrupt,
    /// What was written last, in `state.db-wal`, is lost; the rest is whole.
    Log,
    /// It was removed, or another took its name, while it was open.
    Replaced,
}

impl SetAside {
    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        let path = self.path.display();
        match self.cause {
            Cause::Corrupt => format!("a corrupt state.db was set aside as {path}; the journal begins anew"),
            Cause::Log => {
                format!("a corrupt state.db-wal was set aside as {path}; the last entries of the journal are missing")
            }
            Cause::Replaced => {
                format!(
                    "state.db was taken from under the engine; what it held is kept as {path}; the journal begins anew"
                )
            }
        }
    }
}

/// Which file an open connection reads and writes, whatever becomes of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    number: u64,
}

/// The file that has the name now; `None` where none has.
pub fn identity(folder: &Path) -> Option<Identity> {
    let found = std::fs::metadata(folder.join(FILE)).ok()?;
    let (device, number) = (std::os::unix::fs::MetadataExt::dev(&found), std::os::unix::fs::MetadataExt::ino(&found));
    Some(Identity { device, number })
}

/// Writes what a connection still sees of a `state.db` that lost its name into a file beside it.
pub fn rescue(connection: &Connection, folder: &Path, now: Timestamp) -> rusqlite::Result<SetAside> {
    let path = unused(&folder.join(FILE), "replaced", now);
    connection.execute("VACUUM INTO ?", [path.to_string_lossy()])?;
    let why = "the file of this name is not the one that was opened".into();
    Ok(SetAside { cause: Cause::Replaced, path, why })
}

/// How a log of noise is known.
pub(super) const NO_LOG: &str = "it does not begin as a write-ahead log does";

/// Sets aside a `-wal` file that `SQLite` would take for an empty one, without a word. The file itself must be sound: with a
/// corrupt one its log is kept together with it.
pub(super) fn set_log_aside(path: &Path, now: Timestamp) -> std::io::Result<Option<SetAside>> {
    let log = with_suffix(path, "-wal");
    // The two numbers that a log begins with, by the order of bytes of its checksums: sqlite.org/fileformat2.html, 4.1.
    let magic = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
    let begins = std::fs::File::open(&log).and_then(|mut file| {
        let mut start = [0; 4];
        std::io::Read::read_exact(&mut file, &mut start).map(|()| magic.contains(&start))
    });
    // One that is shorter was being made when the power went.
    if foreign(path) || begins.unwrap_or(true) {
        return Ok(None);
    }
    let aside = unused(&log, "corrupt", now);
    std::fs::rename(&log, &aside)?;
    Ok(Some(SetAside { cause: Cause::Log, path: aside, why: NO_LOG.into() }))
}

/// Whether the file is there, not empty, and begins differently from every `SQLite` file.
pub(super) fn foreign(path: &Path) -> bool {
    let mut start = [0; 16];
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
        _ => return false,
    }
    match std::io::Read::read_exact(&mut file, &mut start) {
        Ok(()) => start != *b"SQLite format 3\0",
        Err(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
    }
}

pub(super) fn move_aside(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let aside = unused(path, "corrupt", now);
    // The main file last: a crash in between leaves a corrupt file that the next start finds again.
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(path, suffix);
        match std::fs::rename(&from, with_suffix(&aside, suffix)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    Ok(aside)
}

/// A name beside the file that nobody has: `state.db.corrupt-2026-11-20T14-02-11Z`.
pub(super) fn unused(path: &Path, word: &str, now: Timestamp) -> PathBuf {
    let stamp = now.strftime("%Y-%m-%dT%H-%M-%SZ");
    let mut aside = with_suffix(path, &format!(".{word}-{stamp}"));
    let mut count = 1;
    while aside.exists() {
        count += 1;
        aside = with_suffix(path, &format!(".{word}-{stamp}-{count}"));
    }
    aside
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
