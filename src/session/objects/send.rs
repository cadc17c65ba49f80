//! One file on its way into the store: read once, hashed while it is read, and there whole or not at all.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Name;
use object_store::{Attribute, Attributes, ObjectStore, PutMultipartOptions, PutOptions};
use rustix::fs::{Mode, OFlags};

use super::door::{Door, Task};
use super::fault::Fault;
use super::uploads;
use crate::session::listing::File;
use crate::session::stream::{Hand, seen};
use crate::session::{beneath, tree};

/// A larger file goes in parts of so many bytes.
const PART: u64 = 8 << 20;
/// A store takes at most ten thousand parts; some room is left.
const PARTS: u64 = 9_000;
/// Parts are whole multiples of this.
const MEBI: u64 = 1 << 20;
/// Parts of one file on their way at once.
const AHEAD: usize = 2;
/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is no longer what the listing says.
    Changed,
    /// It is gone.
    Vanished,
    /// It cannot be read.
    Read(io::Error),
    /// The store does not take it.
    Fault(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// From where, to where.
pub(super) struct Road<'a> {
    pub(super) door: &'a Door,
    /// Folder of the session on this computer.
    pub(super) from: BorrowedFd<'a>,
    /// Folder of the session's notes.
    pub(super) notes: &'a str,
    pub(super) hand: &'a Hand<'a>,
}

/// Sends a file; its sum.
pub(super) fn send(road: &Road<'_>, file: &File, name: &Name) -> Result<blake3::Hash, Trouble> {
    let mut reader = Reader::open(road, file)?;
    if file.size > PART {
        return parts(road, file, name, &mut reader);
    }
    let bytes = reader.read(file.size)?;
    reader.unchanged(file)?;
    let store = road.door.patient()?;
    let options = PutOptions { attributes: attributes(file), ..PutOptions::default() };
    let name = name.clone();
    road.door.wait(road.hand, async move { store.put_opts(&name, bytes.into(), options).await })?;
    road.hand.advance(file.size);
    Ok(reader.hasher.finalize())
}

fn parts(road: &Road<'_>, file: &File, name: &Name, reader: &mut Reader<'_>) -> Result<blake3::Hash, Trouble> {
    let (store, object) = (road.door.patient()?, name.clone());
    let options = PutMultipartOptions { attributes: attributes(file), ..PutMultipartOptions::default() };
    let upload = road.door.wait(road.hand, async move { store.create_multipart_opts(&object, options).await })?;
    let noted = uploads::note(road.door, road.notes, name, &upload);
    let arrived = match &noted {
        Ok(_) => fill(road, file, name, &upload, reader),
        Err(fault) => Err(fault.clone().into()),
    };
    // Where this fails too, the note stays and the next copy tries again.
    let given_up = arrived.is_err().then(|| uploads::give_up(road.door, name, &upload));
    if let (Ok(note), None | Some(Ok(()))) = (&noted, given_up) {
        let _found_again = uploads::ended(road.door, note);
    }
    arrived
}

fn fill(
    road: &Road<'_>,
    file: &File,
    name: &Name,
    upload: &str,
    reader: &mut Reader<'_>,
) -> Result<blake3::Hash, Trouble> {
    let part = part(file.size);
    let store = road.door.patient()?;
    let mut there: Vec<PartId> = Vec::new();
    let mut under_way: VecDeque<(u64, Task<PartId>)> = VecDeque::new();
    let (mut left, mut number) = (file.size, 0);
    while left > 0 || !under_way.is_empty() {
        if left > 0 && under_way.len() < AHEAD {
            let length = part.min(left);
            let bytes = reader.read(length)?;
            left -= length;
            let (store, object, upload) = (store.clone(), name.clone(), upload.to_owned());
            let task = async move { store.put_part(&object, &upload, number, bytes.into()).await };
            under_way.push_back((length, Task(road.door.runtime.spawn(task))));
            number += 1;
        } else if let Some((length, mut task)) = under_way.pop_front() {
            there.push(road.door.join(road.hand, &mut task)?);
            road.hand.advance(length);
        }
    }
    reader.unchanged(file)?;
    let (object, upload) = (name.clone(), upload.to_owned());
    road.door.wait(road.hand, async move { store.complete_multipart(&object, &upload, there).await })?;
    Ok(reader.hasher.finalize())
}

/// Bytes of a part of a file of so many.
fn part(size: u64) -> u64 {
    size.div_ceil(PARTS).next_multiple_of(MEBI).max(PART)
}

/// The time of the file, as rclone keeps and restores it.
fn attributes(file: &File) -> Attributes {
    let (seconds, rest) = (file.modified.as_second(), file.modified.subsec_nanosecond());
    // Before 1970 both are negative.
    let time = if seconds < 0 || rest < 0 {
        format!("-{}.{:09}", seconds.unsigned_abs(), rest.unsigned_abs())
    } else {
        format!("{seconds}.{rest:09}")
    };
    [(Attribute::Metadata("mtime".into()), time)].into_iter().collect()
}

/// A file of the source, read from its beginning to its end.
struct Reader<'a> {
    file: std::fs::File,
    hasher: blake3::Hasher,
    hand: &'a Hand<'a>,
}

impl<'a> Reader<'a> {
    fn open(road: &Road<'a>, file: &File) -> Result<Self, Trouble> {
        let opened = beneath::open(road.from, &file.path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
        let opened = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Trouble::Vanished,
            _ => Trouble::Read(error),
        })?;
        let reader = Self { file: std::fs::File::from(opened), hasher: blake3::Hasher::new(), hand: road.hand };
        reader.unchanged(file)?;
        Ok(reader)
    }

    /// The next so many bytes.
    fn read(&mut self, length: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        for piece in bytes.chunks_mut(PIECE) {
            if !self.hand.go_on() {
                return Err(Fault::Cancelled.into());
            }
            self.hand.pass(piece.len() as u64);
            self.file.read_exact(piece).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Trouble::Changed,
                _ => Trouble::Read(error),
            })?;
            self.hasher.update(piece);
        }
        Ok(bytes)
    }

    /// Whether the file still is what the listing says.
    fn unchanged(&self, file: &File) -> Result<(), Trouble> {
        let stat = rustix::fs::fstat(&self.file).map_err(|error| Trouble::Read(error.into()))?;
        let now = tree::file(file.path.clone(), &stat);
        if seen(&now) == seen(file) { Ok(()) } else { Err(Trouble::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_has_more_parts_than_a_store_takes() {
        for size in [PART + 1, 100 << 30, 5 << 40] {
            assert!(size.div_ceil(part(size)) <= 10_000 && part(size).is_multiple_of(MEBI), "{size}");
        }
        assert_eq!(part(PART + 1), PART);
    }

    #[test]
    fn times_are_written_as_rclone_writes_them() {
        let at = |time: &str| {
            let modified = time.parse().unwrap();
            let file = File { path: "a".into(), size: 0, modified, changed: None, mode: 0, shared: None };
            attributes(&file).get(&Attribute::Metadata("mtime".into())).unwrap().to_string()
        };
        assert_eq!(at("2025-01-04T10:01:00.5Z"), "1735984860.500000000");
        assert_eq!(at("1969-12-31T23:59:58.75Z"), "-1.250000000");
    }
}
