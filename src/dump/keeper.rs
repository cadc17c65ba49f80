//! What a round, a drill and a restore need of the place where kits lie. All of it blocks, and may hang as a broken stick does:
//! it is only called from threads that can be left behind.

use std::io::{Read, Write};

use super::kit::{PartWriter, Staging};
use super::medium::{Kind, Medium, MediumTrouble};
use super::record::{File, Held, Kit};
use super::trouble::Trouble;
use crate::clock::Timestamp;

/// Where kits lie.
pub trait Keeper: Send + Sync {
    /// Begins a kit whose round began `at` and which will need about so many bytes. Nothing of it has a name that anybody
    /// would read before it is published.
    fn begin(&self, at: Timestamp, expected: u64) -> Result<Box<dyn Draft>, Trouble>;

    /// The files of one database as one stream, compressed as they are; their sums are checked on the way.
    fn stream(&self, held: &Held) -> Box<dyn Read + Send + '_>;

    /// Notes that the server still held at this moment what this kit holds.
    fn unchanged(&self, kit: &Kit, at: Timestamp) -> Result<(), Trouble>;
}

/// A kit that is being written. Dropped before it is published it is gone.
pub trait Draft: Send {
    /// The name that it will have.
    fn name(&self) -> String;

    /// The files of the next database.
    fn files(&mut self, database: &str) -> Result<Box<dyn Files>, Trouble>;

    /// Gives the kit its name once all of it lies on the medium and was read back.
    fn publish(self: Box<Self>, kit: Kit) -> Result<Kit, Trouble>;
}

/// The files of one database, written as one stream. Dropped before the end they are gone.
pub trait Files: Write + Send {
    /// All was written.
    fn finish(self: Box<Self>) -> Result<Vec<File>, Trouble>;
}

impl From<MediumTrouble> for Trouble {
    fn from(trouble: MediumTrouble) -> Self {
        match trouble.kind {
            Kind::Stopped => Self::Stopped,
            _ if trouble.remedy.is_empty() => Self::Medium(trouble.what),
            _ => Self::Medium(format!("{}; {}", trouble.what, trouble.remedy)),
        }
    }
}

impl Keeper for Medium {
    fn begin(&self, at: Timestamp, expected: u64) -> Result<Box<dyn Draft>, Trouble> {
        Ok(Box::new(Self::begin(self, at, expected)?))
    }

    fn stream(&self, held: &Held) -> Box<dyn Read + Send + '_> {
        Box::new(Self::stream(self, held))
    }

    fn unchanged(&self, kit: &Kit, at: Timestamp) -> Result<(), Trouble> {
        Ok(self.note_unchanged(kit, at)?)
    }
}

impl Draft for Staging {
    fn name(&self) -> String {
        Self::name(self)
    }

    fn files(&mut self, database: &str) -> Result<Box<dyn Files>, Trouble> {
        Ok(Box::new(self.writer(database)?))
    }

    fn publish(self: Box<Self>, kit: Kit) -> Result<Kit, Trouble> {
        Ok(Self::publish(*self, kit)?)
    }
}

impl Files for PartWriter {
    fn finish(self: Box<Self>) -> Result<Vec<File>, Trouble> {
        Ok(Self::finish(*self)?)
    }
}
