//! What came of making, verifying, drilling and restoring kits, as lines to read.

use unicode_width::UnicodeWidthStr;

use super::Line;
use super::report::{below, took};
use crate::clock::Timestamp;
use crate::console::format;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::dump::report::{DatabaseDrilled, Made, MadeResult, Restored, Verified};

/// Columns of a name: as many as the longest needs, up to a point.
fn columns<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(UnicodeWidthStr::width).max().unwrap_or(0).clamp(8, 34)
}

/// What came of a database in a round, with its sign and word.
pub(super) const fn result(result: MadeResult, glyphs: &Glyphs) -> (Meaning, &'static str, &'static str) {
    match result {
        MadeResult::Written => (Meaning::Good, glyphs.good, "written"),
        MadeResult::Unchanged => (Meaning::Good, glyphs.up, "unchanged"),
        MadeResult::Failed => (Meaning::Bad, glyphs.bad, "failed"),
    }
}

/// How long tables were locked: `4 ms`.
pub(super) fn locked(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, format::latency)
}

/// Of one round.
pub fn made(report: &Made, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let count = |result| report.databases.iter().filter(|database| database.result == result).count();
    let (written, unchanged, failed) =
        (count(MadeResult::Written), count(MadeResult::Unchanged), count(MadeResult::Failed));
    let summary = format!("  {written} written, {unchanged} unchanged, {failed} failed");
    let mut lines = vec![vec![part(Meaning::Title, format!("kit {}", report.kit)), dim(summary)]];
    let name = columns(report.databases.iter().map(|database| database.name.as_str()));
    let head = format!("  {:<name$}  {:<9}  {:>9}  {:>8}", "database", "result", "size", "locked");
    lines.push(vec![part(Meaning::Heading, head)]);
    for one in &report.databases {
        let (meaning, sign, word) = result(one.result, glyphs);
        let label = one.label.as_ref().map_or_else(String::new, |label| format!("  {label}"));
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  ", one.name)),
            part(meaning, format!("{word:<9}  ")),
            plain(format!("{:>9}  {:>8}", format::size(one.bytes), locked(one.locked))),
            dim(label),
        ]);
        lines.extend(one.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
    }
    lines
}

/// Of a check of kits.
pub fn verified(report: &Verified, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let bad = report.kits.iter().filter(|kit| !kit.ok).count();
    let summary = match (report.kits.len(), bad) {
        (0, _) => return vec![vec![dim("there is no kit of this dump on the medium")]],
        (_, 0) => part(Meaning::Good, "  each of them as it was written"),
        (_, bad) => part(Meaning::Bad, format!("  {bad} not whole")),
    };
    let mut lines = vec![vec![part(Meaning::Title, format::several(report.kits.len(), "kit")), summary]];
    // What is wrong stands first.
    let mut kits: Vec<_> = report.kits.iter().collect();
    kits.sort_by_key(|kit| kit.ok);
    for kit in kits {
        let (meaning, sign, word) =
            if kit.ok { (Meaning::Good, glyphs.good, "whole") } else { (Meaning::Bad, glyphs.bad, "not whole") };
        lines.push(vec![part(meaning, format!("{sign} ")), plain(format!("{}  ", kit.kit)), part(meaning, word)]);
        lines.extend(kit.problems.iter().flat_map(|problem| below(problem, Meaning::Bad, 4, room)));
    }
    lines
}

/// Of a restore for practice.
pub fn drilled(report: &crate::dump::report::Drilled, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let said = if report.ok {
        part(Meaning::Good, "  everything is there as it was noted")
    } else {
        part(Meaning::Bad, "  not everything is there as it was noted")
    };
    let time = dim(format!(", restored and compared in {}", took(report.seconds)));
    let mut lines = vec![vec![part(Meaning::Title, format!("kit {}", report.kit)), said, time]];
    lines.extend(databases(&report.databases, glyphs, room));
    lines
}

fn databases(all: &[DatabaseDrilled], glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let name = columns(all.iter().map(|database| database.name.as_str()));
    let mut lines = vec![vec![part(Meaning::Heading, format!("  {:<name$}  {:>10}", "database", "tables"))]];
    for one in all {
        let (meaning, sign) = if one.ok { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  {:>10}", one.name, format::count(one.tables))),
        ]);
        lines.extend(one.problems.iter().flat_map(|problem| below(problem, Meaning::Bad, 4, room)));
    }
    lines
}

/// Of a restore for real, or of its rehearsal.
pub fn restored(report: &Restored, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let word = match (report.dry_run, report.ok) {
        (true, true) => part(Meaning::Info, "  would be restored"),
        (true, false) => part(Meaning::Bad, "  cannot be restored"),
        (false, true) => part(Meaning::Good, "  restored; everything is there as it was noted"),
        (false, false) => part(Meaning::Bad, "  restored; not everything is there as it was noted"),
    };
    let mut lines = vec![vec![part(Meaning::Title, format!("kit {}", report.kit)), word]];
    lines.extend(below(&format!("to {}", report.to), Meaning::Dim, 0, room));
    if report.overwrites.is_empty() {
        lines.push(vec![dim("nothing of it was there before: nothing is overwritten")]);
    } else {
        let what =
            if report.dry_run { "is there now, and would be dumped and then overwritten" } else { "was overwritten" };
        lines.push(Vec::new());
        lines.push(vec![part(Meaning::Warn, format!("{} {what}", glyphs.warn))]);
        let name = columns(report.overwrites.iter().map(|one| one.name.as_str()));
        let head = format!("  {:<name$}  {:>7}  {:>11}  last changed", "database", "tables", "rows");
        lines.push(vec![part(Meaning::Heading, head)]);
        for one in &report.overwrites {
            let changed = one.changed.map_or_else(|| "not known".to_owned(), |at| format::ago(at, now));
            let (tables, rows) = (format::count(one.tables), format::count(one.rows));
            lines.push(vec![plain(format!("  {:<name$}  {tables:>7}  {rows:>11}  {changed}", one.name))]);
        }
    }
    if let Some(before) = &report.before {
        lines.push(vec![plain(format!("what was there is in kit {before}"))]);
    }
    if !report.databases.is_empty() {
        lines.push(Vec::new());
        lines.extend(databases(&report.databases, glyphs, room));
    }
    if !report.dry_run {
        lines.push(vec![dim(format!("in {}", took(report.seconds)))]);
    }
    lines
}
