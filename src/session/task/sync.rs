//! Copies sessions to every destination, and verifies each copy by content before it counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Cancelled, Site, harms, listed, trouble};
use crate::clock::Timestamp;
use crate::fleet::data::Destination;
use crate::reach::mounts::{Mount, Mounts};
use crate::session::batch::Batch;
use crate::session::copy::Copied;
use crate::session::key::Key;
use crate::session::report::{SyncReport, SyncResult, Synced};
use crate::session::safety;
use crate::session::side::Undone;
use crate::session::view::{CopyState, SessionRow, SideState};

/// How many sessions are copied at once to a mounted folder: while one is made durable the next one is read, and a share
/// makes the names of several in one time.
pub fn at_once(folder: &Path) -> usize {
    let mounts = Mounts::read().ok();
    if mounts.as_ref().and_then(|mounts| mounts.holding(folder)).is_some_and(Mount::is_far) { 8 } else { 4 }
}

/// Copies these sessions; with `dry_run` only says what would be copied.
pub fn sync(site: &Site<'_>, keys: &[Key], dry_run: bool) -> Result<SyncReport, Cancelled> {
    let destinations = site.destinations();
    // What is written is read back: each byte counts twice.
    let each = if dry_run { 0 } else { 2 * destinations as u64 };
    let batch = Batch::new(site.steer, keys.len() * destinations, site.bytes(keys) * each);
    let work = Work { site, keys, dry_run, batch, next: AtomicUsize::new(0), lines: Mutex::default() };
    let lanes = lanes(site).min(keys.len());
    std::thread::scope(|scope| {
        // A lane that cannot be had is done without: the first one is this thread.
        let lane = |_| std::thread::Builder::new().name("sync".into()).spawn_scoped(scope, || work.lane()).ok();
        let others: Vec<_> = (1..lanes).filter_map(lane).collect();
        let ended = work.lane();
        let others =
            others.into_iter().map(|lane| lane.join().unwrap_or_else(|broke| std::panic::resume_unwind(broke)));
        others.fold(ended, Result::and)
    })?;
    let reported = work.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(SyncReport { dry_run, sessions: reported.into_values().flatten().collect() })
}

/// Sessions at once. Destinations that are not mounted folders share one connection; where a limit is in force nothing is
/// won by several, and the first would be safe no sooner than the last.
fn lanes(site: &Site<'_>) -> usize {
    if site.shop.throttle().limit().is_some() {
        return 1;
    }
    let of = |to: &Destination| if to.bucket().is_some() || to.ssh(&[]).is_some() { 1 } else { at_once(&to.path) };
    site.shop.declared().destinations.iter().map(of).min().unwrap_or(1)
}

/// Sessions that are copied by several at once.
struct Work<'a> {
    site: &'a Site<'a>,
    keys: &'a [Key],
    dry_run: bool,
    batch: Batch<'a>,
    next: AtomicUsize,
    /// By the place of the session.
    lines: Mutex<BTreeMap<usize, Vec<Synced>>>,
}

impl Work<'_> {
    fn lane(&self) -> Result<(), Cancelled> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(key) = self.keys.get(number) else { return Ok(()) };
            let lines = self.session(key)?;
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(number, lines);
        }
    }

    /// One session to every destination.
    fn session(&self, key: &Key) -> Result<Vec<Synced>, Cancelled> {
        let (site, dry_run) = (self.site, self.dry_run);
        site.go_on()?;
        let held = if dry_run { Ok(None) } else { site.hold(key, "being copied").map(Some) };
        let mut lines = Vec::new();
        for destination in 0..site.destinations() {
            let began = site.clock.tick();
            let expected = if dry_run { 0 } else { 2 * site.size(key) };
            let step = if dry_run { "comparing" } else { "copying" };
            let piece = self.batch.piece(key.to_string(), step, expected);
            let mut line = match &held {
                Err(why) => refused(site, key, destination, why.clone()),
                Ok(_) => one(site, key, destination, dry_run, &piece)?,
            };
            line.seconds = site.clock.tick().since(began).as_secs_f64();
            lines.push(line);
        }
        drop(held);
        if !dry_run {
            site.look(key);
        }
        Ok(lines)
    }
}

