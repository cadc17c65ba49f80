//! What the worker has done by others: looking at a medium, making a round, checking, restoring, letting go.
//!
//! The worker knows when and whether; these hands know how. All of them end: whatever hangs is left behind after its time.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::dump::medium::Readers;
use crate::dump::record::Kit;
use crate::dump::report::{Drilled, Made, Restored, Verified};
pub use crate::dump::trouble::Trouble;
use crate::fleet::data::Dump;
use crate::fleet::secret::DatabaseUrl;
use crate::work::steer::Steer;

/// What lies on a medium.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shelf {
    /// The whole kits of the dump, newest first.
    pub kits: Vec<Kit>,
    /// When the newest of them was last seen to hold what the server holds; `None`: not since it was made.
    pub current: Option<Timestamp>,
    /// The file system's id.
    pub id: Option<String>,
    /// Bytes that are free.
    pub free: Option<u64>,
    /// What a person should know of it: kits that were left behind half, or cannot be read.
    pub warnings: Vec<String>,
}

/// Which kit is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The newest.
    #[default]
    Newest,
    /// The one of this name.
    Named(String),
    /// The newest that is not younger than this.
    At(Timestamp),
}

impl Pick {
    /// The kit, of these, newest first. The error says which there are.
    pub fn of<'a>(&self, kits: &'a [Kit]) -> Result<&'a Kit, String> {
        let found = match self {
            Self::Newest => kits.first(),
            Self::Named(name) => kits.iter().find(|kit| kit.name == *name),
            Self::At(at) => kits.iter().find(|kit| kit.at <= *at),
        };
        found.ok_or_else(|| match (self, kits.first(), kits.last()) {
            (_, None, _) | (_, _, None) => "there is no kit of this dump on the medium".into(),
            (Self::Named(name), Some(newest), Some(oldest)) => {
                format!("there is no kit {name}; the newest is {}, the oldest {}", newest.name, oldest.name)
            }
            (_, Some(_), Some(oldest)) => format!("no kit is so old; the oldest is {}", oldest.name),
        })
    }
}

/// A restore for real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoring {
    /// Only these databases; empty: all of the kit.
    pub databases: Vec<String>,
    /// Which kit.
    pub pick: Pick,
    /// Where to.
    pub to: DatabaseUrl,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What a piece of work is about.
#[derive(Clone)]
pub struct Job {
    /// The dump.
    pub dump: Arc<Dump>,
    /// Ids of media that this dump was on.
    pub known: Vec<String>,
    /// Who reads kits there: as long as there is one, none is removed.
    pub readers: Readers,
    /// Who hears how far it is, and holds it.
    pub steer: Arc<dyn Steer>,
    /// Ends it.
    pub stop: CancellationToken,
}

/// A round's outcome, and what lies on the medium after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// What came of it.
    pub made: Made,
    /// The medium after it.
    pub shelf: Shelf,
}

/// Who does the work.
pub trait Hands: Send + Sync {
    /// What lies on the medium. Changes nothing.
    fn look(&self, job: Job) -> BoxFuture<'_, Result<Shelf, Trouble>>;
    /// One round. Old kits are removed at the end, where nobody reads.
    fn round(&self, job: Job) -> BoxFuture<'_, Result<Round, Trouble>>;
    /// Reads kits and compares them with their sums; `None`: all of them.
    fn verify(&self, job: Job, pick: Option<Pick>) -> BoxFuture<'_, Result<Verified, Trouble>>;
    /// Restores a kit for practice.
    fn drill(&self, job: Job, pick: Pick) -> BoxFuture<'_, Result<Drilled, Trouble>>;
    /// Restores a kit for real.
    fn restore(&self, job: Job, restoring: Restoring) -> BoxFuture<'_, Result<Restored, Trouble>>;
    /// Writes out what waits and lets go of the medium; what a person is told.
    fn eject(&self, job: Job) -> BoxFuture<'_, Result<String, Trouble>>;
}
