//! The executor: which step is next, and how the run ends.

use std::sync::Arc;

use serde_json::json;

use super::timeline::Timeline;
use super::{Hand, Ledger, Note, Right, Way, Wish};
use crate::clock::Clock;
use crate::fleet::runbook::OnError;
use crate::journal::entry::Weight;
use crate::runbook::cast::Purpose;
use crate::runbook::deed::{Deeds, Look};
use crate::runbook::guard::Guard;
use crate::runbook::record::RunRecord;
use crate::runbook::view::{Phase, RunState, StepState};

/// How one step ended, for the run.
#[derive(Debug)]
pub(super) enum End {
    Done,
    Refused(String),
    Failed(String),
    Unknown(String),
    /// It was not begun: the right is lost, or its intent is not durable.
    NotBegun(String),
    /// Somebody wants the run to stop.
    Stopped,
}

/// Somebody wants the run to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) undo: bool,
    pub(super) who: String,
}

pub(super) struct Runner<'a> {
    pub(super) record: RunRecord,
    pub(super) deeds: &'a dyn Deeds,
    pub(super) clock: &'a Clock,
    pub(super) right: &'a dyn Right,
    pub(super) ledger: &'a dyn Ledger,
    pub(super) hand: Hand,
    pub(super) guard: Guard,
    pub(super) timeline: Timeline,
    pub(super) stop: Option<Stop>,
    /// The answer of the act that is being verified was lost.
    pub(super) lost: bool,
    /// An answer that came while the evidence of its question was looked at again.
    pub(super) answered: Option<Wish>,
}

const RESUME: &str = "look at it, then resume the run, or abandon it (undo what was done)";

impl<'a> Runner<'a> {
    pub(super) fn new(
        record: RunRecord,
        deeds: &'a dyn Deeds,
        clock: &'a Clock,
        right: &'a dyn Right,
        ledger: &'a dyn Ledger,
        hand: Hand,
    ) -> Self {
        let guard = Guard {
            scope: record.plan.cast.pool.clone(),
            generation: record.orders.generation,
            token: record.plan.cast.token.clone(),
        };
        let since = record.orders.since.unwrap_or_else(|| clock.tick());
        let timeline = Timeline::after(&record.view.timeline, since);
        Self { record, deeds, clock, right, ledger, hand, guard, timeline, stop: None, lost: false, answered: None }
    }

    pub(super) async fn execute(mut self, way: Way) -> RunRecord {
        if way != Way::Begin {
            self.after_a_pause();
        }
        self.record.view.generation = self.record.orders.generation;
        self.record.view.ended = None;
        self.record.view.next = None;
        let half_undone = |state| matches!(state, StepState::Undoing | StepState::Undone);
        let undoing = self.record.view.steps.iter().any(|step| half_undone(step.state));
        if way == Way::Abandon || way == Way::Resume && undoing {
            self.undo_all().await;
        } else {
            self.set(RunState::Running);
            self.forward(way).await;
            if self.record.view.purpose == Purpose::Drill {
                self.put_back().await;
            }
        }
        self.close().await;
        self.record
    }

    /// What passed since the last phase becomes a phase of its own, measured by the wall clock: no other was running.
    fn after_a_pause(&mut self) {
        let view = &mut self.record.view;
        let begun: f64 = self.record.orders.before.iter().map(|phase| phase.seconds).sum();
        let at = view.timeline.last().map_or(0.0, |last| last.at + last.seconds);
        let now = begun + self.clock.now().duration_since(view.started).as_secs_f64();
        view.timeline.push(Phase { name: "interrupted".into(), at, seconds: (now - at).max(0.0) });
        self.timeline = Timeline::after(&view.timeline, self.clock.tick());
    }

    async fn forward(&mut self, way: Way) {
        for index in 0..self.record.plan.steps.len() {
            self.hear();
            if self.stop.is_some() {
                return self.stopped().await;
            }
            let Some((state, on_error)) = self.standing(index) else { break };
            let over = matches!(state, StepState::Done | StepState::Skipped)
                || on_error == OnError::Continue && matches!(state, StepState::Failed | StepState::Unknown);
            // A fence that held before the pause is looked at again while there is something to claim.
            if way == Way::Resume && over && !(self.is_fence(index) && self.claims_after(index)) {
                continue;
            }
            let look = match state {
                StepState::Checking | StepState::Acting | StepState::Verifying | StepState::Unknown => Look::Again,
                _ => Look::First,
            };
            // Whoever resumes a run that ended as unknown has seen it: then the step is done again.
            let seen = state == StepState::Unknown;
            let end = match self.claim_is_fenced(index) {
                Err(why) => self.refuse(index, why).await,
                Ok(()) => self.step(index, look, seen).await,
            };
            match (end, on_error) {
                (End::Done, _) | (End::Failed(_) | End::Unknown(_), OnError::Continue) => {}
                (End::Stopped, _) => return self.stopped().await,
                (End::NotBegun(why), _) => {
                    return self
                        .end(RunState::Interrupted, &format!("{why}; when that is mended, resume or abandon the run"));
                }
                (End::Unknown(why), _) => return self.end(RunState::Unknown, &format!("{why}; {RESUME}")),
                (End::Failed(_) | End::Refused(_), OnError::Undo) => return self.undo_all().await,
                (End::Failed(why) | End::Refused(why), _) => {
                    return self.end(RunState::Failed, &format!("{why}; {RESUME}"));
                }
            }
        }
        self.record.view.state = RunState::Done;
    }

