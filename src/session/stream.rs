//! Many files read at once, in pieces, hashed, and on the way written elsewhere: the engine of copies and of
//! verifications by content.
//!
//! Several lanes (threads) claim pieces of [`PIECE`] bytes: also one large file is read and written by all of them, and
//! its sum is put together from those of the pieces (BLAKE3 is a tree; `blake3::hazmat`). Every other lane takes small
//! files from the end of the order, so that the many small ones wait for the server while the few large ones fill the line.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::beneath::Kind;
use super::listing::File;
use super::manifest::Seen;
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

mod pieces;
mod reader;
mod writer;

use pieces::{Queue, join};
use reader::Reader;
use writer::Writer;
pub(super) use writer::times;

/// Bytes of a piece. A subtree of BLAKE3 needs a power of two; a request to a share takes at most so much.
pub(super) const PIECE: u64 = 1 << 20;

/// Who steers the work, and what it may take.
pub(super) struct Hand<'a> {
    steer: &'a dyn Steer,
    throttle: Option<&'a Throttle>,
    ended: AtomicBool,
}

impl<'a> Hand<'a> {
    pub(super) fn new(steer: &'a dyn Steer, throttle: Option<&'a Throttle>) -> Self {
        Self { steer, throttle, ended: AtomicBool::new(false) }
    }

    /// Waits while the work is held; `false`: it is to end.
    pub(super) fn go_on(&self) -> bool {
        if !self.ended.load(Ordering::Relaxed) && !self.steer.go_on() {
            self.end();
        }
        !self.ended.load(Ordering::Relaxed)
    }

    /// Nothing that is not begun yet makes sense any more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.steer.event(Event::Advance(bytes));
    }

    /// Waits until so many bytes may pass.
    pub(super) fn pass(&self, bytes: u64) {
        if let Some(throttle) = self.throttle {
            throttle.pass_blocking(bytes, &|| !self.go_on());
        }
    }
}

/// From where, to where, how.
pub(super) struct Flow<'a> {
    /// Folder below which the files lie.
    pub(super) from: BorrowedFd<'a>,
    /// `Some`: they are read from that file system's own storage, as far as it lets itself be asked.
    pub(super) storage: Option<Kind>,
    /// Where they go.
    pub(super) into: Option<Sink<'a>>,
    /// Pieces at once.
    pub(super) lanes: usize,
}

/// Where files are written.
#[derive(Clone, Copy)]
pub(super) struct Sink<'a> {
    /// Folder below which they get the same path; their folders are there.
    pub(super) folder: BorrowedFd<'a>,
    /// Each file is made durable by itself.
    pub(super) sync: bool,
    /// Permission bits that this process takes from new files.
    pub(super) umask: u32,
}

/// Where the bytes that were read came from. In the order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The file system's own storage, past this computer's memory.
    Storage,
    /// Memory, because that is where this file system keeps everything.
    Memory,
    /// Read after what was in memory had been written and dropped.
    Dropped,
    /// Perhaps this computer's memory.
    Cache,
}

/// A file that was read from its beginning to its end and did not change meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) hash: blake3::Hash,
    pub(super) origin: Origin,
}

/// Why a file was not.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is no longer what the listing says.
    Changed,
    /// It is gone.
    Vanished,
    /// It cannot be read.
    Read(io::Error),
    /// What was read cannot be written.
    Write(io::Error),
}

/// What is heard of each file, by its place in the order; from several threads.
pub(super) type Done<'a> = dyn Fn(usize, Result<Whole, Trouble>) + Sync + 'a;

/// What was seen of a file when it was listed.
pub(super) fn seen(file: &File) -> Seen {
    let changed = file.changed.map_or(0, jiff::Timestamp::as_nanosecond);
    Seen { size: file.size, modified: file.modified.as_nanosecond(), changed }
}

/// Reads all files, the largest first; returns when each was heard of, or when the hand ended it.
pub(super) fn run(flow: &Flow<'_>, files: &[&File], hand: &Hand<'_>, done: &Done<'_>) {
    let lanes = flow.lanes.clamp(1, usize::try_from(pieces::total(files)).unwrap_or(usize::MAX).max(1));
    let slots = files.iter().map(|_| Mutex::default()).collect();
    let work = Work { flow, files, hand, done, queue: Mutex::new(Queue::new(files)), slots };
    if lanes == 1 {
        work.lane(false);
        return;
    }
    std::thread::scope(|scope| {
        for lane in 1..lanes {
            let work = &work;
            // A lane that cannot be had is done without: the first one is this thread.
            let _lane =
                std::thread::Builder::new().name("copy".into()).spawn_scoped(scope, move || work.lane(lane % 2 == 1));
        }
        work.lane(false);
    });
}

