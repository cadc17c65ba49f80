//! What is wrong with a medium, in words for the person who stands beside it.

use std::io;

use rustix::io::Errno;

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is mounted where the medium belongs, or it went away in the middle of the work.
    NotMounted,
    /// Something is mounted, and it is not a medium of this dump.
    Another,
    /// Nothing can be written to it.
    ReadOnly,
    /// It has no room for what is to be written.
    Full,
    /// The user that runs hotspare may not use it.
    NoAccess,
    /// It does not answer.
    Hangs,
    /// It answers with errors, or with other bytes than were written.
    Broken,
    /// Somebody else writes to it.
    Busy,
    /// The work was called off.
    Stopped,
}

/// A medium that cannot be used: what, where, why, and what to do now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MediumTrouble {
    /// What kind.
    pub kind: Kind,
    /// What, where and why.
    pub what: String,
    /// What to do now.
    pub remedy: String,
}

impl MediumTrouble {
    /// Trouble of this kind.
    pub fn new(kind: Kind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, what: what.into(), remedy: remedy.into() }
    }

    /// An error of the system at this place of the medium.
    pub fn of(error: &io::Error, place: impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let why = text.split(" (os error").next().unwrap_or_default();
        let (kind, remedy) = match Errno::from_io_error(error) {
            Some(Errno::ROFS) => (
                Kind::ReadOnly,
                "look for a write-protect switch; a file system that met errors is read-only until it was checked: see dmesg, then mount it again",
            ),
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {
                (Kind::Full, "remove what is not needed from it, or put in a larger one")
            }
            Some(Errno::ACCESS | Errno::PERM) => {
                (Kind::NoAccess, "give the user that runs hotspare the right to write there: see ls -ld")
            }
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO | Errno::NOTCONN | Errno::STALE | Errno::NOTDIR) => {
                (Kind::NotMounted, "put it in and mount it again")
            }
            Some(Errno::BUSY | Errno::AGAIN) => (Kind::Busy, "see what else uses it: fuser -vm"),
            _ => (Kind::Broken, "put another medium in; check this one with fsck before it is used again"),
        };
        Self::new(kind, format!("{place}: {why}"), remedy)
    }
}
