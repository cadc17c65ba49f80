//! Whether a session may be deleted from this computer, and every reason why not. Pure: knows no disk and no clock.
//!
//! Safe is what nothing speaks against; whatever is not known speaks against it. The rules are asked for each row of the
//! table from what is stored, and by a deletion again from what was looked up for it, just before.

use std::time::Duration;

use super::listing::{Facts, Odd};
use super::report::Different;
use super::view::{CopyState, CopyView, Imported, Level, SideState, Verified};
use crate::clock::Timestamp;

mod words;

/// What is known of one session.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Whether the disk on which it was recorded can be trusted.
    pub side: &'a SideState,
    /// What lies there.
    pub source: Option<&'a Facts>,
    /// The odd things among it, where they are known by name; their number is in the facts.
    pub odd: &'a [Odd],
    /// One for each declared destination.
    pub copies: &'a [Copy<'a>],
    /// What the database says.
    pub imported: &'a Imported,
    /// What goes on with it, in words: "being copied", "being deleted by ana on desk".
    pub busy: &'a [String],
    /// How long it must have been quiet.
    pub settle: Duration,
    /// Now.
    pub now: Timestamp,
}

/// One of its copies.
#[derive(Debug, Clone, Copy)]
pub struct Copy<'a> {
    /// Name of the destination.
    pub name: &'a str,
    /// Whether the destination can be trusted.
    pub state: &'a SideState,
    /// What is there, and its last verification.
    pub view: &'a CopyView,
    /// Files that are not the same, where they are known by name.
    pub differs: &'a [Different],
}

