//! One step: intent, check, act, verify, and again where it may be tried again.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::part::{Answer, Part};
use super::runner::{End, Runner};
use crate::journal::entry::Weight;
use crate::runbook::deed::{Found, Look, Trouble};
use crate::runbook::plan::Act;
use crate::runbook::view::StepState;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// The least time for looking whether a step took effect, however late it is.
const LAST_LOOK: Duration = Duration::from_secs(3);

impl Runner<'_> {
    pub(super) async fn step(&mut self, index: usize, look: Look, seen: bool) -> End {
        if self.is_fence(index) {
            // Boxed: it comes back here for the plain part.
            let fencing: BoxFuture<'_, End> = Box::pin(self.fence_step(index, look, seen));
            return fencing.await;
        }
        self.begin_phase(index);
        self.plain_step(index, look, seen).await
    }

    pub(super) async fn plain_step(&mut self, index: usize, look: Look, seen: bool) -> End {
        let retries = self.record.plan.steps.get(index).map_or(0, |step| step.retries);
        let mut attempt = 1;
        loop {
            let look = if attempt == 1 { look } else { Look::First };
            let end = self.attempt(index, attempt, look, seen).await;
            match end {
                End::Failed(why) if attempt <= retries && self.stop.is_none() => {
                    let what = format!("{}: step {} failed, tried again", self.title(), self.name(index));
                    let _told_by_the_next_intent = self.keep(Some((Weight::Warning, what, why, Some(index)))).await;
                    tokio::time::sleep(PAUSE).await;
                    attempt += 1;
                }
                end => {
                    self.tell_end(index, &end).await;
                    return end;
                }
            }
        }
    }

    async fn attempt(&mut self, index: usize, attempt: u32, look: Look, seen: bool) -> End {
        if let Err(why) = self.intent(index, attempt, StepState::Checking, "begins").await {
            return End::NotBegun(why);
        }
        let Some(step) = self.record.plan.steps.get(index) else { return End::Done };
        let (asks, scales) = (matches!(step.act, Act::Ask { .. }), matches!(step.act, Act::Scale { .. }));
        let deadline = self.clock.tick() + step.timeout;
        match self.part(index, Part::Check, look, deadline).await {
            None => return self.give_up(index),
            Some(Ok(Answer::Found(Found::There(note)))) => {
                // What was begun by this run and is there was done by this run.
                let acted = self.record.memory.get(index).is_some_and(|memory| memory.acted);
                let state = if look == Look::Again || acted { StepState::Done } else { StepState::Skipped };
                self.finish(index, state, Some(note));
                return End::Done;
            }
            Some(Ok(Answer::Found(Found::ToDo { note, keep }))) => {
                self.note(index, note);
                if let Some(keep) = keep
                    && let Some(memory) = self.record.memory.get_mut(index)
                    // What was there before the first attempt is what an undo brings back.
                    && memory.kept.is_none()
                {
                    memory.kept = Some(keep);
                    if let Err(why) = self.keep(None).await {
                        return End::NotBegun(not_durable(&why));
                    }
                }
            }
            Some(Ok(Answer::Said(_))) => {}
            // Who resumes a second time has looked; but what is at work is never begun beside itself.
            Some(Err(Trouble::Unknown(_))) if seen => {}
            Some(Err(trouble)) => return self.troubled(index, &trouble),
        }
        self.state(index, StepState::Acting);
        let acted = if asks {
            Box::pin(self.question(index, deadline)).await
        } else {
            self.part(index, Part::Act, look, deadline).await
        };
        if let Some(memory) = self.record.memory.get_mut(index) {
            memory.acted |= match acted {
                None => scales,
                Some(Err(Trouble::Refused(_))) => false,
                Some(_) => true,
            };
        }
        let lost = match acted {
            None => return self.give_up(index),
            Some(Ok(Answer::Said(note))) => {
                self.note(index, note);
                None
            }
            Some(Ok(Answer::Found(_))) => None,
            Some(Err(Trouble::Unknown(why))) => Some(why),
            Some(Err(trouble)) => return self.troubled(index, &trouble),
        };
        self.lost = lost.is_some();
        self.state(index, StepState::Verifying);
        let deadline = deadline.max(self.clock.tick() + LAST_LOOK);
        match (self.part(index, Part::Verify, look, deadline).await, lost) {
            (None, _) => self.give_up(index),
            (Some(Ok(Answer::Said(Some(note)))), _) => {
                self.finish(index, StepState::Done, Some(note));
                End::Done
            }
            (Some(Ok(_)), _) => {
                self.finish(index, StepState::Done, None);
                End::Done
            }
            (Some(Err(Trouble::Failed(why))), lost) => self.troubled(index, &Trouble::Failed(after(lost, why))),
            // It must not be done again: what was found forbids it.
            (Some(Err(Trouble::Refused(why))), lost) => self.troubled(index, &Trouble::Refused(after(lost, why))),
            (Some(Err(Trouble::Unknown(why) | Trouble::Busy(why))), lost) => {
                self.troubled(index, &Trouble::Unknown(lost.unwrap_or(why)))
            }
        }
    }

    /// The right is held and the intent is durable; otherwise why the step is not begun.
    pub(super) async fn intent(
        &mut self,
        index: usize,
        attempt: u32,
        state: StepState,
        word: &str,
    ) -> Result<(), String> {
        self.right.may()?;
        let before = self.record.view.steps.get(index).cloned();
        let memory = self.record.memory.get(index).cloned();
        let now = self.clock.now();
        if let Some(step) = self.record.view.steps.get_mut(index) {
            step.started = Some(now);
            step.attempt = attempt;
            step.seconds = None;
            step.note = None;
            step.output.clear();
            step.state = state;
        }
        if let Some(memory) = self.record.memory.get_mut(index) {
            memory.begun = true;
        }
        let what = format!("{}: step {} {word}", self.title(), self.name(index));
        let does = self.record.view.steps.get(index).map(|step| match state {
            StepState::Undoing => step.undo.clone().unwrap_or_default(),
            _ => step.does.clone(),
        });
        let kept = self.keep(Some((Weight::Note, what, does.unwrap_or_default(), Some(index)))).await;
        // The disk may have taken its time, and the lease may have ended meanwhile.
        let ready = kept.map_err(|why| not_durable(&why)).and_then(|()| self.right.may());
        if let (Err(_), Some(step), Some(memory)) = (&ready, before, memory) {
            if let Some(place) = self.record.view.steps.get_mut(index) {
                *place = step;
            }
            if let Some(place) = self.record.memory.get_mut(index) {
                *place = memory;
            }
            self.publish();
        }
        ready
    }

    fn troubled(&mut self, index: usize, trouble: &Trouble) -> End {
        let words = format!("step {}: {}", self.name(index), trouble.words());
        let (state, end) = match trouble {
            Trouble::Refused(_) => (StepState::Refused, End::Refused(words)),
            Trouble::Failed(_) => (StepState::Failed, End::Failed(words)),
            Trouble::Unknown(_) | Trouble::Busy(_) => (StepState::Unknown, End::Unknown(words)),
        };
        self.finish(index, state, Some(trouble.words().to_owned()));
        end
    }

    fn give_up(&mut self, index: usize) -> End {
        let who = self.stop.as_ref().map_or("somebody", |stop| stop.who.as_str());
        self.finish(index, StepState::Failed, Some(format!("stopped by {who}")));
        End::Stopped
    }

    async fn tell_end(&mut self, index: usize, end: &End) {
        let (weight, word, why) = match end {
            End::Done => (Weight::Note, "is done", ""),
            End::Refused(why) => (Weight::Refusal, "was refused", why.as_str()),
            End::Failed(why) => (Weight::Alarm, "failed", why.as_str()),
            End::Unknown(why) => (Weight::Alarm, "ended, and nobody can tell how", why.as_str()),
            End::NotBegun(why) => (Weight::Refusal, "was not begun", why.as_str()),
            End::Stopped => (Weight::Note, "was stopped", ""),
        };
        let note = self.record.view.steps.get(index).and_then(|step| step.note.clone()).unwrap_or_default();
        let why = if why.is_empty() { note } else { why.to_owned() };
        let what = format!("{}: step {} {word}", self.title(), self.name(index));
        // What is not written now is noticed by the next intent, which is asked for before anything else is done.
        let _later = self.keep(Some((weight, what, why, Some(index)))).await;
    }

    /// A step that must not be begun.
    pub(super) async fn refuse(&mut self, index: usize, why: String) -> End {
        let end = self.troubled(index, &Trouble::Refused(why));
        self.tell_end(index, &end).await;
        end
    }

    pub(super) fn begin_phase(&mut self, index: usize) {
        let Some(step) = self.record.plan.steps.get(index) else { return };
        let name = match &step.act {
            _ if step.fence => "fence",
            Act::Address { take: Some(_), .. } => "claim",
            _ => step.name.as_str(),
        };
        let now = self.clock.tick();
        self.timeline.begin(&mut self.record.view.timeline, name, now);
    }

    pub(super) fn name(&self, index: usize) -> String {
        self.record.view.steps.get(index).map(|step| step.name.clone()).unwrap_or_default()
    }

    fn state(&mut self, index: usize, state: StepState) {
        if let Some(step) = self.record.view.steps.get_mut(index) {
            step.state = state;
        }
        self.publish();
    }

    fn note(&mut self, index: usize, note: Option<String>) {
        if let (Some(step), Some(note)) = (self.record.view.steps.get_mut(index), note) {
            step.note = Some(note);
        }
    }

    pub(super) fn finish(&mut self, index: usize, state: StepState, note: Option<String>) {
        self.seconds(index);
        self.note(index, note);
        self.state(index, state);
    }

    pub(super) fn seconds(&mut self, index: usize) {
        let now = self.clock.now();
        if let Some(step) = self.record.view.steps.get_mut(index)
            && let Some(started) = step.started
        {
            step.seconds = Some(now.duration_since(started).as_secs_f64().max(0.0));
        }
    }
}

fn not_durable(why: &str) -> String {
    format!("the state folder cannot be written ({why}), and nothing is begun that is not on disk")
}

/// What was found after an answer was lost.
fn after(lost: Option<String>, why: String) -> String {
    match lost {
        Some(lost) => format!("{lost}, and then: {why}"),
        None => why,
    }
}
