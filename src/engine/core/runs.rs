//! Runs that no pool asks for: `hotspare run`. And answers to what steps of any run want to know.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::Core;
use super::commands::{Done, usage};
use super::pools::{outcome, tell};
use crate::clock::Clock;
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::fleet::pool::Fence;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::dry::rehearse;
use crate::runbook::plan::plan;
use crate::runbook::record::{Orders, RunRecord};
use crate::runbook::run::{Hand, Ledger, Note, Right, Way, Wish, execute};
use crate::runbook::view::{RunId, RunReport, RunView};
use crate::standin::lease::Lease;
use crate::work::jobs::{JobError, Outcome, Request};
use crate::work::view::{Priority, Unit};

/// Wishes that wait for a run.
const WISHES: usize = 8;

/// The ways to the runs that no pool asked for, as long as they are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Alone(Arc<Mutex<HashMap<RunId, Door>>>);

/// The way to one run, and what it shows.
type Door = (mpsc::Sender<Wish>, watch::Receiver<Arc<RunView>>);

impl Core {
    pub(super) fn run_alone(
        &mut self,
        who: &Who,
        name: &str,
        set: BTreeMap<String, String>,
        dry_run: bool,
    ) -> Result<Done, Refusal> {
        let fleet = Arc::clone(&self.parts.fleet);
        let Some(runbook) = fleet.runbooks.iter().find(|known| known.name == name) else {
            let near = fleet.runbooks.iter().map(|known| (strsim::damerau_levenshtein(&known.name, name), &known.name));
            let hint = match near.min() {
                Some((distance, near)) if distance <= 3 => format!("did you mean {near}?"),
                Some(_) => "`hotspare check` names those of the fleet file".into(),
                None => "write [runbooks.NAME] into the fleet file".into(),
            };
            return Err(usage(format!("there is no runbook {name} in {}", fleet.name), Some(hint)));
        };
        let run = if dry_run { RunId(0) } else { self.next_run() };
        let part = |part: &str| set.get(&format!("{part}.name")).and_then(|name| fleet.host(name)).map(Machine::from);
        let token = format!("{name}-{run}-{}", self.now().as_millisecond());
        let cast = Cast { failed: part("failed"), spare: part("spare"), set, ..Cast::of(&fleet, token) };
        let plan = plan(runbook, Purpose::Alone, &cast).map_err(|error| {
            let hint = "give what is missing with --set NAME=VALUE, such as --set failed.name=studio-1";
            usage(error.to_string(), Some(hint.into()))
        })?;
        let orders = Orders {
            who: who.name.clone(),
            why: "asked for by hand".into(),
            generation: 0,
            fence: Fence::None,
            oath: None,
            before: Vec::new(),
            since: None,
        };
        let record = RunRecord::new(run, plan, orders, &self.parts.clock);
        let hands = self.parts.pools.tools().clone();
        let request = Request {
            kind: if dry_run { "rehearse" } else { "run" },
            title: name.to_owned(),
            unit: Unit::Items,
            priority: Priority::Now,
            who: who.name.clone(),
        };
        let id = if dry_run {
            self.jobs.submit(request, |_job| async move {
                let report = rehearse(record, &hands).await;
                let note = format!("{} steps would be done", report.run.steps.len());
                Ok::<_, JobError>(Outcome { ok: true, note, report: Report::Ran { ran: Box::new(report) } })
            })
        } else {
            let (right, ledger) = (Held(self.parts.lease.clone()), self.shelf(name));
            let (clock, alone) = (self.parts.clock.clone(), self.alone.clone());
            self.jobs.submit(request, |job| async move {
                let (hand, wishes) = mpsc::channel(WISHES);
                let (view, seen) = watch::channel(Arc::new(record.view.clone()));
                alone.enter(run, (hand.clone(), seen.clone()));
                let working = execute(record, Way::Begin, &hands, &clock, &right, &ledger, Hand { view, wishes });
                let both = async { tokio::join!(working, tell(&job, seen)).0 };
                tokio::pin!(both);
                let mut asked = false;
                let ended = loop {
                    tokio::select! {
                        ended = &mut both => break ended,
                        () = job.token().cancelled(), if !asked => {
                            asked = true;
                            let wish = Wish::Stop { undo: false, who: "whoever cancelled the job".into() };
                            let _ended_already = hand.send(wish).await;
                        }
                    }
                };
                alone.leave(run);
                Ok(outcome(RunReport { run: ended.view, dry_run: false, refused: Vec::new() }))
            })
        };
        Ok(self.submitted(id, &format!("{} of {name}", if dry_run { "rehearsal" } else { "run" })))
    }

    /// An answer to what a step wants to know.
    pub(super) fn run_answer(&self, who: &Who, run: RunId, yes: bool) -> Result<Done, Refusal> {
        let unknown = || Refusal {
            kind: RefusalKind::Usage,
            what: format!("no step of run {run} asks for anything"),
            hint: Some("`hotspare jobs` lists what runs".into()),
        };
        let (step, hand) = self.parts.pools.question(run).or_else(|| self.alone.question(run)).ok_or_else(unknown)?;
        hand.try_send(Wish::Answer { step: step.clone(), yes, who: who.name.clone() }).map_err(|_gone| unknown())?;
        let said = format!("{step} of run {run} is answered: {}", if yes { "yes" } else { "no" });
        Ok(Done::new(said, serde_json::json!({ "run": run, "step": step, "yes": yes })))
    }

    fn shelf(&self, runbook: &str) -> Kept {
        let (journal, clock) = (self.parts.journal.clone(), self.parts.clock.clone());
        Kept { journal, clock, key: format!("run.{runbook}") }
    }
}

impl Alone {
    fn enter(&self, run: RunId, door: Door) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, door);
    }

    fn leave(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    /// Which step of a run asks, and the way to it.
    fn question(&self, run: RunId) -> Option<(String, mpsc::Sender<Wish>)> {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (hand, view) = doors.get(&run)?;
        let step = view.borrow().question.as_ref()?.step.clone();
        Some((step, hand.clone()))
    }
}

/// The right to act, as long as the lease is held.
struct Held(Lease);

impl Right for Held {
    fn may(&self) -> Result<(), String> {
        self.0.may_act().map(|_right| ()).map_err(|not| not.to_string())
    }
}

/// `state.db`, for the record of a run.
struct Kept {
    journal: Journal,
    clock: Clock,
    key: String,
}

impl Ledger for Kept {
    fn keep<'a>(&'a self, record: &'a RunRecord, note: Option<Note>) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let full = || "state.db cannot be written: free or repair the disk of the state folder".to_owned();
            let text = serde_json::to_string(record).map_err(|error| error.to_string())?;
            let kept = self.journal.keep_durably(&self.key, text).await.map_err(|error| error.to_string())?;
            if !kept {
                return Err(full());
            }
            let Some(Note { weight, what, why, about }) = note else { return Ok(()) };
            let draft = Draft { time: self.clock.now(), who: record.orders.who.clone(), what, why, about, weight };
            let recorded = self.journal.append(draft).map_err(|error| error.to_string())?;
            match recorded.await {
                Ok(recorded) if recorded.durable => Ok(()),
                _ => Err(full()),
            }
        }
        .boxed()
    }
}
