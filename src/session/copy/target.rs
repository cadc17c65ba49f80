//! What lies at the destination of a session already.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::{CopyError, Order};
use crate::session::beneath::{self, Kind};
use crate::session::listing::{File, Listing};
use crate::session::manifest::{Manifest, Sum};
use crate::session::root::Held;
use crate::session::stream;
use crate::session::tree;

/// A copy that is there.
pub(super) struct Target {
    pub(super) folder: OwnedFd,
    pub(super) listing: Listing,
}

/// Looks at the copy; `None`: nothing is there.
pub(super) fn look(order: &Order<'_>, held: &Held) -> Result<(Option<Target>, Manifest), CopyError> {
    let path = order.root.path.join(order.relative);
    let folder = match beneath::open(&held.folder, order.relative, beneath::FOLDER, Mode::empty()) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, Manifest::default())),
        Err(error) => return Err(CopyError::Destination { what: "open the copy", path, why: tree::plain(&error) }),
    };
    let listing = tree::list_in(&folder, &path, order.exclude)?;
    // A damaged manifest proves nothing: without it, contents are compared.
    let manifest = Manifest::read(&held.folder, order.relative, &path).ok().flatten().unwrap_or_default();
    Ok((Some(Target { folder, listing }), manifest))
}

/// Whether two times are the same as far as the file system can tell: FAT keeps them to two seconds.
fn alike(one: i128, other: i128, kind: Kind) -> bool {
    let tolerance = if kind == Kind::Other { 2_000_000_000 } else { 0 };
    (one - other).abs() <= tolerance
}

/// What is known of the files of a copy before anything is read.
pub(super) struct Known<'a> {
    pub(super) there: BTreeMap<&'a Path, &'a File>,
    manifest: &'a BTreeMap<PathBuf, Sum>,
    kind: Kind,
}

impl<'a> Known<'a> {
    pub(super) fn new(target: Option<&'a Target>, manifest: &'a Manifest, kind: Kind) -> Self {
        let files = target.map(|target| &target.listing.files[..]).unwrap_or_default();
        let there = files.iter().map(|file| (file.path.as_path(), file)).collect();
        Self { there, manifest: &manifest.sums, kind }
    }

    /// The sum of a file of the source, where its copy is whole as far as names, sizes and times tell.
    pub(super) fn whole(&self, file: &File) -> Option<&'a Sum> {
        let sum = self.sum(file)?;
        (sum.seen == Some(stream::seen(file))).then_some(sum)
    }

    /// The sum that the manifest has of a copy which was not written to since.
    pub(super) fn sum(&self, file: &File) -> Option<&'a Sum> {
        let copy = self.there.get(file.path.as_path())?;
        let sum = self.manifest.get(&file.path)?;
        let seen = sum.seen?;
        let written = alike(copy.modified.as_nanosecond(), seen.modified, self.kind);
        (copy.size == seen.size && copy.size == file.size && written).then_some(sum)
    }

    /// A copy of the same size, whose content may be the same.
    pub(super) fn like(&self, file: &File) -> Option<&'a File> {
        self.there.get(file.path.as_path()).copied().filter(|copy| copy.size == file.size)
    }
}

/// Whether the file in the staging folder is as long and as old as what the journal says was written.
pub(super) fn as_written(staged: &File, line: &crate::session::manifest::Line, kind: Kind) -> bool {
    staged.size == line.seen.size && alike(staged.modified.as_nanosecond(), line.seen.modified, kind)
}
