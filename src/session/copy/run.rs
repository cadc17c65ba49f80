//! One copy from its beginning to its end, in rounds: what is not accounted for yet is copied, made durable and read
//! back, then the source is listed again; a round that finds nothing to do is the last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::stage::{self, Stage};
use super::target::{self, Known, Target};
use super::{Copied, CopyError, Order, ReadBack, meta, publish, room};
use crate::session::beneath::{self, Kind};
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::{Manifest, Seen, Sum};
use crate::session::report::Different;
use crate::session::root::Held;
use crate::session::stream::{self, Flow, Hand, Origin, Sink, Trouble, lock, seen};
use crate::session::tree::{self, plain};
use crate::session::verify;
use crate::work::progress::Event;

/// A file that changed so often while it was copied is still being written.
const CHANGES: u32 = 5;
/// A file that could not be read or written so often is given up.
const ERRORS: u32 = 2;
/// A file that was not what had been written so often is given up.
const CORRUPTIONS: u32 = 3;
/// A source that has something new after so many rounds is still being written.
const ROUNDS: u32 = 12;

pub(super) struct Run<'a> {
    pub(super) order: &'a Order<'a>,
    hand: Hand<'a>,
    pub(super) source: OwnedFd,
    pub(super) held: Held,
    pub(super) kind: Kind,
    umask: u32,
    /// Files are made durable one by one.
    each: bool,
    pub(super) listing: Arc<Listing>,
    pub(super) target: Option<Arc<Target>>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) stage: Option<Stage>,
    /// Files that are accounted for: they lie whole in the copy or in the staging folder.
    pub(super) sums: BTreeMap<PathBuf, Sum>,
    /// Of them, those in the staging folder.
    pub(super) staged: BTreeSet<PathBuf>,
    /// Of those, the ones that must be read back.
    unproven: BTreeSet<PathBuf>,
    /// Files that were read back and are right.
    pub(super) proven: BTreeSet<PathBuf>,
    pub(super) origin: Option<Origin>,
    /// Files of the copy that are not what they should be.
    pub(super) suspect: BTreeSet<PathBuf>,
    /// Files of the copy whose content is right but not their time or mode.
    pub(super) touch: BTreeSet<PathBuf>,
    tries: HashMap<PathBuf, Tries>,
    pub(super) failed: BTreeMap<PathBuf, String>,
    /// The destination has no hard links.
    unlinked: bool,
    /// Something was given its place.
    pub(super) published: bool,
    /// The manifest as it lies in the staging folder.
    pub(super) rendered: Option<(Vec<u8>, Vec<u8>)>,
    total: u64,
    pub(super) report: Copied,
}

#[derive(Default)]
struct Tries {
    changed: u32,
    errors: u32,
    corrupt: u32,
}

