//! One file that is read.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::{Errno, ReadWriteFlags};

use super::{Flow, Origin, PIECE, Trouble, seen};
use crate::session::beneath::{self, Kind};
use crate::session::listing::File;
use crate::session::tree;

/// What reading past the cache wants offsets, lengths and addresses to be multiples of.
const ALIGN: usize = 4096;

/// Room for a piece, aligned for reading past the cache.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn new() -> Self {
        Self(vec![0; usize::try_from(PIECE).unwrap_or(usize::MAX) + 2 * ALIGN])
    }

    /// Room for so many bytes, and a little more.
    fn room(&mut self, length: usize) -> &mut [u8] {
        let from = self.0.as_ptr().align_offset(ALIGN).min(ALIGN);
        &mut self.0[from..from + length.next_multiple_of(ALIGN)]
    }
}

/// A file that is read.
pub(super) struct Reader {
    file: OwnedFd,
    /// It is read past the cache; cleared when the file system turns out not to be able to.
    direct: AtomicBool,
    /// Something may have come from the cache.
    cached: AtomicBool,
    memory: bool,
    storage: bool,
    /// It has holes.
    pub(super) sparse: bool,
}

impl Reader {
    pub(super) fn open(flow: &Flow<'_>, file: &File) -> Result<Self, Trouble> {
        // Should the name be a fifo by now, opening it must not wait for a writer.
        let plain = OFlags::RDONLY | OFlags::NONBLOCK;
        let direct = matches!(flow.storage, Some(Kind::Disk | Kind::Other));
        let open = |flags| beneath::open(flow.from, &file.path, flags, Mode::empty());
        let opened = if direct { open(plain | OFlags::DIRECT) } else { open(plain) };
        let (opened, direct) = match opened {
            Err(error) if direct && Errno::from_io_error(&error) == Some(Errno::INVAL) => (open(plain), false),
            opened => (opened, direct),
        };
        let opened = opened.map_err(trouble)?;
        let stat = rustix::fs::fstat(&opened).map_err(|error| trouble(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !same(flow.storage.is_some(), &stat, file)
        {
            return Err(Trouble::Changed);
        }
        let reader = Self {
            file: opened,
            direct: AtomicBool::new(direct),
            cached: AtomicBool::new(false),
            memory: flow.storage == Some(Kind::Memory),
            storage: flow.storage.is_some(),
            sparse: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512) < file.size,
        };
        if reader.storage && !direct && !reader.memory {
            reader.drop_cache();
        }
        Ok(reader)
    }

    /// Reads a piece: its bytes, and which of them are data and not holes.
    pub(super) fn read<'b>(
        &self,
        offset: u64,
        length: u64,
        buffer: &'b mut Buffer,
    ) -> Result<(&'b [u8], Vec<Range<usize>>), Trouble> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let room = buffer.room(length);
        let runs = if self.sparse {
            self.runs(offset, length).map_err(trouble)?
        } else {
            std::iter::once(0..length).collect()
        };
        let mut filled = 0;
        for run in &runs {
            room[filled..run.start].fill(0);
            // A run begins and ends at blocks; only the last one of the file may not.
            let end = run.end.next_multiple_of(ALIGN).min(room.len());
            let read = self.fill(offset + run.start as u64, &mut room[run.start..end]).map_err(trouble)?;
            if read < run.len() {
                return Err(Trouble::Changed);
            }
            filled = run.end;
        }
        room[filled..length].fill(0);
        Ok((&room[..length], runs))
    }

    /// Reads until the room is full or the file ends.
    fn fill(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < room.len() {
            match rustix::io::pread(&self.file, &mut room[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    // Reading on past the cache from the middle of a block is not allowed, and only the end is short.
                    if !filled.is_multiple_of(ALIGN) && self.direct.load(Ordering::Relaxed) {
                        break;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) if self.direct.swap(false, Ordering::Relaxed) => {
                    let flags = rustix::fs::fcntl_getfl(&self.file)?;
                    rustix::fs::fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
                    self.drop_cache();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }

    /// Runs of data within a piece.
    fn runs(&self, offset: u64, length: usize) -> io::Result<Vec<Range<usize>>> {
        let within = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX).min(length);
        let (mut runs, mut at) = (Vec::new(), 0);
        while at < length {
            let data = match rustix::fs::seek(&self.file, SeekFrom::Data(offset + at as u64)) {
                Ok(data) => within(data),
                // Nothing but a hole up to the end.
                Err(Errno::NXIO) => break,
                // A file system that knows nothing of holes.
                Err(Errno::INVAL | Errno::OPNOTSUPP) => 0,
                Err(error) => return Err(error.into()),
            };
            if data >= length {
                break;
            }
            let hole = rustix::fs::seek(&self.file, SeekFrom::Hole(offset + data as u64)).map_or(length, within);
            // Blocks of a file system are multiples of what direct reading wants; a hole that is not is data.
            // Whatever is said while somebody else writes, each run moves on.
            let from = (data / ALIGN * ALIGN).max(at);
            let run = from..hole.max(from + 1).next_multiple_of(ALIGN).min(length);
            at = run.end;
            runs.push(run);
        }
        Ok(runs)
    }

    /// Writes what is in memory of the file, drops it, and looks whether it is gone.
    fn drop_cache(&self) {
        let written = rustix::fs::fdatasync(&self.file);
        let dropped = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        let mut byte = [0];
        let there = rustix::io::preadv2(&self.file, &mut [io::IoSliceMut::new(&mut byte)], 0, ReadWriteFlags::NOWAIT);
        let still = matches!(there, Ok(read) if read > 0);
        // A share that is mounted read-only has nothing to write.
        if still || dropped.is_err() || matches!(written, Err(error) if error != Errno::ROFS && error != Errno::INVAL) {
            self.cached.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the file is still what it was when it was listed.
    pub(super) fn unchanged(&self, file: &File) -> Result<(), Trouble> {
        let stat = rustix::fs::fstat(&self.file).map_err(|error| trouble(error.into()))?;
        if same(self.storage, &stat, file) { Ok(()) } else { Err(Trouble::Changed) }
    }

    pub(super) fn origin(&self) -> Origin {
        if self.memory {
            Origin::Memory
        } else if self.direct.load(Ordering::Relaxed) {
            Origin::Storage
        } else if self.storage && !self.cached.load(Ordering::Relaxed) {
            Origin::Dropped
        } else {
            Origin::Cache
        }
    }
}

/// Whether a file is what was listed. A share may tell other times after it has written behind: of a copy only the size
/// counts, since its content is compared.
fn same(copy: bool, stat: &Stat, file: &File) -> bool {
    let now = seen(&tree::file(file.path.clone(), stat));
    if copy { now.size == file.size } else { now == seen(file) }
}

fn trouble(error: io::Error) -> Trouble {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => Trouble::Vanished,
        // A link, a folder, a mount: no longer the file that was listed.
        Some(Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::NXIO) => Trouble::Changed,
        _ => Trouble::Read(error),
    }
}
