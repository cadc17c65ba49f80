//! What is said of dumps in few words: states, how old the last good kit is, when a restore was last practised.

use super::words::{Said, said as word_of};
use crate::clock::Timestamp;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::dump::report::MadeResult;
use crate::dump::view::{DumpState, DumpView};
use crate::engine::snapshot::Snapshot;

/// Columns of an age.
pub(super) const AGE: usize = 7;
/// A restore that was practised longer ago than this, seconds, is to be practised again.
const DRILL_AGAIN: i64 = 30 * 86_400;

/// How a dump does.
pub const fn said(dump: &DumpView, glyphs: &Glyphs) -> Said {
    let state = dump.state;
    match state {
        DumpState::Starting => word_of(Meaning::Dim, glyphs.waiting, state.word()),
        DumpState::Good => word_of(Meaning::Good, glyphs.up, state.word()),
        DumpState::Dumping => word_of(Meaning::Info, glyphs.running, state.word()),
        DumpState::Ejected => word_of(Meaning::Info, glyphs.ended, state.word()),
        DumpState::Elsewhere => word_of(Meaning::Dim, glyphs.into, state.word()),
        DumpState::Late => word_of(Meaning::Bad, glyphs.warn, state.word()),
        DumpState::ServerAway => word_of(Meaning::Warn, glyphs.degraded, state.word()),
        DumpState::Failing | DumpState::MediumAway => word_of(Meaning::Bad, glyphs.bad, state.word()),
    }
}

/// What floats to the top, among the feeds.
pub const fn rank(dump: &DumpView) -> u8 {
    match dump.state {
        DumpState::MediumAway | DumpState::Failing => 0,
        DumpState::ServerAway => 2,
        DumpState::Late => 3,
        DumpState::Ejected => 5,
        DumpState::Starting => 6,
        DumpState::Good | DumpState::Dumping => 7,
        DumpState::Elsewhere => 8,
    }
}

/// How old, in one unit: it changes each minute at most.
fn old(then: Timestamp, now: Timestamp) -> String {
    match format::coarse(then, now) {
        span if span == "now" => "< 1 min".into(),
        span => span,
    }
}

/// How old the last good kit is; `None`: there is none.
pub(super) fn age(dump: &DumpView, now: Timestamp) -> Option<String> {
    dump.good.map(|good| old(good, now))
}

/// The same in seconds, for sorting; what has no kit is the oldest.
pub(super) fn seconds(dump: &DumpView, now: Timestamp) -> f64 {
    dump.good.map_or(f64::MAX, |good| now.duration_since(good).as_secs_f64())
}

/// How many databases are not in the last kit as the server has them.
pub(super) fn behind(dump: &DumpView) -> Option<Part> {
    if dump.databases.is_empty() {
        return None;
    }
    let failed = dump.databases.iter().filter(|database| database.result == MadeResult::Failed).count();
    Some(match failed {
        0 => plain("0"),
        failed => part(Meaning::Bad, format!("{failed} of {}", dump.databases.len())),
    })
}

/// What came of the last round: `5 databases, 3 unchanged, to /media/usb`.
pub(super) fn note(dump: &DumpView) -> String {
    if dump.databases.is_empty() {
        return format!("to {}", dump.to);
    }
    let count = |result| dump.databases.iter().filter(|database| database.result == result).count();
    let unchanged = count(MadeResult::Unchanged);
    let same = match (unchanged, dump.databases.len()) {
        (0, _) => String::new(),
        (unchanged, all) if unchanged == all => ", none changed".into(),
        (unchanged, _) => format!(", {unchanged} unchanged"),
    };
    format!("{}{same}, to {}", format::several(dump.databases.len(), "database"), dump.to)
}

/// The last good kit and its age, in words: `kit < 1 min old`.
pub fn kit(dump: &DumpView, now: Timestamp) -> String {
    match dump.good {
        Some(good) => format!("kit {} old", old(good, now)),
        None if dump.state == DumpState::Starting => "not looked at yet".into(),
        None => "no good kit".into(),
    }
}

/// When a restore was last practised, in words: `drilled 6 d ago in 41 s`.
pub fn drilled(dump: &DumpView, now: Timestamp) -> String {
    match &dump.drill {
        None => "never restored for practice".into(),
        Some(drill) if drill.ok => {
            format!("restore drilled {} in {:.0} s", format::ago(drill.at, now), drill.seconds.max(1.0))
        }
        Some(drill) => format!("restore drill failed {}", format::ago(drill.at, now)),
    }
}

/// When a restore was last practised of the dump for which that is longest ago, and how long it took; `None`: no dump.
pub(super) fn practised(snapshot: &Snapshot, now: Timestamp) -> Option<Part> {
    let drills: Option<Vec<_>> = snapshot.dumps.iter().map(|dump| dump.drill.as_ref()).collect();
    match drills {
        Some(drills) => drills.into_iter().filter(|drill| drill.ok).min_by_key(|drill| drill.at).map(|drill| {
            let age = old(drill.at, now);
            dim(if drill.seconds < 10.0 {
                format!("drill {:.1} s, {age} ago", drill.seconds)
            } else {
                format!("drill {:.0} s, {age} ago", drill.seconds)
            })
        }),
        None => Some(part(Meaning::Warn, "never restored for practice")),
    }
}

/// What will go wrong with a dump.
pub fn warnings(dump: &DumpView) -> impl Iterator<Item = String> {
    let failed = dump.drill.as_ref().filter(|drill| !drill.ok);
    let failed = failed.map(|drill| format!("the last drill of a restore failed: {}", drill.said));
    dump.warnings.iter().cloned().chain(failed)
}

/// Whether it is time to practise a restore.
pub fn drill_due(dump: &DumpView, now: Timestamp) -> bool {
    let age = |at: Timestamp| now.as_second().saturating_sub(at.as_second());
    dump.drill.as_ref().is_none_or(|drill| age(drill.at) > DRILL_AGAIN)
}

/// How old the oldest of the last kits of all dumps is, where all are well.
pub(super) fn kits(snapshot: &Snapshot, now: Timestamp) -> Option<Part> {
    let mut good: Vec<Timestamp> = Vec::new();
    for dump in snapshot.dumps.iter().filter(|dump| dump.well()) {
        match dump.state {
            DumpState::Ejected => return Some(part(Meaning::Info, "medium may be taken out")),
            _ => good.extend(dump.good),
        }
    }
    let oldest = good.iter().min()?;
    let kits = if snapshot.dumps.len() > 1 { "kits" } else { "kit" };
    Some(plain(format!("{kits} {} old", old(*oldest, now))))
}
