//! The removable disk that kits go to: opened, proven to be the right one, and used through the folder that was opened, so
//! that a stick that is pulled never turns into the bare folder below its mount point.
//!
//! Everything here blocks as long as the medium does: it belongs on a thread that can be left behind. Only
//! [`Medium::open`] and [`Medium::eject`] end by themselves.

mod eject;
pub(super) mod folder;
#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod ground;
mod marker;
mod readers;
pub(super) mod shelf;
mod trouble;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use eject::Ejected;
pub(super) use ground::Ground;
pub use marker::MARKER;
pub use readers::{Readers, Reading};
pub use shelf::Shelf;
pub use trouble::{Kind, MediumTrouble};

use super::kit::{Joined, Staging, verify};
use super::record::{Held, Kit};
use super::recovery::{self, seen};
use super::report::KitVerified;
use super::restore;
use crate::clock::Timestamp;
use crate::fleet::data::{Dump, Keep};
use crate::fleet::disk;
use crate::reach::plain;

/// How long a medium may take until it is open.
const PATIENCE: Duration = Duration::from_secs(10);
/// Room that a kit needs besides its dumps, and that is left free, bytes.
const MARGIN: u64 = 2 << 20;

/// A medium, open and proven to be one of this dump.
#[derive(Debug)]
pub struct Medium {
    ground: Arc<Ground>,
    dump: Dump,
    id: String,
    readers: Readers,
}

impl Medium {
    /// Opens the medium of a dump and looks whether it is one: mounted, writable, and known by its file system's id or by
    /// the marker that it carries. `known`: the ids of media that this dump has used. A blank one is taken as well, unless
    /// `mount = false`: an empty folder may be what lies below a medium that is gone. Ends within seconds also where the
    /// medium hangs.
    pub fn open(dump: &Dump, known: &[String], now: Timestamp) -> Result<Self, MediumTrouble> {
        let (subject, known) = (dump.clone(), known.to_vec());
        let about = dump.to.join(".hotspare open");
        let opened = disk::ask(&about, PATIENCE, move |_path| Self::take(subject, &known, now));
        opened.unwrap_or_else(|| {
            Err(MediumTrouble::new(
                Kind::Hangs,
                format!("{}: the medium does not answer", dump.to.display()),
                "pull it out and put it in again; if it stays so, put another one in",
            ))
        })
    }

    fn take(dump: Dump, known: &[String], now: Timestamp) -> Result<Self, MediumTrouble> {
        let ground = Ground::open(&dump, !known.is_empty())?;
        let marker = marker::settle(&ground, &dump, known, now)?;
        let id = ground.file_system().unwrap_or(marker.id);
        Ok(Self { ground: Arc::new(ground), dump, id, readers: Readers::default() })
    }

    /// The same, which removes no kit as long as one of these reads.
    #[must_use]
    pub fn read_by(self, readers: Readers) -> Self {
        Self { readers, ..self }
    }

    /// Its identity, to be remembered: the id of its file system as the system knows it, else that of its marker.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Bytes that are free on it; `None`: it does not say.
    pub fn free(&self) -> Option<u64> {
        self.ground.free()
    }

    /// What lies on it of this dump.
    pub fn shelf(&self) -> Result<Shelf, MediumTrouble> {
        Ok(shelf::everything(&self.ground)?.of(&self.dump.name))
    }

    /// Whole kits of this dump, newest first.
    pub fn kits(&self) -> Result<Vec<Kit>, MediumTrouble> {
        Ok(self.shelf()?.kits)
    }