/// One session to one destination.
fn one(
    site: &Site<'_>,
    key: &Key,
    destination: usize,
    dry_run: bool,
    piece: &dyn crate::work::steer::Steer,
) -> Result<Synced, Cancelled> {
    let name = site.destination(destination).map(|to| to.name.as_str()).unwrap_or_default();
    let standing = if dry_run { site.shop.destination_state(name) } else { site.shop.prepare(name) };
    let state = match standing {
        Ok(standing) => standing.state,
        Err(why) => return Ok(failed(site, key, destination, why)),
    };
    // A folder that was never there is made by the first copy.
    let unmade = dry_run && matches!(&state, SideState::Trouble { word, .. } if word == "no folder");
    if let Some(why) = trouble(&state).filter(|_| !unmade) {
        let line = if harms(&state) { refused } else { failed };
        return Ok(line(site, key, destination, why));
    }
    let Some(row) = site.look(key) else {
        return Ok(failed(site, key, destination, "nobody knows of this session".into()));
    };
    if row.source.is_none() {
        return Ok(failed(site, key, destination, "it is not on this computer".into()));
    }
    if proven(site, &row, destination) {
        let facts = row.source.unwrap_or_default();
        let line = line(site, key, destination, SyncResult::Skipped);
        return Ok(Synced { files: facts.files.into(), bytes: facts.bytes, ..line });
    }
    // What is here is not what was deleted here: its files would take the names of the only ones that are left.
    let differs = row.copies.get(destination).is_some_and(|copy| copy.state == CopyState::Differs);
    if let Some(at) = site.shop.deleted(key).filter(|_| differs) {
        return Ok(refused(site, key, destination, another(key, at)));
    }
    let nothing_there = row.copies.get(destination).is_some_and(|copy| copy.state == CopyState::None);
    if unmade || (dry_run && nothing_there) {
        let (files, bytes) = row.source.map_or((0, 0), |facts| (facts.files.into(), facts.bytes));
        let line = line(site, key, destination, SyncResult::Copied);
        return Ok(Synced { files, bytes, written: files, written_bytes: bytes, ..line });
    }
    match site.shop.copy(name, key, piece, dry_run) {
        Ok(copied) => Ok(outcome(site, key, destination, dry_run, &copied)),
        Err(Undone::Cancelled) => Err(Cancelled),
        Err(Undone::Failed(why)) => Ok(failed(site, key, destination, why)),
    }
}

fn another(key: &Key, deleted: Timestamp) -> String {
    format!(
        "{key} was deleted here on {deleted:.0}, and the copy is of that one: what lies here now is another recording, which \
         would be written over it; give its folder another name"
    )
}

/// Whether the copy is whole, was verified by content since either side changed, and has its manifest: whatever a deletion
/// says "sync it" to is not skipped.
fn proven(site: &Site<'_>, row: &SessionRow, destination: usize) -> bool {
    let (Some(source), Some(copy)) = (&row.source, row.copies.get(destination)) else { return false };
    safety::proven(source, copy, site.clock.now())
        && site.shop.has_sums(&name(site, destination), &row.key, source.files)
}

fn outcome(site: &Site<'_>, key: &Key, destination: usize, dry_run: bool, copied: &Copied) -> Synced {
    let proof = copied.proof.as_ref();
    if let Some(proof) = proof {
        site.shop.record_verified(&name(site, destination), key, &proof.verified(site.clock.now()));
    }
    let good = copied.whole() && (dry_run || proof.is_some_and(super::super::verify::Outcome::ok));
    let result = match (good, copied.written) {
        (false, _) => SyncResult::Failed,
        (true, 0) => SyncResult::Skipped,
        (true, _) => SyncResult::Copied,
    };
    Synced {
        files: copied.files,
        bytes: copied.bytes,
        written: copied.written,
        written_bytes: copied.written_bytes,
        error: (!good).then(|| wrong(copied)),
        ..line(site, key, destination, result)
    }
}

/// What is wrong with a copy, in one line.
fn wrong(copied: &Copied) -> String {
    let mut said = Vec::new();
    if !copied.failed.is_empty() {
        let named: Vec<String> = copied.failed.iter().map(|file| format!("{} ({})", file.path, file.reason)).collect();
        said.push(format!("not copied: {}", listed(&named)));
    }
    if !copied.odd.is_empty() {
        let named: Vec<String> = copied.odd.iter().map(|odd| format!("{} ({})", odd.path, odd.what)).collect();
        said.push(format!("left out by rule: {}", listed(&named)));
    }
    if let Some(proof) = &copied.proof {
        let different: Vec<String> =
            proof.different.iter().map(|file| format!("{} ({})", file.path, file.reason)).collect();
        let kinds = [("missing", &proof.missing), ("different", &different), ("only in the copy", &proof.extra)];
        for (kind, paths) in kinds.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            said.push(format!("{kind}: {}", listed(paths)));
        }
    } else if said.is_empty() {
        said.push("the copy could not be read back".into());
    }
    said.join("; ")
}

/// Nothing was written, because something speaks against it.
fn refused(site: &Site<'_>, key: &Key, destination: usize, why: String) -> Synced {
    Synced { refused: true, ..failed(site, key, destination, why) }
}

fn failed(site: &Site<'_>, key: &Key, destination: usize, why: String) -> Synced {
    Synced { error: Some(why), ..line(site, key, destination, SyncResult::Failed) }
}

fn name(site: &Site<'_>, destination: usize) -> String {
    site.destination(destination).map(|to| to.name.clone()).unwrap_or_default()
}

fn line(site: &Site<'_>, key: &Key, destination: usize, result: SyncResult) -> Synced {
    Synced {
        key: key.clone(),
        destination: name(site, destination),
        result,
        files: 0,
        bytes: 0,
        written: 0,
        written_bytes: 0,
        seconds: 0.0,
        error: None,
        refused: false,
    }
}
