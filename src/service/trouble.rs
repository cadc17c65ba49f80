//! Why something that was asked of a service was not done.

use crate::reach::ssh::SshError;

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Somebody asked for its end.
    #[error("stopped")]
    Stopped,
    /// A safety check says no, and nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// It was tried and failed: what, where, why, what to do now.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    /// The host cannot be asked.
    pub(super) fn unreachable(host: &str, error: &SshError) -> Self {
        Self::Failed(format!("{host} cannot be asked: {}; {}", error.what, error.remedy))
    }
}
