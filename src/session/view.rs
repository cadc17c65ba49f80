//! What faces see of stores and sessions.
//!
//! A snapshot carries one small [`StoreView`] a store; rows, of which there may be a hundred thousand, are asked for by
//! filter, order and window.

mod ask;

use serde::{Deserialize, Serialize};

pub use self::ask::{Ask, Detail, FileLine, MOST_FILES, MOST_ROWS, Rows, Sort, Which};
use super::key::Key;
use super::listing::Facts;
use crate::clock::Timestamp;

/// A store, as a snapshot carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreView {
    /// Its name.
    pub name: String,
    /// Grows whenever any row changed: a window of rows of an older version is to be asked for again.
    pub version: u64,
    /// Folder in which sessions are recorded.
    pub source: SideState,
    /// Bytes free where sessions are recorded.
    pub free: Option<u64>,
    /// Days until that is full, at the pace of the last two weeks of recordings.
    pub days_left: Option<f64>,
    /// Its destinations, in the order of the fleet file.
    pub destinations: Vec<DestinationView>,
    /// Whether the database that knows of imports answers; `None`: no `imported` is declared.
    pub imported: Option<SideState>,
    /// When all sides were last looked at; `None`: rows come from what was stored, not yet from the disks.
    pub scanned: Option<Timestamp>,
    /// A look at all sides is under way.
    pub scanning: bool,
    /// What was stored is still being read: only the newest days are here, and `totals` are theirs alone.
    #[serde(default)]
    pub reading: bool,
    /// Sums over all rows.
    pub totals: Totals,
    /// Bytes a second that copies may take; `None`: no limit.
    pub limit: Option<u64>,
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows.
    pub sessions: u64,
    /// Of them, on this computer's disk.
    pub on_disk: u64,
    /// Files on this computer's disk.
    pub files: u64,
    /// Bytes on this computer's disk.
    pub bytes: u64,
    /// Sessions that are safe to delete here.
    pub safe: u64,
    /// Their bytes.
    pub safe_bytes: u64,
    /// Sessions with something that needs a person: a difference, a copy without a source that was never deleted here.
    pub wrong: u64,
}

/// A destination, as a snapshot carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DestinationView {
    /// Its name.
    pub name: String,
    /// Where copies lie, as the fleet file writes it.
    pub path: String,
    /// Whether it is what it should be.
    pub state: SideState,
    /// Bytes free there.
    pub free: Option<u64>,
}

/// Whether a disk, a share or a database can be trusted to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum SideState {
    /// Not looked at yet.
    Unknown,
    /// It is what it should be and answers.
    Ready,
    /// It cannot be used.
    Trouble {
        /// In a word or two: "stale", "not mounted", "replaced", "read-only", "no folder", "unreachable".
        word: String,
        /// What is wrong, where, in one sentence.
        why: String,
        /// What to do now.
        remedy: String,
    },
}

impl SideState {
    /// Whether it may be used.
    pub const fn ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// One session, with everything known of its three sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Which.
    pub key: Key,
    /// What lies on this computer's disk; `None`: nothing, or the source cannot be read.
    pub source: Option<Facts>,
    /// One for each destination, in the order of the fleet file.
    pub copies: Vec<CopyView>,
    /// Whether the database says that it was imported.
    pub imported: Imported,
    /// What goes on with it: "being recorded", "being copied"; such a session is never safe.
    pub busy: Option<String>,
    /// Whether it may be deleted from this computer.
    pub safe: bool,
    /// Every reason why not; empty only where it is safe.
    pub why_not: Vec<String>,
    /// What needs a person, in a few words: a difference, an orphan.
    pub wrong: Option<String>,
}

/// A copy at one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyView {
    /// What is there.
    pub state: CopyState,
    /// What lies there; `None`: nothing, or it cannot be read.
    pub facts: Option<Facts>,
    /// The last verification, whatever came of it.
    pub verified: Option<Verified>,
}

/// What is there of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "copy")]
pub enum CopyState {
    /// The destination cannot be asked; never to be read as "not copied".
    Unknown {
        /// Why, in a word or two: "stale", "not mounted".
        why: String,
    },
    /// The destination answers, and nothing is there.
    None,
    /// Something is there, and names or sizes differ from the source.
    Differs,
    /// Every file of the source is there with the same size, and nothing else.
    Same,
    /// There is no source to compare it with.
    Alone,
}

/// How thoroughly a copy was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Names and their number.
    Count,
    /// Names and sizes.
    Sizes,
    /// Every byte, by BLAKE3, from the destination's own storage.
    Content,
}

impl Level {
    /// The word of screens and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sizes => "sizes",
            Self::Content => "content",
        }
    }
}

/// What came of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// How thoroughly.
    pub level: Level,
    /// When it ended.
    pub at: Timestamp,
    /// Whether everything was as it should be.
    pub ok: bool,
    /// How the bytes were read: "from the disk", "after the cache was dropped", "may come from the cache". `None` below [`Level::Content`].
    pub read: Option<String>,
    /// Whether the bytes are known to come from storage and not from this computer's memory.
    pub from_storage: bool,
    /// How many files are missing, different or extra.
    pub problems: u32,
    /// [`Facts::state`] of the source when it was verified; `None`: there was no source.
    pub source: Option<[u8; 16]>,
    /// [`Facts::state`] of the copy when it was verified.
    pub copy: [u8; 16],
}

impl Verified {
    /// Whether a later one, of the same files, found nothing that this one did not look at more thoroughly: what was found
    /// by content is not forgotten because the names are still there.
    pub fn says_more_than(&self, later: &Self) -> bool {
        let thorough = |one: &Self| (one.level, one.from_storage);
        later.ok && thorough(self) > thorough(later) && self.source == later.source && self.copy == later.copy
    }
}

/// Whether a session was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "imported")]
pub enum Imported {
    /// Every part of it was found.
    Yes,
    /// Something is missing.
    No {
        /// What, in a few words: "2 of 3", "no such session".
        short: String,
        /// What exactly, one line each: "walk: camera 17391304 is missing".
        why: Vec<String>,
    },
    /// The database did not answer, or does not know enough. Neither yes nor no.
    Unknown {
        /// Why.
        why: String,
    },
    /// The fleet file declares no way to know.
    NotAsked,
}

impl Imported {
    /// `imported` of `session list --json`.
    pub const fn known(&self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No { .. } => Some(false),
            Self::Unknown { .. } | Self::NotAsked => None,
        }
    }
}
