//! `state.db`: opening it, and setting it aside when it is corrupt.
//!
//! It is never silently replaced: a file that `SQLite` cannot make sense of is kept beside the new one under a name that
//! says when, and whoever opened it is told.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::aside::{Cause, NO_LOG, SetAside, foreign, move_aside, set_log_aside, with_suffix};
use super::layout::{self, KNOWN};
use super::soundness::{Found, Look, look_at};
use crate::clock::Timestamp;

/// Name of the file in the state folder.
pub const FILE: &str = "state.db";

/// Why `state.db` could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk, the folder or its rights: may heal.
    #[error("{} cannot be opened: {error}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        error: rusqlite::Error,
    },
    /// The file was written by a newer version.
    #[error(
        "{} was written by a newer hotspare (its layout is {found}, this version knows {known}); start the newer version",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// The file was written by an earlier version, and whoever holds it has not brought it up to date.
    #[error("{} is of an earlier hotspare (its layout is {found}, this version knows {known}); restart the engine", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// It is corrupt and could not be moved aside.
    #[error("{} is corrupt ({why}) and cannot be moved aside: {error}", path.display())]
    Stuck {
        /// The file.
        path: PathBuf,
        /// How it is known to be corrupt.
        why: String,
        /// Why it cannot be moved.
        error: std::io::Error,
    },
}

/// An open `state.db`.
#[derive(Debug)]
pub struct Opened {
    /// The connection that writes.
    pub connection: Connection,
    /// A corrupt file was set aside.
    pub set_aside: Option<SetAside>,
    /// The journal is long and was not looked at yet.
    pub unseen: bool,
}

/// Opens `state.db` in this folder for writing, when all of it is known to be sound; makes it where there is none.
pub fn open(folder: &Path, now: Timestamp) -> Result<Opened, OpenError> {
    open_after(folder, now, Look::Whole)
}

/// As [`open`], when so much of it is known to be sound.
pub fn open_after(folder: &Path, now: Timestamp, look: Look) -> Result<Opened, OpenError> {
    let path = folder.join(FILE);
    let log = set_log_aside(&path, now).map_err(|error| OpenError::Stuck {
        path: with_suffix(&path, "-wal"),
        why: NO_LOG.into(),
        error,
    })?;
    match attempt(&path, look) {
        Ok((connection, unseen)) => Ok(Opened { connection, set_aside: log, unseen }),
        Err(Attempt::Corrupt(why)) => {
            let aside = move_aside(&path, now).map_err(|error| OpenError::Stuck {
                path: path.clone(),
                why: why.clone(),
                error,
            })?;
            match attempt(&path, look) {
                Ok((connection, unseen)) => {
                    let set_aside = Some(SetAside { cause: Cause::Corrupt, path: aside, why });
                    Ok(Opened { connection, set_aside, unseen })
                }
                Err(failed) => Err(failed.into_error(path)),
            }
        }
        Err(failed) => Err(failed.into_error(path)),
    }
}

