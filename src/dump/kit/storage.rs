//! Reads files as the storage holds them: past the page cache, which would give back what was written and not what is there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Advice, Mode, OFlags};
use rustix::io::Errno;

/// What is read at once, bytes.
const PIECE: usize = 1 << 20;
/// What reading past the cache wants offsets, lengths and addresses to be multiples of.
const ALIGN: usize = 4096;

/// A file that is read from its beginning to its end.
#[derive(Debug)]
pub(super) struct Source {
    file: OwnedFd,
    direct: bool,
    buffer: Vec<u8>,
    /// Where the next piece begins in the file.
    at: u64,
}

impl Source {
    /// Opens it; `past`: past the cache.
    pub(super) fn open(folder: impl AsFd, name: &str, past: bool) -> io::Result<Self> {
        let plain = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(&folder, name, flags, Mode::empty());
        let (file, direct) = match open(if past { plain | OFlags::DIRECT } else { plain }) {
            Ok(file) => (file, past),
            Err(Errno::INVAL) if past => (open(plain)?, false),
            Err(error) => return Err(error.into()),
        };
        let source = Self { file, direct, buffer: vec![0; PIECE + ALIGN], at: 0 };
        if past && !direct {
            source.drop_cache();
        }
        Ok(source)
    }

    /// The next piece; empty at the end.
    pub(super) fn next(&mut self) -> io::Result<&[u8]> {
        let from = self.buffer.as_ptr().align_offset(ALIGN).min(ALIGN);
        loop {
            let Some(room) = self.buffer.get_mut(from..from + PIECE) else { return Ok(&[]) };
            match rustix::io::pread(&self.file, room, self.at) {
                Ok(read) => {
                    self.at += read as u64;
                    return Ok(self.buffer.get(from..from + read).unwrap_or_default());
                }
                Err(Errno::INTR) => {}
                // Not past the cache after all, or from the middle of a block, which is the end of the file.
                Err(Errno::INVAL) if self.direct => {
                    self.direct = false;
                    let flags = rustix::fs::fcntl_getfl(&self.file)?;
                    rustix::fs::fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
                    self.drop_cache();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What was written is written out before, so that nothing of it must stay.
    fn drop_cache(&self) {
        let _only_a_wish = rustix::fs::fdatasync(&self.file);
        let _only_a_wish = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}
