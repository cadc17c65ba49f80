//! Commands on recording sessions: each that takes time is a job on a thread that may block.

use std::sync::Arc;

use super::commands::{Done, usage};
use super::{Core, LAST_JOB};
use crate::clock::Clock;
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::engine::sessions::Sessions;
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::reach::plain;
use crate::session::catalogue::Shop;
use crate::session::delete::{Approved, Recovered, phrase_for};
use crate::session::key::Key;
use crate::session::report::{DeleteReport, SyncReport, SyncResult, VerifyReport};
use crate::session::task::{self, Site};
use crate::session::view::{CopyState, CopyView, Level, Which};
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::work::view::{Priority, Unit};

/// The list of files in a journal entry is at most so long; a longer one is kept as a file beside the journal.
const LONGEST_LIST: usize = 32 << 10;
/// Folder of those files in the state folder.
const LISTS: &str = "deleted";
/// Kind of the jobs that verify again what nobody asked about.
const AGAIN: &str = "verify again";

impl Core {
    pub(super) fn session_refresh(&self, store: Option<&str>) -> Result<Done, Refusal> {
        self.parts.sessions.refresh(store)?;
        let shop = self.parts.sessions.store(store)?;
        let said = format!("every side of {} is looked at again", shop.name());
        Ok(Done::new(said, serde_json::json!({ "store": shop.name(), "looked": true })))
    }

    pub(super) fn session_limit(&self, store: Option<&str>, limit: Option<u64>) -> Result<Done, Refusal> {
        let shop = self.parts.sessions.store(store)?;
        if limit == Some(0) {
            let hint = "hold the job instead, or leave the limit out for none";
            return Err(usage("a limit of no bytes a second would never end".into(), Some(hint.into())));
        }
        shop.set_limit(limit);
        let rate = limit.map_or_else(|| "as much as they can".to_owned(), |limit| format!("{}/s", plain::size(limit)));
        let said = format!("copies of {} may take {rate}", shop.name());
        Ok(Done::new(said, serde_json::json!({ "store": shop.name(), "limit": limit })))
    }

