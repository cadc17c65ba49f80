//! A kit while it is made: a folder with a temporary name, which gets its own when all of it was read back from the medium.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::part::{self, PartWriter};
use super::storage::Source;
use super::texts;
use crate::clock::Timestamp;
use crate::dump::medium::{Ground, Kind, MediumTrouble, folder, shelf};
use crate::dump::record::Kit;
use crate::dump::{name, recovery};

/// What the folder of a kit in the making is called before the kit's own name.
pub(in crate::dump) const MAKING: &str = ".hotspare-making-";

/// A kit that is being made. What it has written is gone with this value, unless it was published.
#[derive(Debug)]
pub struct Staging {
    ground: Arc<Ground>,
    folder: Arc<OwnedFd>,
    dump: String,
    kit: String,
    ending: &'static str,
    names: BTreeSet<String>,
    longest: u64,
    published: bool,
}

impl Staging {
    /// Takes a name that nobody has, and makes the temporary folder. The caller holds the medium for its own.
    pub(in crate::dump) fn begin(
        ground: &Arc<Ground>,
        dump: &str,
        ending: &'static str,
        at: Timestamp,
    ) -> Result<Self, MediumTrouble> {
        let failed = |error: io::Error| ground.trouble(&error, "");
        let stem = name::kit(at);
        let (mut kit, mut number) = (stem.clone(), 1_u64);
        loop {
            let making = format!("{MAKING}{kit}");
            if !folder::exists(&**ground, &kit).map_err(failed)?
                && !folder::exists(&**ground, &making).map_err(failed)?
            {
                break;
            }
            number += 1;
            kit = format!("{stem}-{number}");
        }
        let made = folder::make(&**ground, &format!("{MAKING}{kit}")).map_err(failed)?;
        // As long as it is held nobody takes it for a leftover. Where there are no locks there is one engine only.
        let _held = folder::lock(&made);
        Ok(Self {
            ground: Arc::clone(ground),
            folder: Arc::new(made),
            dump: dump.to_owned(),
            kit,
            ending,
            // The names of the small files are taken.
            names: BTreeSet::new(),
            longest: part::LONGEST,
            published: false,
        })
    }

    /// The name that the kit will have: what [`crate::dump::record::Held::kit`] of its databases is.
    pub fn name(&self) -> String {
        self.kit.clone()
    }

    /// A writer for the compressed dump of one database. Several may write at the same time.
    pub fn writer(&mut self, database: &str) -> Result<PartWriter, MediumTrouble> {
        let stem = name::unique(database, &mut self.names);
        let file = format!("{stem}{}", self.ending);
        PartWriter::new(&self.ground, &self.folder, &self.making(), file, self.longest)
    }

    /// Makes everything durable, reads it back past the cache, and only then gives the kit its name; writes `RECOVERY.txt`,
    /// `restore.sh` and `restore.ps1` anew. The kit's `name`, `dump` and `number` are set here, and the name also for what
    /// is held by a kit without a name.
    pub fn publish(mut self, mut kit: Kit) -> Result<Kit, MediumTrouble> {
        kit.name.clone_from(&self.kit);
        kit.dump.clone_from(&self.dump);
        for held in kit.databases.iter_mut().filter_map(|database| database.held.as_mut()) {
            if held.kit.is_empty() {
                held.kit.clone_from(&self.kit);
            }
        }
        let alone = self.ground.alone()?;
        let all = shelf::everything(&self.ground)?;
        kit.number = all.newest_number().saturating_add(1);
        let small = texts::all(&kit);
        self.only(&kit)?;
        for (name, bytes) in &small {
            let written = folder::create(&*self.folder, name).and_then(|mut file| file.write_all(bytes));
            written.map_err(|error| self.trouble(&error, name))?;
        }
        let files: Vec<String> = texts::own_files(&kit)
            .map(|file| file.name.clone())
            .chain(small.iter().map(|(name, _)| (*name).to_owned()))
            .collect();
        self.ground.settle(&self.folder, &files).map_err(|error| self.trouble(&error, ""))?;
        for file in texts::own_files(&kit) {
            self.read_back(&file.name, &file.blake3)?;
        }
        for (name, bytes) in &small {
            self.read_back(name, blake3::hash(bytes).to_hex().as_str())?;
        }
        self.ground.stands()?;
        let named = folder::rename(&*self.ground, &self.making(), &self.kit).and_then(|()| folder::sync(&*self.ground));
        named.map_err(|error| self.trouble(&error, ""))?;
        self.published = true;
        self.ground.stands()?;
        let mut kits = all.kits();
        kits.insert(0, kit.clone());
        recovery::write(&self.ground, &kits)?;
        drop(alone);
        Ok(kit)
    }

    /// Removes what was written and belongs to no database of the kit; what belongs to one and is not there is an error.
    fn only(&self, kit: &Kit) -> Result<(), MediumTrouble> {
        let wanted: BTreeSet<&str> = texts::own_files(kit).map(|file| file.name.as_str()).collect();
        let there = folder::names(&*self.folder).map_err(|error| self.trouble(&error, ""))?;
        for name in there.iter().filter(|name| !wanted.contains(name.as_str())) {
            folder::forget(&*self.folder, name).map_err(|error| self.trouble(&error, name))?;
        }
        match wanted.into_iter().find(|name| !there.iter().any(|other| other == name)) {
            None => Ok(()),
            Some(name) => Err(self.trouble(&rustix::io::Errno::NOENT.into(), name)),
        }
    }

    /// Reads a file as the medium holds it, and compares it with what was written.
    fn read_back(&self, name: &str, blake3: &str) -> Result<(), MediumTrouble> {
        let mut hasher = blake3::Hasher::new();
        let mut read = || {
            let mut source = Source::open(&*self.folder, name, true)?;
            loop {
                let piece = source.next()?;
                if piece.is_empty() {
                    return Ok(());
                }
                hasher.update(piece);
            }
        };
        read().map_err(|error: io::Error| self.trouble(&error, name))?;
        if hasher.finalize().to_hex().as_str() == blake3 {
            return Ok(());
        }
        Err(MediumTrouble::new(
            Kind::Broken,
            format!(
                "{}/{}/{name}: the medium does not give back what was written",
                self.ground.path().display(),
                self.kit
            ),
            "put another medium in: this one is not to be trusted",
        ))
    }

    fn making(&self) -> String {
        format!("{MAKING}{}", self.kit)
    }

    fn trouble(&self, error: &io::Error, name: &str) -> MediumTrouble {
        self.ground.trouble(error, &format!("{}/{name}", self.kit))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is found when the next kit begins.
            let _as_far_as_possible = folder::remove(&*self.ground, &self.making());
        }
    }
}

#[cfg(test)]
impl Staging {
    /// Parts of so many bytes, for tests.
    pub(in crate::dump) fn parts_of(&mut self, bytes: u64) {
        self.longest = bytes;
    }
}
