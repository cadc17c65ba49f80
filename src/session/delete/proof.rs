//! Whether the source holds what the copies are sums of: file by file, by names, sizes and content.
//!
//! A manifest keeps what each file was like when its bytes were read: size, modification and the change of its inode,
//! which no program can set back. A file that is still like that holds those bytes. One that is not is read again.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::Seen;
use super::place::Place;
use crate::session::beneath;
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::Sum;
use crate::session::report::Different;
use crate::session::tree;
use crate::work::steer::Steer;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// In what a copy's names and sizes differ from the source's; at most so many.
pub(super) fn differences(source: &Listing, seen: &Seen, most: usize) -> Vec<Different> {
    let Ok(Some(copy)) = &seen.listing else { return Vec::new() };
    let here: BTreeMap<&Path, u64> = source.files.iter().map(|file| (file.path.as_path(), file.size)).collect();
    let there: BTreeMap<&Path, u64> = copy.files.iter().map(|file| (file.path.as_path(), file.size)).collect();
    let different = |path: &Path, reason: &str| Different { path: shown(path), reason: reason.into() };
    let missing = here.iter().filter_map(|(path, size)| match there.get(path) {
        None => Some(different(path, "missing")),
        Some(other) if other != size => Some(different(path, "size")),
        Some(_) => None,
    });
    let extra = there.keys().filter(|path| !here.contains_key(*path)).map(|path| different(path, "extra"));
    missing.chain(extra).take(most).collect()
}

/// The content of the source's files, as far as it is known.
pub(super) struct Content<'a> {
    place: &'a Place,
    source: &'a Listing,
    steer: &'a dyn Steer,
    /// Sums of files that were read here.
    read: BTreeMap<PathBuf, blake3::Hash>,
    /// What every manifest so far has proven.
    pub(super) sums: BTreeMap<PathBuf, blake3::Hash>,
}

impl<'a> Content<'a> {
    pub(super) fn new(place: &'a Place, source: &'a Listing, steer: &'a dyn Steer) -> Self {
        Self { place, source, steer, read: BTreeMap::new(), sums: BTreeMap::new() }
    }

    /// Why the manifest of a copy does not prove that every file of the source is in it. Files are read only where
    /// `thorough`.
    pub(super) fn proven(&mut self, seen: &Seen, thorough: bool) -> Vec<String> {
        let name = &seen.name;
        let manifest = match &seen.manifest {
            Ok(Some(manifest)) => manifest,
            // That there is no copy was said.
            Ok(None) if !matches!(seen.listing, Ok(Some(_))) => return Vec::new(),
            Ok(None) => return vec![format!("{name}: no manifest lies beside the copy; sync it again")],
            Err(why) => return vec![format!("{name}: {why}")],
        };
        let mut reasons = Vec::new();
        for file in &self.source.files {
            let shown = shown(&file.path);
            match manifest.sums.get(&file.path) {
                None => reasons.push(format!("{name}: {shown} is not in the manifest; sync it again")),
                Some(sum) if unchanged(file, sum) => drop(self.sums.insert(file.path.clone(), sum.hash)),
                Some(sum) if thorough => match self.hash(file) {
                    Ok(hash) if hash == sum.hash => drop(self.sums.insert(file.path.clone(), hash)),
                    Ok(_) => reasons.push(format!("{name}: {shown}: content differs from the manifest; sync it again")),
                    Err(error) => reasons.push(format!("{shown} cannot be read: {}", tree::plain(&error))),
                },
                Some(_) => {}
            }
            if reasons.len() == super::approve::NAMED {
                reasons.push("and more".into());
                break;
            }
        }
        reasons
    }

    fn hash(&mut self, file: &File) -> io::Result<blake3::Hash> {
        if let Some(known) = self.read.get(&file.path) {
            return Ok(*known);
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut from = std::fs::File::from(beneath::open(&self.place.session, &file.path, flags, Mode::empty())?);
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; PIECE];
        loop {
            if !self.steer.go_on() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"));
            }
            match from.read(&mut piece)? {
                0 => break,
                length => hasher.update(piece.get(..length).unwrap_or_default()),
            };
        }
        let hash = hasher.finalize();
        self.read.insert(file.path.clone(), hash);
        Ok(hash)
    }
}

/// Whether a file is what it was when this sum was taken of it.
fn unchanged(file: &File, sum: &Sum) -> bool {
    sum.seen.is_some_and(|seen| {
        seen.size == file.size
            && seen.modified == file.modified.as_nanosecond()
            && file.changed.is_some_and(|changed| changed.as_nanosecond() == seen.changed)
    })
}
