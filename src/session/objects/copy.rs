//! Copies one session into an object store, in rounds: what is not accounted for is sent, the source is listed again, and
//! a round that finds nothing to do is the last but for reading back and the manifest.
//!
//! What an interrupted copy left is recognised by its content: an object of the right size is not sent again, it is read
//! back with all the others.

mod account;
mod publish;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::list;
use super::read::{each, lanes, sum};
use super::send::{Road, Trouble, send};
use super::{Objects, names, uploads};
use crate::session::copy::Copied;
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::{Manifest, Sum};
use crate::session::side::{CopyWish, Undone};
use crate::session::stream::{self, Flow, Hand, seen};
use crate::session::tree;
use crate::session::tries::Tries;
use crate::session::verify;
use crate::work::progress::Event;

/// A source that has something new after so many rounds is still being written.
const ROUNDS: u32 = 12;
/// How the bytes were read.
pub(super) const READ: &str = "from the object store";

struct Run<'a> {
    objects: &'a Objects,
    wish: &'a CopyWish<'a>,
    hand: Hand<'a>,
    relative: PathBuf,
    notes: String,
    folder: OwnedFd,
    listing: Listing,
    /// What is there already, and its sums.
    there: BTreeMap<PathBuf, u64>,
    manifest: Manifest,
    /// Files that are accounted for: they are in the store as far as is known.
    sums: BTreeMap<PathBuf, Sum>,
    /// Of them, those that were not read back yet.
    unproven: BTreeSet<PathBuf>,
    /// Files whose object is not what it should be.
    suspect: BTreeSet<PathBuf>,
    tries: HashMap<PathBuf, Tries>,
    failed: BTreeMap<PathBuf, String>,
    total: u64,
    out: Copied,
}

/// Copies a session.
pub(super) fn copy(objects: &Objects, wish: &CopyWish<'_>) -> Result<Copied, Undone> {
    Run::new(objects, wish)?.complete()
}

fn still_written(file: &Path) -> Undone {
    Undone::Failed(format!(
        "`{}` is still being written: it changed each time it was copied; repeat when the recording has ended",
        shown(file)
    ))
}

impl<'a> Run<'a> {
    fn new(objects: &'a Objects, wish: &'a CopyWish<'a>) -> Result<Self, Undone> {
        let source = |error: tree::ListError| Undone::Failed(error.to_string());
        let folder = tree::open(wish.source).map_err(source)?;
        let exclude = |path: &Path| objects.filter.excluded(path);
        let listing = tree::list_in(&folder, wish.source, &exclude).map_err(source)?;
        let relative = objects.layout.render(wish.key);
        if !wish.dry_run || wish.kept.is_some() {
            objects.prove(wish.kept).map_err(Fault::undone)?;
        }
        let there = list::one(&objects.door, &relative, &exclude).map_err(Fault::undone)?;
        let there = there.map(|copy| copy.listing.files).unwrap_or_default();
        // A damaged manifest proves nothing: without it, contents are compared.
        let manifest = match objects.sums(&relative) {
            Ok(manifest) => manifest.unwrap_or_default(),
            Err(Fault::Side(crate::session::view::SideState::Trouble { word, .. })) if word == "damaged manifest" => {
                Manifest::default()
            }
            Err(fault) => return Err(fault.undone()),
        };
        Ok(Self {
            objects,
            wish,
            hand: Hand::new(wish.steer, Some(wish.throttle)),
            relative,
            notes: uploads::folder(wish.key),
            folder,
            listing,
            there: there.into_iter().map(|file| (file.path, file.size)).collect(),
            manifest,
            sums: BTreeMap::new(),
            unproven: BTreeSet::new(),
            suspect: BTreeSet::new(),
            tries: HashMap::new(),
            failed: BTreeMap::new(),
            total: 0,
            out: Copied::default(),
        })
    }

