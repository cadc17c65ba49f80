//! A side of a store: the place where sessions are recorded, or one where their copies go.
//!
//! Whatever a side is made of, it can say whether it is what it should be, what lies there of all sessions, and what
//! lies there of one; one that holds copies takes them and compares them. Every question blocks its caller no longer than
//! the side's own deadline; copying and comparing take as long as they take, and are steered.

mod folder;
mod gather;
mod ssh;
mod watched;
mod wish;

pub use folder::Folder;
pub use ssh::Ssh;
pub use wish::{CopyWish, Undone, VerifyWish};

use std::collections::HashMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::copy::Copied;
use super::filter::Filter;
use super::key::Key;
use super::listing::{Facts, Listing};
use super::manifest::Manifest;
use super::objects::Objects;
use super::verify::Outcome;
use super::view::SideState;
use crate::clock::{Clock, Timestamp};
use crate::fleet::data::Destination;
use crate::fleet::host::Host;
use crate::reach::secret::Secrets;
use crate::reach::ssh::SshPool;

/// What one side holds of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is counted of it.
    pub facts: Facts,
    /// How its folders looked, so that an unchanged one need not be looked into.
    pub stamp: Stamp,
}

/// How the folders of a session looked when they were looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Stands for inodes and times of all its folders; `None`: they were changing, or the side does not tell.
    pub folders: Option<[u8; 16]>,
    /// Paths of the folders below the session's own, each ended by a NUL.
    pub below: Box<[u8]>,
}

/// What one side holds of all sessions.
pub type Known = HashMap<Key, Found>;

/// What a look at all sessions found.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// The sessions.
    pub found: Known,
    /// Folders that fit the layout up to where they lie, and could not be looked into; what was known below them still
    /// stands. Below the side's own folder, each with the reason.
    pub blind: Vec<(PathBuf, String)>,
    /// How many folders hold no session of this store.
    pub strays: u64,
    /// How many sessions were looked into; the others are as they were.
    pub looked: u64,
}

/// How thorough a look at all sessions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every file.
    Full,
    /// Sessions whose folders have the same times as before are taken to hold the same files, unless they changed lately.
    /// Cheap, and blind to what is written into an old file: nothing is ever deleted on its word.
    Changed,
}

/// Why a side did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It cannot be used.
    #[error("{}", words(.0))]
    Trouble(SideState),
    /// The question was taken back.
    #[error("cancelled")]
    Cancelled,
}

impl Lost {
    /// Trouble in words: a word or two, one sentence, and what to do.
    pub fn trouble(word: &str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Trouble(trouble(word, why, remedy))
    }
}

/// Trouble in words: a word or two, one sentence, and what to do.
pub fn trouble(word: &str, why: impl Into<String>, remedy: impl Into<String>) -> SideState {
    SideState::Trouble { word: word.into(), why: why.into(), remedy: remedy.into() }
}

fn words(state: &SideState) -> String {
    match state {
        SideState::Trouble { why, remedy, .. } => format!("{why}; {remedy}"),
        SideState::Unknown => "it was not looked at yet".into(),
        SideState::Ready => "it is ready".into(),
    }
}

/// How a side stands at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is what it should be.
    pub state: SideState,
    /// Whether what can be read there is to be believed, also where nothing can be written: a full disk holds its copies.
    pub readable: bool,
    /// Identity of the place, where it has a marker.
    pub marker: Option<String>,
    /// Bytes free for us.
    pub free: Option<u64>,
    /// Bytes in all.
    pub size: Option<u64>,
}

impl Standing {
    /// Not looked at yet.
    pub const fn unknown() -> Self {
        Self { state: SideState::Unknown, readable: false, marker: None, free: None, size: None }
    }

    /// It cannot be used for anything.
    pub const fn lost(state: SideState) -> Self {
        Self { state, readable: false, marker: None, free: None, size: None }
    }
}

/// Whose copies lie at a destination: what its marker says besides its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Fleet.
    pub fleet: String,
    /// Store.
    pub store: String,
    /// Destination.
    pub destination: String,
}

/// What a look at all sessions starts from.
#[derive(Debug, Clone)]
pub struct Look {
    /// What is known from before.
    pub known: Arc<Known>,
    /// How thorough it is.
    pub depth: Depth,
    /// The time at which it begins.
    pub now: Timestamp,
}

/// How sides that are not on this computer are reached.
#[derive(Debug, Clone)]
pub struct Ways {
    /// Connections to other machines.
    pub ssh: SshPool,
    /// On which they live.
    pub runtime: Handle,
    /// The time.
    pub clock: Clock,
    /// Who reads the secrets of keys.
    pub secrets: Secrets,
}

impl Ways {
    /// On the current runtime.
    pub fn new(ssh: SshPool, clock: Clock) -> Self {
        Self { ssh, runtime: Handle::current(), secrets: Secrets::new(clock.clone()), clock }
    }
}

/// The side that a destination of a store is. `hosts` are those of the fleet, whose names its url may use.
pub fn destination(to: &Destination, hosts: &[Host], filter: &Filter, ways: &Ways) -> Arc<dyn Side> {
    if let Some(bucket) = to.bucket() {
        return Arc::new(Objects::new(bucket, &to.layout, filter, ways.secrets.clone(), ways.runtime.clone()));
    }
    match to.ssh(hosts) {
        Some(folder) => Arc::new(Ssh::destination(to, folder, filter, ways)),
        None => Arc::new(Folder::destination(to, filter)),
    }
}

/// One side of a store.
pub trait Side: Debug + Send + Sync {
    /// Where a session lies there, as screens name it.
    fn place(&self, key: &Key) -> String;

    /// Whether it is what it should be, looked up now. `kept`: the identity that it had.
    fn stand(&self, kept: Option<&str>) -> Standing;

    /// Makes it ready for copies: leaves the marker where it is the first time. Only for a sync.
    fn prepare(&self, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing;

    /// All sessions there. `go_on` is asked every now and then; `false` ends it.
    fn scan(&self, look: &Look, go_on: &dyn Fn() -> bool) -> Result<Scan, Lost>;

    /// One session there; `None`: nothing.
    fn list(&self, key: &Key) -> Result<Option<Listing>, Lost>;

    /// The sums that lie beside the copy of a session, read now; `None`: there are none.
    fn manifest(&self, key: &Key) -> Result<Option<Manifest>, Lost>;

    /// Copies a session there, reads all of it back from its storage, and leaves the manifest beside it. The side is proven
    /// to be the one that is meant before anything is written, and again before anything gets its name.
    fn copy(&self, wish: &CopyWish<'_>) -> Result<Copied, Undone>;

    /// Compares the copy of a session with the source, or where that is gone with the manifest.
    fn verify(&self, wish: &VerifyWish<'_>) -> Result<Outcome, Undone>;
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use crate::fleet::data::Store;

    /// A store of participants whose names begin with `p`.
    pub(crate) fn store() -> Store {
        Store {
            name: "mocap".into(),
            source: "/data".into(),
            layout: "{participant}/{date}".into(),
            participants: vec!["p".into()],
            exclude: vec!["*.tmp".into()],
            count: "*.mp4".into(),
            settle: Duration::from_secs(120),
            destinations: Vec::new(),
            parallel: 0,
            limit: None,
            imported: None,
        }
    }
}
