//! One file that is written.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::fs::{Advice, AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::{PIECE, Sink};
use crate::session::beneath;
use crate::session::listing::File;

/// A file that is written.
pub(super) struct Writer {
    file: OwnedFd,
    sync: bool,
    chmod: bool,
    early: bool,
}

impl Writer {
    pub(super) fn open(sink: Sink<'_>, file: &File) -> io::Result<Self> {
        let mode = Mode::from_raw_mode(file.mode & 0o777);
        let create = || beneath::open(sink.folder, &file.path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode);
        let opened = match create() {
            // The rest of an earlier attempt. It is not written into: another name may be linked to it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (above, name) = beneath::parent(sink.folder, &file.path)?;
                rustix::fs::unlinkat(above, name, AtFlags::empty())?;
                create()?
            }
            opened => opened?,
        };
        Ok(Self { file: opened, sync: sink.sync, chmod: file.mode & 0o777 & sink.umask != 0, early: file.size > PIECE })
    }

    /// Writes the runs of a piece.
    pub(super) fn write(&self, offset: u64, bytes: &[u8], runs: &[Range<usize>]) -> io::Result<()> {
        for run in runs {
            let (mut at, mut left) = (offset + run.start as u64, &bytes[run.clone()]);
            while !left.is_empty() {
                match rustix::io::pwrite(&self.file, left, at) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => {
                        at += written as u64;
                        left = &left[written..];
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if self.early {
            // The disk begins with it now, while the next piece is read: little is left to wait for in the end. What cannot
            // be begun early is written later.
            let length = std::num::NonZeroU64::new(bytes.len() as u64);
            let _only_sooner = rustix::fs::fadvise(&self.file, offset, length, Advice::DontNeed);
        }
        Ok(())
    }

    /// Gives it what the source has besides its bytes.
    pub(super) fn finish(&self, file: &File, sparse: bool) -> io::Result<()> {
        if sparse {
            rustix::fs::ftruncate(&self.file, file.size)?;
        }
        if self.chmod {
            match rustix::fs::fchmod(&self.file, Mode::from_raw_mode(file.mode & 0o777)) {
                // FAT and some shares have no permission bits.
                Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        rustix::fs::futimens(&self.file, &times(file.modified))?;
        if self.sync {
            rustix::fs::fsync(&self.file)?;
        }
        Ok(())
    }
}

/// Times to set: last modification, and nothing else.
pub(in crate::session) fn times(modified: jiff::Timestamp) -> Timestamps {
    let nanoseconds = modified.as_nanosecond();
    let second = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(0);
    let rest = i64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0);
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: Timespec { tv_sec: second, tv_nsec: rest },
    }
}