/// What a round has to do.
#[derive(Default)]
pub(super) struct Todo<'l> {
    /// Files whose copies may be right: their contents are compared.
    pub(super) check: Vec<&'l File>,
    copy: Vec<&'l File>,
    /// Names of a file that another name in the session has too: the first one, and this one.
    link: Vec<(&'l File, &'l File)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(order: &'a Order<'a>) -> Result<Self, CopyError> {
        let source = tree::open(order.source)?;
        let listing = Arc::new(tree::list_in(&source, order.source, order.exclude)?);
        let held = order.root.open()?;
        let kind = verify::kind(&held.folder);
        let (target, manifest) = target::look(order, &held)?;
        Ok(Self {
            order,
            hand: Hand::new(order.steer, order.throttle),
            source,
            held,
            kind,
            umask: meta::umask(),
            each: kind == Kind::Other,
            listing,
            target: target.map(Arc::new),
            manifest: Arc::new(manifest),
            stage: None,
            sums: BTreeMap::new(),
            staged: BTreeSet::new(),
            unproven: BTreeSet::new(),
            proven: BTreeSet::new(),
            origin: None,
            suspect: BTreeSet::new(),
            touch: BTreeSet::new(),
            tries: HashMap::new(),
            failed: BTreeMap::new(),
            unlinked: false,
            published: false,
            rendered: None,
            total: 0,
            report: Copied::default(),
        })
    }

    pub(super) fn complete(mut self) -> Result<Copied, CopyError> {
        let outcome = self.rounds();
        if let Some(stage) = &self.stage {
            // What is not written down is copied again: no reason to fail.
            let _lost = stage.flush();
        }
        if outcome? {
            self.held.still(self.order.root)?;
            publish::publish(&mut self)?;
            self.held.still(self.order.root)?;
        }
        self.outcome()
    }

    /// `false`: it was only a rehearsal.
    fn rounds(&mut self) -> Result<bool, CopyError> {
        self.take_up()?;
        let mut rounds = 0;
        loop {
            let listing = Arc::clone(&self.listing);
            let mut todo = self.todo(&listing)?;
            if self.order.read_back == ReadBack::Everything && !self.order.dry_run && self.prove_there(&listing)? {
                todo = self.todo(&listing)?;
            }
            if self.order.dry_run {
                self.report.written = (todo.copy.len() + todo.link.len()) as u64;
                self.report.written_bytes = todo.copy.iter().map(|file| file.size).sum();
                if !todo.check.is_empty() {
                    self.report.notes.push(format!("{} files would be compared by content first", todo.check.len()));
                }
                return Ok(false);
            }
            let nothing = todo.check.is_empty() && todo.copy.is_empty() && todo.link.is_empty();
            if nothing && self.unproven.is_empty() {
                return Ok(true);
            }
            rounds += 1;
            if rounds > ROUNDS {
                let last = todo.copy.first().or(todo.check.first()).map(|file| shown(&file.path));
                return Err(CopyError::StillWritten { file: last.unwrap_or_default(), times: ROUNDS });
            }
            self.round(&todo, &listing, rounds == 1)?;
            self.list_again()?;
        }
    }

    fn round(&mut self, todo: &Todo<'_>, listing: &Listing, first: bool) -> Result<(), CopyError> {
        if first {
            room::foresee(self.order, &self.source, &self.held.folder, &todo.copy)?;
        }
        let bytes = |files: &[&File]| files.iter().map(|file| file.size).sum::<u64>();
        let twice = if self.order.read_back == ReadBack::Nothing { 1 } else { 2 };
        let left: u64 = self.unproven.iter().filter_map(|path| Some(self.sums.get(path)?.seen?.size)).sum();
        self.expect(bytes(&todo.check) + bytes(&todo.copy) * twice + left);
        if !todo.check.is_empty() {
            self.check(&todo.check)?;
        }
        if !todo.copy.is_empty() || !todo.link.is_empty() {
            self.carry(&todo.copy, listing)?;
            self.link(&todo.link);
        }
        publish::write_manifest(self, false)?;
        self.durable(&todo.copy)?;
        self.read_back(listing)
    }

    fn expect(&mut self, bytes: u64) {
        self.total += bytes;
        self.order.steer.event(Event::Total(self.total));
    }

    /// What an interrupted run has left.
    fn take_up(&mut self) -> Result<(), CopyError> {
        let left = beneath::stat(&self.held.folder, &stage::path(self.order));
        if self.order.dry_run || !matches!(left, Ok(Some(_))) {
            return Ok(());
        }
        let whole = self.open_stage()?;
        let listing = Arc::clone(&self.listing);
        let files: BTreeMap<&Path, &File> = listing.files.iter().map(|file| (file.path.as_path(), file)).collect();
        for (path, line) in whole {
            let Some(stage) = &self.stage else { break };
            match (files.get(path.as_path()), line.hash) {
                (Some(file), Some(hash)) if seen(file) == line.seen => {
                    self.sums.insert(path.clone(), Sum { hash, seen: Some(line.seen) });
                    self.unproven.insert(path.clone());
                    self.staged.insert(path);
                    self.report.resumed += 1;
                }
                _ => beneath::remove(&stage.files, &path)
                    .map_err(|error| self.trouble("clean the staging folder", &error))?,
            }
        }
        Ok(())
    }

    fn open_stage(&mut self) -> Result<BTreeMap<PathBuf, crate::session::manifest::Line>, CopyError> {
        let opened = Stage::open(self.order, &self.held.folder, self.kind);
        let (stage, whole) = opened.map_err(|error| self.trouble("make the staging folder", &error))?;
        self.stage = Some(stage);
        Ok(whole)
    }

    /// The staging folder, made when it is first needed.
    pub(super) fn stage(&mut self) -> Result<&Stage, CopyError> {
        if self.stage.is_none() {
            self.open_stage()?;
        }
        self.stage.as_ref().ok_or(CopyError::Cancelled)
    }

    pub(super) fn trouble(&self, what: &'static str, error: &io::Error) -> CopyError {
        let path = self.order.root.path.clone();
        match Errno::from_io_error(error) {
            Some(Errno::NOSPC | Errno::DQUOT) => {
                CopyError::Full { path, file: shown(self.order.relative), why: plain(error) }
            }
            _ => CopyError::Destination { what, path, why: plain(error) },
        }
    }

    /// Which files are not accounted for.
    fn todo<'l>(&mut self, listing: &'l Listing) -> Result<Todo<'l>, CopyError> {
        let (target, manifest) = (self.target.clone(), Arc::clone(&self.manifest));
        let known = Known::new(target.as_deref(), &manifest, self.kind);
        let mut todo = Todo::default();
        let mut firsts: HashMap<(u64, u64), &File> = HashMap::new();
        for file in &listing.files {
            if self.failed.contains_key(&file.path) {
                continue;
            }
            let first = match file.shared.filter(|_| !self.unlinked) {
                Some(inode) => *firsts.entry(inode).or_insert(file),
                None => file,
            };
            match self.sums.get(&file.path) {
                Some(sum) if sum.seen == Some(seen(file)) => continue,
                Some(_) => {
                    // It was accounted for and is another one now.
                    self.forget(&file.path);
                    self.changed(&file.path)?;
                }
                None => {}
            }
            let trusted = !self.suspect.contains(&file.path);
            match known.whole(file).filter(|_| trusted) {
                Some(sum) => drop(self.sums.insert(file.path.clone(), sum.clone())),
                None if trusted && known.like(file).is_some() => todo.check.push(file),
                None if first.path == file.path => todo.copy.push(file),
                None => todo.link.push((first, file)),
            }
        }
        Ok(todo)
    }

    fn forget(&mut self, path: &Path) {
        self.sums.remove(path);
        self.staged.remove(path);
        self.unproven.remove(path);
        self.proven.remove(path);
    }

    fn changed(&mut self, path: &Path) -> Result<(), CopyError> {
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.changed += 1;
        if tries.changed < CHANGES {
            return Ok(());
        }
        Err(CopyError::StillWritten { file: shown(path), times: tries.changed })
    }

    /// Something went wrong with a file: tried again, or given up.
    pub(super) fn wrong(&mut self, path: &Path, what: &str, error: &io::Error) {
        self.forget(path);
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.errors += 1;
        if tries.errors >= ERRORS {
            self.failed.insert(path.to_owned(), format!("{what}: {}", plain(error)));
        }
    }

    fn corrupt(&mut self, path: &Path, what: &str) {
        self.forget(path);
        self.suspect.insert(path.to_owned());
        let name = shown(path);
        if !self.report.repaired.contains(&name) {
            self.report.repaired.push(name);
        }
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.corrupt += 1;
        if tries.corrupt >= CORRUPTIONS {
            let times = tries.corrupt;
            self.failed
                .insert(path.to_owned(), format!("it was wrong each of {times} times it was read back ({what})"));
        }
    }

    /// Copies files into the staging folder.
    fn carry(&mut self, files: &[&File], listing: &Listing) -> Result<(), CopyError> {
        self.order.steer.note("copying");
        self.stage()?;
        let Some(stage) = &self.stage else { return Err(CopyError::Cancelled) };
        stage::folders(stage, listing.folders.iter().map(|(path, _, _)| path.as_path()))
            .map_err(|error| self.trouble("make folders in the staging folder", &error))?;
        let into = Sink { folder: stage.files.as_fd(), kind: self.kind, sync: self.each, umask: self.umask };
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let flow = Flow { from: self.source.as_fd(), storage: None, into: Some(into), lanes };
        let full: Mutex<Option<(PathBuf, io::Error)>> = Mutex::default();
        let heard: Mutex<Vec<(usize, Result<stream::Whole, Trouble>)>> = Mutex::default();
        stream::run(&flow, files, &self.hand, &|at, result| {
            let file = files[at];
            let result = match result {
                Err(Trouble::Write(error)) if full_disk(&error) => {
                    self.hand.end();
                    lock(&full).get_or_insert((file.path.clone(), error));
                    return;
                }
                // The journal only saves work; that it cannot be written does not stop the copy.
                Ok(whole) => {
                    let _saved = stage.remember(&file.path, seen(file), whole.hash);
                    Ok(whole)
                }
                other => other,
            };
            lock(&heard).push((at, result));
        });
        if let Some((path, error)) = full.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Others need the room now; this session is copied again when there is some.
            let _left = beneath::remove(&self.held.folder, &stage::path(self.order));
            self.stage = None;
            let (file, why) = (shown(&path), plain(&error));
            return Err(CopyError::Full { path: self.order.root.path.clone(), file, why });
        }
        for (at, result) in heard.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.carried(files[at], result)?;
        }
        self.unless_cancelled()
    }

    fn carried(&mut self, file: &File, result: Result<stream::Whole, Trouble>) -> Result<(), CopyError> {
        match result {
            Ok(whole) => {
                self.count(file, whole.hash);
                self.report.written_bytes += file.size;
                if self.order.read_back != ReadBack::Nothing {
                    self.unproven.insert(file.path.clone());
                }
            }
            Err(Trouble::Changed) => self.changed(&file.path)?,
            // The next listing tells.
            Err(Trouble::Vanished) => {}
            Err(Trouble::Read(error)) => self.wrong(&file.path, "it cannot be read", &error),
            Err(Trouble::Write(error)) => self.wrong(&file.path, "it cannot be written", &error),
        }
        Ok(())
    }

    fn count(&mut self, file: &File, hash: blake3::Hash) {
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen(file)) });
        self.staged.insert(file.path.clone());
        self.report.written += 1;
    }

    /// Gives files that are copied their other names.
    fn link(&mut self, links: &[(&File, &File)]) {
        for (first, file) in links {
            // Its first name is not copied yet: the next round.
            let Some(hash) = self.sums.get(&first.path).map(|sum| sum.hash) else { continue };
            let from = if self.staged.contains(&first.path) {
                self.stage.as_ref().map(|stage| &stage.files)
            } else {
                self.target.as_ref().map(|target| &target.folder)
            };
            let (Some(from), Some(stage)) = (from, &self.stage) else { continue };
            match stage::link(from, &first.path, stage, file) {
                Ok(()) => {
                    self.count(file, hash);
                    if self.order.read_back != ReadBack::Nothing {
                        self.unproven.insert(file.path.clone());
                    }
                }
                Err(_no_links_here) => {
                    if !self.unlinked {
                        self.report.notes.push("hard links are not kept there: each name has a file of its own".into());
                    }
                    self.unlinked = true;
                }
            }
        }
    }

    pub(super) fn unless_cancelled(&self) -> Result<(), CopyError> {
        if self.hand.go_on() { Ok(()) } else { Err(CopyError::Cancelled) }
    }

    /// What was copied outlives a power cut.
    fn durable(&mut self, files: &[&File]) -> Result<(), CopyError> {
        let Some(stage) = &self.stage else { return Ok(()) };
        if self.kind == Kind::Other {
            let folders = self.listing.folders.iter().map(|(path, _, _)| path.as_path());
            for path in folders.chain([Path::new("")]) {
                let Ok(folder) = beneath::open(&stage.files, path, beneath::FOLDER, rustix::fs::Mode::empty()) else {
                    continue;
                };
                beneath::sync_folder(folder).map_err(|error| self.trouble("make folders durable", &error))?;
            }
            return Ok(());
        }
        if let Err(error) = rustix::fs::syncfs(&self.held.folder) {
            // Which file it was is not told: all are copied again, each made durable by itself.
            self.each = true;
            for file in files {
                if self.staged.contains(&file.path) {
                    self.wrong(&file.path, "it cannot be made durable", &error.into());
                }
            }
        }
        Ok(())
    }

    /// Reads back what was written; what is wrong is no longer accounted for.
    fn read_back(&mut self, listing: &Listing) -> Result<(), CopyError> {
        if self.unproven.is_empty() {
            return Ok(());
        }
        self.order.steer.note("reading back");
        let Some(stage) = &self.stage else { return Ok(()) };
        let wanted: Vec<(&File, blake3::Hash)> = listing
            .files
            .iter()
            .filter(|file| self.unproven.contains(&file.path))
            .filter_map(|file| Some((file, self.sums.get(&file.path)?.hash)))
            .collect();
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let (origin, wrong) = verify::compare(stage.files.as_fd(), &wanted, lanes, &self.hand);
        self.unless_cancelled()?;
        self.proved(origin, &wanted, wrong);
        Ok(())
    }

    fn proved(&mut self, origin: Option<Origin>, wanted: &[(&File, blake3::Hash)], wrong: Vec<(usize, String)>) {
        self.origin = self.origin.max(origin);
        for (file, _) in wanted {
            self.unproven.remove(&file.path);
            self.proven.insert(file.path.clone());
        }
        for (at, what) in wrong {
            self.corrupt(&wanted[at].0.path, &what);
        }
    }

    /// Reads back files that were there before; `true`: some are wrong.
    fn prove_there(&mut self, listing: &Listing) -> Result<bool, CopyError> {
        let Some(target) = self.target.clone() else { return Ok(false) };
        let there: HashMap<&Path, &File> =
            target.listing.files.iter().map(|file| (file.path.as_path(), file)).collect();
        let old = |file: &&File| !self.staged.contains(&file.path) && !self.proven.contains(&file.path);
        let wanted: Vec<(&File, blake3::Hash)> = listing
            .files
            .iter()
            .filter(old)
            .filter_map(|file| Some((*there.get(file.path.as_path())?, self.sums.get(&file.path)?.hash)))
            .collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        self.order.steer.note("reading back");
        self.expect(wanted.iter().map(|(file, _)| file.size).sum());
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let (origin, wrong) = verify::compare(target.folder.as_fd(), &wanted, lanes, &self.hand);
        self.unless_cancelled()?;
        let any = !wrong.is_empty();
        self.proved(origin, &wanted, wrong);
        Ok(any)
    }

    /// Compares copies whose content may be right with the source.
    fn check(&mut self, files: &[&File]) -> Result<(), CopyError> {
        self.order.steer.note("comparing");
        super::check::check(self, files)
    }

    pub(super) fn read_source(&self, files: &[&File]) -> Vec<Option<Result<stream::Whole, Trouble>>> {
        let lanes = verify::lanes(self.order.parallel, verify::kind(&self.source));
        verify::heard(&Flow { from: self.source.as_fd(), storage: None, into: None, lanes }, files, &self.hand)
    }

    pub(super) fn read_target(&self, wanted: &[(&File, blake3::Hash)]) -> (Option<Origin>, Vec<(usize, String)>) {
        let Some(target) = &self.target else { return (None, Vec::new()) };
        verify::compare(target.folder.as_fd(), wanted, verify::lanes(self.order.parallel, self.kind), &self.hand)
    }

    pub(super) fn source_trouble(&mut self, file: &File, trouble: Trouble) -> Result<(), CopyError> {
        self.carried(file, Err(trouble))
    }

    /// Lists the source again: what changed is no longer accounted for, what vanished is named.
    fn list_again(&mut self) -> Result<(), CopyError> {
        let listing = Arc::new(tree::list_in(&self.source, self.order.source, self.order.exclude)?);
        let before = std::mem::replace(&mut self.listing, Arc::clone(&listing));
        let now: BTreeSet<&Path> = listing.files.iter().map(|file| file.path.as_path()).collect();
        for path in before.files.iter().map(|file| &file.path).filter(|path| !now.contains(path.as_path())) {
            if let (true, Some(stage)) = (self.staged.contains(path), &self.stage) {
                let removed = beneath::remove(&stage.files, path);
                removed.map_err(|error| self.trouble("remove a file that vanished", &error))?;
            }
            self.report.vanished.push(shown(path));
            self.forget(path);
        }
        self.failed.retain(|path, _| now.contains(path.as_path()));
        Ok(())
    }

    fn outcome(mut self) -> Result<Copied, CopyError> {
        let listing = &self.listing;
        self.report.files = listing.files.len() as u64;
        self.report.bytes = listing.files.iter().map(|file| file.size).sum();
        self.report.odd = listing.odd.clone();
        let failed = self.failed.iter().map(|(path, reason)| Different { path: shown(path), reason: reason.clone() });
        self.report.failed = failed.collect();
        publish::look_again(&mut self)?;
        Ok(self.report)
    }

    /// What was seen of the source's files, by path, of those that are accounted for.
    pub(super) fn account(&mut self, file: &File, hash: blake3::Hash) {
        let seen: Seen = seen(file);
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen) });
    }
}

fn full_disk(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}
