//! Book: the durable facts of one pool. Who serves in whose place, what was tried, what a person said.
//!
//! It is kept as JSON, in `state.db` or under the lease in etcd, and is written *before* the first effect of what it says.
//! Only the holder of the lease writes it. Its methods are the only way it changes: `turns` holds what a run does to it,
//! `words` what a person says. They refuse what would put one spare to two hosts, whoever asks. Every time in it is
//! [steady](super::steady).

mod turns;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use turns::{Begun, Conflict};

use super::arbiter::Decision;
use super::view::{Past, Pause};
use crate::clock::Timestamp;
use crate::runbook::view::RunId;

/// How many runs that have ended a book remembers.
pub const PAST: usize = 50;

/// The durable facts of one pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    /// Spare to what it is used for. A spare that is not named here is free.
    pub spares: BTreeMap<String, Assignment>,
    /// The last generation that this pool gave out; it only grows.
    pub generation: u64,
    /// Host or spare to the generation of its last change of ownership; each only grows.
    pub generations: BTreeMap<String, u64>,
    /// Host to what is remembered of its present outage.
    pub outages: BTreeMap<String, Outage>,
    /// The run that is under way, or was when its engine died. There is never a second one.
    pub run: Option<Underway>,
    /// No automatic decisions meanwhile, by somebody's wish.
    pub paused: Option<Pause>,
    /// The cool-down, counted from the end of the last automatic run. Nothing when somebody has acknowledged it.
    pub rest: Option<Timestamp>,
    /// A spare that was freed for a more important host and is not used yet: the takeover that completes this is not held
    /// up by the cool-down of the half that is done.
    pub freed: Option<String>,
    /// Automation is stopped until a person re-arms it.
    pub brake: Option<Brake>,
    /// When it was last re-armed: what failed before no longer counts for the brake.
    pub armed: Option<Timestamp>,
    /// Runs that have ended, newest first, at most [`PAST`].
    pub past: Vec<Past>,
}

/// What a spare is used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// The host in whose place it serves, or is to.
    pub host: String,
    /// How far it is.
    pub phase: Phase,
    /// The number that grew with this change of ownership.
    pub generation: u64,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// Who decided it: `engine`, or the person and the face.
    pub by: String,
    /// The last run that changed it.
    pub run: RunId,
    /// The host was alive when a person moved its work: it is not given back automatically.
    pub planned: bool,
    /// Why it failed, where it did.
    pub why: Option<String>,
}

/// How far an assignment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Becoming a stand-in, or practising it.
    Activating,
    /// Standing in.
    Active,
    /// Giving the work back, or stopped for a more important host.
    Releasing,
    /// A run failed on it, or it died while standing in: a person decides.
    Failed,
}

/// What is remembered of one outage of a host. Forgotten when the host was up again for `up_after`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Outage {
    /// What was tried for it: nothing more is tried by itself, until a person acknowledges.
    pub tried: Option<Attempt>,
    /// A person has sworn that the machine is off.
    pub oath: Option<Oath>,
}

/// A run that leaves a host to a person: it failed, or a person ended it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// What came of it, in words.
    pub why: String,
}

/// A person's word that a machine is off. It holds for the present outage only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Oath {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The brake was tripped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Brake {
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub why: String,
}

/// A run that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Underway {
    /// Its number.
    pub id: RunId,
    /// What it does.
    pub decision: Decision,
    /// The generation that its steps carry.
    pub generation: u64,
    /// Who asked for it.
    pub by: String,
    /// Whether the arbiter decided it by itself.
    pub automatic: bool,
    /// When it began.
    pub began: Timestamp,
    /// The engine that ran it has gone: it waits to be resumed, undone or abandoned by a person.
    pub interrupted: bool,
}

/// What the arbiter finds out that must be remembered, although nothing is done. Like decisions, notes are only written
/// by the holder of the lease, and stand in the journal before they count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Too many hosts failed together.
    Brake {
        /// Which, and when, in words.
        why: String,
    },
    /// A spare died while standing in.
    Lost {
        /// The spare.
        spare: String,
        /// What is seen of it.
        why: String,
    },
    /// A host was up again for `up_after`: its outage is over, with all that was tried and sworn.
    Recovered {
        /// The host.
        host: String,
    },
    /// A host that was sworn off answers: the oath no longer holds.
    Forsworn {
        /// The host.
        host: String,
        /// What answers.
        why: String,
    },
}

impl Book {
    /// The spare that is assigned to a host, with its assignment.
    pub fn serving(&self, host: &str) -> Option<(&str, &Assignment)> {
        self.spares.iter().find(|(_spare, of)| of.host == host).map(|(spare, of)| (spare.as_str(), of))
    }

    /// The generation of the last change of ownership of a host or spare; 0: there was none.
    pub fn generation_of(&self, machine: &str) -> u64 {
        self.generations.get(machine).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
