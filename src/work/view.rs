//! What the snapshot carries of a job.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Number of a job, unique in a state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Moves.
    Running,
    /// Runs, but nothing has moved for a while.
    Stalled,
    /// Held by somebody; goes on when let go.
    Paused,
    /// Asked to end, not ended yet.
    Cancelling,
    /// Ended as it should.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended by request.
    Cancelled,
}

impl JobState {
    /// Whether it has ended.
    pub const fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// The word of screens and of `jobs --json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which of two waiting jobs goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Whenever nothing else wants to run.
    Background,
    /// Ordinary.
    Normal,
    /// Somebody waits for it.
    Urgent,
    /// Begins at once, however many run: every second of it is a second without service.
    Now,
}

/// In what a job counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Rows.
    Rows,
    /// Things: checks, entries, files.
    Items,
}

/// The piece of a job that is worked on now: one session of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is known by, such as `p001/20250104`.
    pub key: String,
    /// What is done with it: "copying", "verifying".
    pub step: String,
    /// How many pieces are behind it…
    pub before: u64,
    /// …of how many.
    pub pieces: u64,
    /// Units done of this piece…
    pub done: u64,
    /// …of so many.
    pub total: u64,
}

/// One job, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Its number.
    pub id: JobId,
    /// What kind of work: `doctor`, `verify journal`.
    pub kind: String,
    /// What it works on.
    pub title: String,
    /// Where it stands.
    pub state: JobState,
    /// Which goes first.
    pub priority: Priority,
    /// Who asked for it.
    pub who: String,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// So much is done…
    pub done: u64,
    /// …of so much; `None` while unknown.
    pub total: Option<u64>,
    /// In what both count.
    pub unit: Unit,
    /// Smoothed rate, units a second.
    pub rate: Option<f64>,
    /// Expected remaining seconds.
    pub eta: Option<f64>,
    /// The piece that is worked on now, where it has several.
    pub part: Option<Part>,
    /// What it is doing now, in one line; after the end what came of it.
    pub note: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

impl JobView {
    /// Percent done, never 100 before the job has ended well.
    pub fn percent(&self) -> Option<u8> {
        if self.state == JobState::Done {
            return Some(100);
        }
        let total = self.total.filter(|total| *total > 0)?;
        let percent = self.done.saturating_mul(100) / total;
        Some(u8::try_from(percent.min(99)).unwrap_or(99))
    }
}
