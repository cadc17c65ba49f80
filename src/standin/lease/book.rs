//! What pools remember from one holder of the lease to the next: one text a pool, with a version.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A version of a book; 0: it was never written. Only equality means anything.
pub type Version = u64;

/// What is kept for one pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// What was written.
    pub text: Arc<str>,
    /// Of which version it is.
    pub version: Version,
}

/// Pool name to its book.
pub type Books = BTreeMap<String, Book>;

/// Why a book was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Somebody else wrote it since it was read; nothing was changed.
    #[error("it was changed meanwhile (version {found}): read it again")]
    Conflict {
        /// The version that is there.
        found: Version,
    },
    /// This engine does not hold the lease; nothing was changed.
    #[error("this engine does not hold the lease: {0}")]
    NotHeld(String),
    /// It could not be asked for; nothing was changed.
    #[error("{0}")]
    Unavailable(String),
    /// It was asked for and no answer came: it may be written or not. Read it before doing anything.
    #[error("it is not known whether it was written: {0}")]
    Unknown(String),
}
