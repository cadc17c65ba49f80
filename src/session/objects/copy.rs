//! Copies one session into an object store, in rounds: what is not accounted for is sent, the source is listed again, and
//! a round that finds nothing to do is the last but for reading back and the manifest.
//!
//! What an interrupted copy left is recognised by its content: an object of the right size is not sent again, it is read
//! back with all the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::list::{self, Copy};
use super::read::{each, lanes, sum};
use super::send::{Road, Trouble, send};
use super::{Objects, names, uploads};
use crate::session::copy::Copied;
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::{Manifest, Sum, sizes_file, sums_file};
use crate::session::report::Different;
use crate::session::side::{CopyWish, Undone};
use crate::session::stream::{self, Flow, Hand, seen};
use crate::session::tree;
use crate::session::verify::{self, Outcome};
use crate::session::view::Level;
use crate::work::progress::Event;

/// A source that has something new after so many rounds is still being written.
const ROUNDS: u32 = 12;
/// A file that changed so often while it was copied is still being written.
const CHANGES: u32 = 5;
/// A file that could not be read or sent so often is given up.
const ERRORS: u32 = 2;
/// A file that was not what had been sent so often is given up.
const CORRUPTIONS: u32 = 3;
/// How the bytes were read.
pub(super) const READ: &str = "from the object store";

/// How often what went wrong with a file.
#[derive(Default)]
struct Tries {
    changed: u32,
    errors: u32,
    corrupt: u32,
}

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

    fn account(&mut self, file: &File, hash: blake3::Hash) {
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen(file)) });
        self.unproven.insert(file.path.clone());
    }

    fn forget(&mut self, path: &Path) {
        self.sums.remove(path);
        self.unproven.remove(path);
    }

    fn changed(&mut self, path: &Path) -> Result<(), Undone> {
        self.forget(path);
        // Whatever was sent of it is not what it is now.
        self.suspect.insert(path.to_owned());
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.changed += 1;
        if tries.changed < CHANGES { Ok(()) } else { Err(still_written(path)) }
    }

    fn wrong(&mut self, path: &Path, why: String) {
        self.forget(path);
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.errors += 1;
        if tries.errors >= ERRORS {
            self.failed.insert(path.to_owned(), why);
        }
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

    fn corrupt(&mut self, path: &Path, what: &str) {
        self.forget(path);
        self.suspect.insert(path.to_owned());
        let name = shown(path);
        if !self.out.repaired.contains(&name) {
            self.out.repaired.push(name);
        }
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.corrupt += 1;
        if tries.corrupt >= CORRUPTIONS {
            let times = tries.corrupt;
            self.failed
                .insert(path.to_owned(), format!("it was wrong each of {times} times it was read back ({what})"));
        }
    }

    fn outcome(&mut self) -> Copied {
        let mut out = std::mem::take(&mut self.out);
        out.files = self.listing.files.len() as u64;
        out.bytes = bytes(&self.listing.files.iter().collect::<Vec<_>>());
        out.odd.clone_from(&self.listing.odd);
        let failed = |(path, reason): (&PathBuf, &String)| Different { path: shown(path), reason: reason.clone() };
        out.failed = self.failed.iter().map(failed).collect();
        out.repaired.retain(|path| !out.failed.iter().any(|failed| failed.path == *path));
        out
    }

    fn outcome_with_proof(&mut self) -> Result<Copied, Undone> {
        let mut out = self.outcome();
        let exclude = |path: &Path| self.objects.filter.excluded(path);
        let copy = list::one(&self.objects.door, &self.relative, &exclude).map_err(Fault::undone)?;
        let Copy { listing: copy, .. } =
            copy.unwrap_or_else(|| Copy { listing: Listing::default(), tags: HashMap::new() });
        let there: HashMap<&Path, u64> = copy.files.iter().map(|file| (file.path.as_path(), file.size)).collect();
        for file in self.listing.files.iter().filter(|file| !self.failed.contains_key(&file.path)) {
            if there.get(file.path.as_path()) != Some(&file.size) {
                let reason = "it was read back, and is not listed there now".to_owned();
                out.failed.push(Different { path: shown(&file.path), reason });
            }
        }
        let ours: BTreeSet<&Path> = self.listing.files.iter().map(|file| file.path.as_path()).collect();
        let extra = copy.files.iter().filter(|file| !ours.contains(file.path.as_path()));
        out.extra = extra.map(|file| shown(&file.path)).collect();
        if !self.listing.folders.is_empty() && has_empty(&self.listing) {
            out.notes.push("empty folders are not kept there".into());
        }
        out.proof = Some(Outcome {
            level: Level::Content,
            missing: Vec::new(),
            different: Vec::new(),
            extra: out.extra.clone(),
            files: out.files,
            bytes: out.bytes,
            read: Some(READ),
            from_storage: true,
            source: Some(self.listing.facts(|_| false).state),
            copy: copy.facts(|_| false).state,
        });
        Ok(out)
    }

    /// Says that the copy is whole: the sizes first, since the sums are what makes it one.
    fn publish(&self) -> Result<(), Fault> {
        self.objects.prove(self.wish.kept)?;
        let manifest = Manifest { sums: self.sums.clone() };
        let name = self.relative.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (sums, sizes) = manifest.render(&name);
        let (door, prefix) = (&self.objects.door, &self.objects.door.bucket.prefix);
        for (file, bytes) in [(sizes_file(&self.relative), sizes), (sums_file(&self.relative), sums)] {
            let key = names::key(prefix, &file).map_err(Fault::Other)?;
            if door.small(&key, super::LONG).ok().flatten().as_ref() == Some(&bytes) {
                continue;
            }
            door.put(&key, bytes.clone())?;
            if door.small(&key, super::LONG)? != Some(bytes) {
                let file = file.display();
                return Err(Fault::Other(format!("`{file}` is not what was written when it is read back; repeat")));
            }
        }
        Ok(())
    }
}

fn bytes(files: &[&File]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// Whether a folder has no file below it.
fn has_empty(listing: &Listing) -> bool {
    let filled: BTreeSet<&Path> = listing.files.iter().flat_map(|file| file.path.ancestors().skip(1)).collect();
    listing.folders.iter().any(|(path, ..)| !filled.contains(path.as_path()))
}
