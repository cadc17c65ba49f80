//! Commands on recording sessions: each that takes time is a job on a thread that may block.

mod scribe;
mod words;

use std::sync::Arc;

use scribe::Scribe;

use super::Core;
use super::commands::{Done, usage};
use crate::clock::Clock;
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::engine::sessions::Sessions;
use crate::reach::plain;
use crate::session::catalogue::Shop;
use crate::session::delete::{Approved, Recovered, phrase_for, recover};
use crate::session::key::Key;
use crate::session::task::{self, Site};
use crate::session::view::{CopyState, CopyView, Level, Which};
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::work::view::{Priority, Unit};

/// Kind of the jobs that verify again what nobody asked about.
const AGAIN: &str = "verify again";

/// What a person wants who deletes.
pub(super) struct Deletion {
    /// Only say what would be deleted.
    pub(super) dry_run: bool,
    /// What was typed.
    pub(super) phrase: String,
    /// [`DeleteReport::declared`](crate::session::report::DeleteReport::declared) of what was shown.
    pub(super) shown: Option<String>,
}

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
            if dry_run { ("copy dry run", "looking what there is to copy of") } else { ("copy", "copying") };
        let title = words::title(&keys);
        let work = move |site: &Site<'_>| {
            let report = task::sync::sync(site, &keys, dry_run)?;
            // A rehearsal that says no has done what it was for.
            let ok = dry_run || words::all_copied(&report);
            Ok(Ended { ok, note: words::synced(&report), report: Report::Synced { sync: report } })
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
        let title = words::title(&keys);
        let work = move |site: &Site<'_>| {
            let verified = task::verify::verify(site, &keys, None, level)?;
            Ok(words::verified(verified))
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
        let engine = Who::engine();
        let keys = vec![key];
        let title = words::title(&keys);
        let work = move |site: &Site<'_>| {
            let verified = task::verify::verify(site, &keys, Some(only), Some(Level::Content));
            let verified = verified.inspect_err(|_cancelled| {
                // Whoever cancelled it did not mean in half a second.
                for key in &keys {
                    site.shop.record_unverified(&destination, key);
                }
            })?;
            Ok(words::verified(verified))
        };
        self.session_job(&engine, &shop, AGAIN, title, "verifying again", Priority::Background, work);
    }

    pub(super) fn session_delete(
        &mut self,
        who: &Who,
        store: Option<&str>,
        which: &Which,
        wanted: &Deletion,
    ) -> Result<Done, Refusal> {
        let dry_run = wanted.dry_run;
        let (shop, keys) = self.meant_here(store, which)?;
        // One session that is named is told apart from "all that are safe", also where that is one.
        let phrase = phrase_for(if matches!(which, Which::Keys { .. }) { keys.len().max(1) } else { 2 });
        if !dry_run && wanted.phrase != phrase {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was deleted: {phrase} was not typed"),
                hint: Some(format!("type {phrase}, letter by letter")),
            });
        }
        if wanted.shown.as_ref().is_some_and(|shown| *shown != task::delete::declared(shop.declared())) {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!(
                    "nothing was deleted: where the sessions of {} lie, or where their copies go, was changed in the fleet file \
                     since they were shown",
                    shop.name()
                ),
                hint: Some("look again at what would be deleted, and where it remains".into()),
            });
        }
        let (journal, clock, sessions) =
            (self.parts.journal.clone(), self.parts.clock.clone(), self.parts.sessions.clone());
        let (person, folder) = (who.name.clone(), self.parts.folder.path().to_owned());
        let runtime = tokio::runtime::Handle::current();
        let title = words::title(&keys);
        let (kind, said) =
            if dry_run { ("delete dry run", "looking what speaks against deleting") } else { ("delete", "deleting") };
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
            let ok = dry_run || report.refused.is_empty();
            Ok(Ended { ok, note: words::deleted(&report), report: Report::Deleted { deletion: report } })
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
                for found in recover(&shop.declared().source, &clock, &|key| shop.witness(key)) {
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
            if let Some(what) = shop.silent() {
                let hint = "name one session, or repeat when it answers: all of some days cannot be told now";
                return Err(Refusal { kind: RefusalKind::Failed, what, hint: Some(hint.into()) });
            }
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
        self.keep_jobs();
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
