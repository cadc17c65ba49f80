//! Which sessions are meant, which rows are asked for, and what is answered.

use serde::{Deserialize, Serialize};

use super::{SessionRow, Totals};
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::listing::Odd;

/// Which sessions a command means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "which")]
pub enum Which {
    /// These.
    Keys {
        /// Each once.
        keys: Vec<Key>,
    },
    /// All between two days, both included.
    Range {
        /// First day; `None`: from the beginning.
        from: Option<jiff::civil::Date>,
        /// Last day; `None`: to the end.
        to: Option<jiff::civil::Date>,
        /// Only of this participant.
        participant: Option<String>,
        /// Only those that are safe to delete.
        safe: bool,
    },
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Store; `None`: the first of the fleet file.
    pub store: Option<String>,
    /// Words that the row must hold, as typed; `!` before a word excludes. See [`crate::session::select`].
    pub filter: String,
    /// Only from this day on.
    pub from: Option<jiff::civil::Date>,
    /// Only up to this day, itself included.
    pub to: Option<jiff::civil::Date>,
    /// Only of this participant.
    pub participant: Option<String>,
    /// Only safe ones.
    pub safe: bool,
    /// In which order.
    pub sort: Sort,
    /// The other way round.
    pub reversed: bool,
    /// First row of the window. With `at` it is where the window begins if that key is gone.
    pub offset: u64,
    /// At most so many rows, up to [`MOST_ROWS`].
    pub limit: u32,
    /// A key around which the window is put, wherever it stands now.
    pub at: Option<Key>,
    /// Rows from a look at all sides that began at this time or later are wanted: one is begun where needed, and the
    /// answer waits up to 5 s for it.
    pub not_before: Option<Timestamp>,
}

/// The longest window.
pub const MOST_ROWS: u32 = 5_000;

/// Orders of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// What is busy, then what is wrong, then the newest first.
    #[default]
    Trouble,
    /// Newest first, then by participant.
    Date,
    /// By participant, then the newest first.
    Participant,
    /// Largest first.
    Size,
    /// Safe ones first, the largest first.
    Safe,
    /// Verified longest ago first; never verified before all.
    Verified,
    /// Changed last first.
    Changed,
}

/// A window of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// Store.
    pub store: String,
    /// [`super::StoreView::version`] they belong to.
    pub version: u64,
    /// When the look at all sides began that the rows come from; `None`: they come from what was stored.
    pub looked: Option<Timestamp>,
    /// How many rows match.
    pub matching: u64,
    /// Sums over those that match.
    pub totals: Totals,
    /// Position of the first row of the window among those that match.
    pub offset: u64,
    /// The window.
    pub rows: Vec<SessionRow>,
}

/// Everything known of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// Store.
    pub store: String,
    /// The row.
    pub row: SessionRow,
    /// Folder on this computer.
    pub source: String,
    /// Folder at each destination.
    pub copies: Vec<String>,
    /// Files on all sides, in the order of paths; at most [`MOST_FILES`], those that differ first.
    pub files: Vec<FileLine>,
    /// How many files were left out of `files`.
    pub more: u64,
    /// What is left out by rule, on the source.
    pub odd: Vec<Odd>,
}

/// The most files that a detail names.
pub const MOST_FILES: usize = 2_000;

/// One file on all sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// Path below the session's folder.
    pub path: String,
    /// Bytes here; `None`: not here.
    pub here: Option<u64>,
    /// Bytes at each destination; `None`: not there, or not known.
    pub there: Vec<Option<u64>>,
    /// What is wrong with it: "missing", "size", "content", "extra".
    pub problem: Option<String>,
}
