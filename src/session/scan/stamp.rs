//! How the folders of a session looked: so that the next look can pass an unchanged one by.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Stat};
use rustix::io::Errno;

use crate::clock::Timestamp;
use crate::session::listing::Listing;
use crate::session::side::{Found, Stamp};
use crate::session::tree::modified;

/// A folder that changed so lately, in seconds, may change again within the same tick of its file system's clock (FAT: 2 s).
const TICK: i64 = 3;
/// Sessions that changed so lately, in seconds, are always looked into: files that are being written change no folder.
const LATELY: i64 = 3600;

/// The stamp of a session that was just listed; `root`: its folder, as it was before.
pub(super) fn of(root: &Stat, listing: &Listing, now: Timestamp) -> Stamp {
    let mut hasher = begin(root);
    let mut newest = root.st_mtime.max(root.st_ctime);
    let mut below = Vec::new();
    for (path, _, time) in &listing.folders {
        add(&mut hasher, path, *time);
        newest = newest.max(time.as_second());
        below.extend_from_slice(path.as_os_str().as_bytes());
        below.push(0);
    }
    let settled = now.as_second().saturating_sub(newest) >= TICK;
    Stamp { folders: settled.then(|| half(&hasher)), below: below.into() }
}

/// Whether what is known of a session may be taken to hold still.
pub(super) fn unchanged(parent: BorrowedFd<'_>, name: &OsStr, known: &Found, now: Timestamp) -> Result<bool, Errno> {
    let Some(before) = known.stamp.folders else { return Ok(false) };
    let quiet = known.facts.changed.is_none_or(|changed| now.as_second().saturating_sub(changed.as_second()) > LATELY);
    if !quiet {
        return Ok(false);
    }
    let mut hasher = begin(&rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?);
    for path in known.stamp.below.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let below = Path::new(OsStr::from_bytes(path));
        match rustix::fs::statat(parent, Path::new(name).join(below), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => add(&mut hasher, below, modified(&stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(half(&hasher) == before)
}

fn begin(root: &Stat) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&root.st_ino.to_le_bytes());
    for (seconds, nanoseconds) in [(root.st_mtime, root.st_mtime_nsec), (root.st_ctime, root.st_ctime_nsec)] {
        hasher.update(&seconds.to_le_bytes());
        hasher.update(&nanoseconds.to_le_bytes());
    }
    hasher
}

fn add(hasher: &mut blake3::Hasher, path: &Path, modified: Timestamp) {
    hasher.update(path.as_os_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(&modified.as_nanosecond().to_le_bytes());
}

fn half(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}
