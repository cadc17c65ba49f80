//! What the snapshot carries of a pool.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::runbook::cast::Purpose;
use crate::runbook::view::{RunId, RunState, RunView};

/// A pool, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolView {
    /// Name.
    pub name: String,
    /// `auto`, `manual` or `observe`.
    pub mode: String,
    /// Protected hosts, most important first.
    pub hosts: Vec<Protected>,
    /// Spares, in the order of the fleet file.
    pub spares: Vec<SpareView>,
    /// No automatic decisions meanwhile, by somebody's wish.
    pub paused: Option<Pause>,
    /// What else keeps automation from acting now: frozen, no lease, brake, cool-down, no anchor; empty: nothing.
    pub held_back: Vec<String>,
    /// The run that is under way, waits for a person, or was the last.
    pub run: Option<Arc<RunView>>,
    /// Who answers for each address that the pool moves.
    pub owners: Vec<Owner>,
    /// The last takeover that ended.
    pub last_takeover: Option<Past>,
    /// The last drill that ended.
    pub last_drill: Option<Past>,
    /// The promised time to service, seconds.
    pub target: f64,
    /// How long ago the last good drill may be before nobody knows whether the spare works, seconds; `None`: the pool has
    /// no drill.
    #[serde(default)]
    pub drill_every: Option<f64>,
    /// What needs a person, in words: two owners, a spare that died while standing in, a drill overdue.
    pub alarms: Vec<String>,
}

impl PoolView {
    /// Whether nothing of it needs a person: no alarm, every host serves, every spare is ready.
    pub fn well(&self) -> bool {
        self.alarms.is_empty()
            && self.hosts.iter().all(|host| host.stand == Stand::Serving)
            && self.spares.iter().all(|spare| spare.state == SpareState::Ready)
    }
}

/// A protected host in its pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protected {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub stand: Stand,
    /// Since when.
    pub since: Timestamp,
    /// The spare that serves in its place, or is to.
    pub spare: Option<String>,
    /// Why it stands so, and what is needed for the next change, in one line.
    pub why: String,
    /// What would be done if it failed now: "takes the spare from studio-2", "waits: no spare is free".
    pub if_it_dies: String,
}

/// Where a protected host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// It serves.
    Serving,
    /// Something is wrong, not enough to act on.
    Suspect,
    /// It is gone, and a spare is about to take its place.
    Failing,
    /// It is gone, and no spare serves in its place.
    Waiting,
    /// A spare serves in its place.
    StoodIn,
    /// It is back while a spare serves in its place: it is not trusted before somebody says so.
    Returned,
}

impl Stand {
    /// Whether it is not there, or was not, until somebody says that it may be trusted again.
    pub const fn gone(self) -> bool {
        !matches!(self, Self::Serving | Self::Suspect)
    }

    /// The word of screens and of `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Suspect => "suspect",
            Self::Failing => "failing",
            Self::Waiting => "waiting",
            Self::StoodIn => "stood in for",
            Self::Returned => "returned",
        }
    }
}

/// A spare in its pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpareView {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub state: SpareState,
    /// The host in whose place it serves.
    pub standing_in_for: Option<String>,
    /// Since when it serves there.
    pub since: Option<Timestamp>,
    /// Who decided it: `engine`, or the person and the face.
    pub by: Option<String>,
    /// The number that grew with its last change of ownership.
    pub generation: u64,
    /// Why it is not ready, or what is wrong with it; empty: nothing.
    pub reasons: Vec<String>,
    /// When its readiness was last proven.
    pub proven: Option<Timestamp>,
    /// The least free room on the disks that were looked at, bytes; `None`: not known.
    #[serde(default)]
    pub free: Option<u64>,
}

/// Where a spare stands: the words of `status --json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpareState {
    /// Free, and everything it needs is proven.
    Ready,
    /// Becoming a stand-in.
    Activating,
    /// Standing in.
    Active,
    /// Giving the work back, or stopped for a more important host.
    Releasing,
    /// A takeover or giveback failed on it, or it died while standing in: a person decides.
    Failed,
    /// Free, and not fit to stand in now.
    Unready,
}

impl SpareState {
    /// The word of `status --json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Releasing => "releasing",
            Self::Failed => "failed",
            Self::Unready => "unready",
        }
    }
}

/// Automatic decisions of a pool are suspended by somebody's wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who asked for it.
    pub owner: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself; `None`: when somebody ends it.
    pub until: Option<Timestamp>,
}

/// Who answers for an address that a pool moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The address, without prefix length.
    pub address: String,
    /// Names of the machines that hold it, or their hardware addresses where no host of the fleet has it.
    pub held_by: Vec<String>,
    /// When that was found out; `None`: not yet.
    pub seen: Option<Timestamp>,
}

/// A run that has ended, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Its number.
    pub run: RunId,
    /// What it was for.
    pub purpose: Purpose,
    /// The host.
    pub host: String,
    /// The spare.
    pub spare: String,
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub state: RunState,
    /// From the fault, or from its beginning where there was none, until everything was done that it is for, seconds.
    pub seconds: f64,
    /// What was promised then, seconds; `None`: nothing.
    #[serde(default)]
    pub promised: Option<f64>,
}

impl Past {
    /// What it is worth: `kept` the promise, `late`, or `failed`.
    pub fn score(&self) -> &'static str {
        match (self.state, self.promised) {
            (RunState::Done, Some(promised)) if self.seconds > promised => "late",
            (RunState::Done, _) => "kept",
            _ => "failed",
        }
    }
}

/// Everything known of one pool, asked for when a page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolDetail {
    /// The pool.
    pub pool: PoolView,
    /// Who sees whom.
    pub matrix: Vec<Sight>,
    /// Why something was not done, newest first.
    pub refusals: Vec<WhyNot>,
    /// Runs that have ended, newest first.
    pub past: Vec<Past>,
}

/// What one witness sees of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Who looks: a host, or `console`, or another engine.
    pub witness: String,
    /// At whom.
    pub host: String,
    /// Does it reach it? `None`: the witness itself cannot be asked.
    pub reaches: Option<bool>,
    /// When that was found out.
    pub at: Timestamp,
    /// What it said.
    pub says: String,
}

/// Something that was not done, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyNot {
    /// When.
    pub at: Timestamp,
    /// What was not done.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What would be needed.
    pub needs: String,
}
