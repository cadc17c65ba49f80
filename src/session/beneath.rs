//! Files below a folder that is held open: no symbolic link is followed, no other mount is entered, nothing outside is
//! reached, whatever somebody does to the tree at the same moment.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// `openat2` is not to be had here: an old kernel, or a container that forbids it.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Flags of a folder that is only looked into.
pub(super) const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Opens the folder from which everything starts. Links in the path to it are the operator's own and are followed.
pub(super) fn root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, FOLDER | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens the folder of a session; links in the path to it are followed, but it must not be one itself.
pub(super) fn session(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, FOLDER | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens what lies below `folder`; an empty path is the folder itself.
pub(super) fn open(folder: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if !WITHOUT_OPENAT2.load(Ordering::Relaxed) {
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        loop {
            match rustix::fs::openat2(&folder, path, flags, mode, within) {
                // A rename elsewhere in the tree came between: the kernel asks to be asked again.
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS) => break,
                Err(Errno::PERM) if !answers_openat2(&folder) => break,
                opened => return Ok(opened?),
            }
        }
        WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
    }
    step_by_step(folder.as_fd(), path, flags, mode)
}

fn answers_openat2(folder: impl AsFd) -> bool {
    rustix::fs::openat2(folder, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH).is_ok()
}

/// As [`open`] without `openat2`: each part by itself. Mounts of the same file system are not told apart here.
fn step_by_step(folder: std::os::fd::BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let device = rustix::fs::fstat(folder)?.st_dev;
    let mut at: Option<OwnedFd> = None;
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let name = match part {
            Component::Normal(name) => name,
            Component::CurDir => OsStr::new("."),
            _ => return Err(Errno::XDEV.into()),
        };
        let here = at.as_ref().map_or(folder, AsFd::as_fd);
        let last = parts.peek().is_none();
        let how = if last { flags } else { OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC };
        let next = rustix::fs::openat(here, name, how, if last { mode } else { Mode::empty() })?;
        if rustix::fs::fstat(&next)?.st_dev != device {
            return Err(Errno::XDEV.into());
        }
        at = Some(next);
    }
    at.ok_or_else(|| Errno::NOENT.into())
}

/// The folder that holds `path`, and the last part's name.
pub(super) fn parent(folder: impl AsFd, path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let above = path.parent().unwrap_or(Path::new(""));
    Ok((open(folder, above, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?, name))
}

/// What lies there, without following a link; `None`: nothing.
pub(super) fn stat(folder: impl AsFd, path: &Path) -> io::Result<Option<Stat>> {
    let found =
        parent(folder, path).and_then(|(above, name)| Ok(rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?));
    match found {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who may use a folder that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    /// Nobody else.
    Private,
    /// Whoever may use the folder that it lies in, also where the engine's own files are for nobody else.
    AsAbove,
}

/// Lets others do with something new what they may do with the folder that it lies in. Shares that know no rights have none.
pub(super) fn as_above(above: impl AsFd, new: impl AsFd) -> io::Result<()> {
    let (above, new) = (rustix::fs::fstat(above)?.st_mode, (rustix::fs::fstat(&new)?.st_mode, new));
    // What everybody may write to, but only their own, as `/tmp`, says nothing of what lies in it.
    let rights = if above & 0o1000 == 0 { above & 0o777 } else { above & 0o755 };
    let rights = if FileType::from_raw_mode(new.0).is_dir() { rights } else { rights & 0o666 };
    let _none_here = rustix::fs::fchmod(new.1, Mode::from_raw_mode(rights));
    Ok(())
}

/// Makes every folder of the path that is not there yet, and returns the last one, open. `durable`: the names of new
/// folders outlive a power cut.
pub(super) fn make(folder: impl AsFd, path: &Path, rights: Rights, durable: bool) -> io::Result<OwnedFd> {
    match open(&folder, path, FOLDER, Mode::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let mut at = open(&folder, Path::new(""), FOLDER, Mode::empty())?;
    for part in path.components() {
        let Component::Normal(name) = part else { return Err(Errno::INVAL.into()) };
        let made = match rustix::fs::mkdirat(&at, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let next = open(&at, Path::new(name), FOLDER, Mode::empty())?;
        if made && rights == Rights::AsAbove {
            as_above(&at, &next)?;
        }
        if made && durable {
            sync_folder(&at)?;
        }
        at = next;
    }
    Ok(at)
}

/// Makes the names in a folder durable. Shares that cannot do it for folders (CIFS, FUSE) say EINVAL, and keep their
/// names by themselves.
pub(super) fn sync_folder(folder: impl AsFd) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How long a folder may seem to hold something that was removed: so many looks, so far apart.
const HIDDEN_TRIES: u32 = 40;
const HIDDEN_PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

/// Removes a folder with all that lies in it; nothing there is no error. Never leaves the file system, never follows.
pub(super) fn remove(folder: impl AsFd, path: &Path) -> io::Result<()> {
    let (above, name) = match parent(&folder, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    match rustix::fs::unlinkat(&above, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // A folder: Linux says EISDIR, POSIX EPERM.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let mut tries = 0;
    loop {
        let inner = open(&above, Path::new(name), FOLDER, Mode::empty())?;
        for (entry, _) in names(&inner)? {
            remove(&inner, Path::new(&entry))?;
        }
        match rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // Shares hide a file under another name that is removed while it is open, and hear of the end of that a little
            // later: NFS `.nfs…`, FUSE `.fuse_hidden…`.
            Err(Errno::NOTEMPTY) if tries < HIDDEN_TRIES => {
                tries += 1;
                std::thread::park_timeout(HIDDEN_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Names in a folder, without `.` and `..`, and what the folder says each is, in the order in which it has them.
pub(super) fn names(folder: impl AsFd) -> io::Result<Vec<(std::ffi::OsString, rustix::fs::FileType)>> {
    use std::os::unix::ffi::OsStrExt;
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((OsStr::from_bytes(name).to_owned(), entry.file_type()));
        }
    }
    Ok(names)
}

/// Where a file system keeps what is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A disk of this computer whose file system keeps its word about `syncfs`.
    Disk,
    /// This computer's memory.
    Memory,
    /// A share, a stick, or something that is not known.
    Other,
}

/// What kind of file system a folder lies on.
pub(super) fn kind(folder: impl AsFd) -> io::Result<Kind> {
    // Numbers of linux/magic.h: ext2/3/4, XFS, Btrfs, F2FS, ZFS; tmpfs and ramfs.
    Ok(match u64::try_from(rustix::fs::fstatfs(folder)?.f_type).unwrap_or(0) & 0xffff_ffff {
        0xef53 | 0x5846_5342 | 0x9123_683e | 0xf2f5_2010 | 0x2fc1_2fc1 => Kind::Disk,
        0x0102_1994 | 0x8584_58f6 => Kind::Memory,
        _ => Kind::Other,
    })
}
