//! What may be taken away, to see what it is good for.

/// A guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Most of the living engines must say that a host is down.
    Majority,
}
