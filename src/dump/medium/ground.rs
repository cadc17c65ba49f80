//! The folder that kits lie in: opened once, proven to lie where it should, and asked again whether it still does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use super::folder;
use super::trouble::{Kind, MediumTrouble};
use crate::fleet::data::Dump;
use crate::reach::mounts::{Mount, Mounts};

/// Where the system keeps disks by the ids of their file systems.
const BY_ID: &str = "/dev/disk/by-uuid";
/// How long somebody else may hold a medium for its own: so many looks, so far apart.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// The folder of a medium, open.
#[derive(Debug)]
pub(in crate::dump) struct Ground {
    root: OwnedFd,
    path: PathBuf,
    /// What must be mounted there; `None`: a plain folder.
    mount: Option<Mount>,
    /// A disk of its own whose file system keeps its word about `syncfs`. A plain folder would wait for what others write.
    whole: bool,
}

/// Held by the one who changes what lies on a medium. Let go of when it is dropped.
#[derive(Debug)]
pub(in crate::dump) struct Alone {
    _folder: OwnedFd,
}

impl Ground {
    /// Opens it. Blocks as long as the medium does. `used`: the dump has had a medium before.
    pub(super) fn open(dump: &Dump, used: bool) -> Result<Self, MediumTrouble> {
        let path = &dump.to;
        let mount = if dump.mount { Some(mounted(path)?) } else { None };
        if mount.is_none() && !used && !path.exists() {
            // Only the last folder: what should lie above it may be a medium that is not mounted.
            std::fs::create_dir(path).map_err(|error| MediumTrouble::of(&error, path.display()))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| MediumTrouble::of(&error.into(), path.display()))?;
        // A mount that comes by itself came by this touch.
        let mount = if mount.as_ref().is_some_and(Mount::is_automatic) { Some(mounted(path)?) } else { mount };
        if let Some(mount) = &mount
            && (mount.is_automatic() || !lies_on(&root, mount))
        {
            return Err(not_mounted(path));
        }
        let whole = mount.is_some() && keeps_word(&root);
        let ground = Self { root, path: path.clone(), mount, whole };
        if ground.mount.as_ref().is_some_and(Mount::read_only) {
            return Err(MediumTrouble::of(&Errno::ROFS.into(), path.display()));
        }
        Ok(ground)
    }

    /// Its path, for people.
    pub(in crate::dump) fn path(&self) -> &Path {
        &self.path
    }

    /// The mount, where there must be one.
    pub(super) const fn mount(&self) -> Option<&Mount> {
        self.mount.as_ref()
    }

    /// Whether it is still there: a stick that was pulled or unmounted goes on taking writes for a while.
    pub(in crate::dump) fn stands(&self) -> Result<(), MediumTrouble> {
        let Some(mount) = &self.mount else { return Ok(()) };
        let now = Mounts::read().ok().and_then(|mounts| mounts.at(&self.path).cloned());
        match now {
            Some(now) if now.id == mount.id && !now.read_only() => Ok(()),
            Some(now) if now.id == mount.id => Err(MediumTrouble::of(&Errno::ROFS.into(), self.path.display())),
            _ => Err(MediumTrouble::new(
                Kind::NotMounted,
                format!("{}: the medium was taken away in the middle of the work", self.path.display()),
                "put it in and mount it again; what was under way is done anew",
            )),
        }
    }

    /// An error at this name of it, in words.
    pub(in crate::dump) fn trouble(&self, error: &io::Error, name: &str) -> MediumTrouble {
        match self.stands() {
            Err(trouble) => trouble,
            Ok(()) => MediumTrouble::of(error, self.path.join(name).display()),
        }
    }

