//! How jobs on sessions are called, and what came of them in one line. Pure.

use super::Ended;
use crate::engine::command::Report;
use crate::reach::plain;
use crate::session::key::Key;
use crate::session::report::{DeleteReport, SyncReport, SyncResult, VerifyReport};

pub(super) fn title(keys: &[Key]) -> String {
    match keys {
        [key] => key.to_string(),
        keys => format!("{} sessions", keys.len()),
    }
}

pub(super) fn all_copied(report: &SyncReport) -> bool {
    report.sessions.iter().all(|synced| synced.result != SyncResult::Failed)
}

pub(super) fn synced(report: &SyncReport) -> String {
    let count = |result| report.sessions.iter().filter(|synced| synced.result == result).count();
    let (copied, skipped, failed) = (count(SyncResult::Copied), count(SyncResult::Skipped), count(SyncResult::Failed));
    let word = if report.dry_run { "would be copied" } else { "copied and verified" };
    let note = format!("{copied} {word}, {skipped} good already");
    let first = report.sessions.iter().find(|synced| synced.result == SyncResult::Failed);
    match first {
        None => note,
        Some(first) => {
            let why = plain::line(first.error.as_deref().unwrap_or_default(), 300);
            format!("{note}, {failed} failed: {}: {why}", first.key)
        }
    }
}

pub(super) fn verified(verified: Vec<VerifyReport>) -> Ended {
    let wrong = verified.iter().filter(|report| !report.ok).count();
    let mut note = vec![format!("{} good", verified.len() - wrong)];
    if let Some(first) = verified.iter().find(|report| !report.ok) {
        let why = first.error.clone().unwrap_or_else(|| {
            let counts =
                [(first.missing.len(), "missing"), (first.different.len(), "different"), (first.extra.len(), "extra")];
            let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
            said.collect::<Vec<_>>().join(", ")
        });
        note.push(format!("{wrong} not: {} at {}: {}", first.key, first.destination, plain::line(&why, 300)));
    }
    Ended { ok: wrong == 0, note: note.join(", "), report: Report::Verified { verified } }
}

pub(super) fn deleted(report: &DeleteReport) -> String {
    let word = if report.dry_run { "would be deleted" } else { "deleted" };
    let note = format!("{} {word} ({})", report.deleted.len(), plain::size(report.bytes_freed));
    // Every reason has an entry of its own in the journal.
    if report.refused.is_empty() { note } else { format!("{note}, {} refused", report.refused.len()) }
}
