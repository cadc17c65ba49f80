//! One look at all sides, and what is approved by it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::inside::Inside;
use super::note::List;
use super::place::Place;
use super::proof::{self, Content};
use super::{Order, Seen, copies};
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::listing::{Facts, Listing, shown};
use crate::session::report::Proof;
use crate::session::safety::{self, Case};
use crate::session::tree;
use crate::session::view::{CopyState, CopyView, SideState};

/// The most files that a reason names.
pub(super) const NAMED: usize = 10;

/// A session that was approved for deletion, with the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Which session.
    pub key: Key,
    /// Its folder below the source.
    pub folder: PathBuf,
    /// What lies in it.
    pub listing: Listing,
    /// The sum of each file, as the manifests of its copies have it.
    pub sums: BTreeMap<PathBuf, blake3::Hash>,
    /// Where it remains: name and folder of each destination.
    pub remains: Vec<String>,
    /// What it rests on, each with the time of the look.
    pub proofs: Vec<Proof>,
}

/// A file of an approved session, for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedFile {
    /// Path below the session's folder, as [`shown`].
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 in hexadecimal digits.
    pub blake3: String,
}

impl Approved {
    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.listing.files.iter().map(|file| file.size).sum()
    }

    /// Each file with its size and sum.
    pub fn files(&self) -> Vec<ApprovedFile> {
        let sum = |path| self.sums.get(path).map(|sum| sum.to_hex().to_string()).unwrap_or_default();
        let files = self.listing.files.iter();
        files.map(|file| ApprovedFile { path: shown(&file.path), size: file.size, blake3: sum(&file.path) }).collect()
    }

    /// What may be removed.
    pub(super) fn list(&self) -> List {
        List {
            files: self.listing.files.iter().map(|file| (file.path.clone(), (file.size, file.modified))).collect(),
            folders: self.listing.folders.iter().map(|(path, ..)| path.clone()).collect(),
            excluded: self.listing.excluded.iter().cloned().collect(),
        }
    }

    /// Why another look at the same session approves something else.
    pub(super) fn changes(&self, again: &Self) -> Vec<String> {
        let mut reasons = self.differs_from(&again.listing);
        if reasons.is_empty() && self.sums != again.sums {
            reasons.push("the manifests of its copies changed while it was looked at; try again".into());
        }
        reasons
    }

    /// What is no longer as it was approved.
    pub(super) fn differs_from(&self, now: &Listing) -> Vec<String> {
        if self.listing == *now {
            return Vec::new();
        }
        let then: BTreeMap<_, _> = self.listing.files.iter().map(|file| (&file.path, file)).collect();
        let mut reasons: Vec<String> = now
            .files
            .iter()
            .filter_map(|file| match then.get(&file.path) {
                Some(before) if *before == file => None,
                Some(_) => Some(format!("{} was written to a moment ago; wait", shown(&file.path))),
                None => Some(format!("{} appeared a moment ago; wait", shown(&file.path))),
            })
            .take(NAMED)
            .collect();
        if reasons.is_empty() {
            reasons.push("the session's folder changed a moment ago; wait".into());
        }
        reasons
    }
}

/// The reasons that can be had without touching a disk that may never answer.
pub(super) fn reasons_without(order: &Order<'_>, side: &SideState) -> Vec<String> {
    let case = Case {
        side,
        source: None,
        odd: &[],
        copies: &[],
        imported: &order.witness.imported(),
        busy: &order.witness.busy(),
        settle: order.settle,
        now: order.clock.now(),
    };
    let told = |reason: &safety::Reason<'_>| !matches!(reason, safety::Reason::NoDestination);
    safety::reasons(&case).iter().filter(|reason| told(reason)).map(ToString::to_string).collect()
}

/// Lists the session's folder, wherever it lies by now.
pub(super) fn list(order: &Order<'_>, place: &Place) -> Result<Listing, String> {
    let shown = order.source.join(order.folder);
    let listed = tree::list_in(&place.session, &shown, &|path| order.witness.excluded(path));
    listed.map_err(|error| error.to_string())
}

