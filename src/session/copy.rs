//! Copies one session to one destination: reads, hashes and writes in one pass, makes it durable, reads it back, and
//! only then gives it its name.
//!
//! Files are written with their final names below `.hotspare/staging/` of the destination. A new session appears by one
//! rename; in a session that is there already each file is renamed into place. Nothing is ever deleted from a copy. Work
//! that was interrupted is taken up again: what lies whole in the staging folder is read back and not copied again.

use std::path::{Path, PathBuf};

use super::key::Key;
use super::listing::Odd;
use super::report::Different;
use super::root::{Root, RootError};
use super::tree::ListError;
use super::verify::Outcome;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

mod account;
mod carry;
mod check;
mod meta;
mod prove;
mod publish;
mod room;
mod run;
mod stage;
mod target;
#[cfg(test)]
mod tests;

/// What is to be copied where, and how.
pub struct Order<'a> {
    /// Which session; names its staging folder.
    pub key: &'a Key,
    /// Its folder on this computer.
    pub source: &'a Path,
    /// The destination, proven ready.
    pub root: &'a Root,
    /// Folder of the copy below it.
    pub relative: &'a Path,
    /// Which paths below the session's folder do not belong to it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
    /// Pieces under way at once; 0: what suits the destination.
    pub parallel: u32,
    /// How many bytes a second it may take.
    pub throttle: Option<&'a Throttle>,
    /// Who steers it. Bytes that are read back count as much as bytes that are copied.
    pub steer: &'a dyn Steer,
    /// What is read back from the destination's storage before it counts.
    pub read_back: ReadBack,
    /// Nothing is written: only say what would be.
    pub dry_run: bool,
}

/// What is read back and compared before a copy counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    /// Only what an interrupted run had left.
    Nothing,
    /// Also what is written now.
    Written,
    /// Every file of the copy. One that is not right is copied again.
    Everything,
}

/// What came of it. Paths are as [`super::listing::shown`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files of the session.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were written now, or would be.
    pub written: u64,
    /// Their bytes.
    pub written_bytes: u64,
    /// Files that an interrupted run had copied whole already.
    pub resumed: u64,
    /// Files that are not copied, each with its reason. The others are.
    pub failed: Vec<Different>,
    /// What is left out by rule: the copy can never be the whole session.
    pub odd: Vec<Odd>,
    /// Files that vanished from the source while it was copied.
    pub vanished: Vec<String>,
    /// Files that were wrong when they were read back, and were copied again.
    pub repaired: Vec<String>,
    /// What only the copy has.
    pub extra: Vec<String>,
    /// What the destination could not keep: links, permission bits, times.
    pub notes: Vec<String>,
    /// A verification by content, where every file of the copy was read back.
    pub proof: Option<Outcome>,
}

impl Copied {
    /// Whether the whole session is there.
    pub const fn whole(&self) -> bool {
        self.failed.is_empty() && self.odd.is_empty()
    }
}

/// Why a copy ended early. Nothing half is under its final name, and the next run goes on from what is whole.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The session's folder cannot be listed.
    #[error(transparent)]
    Source(#[from] ListError),
    /// The destination is not what was proven.
    #[error(transparent)]
    Root(#[from] RootError),
    /// It would not fit. Nothing was written.
    #[error("there is no room for {need} bytes at {}: {free} bytes are free; free some there, then repeat", path.display())]
    Room {
        /// Destination.
        path: PathBuf,
        /// Bytes that are to be written, with a little more.
        need: u64,
        /// Bytes free.
        free: u64,
    },
    /// It turned out not to fit.
    #[error(
        "{} ran full while `{file}` was copied ({why}); what was copied of this session was removed again; free some \
         room there, then repeat", path.display()
    )]
    Full {
        /// Destination.
        path: PathBuf,
        /// File that met it.
        file: String,
        /// In the system's words.
        why: String,
    },
    /// The source changes faster than it is copied.
    #[error(
        "`{file}` is still being written: it changed each of {times} times it was copied; repeat when the recording has ended"
    )]
    StillWritten {
        /// The first such file.
        file: String,
        /// How often.
        times: u32,
    },
    /// Another computer copies it there.
    #[error("{0}")]
    Held(String),
    /// Something at the destination failed that concerns the whole session.
    #[error("cannot {what} at {}: {why}", path.display())]
    Destination {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It was told to end.
    #[error("the copy was cancelled; the next one goes on from what is whole")]
    Cancelled,
}

/// Copies a session. Blocks as long as its file systems do.
pub fn copy(order: &Order<'_>) -> Result<Copied, CopyError> {
    run::Run::new(order)?.complete()
}