    fn complete(mut self) -> Result<Copied, Undone> {
        if !self.wish.dry_run {
            uploads::give_up_all(&self.objects.door, &self.notes).map_err(Fault::undone)?;
        }
        let mut rounds = 0;
        loop {
            let listing = self.listing.clone();
            let (check, sending) = self.todo(&listing)?;
            if self.wish.dry_run {
                self.out.written = sending.len() as u64;
                self.out.written_bytes = bytes(&sending);
                if !check.is_empty() {
                    self.out.notes.push(format!("{} files would be compared by content first", check.len()));
                }
                return Ok(self.outcome());
            }
            if check.is_empty() && sending.is_empty() && self.unproven.is_empty() {
                break;
            }
            rounds += 1;
            if rounds > ROUNDS {
                let last = sending.first().or(check.first());
                return Err(still_written(last.map_or(Path::new(""), |file| &file.path)));
            }
            self.total += bytes(&check) * 2 + bytes(&sending) * 2;
            self.wish.steer.event(Event::Total(self.total));
            self.check(&check)?;
            self.send(&sending)?;
            self.list_again()?;
            self.read_back()?;
        }
        let mut copied = self.outcome_with_proof()?;
        if copied.failed.is_empty() {
            self.publish().map_err(Fault::undone)?;
        } else {
            copied.proof = None;
        }
        Ok(copied)
    }

