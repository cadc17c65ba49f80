//! What follows for one session from what its sides say. Pure.

use std::fmt::Write;

use super::half::Half;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::listing::Facts;
use crate::session::safety::{self, Case, Copy};
use crate::session::select::Line;
use crate::session::view::{CopyState, CopyView, Imported, Level, SessionRow, SideState, Verified};

/// A database that does not know a session says so in these words.
const UNKNOWN_SESSION: &str = "unknown session";

/// One session, its sides brought together.
pub(super) struct Joined<'a> {
    stock: &'a Stock,
    source: Option<&'a Facts>,
    copies: Vec<CopyView>,
    imported: Imported,
    jobs: &'a [String],
    /// When its source will have been quiet for `settle`, where that is still to come.
    quiet: Option<Timestamp>,
    wrong: Option<String>,
    now: Timestamp,
}

/// Brings together what is known of a session; `None`: nobody knows it.
pub(super) fn join<'a>(stock: &'a Stock, key: &Key, now: Timestamp) -> Option<Joined<'a>> {
    let source = stock.source.believed(key).map(|found| &found.facts);
    let listed = stock.imported.contains_key(key);
    if source.is_none() && !listed && stock.copies.iter().all(|half| !half.found.contains_key(key)) {
        return None;
    }
    let copies = stock.copies.iter().map(|half| copy(half, source, key)).collect();
    let jobs = stock.busy.get(key).map_or(&[] as &[String], Vec::as_slice);
    let quiet = source
        .and_then(|facts| facts.changed)
        .map(|changed| changed.checked_add(stock.store.settle).unwrap_or(Timestamp::MAX));
    // A time far ahead tells of a wrong clock, not of a recording.
    let ahead = now.checked_add(stock.store.settle.saturating_mul(2)).unwrap_or(Timestamp::MAX);
    let quiet = quiet.filter(|quiet| *quiet > now && *quiet <= ahead);
    let mut joined = Joined { stock, source, copies, imported: imported(stock, key), jobs, quiet, wrong: None, now };
    joined.wrong = joined.what_is_wrong(key);
    Some(joined)
}

fn imported(stock: &Stock, key: &Key) -> Imported {
    match (&stock.imports, stock.imported.get(key)) {
        (None, _) => Imported::NotAsked,
        (Some(SideState::Trouble { why, .. }), _) => Imported::Unknown { why: why.clone() },
        (Some(_), Some(imported)) => imported.clone(),
        (Some(SideState::Unknown), None) => Imported::Unknown { why: "the database was not asked yet".into() },
        (Some(SideState::Ready), None) => {
            Imported::Unknown { why: "the database was asked before it was there".into() }
        }
    }
}

fn copy(half: &Half, source: Option<&Facts>, key: &Key) -> CopyView {
    let verified = half.verified.get(key).cloned();
    if !half.believable() {
        let why = match &half.standing.state {
            SideState::Trouble { word, .. } => word.clone(),
            SideState::Unknown | SideState::Ready => "not looked at yet".into(),
        };
        return CopyView { state: CopyState::Unknown { why }, facts: None, verified };
    }
    let facts = half.believed(key).map(|found| found.facts);
    let state = match (source, &facts) {
        (_, None) => CopyState::None,
        (None, Some(_)) => CopyState::Alone,
        (Some(source), Some(copy)) if alike(source, copy) => CopyState::Same,
        (Some(_), Some(_)) => CopyState::Differs,
    };
    CopyView { state, facts, verified }
}

/// The same names and sizes, and nothing that could not be looked at.
fn alike(source: &Facts, copy: &Facts) -> bool {
    (source.digest, source.files, source.bytes) == (copy.digest, copy.files, copy.bytes)
        && source.odd == 0
        && copy.odd == 0
}

