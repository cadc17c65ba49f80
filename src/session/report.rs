//! What comes of copying, verifying and deleting: the words of `--json`, for screens and scripts alike.

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::view::Level;

/// What came of copying sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// One for each session and destination, in the order in which they were dealt with.
    pub sessions: Vec<Synced>,
    /// Nothing was written: this is what would be done.
    pub dry_run: bool,
}

/// One session copied to one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synced {
    /// Which.
    pub key: Key,
    /// Name of the destination.
    pub destination: String,
    /// How it ended.
    pub result: SyncResult,
    /// Files of the session.
    pub files: u64,
    /// Bytes of the session.
    pub bytes: u64,
    /// Files that were written now; the others were whole already.
    pub written: u64,
    /// Bytes that were written now.
    pub written_bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// What went wrong: what, where, why, what to do.
    pub error: Option<String>,
    /// It failed because something speaks against it, before anything was written.
    #[serde(default)]
    pub refused: bool,
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncResult {
    /// It is there, durable and verified.
    Copied,
    /// It was there already.
    Skipped,
    /// It is not there, or not as it should be.
    Failed,
}

/// What came of verifying one session at one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Which.
    pub key: Key,
    /// Name of the destination.
    pub destination: String,
    /// How thoroughly.
    pub level: Level,
    /// Whether everything is as it should be.
    pub ok: bool,
    /// Paths that the copy lacks.
    pub missing: Vec<String>,
    /// Paths that are not the same.
    pub different: Vec<Different>,
    /// Paths that only the copy has.
    pub extra: Vec<String>,
    /// Files compared.
    pub files: u64,
    /// Bytes compared.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// How the bytes were read, where they were.
    pub read: Option<String>,
    /// Why it could not be verified at all; then nothing above counts.
    pub error: Option<String>,
}

/// A file that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Different {
    /// Path below the session's folder.
    pub path: String,
    /// In what: `size`, `content`, `unreadable: …`.
    pub reason: String,
}

/// What came of deleting sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeleteReport {
    /// Nothing was deleted: this is what would be.
    pub dry_run: bool,
    /// Sessions that were deleted, or would be.
    pub deleted: Vec<Deleted>,
    /// Sessions that were not, with every reason.
    pub refused: Vec<Refused>,
    /// Bytes that were freed, or would be.
    pub bytes_freed: u64,
    /// Stands for where the store's sessions lie and where their copies go, as the fleet file said.
    #[serde(default)]
    pub declared: String,
}

/// A session that was deleted from this computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    /// Which.
    pub key: Key,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// Where it remains: name and folder of each destination.
    pub remains: Vec<String>,
    /// What the deletion rests on: imported, each copy, quiet.
    #[serde(default)]
    pub proofs: Vec<Proof>,
    /// What a person should know besides: what went with it that no copy holds, what was kept after all.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One of the things that must hold before a session is deleted, and does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What holds, in a word or two: "imported", "copy", "quiet".
    pub what: String,
    /// How it is known, where that is not said by `what`: "content, from the disk".
    pub how: String,
    /// When it was looked at.
    pub at: crate::clock::Timestamp,
}

/// A session that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub key: Key,
    /// Every reason.
    pub reasons: Vec<String>,
}
