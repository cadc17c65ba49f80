//! What came back from one run of one check.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Tick, Timestamp};

/// How one run of a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was asked holds.
    Pass,
    /// It does not hold, or no answer came in time.
    Fail,
    /// It could not be asked: a missing tool, no ssh connection, a secret that cannot be read.
    Unknown,
}

impl Outcome {
    /// The word of `status --json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// One run of one check.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// From asking to the answer; `None` where no answer came.
    pub latency: Option<Duration>,
    /// What a person should read, always there unless it passed: "no answer in 800 ms", "connection refused".
    pub reason: Option<String>,
    /// How far a replica is behind its source; `None`: not known, or no replica was asked.
    pub behind: Option<Duration>,
    /// What is worth knowing although it passed: "can lose 1 more: 3 of 3 members, kv-1 leads".
    pub found: Option<String>,
    /// When it ended, monotonic.
    pub at: Tick,
    /// When it ended, wall clock.
    pub wall: Timestamp,
}
