//! A destination that was proven to be the declared one, and is looked at again while it is worked on.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::Stat;

use super::beneath;
use super::tree::plain;

/// The folder below which copies lie, and the file system that it was on when it was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Folder.
    pub path: PathBuf,
    /// `st_dev` of that folder.
    pub device: u64,
}

/// The destination is not, or no longer, what a copy needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Nothing that can be worked on.
    #[error("the destination {} cannot be opened: {why}", path.display())]
    Closed {
        /// Folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// What was mounted there is gone, or something else came in its place.
    #[error(
        "what was mounted at the destination {} is gone, or something else is mounted there now; mount it again, then repeat",
        .0.display()
    )]
    Replaced(PathBuf),
    /// What should be the copy is what should be copied.
    #[error(
        "{} is the session's own folder, reached another way (a symbolic link, a bind mount), and no copy of it; correct \
         `path` of the destination, then sync again",
        .0.display()
    )]
    Itself(PathBuf),
}

impl Root {
    /// What is there now. Only for folders that need no proof, or have just had it: blocks as long as the file system does.
    pub fn now(path: &Path) -> Result<Self, RootError> {
        let (_, stat) = open(path)?;
        Ok(Self { path: path.to_owned(), device: stat.st_dev })
    }

    /// Opens it, if it still is what was proven.
    pub(super) fn open(&self) -> Result<Held, RootError> {
        let (folder, stat) = open(&self.path)?;
        if stat.st_dev != self.device {
            return Err(RootError::Replaced(self.path.clone()));
        }
        Ok(Held { folder, inode: stat.st_ino })
    }
}

/// A destination that is held open: what is done below it never reaches a bare folder that comes to light when a share
/// goes.
pub(super) struct Held {
    pub(super) folder: OwnedFd,
    inode: u64,
}

impl Held {
    /// Whether the path still leads to what is held.
    pub(super) fn still(&self, root: &Root) -> Result<(), RootError> {
        let (_, stat) = open(&root.path)?;
        let same = stat.st_dev == root.device && stat.st_ino == self.inode;
        if same { Ok(()) } else { Err(RootError::Replaced(root.path.clone())) }
    }
}

fn open(path: &Path) -> Result<(OwnedFd, Stat), RootError> {
    let closed = |error: &std::io::Error| RootError::Closed { path: path.to_owned(), why: plain(error) };
    let folder = beneath::root(path).map_err(|error| closed(&error))?;
    let stat = rustix::fs::fstat(&folder).map_err(|error| closed(&error.into()))?;
    Ok((folder, stat))
}
