//! What came of copying, verifying and deleting sessions, as lines to read.

use unicode_width::UnicodeWidthStr;

use super::Line;
use crate::clock::Timestamp;
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::table::{dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::session::key::Key;
use crate::session::report::{DeleteReport, Deleted, SyncReport, SyncResult, Synced, VerifyReport};

/// Columns of a session's name: as many as the longest needs, up to a point.
fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> usize {
    keys.map(|key| key.to_string().width()).max().unwrap_or(0).clamp(13, 28)
}

/// Files that a verification lists of one session.
const FILES: usize = 200;
/// Sessions that are listed: a report of a hundred thousand is written anew for each frame.
const LISTED: usize = 1000;

/// Says that so many of so many are not listed.
fn and_more(all: usize) -> Option<Line> {
    let more = all.checked_sub(LISTED).filter(|more| *more > 0)?;
    Some(vec![dim(format!("  and {} more", format::count(more as u64)))])
}

fn files(count: u64) -> String {
    format::several(usize::try_from(count).unwrap_or(usize::MAX), "file")
}

/// Files and bytes, in columns.
fn much(count: u64, bytes: u64) -> String {
    format!("{:>10}  {:>7}", files(count), format::size(bytes))
}

/// How long something took: `1.2 s`, `0:42`.
pub(super) fn took(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { format::remaining(seconds).unwrap_or_default() }
}

/// Text below a line, broken and set in.
pub(super) fn below(text: &str, meaning: Meaning, indent: usize, room: usize) -> Vec<Line> {
    let lines = wrap(text, room.saturating_sub(indent).max(20));
    lines.into_iter().map(|line| vec![plain(" ".repeat(indent)), part(meaning, line)]).collect()
}

/// Of a copy.
pub fn synced(report: &SyncReport, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let count = |result| report.sessions.iter().filter(|synced| synced.result == result).count();
    let (copied, skipped, failed) = (count(SyncResult::Copied), count(SyncResult::Skipped), count(SyncResult::Failed));
    let would = if report.dry_run { "would be " } else { "" };
    let written: u64 = report.sessions.iter().map(|synced| synced.written_bytes).sum();
    let summary = format!(
        "  {copied} {would}copied, {skipped} there already, {failed} failed; {} {would}written",
        format::size(written)
    );
    let title = if report.dry_run { "Dry run" } else { "Copies" };
    let mut lines = vec![vec![part(Meaning::Title, title), dim(summary)]];
    let mut sorted: Vec<&Synced> = report.sessions.iter().collect();
    // What failed is read first.
    sorted.sort_by_key(|synced| synced.result != SyncResult::Failed);
    let name = columns(report.sessions.iter().map(|synced| &synced.key));
    for synced in sorted.iter().take(LISTED) {
        let (meaning, sign, word) = match synced.result {
            SyncResult::Copied => (Meaning::Good, glyphs.good, "copied"),
            SyncResult::Skipped => (Meaning::Dim, glyphs.waiting, "there already"),
            SyncResult::Failed => (Meaning::Bad, glyphs.bad, "failed"),
        };
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$} ", synced.key.to_string())),
            part(meaning, format!("{word:<14}")),
            plain(format!("{}  ", much(synced.files, synced.bytes))),
        ];
        if synced.result == SyncResult::Copied {
            let fresh = format!("{} written", format::size(synced.written_bytes));
            let time = if report.dry_run { String::new() } else { format!(" in {}", took(synced.seconds)) };
            line.push(dim(format!("{fresh}{time}  ")));
        }
        line.push(dim(format!("{} {}", glyphs.into, synced.destination)));
        lines.push(line);
        lines.extend(synced.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
    }
    lines.extend(and_more(sorted.len()));
    lines
}

