//! What comes of carrying, comparing and preparing: the words of `--json`, for screens and scripts alike.

use serde::{Deserialize, Serialize};

/// What came of carrying what waited, once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedRan {
    /// The feed.
    pub feed: String,
    /// One for each table of each machine.
    pub tables: Vec<TableRan>,
}

/// One table of one machine, carried once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRan {
    /// The table, by its name at the source.
    pub table: String,
    /// The host that it was read from; `None`: this machine.
    pub source: Option<String>,
    /// Rows carried.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// Rows that wait now.
    pub rows_behind: u64,
    /// Why not everything was carried.
    pub error: Option<String>,
}

/// What came of comparing both ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedCompared {
    /// The feed.
    pub feed: String,
    /// Whether both ends had the same rows, or have them now that it was repaired.
    pub ok: bool,
    /// What was missing or different was carried.
    pub repaired: bool,
    /// One for each table of each machine.
    pub tables: Vec<TableCompared>,
}

impl FeedCompared {
    /// In one line.
    pub fn said(&self) -> String {
        let sum = |count: fn(&TableCompared) -> u64| self.tables.iter().map(count).sum::<u64>();
        if let Some(error) = self.tables.iter().find_map(|table| table.error.clone()) {
            return error;
        }
        let rows = sum(|table| table.source_rows);
        if sum(|table| table.missing + table.extra + table.different) == 0 {
            return format!("both ends have the same {rows} rows");
        }
        let repaired =
            if self.repaired { format!("; {} rows were carried", sum(|table| table.repaired)) } else { String::new() };
        format!(
            "of {rows} rows {} are missing at the target and {} are different, {} are there that the source does not \
             have{repaired}",
            sum(|table| table.missing),
            sum(|table| table.different),
            sum(|table| table.extra),
        )
    }
}

/// One table of one machine, compared with the target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableCompared {
    /// The table, by its name at the source.
    pub table: String,
    /// The host that it was read from; `None`: this machine.
    pub source: Option<String>,
    /// Rows at the source.
    pub source_rows: u64,
    /// Rows at the target, of those that were compared.
    pub target_rows: u64,
    /// Rows of the source that the target did not have.
    pub missing: u64,
    /// Rows of the target that the source does not have.
    pub extra: u64,
    /// Rows with one key that are not the same.
    pub different: u64,
    /// Rows that were carried to repair it.
    pub repaired: u64,
    /// A few of them by their keys, written out: `missing: camera_name=hall-3, timestamp=2026-11-20 14:01:50`.
    pub examples: Vec<String>,
    /// How long it took.
    pub seconds: f64,
    /// Why it could not be compared; then nothing above counts.
    pub error: Option<String>,
}

/// What preparing a target took, or would take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedPrepared {
    /// The feed.
    pub feed: String,
    /// Nothing was changed: this is what would be done.
    pub dry_run: bool,
    /// Whether every table is ready now, or would be.
    pub ok: bool,
    /// One for each table.
    pub tables: Vec<TablePrepared>,
}

/// One table at the target, made ready.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TablePrepared {
    /// The table, by its name at the source.
    pub table: String,
    /// Its name at the target.
    pub into: String,
    /// Statements in their order, done or to be done; none: it was ready.
    pub statements: Vec<String>,
    /// What a person should know: keys that differ only in case are one row there, a column that is not carried.
    pub notes: Vec<String>,
    /// Keys that the target has more than once, a few of them; the unique index cannot be made while there are any.
    pub doubles: Vec<Double>,
    /// How many keys there are more than once.
    pub doubled: u64,
    /// Why it was not made ready: what, where, why, what to do.
    pub error: Option<String>,
}

/// A key that the target has more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Double {
    /// The key, written out.
    pub key: String,
    /// How often.
    pub times: u64,
}
