//! What is asked of a side that holds copies: to take one, or to compare one.

use std::path::Path;

use super::Lost;
use crate::session::key::Key;
use crate::session::view::Level;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

/// Which session is to be copied, and how.
#[derive(Clone, Copy)]
pub struct CopyWish<'a> {
    /// Which session.
    pub key: &'a Key,
    /// Its folder on this computer.
    pub source: &'a Path,
    /// The identity that the side must have; `None`: it has none yet, and nothing is copied to it but in a rehearsal.
    pub kept: Option<&'a str>,
    /// Pieces under way at once; 0: what suits the side.
    pub parallel: u32,
    /// How many bytes a second it may take.
    pub throttle: &'a Throttle,
    /// Who steers it. Bytes that are read back count as much as bytes that are copied.
    pub steer: &'a dyn Steer,
    /// Nothing is written: only say what would be.
    pub dry_run: bool,
}

/// Which copy is to be compared, and how thoroughly.
#[derive(Clone, Copy)]
pub struct VerifyWish<'a> {
    /// Which session.
    pub key: &'a Key,
    /// Its folder on this computer; one that is not there is no error.
    pub source: &'a Path,
    /// The identity that the side must have.
    pub kept: Option<&'a str>,
    /// How thoroughly; `None`: by content where there is a manifest, else by sizes.
    pub level: Option<Level>,
    /// Pieces read at once; 0: what suits the side.
    pub parallel: u32,
    /// How many bytes a second it may take.
    pub throttle: &'a Throttle,
    /// Who steers it.
    pub steer: &'a dyn Steer,
}

/// Why a wish was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// It was told to end. What is whole by then is not done again.
    #[error("cancelled")]
    Cancelled,
    /// What went wrong: what, where, why, what to do now.
    #[error("{0}")]
    Failed(String),
}

impl From<Lost> for Undone {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Trouble(_) => Self::Failed(lost.to_string()),
            Lost::Cancelled => Self::Cancelled,
        }
    }
}