/// One reason not to delete. Its text says what is wrong and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// Something goes on with it.
    Busy(&'a str),
    /// The disk on which it was recorded is in trouble, or was not looked at yet.
    Disk(&'a SideState),
    /// Nothing lies there.
    Gone,
    /// A folder without files.
    Empty,
    /// Something that no copy can hold.
    Odd(&'a Odd),
    /// So many such things, not known by name.
    OddOnes(u32),
    /// Written to a moment ago.
    Recent {
        /// How long ago.
        ago: Duration,
        /// How long it must be.
        settle: Duration,
    },
    /// Its files carry times that lie so far ahead of the clock.
    Ahead(Duration),
    /// Nobody knows when it was written to.
    Timeless,
    /// There is nowhere for a copy.
    NoDestination,
    /// Something is wrong with the copy at this destination.
    Copy(&'a str, Wrong<'a>),
    /// The database knows of something missing; `line` says what.
    NotImported {
        /// In a few words.
        short: &'a str,
        /// One of the things missing.
        line: Option<&'a str>,
    },
    /// The database did not say.
    ImportUnknown(&'a str),
    /// Nobody can be asked.
    NotAsked,
}

/// What may be wrong with a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// The destination is in trouble, or was not looked at yet.
    Destination(&'a SideState),
    /// The copy could not be looked at.
    Unknown(&'a str),
    /// Nothing is there.
    None,
    /// Names or sizes differ.
    Differs,
    /// This file differs.
    File(&'a Different),
    /// Never verified.
    Unverified,
    /// Verified, but not by content.
    Level(Level),
    /// The last verification found so many problems.
    Problems(u32),
    /// The bytes that were compared may never have been on the destination's storage.
    Cached,
    /// Verified when the source was not at hand.
    WithoutSource,
    /// Verified, and then the source changed: so much later, where that is known.
    SourceChanged(Option<Duration>),
    /// Verified, and then the copy changed.
    CopyChanged(Option<Duration>),
    /// Verified at a time that is still to come.
    VerifiedAhead(Duration),
    /// The copy carries times that lie so far ahead of the clock.
    Ahead(Duration),
}

/// Every reason why it may not be deleted, the nearest one first; none: it is safe.
pub fn reasons<'a>(case: &Case<'a>) -> Vec<Reason<'a>> {
    let mut found = Vec::new();
    judge(case, &mut |reason| found.push(reason));
    found
}

/// Whether nothing speaks against it; as [`reasons`], without listing them.
pub fn safe(case: &Case<'_>) -> bool {
    let mut safe = true;
    judge(case, &mut |_reason| safe = false);
    safe
}

/// The texts of [`reasons`].
pub fn why_not(case: &Case<'_>) -> Vec<String> {
    reasons(case).iter().map(ToString::to_string).collect()
}

/// Whether nothing speaks against the copy by itself: whole, and verified by content since either side changed.
pub fn proven(source: &Facts, view: &CopyView, now: Timestamp) -> bool {
    let mut proven = source.odd == 0;
    let one = Copy { name: "", state: &SideState::Ready, view, differs: &[] };
    copy(&one, Some(source), now, &mut |_wrong| proven = false);
    proven
}

/// Whether a side still is as it was found by a verification that ended then.
pub fn holds(at: Timestamp, state: [u8; 16], side: &Facts) -> bool {
    as_verified(at, state, side).is_ok()
}

fn judge<'a>(case: &Case<'a>, say: &mut impl FnMut(Reason<'a>)) {
    for words in case.busy {
        say(Reason::Busy(words));
    }
    if !case.side.ready() {
        say(Reason::Disk(case.side));
    }
    match case.source {
        Some(facts) => source(case, facts, say),
        // There is nothing to delete, and nothing to compare the copies with.
        None if case.side.ready() => return say(Reason::Gone),
        // What lies on a disk that cannot be trusted is not known.
        None => {}
    }
    if case.copies.is_empty() {
        say(Reason::NoDestination);
    }
    for one in case.copies {
        copy(one, case.source, case.now, &mut |wrong| say(Reason::Copy(one.name, wrong)));
    }
    match case.imported {
        Imported::Yes => {}
        Imported::No { short, why } if why.is_empty() => say(Reason::NotImported { short, line: None }),
        Imported::No { short, why } => why.iter().for_each(|line| say(Reason::NotImported { short, line: Some(line) })),
        Imported::Unknown { why } => say(Reason::ImportUnknown(why)),
        Imported::NotAsked => say(Reason::NotAsked),
    }
}

fn source<'a>(case: &Case<'a>, facts: &Facts, say: &mut impl FnMut(Reason<'a>)) {
    if facts.files == 0 {
        say(Reason::Empty);
    }
    case.odd.iter().for_each(|odd| say(Reason::Odd(odd)));
    if case.odd.is_empty() && facts.odd > 0 {
        say(Reason::OddOnes(facts.odd));
    }
    match facts.changed {
        None => say(Reason::Timeless),
        Some(changed) => match since(changed, case.now) {
            Err(ahead) => say(Reason::Ahead(ahead)),
            Ok(ago) if ago < case.settle => say(Reason::Recent { ago, settle: case.settle }),
            Ok(_quiet) => {}
        },
    }
}

fn copy<'a>(copy: &Copy<'a>, source: Option<&Facts>, now: Timestamp, say: &mut impl FnMut(Wrong<'a>)) {
    if !copy.state.ready() {
        // Whatever is remembered of a copy there proves nothing now.
        return say(Wrong::Destination(copy.state));
    }
    if let CopyState::Unknown { why } = &copy.view.state {
        return say(Wrong::Unknown(why));
    }
    // That there is nothing to compare it with was said.
    let Some(source) = source else { return };
    match (&copy.view.state, &copy.view.facts) {
        (CopyState::None, _) | (_, None) => return say(Wrong::None),
        (CopyState::Same, Some(facts)) if alike(source, facts) => {
            copy.differs.iter().for_each(|different| say(Wrong::File(different)));
        }
        _ if copy.differs.is_empty() => say(Wrong::Differs),
        _ => copy.differs.iter().for_each(|different| say(Wrong::File(different))),
    }
    let Some(facts) = &copy.view.facts else { return };
    if let Some(ahead) = facts.changed.and_then(|changed| since(changed, now).err()) {
        say(Wrong::Ahead(ahead));
    }
    match &copy.view.verified {
        None => say(Wrong::Unverified),
        Some(verified) => verification(verified, source, facts, now, say),
    }
}

/// The same names and sizes, counted twice over.
fn alike(source: &Facts, copy: &Facts) -> bool {
    (source.digest, source.files, source.bytes) == (copy.digest, copy.files, copy.bytes)
}

fn verification<'a>(
    verified: &Verified,
    source: &Facts,
    copy: &Facts,
    now: Timestamp,
    say: &mut impl FnMut(Wrong<'a>),
) {
    if !verified.ok {
        say(Wrong::Problems(verified.problems));
    }
    if verified.level != Level::Content {
        return say(Wrong::Level(verified.level));
    }
    if !verified.from_storage {
        say(Wrong::Cached);
    }
    if let Err(ahead) = since(verified.at, now) {
        say(Wrong::VerifiedAhead(ahead));
    }
    match verified.source {
        None => say(Wrong::WithoutSource),
        Some(state) => {
            if let Err(later) = as_verified(verified.at, state, source) {
                say(Wrong::SourceChanged(later));
            }
        }
    }
    if let Err(later) = as_verified(verified.at, verified.copy, copy) {
        say(Wrong::CopyChanged(later));
    }
}

/// A side is what was verified; otherwise how much later it changed, where its times tell.
fn as_verified(at: Timestamp, state: [u8; 16], side: &Facts) -> Result<(), Option<Duration>> {
    // A change at the very moment of the verification may have come after it.
    let before = side.changed.is_some_and(|changed| changed < at);
    if before && state == side.state {
        return Ok(());
    }
    Err(side.changed.and_then(|changed| since(at, changed).ok()).filter(|later| !later.is_zero()))
}

/// How long after `then` it is `now`; otherwise how long before.
fn since(then: Timestamp, now: Timestamp) -> Result<Duration, Duration> {
    Duration::try_from(now.duration_since(then)).map_err(|_negative| now.duration_since(then).unsigned_abs())
}

#[cfg(test)]
mod tests;
