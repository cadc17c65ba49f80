//! Deletes a session from this computer, and only one that is proven to be elsewhere at that moment.
//!
//! The order is the whole point. Everything is looked at afresh and judged; what is approved is written down durably;
//! everything is looked at once more; the folder goes by one rename to the trash on the same disk; there it is listed
//! again and compared with what was approved, and every copy that counted is looked at again; only then is it removed,
//! name by name. Whatever fails before the removal leaves the session where it was, and a deletion that was interrupted is
//! finished or undone by [`recover`].
//!
//! It knows neither databases nor shares: a [`Witness`] asks them.

use std::path::Path;
use std::time::Duration;

use super::key::Key;
use super::listing::Listing;
pub use super::lock::TRASH;
use super::lock::{self, Lock};
use super::manifest::Manifest;
use super::report;
use super::view::{Imported, SideState, Verified};
use crate::clock::Clock;
use crate::work::steer::Steer;

mod approve;
mod copies;
mod inside;
mod note;
mod place;
mod proof;
mod recover;
mod remove;
mod trash;

pub use approve::{Approved, ApprovedFile};
pub use recover::{Recovered, recover};

use approve::Look;
#[cfg(any(test, fuzzing))]
pub(super) use note::foreign;
use place::Place;
use trash::{Entry, Trash};

/// Typed to delete one session.
pub const ONE: &str = "DELETE";
/// Typed to delete several.
pub const SEVERAL: &str = "DELETE ALL";

/// What a person must type, letter by letter, to delete so many sessions.
pub const fn phrase_for(sessions: usize) -> &'static str {
    if sessions == 1 { ONE } else { SEVERAL }
}

/// Which session is to be deleted.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// Where the store's sessions are recorded.
    pub source: &'a Path,
    /// Which session.
    pub key: &'a Key,
    /// Its folder below the source, as the layout has it.
    pub folder: &'a Path,
    /// How long it must have been quiet.
    pub settle: Duration,
    /// Change nothing, only say what would be done.
    pub dry_run: bool,
    /// The time.
    pub clock: &'a Clock,
    /// Cancels it as long as nothing was moved, and hears each step.
    pub steer: &'a dyn Steer,
    /// Asks all others.
    pub witness: &'a dyn Witness,
}

/// Asks the rest of the world about one session, each time anew; nothing here may be remembered from before. No answer
/// may take longer than its deadline: what does not answer is unknown or in trouble.
pub trait Witness {
    /// Whether the disk of the recordings can be trusted.
    fn source(&self) -> SideState;

    /// Whether the store leaves this file out of its sessions.
    fn excluded(&self, path: &Path) -> bool;

    /// What the database says.
    fn imported(&self) -> Imported;

    /// One for each declared destination.
    fn copies(&self) -> Vec<Seen>;

    /// What else goes on with it in this engine, in words: "being copied".
    fn busy(&self) -> Vec<String>;

    /// Writes down what is going to be deleted. Returns when that would survive a power cut, or says why it would not.
    fn record(&self, approved: &Approved) -> Result<(), String>;
}

/// What a witness saw of a copy.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Name of the destination.
    pub name: String,
    /// The copy's folder, as people are told where their data remains.
    pub folder: String,
    /// Whether the destination can be trusted.
    pub state: SideState,
    /// What lies there; `None`: nothing.
    pub listing: Result<Option<Listing>, String>,
    /// The sums beside it; `None`: there are none.
    pub manifest: Result<Option<Manifest>, String>,
    /// The last verification.
    pub verified: Option<Verified>,
}

/// A session that was deleted, or would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Deleted {
    /// For the report.
    pub report: report::Deleted,
    /// Bytes of disk that became free, or would.
    pub freed: u64,
    /// Files that the store excludes and that went with the rest.
    pub excluded: u64,
}