    fn claims_after(&self, index: usize) -> bool {
        let later = self.record.plan.steps.iter().zip(&self.record.view.steps).skip(index);
        later.into_iter().any(|(step, seen)| {
            let over = matches!(seen.state, StepState::Done | StepState::Skipped);
            !over && step.act.claims()
        })
    }

    fn standing(&self, index: usize) -> Option<(StepState, OnError)> {
        let on_error = self.record.plan.steps.get(index)?.on_error;
        Some((self.record.view.steps.get(index)?.state, on_error))
    }

    async fn stopped(&mut self) {
        let Some(stop) = self.stop.take() else { return };
        if stop.undo {
            self.undo_all().await;
        } else {
            self.end(
                RunState::Failed,
                &format!("stopped by {}; resume the run, or abandon it (undo what was done)", stop.who),
            );
        }
    }

    pub(super) fn end(&mut self, state: RunState, next: &str) {
        self.record.view.state = state;
        let owed = self.record.owed_words();
        self.record.view.next = Some(format!("{next}{owed}"));
    }

    /// The last line of the run.
    async fn close(&mut self) {
        let now = self.clock.tick();
        self.timeline.close(&mut self.record.view.timeline, now);
        self.record.view.ended = Some(self.clock.now());
        self.record.view.question = None;
        self.record.note_owed();
        let state = self.record.view.state;
        let weight = match state {
            RunState::Done | RunState::Undone => Weight::Good,
            RunState::Interrupted => Weight::Warning,
            _ => Weight::Alarm,
        };
        let why = self.record.view.next.clone().unwrap_or_else(|| self.record.view.why.clone());
        let what = format!("{} {}", self.title(), ended(state));
        if let Err(why) = self.keep(Some((weight, what, why, None))).await {
            let next = &mut self.record.view.next;
            *next = Some(match next.take() {
                Some(next) => format!("{next} (its end is not on disk: {why})"),
                None => format!("its end is not on disk: {why}"),
            });
        }
        self.publish();
    }

    /// `takeover run 7 (pcs-takeover)`.
    pub(super) fn title(&self) -> String {
        let view = &self.record.view;
        match view.purpose.word() {
            "run" => format!("run {} ({})", view.id, view.runbook),
            word => format!("{word} run {} ({})", view.id, view.runbook),
        }
    }

    pub(super) fn set(&mut self, state: RunState) {
        self.record.view.state = state;
        self.publish();
    }

    pub(super) fn publish(&self) {
        self.hand.view.send_replace(Arc::new(self.record.view.clone()));
    }

    /// Makes the record durable, with a line for the journal: weight, what, why, index of the step.
    pub(super) async fn keep(&mut self, line: Option<(Weight, String, String, Option<usize>)>) -> Result<(), String> {
        self.record.note_owed();
        self.publish();
        let note = line.map(|(weight, what, why, index)| {
            let view = &self.record.view;
            let step = index.and_then(|index| view.steps.get(index));
            let about = json!({
                "run": view.id, "runbook": view.runbook, "purpose": view.purpose, "pool": view.pool,
                "generation": view.generation, "step": step.map(|step| &step.name),
                "state": step.map_or(view.state.word(), |step| step.state.word()),
            });
            Note { weight, what, why, about }
        });
        self.ledger.keep(&self.record, note).await
    }

    /// Takes up what people want, without waiting. Answers to questions that are over are of no use.
    pub(super) fn hear(&mut self) {
        while let Ok(wish) = self.hand.wishes.try_recv() {
            if let Wish::Stop { undo, who } = wish {
                self.stop = Some(Stop { undo, who });
            }
        }
    }

    /// Whether the fence holds, where the step claims what must not have two owners.
    fn claim_is_fenced(&self, index: usize) -> Result<(), String> {
        match self.record.plan.steps.get(index) {
            Some(step) if step.act.claims() => self.fence_holds(),
            _ => Ok(()),
        }
    }
}

const fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Done => "is done",
        RunState::Undone => "was undone",
        RunState::Unknown => "ended, and nobody can tell how",
        RunState::Interrupted => "was interrupted",
        _ => "failed",
    }
}
