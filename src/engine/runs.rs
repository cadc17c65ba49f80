//! Runs that no pool asks for: where their records lie, what faces see of them, and the way to those under way.
//!
//! The last run of each runbook is kept as a book of the lease, beside those of the pools: in `state.db` where one engine is
//! alone, in etcd where several share the lease. So it survives the engine that began it, and whoever holds the lease next
//! can go on with it, undo it, or do the clean-up that it owes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::runbook::record::RunRecord;
use crate::runbook::run::Wish;
use crate::runbook::view::{RunId, RunState, RunView, StepState};
use crate::standin::lease::Lease;
use crate::standin::lease::book::Version;

/// Before the name of a runbook, in the book of its last run. No pool's name has a slash.
const PREFIX: &str = "runs/";

/// How long the beginning of an engine waits for the runs that were kept.
const FIRST_READ: Duration = Duration::from_secs(1);

/// Where the last run of a runbook is kept.
pub(super) fn key(runbook: &str) -> String {
    format!("{PREFIX}{runbook}")
}

/// The runs of an engine. Cheap to clone.
#[derive(Clone)]
pub(super) struct Runs(Arc<Inner>);

struct Inner {
    lease: Lease,
    known: Mutex<BTreeMap<String, Known>>,
    seen: watch::Sender<u64>,
    _ends: tokio_util::sync::DropGuard,
}

/// The last run of one runbook.
#[derive(Default)]
struct Known {
    kept: Option<Kept>,
    door: Option<Door>,
}

/// As it was kept.
struct Kept {
    record: RunRecord,
    version: Version,
    /// For faces, while the engine that does it may be alive.
    found: Arc<RunView>,
    /// For faces, when it has gone.
    left: Arc<RunView>,
}

/// The way to a run under way, and what it shows.
#[derive(Debug, Clone)]
pub(super) struct Door {
    /// What people want goes in here.
    pub(super) hand: mpsc::Sender<Wish>,
    /// How it stands.
    pub(super) view: watch::Receiver<Arc<RunView>>,
}

