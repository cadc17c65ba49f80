//! Whether a source or a destination is what it should be: mounted, answering, and the same one as before.
//!
//! The kernel is asked first what is mounted, which never waits. Only then the place itself is touched, from a thread
//! that can be left behind, and everything after that goes through the folder that was opened and proven: a share that
//! is unmounted meanwhile cannot turn into the bare folder below it.

mod marker;
mod probe;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

pub use marker::{FOLDER, MARKER, Marker};

use super::root::Root;
use super::side::{Lost, Owner, Standing, trouble};
use super::view::SideState;
use crate::clock::Timestamp;
use crate::fleet::disk;
use crate::reach::mounts::{Mount, Mounts};
use crate::reach::plain;

/// How long a disk or share may take to answer one question.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// A folder on this computer or on a share mounted to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub path: PathBuf,
    /// Mount point that must be mounted for it; `None`: a plain folder.
    pub mount: Option<PathBuf>,
    /// Whether it carries a marker: a destination does, a source does not.
    pub marked: bool,
}

/// The folder of a place, open and proven to lie where it should.
#[derive(Debug)]
pub struct Open {
    /// The folder.
    pub folder: OwnedFd,
    /// Whether each question to it travels.
    pub far: bool,
    /// Whether nothing can be written to it.
    pub read_only: bool,
}

impl Place {
    /// Whether it is what it should be; `kept`: the identity that it had. Answers within [`PATIENCE`], also where the share
    /// does not.
    pub fn stand(&self, kept: Option<&str>) -> Standing {
        let kept = kept.map(ToOwned::to_owned);
        self.ask("look", move |place| probe::stand(place, kept.as_deref())).unwrap_or_else(Standing::lost)
    }

    /// As [`Place::stand`], after leaving the marker where there is none yet. A folder is only ever made where the declared
    /// mount is mounted, or where a plain folder was never used before.
    pub fn prepare(&self, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing {
        let (kept, owner) = (kept.map(ToOwned::to_owned), owner.clone());
        self.ask("prepare", move |place| probe::prepare(place, kept.as_deref(), &owner, now))
            .unwrap_or_else(Standing::lost)
    }

    /// What copies are written to and read from: the folder that lies where it should and carries this marker, and the file
    /// system it is on. Answers within [`PATIENCE`].
    pub fn prove(&self, kept: Option<&str>) -> Result<Root, SideState> {
        let kept = kept.map(ToOwned::to_owned);
        self.ask("prove", move |place| {
            let open = place.open()?;
            let marker = probe::marker(place, &open, kept.as_deref())?;
            if marker.is_none() && place.marked {
                return Err(trouble(
                    "no marker",
                    format!("{} does not carry hotspare's marker yet", place.path.display()),
                    "sync a session: that leaves one",
                ));
            }
            let found = rustix::fs::fstat(&open.folder).map_err(|error| place.refused(error))?;
            Ok(Root { path: place.path.clone(), device: found.st_dev })
        })?
    }

    /// Opens its folder. Blocks as long as the place does: call it where that does no harm.
    pub fn open(&self) -> Result<Open, SideState> {
        let mounts = Mounts::read().ok();
        let declared = self.declared(mounts.as_ref())?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&self.path, flags, Mode::empty()).map_err(|error| self.refused(error))?;
        let (id, device) = whereabouts(&folder).map_err(|error| self.refused(error))?;
        let mount = match (&declared, &mounts) {
            (Some(mount), _) if mount.is_automatic() => {
                // It was mounted by our touch: look again at what came.
                let mounts = Mounts::read().ok();
                let came = self.declared(mounts.as_ref())?.filter(|mount| !mount.is_automatic());
                Some(came.ok_or_else(|| self.not_mounted())?)
            }
            (Some(mount), _) => Some(mount.clone()),
            (None, mounts) => mounts.as_ref().and_then(|mounts| mounts.holding(&self.path)).cloned(),
        };
        if self.mount.is_some()
            && let Some(mount) = &mount
            && !id.map_or(device == mount.device, |id| id == mount.id)
        {
            return Err(trouble(
                "not mounted",
                format!("{} does not lie on what is mounted at {}", self.path.display(), mount.point.display()),
                "something else is mounted over it or a link leads away from it: see findmnt -T",
            ));
        }
        Ok(Open {
            folder,
            far: mount.as_ref().is_some_and(Mount::is_far),
            read_only: mount.as_ref().is_some_and(Mount::read_only),
        })
    }

