//! What comes of making, verifying, drilling and restoring: the words of `--json`, for screens and scripts alike.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What came of one round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The kit that holds the state of this round: a new one, or where nothing changed the newest.
    pub kit: String,
    /// One for each database.
    pub databases: Vec<DatabaseMade>,
}

/// One database of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseMade {
    /// Its name as the server has it.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// Bytes of its files on the medium.
    pub bytes: u64,
    /// What came of it.
    pub result: MadeResult,
    /// Its first file, relative to the root of the medium.
    pub file: Option<String>,
    /// BLAKE3 of that file, in hexadecimal.
    pub blake3: Option<String>,
    /// How long its tables were locked, seconds.
    pub locked: Option<f64>,
    /// Why it was not dumped.
    pub error: Option<String>,
}

/// What came of one database in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MadeResult {
    /// A new file is on the medium, read back.
    Written,
    /// It is as it was; the file of an earlier kit holds it.
    Unchanged,
    /// It was not dumped.
    Failed,
}

/// What came of checking kits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Whether all of them are whole.
    pub ok: bool,
    /// One for each kit, newest first.
    pub kits: Vec<KitVerified>,
}

/// One kit, checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KitVerified {
    /// The kit.
    pub kit: String,
    /// Whether it is whole.
    pub ok: bool,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

/// What came of restoring for practice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drilled {
    /// Whether everything was there as it was noted.
    pub ok: bool,
    /// The kit.
    pub kit: String,
    /// How long it took, from the start of the server until the last comparison.
    pub seconds: f64,
    /// One for each database.
    pub databases: Vec<DatabaseDrilled>,
}

/// One database, restored for practice or for real.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseDrilled {
    /// Its name.
    pub name: String,
    /// Whether it is as it was noted.
    pub ok: bool,
    /// Tables compared.
    pub tables: u64,
    /// What differs.
    pub problems: Vec<String>,
}

/// What came of restoring for real, or would.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Whether everything was there afterwards as it was noted; on a dry run whether it could begin.
    pub ok: bool,
    /// The kit.
    pub kit: String,
    /// Where to, without secrets.
    pub to: String,
    /// The kit with what was overwritten, dumped before; `None`: nothing was there.
    pub before: Option<String>,
    /// What lies at the target now and would be, or was, overwritten.
    pub overwrites: Vec<Overwritten>,
    /// One for each database.
    pub databases: Vec<DatabaseDrilled>,
    /// How long it took.
    pub seconds: f64,
}

/// A database at the target of a restore, before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overwritten {
    /// Its name.
    pub name: String,
    /// Tables.
    pub tables: u64,
    /// Rows, as far as the server says.
    pub rows: u64,
    /// When it was last changed, where the server knows.
    pub changed: Option<Timestamp>,
}