impl Runs {
    /// Knows the last runs of these runbooks, as far as they can be read in a moment, and whatever is written from now on by
    /// any engine.
    pub(super) async fn start(lease: &Lease, runbooks: &BTreeSet<String>) -> Self {
        let ended = CancellationToken::new();
        let inner = Inner {
            lease: lease.clone(),
            known: Mutex::default(),
            seen: watch::channel(0).0,
            _ends: ended.clone().drop_guard(),
        };
        let runs = Self(Arc::new(inner));
        let mut books = lease.books();
        let all = runbooks.iter().map(|runbook| async {
            if let Ok(book) = lease.read(&key(runbook)).await {
                runs.note(runbook, &book.text, book.version);
            }
        });
        // What cannot be read now appears among the books when it can.
        let _in_time = tokio::time::timeout(FIRST_READ, join_all(all)).await.is_ok();
        // Those that were there before, of runbooks that other engines ran, do not come again by themselves.
        books.mark_changed();
        let weak = Arc::downgrade(&runs.0);
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            while books.changed().await.is_ok() {
                let all = Arc::clone(&books.borrow_and_update());
                let Some(inner) = weak.upgrade() else { return };
                let runs = Self(inner);
                let of_runs = all.iter().filter_map(|(name, book)| Some((name.strip_prefix(PREFIX)?, book)));
                for (runbook, book) in of_runs {
                    runs.note(runbook, &book.text, book.version);
                }
            }
        }));
        runs
    }

    /// Wakes when a view has changed.
    pub(super) fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// The last run of each runbook, oldest first; an unchanged one is the same `Arc` as before.
    pub(super) fn views(&self) -> Vec<Arc<RunView>> {
        let elsewhere = self.0.lease.state().borrow().elsewhere;
        let known = self.known();
        let mut views: Vec<Arc<RunView>> = known
            .values()
            .filter_map(|known| match (&known.door, &known.kept) {
                (Some(door), _) => Some(Arc::clone(&door.view.borrow())),
                (None, Some(kept)) if elsewhere => Some(Arc::clone(&kept.found)),
                (None, Some(kept)) => Some(Arc::clone(&kept.left)),
                (None, None) => None,
            })
            .collect();
        views.sort_by_key(|view| view.id);
        views
    }

    /// The view of the last run of a runbook.
    pub(super) fn of(&self, runbook: &str) -> Option<Arc<RunView>> {
        self.views().into_iter().find(|view| view.runbook == runbook)
    }

    /// A run begins or goes on here; `false`: one of the same runbook is under way already.
    pub(super) fn enter(&self, runbook: &str, door: Door) -> bool {
        let mut all = self.known();
        let place = &mut all.entry(runbook.to_owned()).or_default().door;
        let free = place.is_none();
        if free {
            *place = Some(door);
        }
        drop(all);
        self.bump();
        free
    }

    /// It has ended so.
    pub(super) fn leave(&self, runbook: &str, record: &RunRecord) {
        if let Some(known) = self.known().get_mut(runbook) {
            known.door = None;
            let version = known.kept.as_ref().map(|kept| kept.version).unwrap_or_default();
            known.kept = Some(Kept::new(record.clone(), version));
        }
        self.bump();
    }

    /// A view of a run under way has changed.
    pub(super) fn bump(&self) {
        self.0.seen.send_modify(|count| *count += 1);
    }

    /// Which step of a run under way asks, and the way to it.
    pub(super) fn question(&self, run: RunId) -> Option<(String, mpsc::Sender<Wish>)> {
        let known = self.known();
        let mut doors = known.values().filter_map(|known| known.door.as_ref());
        let door = doors.find(|door| door.view.borrow().id == run)?;
        let step = door.view.borrow().question.as_ref()?.step.clone();
        Some((step, door.hand.clone()))
    }

    /// The last run of a runbook, asked where it is kept. The error says in words why it cannot be had.
    pub(super) async fn read(&self, runbook: &str) -> Result<Option<RunRecord>, String> {
        let kept = self.0.lease.read(&key(runbook)).await?;
        if kept.text.is_empty() {
            return Ok(None);
        }
        let unreadable = |error| format!("what was kept of the last run of {runbook} cannot be read: {error}");
        serde_json::from_str(&kept.text).map(Some).map_err(unreadable)
    }

    fn note(&self, runbook: &str, text: &str, version: Version) {
        let mut all = self.known();
        let known = all.entry(runbook.to_owned()).or_default();
        // What is done here is known better here.
        if text.is_empty() || known.door.is_some() || known.kept.as_ref().is_some_and(|kept| kept.version == version) {
            return;
        }
        match serde_json::from_str::<RunRecord>(text) {
            Ok(record) if known.kept.as_ref().is_some_and(|kept| kept.record == record) => {
                if let Some(kept) = &mut known.kept {
                    kept.version = version;
                }
            }
            Ok(record) => {
                known.kept = Some(Kept::new(record, version));
                drop(all);
                self.bump();
            }
            Err(error) => tracing::warn!(runbook, %error, "the record of a run cannot be read"),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn new(record: RunRecord, version: Version) -> Self {
        let found = Arc::new(record.view.clone());
        let left = Arc::new(record.clone().interrupted().view);
        Self { record, version, found, left }
    }
}

/// Why the runbook is not begun anew after this run of it.
pub(super) fn before_anew(view: &RunView) -> Option<String> {
    let (run, runbook) = (view.id, &view.runbook);
    if !view.state.ended() {
        return Some(under_way(view));
    }
    // Nothing of it was begun, and nothing of it was kept.
    if view.steps.iter().all(|step| step.state == StepState::Waiting) {
        return None;
    }
    if !view.owed.is_empty() {
        let owed = view.owed.join(", ");
        return Some(format!("run {run} of {runbook} still owes its clean-up ({owed}): resume or abandon it first"));
    }
    // Scaling goes on from what is, whatever became of the run before.
    if view.steps.iter().all(|step| step.kind == SCALE) {
        return None;
    }
    let waits = matches!(view.state, RunState::Interrupted | RunState::Unknown);
    waits.then(|| format!("run {run} of {runbook} is {}: resume or abandon it first", view.state.word()))
}

/// The kind of a step that scales.
const SCALE: &str = "scale";

/// Whether a run can be gone on with or undone; otherwise why not.
pub(super) fn can_mend(view: &RunView) -> Result<(), String> {
    let (run, runbook, state) = (view.id, &view.runbook, view.state);
    match state {
        _ if !state.ended() => Err(under_way(view)),
        RunState::Done | RunState::Undone if view.owed.is_empty() => {
            Err(format!("run {run} of {runbook} is {}: there is nothing to go on with", state.word()))
        }
        _ => Ok(()),
    }
}

/// What is to be done about a run that has not ended.
fn under_way(view: &RunView) -> String {
    let (run, runbook) = (view.id, &view.runbook);
    match &view.question {
        Some(question) => format!(
            "run {run} of {runbook} waits for an answer to {}: `{} yes` or `no`",
            question.step,
            view.answered_by()
        ),
        None => format!(
            "run {run} of {runbook} is under way: `hotspare jobs` shows it, `hotspare cancel` stops it before its next step"
        ),
    }
}

/// What is to be told of a run that must be cleaned up after.
pub(super) fn alarm(view: &RunView) -> Option<String> {
    if !view.state.ended() || view.owed.is_empty() {
        return None;
    }
    let (run, runbook, owed) = (view.id, &view.runbook, view.owed.join(", "));
    Some(format!("clean-up is owed by run {run} ({runbook}): {owed}; `hotspare run {runbook} --resume` or `--abandon`"))
}

#[cfg(test)]
mod tests;
