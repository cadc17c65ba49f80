//! Files in a folder that is held open: written durably, replaced at once, read without following links.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// Files on their way to a name.
pub(super) const NEW: &str = ".hotspare-new-";
/// Folders on their way out.
pub(in crate::dump) const GOING: &str = ".hotspare-removing-";

/// Opens a folder in a folder.
pub(in crate::dump) fn open(at: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}

/// Makes a folder that is not there yet, and opens it.
pub(in crate::dump) fn make(at: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    rustix::fs::mkdirat(&at, name, Mode::from_raw_mode(0o755))?;
    open(at, name)
}

/// Makes a file that is not there yet.
pub(in crate::dump) fn create(at: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, name, flags, Mode::from_raw_mode(0o644))?.into())
}

/// What a file holds, at most so many bytes of it.
pub(in crate::dump) fn content(at: impl AsFd, name: &str, longest: u64) -> io::Result<Vec<u8>> {
    // Should it be a fifo, opening it must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(at, name, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(longest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Size of a plain file; `None`: there is none.
pub(in crate::dump) fn size(at: impl AsFd, name: &str) -> io::Result<Option<u64>> {
    match rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() => {
            Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
        }
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether anything of this name is there.
pub(in crate::dump) fn exists(at: impl AsFd, name: &str) -> io::Result<bool> {
    match rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Names in a folder. What is not UTF-8 is not ours.
pub(in crate::dump) fn names(at: impl AsFd) -> io::Result<Vec<String>> {
    // A description of its own: reading moves its position.
    let folder = open(at, ".")?;
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        match entry?.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

/// Gives a file this content, whole or not at all, durably. Nothing is written where it has it already.
pub(in crate::dump) fn replace(at: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    if content(&at, name, bytes.len() as u64 + 1).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let fresh = format!("{NEW}{name}");
    forget(&at, &fresh)?;
    let written = create(&at, &fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| Ok(rustix::fs::renameat(&at, &fresh, &at, name)?));
    if let Err(error) = done {
        let _as_far_as_possible = forget(&at, &fresh);
        return Err(error);
    }
    sync(at)
}

/// Gives a folder another name, which must be free.
pub(in crate::dump) fn rename(at: impl AsFd, from: &str, to: &str) -> io::Result<()> {
    match rustix::fs::renameat_with(&at, from, &at, to, RenameFlags::NOREPLACE) {
        // Not every file system can promise it; a folder that holds something is never replaced anyway.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(rustix::fs::renameat(&at, from, &at, to)?),
        result => Ok(result?),
    }
}

/// Removes a file; nothing there is no error.
pub(in crate::dump) fn forget(at: impl AsFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a folder with all files in it, or a file; nothing there is no error.
pub(in crate::dump) fn remove(at: impl AsFd, name: &str) -> io::Result<()> {
    let inner = match open(&at, name) {
        Ok(inner) => inner,
        Err(error) => {
            return match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => Ok(()),
                Some(Errno::NOTDIR | Errno::LOOP) => forget(at, name),
                _ => Err(error),
            };
        }
    };
    for file in names(&inner)? {
        forget(&inner, &file)?;
    }
    match rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes the names in a folder durable. What cannot do it for folders (FUSE) says EINVAL, and keeps its names by itself.
pub(in crate::dump) fn sync(folder: impl AsFd) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Tries to be the only one who holds this folder locked, until it is closed.
pub(in crate::dump) fn lock(folder: impl AsFd) -> io::Result<bool> {
    match rustix::fs::flock(folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
