//! Whether a copy on another machine is what it should be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sums::{self, Algorithm, Hand, Sum};
use super::{LOOK, PATIENCE, Remote, RemoteError, TAKEN, within};
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::{Manifest, sizes_file, sums_file};
use crate::session::report::Different;
use crate::session::stream;
use crate::session::tree::{self, ListError};
use crate::session::verify::Outcome;
use crate::session::view::Level;
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

/// How the bytes were read.
pub(super) const DROPPED: &str = "after the cache was dropped";
pub(super) const MAY_BE_CACHED: &str = "may come from the cache";
/// The longest manifest, bytes.
const MANIFEST: usize = 100 << 20;

/// Which copy, and how thoroughly.
pub struct Question<'a> {
    /// Folder of the copy below the destination's.
    pub relative: &'a Path,
    /// Folder of the session on this computer; one that is not there is no error.
    pub source: Option<&'a Path>,
    /// Which paths below a session's folder do not belong to it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
    /// How thoroughly; `None`: by content where there is a manifest, else by sizes.
    pub level: Option<Level>,
    /// How many bytes a second may be read here.
    pub throttle: Option<&'a Throttle>,
    /// Who steers it.
    pub steer: &'a dyn Steer,
}

/// What a file should be.
struct Wanted<'a> {
    size: Option<u64>,
    hash: Option<blake3::Hash>,
    source: Option<&'a File>,
}

