//! Arbiter: who is to serve in whose place. Pure: a [`Pool`](crate::fleet::pool::Pool) (the policy), a [`Book`](super::book::Book) (what was done) and a [`Scene`] (what
//! is seen now) go in, a [`Judgement`] comes out. No I/O, no clock; the same three always give the same answer.
//!
//! [`table`] is the whole of it in rows: the first row whose conditions hold for a host says where it stands and what is
//! done. [`by_hand`] is what a person may do, and what refuses.

mod evidence;
mod facts;
mod hand;
mod holds;
mod judge;
pub mod scene;
mod spares;
pub mod table;

use serde::{Deserialize, Serialize};

pub use evidence::FRESH;
pub use facts::Cond;
pub use hand::by_hand;
pub use holds::TOGETHER;
pub use judge::decide;
pub use scene::{Anchors, Engines, HostSeen, Scene, Sighting, SpareSeen};

use super::book::Note;
use super::view::{SpareState, Stand};
use crate::clock::Timestamp;
use crate::runbook::cast::Purpose;

/// What is to be done by a run. One run changes one spare and one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// What.
    pub act: Act,
    /// The host whose place is taken or that gets its work back.
    pub host: String,
    /// The spare.
    pub spare: String,
    /// Release only: the more important host that gets the spare next.
    pub for_host: Option<String>,
    /// When the fault began, as the console saw it, in steady time; nothing where there was none.
    pub fault: Option<Timestamp>,
    /// A person moves the work of a host that is alive.
    pub planned: bool,
    /// Why: what was seen, by whom, in one line.
    pub evidence: String,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The spare takes the host's place.
    Takeover,
    /// The spare stops serving, cleanly, and the host is *not* started: another needs the spare more, or a person wants it
    /// free.
    Release,
    /// The spare stops serving, and the host serves again.
    Giveback,
    /// Practice.
    Drill,
}

impl Act {
    /// The word of screens and of the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Release => "release",
            Self::Giveback => "giveback",
            Self::Drill => "drill",
        }
    }

    /// The purpose of its run: a release is the first half of a giveback.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Takeover => Purpose::Takeover,
            Self::Release | Self::Giveback => Purpose::Giveback,
            Self::Drill => Purpose::Drill,
        }
    }
}

/// What follows from a pool, its book and what is seen now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Protected hosts, most important first.
    pub hosts: Vec<HostJudged>,
    /// Spares, in the order of the fleet file.
    pub spares: Vec<SpareJudged>,
    /// What keeps automation from acting in this pool now; empty: nothing.
    pub held_back: Vec<String>,
    /// What must be written into the book, with [`Book::note`], before anything else is done. Empty without the lease.
    pub notes: Vec<Note>,
    /// What is to be done now, by itself. Never together with `notes`: they are written first, then all is judged again.
    pub decision: Option<Decision>,
    /// What would be done now, if the pool's mode let the arbiter act.
    pub would: Option<Decision>,
    /// What is not done although something is wrong.
    pub refusals: Vec<Refusal>,
    /// What needs a person.
    pub alarms: Vec<String>,
}

/// Where a protected host stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostJudged {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub stand: Stand,
    /// Since when.
    pub since: Timestamp,
    /// Which row of [`table::TABLE`] says so.
    pub row: usize,
    /// The spare that serves in its place, or is to.
    pub spare: Option<String>,
    /// Why it stands so.
    pub why: String,
    /// What is needed for the next change; nothing where none is to be expected. May change every second.
    pub needs: Option<String>,
    /// What would be done if it failed now.
    pub if_it_dies: String,
}

/// Where a spare stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpareJudged {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub state: SpareState,
    /// The host in whose place it serves, or is to.
    pub standing_in_for: Option<String>,
    /// Why it is not ready, or what is wrong with it.
    pub reasons: Vec<String>,
}

/// Something that is not done, and why. Two with the same `what` and `why` are the same refusal: the journal gets the
/// first, since `needs` may change every second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is not done: "takeover of studio-2".
    pub what: String,
    /// Why not.
    pub why: String,
    /// What would be needed.
    pub needs: String,
    /// Whether a person may do it all the same, by saying so.
    pub overridable: bool,
}

/// What a person wants done by a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wish {
    /// What.
    pub act: Act,
    /// For which protected host.
    pub host: String,
    /// With which spare; `None`: the one that serves, or the first that is fit.
    pub spare: Option<String>,
    /// Whether the person insists, having read what speaks against it: a planned switchover of a live host, a spare that
    /// is not ready.
    pub insists: bool,
}

#[cfg(test)]
mod tests;