/// What a look found where nothing speaks against the deletion.
pub(super) struct Look {
    pub(super) approved: Approved,
    pub(super) inside: Inside,
    /// The copies that it counts on.
    pub(super) copies: Vec<Seen>,
}

/// Looks at all sides now and judges. `held`: somebody else works on it.
pub(super) fn look(order: &Order<'_>, place: &Place, held: Option<String>) -> Result<Look, Vec<String>> {
    let mut busy = order.witness.busy();
    busy.extend(held);
    let imported = order.witness.imported();
    let copies = order.witness.copies();
    // What is on this disk is looked at last: the others may have taken their time.
    let side = order.witness.source();
    let listing = list(order, place).map_err(|why| vec![why])?;
    let facts = listing.facts(|_| false);
    let now = order.clock.now();
    let views: Vec<CopyView> = copies.iter().map(|seen| view(seen, &facts)).collect();
    let differs: Vec<_> = copies.iter().map(|seen| proof::differences(&listing, seen, NAMED)).collect();
    let judged: Vec<safety::Copy<'_>> = copies
        .iter()
        .zip(&views)
        .zip(&differs)
        .map(|((seen, view), differs)| safety::Copy { name: &seen.name, state: &seen.state, view, differs })
        .collect();
    let case = Case {
        side: &side,
        source: Some(&facts),
        odd: &listing.odd,
        copies: &judged,
        imported: &imported,
        busy: &busy,
        settle: order.settle,
        now,
    };
    let mut reasons = safety::why_not(&case);
    reasons.extend(copies.iter().filter_map(|seen| copies::itself(&listing, seen)));
    reasons.extend(copies::twice(&copies));
    let inside = match Inside::look(&place.session, &listing) {
        Ok(inside) => inside,
        Err(error) => {
            reasons.push(format!("it changed while it was looked at ({}); wait", tree::plain(&error)));
            return Err(reasons);
        }
    };
    reasons.extend(inside.locked());
    reasons.extend(inside.unused(order.clock).err().unwrap_or_default());
    let mut content = Content::new(place, &listing, order.steer);
    for seen in copies.iter().filter(|seen| seen.state.ready()) {
        // Reading files takes its time: only where nothing else speaks against it already.
        reasons.extend(content.proven(seen, reasons.is_empty()));
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let remains = copies.iter().map(|seen| format!("{}: {}", seen.name, seen.folder)).collect();
    let (key, folder) = (order.key.clone(), order.folder.to_owned());
    let proofs = proofs(&copies, &facts, now);
    let approved = Approved { key, folder, sums: content.sums, listing, remains, proofs };
    Ok(Look { approved, inside, copies })
}

/// What was found to hold at this moment.
fn proofs(copies: &[Seen], source: &Facts, now: Timestamp) -> Vec<Proof> {
    let imported = Proof { what: "imported".into(), how: String::new(), at: now };
    let copies = copies.iter().filter_map(|seen| {
        let verified = seen.verified.as_ref()?;
        let read = verified.read.as_ref().map(|read| format!(", {read}")).unwrap_or_default();
        Some(Proof { what: "copy".into(), how: format!("{}{read}", verified.level.word()), at: verified.at })
    });
    let quiet = source.changed.map(|at| Proof { what: "quiet".into(), how: String::new(), at });
    std::iter::once(imported).chain(copies).chain(quiet).collect()
}

fn view(seen: &Seen, source: &Facts) -> CopyView {
    let (state, facts) = match &seen.listing {
        Err(why) => (CopyState::Unknown { why: why.clone() }, None),
        Ok(None) => (CopyState::None, None),
        Ok(Some(listing)) => {
            let facts = listing.facts(|_: &Path| false);
            let state = if facts.digest == source.digest { CopyState::Same } else { CopyState::Differs };
            (state, Some(facts))
        }
    };
    CopyView { state, facts, verified: seen.verified.clone() }
}
