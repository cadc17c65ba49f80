//! What is said of a session in a word or two: of its imports, its copies, its verifications, the work on it.

use crate::clock::Timestamp;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::session::view::{CopyState, CopyView, Imported, SessionRow, Verified};
use crate::work::view as work;

/// What is worked on now of this session, if anything.
pub fn live<'a>(row: &SessionRow, world: &'a World) -> Option<&'a work::Part> {
    // Where there are several stores a key alone does not say whose session it is.
    if world.shown.stores.len() > 1 && row.busy.is_none() {
        return None;
    }
    let key = row.key.to_string();
    let running = world.shown.jobs.iter().filter(|job| !job.state.ended());
    running.filter_map(|job| job.part.as_ref()).find(|part| part.key == key)
}

/// Percent of a part, never 100: then it is over.
pub fn percent(part: &work::Part) -> u64 {
    part.done.saturating_mul(100).checked_div(part.total).unwrap_or(0).min(99)
}

/// `copying… 61 %`.
pub fn progress(now: &work::Part) -> Part {
    part(Meaning::Info, format!("{}… {} %", now.step, percent(now)))
}

/// How a session stands, as the sign before its day.
pub fn sign(row: &SessionRow, glyphs: &Glyphs) -> Part {
    if row.busy.is_some() {
        part(Meaning::Info, glyphs.running)
    } else if row.wrong.is_some() {
        part(Meaning::Bad, glyphs.bad)
    } else if row.safe {
        part(Meaning::Good, glyphs.good)
    } else {
        part(Meaning::Dim, glyphs.waiting)
    }
}

/// Whether it was imported.
pub fn imported(imported: &Imported, glyphs: &Glyphs) -> Part {
    match imported {
        Imported::Yes => part(Meaning::Good, glyphs.good),
        Imported::No { short, .. } => part(Meaning::Warn, format!("{} {short}", glyphs.bad)),
        Imported::Unknown { .. } => part(Meaning::Unknown, format!("{} unknown", glyphs.unknown)),
        Imported::NotAsked => dim(glyphs.none),
    }
}

/// What is there of one copy.
pub fn copy(state: &CopyState, glyphs: &Glyphs) -> Part {
    match state {
        CopyState::Same => part(Meaning::Good, glyphs.good),
        CopyState::Alone => part(Meaning::Warn, format!("{} alone", glyphs.warn)),
        CopyState::None => part(Meaning::Warn, format!("{} none", glyphs.bad)),
        CopyState::Differs => part(Meaning::Bad, format!("{} differs", glyphs.bad)),
        CopyState::Unknown { why } => part(Meaning::Unknown, format!("{} {why}", glyphs.unknown)),
    }
}

/// Which of several copies is spoken of: the one that needs an eye most.
const fn rank(state: &CopyState) -> u8 {
    match state {
        CopyState::Differs => 0,
        CopyState::None => 1,
        CopyState::Unknown { .. } => 2,
        CopyState::Alone => 3,
        CopyState::Same => 4,
    }
}

/// What is there of all copies: of one its state, of several also how many are well.
pub fn backup(copies: &[CopyView], glyphs: &Glyphs) -> Part {
    let Some(worst) = copies.iter().min_by_key(|copy| rank(&copy.state)) else { return dim(glyphs.none) };
    let one = copy(&worst.state, glyphs);
    if copies.len() == 1 {
        return one;
    }
    let well = copies.iter().filter(|copy| matches!(copy.state, CopyState::Same | CopyState::Alone)).count();
    let sign: String = one.text.chars().take(1).collect();
    part(one.meaning, format!("{sign} {well} of {}", copies.len()))
}

/// Whether a verification still speaks of what lies on both sides now.
pub fn holds(verified: &Verified, row: &SessionRow, copy: &CopyView) -> bool {
    let copy_same = copy.facts.is_none_or(|facts| facts.state == verified.copy);
    let source_same = row.source.is_none_or(|facts| verified.source == Some(facts.state));
    copy_same && source_same
}

/// The verification of one copy: `✓ content 3 h ago`.
pub fn verified(row: &SessionRow, copy: &CopyView, now: Timestamp, glyphs: &Glyphs) -> Part {
    let Some(verified) = &copy.verified else { return dim(glyphs.none) };
    if !verified.ok {
        let verb = if verified.problems == 1 { "differs" } else { "differ" };
        return part(Meaning::Bad, format!("{} {} {verb}", glyphs.bad, verified.problems));
    }
    let text = format!("{} {}", verified.level.word(), format::ago(verified.at, now));
    if holds(verified, row, copy) {
        part(Meaning::Good, format!("{} {text}", glyphs.good))
    } else {
        part(Meaning::Warn, format!("{} {text}", glyphs.warn))
    }
}

/// The verification that is spoken of: one that failed, else one that is missing or the oldest.
pub fn verified_of_all(row: &SessionRow, now: Timestamp, glyphs: &Glyphs) -> Part {
    let worst = row.copies.iter().min_by_key(|copy| {
        let failed = copy.verified.as_ref().is_some_and(|verified| !verified.ok);
        (!failed, copy.verified.as_ref().map(|verified| verified.at))
    });
    worst.map_or_else(|| dim(glyphs.none), |copy| verified(row, copy, now, glyphs))
}

/// A reason without its remedy, which the page of the session has.
fn short(reason: &str) -> String {
    reason.split_once("; ").map_or(reason, |(what, _remedy)| what).to_owned()
}

/// Why it is not safe, in one line: the work on it, what is wrong, else the first reason and how many there are besides.
pub fn why_not(row: &SessionRow, world: &World) -> Vec<Part> {
    if let Some(busy) = &row.busy {
        return vec![part(Meaning::Info, busy.clone())];
    }
    if let Some(now) = live(row, world) {
        return vec![progress(now)];
    }
    let mut reasons = row.why_not.iter();
    let mut parts = match (&row.wrong, reasons.next()) {
        (Some(wrong), _) => vec![part(Meaning::Bad, wrong.clone())],
        (None, Some(reason)) => vec![plain(short(reason))],
        (None, None) => Vec::new(),
    };
    let more = reasons.len();
    if more > 0 {
        parts.push(dim(format!(" +{more}")));
    }
    parts
}
