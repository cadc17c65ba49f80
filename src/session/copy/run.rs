//! One copy from its beginning to its end, in rounds: what is not accounted for yet is copied, made durable and read
//! back, then the source is listed again; a round that finds nothing to do is the last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::account::Todo;
use super::stage::{self, Stage};
use super::target::{self, Target};
use super::{Copied, CopyError, Order, ReadBack, publish, room};
use crate::session::beneath::{self, Kind};
use crate::session::hold::{Hold, HoldError};
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::{Manifest, Sum};
use crate::session::report::Different;
use crate::session::root::{Held, RootError};
use crate::session::stream::{Hand, Origin, seen};
use crate::session::tree::{self, plain};
use crate::session::tries::Tries;
use crate::session::verify;
use crate::work::progress::Event;

/// A source that has something new after so many rounds is still being written.
const ROUNDS: u32 = 12;
/// What is said of a file when all of the share is gone.
pub(super) const GONE: [Errno; 8] = [
    Errno::STALE,
    Errno::NOTCONN,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::SHUTDOWN,
    Errno::CONNABORTED,
    Errno::CONNRESET,
    Errno::NODEV,
];

pub(super) struct Run<'a> {
    pub(super) order: &'a Order<'a>,
    pub(super) hand: Hand<'a>,
    pub(super) source: OwnedFd,
    pub(super) held: Held,
    pub(super) kind: Kind,
    /// Files are made durable one by one.
    pub(super) each: bool,
    pub(super) listing: Arc<Listing>,
    pub(super) target: Option<Arc<Target>>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) stage: Option<Stage>,
    /// Nobody else copies it there, once something is to be written.
    hold: Option<Hold>,
    /// Files that are accounted for: they lie whole in the copy or in the staging folder.
    pub(super) sums: BTreeMap<PathBuf, Sum>,
    /// Of them, those in the staging folder.
    pub(super) staged: BTreeSet<PathBuf>,
    /// What lies in the staging folder and must never be published: torn, corrupt, vanished from the source.
    pub(super) litter: BTreeSet<PathBuf>,
    /// Of those that are staged, the ones that must be read back.
    pub(super) unproven: BTreeSet<PathBuf>,
    /// Files that were read back and are right.
    pub(super) proven: BTreeSet<PathBuf>,
    pub(super) origin: Option<Origin>,
    /// Files of the copy that are not what they should be.
    pub(super) suspect: BTreeSet<PathBuf>,
    /// Files of the copy whose content is right but not their time or mode.
    pub(super) touch: BTreeSet<PathBuf>,
    pub(super) tries: HashMap<PathBuf, Tries>,
    pub(super) failed: BTreeMap<PathBuf, String>,
    /// The destination has no hard links.
    pub(super) unlinked: bool,
    /// Something was given its place.
    pub(super) published: bool,
    /// The manifest as it lies in the staging folder.
    pub(super) rendered: Option<(Vec<u8>, Vec<u8>)>,
    total: u64,
    pub(super) report: Copied,
}

impl<'a> Run<'a> {
    pub(super) fn new(order: &'a Order<'a>) -> Result<Self, CopyError> {
        let source = tree::open(order.source)?;
        let listing = Arc::new(tree::list_in(&source, order.source, order.exclude)?);
        let held = order.root.open()?;
        let kind = verify::kind(&held.folder);
        let (target, manifest) = target::look(order, &held)?;
        if target.as_ref().is_some_and(|target| target.listing.same_folder(&listing)) {
            // Compared with itself it would be found to be right.
            return Err(RootError::Itself(order.root.path.join(order.relative)).into());
        }
        Ok(Self {
            order,
            hand: Hand::new(order.steer, order.throttle),
            source,
            held,
            kind,
            each: kind == Kind::Other,
            listing,
            target: target.map(Arc::new),
            manifest: Arc::new(manifest),
            stage: None,
            hold: None,
            sums: BTreeMap::new(),
            staged: BTreeSet::new(),
            litter: BTreeSet::new(),
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
        let outcome = self.work();
        match (&outcome, self.stage.take()) {
            // Others need the room now; this session is copied again when there is some.
            (Err(CopyError::Full { .. }), Some(_)) => {
                let _left = beneath::remove(&self.held.folder, &stage::path(self.order));
            }
            // What is not written down is copied again: no reason to fail.
            (_, Some(stage)) => {
                let _lost = stage.flush();
            }
            (_, None) => {}
        }
        outcome?;
        self.outcome()
    }

    fn work(&mut self) -> Result<(), CopyError> {
        if self.rounds()? {
            // Whoever waited for this may have given it up, and something else may have begun.
            self.unless_cancelled()?;
            self.held.still(self.order.root)?;
            publish::publish(self)?;
            self.held.still(self.order.root)?;
        }
        Ok(())
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
            if todo.is_empty() && self.unproven.is_empty() {
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
            self.order.steer.note("comparing");
            super::check::check(self, &todo.check)?;
        }
        if !todo.copy.is_empty() || !todo.link.is_empty() {
            self.carry(&todo.copy, listing)?;
            self.link(&todo.link);
        }
        publish::write_manifest(self, false)?;
        self.durable(&todo.copy)?;
        self.read_back(listing)
    }

    pub(super) fn expect(&mut self, bytes: u64) {
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
        if self.hold.is_none() {
            self.hold = match Hold::take(&self.held.folder, self.order.key) {
                Ok(hold) => Some(hold),
                Err(HoldError::Held(why)) => return Err(CopyError::Held(why)),
                Err(HoldError::Io(error)) => return Err(self.trouble("write down who copies", &error)),
            };
        }
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
            _ => CopyError::Destination { what, path, why: gone(error) },
        }
    }

    pub(super) fn unless_cancelled(&self) -> Result<(), CopyError> {
        if self.hand.go_on() { Ok(()) } else { Err(CopyError::Cancelled) }
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
}

/// An error's words; where the whole destination is gone, with what to do.
fn gone(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(errno) if GONE.contains(&errno) => {
            format!("{}; see whether its disk or server is well, mount it again, then repeat", plain(error))
        }
        _ => plain(error),
    }
}