    /// Bytes that are free; `None`: it does not say.
    pub(super) fn free(&self) -> Option<u64> {
        let found = rustix::fs::fstatvfs(&self.root).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Makes everything in this folder durable: its files by name, or with it all that the file system holds.
    pub(in crate::dump) fn settle(&self, at: &OwnedFd, files: &[String]) -> io::Result<()> {
        if self.whole {
            return Ok(rustix::fs::syncfs(at)?);
        }
        for name in files {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::fsync(rustix::fs::openat(at, name.as_str(), flags, Mode::empty())?)?;
        }
        folder::sync(at)
    }

    /// Waits until nobody else changes what lies on it, at most ten seconds.
    pub(in crate::dump) fn alone(&self) -> Result<Alone, MediumTrouble> {
        let failed = |error: io::Error| self.trouble(&error, "");
        let own = folder::open(&self.root, ".").map_err(failed)?;
        for _try in 0..LOCK_TRIES {
            match folder::lock(&own) {
                Ok(true) => return Ok(Alone { _folder: own }),
                Ok(false) => std::thread::park_timeout(LOCK_PAUSE),
                // A file system without locks: then it is one engine's own.
                Err(error) if Errno::from_io_error(&error) != Some(Errno::IO) => return Ok(Alone { _folder: own }),
                Err(error) => return Err(failed(error)),
            }
        }
        Err(MediumTrouble::new(
            Kind::Busy,
            format!("{}: another program of hotspare works on it", self.path.display()),
            "wait for it, or see hotspare jobs",
        ))
    }

    /// The id of its file system as the system knows it; `None`: the system does not know ids.
    pub(super) fn file_system(&self) -> Option<String> {
        let device = self.mount.as_ref()?.device;
        let same = |link: &Path| {
            // On /dev, which is memory: a dead disk does not hold this up.
            let found = rustix::fs::stat(link).ok()?;
            let numbers = (rustix::fs::major(found.st_rdev), rustix::fs::minor(found.st_rdev));
            (numbers == device).then(|| link.file_name()?.to_str().map(ToOwned::to_owned)).flatten()
        };
        std::fs::read_dir(BY_ID).ok()?.flatten().find_map(|entry| same(&entry.path()))
    }
}

impl AsFd for Ground {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

fn mounted(path: &Path) -> Result<Mount, MediumTrouble> {
    let mounts = Mounts::read().map_err(|error| {
        MediumTrouble::new(
            Kind::NotMounted,
            error.to_string(),
            "say `mount = false`: then any folder is taken as it is",
        )
    })?;
    mounts.at(path).cloned().ok_or_else(|| not_mounted(path))
}

fn not_mounted(path: &Path) -> MediumTrouble {
    MediumTrouble::new(
        Kind::NotMounted,
        format!("{}: no medium is mounted there", path.display()),
        "put it in and mount it; for a plain folder say `mount = false`",
    )
}

/// Whether an open folder lies on this mount: by the mount's number where the kernel tells it (Linux 5.8), else by device.
fn lies_on(folder: &OwnedFd, mount: &Mount) -> bool {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    rustix::fs::statx(folder, "", AtFlags::EMPTY_PATH, wanted).is_ok_and(|found| {
        if StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID) {
            found.stx_mnt_id == mount.id
        } else {
            (found.stx_dev_major, found.stx_dev_minor) == mount.device
        }
    })
}

/// Whether `syncfs` of this file system writes everything out and tells of errors: those of the kernel on disks do.
fn keeps_word(folder: &OwnedFd) -> bool {
    // Numbers of linux/magic.h: ext2/3/4, XFS, Btrfs, F2FS, ZFS, FAT, exFAT, NTFS; tmpfs and ramfs.
    let kind = rustix::fs::fstatfs(folder).map_or(0, |found| u64::try_from(found.f_type).unwrap_or(0) & 0xffff_ffff);
    matches!(
        kind,
        0xef53
            | 0x5846_5342
            | 0x9123_683e
            | 0xf2f5_2010
            | 0x2fc1_2fc1
            | 0x4d44
            | 0x2011_bab0
            | 0x7366_746e
            | 0x0102_1994
            | 0x8584_58f6
    )
}