    /// Files whose object may be right, and files to send.
    fn todo<'l>(&mut self, listing: &'l Listing) -> Result<(Vec<&'l File>, Vec<&'l File>), Undone> {
        let (mut check, mut sending) = (Vec::new(), Vec::new());
        for file in &listing.files {
            if self.failed.contains_key(&file.path) {
                continue;
            }
            match self.sums.get(&file.path) {
                Some(sum) if sum.seen == Some(seen(file)) => continue,
                // It was accounted for and is another one now.
                Some(_) => self.changed(&file.path)?,
                None => {}
            }
            if let Err(why) = self.name(&file.path) {
                self.failed.insert(file.path.clone(), why);
                continue;
            }
            let alike = !self.suspect.contains(&file.path) && self.there.get(&file.path) == Some(&file.size);
            let known = self.manifest.sums.get(&file.path).filter(|sum| sum.seen == Some(seen(file)));
            match known.map(|sum| sum.hash) {
                Some(hash) if alike => {
                    self.account(file, hash);
                    self.total += file.size;
                }
                _ if alike => check.push(file),
                _ => sending.push(file),
            }
        }
        Ok((check, sending))
    }

    fn name(&self, path: &Path) -> Result<object_store::path::Path, String> {
        names::key(&self.objects.door.bucket.prefix, &self.relative.join(path))
    }

    /// Reads files of the source whose objects are of the same size; reading those back tells.
    fn check(&mut self, files: &[&File]) -> Result<(), Undone> {
        let lanes = verify::lanes(self.wish.parallel, verify::kind(&self.folder));
        let flow = Flow { from: self.folder.as_fd(), storage: None, into: None, lanes };
        let heard = verify::heard(&flow, files, &self.hand);
        for (file, result) in files.iter().zip(heard) {
            match result {
                Some(Ok(whole)) => {
                    self.account(file, whole.hash);
                    self.out.resumed += 1;
                }
                Some(Err(stream::Trouble::Changed)) => self.changed(&file.path)?,
                // The next listing tells.
                Some(Err(stream::Trouble::Vanished)) => {}
                Some(Err(stream::Trouble::Read(error) | stream::Trouble::Write(error))) => {
                    self.wrong(&file.path, format!("it cannot be read: {}", tree::plain(&error)));
                }
                None => return Err(Undone::Cancelled),
            }
        }
        Ok(())
    }

    fn send(&mut self, files: &[&File]) -> Result<(), Undone> {
        self.wish.steer.note("copying");
        let road = Road { door: &self.objects.door, from: self.folder.as_fd(), notes: &self.notes, hand: &self.hand };
        let mut order = files.to_vec();
        order.sort_by_key(|file| std::cmp::Reverse(file.size));
        let named: Vec<_> = order.iter().filter_map(|file| Some((*file, self.name(&file.path).ok()?))).collect();
        let heard = each(&named, lanes(self.wish.parallel), &self.hand, |(file, name)| {
            let sent = send(&road, file, name);
            if let Err(Trouble::Fault(fault)) = &sent
                && fault.whole_store()
            {
                self.hand.end();
            }
            sent
        });
        let mut whole_store = None;
        let mut untried = false;
        for ((file, _), sent) in named.iter().zip(heard) {
            match sent {
                Some(Ok(hash)) => {
                    self.account(file, hash);
                    self.out.written += 1;
                    self.out.written_bytes += file.size;
                }
                Some(Err(Trouble::Changed)) => self.changed(&file.path)?,
                Some(Err(Trouble::Vanished)) => {}
                Some(Err(Trouble::Read(error))) => {
                    self.wrong(&file.path, format!("it cannot be read: {}", tree::plain(&error)));
                }
                Some(Err(Trouble::Fault(Fault::Cancelled))) | None => untried = true,
                Some(Err(Trouble::Fault(fault))) if fault.whole_store() => whole_store = whole_store.or(Some(fault)),
                Some(Err(Trouble::Fault(fault))) => self.wrong(&file.path, fault.words()),
            }
        }
        match (whole_store, untried) {
            (Some(fault), _) => Err(fault.undone()),
            (None, true) => Err(Undone::Cancelled),
            (None, false) => Ok(()),
        }
    }

    /// Lists the source again: what vanished is named; what changed is seen by the next round.
    fn list_again(&mut self) -> Result<(), Undone> {
        let exclude = |path: &Path| self.objects.filter.excluded(path);
        let listing = tree::list_in(&self.folder, self.wish.source, &exclude)
            .map_err(|error| Undone::Failed(error.to_string()))?;
        let now: BTreeSet<&Path> = listing.files.iter().map(|file| file.path.as_path()).collect();
        let before = std::mem::take(&mut self.listing);
        for file in before.files.iter().filter(|file| !now.contains(file.path.as_path())) {
            self.out.vanished.push(shown(&file.path));
            self.forget(&file.path);
        }
        self.failed.retain(|path, _| now.contains(path.as_path()));
        self.listing = listing;
        Ok(())
    }

    /// Reads back what was not read back yet; what is wrong is sent again.
    fn read_back(&mut self) -> Result<(), Undone> {
        self.wish.steer.note("reading back");
        let wanted: Vec<(PathBuf, u64, blake3::Hash)> = self
            .unproven
            .iter()
            .filter_map(|path| self.sums.get(path).map(|sum| (path.clone(), sum.seen, sum.hash)))
            .filter_map(|(path, seen, hash)| Some((path, seen?.size, hash)))
            .collect();
        let heard = each(&wanted, lanes(self.wish.parallel), &self.hand, |(path, size, _)| {
            let name = self.name(path).map_err(Fault::Other)?;
            let read = sum(&self.objects.door, &name, *size, None, &self.hand);
            if read.as_ref().is_err_and(Fault::whole_store) {
                self.hand.end();
            }
            read
        });
        let mut ended = None;
        for ((path, _, hash), read) in wanted.iter().zip(heard) {
            match read {
                Some(Ok(read)) if read == *hash => drop(self.unproven.remove(path)),
                Some(Ok(_)) => self.corrupt(path, "content"),
                Some(Err(Fault::Changed)) => self.corrupt(path, "size"),
                Some(Err(Fault::Missing)) => self.corrupt(path, "it is not there"),
                Some(Err(Fault::Cancelled)) | None => ended = ended.or(Some(Fault::Cancelled)),
                Some(Err(fault)) if fault.whole_store() => {
                    ended = ended.filter(|fault| *fault != Fault::Cancelled).or(Some(fault));
                }
                Some(Err(fault)) => self.wrong(path, format!("it cannot be read back: {}", fault.words())),
            }
        }
        ended.map_or(Ok(()), |fault| Err(fault.undone()))
    }
}

fn bytes(files: &[&File]) -> u64 {
    files.iter().map(|file| file.size).sum()
}
