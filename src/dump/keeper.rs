//! What a round, a drill and a restore need of the place where kits lie. All of it blocks, and may hang as a broken stick does:
//! it is only called from threads that can be left behind.

use std::io::{Read, Write};

use super::record::{File, Held, Kit};
use crate::clock::Timestamp;

/// Where kits lie.
pub trait Keeper: Send + Sync {
    /// Begins a kit whose round began `at` and which will need about so many bytes. Nothing of it has a name that anybody
    /// would read before it is published.
    fn begin(&self, at: Timestamp, expected: u64) -> Result<Box<dyn Draft>, String>;

    /// The files of one database as one stream, compressed as they are; their sums are checked on the way.
    fn stream(&self, held: &Held) -> Result<Box<dyn Read + Send>, String>;

    /// Notes that the server still held at this moment what this kit holds.
    fn unchanged(&self, kit: &Kit, at: Timestamp) -> Result<(), String>;
}

/// A kit that is being written. Dropped before it is published it is gone.
pub trait Draft: Send {
    /// The files of the next database.
    fn files(&mut self, database: &str) -> Result<Box<dyn Files>, String>;

    /// Gives the kit its name once all of it lies on the medium and was read back. Whoever holds a database in it that this draft
    /// wrote gives as its kit an empty name: it gets the name of this one.
    fn publish(self: Box<Self>, kit: Kit) -> Result<Kit, String>;
}

/// The files of one database, written as one stream.
pub trait Files: Write + Send {
    /// All was written.
    fn finish(self: Box<Self>) -> Result<Vec<File>, String>;

    /// None of it is wanted after all.
    fn forget(self: Box<Self>) -> Result<(), String>;
}
