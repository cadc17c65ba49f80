//! Why nothing came of a round, a drill or a restore, sorted by what a person looks at first.

/// Why nothing came of it. The text says what, where, why, and what to do now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The medium is not there, full, read-only, another one, or broken.
    #[error("{0}")]
    Medium(String),
    /// The server does not answer.
    #[error("{0}")]
    Server(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// A safety check says no; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// Somebody stopped it.
    #[error("it was stopped")]
    Stopped,
}
