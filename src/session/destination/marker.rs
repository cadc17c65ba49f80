//! The marker that hotspare leaves at a destination: a random identity, so that another disk under the same path, or the
//! bare folder below a share that is gone, is told from the one that holds the copies.
//!
//! Several machines may copy to one share: who comes later adopts the identity that is there.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::session::beneath::{self, Rights};
use crate::session::side::Owner;

/// Folder below a source or a destination that is hotspare's own.
pub const FOLDER: &str = ".hotspare";
/// Name of the marker in it.
pub const MARKER: &str = "store.json";
/// A marker is never longer.
const LONGEST: u64 = 16 << 10;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Its identity.
    pub id: String,
    /// Fleet that left it.
    pub fleet: String,
    /// Store that left it.
    pub store: String,
    /// Destination as that store calls it.
    pub destination: String,
    /// When.
    pub made: Timestamp,
}

/// What is there of a marker.
pub(super) enum There {
    Marker(Marker),
    /// Something of that name that is no marker.
    Broken(String),
    Nothing,
}

impl Marker {
    /// A new identity.
    pub fn new(owner: &Owner, now: Timestamp) -> Self {
        Self {
            id: format!("{:032x}", fastrand::u128(..)),
            fleet: owner.fleet.clone(),
            store: owner.store.clone(),
            destination: owner.destination.clone(),
            made: now,
        }
    }

    /// As it is kept at the destination.
    pub fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads one; the error says why it is none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("it cannot be read: {error}"))
    }
}

/// Opens hotspare's own folder below an open destination; `None`: there is none.
pub(super) fn own(folder: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, FOLDER, flags, Mode::empty()) {
        Ok(own) => Ok(Some(own)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the marker.
pub(super) fn read(own: &OwnedFd) -> Result<There, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(own, MARKER, flags, Mode::empty()) {
        Ok(file) => std::fs::File::from(file),
        Err(Errno::NOENT) => return Ok(There::Nothing),
        Err(Errno::LOOP) => return Ok(There::Broken("it is a symbolic link".into())),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(LONGEST).read_to_end(&mut bytes) {
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    Ok(match Marker::parse(&bytes) {
        Ok(marker) => There::Marker(marker),
        Err(why) => There::Broken(why),
    })
}

/// Leaves a marker, unless one is there by the time it is whole. Durable when it returns.
pub(super) fn leave(folder: &OwnedFd, marker: &Marker) -> Result<(), Errno> {
    let own = beneath::make(folder, Path::new(FOLDER), Rights::AsAbove, false).map_err(|error| errno(&error))?;
    let fresh = format!("{MARKER}.{}", marker.id);
    let written = write(&own, &fresh, &marker.text()).and_then(|()| publish(&own, &fresh));
    if written.is_err() {
        let _as_far_as_possible = rustix::fs::unlinkat(&own, &fresh, AtFlags::empty());
    }
    written?;
    beneath::sync_folder(&own).and_then(|()| beneath::sync_folder(folder)).map_err(|error| errno(&error))
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Writes a new file durably.
pub(super) fn write(own: impl AsFd, name: &str, bytes: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&own, name, flags, Mode::from_raw_mode(0o600))?;
    beneath::as_above(&own, &file).map_err(|error| errno(&error))?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| errno(&error))
}

/// Gives a whole file its name, unless somebody has it. Not every share can link or rename that way.
fn publish(own: &OwnedFd, fresh: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(own, fresh, own, MARKER, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => rustix::fs::unlinkat(own, fresh, AtFlags::empty()),
        Err(_not_here) => match rustix::fs::linkat(own, fresh, own, MARKER, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => rustix::fs::unlinkat(own, fresh, AtFlags::empty()),
            Err(_nor_here) => rustix::fs::renameat(own, fresh, own, MARKER),
        },
    }
}