    pub(super) fn session_sync(
        &mut self,
        who: &Who,
        store: Option<&str>,
        which: &Which,
        dry_run: bool,
    ) -> Result<Done, Refusal> {
        let (shop, keys) = self.meant_here(store, which)?;
        if shop.declared().destinations.is_empty() {
            let hint = "add `destinations = [{ name = \"…\", path = \"…\" }]` to it in the fleet file";
            return Err(usage(format!("the store {} has no destination", shop.name()), Some(hint.into())));
        }
        let (kind, said) =
            if dry_run { ("copy dry run", "looking what would be copied of") } else { ("copy", "copying") };
        let title = title(&keys);
        let work = move |site: &Site<'_>| {
            let report = task::sync::sync(site, &keys, dry_run)?;
            let ok = dry_run || all_copied(&report);
            Ok(Ended { ok, note: synced(&report), report: Report::Synced { sync: report } })
        };
        Ok(self.session_job(who, &shop, kind, title, said, Priority::Normal, work))
    }

    pub(super) fn session_verify(
        &mut self,
        who: &Who,
        store: Option<&str>,
        which: &Which,
        level: Option<Level>,
    ) -> Result<Done, Refusal> {
        let (shop, mut keys) = self.meant(store, which)?;
        if matches!(which, Which::Range { .. }) {
            // What was never copied has nothing to verify; what cannot be asked for is to fail.
            let copied = |copy: &CopyView| copy.state != CopyState::None;
            keys.retain(|key| shop.row(key).is_some_and(|row| row.copies.iter().any(copied)));
        }
        let title = title(&keys);
        let work = move |site: &Site<'_>| {
            let verified = task::verify::verify(site, &keys, None, level)?;
            Ok(of_verification(verified))
        };
        Ok(self.session_job(who, &shop, "verify", title, "verifying", Priority::Normal, work))
    }

    /// Verifies again what was verified longest ago, one copy at a time and only while nobody wants anything else.
    pub(super) fn verify_again(&mut self) {
        if self.jobs.open() > 0 {
            return;
        }
        let Some((store, destination, key)) = self.parts.sessions.next_to_verify(self.now()) else { return };
        let Ok(shop) = self.parts.sessions.store(Some(&store)) else { return };
        let Some(only) = shop.declared().destinations.iter().position(|to| to.name == destination) else { return };
        let engine = Who { name: "engine".into(), read_only: false };
        let keys = vec![key];
        let title = title(&keys);
        let work = move |site: &Site<'_>| {
            let verified = task::verify::verify(site, &keys, Some(only), Some(Level::Content))?;
            Ok(of_verification(verified))
        };
        self.session_job(&engine, &shop, AGAIN, title, "verifying again", Priority::Background, work);
    }

    pub(super) fn session_delete(
        &mut self,
        who: &Who,
        store: Option<&str>,
        which: &Which,
        dry_run: bool,
        phrase: &str,
    ) -> Result<Done, Refusal> {
        let (shop, keys) = self.meant_here(store, which)?;
        // One session that is named is told apart from "all that are safe", also where that is one.
        let wanted = phrase_for(if matches!(which, Which::Keys { .. }) { keys.len().max(1) } else { 2 });
        if !dry_run && phrase != wanted {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was deleted: {wanted} was not typed"),
                hint: Some(format!("type {wanted}, letter by letter")),
            });
        }
        let (journal, clock, sessions) =
            (self.parts.journal.clone(), self.parts.clock.clone(), self.parts.sessions.clone());
        let (person, folder) = (who.name.clone(), self.parts.folder.path().to_owned());
        let runtime = tokio::runtime::Handle::current();
        let title = title(&keys);
        let (kind, said) =
            if dry_run { ("delete dry run", "looking what would be deleted of") } else { ("delete", "deleting") };
        let asked = Arc::clone(&shop);
        let work = move |site: &Site<'_>| {
            let scribe = Scribe { journal: &journal, clock: &clock, who: &person, state: &folder };
            let record = |approved: &Approved| scribe.approved(approved);
            let imported = |key: &Key| sessions.imported(&runtime, &asked, key);
            let recovered = |found: &Recovered| scribe.recovered(found);
            let report = task::delete::delete(site, &keys, dry_run, &record, &imported, &recovered)?;
            if !dry_run {
                scribe.deleted(&report);
            }
            // To be told what refuses is what a dry run is for.
            let ok = dry_run || report.refused.is_empty();
            Ok(Ended { ok, note: gone(&report), report: Report::Deleted { deletion: report } })
        };
        Ok(self.session_job(who, &shop, kind, title, said, Priority::Urgent, work))
    }

    /// Deals with what deletions that were interrupted have left, beside everything else.
    pub(super) fn recover_deletions(&self) {
        for store in &self.parts.fleet.sessions {
            let Ok(shop) = self.parts.sessions.store(Some(&store.name)) else { continue };
            let (journal, clock) = (self.parts.journal.clone(), self.parts.clock.clone());
            let state = self.parts.folder.path().to_owned();
            tokio::task::spawn_blocking(move || {
                if !shop.source_state().ready() {
                    return;
                }
                let scribe = Scribe { journal: &journal, clock: &clock, who: "engine", state: &state };
                for found in crate::session::delete::recover(&shop.declared().source, &clock) {
                    scribe.recovered(&found);
                    shop.refresh();
                }
            });
        }
    }

    fn meant(&self, store: Option<&str>, which: &Which) -> Result<(Arc<Shop>, Vec<Key>), Refusal> {
        let shop = self.parts.sessions.store(store)?;
        let keys = Sessions::resolve(&shop, which)?;
        Ok((shop, keys))
    }

    /// As [`Core::meant`], but a range means only what is on this computer.
    fn meant_here(&self, store: Option<&str>, which: &Which) -> Result<(Arc<Shop>, Vec<Key>), Refusal> {
        let (shop, mut keys) = self.meant(store, which)?;
        if matches!(which, Which::Range { .. }) {
            keys.retain(|key| shop.row(key).is_some_and(|row| row.source.is_some()));
        }
        Ok((shop, keys))
    }

    #[expect(clippy::too_many_arguments, reason = "each names the job in another way")]
    fn session_job(
        &mut self,
        who: &Who,
        shop: &Arc<Shop>,
        kind: &'static str,
        title: String,
        said: &str,
        priority: Priority,
        work: impl FnOnce(&Site<'_>) -> Result<Ended, task::Cancelled> + Send + 'static,
    ) -> Done {
        let (said, about) = (format!("{said} {title}"), serde_json::json!({ "store": shop.name(), "sessions": title }));
        let unit = if kind.starts_with("delete") { Unit::Items } else { Unit::Bytes };
        let request = Request { kind, title, unit, priority, who: who.name.clone() };
        let (shop, clock) = (Arc::clone(shop), self.parts.clock.clone());
        let id = self.jobs.submit(request, |job| async move {
            let ended = tokio::task::spawn_blocking(move || carry_out(&shop, &clock, &job, work)).await;
            ended.map_err(|error| JobError::Failed(format!("the work broke: {error}")))?
        });
        self.keep(LAST_JOB, id.to_string());
        let mut done = Done::new(format!("{said}: job {id}"), about);
        done.about["job"] = serde_json::json!(id);
        done.job = Some(id);
        done
    }
}

