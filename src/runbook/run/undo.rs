//! Undoing: what was done, last first. Then what must be cleaned up, in order.

use super::runner::{End, Runner};
use crate::journal::entry::Weight;
use crate::runbook::deed::{Look, Trouble};
use crate::runbook::view::{RunState, StepState, UNDO};

impl Runner<'_> {
    /// Undoes every step that was done or may have been. One that cannot be undone does not keep the others from it.
    pub(super) async fn undo_all(&mut self) {
        self.set(RunState::Undoing);
        let mut left = Vec::new();
        let mut unknown = false;
        for index in (0..self.record.plan.steps.len()).rev() {
            // What cleans up is not undone: it is what the run leaves behind.
            if !self.may_have_acted(index) || self.record.plan.steps.get(index).is_some_and(|step| step.cleanup) {
                continue;
            }
            // A question, or a look, has changed nothing: it stands as it ended.
            if self.record.plan.steps.get(index).is_some_and(|step| step.act.only_looks()) {
                continue;
            }
            if self.record.view.steps.get(index).is_some_and(|step| step.undo.is_none()) {
                self.no_undo(index);
                continue;
            }
            self.undo_phase(index);
            match self.undo_step(index).await {
                Ok(()) => {}
                Err(Undone::Not(trouble)) => {
                    unknown |= matches!(trouble, Trouble::Unknown(_));
                    left.push(format!("step {} is not undone: {}", self.name(index), trouble.words()));
                }
                Err(Undone::NotBegun(why)) => {
                    let next = format!("{why}; when that is mended, abandon the run again");
                    return self.end(RunState::Interrupted, &next);
                }
            }
        }
        if left.is_empty() {
            self.record.view.next = None;
            if self.clean_up().await {
                self.record.view.state = RunState::Undone;
            }
            return;
        }
        let state = if unknown { RunState::Unknown } else { RunState::Failed };
        self.end(state, &format!("{}; do it by hand, or abandon the run again", left.join("; ")));
    }

    /// Says of a step that nothing undoes it; how it ended, and how long it took, stay.
    fn no_undo(&mut self, index: usize) {
        let Some(step) = self.record.view.steps.get_mut(index) else { return };
        let (state, word) = match step.state {
            StepState::Done | StepState::Failed | StepState::Skipped => (step.state, "was done"),
            _ => (StepState::Unknown, "may have been done"),
        };
        let word = if state == StepState::Failed { "failed midway" } else { word };
        (step.state, step.note) = (state, Some(format!("{word}, and has no undo")));
        self.publish();
    }

    /// Does every clean-up step that is owed. Returns whether none is left; otherwise the run has ended with the reason.
    async fn clean_up(&mut self) -> bool {
        for index in self.record.owed() {
            let look = match self.record.view.steps.get(index).map(|step| step.state) {
                None | Some(StepState::Waiting) => Look::First,
                Some(_) => Look::Again,
            };
            let seen = self.record.view.steps.get(index).is_some_and(|step| step.state == StepState::Unknown);
            let (state, why) = match Box::pin(self.step(index, look, seen)).await {
                End::Done => continue,
                End::Failed(why) | End::Refused(why) => (RunState::Failed, why),
                End::Unknown(why) => (RunState::Unknown, why),
                End::NotBegun(why) => (RunState::Interrupted, why),
                End::Stopped => (RunState::Failed, format!("step {} was stopped", self.name(index))),
            };
            self.end(state, &format!("{why}; mend that, then abandon the run again"));
            return false;
        }
        true
    }

    /// Practice leaves nothing behind: what it began is undone, however it ended. What nobody can tell, and what may not be
    /// gone on with, is left to a person.
    pub(super) async fn put_back(&mut self) {
        let (state, next) = (self.record.view.state, self.record.view.next.take());
        if !matches!(state, RunState::Done | RunState::Failed) {
            self.record.view.next = next;
            return;
        }
        self.undo_all().await;
        let view = &mut self.record.view;
        match (view.state, state) {
            (RunState::Undone, RunState::Done) => view.state = RunState::Done,
            (RunState::Undone, _) => {
                let why = next.unwrap_or_default();
                let why = why.split("; ").next().unwrap_or_default();
                view.next = Some(format!("{why}; everything that the drill began is undone"));
            }
            _ => {
                let left = view.next.take().unwrap_or_default();
                let before = if state == RunState::Done { "every step was done" } else { "a step failed" };
                view.next = Some(format!("{before}, and what the drill began is not all undone: {left}"));
            }
        }
    }

    async fn undo_step(&mut self, index: usize) -> Result<(), Undone> {
        let (retries, timeout) = match self.record.plan.steps.get(index) {
            Some(step) => (step.retries, step.timeout),
            None => return Ok(()),
        };
        let mut attempt = 1;
        loop {
            self.intent(index, attempt, StepState::Undoing, "is being undone").await.map_err(Undone::NotBegun)?;
            let deadline = self.clock.tick() + timeout;
            let ended = self.undo_part(index, deadline).await;
            let (state, words, weight) = match &ended {
                Ok(note) => (StepState::Undone, note.clone(), Weight::Note),
                Err(Trouble::Unknown(why)) => (StepState::Unknown, Some(why.clone()), Weight::Alarm),
                Err(trouble) => (StepState::Failed, Some(trouble.words().to_owned()), Weight::Alarm),
            };
            self.finish(index, state, words.clone());
            let word = if ended.is_ok() { "was undone" } else { "could not be undone" };
            let what = format!("{}: step {} {word}", self.title(), self.name(index));
            let _later = self.keep(Some((weight, what, words.unwrap_or_default(), Some(index)))).await;
            match ended {
                Ok(_) => return Ok(()),
                Err(Trouble::Failed(_) | Trouble::Unknown(_)) if attempt <= retries => attempt += 1,
                Err(trouble) => return Err(Undone::Not(trouble)),
            }
        }
    }

    /// Done, half done, or nobody knows; not what was there before the run, and not what was refused.
    fn may_have_acted(&self, index: usize) -> bool {
        let (Some(memory), Some(step)) = (self.record.memory.get(index), self.record.view.steps.get(index)) else {
            return false;
        };
        match step.state {
            StepState::Waiting | StepState::Undone => false,
            StepState::Skipped | StepState::Refused | StepState::Failed => memory.acted,
            // Under way when the engine ended, where nobody could note that it acted; or done.
            _ => memory.begun,
        }
    }

    fn undo_phase(&mut self, index: usize) {
        let name = format!("{UNDO}{}", self.name(index));
        let now = self.clock.tick();
        self.timeline.begin(&mut self.record.view.timeline, &name, now);
    }
}

/// Why a step is not undone.
enum Undone {
    /// Its undo failed.
    Not(Trouble),
    /// Its undo was not begun.
    NotBegun(String),
}
