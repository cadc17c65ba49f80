//! The files of one database read as one stream, their sums checked on the way.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::storage::Source;
use crate::dump::medium::Ground;
use crate::dump::medium::folder;
use crate::dump::record::{File, Held};

/// The files of one database, joined: what its compressed dump was when it was written. It ends without an error only
/// where every byte was read and is what was written.
#[derive(Debug)]
pub struct Joined {
    ground: Arc<Ground>,
    kit: String,
    left: VecDeque<File>,
    past: bool,
    now: Option<Part>,
    /// What went wrong, said again to whoever reads on.
    broken: Option<(io::ErrorKind, String)>,
}

#[derive(Debug)]
struct Part {
    file: File,
    source: Source,
    hasher: blake3::Hasher,
    bytes: u64,
    piece: Vec<u8>,
    at: usize,
}

impl Joined {
    /// `past`: past the cache.
    pub(in crate::dump) fn new(ground: &Arc<Ground>, held: &Held, past: bool) -> Self {
        let left = held.files.iter().cloned().collect();
        Self { ground: Arc::clone(ground), kit: held.kit.clone(), left, past, now: None, broken: None }
    }

    fn begin(&self, file: File) -> io::Result<Part> {
        let folder: OwnedFd = folder::open(&*self.ground, &self.kit)?;
        let source = Source::open(&folder, &file.name, self.past)?;
        Ok(Part { file, source, hasher: blake3::Hasher::new(), bytes: 0, piece: Vec::new(), at: 0 })
    }

    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(mut part) = self.now.take() else {
                let Some(file) = self.left.pop_front() else { return Ok(0) };
                self.now = Some(self.begin(file)?);
                continue;
            };
            let rest = part.piece.get(part.at..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(into.len());
                for (to, from) in into.iter_mut().zip(rest) {
                    *to = *from;
                }
                part.at += count;
                self.now = Some(part);
                return Ok(count);
            }
            let piece = part.source.next()?;
            if piece.is_empty() {
                part.end()?;
                continue;
            }
            part.hasher.update(piece);
            part.bytes += piece.len() as u64;
            part.piece.clear();
            part.piece.extend_from_slice(piece);
            part.at = 0;
            self.now = Some(part);
        }
    }
}

impl Part {
    /// All of it was read: is it what was written?
    fn end(&self) -> io::Result<()> {
        if self.bytes != self.file.bytes {
            return Err(wrong(format!("it has {} bytes, {} were written", self.bytes, self.file.bytes)));
        }
        if self.hasher.finalize().to_hex().as_str() != self.file.blake3 {
            return Err(wrong("its content is not what was written".to_owned()));
        }
        Ok(())
    }
}

fn wrong(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl Read for Joined {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if let Some((kind, why)) = &self.broken {
            return Err(io::Error::new(*kind, why.clone()));
        }
        let name = self.now.as_ref().map(|part| &part.file.name).or_else(|| Some(&self.left.front()?.name)).cloned();
        self.fill(into).map_err(|error| {
            let text = error.to_string();
            let why = text.split(" (os error").next().unwrap_or_default();
            let why = format!("{}/{}: {why}", self.kit, name.unwrap_or_default());
            self.broken = Some((error.kind(), why.clone()));
            io::Error::new(error.kind(), why)
        })
    }
}