fn carry_out(
    shop: &Arc<Shop>,
    clock: &Clock,
    job: &Handle<Report>,
    work: impl FnOnce(&Site<'_>) -> Result<Ended, task::Cancelled>,
) -> Result<Outcome<Report>, JobError> {
    let ended = work(&Site { shop, clock, steer: job }).map_err(|task::Cancelled| JobError::Cancelled)?;
    Ok(Outcome { note: ended.note, report: ended.report, ok: ended.ok })
}

/// How a job on sessions ended.
struct Ended {
    ok: bool,
    note: String,
    report: Report,
}

fn title(keys: &[Key]) -> String {
    match keys {
        [key] => key.to_string(),
        keys => format!("{} sessions", keys.len()),
    }
}

fn all_copied(report: &SyncReport) -> bool {
    report.sessions.iter().all(|synced| synced.result != SyncResult::Failed)
}

fn synced(report: &SyncReport) -> String {
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

fn of_verification(verified: Vec<VerifyReport>) -> Ended {
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

fn gone(report: &DeleteReport) -> String {
    let word = if report.dry_run { "would be deleted" } else { "deleted" };
    let freed = if report.dry_run { "to free" } else { "freed" };
    let note = format!("{} {word}, {} {freed}", report.deleted.len(), plain::size(report.bytes_freed));
    match report.refused.first() {
        None => note,
        Some(first) => {
            let why = plain::line(&first.reasons.join("; "), 300);
            format!("{note}, {} refused: {}: {why}", report.refused.len(), first.key)
        }
    }
}

/// Writes into the journal what a deletion is about to do and what came of it.
struct Scribe<'a> {
    journal: &'a Journal,
    clock: &'a Clock,
    who: &'a str,
    state: &'a std::path::Path,
}

impl Scribe<'_> {
    /// Before the first effect. Returns when the entry would survive a power cut.
    fn approved(&self, approved: &Approved) -> Result<(), String> {
        let files = approved.files();
        let list = serde_json::to_value(&files).map_err(|error| error.to_string())?;
        let mut about = serde_json::json!({
            "session": approved.key.to_string(), "files": files.len(), "bytes": approved.bytes(),
            "remains": approved.remains,
        });
        let text = list.to_string();
        if text.len() <= LONGEST_LIST {
            about["list"] = list;
        } else {
            let (file, sum) = self
                .keep_list(approved, &text)
                .map_err(|error| format!("the list of files cannot be written into the state folder: {error}"))?;
            about["list_file"] = serde_json::json!(file);
            about["list_blake3"] = serde_json::json!(sum);
        }
        let what = format!("{} is deleted from this computer: {} files", approved.key, files.len());
        let why = format!("imported, verified, quiet; it remains at {}", approved.remains.join(", "));
        let recorded = self.append(what, why, about, Weight::Note)?;
        match recorded.blocking_recv() {
            Ok(recorded) if recorded.durable => Ok(()),
            _ => Err("the disk of the state folder does not take the entry; free some room there, then repeat".into()),
        }
    }

    /// A long list lies beside the journal, whose entry carries its sum.
    fn keep_list(&self, approved: &Approved, text: &str) -> std::io::Result<(String, String)> {
        let folder = self.state.join(LISTS);
        std::fs::create_dir_all(&folder)?;
        let time = self.clock.now().strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{}_{}_{time}.json", approved.key.day(), approved.key.participant);
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(&name)).map_err(|error| error.error)?;
        std::fs::File::open(&folder)?.sync_all()?;
        Ok((format!("{LISTS}/{name}"), blake3::hash(text.as_bytes()).to_hex().to_string()))
    }

    fn deleted(&self, report: &DeleteReport) {
        for deleted in &report.deleted {
            let what = format!("{} was deleted from this computer: {}", deleted.key, plain::size(deleted.bytes));
            let about =
                serde_json::json!({ "session": deleted.key.to_string(), "deleted": true, "bytes": deleted.bytes });
            self.tell(what, format!("it remains at {}", deleted.remains.join(", ")), about, Weight::Note);
        }
        for refused in &report.refused {
            let what = format!("refused: delete {}", refused.key);
            let about = serde_json::json!({ "session": refused.key.to_string(), "deleted": false });
            self.tell(what, refused.reasons.join("; "), about, Weight::Refusal);
        }
    }

    fn recovered(&self, found: &Recovered) {
        let weight = if matches!(found, Recovered::Left { .. }) { Weight::Warning } else { Weight::Note };
        self.tell(found.to_string(), String::new(), serde_json::json!({ "recovered": true }), weight);
    }

    fn tell(&self, what: String, why: String, about: serde_json::Value, weight: Weight) {
        if let Err(error) = self.append(what, why, about, weight) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }

    fn append(
        &self,
        what: String,
        why: String,
        about: serde_json::Value,
        weight: Weight,
    ) -> Result<tokio::sync::oneshot::Receiver<crate::journal::writer::Recorded>, String> {
        tracing::info!(who = self.who, why, "{what}");
        let draft = Draft { time: self.clock.now(), who: self.who.to_owned(), what, why, about, weight };
        self.journal.append(draft).map_err(|error| error.to_string())
    }
}
