//! Two sides of a session, file by file, and what is not the same.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::Path;

use super::{Outcome, compare, heard, words};
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::Manifest;
use crate::session::report::Different;
use crate::session::stream::{self, Flow, Hand, Origin, Trouble};
use crate::session::tree::plain;
use crate::session::view::Level;

/// One file on both sides.
struct Pair<'a> {
    source: Option<&'a File>,
    copy: &'a File,
    hash: Option<blake3::Hash>,
}

/// What was found so far.
#[derive(Default)]
pub(in crate::session) struct Comparison<'a> {
    pairs: Vec<Pair<'a>>,
    missing: Vec<&'a Path>,
    different: BTreeMap<&'a Path, String>,
    extra: Vec<&'a Path>,
}

impl<'a> Comparison<'a> {
    pub(in crate::session) fn of(
        source: Option<&'a Listing>,
        manifest: &'a Manifest,
        copy: &'a Listing,
        level: Level,
    ) -> Self {
        let mut there: BTreeMap<&Path, &File> = copy.files.iter().map(|file| (file.path.as_path(), file)).collect();
        let mut found = Self::default();
        let mut pair = |path: &'a Path, size: Option<u64>, source: Option<&'a File>, hash| match there.remove(path) {
            None => found.missing.push(path),
            Some(copy) if level != Level::Count && size.is_some_and(|size| size != copy.size) => {
                found.different.insert(path, "size".to_owned());
            }
            Some(copy) => found.pairs.push(Pair { source, copy, hash }),
        };
        match source {
            Some(source) => {
                for file in &source.files {
                    let known = manifest.sums.get(&file.path).filter(|sum| sum.seen == Some(stream::seen(file)));
                    pair(&file.path, Some(file.size), Some(file), known.map(|sum| sum.hash));
                }
            }
            None => {
                for (path, sum) in &manifest.sums {
                    pair(path, sum.seen.map(|seen| seen.size), None, Some(sum.hash));
                }
            }
        }
        found.extra = there.into_keys().collect();
        found
    }

    pub(in crate::session) fn bytes_to_read(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.copy.size * if pair.hash.is_none() { 2 } else { 1 }).sum()
    }

    /// Reads those files of the source whose sums are not known.
    pub(in crate::session) fn read_source(&mut self, folder: BorrowedFd<'_>, lanes: usize, hand: &Hand<'_>) {
        let unknown: Vec<usize> = (0..self.pairs.len()).filter(|at| self.pairs[*at].hash.is_none()).collect();
        let files: Vec<&File> = unknown.iter().filter_map(|at| self.pairs[*at].source).collect();
        let flow = Flow { from: folder, storage: None, into: None, lanes };
        let heard = heard(&flow, &files, hand);
        for (at, result) in unknown.into_iter().zip(heard) {
            let pair = &mut self.pairs[at];
            match result {
                Some(Ok(whole)) => pair.hash = Some(whole.hash),
                Some(Err(trouble)) => {
                    let what = match trouble {
                        Trouble::Changed | Trouble::Vanished => "the source changed while it was read".to_owned(),
                        Trouble::Read(error) | Trouble::Write(error) => {
                            format!("the source is unreadable: {}", plain(&error))
                        }
                    };
                    self.different.insert(&pair.copy.path, what);
                }
                None => {}
            }
        }
    }

    /// The copy's files whose sums are known by now.
    pub(in crate::session) fn wanted(&self) -> Vec<(&'a File, blake3::Hash)> {
        self.pairs.iter().filter_map(|pair| Some((pair.copy, pair.hash?))).collect()
    }

    /// Files that are not the same after all, each with the reason.
    pub(in crate::session) fn differs(&mut self, wrong: impl IntoIterator<Item = (&'a Path, String)>) {
        self.different.extend(wrong);
    }

    /// Reads the copy's files whose sums are known by now, from storage.
    pub(super) fn read_copy(&mut self, folder: BorrowedFd<'_>, lanes: usize, hand: &Hand<'_>) -> Option<Origin> {
        let wanted = self.wanted();
        let (origin, wrong) = compare(folder, &wanted, lanes, hand);
        self.differs(wrong.into_iter().map(|(at, what)| (wanted[at].0.path.as_path(), what)));
        origin
    }

    pub(in crate::session) fn outcome(
        self,
        level: Level,
        origin: Option<Origin>,
        source: Option<&Listing>,
        copy: &Listing,
    ) -> Outcome {
        let state = |listing: &Listing| listing.facts(|_| false).state;
        let names = |paths: Vec<&Path>| paths.into_iter().map(shown).collect();
        let odd = copy.odd.iter().map(|odd| odd.path.clone());
        let mut extra: Vec<String> = names(self.extra);
        extra.extend(odd);
        let content = level == Level::Content;
        Outcome {
            level,
            files: (self.pairs.len() + self.missing.len()) as u64,
            bytes: self.pairs.iter().map(|pair| pair.copy.size).sum(),
            missing: names(self.missing),
            different: self
                .different
                .into_iter()
                .map(|(path, reason)| Different { path: shown(path), reason })
                .collect(),
            extra,
            read: origin.filter(|_| content).map(|origin| words(origin).0),
            from_storage: content && origin.is_none_or(|origin| words(origin).1),
            source: source.map(state),
            copy: state(copy),
        }
    }
}