/// Opens `state.db` a second time for writing, beside whoever opened it with [`open`] and brought it up to date.
pub fn join(folder: &Path) -> Result<Connection, OpenError> {
    let path = folder.join(FILE);
    let unusable = |error| OpenError::Unusable { path: path.clone(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(unusable)?;
    connection.busy_handler(Some(wait)).map_err(unusable)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(unusable)?;
    match layout::of(&connection).map_err(unusable)? {
        KNOWN => Ok(connection),
        found if found < KNOWN => Err(OpenError::Older { path, found, known: KNOWN }),
        found => Err(OpenError::Newer { path, found, known: KNOWN }),
    }
}

/// Opens `state.db` for reading, beside a running engine or without one.
pub fn open_read_only(folder: &Path) -> Result<Connection, OpenError> {
    let path = folder.join(FILE);
    let unusable = |error| OpenError::Unusable { path: path.clone(), error };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(unusable)?;
    connection.busy_handler(Some(wait)).map_err(unusable)?;
    let readable = |connection: &Connection| connection.query_row("SELECT 1 FROM head", [], |_row| Ok(()));
    match readable(&connection) {
        // On a read-only disk `SQLite` cannot make the files that it reads a WAL with; without a WAL it needs none.
        Err(_) if !with_suffix(&path, "-wal").exists() => immutable(&path, flags).map_err(unusable),
        _ => Ok(connection),
    }
}

/// Opens a file of which nobody changes anything.
fn immutable(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _a_string_takes_all = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

/// Between two looks whether it is our turn to write: whoever writes much lets others in between for longer than this.
pub const TURN: Duration = Duration::from_millis(1);
/// So many looks, then the file counts as blocked: two seconds at the least.
const LOOKS: i32 = 2_000;

/// Waits for a turn. `SQLite`'s own way sleeps longer each time, up to a tenth of a second, and misses its turn beside a
/// writer that goes on.
fn wait(looks: i32) -> bool {
    std::thread::park_timeout(TURN);
    looks < LOOKS
}

enum Attempt {
    Corrupt(String),
    Newer(u32),
    Failed(rusqlite::Error),
}

impl Attempt {
    fn into_error(self, path: PathBuf) -> OpenError {
        match self {
            Self::Newer(found) => OpenError::Newer { path, found, known: KNOWN },
            Self::Failed(error) => OpenError::Unusable { path, error },
            Self::Corrupt(why) => OpenError::Stuck {
                path,
                why,
                error: std::io::Error::other("its replacement is corrupt too; the disk may be failing"),
            },
        }
    }
}

impl From<rusqlite::Error> for Attempt {
    fn from(error: rusqlite::Error) -> Self {
        if is_corrupt(&error) { Self::Corrupt(error.to_string()) } else { Self::Failed(error) }
    }
}

/// Whether this error says that the file itself is broken.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The connection, and whether the journal is yet to be looked at.
fn attempt(path: &Path, look: Look) -> Result<(Connection, bool), Attempt> {
    if foreign(path) {
        // Before `SQLite` sees it: it would remove the -wal file of such a one.
        return Err(Attempt::Corrupt("it does not begin as a SQLite file does".into()));
    }
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(wait))?;
    // Before anything of a newer version's file is touched.
    let version = layout::of(&connection)?;
    if version > KNOWN {
        return Err(Attempt::Newer(version));
    }
    let unseen = match look_at(&connection, path, look)? {
        Found::Sound => false,
        Found::SoundSoFar => true,
        Found::Corrupt(why) => return Err(Attempt::Corrupt(why)),
    };
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An entry counts as written when it would survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    if layout::bring_up_to_date(&mut connection)? {
        settle(&connection);
    }
    Ok((connection, unseen))
}

/// Carries the log into the file itself, as far as readers allow: what lies in one file can only be lost with it.
pub fn settle(connection: &Connection) {
    let _as_far_as_readers_allow = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_kept_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), b"this is not a database, whatever its name says").unwrap();
        std::fs::write(folder.path().join("state.db-wal"), b"nor this").unwrap();
        let opened = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let aside = opened.set_aside.unwrap();
        assert_eq!(aside.path, folder.path().join("state.db.corrupt-1970-01-01T00-00-00Z"));
        assert!(std::fs::read(&aside.path).unwrap().starts_with(b"this is not"));
        assert!(folder.path().join("state.db.corrupt-1970-01-01T00-00-00Z-wal").exists());
    }

    #[test]
    fn a_log_of_noise_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path(), Timestamp::UNIX_EPOCH).unwrap());
        std::fs::write(folder.path().join("state.db-wal"), vec![0x5a; 5000]).unwrap();
        let opened = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let aside = opened.set_aside.unwrap();
        assert_eq!(aside.cause, Cause::Log);
        assert_eq!(std::fs::read(&aside.path).unwrap(), vec![0x5a; 5000]);
        assert!(aside.sentence().contains("the last entries of the journal are missing"));
        assert_eq!(layout::of(&opened.connection), Ok(KNOWN), "the rest is whole");
        drop(opened.connection);
        assert_eq!(open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().set_aside, None);
    }

    #[test]
    fn a_page_of_noise_in_the_middle_is_corrupt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let connection = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection;
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..8192].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        let opened = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        assert!(opened.set_aside.is_some());
    }

    #[test]
    fn a_file_of_the_future_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection;
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = open(folder.path(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_called_corrupt() {
        let error = open(Path::new("/nonexistent/folder"), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
    }
}
