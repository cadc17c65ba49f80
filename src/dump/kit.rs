//! A kit while it is made, and while it is read.

use std::io;

use super::medium::MediumTrouble;
use super::record::{File, Kit};

/// A kit that is being made: a folder with a temporary name. Gone with this value, unless it was published.
#[derive(Debug)]
pub struct Staging {}

impl Staging {
    /// The name that the kit will have: what [`super::record::Held::kit`] of its databases is.
    pub fn name(&self) -> String {
        String::new()
    }

    /// A writer for the compressed dump of one database. Several may write at the same time.
    pub fn writer(&mut self, database: &str) -> Result<PartWriter, MediumTrouble> {
        let _ = database;
        Ok(PartWriter {})
    }

    /// Makes everything durable, reads it back past the cache, and only then gives the kit its name; writes `RECOVERY.txt`,
    /// `restore.sh` and `restore.ps1` anew. The kit's `name`, `dump` and `number` are set here.
    pub fn publish(self, kit: Kit) -> Result<Kit, MediumTrouble> {
        Ok(kit)
    }
}

/// Writes the dump of one database: files below 4 GiB, with their sums. What is not finished is removed.
#[derive(Debug)]
pub struct PartWriter {}

impl PartWriter {
    /// The files, in order.
    pub fn finish(self) -> Result<Vec<File>, MediumTrouble> {
        Ok(Vec::new())
    }
}

impl io::Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The files of one database, joined.
#[derive(Debug)]
pub struct Joined {}

impl io::Read for Joined {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let _ = into;
        Ok(0)
    }
}
