//! What is asked of config backups, and what is told of them.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A config backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigView {
    /// Its name.
    pub name: String,
    /// Paths and patterns that are fetched.
    pub files: Vec<String>,
    /// Between two looks, seconds.
    pub every: f64,
    /// How versions are kept: `git` or `copies`.
    pub kept: String,
    /// Versions that are kept.
    pub versions: usize,
    /// Its hosts, in the order of the fleet file.
    pub hosts: Vec<HostView>,
}

/// One host of a config backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// When it was last looked at with success.
    pub looked: Option<Timestamp>,
    /// When something of it last changed.
    pub changed: Option<Timestamp>,
    /// Files that are kept of it now.
    pub files: Vec<FileView>,
    /// Why it could not be looked at, or what was left out.
    pub trouble: Vec<String>,
}

/// One file of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Its path on the host.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// Permission bits, in octal.
    pub mode: String,
    /// When its newest version was fetched.
    pub since: Timestamp,
    /// How many versions of it are kept.
    pub versions: usize,
}

/// A question for differences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Only this config backup.
    pub config: Option<String>,
    /// Only this host.
    pub host: Option<String>,
    /// Only files whose path holds this.
    pub file: Option<String>,
    /// What was there then is compared with what is there now; `None`: each file with its version before the newest.
    pub from: Option<Timestamp>,
}

/// Differences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// File by file; those that are the same are left out.
    pub files: Vec<FileDiff>,
    /// Files that were compared.
    pub compared: usize,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Config backup.
    pub config: String,
    /// Host.
    pub host: String,
    /// Path on the host.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// When the older version was fetched.
    pub from: Option<Timestamp>,
    /// When the newer version was fetched, or the file was found gone.
    pub to: Timestamp,
    /// Unified, with three lines around each change; empty where it is no text or only its permissions changed.
    pub lines: Vec<String>,
    /// Permission bits before and after, where they differ.
    pub mode: Option<(String, String)>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there before.
    Added,
    /// Its content or its permissions are others.
    Changed,
    /// It is not there any more.
    Removed,
}

impl Change {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Config backup.
    pub config: String,
    /// Host.
    pub host: String,
    /// Path on the host.
    pub path: String,
    /// When it was fetched.
    pub at: Timestamp,
    /// Its text; what is not UTF-8 is replaced.
    pub text: String,
}
