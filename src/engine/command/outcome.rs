//! What comes of a command at once: it is accepted, perhaps as a job, or refused.

use serde::{Deserialize, Serialize};

use crate::work::view::JobId;

/// A command was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What was done, in one line.
    pub said: String,
    /// The job that does it, where it takes time.
    pub job: Option<JobId>,
}

/// A command or query was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Refusal {
    /// What kind, which decides the exit code.
    pub kind: RefusalKind,
    /// What, where and why, in one line.
    pub what: String,
    /// What to do now.
    pub hint: Option<String>,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The request names something that is not there, or makes no sense: exit 2.
    Usage,
    /// A safety check says no; nothing was changed: exit 3.
    Safety,
    /// It was tried and failed: exit 1.
    Failed,
    /// The engine cannot be reached: exit 1.
    Gone,
}