/// Of a verification.
pub fn verified(reports: &[VerifyReport], glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let bad = reports.iter().filter(|report| !report.ok).count();
    let bytes: u64 = reports.iter().map(|report| report.bytes).sum();
    let summary = format!("  {} compared, {bad} not as it should be, {}", reports.len(), format::size(bytes));
    let mut lines = vec![vec![part(Meaning::Title, "Verifications"), dim(summary)]];
    let mut sorted: Vec<&VerifyReport> = reports.iter().collect();
    sorted.sort_by_key(|report| report.ok);
    let name = columns(reports.iter().map(|report| &report.key));
    for report in sorted.iter().take(LISTED) {
        let (meaning, sign) = if report.ok { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$} ", report.key.to_string())),
            plain(format!("{:<8}", report.level.word())),
            plain(format!("{} in {}", much(report.files, report.bytes), took(report.seconds))),
        ];
        line.extend(report.read.iter().map(|read| dim(format!(", {read}"))));
        line.push(dim(format!("  {} {}", glyphs.into, report.destination)));
        lines.push(line);
        lines.extend(report.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
        let missing = report.missing.iter().map(|path| ("missing", path));
        let different = report.different.iter().map(|file| (file.reason.as_str(), &file.path));
        let extra = report.extra.iter().map(|path| ("only there", path));
        let all: Vec<_> = missing.chain(different).chain(extra).collect();
        for (what, path) in all.iter().take(FILES) {
            lines.push(vec![part(Meaning::Bad, format!("    {what:<12} ")), plain((*path).clone())]);
        }
        if all.len() > FILES {
            lines.push(vec![dim(format!("    and {} more", all.len() - FILES))]);
        }
    }
    lines.extend(and_more(sorted.len()));
    lines
}

/// Of a deletion.
pub fn deleted(report: &DeleteReport, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let would = if report.dry_run { "would be " } else { "" };
    let summary = format!(
        "  {} {would}deleted from this computer, {} refused, {} {would}freed",
        report.deleted.len(),
        report.refused.len(),
        format::size(report.bytes_freed)
    );
    let title = if report.dry_run { "Dry run" } else { "Deletions" };
    let mut lines = vec![vec![part(Meaning::Title, title), dim(summary)]];
    lines.extend(refusals(report, glyphs, room));
    let name = columns(report.deleted.iter().map(|one| &one.key));
    for one in report.deleted.iter().take(LISTED) {
        lines.extend(deletion(one, name, now, glyphs, room));
        for place in &one.remains {
            lines.push(vec![dim(format!("      remains at {place}"))]);
        }
    }
    lines.extend(and_more(report.deleted.len()));
    lines
}

/// Each session that is deleted, with what its deletion rests on.
pub fn deletions(report: &DeleteReport, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let name = columns(report.deleted.iter().map(|one| &one.key));
    let listed = report.deleted.iter().take(LISTED);
    let lines = listed.flat_map(|one| deletion(one, name, now, glyphs, room));
    lines.chain(and_more(report.deleted.len())).collect()
}

fn deletion(one: &Deleted, name: usize, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let much = much(one.files, one.bytes);
    let first: Line = vec![plain(format!("  {:<name$}{much}", one.key.to_string()))];
    let mut proofs: Line = Vec::new();
    for proof in &one.proofs {
        let how = if proof.how.is_empty() { String::new() } else { format!("{}, ", proof.how) };
        proofs.push(plain(format!("   {}", proof.what)));
        proofs.push(part(Meaning::Good, format!(" {} ", glyphs.good)));
        let when = if proof.what == "quiet" { format::coarse(proof.at, now) } else { format::ago(proof.at, now) };
        proofs.push(dim(format!("{how}{when}")));
    }
    if width(&first) + width(&proofs) <= room {
        return vec![[first, proofs].concat()];
    }
    vec![first, std::iter::once(plain(" ")).chain(proofs).collect()]
}

/// Each session that is not deleted, with every reason.
pub fn refusals(report: &DeleteReport, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let name = columns(report.refused.iter().map(|refused| &refused.key));
    for refused in report.refused.iter().take(LISTED) {
        let head = format!("{} {:<name$} ", glyphs.bad, refused.key.to_string());
        let indent = head.width();
        let reasons = refused.reasons.iter().flat_map(|reason| wrap(reason, room.saturating_sub(indent).max(20)));
        for (index, line) in reasons.enumerate() {
            let before = if index == 0 { part(Meaning::Warn, head.clone()) } else { plain(" ".repeat(indent)) };
            lines.push(vec![before, plain(line)]);
        }
    }
    lines.extend(and_more(report.refused.len()));
    lines
}
