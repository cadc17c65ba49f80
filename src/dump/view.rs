//! What the snapshot carries of dumps.

use serde::{Deserialize, Serialize};

use super::record::{Held, Kit};
use super::report::MadeResult;
use crate::clock::Timestamp;

/// How a dump does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DumpState {
    /// Nothing was heard of it yet.
    Starting,
    /// Its last round left everything on the medium.
    Good,
    /// A round is under way.
    Dumping,
    /// The medium was let go of by a person, who may take it out.
    Ejected,
    /// Another engine makes the rounds, or nobody may.
    Elsewhere,
    /// The last good kit is older than two rounds.
    Late,
    /// The server does not answer.
    ServerAway,
    /// One or more databases could not be dumped; the others were.
    Failing,
    /// The medium is not mounted, full, read-only, another one, or broken.
    MediumAway,
}

impl DumpState {
    /// Whether a person has something to look at.
    pub const fn wrong(self) -> bool {
        matches!(self, Self::Late | Self::ServerAway | Self::Failing | Self::MediumAway)
    }

    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Good => "good",
            Self::Dumping => "dumping",
            Self::Ejected => "safe to remove",
            Self::Elsewhere => "elsewhere",
            Self::Late => "late",
            Self::ServerAway => "server away",
            Self::Failing => "failing",
            Self::MediumAway => "medium away",
        }
    }
}

/// A dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DumpView {
    /// Its name.
    pub name: String,
    /// The server, without secrets.
    pub server: String,
    /// Where kits go.
    pub to: String,
    /// How it does.
    pub state: DumpState,
    /// Why, where it is not good.
    pub why: Option<String>,
    /// Seconds between two rounds.
    pub every: f64,
    /// The kit that holds the newest good state; `None`: there is none.
    pub kit: Option<String>,
    /// When that state was last seen to be the server's: the end of the last round in which all was written or unchanged.
    pub good: Option<Timestamp>,
    /// Each database of the last round.
    pub databases: Vec<DatabaseView>,
    /// Kits on the medium.
    pub kits: u32,
    /// Bytes of all kits.
    pub bytes: u64,
    /// Bytes that are free on the medium.
    pub free: Option<u64>,
    /// The medium by its file system's id, as the system names it.
    pub medium: Option<String>,
    /// How long the last round took, seconds.
    pub took: Option<f64>,
    /// The last drill.
    pub drill: Option<DrillView>,
    /// When the next round begins.
    pub next: Option<Timestamp>,
    /// What will go wrong.
    pub warnings: Vec<String>,
}

impl DumpView {
    /// A dump of which nothing is known yet.
    pub fn starting(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            server: String::new(),
            to: String::new(),
            state: DumpState::Starting,
            why: None,
            every: 0.0,
            kit: None,
            good: None,
            databases: Vec::new(),
            kits: 0,
            bytes: 0,
            free: None,
            medium: None,
            took: None,
            drill: None,
            next: None,
            warnings: Vec::new(),
        }
    }

    /// Whether nothing of it needs a person.
    pub const fn well(&self) -> bool {
        !self.state.wrong()
    }
}

/// One database of a dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// What came of it in the last round.
    pub result: MadeResult,
    /// Bytes of its files on the medium.
    pub bytes: u64,
    /// How long its tables were locked, seconds.
    pub locked: Option<f64>,
    /// When its newest good dump was read from the server.
    pub good: Option<Timestamp>,
    /// Why it was not dumped.
    pub error: Option<String>,
}

/// A restore for practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillView {
    /// The kit.
    pub kit: String,
    /// When it ended.
    pub at: Timestamp,
    /// Whether everything was there as it was noted.
    pub ok: bool,
    /// How long it took, seconds.
    pub seconds: f64,
    /// In one line.
    pub said: String,
}

/// A kit, in a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitView {
    /// Its name.
    pub kit: String,
    /// When its round began.
    pub at: Timestamp,
    /// The server's version as it names itself.
    pub version: String,
    /// Each database.
    pub databases: Vec<KitDatabase>,
    /// Bytes of the files in its own folder.
    pub bytes: u64,
}

/// One database of a kit, in a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitDatabase {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// Bytes of its files, wherever they lie.
    pub bytes: u64,
    /// The kit in whose folder they lie; `None`: no kit has it.
    pub held: Option<String>,
    /// When the server was read.
    pub at: Option<Timestamp>,
    /// Why it was not dumped in that round.
    pub error: Option<String>,
}

impl KitView {
    /// Of what the kit says of itself.
    pub fn of(kit: &Kit) -> Self {
        let databases = kit.databases.iter().map(|database| {
            let held = database.held.as_ref();
            KitDatabase {
                name: database.name.clone(),
                label: database.label.clone(),
                bytes: held.map_or(0, Held::bytes),
                held: held.map(|held| held.kit.clone()),
                at: held.map(|held| held.at),
                error: database.error.clone(),
            }
        });
        Self {
            kit: kit.name.clone(),
            at: kit.at,
            version: kit.version.clone(),
            databases: databases.collect(),
            bytes: kit.bytes(),
        }
    }
}