    /// The mount that is declared; `None`: none is.
    fn declared(&self, mounts: Option<&Mounts>) -> Result<Option<Mount>, SideState> {
        let Some(point) = &self.mount else { return Ok(None) };
        let Some(mounts) = mounts else {
            return Err(trouble(
                "unknown mount",
                format!("whether {} is mounted cannot be looked up on this system", point.display()),
                "leave `mount` out: then only the marker in the folder tells whether it is the right one",
            ));
        };
        mounts.at(point).cloned().map(Some).ok_or_else(|| self.not_mounted())
    }

    fn not_mounted(&self) -> SideState {
        let point = self.mount.as_deref().unwrap_or(&self.path).display();
        trouble("not mounted", format!("nothing is mounted at {point}"), format!("mount {point}"))
    }

    /// Asks from a thread that can be left behind.
    fn ask<T: Send + 'static>(
        &self,
        what: &str,
        question: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, SideState> {
        // The kernel knows at once, also of a path that somebody hangs on.
        self.declared(Mounts::read().ok().as_ref())?;
        let place = self.clone();
        // One thread for each kind of question may hang on one place.
        let about = self.path.join(format!(".hotspare {what}"));
        disk::ask(&about, PATIENCE, move |_path| question(&place)).ok_or_else(|| self.stale())
    }

    /// It does not answer.
    pub fn stale(&self) -> SideState {
        let at = self.mount.as_deref().unwrap_or(&self.path).display();
        trouble(
            "stale",
            format!("{} did not answer within {}", self.path.display(), plain::time(PATIENCE)),
            format!("see whether its server runs; then umount -l {at}, and mount it again"),
        )
    }

    /// An error of the place, in words.
    fn refused(&self, error: Errno) -> SideState {
        let path = self.path.display();
        let why = format!("{path}: {}", plain_error(error));
        match error {
            Errno::NOENT => trouble("no folder", format!("{path} is not there"), "make it, or correct `path`"),
            Errno::NOTDIR => trouble("no folder", format!("{path} is not a folder"), "correct `path`"),
            Errno::ACCESS | Errno::PERM => {
                trouble("no access", why, format!("give the user that runs hotspare rights: ls -ld {path}"))
            }
            Errno::ROFS => self.read_only(),
            Errno::NOSPC | Errno::DQUOT => self.full(),
            Errno::STALE
            | Errno::IO
            | Errno::NOTCONN
            | Errno::TIMEDOUT
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::CONNABORTED
            | Errno::CONNRESET => {
                let at = self.mount.as_deref().unwrap_or(&self.path).display();
                trouble(
                    "stale",
                    why,
                    format!("see whether its disk or server is well; then umount -l {at}, and mount it again"),
                )
            }
            _ => trouble("unreadable", why, format!("ls -ld {path}")),
        }
    }

    fn read_only(&self) -> SideState {
        trouble(
            "read-only",
            format!("nothing can be written to {}", self.path.display()),
            "a file system that met errors is read-only until it was checked: see dmesg, then mount it rw",
        )
    }

    fn full(&self) -> SideState {
        trouble("full", format!("{} has no room left", self.path.display()), "make room there")
    }

    /// An error of a question that was asked through the open folder.
    pub fn lost(&self, error: &std::io::Error) -> Lost {
        Lost::Trouble(Errno::from_io_error(error).map_or_else(
            || trouble("unreadable", format!("{}: {error}", self.path.display()), "try again"),
            |errno| self.refused(errno),
        ))
    }
}

/// Number of the mount on which an open folder lies, where the kernel tells (Linux 5.8), and its device.
fn whereabouts(folder: &OwnedFd) -> Result<(Option<u64>, (u32, u32)), Errno> {
    let found = rustix::fs::statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)?;
    let told = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID);
    Ok((told.then_some(found.stx_mnt_id), (found.stx_dev_major, found.stx_dev_minor)))
}

/// An error's words without its number.
fn plain_error(error: Errno) -> String {
    let text = std::io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Whether a path is one of hotspare's own, below a source or a destination.
pub fn is_own(name: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    name.as_os_str().as_bytes().starts_with(b".hotspare")
}

#[cfg(test)]
mod tests;