impl Joined<'_> {
    /// When time alone will change it.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.quiet
    }

    /// What filtering and ordering need of it.
    pub(super) fn line(&self, key: &Key) -> Line {
        let safe = self.with_case(safety::safe);
        let copies = || self.copies.iter().filter_map(|copy| copy.facts.as_ref());
        let oldest = self.copies.iter().map(|copy| copy.verified.as_ref().map(|verified| verified.at)).min().flatten();
        Line {
            text: self.text(key, safe).into(),
            on_disk: self.source.is_some(),
            files: self.source.map_or(0, |facts| facts.files),
            bytes: self
                .source
                .map_or_else(|| copies().map(|facts| facts.bytes).max().unwrap_or(0), |facts| facts.bytes),
            changed: self
                .source
                .map_or_else(|| copies().filter_map(|facts| facts.changed).max(), |facts| facts.changed),
            verified: oldest,
            safe,
            wrong: self.wrong.is_some(),
            busy: self.busy().is_some(),
            key: key.clone(),
        }
    }

    /// The row.
    pub(super) fn row(self, key: &Key) -> SessionRow {
        let why_not = self.with_case(safety::why_not);
        SessionRow {
            key: key.clone(),
            source: self.source.copied(),
            busy: self.busy(),
            safe: why_not.is_empty(),
            why_not,
            wrong: self.wrong,
            imported: self.imported,
            copies: self.copies,
        }
    }

    fn with_case<T>(&self, judge: impl FnOnce(&Case<'_>) -> T) -> T {
        let halves = self.stock.copies.iter().zip(&self.copies);
        let copies: Vec<Copy<'_>> =
            halves.map(|(half, view)| Copy { name: &half.name, state: half.judged(), view, differs: &[] }).collect();
        // What was stored is shown, and proves nothing until the database says it again.
        let stored = Imported::Unknown { why: "the database was not asked since the engine started".into() };
        let asked = self.stock.imports != Some(SideState::Unknown);
        judge(&Case {
            side: self.stock.source.judged(),
            source: self.source,
            odd: &[],
            copies: &copies,
            imported: if asked { &self.imported } else { &stored },
            busy: self.jobs,
            settle: self.stock.store.settle,
            now: self.now,
        })
    }

    fn busy(&self) -> Option<String> {
        match self.jobs.first() {
            Some(job) => Some(job.clone()),
            None => self.quiet.map(|_| "being recorded".to_owned()),
        }
    }

    /// What needs a person. While somebody works on it, a difference is no news.
    fn what_is_wrong(&self, key: &Key) -> Option<String> {
        let halves = || self.stock.copies.iter().zip(&self.copies);
        let problems = |verified: &Verified| match verified.problems {
            0 | 1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let failed = halves().find_map(|(half, copy)| {
            let verified = copy.verified.as_ref().filter(|verified| !verified.ok)?;
            let there = copy.state != CopyState::None;
            there.then(|| format!("{} at {}", problems(verified), half.name))
        });
        if failed.is_some() || self.busy().is_some() {
            return failed;
        }
        if let Some(facts) = self.source {
            let differs = halves().find(|(_, copy)| copy.state == CopyState::Differs);
            return differs
                .map(|(half, _)| format!("differs at {}", half.name))
                .or_else(|| (facts.odd > 0).then(|| "cannot be copied whole".to_owned()))
                .or_else(|| match &self.imported {
                    Imported::No { short, .. } if short == UNKNOWN_SESSION => {
                        Some("orphan: not in the database".to_owned())
                    }
                    _ => None,
                });
        }
        if !self.stock.source.speaks() || self.stock.deleted.contains_key(key) {
            return None;
        }
        if self.copies.iter().any(|copy| copy.facts.is_some()) {
            return Some("orphan: a copy without a source".to_owned());
        }
        let all_speak = self.stock.copies.iter().all(Half::speaks);
        all_speak.then(|| "orphan: only in the database".to_owned())
    }

    /// Its text as the filter reads it.
    fn text(&self, key: &Key, safe: bool) -> String {
        let mut text = format!("{} {} {}", key.participant, key.day(), key.date);
        let mut say = |word: &str| {
            text.push(' ');
            text.push_str(word);
        };
        if safe {
            say("safe");
        }
        if let Some(wrong) = &self.wrong {
            say("wrong");
            say(wrong);
        }
        if let Some(busy) = self.busy() {
            say("busy");
            say(&busy);
        }
        match &self.imported {
            Imported::Yes => say("imported"),
            Imported::No { short, .. } => say(short),
            Imported::Unknown { .. } => say("unknown"),
            Imported::NotAsked => {}
        }
        let copies = &self.copies;
        if !copies.is_empty() && copies.iter().all(|copy| copy.state == CopyState::Same) {
            say("copied");
        }
        for copy in copies {
            match &copy.state {
                CopyState::Unknown { why } => say(why),
                CopyState::Differs => say("differs"),
                CopyState::Alone => say("alone"),
                CopyState::None | CopyState::Same => {}
            }
        }
        let level =
            |copy: &CopyView| copy.verified.as_ref().filter(|verified| verified.ok).map(|verified| verified.level);
        let least: Option<Level> = copies.iter().map(level).min().flatten();
        if let Some(level) = least {
            let _a_string_takes_all = write!(text, " verified {}", level.word());
        }
        text.to_lowercase()
    }
}