struct Work<'a> {
    flow: &'a Flow<'a>,
    files: &'a [&'a File],
    hand: &'a Hand<'a>,
    done: &'a Done<'a>,
    queue: Mutex<Queue>,
    slots: Vec<Mutex<Slot>>,
}

/// A file under way.
#[derive(Default)]
struct Slot {
    ends: Option<Arc<Ends>>,
    behind: u64,
    values: Vec<blake3::hazmat::ChainingValue>,
    whole: Option<blake3::Hash>,
    trouble: Option<Trouble>,
}

/// Both ends of a file under way.
struct Ends {
    reader: Reader,
    writer: Option<Writer>,
}

impl Work<'_> {
    fn lane(&self, small: bool) {
        let mut buffer = reader::Buffer::new();
        loop {
            let Some((at, piece)) = lock(&self.queue).claim(self.files, small) else { return };
            if !self.hand.go_on() {
                return;
            }
            self.piece(at, piece, &mut buffer);
        }
    }

    fn piece(&self, at: usize, piece: u64, buffer: &mut reader::Buffer) {
        let file = self.files[at];
        let outcome = self.ends(at).and_then(|ends| match ends {
            Some(ends) => self.carry(&ends, file, piece, buffer).map(Some),
            None => Ok(None),
        });
        let pieces = pieces::count(file.size);
        let mut slot = lock(&self.slots[at]);
        slot.behind += 1;
        match outcome {
            Ok(Some(Part::Whole(hash))) => slot.whole = Some(hash),
            Ok(Some(Part::Piece(value))) => {
                let place = usize::try_from(piece).unwrap_or(usize::MAX);
                if slot.values.len() <= place {
                    slot.values.resize(place + 1, [0; 32]);
                }
                slot.values[place] = value;
            }
            Ok(None) => {}
            Err(trouble) => slot.trouble = slot.trouble.take().or(Some(trouble)),
        }
        if slot.behind == pieces {
            let slot = std::mem::take(&mut *slot);
            (self.done)(at, Self::finish(file, slot));
        }
    }

    /// The ends of a file, opened by the first that comes; `None`: it is in trouble already.
    fn ends(&self, at: usize) -> Result<Option<Arc<Ends>>, Trouble> {
        let mut slot = lock(&self.slots[at]);
        if slot.trouble.is_some() {
            return Ok(None);
        }
        if slot.ends.is_none() {
            let file = self.files[at];
            let reader = Reader::open(self.flow, file)?;
            let writer = self.flow.into.map(|sink| Writer::open(sink, file)).transpose().map_err(Trouble::Write)?;
            slot.ends = Some(Arc::new(Ends { reader, writer }));
        }
        Ok(slot.ends.clone())
    }

    fn carry(&self, ends: &Ends, file: &File, piece: u64, buffer: &mut reader::Buffer) -> Result<Part, Trouble> {
        let offset = piece * PIECE;
        let length = PIECE.min(file.size - offset);
        self.hand.pass(length);
        let (bytes, runs) = ends.reader.read(offset, length, buffer)?;
        let part = if file.size <= PIECE {
            Part::Whole(blake3::hash(bytes))
        } else {
            Part::Piece(pieces::value(offset, bytes))
        };
        if let Some(writer) = &ends.writer {
            writer.write(offset, bytes, &runs).map_err(Trouble::Write)?;
        }
        self.hand.advance(length);
        Ok(part)
    }

    fn finish(file: &File, slot: Slot) -> Result<Whole, Trouble> {
        if let Some(trouble) = slot.trouble {
            return Err(trouble);
        }
        let ends = slot.ends.ok_or(Trouble::Changed)?;
        ends.reader.unchanged(file)?;
        if let Some(writer) = &ends.writer {
            writer.finish(file, ends.reader.sparse).map_err(Trouble::Write)?;
        }
        let hash = slot.whole.or_else(|| join(&slot.values, file.size)).ok_or(Trouble::Changed)?;
        Ok(Whole { hash, origin: ends.reader.origin() })
    }
}

enum Part {
    Whole(blake3::Hash),
    Piece(blake3::hazmat::ChainingValue),
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