    /// Begins a kit, after what a killed program has left was removed. `expected_bytes`: what it will need; where that is
    /// not free, the oldest kits go as [`Medium::retain`] lets them, and if that is not enough nothing is begun. Kits that
    /// hold what a restore overwrote never go: only a person knows whether somebody still wants that back.
    pub fn begin(&self, at: Timestamp, expected_bytes: u64) -> Result<Staging, MediumTrouble> {
        self.ground.stands()?;
        let alone = self.ground.alone()?;
        shelf::sweep(&self.ground, &alone)?;
        let room = expected_bytes.saturating_add(MARGIN);
        let lacks = |free: Option<u64>| free.is_some_and(|free| free < room);
        let mut read = false;
        if lacks(self.free()) && !restore::is_before(&self.dump.name) {
            match self.readers.nobody() {
                Some(_nobody) => drop(shelf::retain(&self.ground, &alone, &self.dump.name, self.dump.keep, room)?),
                None => read = true,
            }
        }
        let free = self.free();
        if lacks(free) {
            return Err(self.full(room, free.unwrap_or(0), read)?);
        }
        let mongo = self.dump.server.url.starts_with("mongodb");
        Staging::begin(&self.ground, &self.dump.name, if mongo { ".archive.zst" } else { ".sql.zst" }, at)
    }

    /// It has no room for a kit. `read`: kits could go, and somebody reads.
    fn full(&self, room: u64, free: u64, read: bool) -> Result<MediumTrouble, MediumTrouble> {
        let (path, need, free) = (self.ground.path().display(), plain::size(room), plain::size(free));
        let kits = shelf::everything(&self.ground)?.kits();
        let before = kits.iter().rfind(|kit| restore::is_before(&kit.dump));
        let by_hand = before.map(|oldest| {
            format!(
                "remove by hand the kits made before a restore that nobody wants back (the oldest is {})",
                oldest.name
            )
        });
        let ways = [
            read.then(|| "wait until the drill, the check or the restore is over".to_owned()),
            Some("remove what is not hotspare's from it".to_owned()),
            by_hand,
            Some("keep fewer kits".to_owned()),
            Some("or put in a larger one".to_owned()),
        ];
        let while_read = if read { "; no old kit is removed while somebody reads kits" } else { "" };
        Ok(MediumTrouble::new(
            Kind::Full,
            format!("{path}: the next kit needs {need}, {free} are free{while_read}"),
            ways.into_iter().flatten().collect::<Vec<_>>().join(", "),
        ))
    }

    /// The files of one database as one stream, as they were written: compressed. Their sums are checked on the way; a
    /// reader that comes to its end without an error has read what was written.
    pub fn stream(&self, held: &Held) -> Joined {
        Joined::new(&self.ground, held, false)
    }

    /// Reads everything that a kit needs from the medium's own storage, and compares it with what was written.
    pub fn verify(&self, kit: &Kit, stop: &AtomicBool) -> KitVerified {
        verify::verify(&self.ground, kit, stop)
    }

    /// Notes that the server was seen at this moment to be as its newest kit has it.
    pub fn note_unchanged(&self, kit: &Kit, at: Timestamp) -> Result<(), MediumTrouble> {
        self.ground.stands()?;
        let _alone = self.ground.alone()?;
        seen::note(&self.ground, kit, at)?;
        self.ground.stands()
    }

    /// When the server was last seen to be as this kit has it; `None`: not since it was made.
    pub fn seen(&self, kit: &Kit) -> Option<Timestamp> {
        seen::when(&self.ground, kit)
    }

    /// Removes kits that need not be kept, and more of the oldest until so many bytes are free. Returns the names of those
    /// that went. Never removes what a kept kit needs, nor the newest kit, nor the newest in which every database was read;
    /// while somebody reads kits, none at all.
    pub fn retain(&self, keep: Keep, room: u64) -> Result<Vec<String>, MediumTrouble> {
        self.ground.stands()?;
        let alone = self.ground.alone()?;
        let Some(_nobody) = self.readers.nobody() else { return Ok(Vec::new()) };
        shelf::retain(&self.ground, &alone, &self.dump.name, keep, room)
    }

    /// Writes `RECOVERY.txt`, `restore.sh` and `restore.ps1` anew, where they are not as they should be.
    pub fn renew(&self) -> Result<(), MediumTrouble> {
        self.ground.stands()?;
        let _alone = self.ground.alone()?;
        recovery::write(&self.ground, &shelf::everything(&self.ground)?.kits())
    }

    /// Writes everything out and unmounts it. Ends within half a minute.
    pub async fn eject(self) -> Result<Ejected, MediumTrouble> {
        eject::eject(self.ground).await
    }
}
