//! The touch of a place: opened, its marker read, a fresh file written and read back, its room counted.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::marker::{self, Marker, There};
use super::{Open, Place};
use crate::clock::Timestamp;
use crate::fleet::mounted::customary;
use crate::reach::mounts::Mounts;
use crate::session::beneath::{self, Rights};
use crate::session::side::{Owner, Standing, trouble};
use crate::session::view::SideState;

/// Name of the file that is written to see whether the place answers and not a cache.
const PROBE: &str = "probe-";
/// A probe takes seconds: a file of this age, in seconds, was left behind.
const LEFT_BEHIND: i64 = 3600;

pub(super) fn stand(place: &Place, kept: Option<&str>) -> Standing {
    let open = match place.open() {
        Ok(open) => open,
        Err(state) => return Standing::lost(gone(place, kept, state)),
    };
    touch(place, &open, kept).unwrap_or_else(Standing::lost)
}

pub(super) fn prepare(place: &Place, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing {
    let open = match place.open() {
        Err(SideState::Trouble { word, .. }) if word == "no folder" && kept.is_none() => {
            if let Err(state) = make(place) {
                return Standing::lost(state);
            }
            place.open()
        }
        open => open,
    };
    let open = match open {
        Ok(open) => open,
        Err(state) => return Standing::lost(gone(place, kept, state)),
    };
    tidy(&open, now);
    if kept.is_none() {
        let left = nothing_there(&open)
            .and_then(|nothing| if nothing { marker::leave(&open.folder, &Marker::new(owner, now)) } else { Ok(()) });
        if let Err(error) = left {
            return Standing { readable: true, ..Standing::lost(place.refused(error)) };
        }
    }
    touch(place, &open, kept).unwrap_or_else(Standing::lost)
}

/// A folder that was there once and is not now is not a new one.
fn gone(place: &Place, kept: Option<&str>, state: SideState) -> SideState {
    match state {
        SideState::Trouble { word, .. } if word == "no folder" && kept.is_some() => replaced(place, "it is not there"),
        state => state,
    }
}

fn replaced(place: &Place, how: &str) -> SideState {
    trouble(
        "replaced",
        format!("{} is not the destination that copies went to before: {how}", place.path.display()),
        "mount the right one; if this one is to take its place for good, give the destination another `name`",
    )
}

fn nothing_there(open: &Open) -> Result<bool, Errno> {
    Ok(match marker::own(&open.folder)? {
        Some(own) => matches!(marker::read(&own)?, There::Nothing),
        None => true,
    })
}

/// Removes what an engine that was killed in a probe left behind.
fn tidy(open: &Open, now: Timestamp) {
    let Ok(Some(own)) = marker::own(&open.folder) else { return };
    for (name, _) in beneath::names(&own).unwrap_or_default() {
        let probe = name.to_str().is_some_and(|name| name.starts_with(PROBE));
        let old = |modified: i64| now.as_second().saturating_sub(modified) > LEFT_BEHIND;
        if probe && rustix::fs::statat(&own, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| old(stat.st_mtime)) {
            let _as_far_as_possible = rustix::fs::unlinkat(&own, &name, AtFlags::empty());
        }
    }
}

/// Makes the folder of a destination that was never used. With a declared mount it goes from the mount's own folder, which
/// is opened and proven first, so that nothing is ever made below an unmounted mount point; without one it is not made where
/// only a mount would make sense.
fn make(place: &Place) -> Result<(), SideState> {
    let refused = |error: std::io::Error| place.refused(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    let nothing = || Mounts::read().ok().and_then(|mounts| unmounted(&mounts, &place.path));
    if let Some(point) = nothing().filter(|_| place.mount.is_none()) {
        let (point, path) = (point.display(), place.path.display());
        return Err(trouble(
            "not mounted",
            format!("nothing is mounted at {point}"),
            format!("mount it; if copies are to lie on this machine's own disk: mkdir -p {path}"),
        ));
    }
    let (above, mount) = match &place.mount {
        Some(point) => (point.as_path(), Some(point.clone())),
        None => (place.path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")), None),
    };
    let open = Place { path: above.to_owned(), mount, marked: false }.open()?;
    let below = place.path.strip_prefix(above).unwrap_or(&place.path);
    beneath::make(&open.folder, below, Rights::AsAbove, true).map(drop).map_err(refused)
}

/// The folder at which something should be mounted for this path by custom, where nothing is: neither there nor at the folder
/// of all such mount points.
fn unmounted(mounts: &Mounts, path: &Path) -> Option<PathBuf> {
    let (point, all) = customary(path)?;
    mounts.holding(path).is_none_or(|mount| !mount.point.starts_with(all)).then_some(point)
}

/// The identity of an open place; `None`: it has none yet. The error says that it is not the one it was.
pub(super) fn marker(place: &Place, open: &Open, kept: Option<&str>) -> Result<Option<String>, SideState> {
    let own = marker::own(&open.folder).map_err(|error| place.refused(error))?;
    compared(place, own.as_ref(), kept)
}

fn compared(place: &Place, own: Option<&OwnedFd>, kept: Option<&str>) -> Result<Option<String>, SideState> {
    let there = own.map_or(Ok(There::Nothing), marker::read).map_err(|error| place.refused(error))?;
    match (there, kept) {
        (There::Marker(marker), None) => Ok(Some(marker.id)),
        (There::Marker(marker), Some(kept)) if marker.id == kept => Ok(Some(marker.id)),
        (There::Marker(_), Some(_)) => Err(replaced(place, "its marker is another one")),
        (There::Broken(why), _) => Err(replaced(place, &format!("its marker is none: {why}"))),
        (There::Nothing, Some(_)) => Err(replaced(place, "it has no marker")),
        (There::Nothing, None) => Ok(None),
    }
}

/// Looks at an open place. The error is what makes it useless even for reading.
fn touch(place: &Place, open: &Open, kept: Option<&str>) -> Result<Standing, SideState> {
    let refused = |error: Errno| place.refused(error);
    let room = rustix::fs::fstatvfs(&open.folder).map_err(refused)?;
    let (free, size) = (room.f_bavail.saturating_mul(room.f_frsize), room.f_blocks.saturating_mul(room.f_frsize));
    let standing = |state: SideState, marker: Option<String>| Standing {
        state,
        readable: true,
        marker,
        free: Some(free),
        size: Some(size),
    };
    if !place.marked {
        // A source is only read here.
        return Ok(standing(SideState::Ready, None));
    }
    let own = marker::own(&open.folder).map_err(refused)?;
    let marker = compared(place, own.as_ref(), kept)?;
    let state = match own.filter(|_| marker.is_some()) {
        _ if open.read_only => place.read_only(),
        Some(own) => match write_and_read(&own) {
            Ok(true) => SideState::Ready,
            Ok(false) => {
                return Err(trouble(
                    "unreliable",
                    format!("{} does not hold what was just written to it", place.path.display()),
                    "check the disk or the server of the share",
                ));
            }
            Err(error) => match place.refused(error) {
                SideState::Trouble { word, why, remedy } if word == "stale" => {
                    return Err(SideState::Trouble { word, why, remedy });
                }
                state => state,
            },
        },
        None => SideState::Ready,
    };
    // A last block may be kept for root: what is left for us is what counts.
    let state = if state.ready() && size > 0 && free == 0 { place.full() } else { state };
    Ok(standing(state, marker))
}

/// Whether a fresh file holds what was written to it. Its bytes and its name have to travel, whatever caches remember.
fn write_and_read(own: &OwnedFd) -> Result<bool, Errno> {
    let name = format!("{PROBE}{:016x}", fastrand::u64(..));
    let bytes = fastrand::u128(..).to_le_bytes();
    let asked = marker::write(own, &name, &bytes).and_then(|()| {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(own, &name, flags, Mode::empty())?;
        let mut read = Vec::new();
        std::fs::File::from(file)
            .take(64)
            .read_to_end(&mut read)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(read == bytes)
    });
    let _as_far_as_possible = rustix::fs::unlinkat(own, &name, AtFlags::empty());
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_disk_is_mounted_by_custom_and_none_is_that_is_seen() {
        let mounts = Mounts::parse(
            b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n41 22 0:36 / /media/usb rw - vfat /dev/sdb1 rw\n\
              42 22 0:37 / /run rw - tmpfs tmpfs rw\n",
        );
        let missing = |path: &str| unmounted(&mounts, Path::new(path));
        assert_eq!(missing("/media/stick/backup"), Some("/media/stick".into()));
        assert_eq!(missing("/run/media/ana/STICK/a/b"), Some("/run/media/ana/STICK".into()));
        assert_eq!(missing("/mnt/other"), Some("/mnt/other".into()));
        for path in ["/media/usb/backup", "/srv/a/b", "/run/media", "/home/ana"] {
            assert_eq!(missing(path), None, "{path}");
        }
        let whole = Mounts::parse(b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 8:2 / /mnt rw - ext4 /dev/sdb1 rw\n");
        assert_eq!(unmounted(&whole, Path::new("/mnt/backup")), None, "a disk at /mnt itself");
    }
}
