//! Scene: what is seen of a pool at one moment. Made by a worker, from health, witnesses, anchors and the lease.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::health::view::Health;

/// What is seen now. Every time is [steady](crate::standin::steady).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Now.
    pub now: Timestamp,
    /// The pool's protected hosts, in any order. One that is missing is not known.
    pub hosts: Vec<HostSeen>,
    /// The pool's spares, in any order. One that is missing is not known, and so not ready.
    pub spares: Vec<SpareSeen>,
    /// Addresses of the pool that have two owners, each in words.
    pub contested: Vec<String>,
    /// Why automatic decisions are frozen: a late tick, a jump of the wall clock, an isolation that is hardly over.
    pub frozen: Option<String>,
    /// The addresses that prove that the console itself is connected.
    pub anchors: Anchors,
    /// The pool's machines on which this engine runs: that they answer says nothing of the network.
    pub own: BTreeSet<String>,
    /// Whether this engine has the right to act, or why not.
    pub lease: Result<(), String>,
    /// Of every host of the fleet that is down and not in maintenance: when it became so. For the brake.
    pub failures: Vec<Timestamp>,
}

/// What is seen of a protected host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSeen {
    /// Name.
    pub name: String,
    /// What is believed of it, *below* maintenance: what its checks say.
    pub health: Health,
    /// Who keeps it in maintenance, why and until when, in words.
    pub maintenance: Option<String>,
    /// Since when this is believed.
    pub since: Timestamp,
    /// When the first of the present failures was: where the timeline of a takeover begins.
    pub fault: Option<Timestamp>,
    /// Since when every vital check passes without a failure; `None`: one does not.
    pub passing_since: Option<Timestamp>,
    /// Why it is not up, in one line.
    pub why: Option<String>,
    /// What its health needs for the next change: "down after 2 more failures".
    pub next: Option<String>,
    /// What each witness says of it. The host itself is never counted.
    pub witnesses: Vec<Sighting>,
    /// Several engines on one lease: what they say. `None`: this engine is alone.
    pub engines: Option<Engines>,
}

/// What one witness says of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The witness.
    pub witness: String,
    /// Does it reach what the vital checks of the host ask for? A machine that answers while its service is gone is not
    /// reached. `None`: the witness cannot be asked.
    pub reaches: Option<bool>,
    /// When it was asked. What is older than [`FRESH`](super::FRESH) is not counted.
    pub at: Timestamp,
}

/// What the engines of one lease say of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engines {
    /// How many live, this one among them.
    pub living: u32,
    /// How many of them say that the host is down.
    pub say_down: u32,
}

impl Engines {
    /// Whether more than half of those that live say that the host is down.
    pub(super) const fn agree(self) -> bool {
        self.say_down.saturating_mul(2) > self.living
    }
}

/// What is seen of a spare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpareSeen {
    /// Name.
    pub name: String,
    /// What is believed of it, below maintenance. While it stands in, what it serves counts as well: a spare on which the
    /// service has stopped is down.
    pub health: Health,
    /// Who keeps it in maintenance, why and until when, in words.
    pub maintenance: Option<String>,
    /// Everything that makes it not ready, besides its health: it cannot be commanded, drift, no room.
    pub unready: Vec<String>,
}

/// How the pool's anchors answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Anchors {
    /// How many the fleet file declares.
    pub declared: u32,
    /// How many of them answer.
    pub answering: u32,
}

impl Scene {
    /// What is seen of a protected host.
    pub fn host(&self, name: &str) -> Option<&HostSeen> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// What is seen of a spare.
    pub fn spare(&self, name: &str) -> Option<&SpareSeen> {
        self.spares.iter().find(|spare| spare.name == name)
    }
}
