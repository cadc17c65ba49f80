//! What a kit says of itself: the file `kit.json` in its folder, and what a round knows before there is one.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What one round left on the medium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kit {
    /// Its folder: the moment it began, such as `2026-11-20T14-02-11Z`.
    pub name: String,
    /// The dump of the fleet file that made it.
    pub dump: String,
    /// Grows with each kit of a medium, whatever the clock does: the greater is the newer. Given when it is published.
    #[serde(default)]
    pub number: u64,
    /// When its round began.
    pub at: Timestamp,
    /// The server, without secrets: `mysql://meos@127.0.0.1:3306/`.
    pub server: String,
    /// Its version as it names itself: `10.11.14-MariaDB`.
    pub version: String,
    /// One for each database that the round should have dumped, in the order in which they are restored.
    pub databases: Vec<Database>,
}

/// One database of a kit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// Its name as the server has it.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// Where it lies; `None`: it could not be dumped, and no earlier kit has it.
    pub held: Option<Held>,
    /// Why it was not dumped in this round.
    pub error: Option<String>,
}

/// The dump of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The kit in whose folder its files lie: this one, or an earlier one since which the database has not changed.
    pub kit: String,
    /// When the server was read.
    pub at: Timestamp,
    /// Its files in order, each below 4 GiB; together they are one stream.
    pub files: Vec<File>,
    /// BLAKE3 of the plain dump without the lines that differ each time, in hexadecimal: two dumps of an unchanged database have the same.
    pub content: String,
    /// Bytes of the plain dump.
    pub plain: u64,
    /// How long its tables were locked, seconds; `None`: they were not.
    pub locked: Option<f64>,
    /// Each table, for comparison after a restore.
    pub tables: Vec<Table>,
    /// What tells cheaply whether it changed since, by the rules of the server's kind; empty: nothing does.
    pub mark: String,
}

/// One file of a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the folder of its kit.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3, in hexadecimal.
    pub blake3: String,
    /// SHA-256, in hexadecimal, for computers without `b3sum`.
    pub sha256: String,
}

/// One table (or collection) as it was when it was dumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Rows; `None`: a view.
    pub rows: Option<u64>,
    /// BLAKE3 of its rows as the server's own tool writes them, in hexadecimal, of the same moment as the dump; comparable on servers
    /// of the same kind only. `None`: a view, or a server that is not asked for it.
    pub checksum: Option<String>,
}

impl Held {
    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Kit {
    /// Bytes of the files in its own folder.
    pub fn bytes(&self) -> u64 {
        let held = self.databases.iter().filter_map(|database| database.held.as_ref());
        held.filter(|held| held.kit == self.name).map(Held::bytes).sum()
    }
}
