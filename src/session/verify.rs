//! Whether a copy is what it should be: names, sizes, or every byte from the destination's own storage.
//!
//! What it should be is what the source holds now; where the source is gone, what the manifest says. By content, sums of
//! the manifest count as long as the source's file still has the times it had when it was read; every other file of the
//! source is read again.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;

use super::beneath::{self, Kind};
use super::key::Key;
use super::listing::{File, Listing};
use super::manifest::{Manifest, ManifestError};
use super::report::{Different, VerifyReport};
use super::root::{Root, RootError};
use super::stream::{self, Flow, Hand, Origin, Trouble};
use super::tree::{self, ListError, plain};
use super::view::{Level, Verified};
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

pub(super) mod comparison;

use comparison::Comparison;

/// Which copy, and how thoroughly.
pub struct Question<'a> {
    /// The destination, proven ready.
    pub root: &'a Root,
    /// Folder of the copy below it.
    pub relative: &'a Path,
    /// Folder of the session on this computer; one that is not there is no error.
    pub source: Option<&'a Path>,
    /// Which paths below a session's folder do not belong to it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
    /// How thoroughly; `None`: by content where there is a manifest, else by sizes.
    pub level: Option<Level>,
    /// Pieces read at once; 0: what suits the file system.
    pub parallel: u32,
    /// How many bytes a second it may take.
    pub throttle: Option<&'a Throttle>,
    /// Who steers it.
    pub steer: &'a dyn Steer,
}

/// What came of it. Paths are as [`shown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How thoroughly.
    pub level: Level,
    /// What the copy lacks.
    pub missing: Vec<String>,
    /// What is not the same.
    pub different: Vec<Different>,
    /// What only the copy has.
    pub extra: Vec<String>,
    /// Files compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How they were read; `None` below [`Level::Content`].
    pub read: Option<&'static str>,
    /// Whether what was read is known to come from storage.
    pub from_storage: bool,
    /// [`super::listing::Facts::state`] of the source.
    pub source: Option<[u8; 16]>,
    /// [`super::listing::Facts::state`] of the copy.
    pub copy: [u8; 16],
}

/// Why a copy could not be compared with anything.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The destination is not what it was.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A folder cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Neither source nor manifest.
    #[error(
        "there is nothing to compare {} with: the session is not on this computer, and no manifest lies beside the copy",
        .0.display()
    )]
    Nothing(PathBuf),
    /// It was told to end.
    #[error("the verification was cancelled")]
    Cancelled,
}

impl Outcome {
    /// Whether the copy is what it should be.
    pub const fn ok(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.extra.is_empty()
    }

    /// For `--json` and screens.
    pub fn report(self, key: Key, destination: String, seconds: f64) -> VerifyReport {
        VerifyReport {
            key,
            destination,
            level: self.level,
            ok: self.ok(),
            missing: self.missing,
            different: self.different,
            extra: self.extra,
            files: self.files,
            bytes: self.bytes,
            seconds,
            read: self.read.map(str::to_owned),
            error: None,
        }
    }

    /// What is remembered of it.
    pub fn verified(&self, at: Timestamp) -> Verified {
        let problems = self.missing.len() + self.different.len() + self.extra.len();
        Verified {
            level: self.level,
            at,
            ok: self.ok(),
            read: self.read.map(str::to_owned),
            from_storage: self.from_storage,
            problems: u32::try_from(problems).unwrap_or(u32::MAX),
            source: self.source,
            copy: self.copy,
        }
    }
}

/// Pieces read at once of a copy that is only verified, at least.
const READING: usize = 4;