/// Deletes a session, or says every reason why not. Blocks as long as its own disk does.
///
/// [`recover`] is to be called before the first deletion of a source, so that what an earlier one left is dealt with.
pub fn delete(order: &Order<'_>) -> Result<Deleted, Vec<String>> {
    let one = |reason: String| vec![reason];
    let side = order.witness.source();
    if !side.ready() {
        // Nothing is opened on a disk that may never answer.
        return Err(approve::reasons_without(order, &side));
    }
    if order.dry_run {
        let place = Place::open(order.source, order.folder).map_err(one)?;
        let held = lock::holder(order.source, order.key);
        let Look { approved, inside, .. } = approve::look(order, &place, held)?;
        return Ok(deleted(&approved, inside.allocated, Vec::new()));
    }
    let _lock = Lock::take(order.source, order.key, "being deleted", order.clock.now())
        .map_err(|error| one(error.to_string()))?;
    let place = Place::open(order.source, order.folder).map_err(one)?;
    let approved = approve::look(order, &place, None)?.approved;
    order.steer.note("writing down what will be deleted");
    order
        .witness
        .record(&approved)
        .map_err(|why| one(format!("the journal cannot be written, and without it nothing is deleted: {why}")))?;
    let trash = Trash::open(&place.source, order.source).map_err(one)?;
    let entry = trash.intend(&approved).map_err(one)?;
    order.steer.note("looking once more");
    let again = approve::look(order, &place, None).and_then(|again| {
        let changed = approved.changes(&again.approved);
        if changed.is_empty() { Ok(again) } else { Err(changed) }
    });
    let again = match again.and_then(|again| go_on(order).map(|()| again)) {
        Ok(again) => again,
        Err(reasons) => return Err(untouched(&trash, &entry, reasons)),
    };
    if let Err(why) = trash.take(&place, &entry) {
        return Err(untouched(&trash, &entry, vec![why]));
    }
    order.steer.note("moved into the trash");
    if let Err(reasons) = last_look(order, &place, &trash, &entry, &again) {
        return Err(back(&trash, &place, &entry, &approved, reasons));
    }
    if let Err(why) = trash.approve(&entry) {
        return Err(back(&trash, &place, &entry, &approved, vec![why]));
    }
    order.steer.note("removing");
    finish(order, &trash, &place, &entry, &approved)
}

/// Nothing was moved yet.
fn go_on(order: &Order<'_>) -> Result<(), Vec<String>> {
    if order.steer.go_on() { Ok(()) } else { Err(vec!["cancelled before anything was moved".into()]) }
}

/// Compares what lies in the trash, and what lies at the destinations, with what was approved: a copy that went with the
/// session was none, and whoever wrote in the last moment is not overlooked.
fn last_look(order: &Order<'_>, place: &Place, trash: &Trash, entry: &Entry, look: &Look) -> Result<(), Vec<String>> {
    trash.settle(place, entry).map_err(|why| vec![why])?;
    let lost = copies::lost(&look.copies, &order.witness.copies());
    if !lost.is_empty() {
        return Err(lost);
    }
    // What is on this disk is looked at last: the others may have taken their time.
    look.inside.unused(order.clock)?;
    let now = approve::list(order, place).map_err(|why| vec![why])?;
    let changed = look.approved.differs_from(&now);
    if changed.is_empty() { Ok(()) } else { Err(changed) }
}

fn untouched(trash: &Trash, entry: &Entry, mut reasons: Vec<String>) -> Vec<String> {
    // A note without a folder means nothing; the next recovery takes it away.
    if let Err(why) = trash.forget(entry) {
        reasons.push(why);
    }
    reasons
}

fn back(trash: &Trash, place: &Place, entry: &Entry, approved: &Approved, mut reasons: Vec<String>) -> Vec<String> {
    if let Err(why) = trash.put_back(&place.source, entry, &approved.folder) {
        reasons.push(why);
    }
    reasons
}

/// Removes what was approved, and says what is left and where.
fn finish(
    order: &Order<'_>,
    trash: &Trash,
    place: &Place,
    entry: &Entry,
    approved: &Approved,
) -> Result<Deleted, Vec<String>> {
    let mut listed = !entry.bare;
    let mut removed = |size: u64| {
        order.steer.event(crate::work::progress::Event::Advance(size));
        // What could not be written down on a full disk can be now.
        listed = listed || trash.complete(entry, approved).is_ok();
    };
    let removal = remove::remove(&place.session, &approved.list(), &mut removed);
    let end = trash.end(&place.source, entry, &approved.folder, &removal);
    match end {
        Ok(kept) => Ok(deleted(approved, removal.freed, kept)),
        Err(why) => Err(vec![why]),
    }
}

fn deleted(approved: &Approved, freed: u64, kept: Vec<String>) -> Deleted {
    let excluded = approved.listing.excluded.len() as u64;
    let beyond = (excluded > 0).then(|| {
        let file = if excluded == 1 { "1 file".to_owned() } else { format!("{excluded} files") };
        format!("{file} that `exclude` leaves out of the copies, too")
    });
    let report = report::Deleted {
        key: approved.key.clone(),
        files: approved.listing.files.len() as u64,
        bytes: approved.bytes(),
        remains: approved.remains.clone(),
        proofs: approved.proofs.clone(),
        notes: beyond.into_iter().chain(kept).collect(),
    };
    Deleted { report, freed, excluded }
}
