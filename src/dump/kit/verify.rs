//! Whether a kit is whole: every byte as it was written, read from the storage itself, and every dump ending as it should.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::joined::Joined;
use super::storage::Source;
use super::texts;
use crate::dump::medium::{Ground, folder};
use crate::dump::mongo::{self, archive};
use crate::dump::record::{Held, Kit};
use crate::dump::report::KitVerified;
use crate::dump::stream::Reads;

/// How the last line of a whole dump of a MySQL server begins.
const END: &[u8] = b"-- Dump completed";
/// So much of the end of a dump is looked at, bytes.
const TAIL: usize = 256;

/// Reads everything that a kit needs, its files in earlier kits as well. Stopped, it says that it was.
pub(in crate::dump) fn verify(ground: &Arc<Ground>, kit: &Kit, stop: &AtomicBool) -> KitVerified {
    let mut problems = Vec::new();
    if let Err(error) = small_files(ground, kit, &mut problems) {
        problems.push(format!("{}: {}", kit.name, plain(&error)));
    }
    let mongo = mongo::is_named(&kit.server);
    for database in &kit.databases {
        let Some(held) = &database.held else {
            let why = database.error.as_deref().unwrap_or("it was not dumped");
            problems.push(format!("{} is not in it: {why}", database.name));
            continue;
        };
        if stop.load(Ordering::Relaxed) {
            problems.push("it was stopped before everything was read".to_owned());
            break;
        }
        if let Err(error) = dump(ground, held, mongo, stop) {
            problems.push(format!("{}: {}", database.name, plain(&error)));
        }
    }
    KitVerified { kit: kit.name.clone(), ok: problems.is_empty(), problems }
}

/// The lists and descriptions, which are made from the kit and so must be as they would be made again.
fn small_files(ground: &Ground, kit: &Kit, problems: &mut Vec<String>) -> io::Result<()> {
    let own = folder::open(ground, &kit.name)?;
    for (name, bytes) in texts::all(kit) {
        let mut there = Vec::new();
        let mut source = match Source::open(&own, name, true) {
            Ok(source) => source,
            Err(error) => {
                problems.push(format!("{}/{name}: {}", kit.name, plain(&error)));
                continue;
            }
        };
        loop {
            let piece = source.next()?;
            if piece.is_empty() || there.len() > bytes.len() {
                break;
            }
            there.extend_from_slice(piece);
        }
        if there != bytes {
            problems.push(format!("{}/{name}: its content is not what was written", kit.name));
        }
    }
    Ok(())
}

fn dump(ground: &Arc<Ground>, held: &Held, mongo: bool, stop: &AtomicBool) -> io::Result<()> {
    let joined = Joined::new(ground, held, true);
    let mut decoder = zstd::stream::read::Decoder::new(joined)?;
    let mut end = End { tail: Vec::new(), bytes: 0, archive: mongo.then(archive::Reader::default) };
    let mut piece = vec![0; 256 << 10];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was stopped before everything was read"));
        }
        match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => end.write_all(piece.get(..read).unwrap_or_default())?,
            Err(error) => {
                // Whether the bytes are others than those that were written says more than what became of them.
                io::copy(decoder.get_mut(), &mut io::sink())?;
                return Err(error);
            }
        }
    }
    // What follows the last frame, and with it the last sum.
    io::copy(decoder.get_mut(), &mut io::sink())?;
    if end.bytes != held.plain {
        return Err(io::Error::other(format!("it unpacks to {} bytes, {} were dumped", end.bytes, held.plain)));
    }
    if !end.whole() {
        return Err(io::Error::other("it does not end as a whole dump ends"));
    }
    Ok(())
}

/// The end of a stream, and how long it was.
struct End {
    tail: Vec<u8>,
    bytes: u64,
    /// What says where an archive ends is all of it.
    archive: Option<archive::Reader>,
}

impl End {
    fn whole(self) -> bool {
        if let Some(archive) = self.archive {
            return archive.end().ended;
        }
        let last = self.tail.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
        last.is_some_and(|line| line.starts_with(END))
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if let Some(archive) = &mut self.archive {
            archive.read(bytes);
            return Ok(bytes.len());
        }
        let last = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
        self.tail.extend_from_slice(last);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}
