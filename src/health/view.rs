//! What the snapshot carries of health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observation::Outcome;
use crate::clock::Timestamp;

/// What hotspare believes of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every vital check has failed long enough.
    Down,
    /// Some vital checks fail, not long enough or not all.
    Suspect,
    /// The vital checks pass, others do not.
    Degraded,
    /// Nothing is known yet, or any more.
    Unknown,
    /// Watched, not acted upon, by somebody's wish.
    Maintenance,
    /// Everything passes.
    Up,
}

impl Health {
    /// Worst first: the order in which a pane shows them.
    pub const ALL: [Self; 6] = [Self::Down, Self::Suspect, Self::Degraded, Self::Unknown, Self::Maintenance, Self::Up];

    /// The word of screens and of `status --json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
        }
    }
}

/// One host, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// Name in the fleet.
    pub name: String,
    /// Management address.
    pub address: String,
    /// ssh destination.
    pub ssh: String,
    /// Address its clients use, where one moves.
    pub service: Option<String>,
    /// Labels of the fleet file.
    pub labels: BTreeMap<String, String>,
    /// What is believed.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
    /// Why, in one line; `None` when it is up.
    pub why: Option<String>,
    /// When the next change is to be expected, in words: "down after 2 more failures", "up in 42 s".
    pub next: Option<String>,
    /// The thresholds in force, in words: "down after 5 failures × 500 ms, up after 60 s".
    pub thresholds: String,
    /// Fingerprint of the ssh host key that answered last (`SHA256:…`), by which machines are told apart.
    pub identity: Option<String>,
    /// Maintenance in force.
    pub maintenance: Option<MaintenanceView>,
    /// Checks, in the order of the file.
    pub checks: Vec<CheckView>,
    /// Median latency in seconds of the first vital check in each of the last [`TREND_BUCKETS`] spans of
    /// [`TREND_SPAN_SECONDS`], oldest first; `None` where nothing answered.
    pub trend: Vec<Option<f64>>,
}

/// How many spans [`HostView::trend`] holds.
pub const TREND_BUCKETS: usize = 8;
/// Length of one span of [`HostView::trend`], seconds.
pub const TREND_SPAN_SECONDS: u64 = 15;

impl HostView {
    /// How many checks passed the last time they ran, and how many there are.
    pub fn passing(&self) -> (usize, usize) {
        (self.checks.iter().filter(|check| check.result == Outcome::Pass).count(), self.checks.len())
    }
}

/// Maintenance: watching goes on, acting stops. It has an owner, a reason and an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceView {
    /// Who asked for it.
    pub owner: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// One check of a host, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    /// Name, unique on its host.
    pub name: String,
    /// Kind, in the word of the fleet file.
    pub kind: String,
    /// What exactly is asked, without secrets: `http://10.0.0.1:5000/`.
    pub asks: String,
    /// Does it decide between up and down?
    pub vital: bool,
    /// How its last run ended; `Unknown` before the first.
    pub result: Outcome,
    /// Smoothed latency of passing runs, seconds.
    pub latency: Option<f64>,
    /// Why it does not pass.
    pub reason: Option<String>,
    /// How far a replica is behind its source, seconds; `None`: not known, or no replica is asked.
    #[serde(default)]
    pub behind: Option<f64>,
    /// What is worth knowing although it passes: "can lose 1 more: 3 of 3 members, kv-1 leads".
    #[serde(default)]
    pub found: Option<String>,
    /// Runs in a row that ended as the last one did.
    pub streak: u32,
    /// When it last ran.
    pub at: Option<Timestamp>,
    /// Seconds between two runs.
    pub every: f64,
    /// Seconds one run may take.
    pub timeout: f64,
}

/// One point of a check's history, for the detail view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Latency in seconds.
    pub latency: Option<f64>,
    /// Why it did not pass.
    pub reason: Option<String>,
}

/// One change of what was believed of a host, for the detail view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Before.
    pub from: Health,
    /// After.
    pub to: Health,
    /// The evidence in one line.
    pub why: Option<String>,
}

/// The history of one host: what the detail view draws.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Check name to its last runs, oldest first.
    pub checks: BTreeMap<String, Vec<Point>>,
    /// Changes of health, oldest first.
    pub changes: Vec<Change>,
}