/// Compares a copy. Blocks as long as its file systems do.
pub fn verify(question: &Question<'_>) -> Result<Outcome, VerifyError> {
    let held = question.root.open()?;
    let path = question.root.path.join(question.relative);
    let source = question.source.map(|source| open_source(source, question)).transpose()?.flatten();
    let manifest = match (question.level, &source) {
        (Some(Level::Count | Level::Sizes), Some(_)) => None,
        _ => Manifest::read(&held.folder, question.relative, &path)?,
    };
    let level = question.level.unwrap_or(if manifest.is_some() { Level::Content } else { Level::Sizes });
    if source.is_none() && manifest.is_none() {
        return Err(VerifyError::Nothing(path));
    }
    let copy = match beneath::open(&held.folder, question.relative, beneath::FOLDER, rustix::fs::Mode::empty()) {
        Ok(folder) => Some(folder),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(ListError::Unreadable { path, why: plain(&error) }.into()),
    };
    let listing = match &copy {
        Some(folder) => tree::list_in(folder, &path, question.exclude)?,
        None => Listing::default(),
    };
    if source.as_ref().is_some_and(|(_, source)| source.same_folder(&listing)) {
        return Err(RootError::Itself(path).into());
    }
    let manifest = manifest.unwrap_or_default();
    let mut comparison = Comparison::of(source.as_ref().map(|(_, listing)| listing), &manifest, &listing, level);
    let mut origin = None;
    if let (Level::Content, Some(copy)) = (level, &copy) {
        let hand = Hand::new(question.steer, question.throttle);
        // Whoever only reads past the cache waits for the disk most of the time.
        let lanes =
            |folder| lanes(question.parallel, kind(folder)).max(if question.parallel == 0 { READING } else { 1 });
        question.steer.event(Event::Total(comparison.bytes_to_read()));
        if let Some((folder, _)) = &source {
            comparison.read_source(folder.as_fd(), lanes(folder.as_fd()), &hand);
        }
        origin = comparison.read_copy(copy.as_fd(), lanes(copy.as_fd()), &hand);
        if !hand.go_on() {
            return Err(VerifyError::Cancelled);
        }
    }
    held.still(question.root)?;
    Ok(comparison.outcome(level, origin, source.as_ref().map(|(_, listing)| listing), &listing))
}

fn open_source(source: &Path, question: &Question<'_>) -> Result<Option<(std::os::fd::OwnedFd, Listing)>, ListError> {
    match tree::open(source) {
        Ok(folder) => {
            let listing = tree::list_in(&folder, source, question.exclude)?;
            Ok(Some((folder, listing)))
        }
        Err(ListError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What kind of file system that is; one that does not say is treated as a share.
pub(super) fn kind(folder: impl AsFd) -> Kind {
    beneath::kind(folder).unwrap_or(Kind::Other)
}

/// How many pieces are under way at once where nobody says: a share answers many at the time of one.
pub(super) fn lanes(parallel: u32, kind: Kind) -> usize {
    const MOST: usize = 16;
    match (usize::try_from(parallel).unwrap_or(MOST), kind) {
        (0, Kind::Other) => MOST,
        (0, _) => std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8),
        (lanes, _) => lanes.min(MOST),
    }
}

/// How the bytes were read, in words, and whether they are known to come from storage.
pub(super) const fn words(origin: Origin) -> (&'static str, bool) {
    match origin {
        Origin::Storage => ("from the disk", true),
        Origin::Memory => ("from memory, where this file system keeps everything", true),
        Origin::Dropped => ("after the cache was dropped", true),
        Origin::Cache => ("may come from the cache", false),
    }
}

/// Reads files of a copy from storage and compares their sums: where the least trusted byte came from, and the place
/// and fault of each that is wrong. One that cannot be read is tried once more.
pub(super) fn compare(
    folder: BorrowedFd<'_>,
    wanted: &[(&File, blake3::Hash)],
    lanes: usize,
    hand: &Hand<'_>,
) -> (Option<Origin>, Vec<(usize, String)>) {
    let flow = Flow { from: folder, storage: Some(kind(folder)), into: None, lanes };
    let mut left: Vec<usize> = (0..wanted.len()).collect();
    let (mut origin, mut wrong) = (None, Vec::new());
    for last in [false, true] {
        let files: Vec<&File> = left.iter().map(|at| wanted[*at].0).collect();
        let mut again = Vec::new();
        for (at, result) in left.into_iter().zip(heard(&flow, &files, hand)) {
            match result {
                Some(Ok(whole)) if whole.hash == wanted[at].1 => origin = origin.max(Some(whole.origin)),
                Some(Ok(_)) => wrong.push((at, "content".to_owned())),
                Some(Err(Trouble::Changed)) => wrong.push((at, "size".to_owned())),
                Some(Err(Trouble::Vanished)) => wrong.push((at, "it vanished while it was read".to_owned())),
                Some(Err(Trouble::Read(_) | Trouble::Write(_))) if !last => again.push(at),
                Some(Err(Trouble::Read(error) | Trouble::Write(error))) => {
                    wrong.push((at, format!("unreadable: {}", plain(&error))));
                }
                None => {}
            }
        }
        left = again;
    }
    (origin, wrong)
}

/// What came of each file; `None`: the hand ended it before.
pub(super) fn heard(flow: &Flow<'_>, files: &[&File], hand: &Hand<'_>) -> Vec<Option<Result<stream::Whole, Trouble>>> {
    let heard: Mutex<Vec<_>> = Mutex::new(files.iter().map(|_| None).collect());
    stream::run(flow, files, hand, &|at, result| stream::lock(&heard)[at] = Some(result));
    heard.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
