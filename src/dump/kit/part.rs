//! Writes the dump of one database: files that FAT32 can hold, with both sums.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::Advice;
use sha2::{Digest, Sha256};

use crate::dump::medium::{Ground, MediumTrouble, folder};
use crate::dump::record::File;

/// Longest file, bytes: FAT32 holds one byte less than 4 GiB.
pub(super) const LONGEST: u64 = (4 << 30) - (1 << 20);
/// After so many bytes the disk begins to write them, so that little is left to wait for in the end.
const EARLY: u64 = 8 << 20;

/// Writes the compressed dump of one database. What is not finished is removed when it is dropped.
#[derive(Debug)]
pub struct PartWriter {
    ground: Arc<Ground>,
    folder: Arc<OwnedFd>,
    /// Name of the kit's folder for now, for people.
    place: String,
    /// Name of the first file.
    name: String,
    longest: u64,
    open: Option<Open>,
    done: Vec<File>,
    finished: bool,
}

#[derive(Debug)]
struct Open {
    name: String,
    file: std::fs::File,
    bytes: u64,
    begun: u64,
    blake3: blake3::Hasher,
    sha256: Sha256,
}

impl PartWriter {
    pub(super) fn new(
        ground: &Arc<Ground>,
        folder: &Arc<OwnedFd>,
        place: &str,
        name: String,
        longest: u64,
    ) -> Result<Self, MediumTrouble> {
        let mut writer = Self {
            ground: Arc::clone(ground),
            folder: Arc::clone(folder),
            place: place.to_owned(),
            name,
            longest,
            open: None,
            done: Vec::new(),
            finished: false,
        };
        match writer.next() {
            Ok(()) => Ok(writer),
            Err(error) => Err(writer.trouble(&error)),
        }
    }

    /// The files, in order.
    pub fn finish(mut self) -> Result<Vec<File>, MediumTrouble> {
        self.close();
        self.finished = true;
        Ok(std::mem::take(&mut self.done))
    }

    /// None of it is wanted after all.
    pub fn forget(self) -> Result<(), MediumTrouble> {
        self.clear().map_err(|error| self.trouble(&error))
    }

    fn next(&mut self) -> io::Result<()> {
        self.close();
        let name = match self.done.len() {
            0 => self.name.clone(),
            before => format!("{}.{}", self.name, before + 1),
        };
        let file = folder::create(&*self.folder, &name)?;
        let (blake3, sha256) = (blake3::Hasher::new(), Sha256::new());
        self.open = Some(Open { name, file, bytes: 0, begun: 0, blake3, sha256 });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let sha256 = open.sha256.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let blake3 = open.blake3.finalize().to_hex().to_string();
        let _only_sooner = rustix::fs::fadvise(&open.file, open.begun, None, Advice::DontNeed);
        self.done.push(File { name: open.name, bytes: open.bytes, blake3, sha256 });
    }

    fn clear(&self) -> io::Result<()> {
        let names = self.done.iter().map(|file| &file.name).chain(self.open.as_ref().map(|open| &open.name));
        names.into_iter().try_for_each(|name| folder::forget(&*self.folder, name))
    }

    fn trouble(&self, error: &io::Error) -> MediumTrouble {
        let name = self.open.as_ref().map_or(&self.name, |open| &open.name);
        self.ground.trouble(error, &format!("{}/{name}", self.place))
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let longest = self.longest;
        let mut wrote = || {
            if self.open.as_ref().is_none_or(|open| open.bytes >= longest) {
                self.next()?;
            }
            let Some(open) = &mut self.open else { return Ok(0) };
            let most = usize::try_from(longest - open.bytes).unwrap_or(usize::MAX).min(bytes.len());
            let wrote = open.file.write(bytes.get(..most).unwrap_or_default())?;
            let written = bytes.get(..wrote).unwrap_or_default();
            open.blake3.update(written);
            open.sha256.update(written);
            open.bytes += wrote as u64;
            if open.bytes - open.begun >= EARLY {
                let length = NonZeroU64::new(open.bytes - open.begun);
                let _only_sooner = rustix::fs::fadvise(&open.file, open.begun, length, Advice::DontNeed);
                open.begun = open.bytes;
            }
            Ok(wrote)
        };
        wrote().map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, self.trouble(&error)),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now goes with the kit's temporary folder.
            let _as_far_as_possible = self.clear();
        }
    }
}