impl Remote {
    /// Compares a copy with the source, or where that is gone with the manifest.
    pub fn verify(&self, question: &Question<'_>) -> Result<Outcome, RemoteError> {
        let source = question.source.map(tree::open).transpose();
        let source = match source {
            Ok(folder) => folder,
            Err(ListError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let here = match (&source, question.source) {
            (Some(folder), Some(path)) => Some(tree::list_in(folder, path, question.exclude)?),
            _ => None,
        };
        let seen = self.look(LOOK)?;
        let quick = matches!(question.level, Some(Level::Count | Level::Sizes)) && here.is_some();
        let manifest = if quick { None } else { self.manifest(question.relative)? };
        let level = question.level.unwrap_or(if manifest.is_some() { Level::Content } else { Level::Sizes });
        let algorithm = seen.algorithm();
        let place = || format!("{}/{}", self.place(), question.relative.display());
        match (&here, &manifest, algorithm) {
            (None, None, _) => return Err(RemoteError::Nothing(place(), "no manifest lies beside the copy")),
            (None, _, Algorithm::Sha256) if level == Level::Content => {
                return Err(RemoteError::Nothing(place(), "the other machine has no b3sum to check the manifest with"));
            }
            _ => {}
        }
        let there = self.list(question.relative)?.unwrap_or_default().without(question.exclude);
        let manifest = manifest.unwrap_or_default();
        let wanted = wanted(here.as_ref(), &manifest);
        let mut outcome = compare(&wanted, &there, level);
        outcome.source = here.as_ref().map(|listing| listing.facts(|_| false).state);
        if level == Level::Content {
            let hand = Hand { steer: question.steer, throttle: question.throttle };
            let pairs: Vec<&File> = there.files.iter().filter(|file| is_paired(file, &wanted, &outcome)).collect();
            question.steer.event(Event::Total(pairs.iter().map(|file| file.size).sum()));
            let (read, dropped) = self.sums(question.relative, &pairs, algorithm, question.steer)?;
            for file in pairs {
                let reason = match (read.get(&file.path), wanted.get(file.path.as_path())) {
                    (Some(sum), Some(wanted)) => {
                        let right = should_be(wanted, &file.path, source.as_ref(), algorithm, &hand)?;
                        right.map_or_else(Some, |right| (right != *sum).then(|| "content".to_owned()))
                    }
                    _ => Some("unreadable: it cannot be read there".to_owned()),
                };
                outcome.different.extend(reason.map(|reason| Different { path: shown(&file.path), reason }));
            }
            outcome.read = Some(if dropped { DROPPED } else { MAY_BE_CACHED });
            outcome.from_storage = dropped;
        }
        Ok(outcome)
    }

    /// The manifest beside a copy; `None`: there is none.
    pub fn manifest(&self, copy: &Path) -> Result<Option<Manifest>, RemoteError> {
        let sums = self.content(&sums_file(copy))?;
        let Some(sums) = sums else { return Ok(None) };
        let sizes = self.content(&sizes_file(copy))?;
        let parsed = Manifest::parse(&sums, sizes.as_deref(), copy);
        parsed.map(Some).map_err(|error| {
            RemoteError::trouble("damaged manifest", format!("{}: {error}", self.place()), "copy the session again")
        })
    }

    fn content(&self, file: &Path) -> Result<Option<Vec<u8>>, RemoteError> {
        let file = within(file)?;
        let script = format!("{}[ -f {file} ] || exit {TAKEN}; cat {file}", self.enter());
        match self.run(&script, None, PATIENCE, MANIFEST) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(RemoteError::Trouble { word: "taken", .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The sum that a file should have, or why it is not known.
fn should_be(
    wanted: &Wanted<'_>,
    path: &Path,
    source: Option<&std::os::fd::OwnedFd>,
    algorithm: Algorithm,
    hand: &Hand<'_>,
) -> Result<Result<Sum, String>, RemoteError> {
    if let (Some(hash), Algorithm::Blake3) = (wanted.hash, algorithm) {
        return Ok(Ok(*hash.as_bytes()));
    }
    let (Some(folder), Some(_)) = (source, wanted.source) else {
        return Ok(Err("unreadable: no sum of it is known".to_owned()));
    };
    match sums::here(folder, path, algorithm, hand) {
        Ok(Some(both)) => Ok(both.of(algorithm).ok_or_else(|| "unreadable: it has no sum".to_owned())),
        Ok(None) => Err(RemoteError::Cancelled),
        Err(error) => Ok(Err(format!("unreadable: here: {}", tree::plain(&error)))),
    }
}

/// What should be there. Sums of the manifest count as long as the file here is as it was when it was read.
fn wanted<'a>(here: Option<&'a Listing>, manifest: &'a Manifest) -> BTreeMap<&'a Path, Wanted<'a>> {
    let Some(here) = here else {
        let line = |(path, sum): (&'a PathBuf, &crate::session::manifest::Sum)| {
            (path.as_path(), Wanted { size: sum.seen.map(|seen| seen.size), hash: Some(sum.hash), source: None })
        };
        return manifest.sums.iter().map(line).collect();
    };
    let file = |file: &'a File| {
        let known = manifest.sums.get(&file.path).filter(|sum| sum.seen == Some(stream::seen(file)));
        (file.path.as_path(), Wanted { size: Some(file.size), hash: known.map(|sum| sum.hash), source: Some(file) })
    };
    here.files.iter().map(file).collect()
}

/// Compares names, and sizes unless only names are asked for.
fn compare(wanted: &BTreeMap<&Path, Wanted<'_>>, there: &Listing, level: Level) -> Outcome {
    let found: BTreeMap<&Path, &File> = there.files.iter().map(|file| (file.path.as_path(), file)).collect();
    let (mut missing, mut different) = (Vec::new(), Vec::new());
    for (path, wanted) in wanted {
        match found.get(path) {
            None => missing.push(shown(path)),
            Some(file) if level != Level::Count && wanted.size.is_some_and(|size| size != file.size) => {
                different.push(Different { path: shown(path), reason: "size".to_owned() });
            }
            Some(_) => {}
        }
    }
    let mut extra: Vec<String> =
        found.keys().filter(|path| !wanted.contains_key(**path)).map(|path| shown(path)).collect();
    extra.extend(there.odd.iter().map(|odd| odd.path.clone()));
    Outcome {
        level,
        missing,
        different,
        extra,
        files: wanted.len() as u64,
        bytes: there.files.iter().map(|file| file.size).sum(),
        read: None,
        from_storage: false,
        source: None,
        copy: there.facts(|_| false).state,
    }
}

fn is_paired(file: &File, wanted: &BTreeMap<&Path, Wanted<'_>>, outcome: &Outcome) -> bool {
    let path = shown(&file.path);
    wanted.contains_key(file.path.as_path()) && !outcome.different.iter().any(|different| different.path == path)
}
