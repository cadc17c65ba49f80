//! How far a strand was carried. Pure.

use serde::{Deserialize, Serialize};

use super::value::Place;

/// One table of one machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Strand {
    /// The feed.
    pub feed: String,
    /// The host that it is read from; empty: this machine.
    pub source: String,
    /// The table, by its name at the source.
    pub table: String,
}

/// How far a strand was carried, as it is kept at the target.
///
/// All rows of the source whose place is not after `at` are at the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Grows by one with each change: who changes a mark says which one it has read, and is refused where it is another.
    pub turn: u64,
    /// Place of the last row; `None`: nothing was carried yet.
    pub at: Option<Place>,
    /// The key of the row at `at`, digested: SQLite gives a rowid a second time after the last row was deleted, and a source
    /// may be replaced by another file. Where the row there has another key, the strand is compared from its beginning.
    pub tail: Option<String>,
    /// Greatest value of the column that tells of changes, where one is declared.
    pub changed: Option<Place>,
    /// Rows carried so far, those counted twice that were carried again.
    pub rows: u64,
    /// What is done with new rows.
    pub role: Role,
}

/// What is done with the rows of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// They are carried.
    #[default]
    Carried,
    /// It is a spare that stands in for nobody: what it writes (in a drill) is passed over.
    PassedOver,
}
