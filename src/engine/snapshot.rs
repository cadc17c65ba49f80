//! The snapshot: an immutable, owned picture of everything, published when something changed.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::dump::view::DumpView;
use crate::feed::view::FeedView;
use crate::health::view::{Health, HostView};
use crate::journal::entry::{Chain, Entry};
use crate::runbook::view::RunView;
use crate::service::view::ServiceView;
use crate::session::view::StoreView;
use crate::standin::view::PoolView;
use crate::work::view::JobView;

/// Everything the faces can see at once. Parts are shared between snapshots: an unchanged part is the same `Arc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Grows with each publication of one engine.
    pub seq: u64,
    /// When it was composed.
    pub taken: Timestamp,
    /// Engine, lease, fleet file.
    pub head: Arc<Head>,
    /// Hosts, in the order of the fleet file.
    pub hosts: Arc<Vec<Arc<HostView>>>,
    /// Pools, in the order of the fleet file.
    pub pools: Arc<Vec<Arc<PoolView>>>,
    /// Feeds, in the order of the fleet file.
    #[serde(default)]
    pub feeds: Arc<Vec<Arc<FeedView>>>,
    /// Dumps, in the order of the fleet file.
    #[serde(default)]
    pub dumps: Arc<Vec<Arc<DumpView>>>,
    /// The last run of each runbook that no pool asked for, oldest first.
    #[serde(default)]
    pub runs: Arc<Vec<Arc<RunView>>>,
    /// Services, in the order of the fleet file.
    #[serde(default)]
    pub services: Arc<Vec<Arc<ServiceView>>>,
    /// Stores of recording sessions, in the order of the fleet file; their rows are asked for by window.
    pub stores: Arc<Vec<Arc<StoreView>>>,
    /// Jobs: all that have not ended, and the last that have; newest last.
    pub jobs: Arc<Vec<Arc<JobView>>>,
    /// The end of the journal.
    pub journal: Arc<JournalView>,
}

/// What is true of the engine as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Name of the fleet.
    pub fleet: String,
    /// The engine.
    pub engine: EngineView,
    /// The right to act.
    pub lease: LeaseView,
    /// The fleet file in force.
    pub file: FileView,
    /// Things that need a person and are not a host's: a full state disk, a state.db that was set aside.
    pub alarms: Vec<String>,
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineView {
    /// Process id.
    pub pid: u32,
    /// Version.
    pub version: String,
    /// Since when it runs.
    pub started: Timestamp,
    /// State folder.
    pub state: PathBuf,
    /// Automatic decisions are suspended.
    pub frozen: Option<Freeze>,
    /// Consoles that are joined.
    pub consoles: u32,
    /// It does only what the command asked that started it, and ends with it.
    #[serde(default)]
    pub brief: bool,
}

/// Automatic decisions are suspended because the engine cannot trust its own eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Why: "the wall clock jumped by 3600 s".
    pub why: String,
    /// Until when.
    pub until: Timestamp,
}

/// The right to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// `embedded` or `etcd`.
    pub kind: String,
    /// Does this engine hold it?
    pub held: bool,
    /// Who holds it.
    pub by: Option<String>,
    /// Why it is not held.
    pub why: Option<String>,
}

/// The fleet file in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Where it is.
    pub path: PathBuf,
    /// When it was last read and accepted.
    pub read: Timestamp,
    /// Why the newest version of it is not in force, one line an error; empty: it is.
    pub refused: Vec<String>,
    /// Runbooks in it that are no pool's: those that a person begins.
    #[serde(default)]
    pub runbooks: Vec<String>,
}

/// The end of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalView {
    /// How many entries there are in all.
    pub length: u64,
    /// The last two hundred entries, oldest first.
    pub tail: Vec<Arc<Entry>>,
    /// Whether the chain holds.
    pub chain: Chain,
}

impl Snapshot {
    /// How many hosts are believed to be in this health.
    pub fn count(&self, health: Health) -> usize {
        self.hosts.iter().filter(|host| host.health == health).count()
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Arc<HostView>> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<&Arc<PoolView>> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// The feed of this name.
    pub fn feed(&self, name: &str) -> Option<&Arc<FeedView>> {
        self.feeds.iter().find(|feed| feed.name == name)
    }

    /// The dump of this name.
    pub fn dump(&self, name: &str) -> Option<&Arc<DumpView>> {
        self.dumps.iter().find(|dump| dump.name == name)
    }

    /// The last run of this runbook.
    pub fn run(&self, runbook: &str) -> Option<&Arc<RunView>> {
        self.runs.iter().find(|run| run.runbook == runbook)
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Arc<ServiceView>> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether nothing needs a person: every host up or in maintenance, every pool, feed, dump and run well, the fleet file in
    /// force, no alarm.
    pub fn healthy(&self) -> bool {
        self.hosts.iter().all(|host| matches!(host.health, Health::Up | Health::Maintenance))
            && self.pools.iter().all(|pool| pool.well())
            && self.feeds.iter().all(|feed| feed.well())
            && self.dumps.iter().all(|dump| dump.well())
            && self.runs.iter().all(|run| run.well())
            && self.head.file.refused.is_empty()
            && self.head.alarms.is_empty()
    }
}
