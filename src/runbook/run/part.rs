//! One part of a step at work: bounded, heard, and ended on request where it only waits.

use std::time::Duration;

use super::Wish;
use super::runner::{Runner, Stop};
use crate::clock::Tick;
use crate::reach::plain;
use crate::runbook::deed::{Bit, Deeds, Found, Live, Look, Told, Trouble};
use crate::runbook::plan::Act;
use crate::runbook::view::{OUTPUT_LINES, Question, RunState};

/// What a part of a step gets beyond its time, so that its own, better worded time-out comes first.
const GRACE: Duration = Duration::from_millis(500);

/// Which part of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Check,
    Act,
    Verify,
    Undo,
}

/// What a part answers with: what a check found, or what there is to say.
pub(super) enum Answer {
    Found(Found),
    Said(Option<String>),
}

impl Runner<'_> {
    /// Does one part, and meanwhile hears what the step tells and what people want. `None`: it was dropped on request.
    pub(super) async fn part(
        &mut self,
        index: usize,
        part: Part,
        look: Look,
        deadline: Tick,
    ) -> Option<Result<Answer, Trouble>> {
        let lost = part == Part::Verify && self.lost;
        let began = self.clock.tick();
        let patience = Duration::max(
            if deadline > began { deadline.since(began) } else { Duration::ZERO },
            Duration::from_millis(100),
        );
        let plan = self.record.plan.clone();
        let kept = self.record.memory.get(index).and_then(|memory| memory.kept.clone());
        let guard = self.guard.clone();
        let step = plan.steps.get(index)?;
        // A service is scaled in small steps that docker ends by itself; none follows when it is dropped.
        let drops = step.act.only_looks() || matches!(step.act, Act::Scale { .. });
        let (live, mut told) = Live::new();
        let bit = Bit { plan: &plan, step, guard: &guard, kept: kept.as_ref(), look, lost, patience, live: &live };
        let mut doing = std::pin::pin!(tokio::time::timeout(patience + GRACE, do_part(self.deeds, part, bit)));
        let ended = loop {
            tokio::select! {
                biased;
                Some(told) = told.recv() => self.told(index, told),
                ended = &mut doing => break ended,
                wish = wish(&mut self.hand.wishes) => match wish {
                    Wish::Stop { undo, who } => {
                        self.stop = Some(Stop { undo, who });
                        if drops && part != Part::Undo {
                            return None;
                        }
                    }
                    // To the question that stands while its evidence is looked at again.
                    answer @ Wish::Answer { .. } => self.answered = Some(answer),
                    Wish::LookAgain => {}
                },
            }
        };
        while let Ok(more) = told.try_recv() {
            self.told(index, more);
        }
        self.seconds(index);
        Some(ended.unwrap_or_else(|_late| {
            let words = format!("no end within {}", plain::time(patience));
            Err(if part == Part::Check { Trouble::Failed(words) } else { Trouble::Unknown(words) })
        }))
    }

    /// Undoes one step, and hears meanwhile.
    pub(super) async fn undo_part(&mut self, index: usize, deadline: Tick) -> Result<Option<String>, Trouble> {
        match self.part(index, Part::Undo, Look::Again, deadline).await {
            Some(Ok(Answer::Said(note))) => Ok(note),
            Some(Ok(Answer::Found(_))) | None => Ok(None),
            Some(Err(trouble)) => Err(trouble),
        }
    }

    /// Asks a person and waits for the answer.
    pub(super) async fn question(&mut self, index: usize, deadline: Tick) -> Option<Result<Answer, Trouble>> {
        let Some(Act::Ask { text, show }) = self.record.plan.steps.get(index).map(|step| step.act.clone()) else {
            return None;
        };
        let name = self.name(index);
        self.answered = None;
        self.record.view.question =
            Some(Question { step: name.clone(), text, evidence: self.evidence(index), shows: show.clone() });
        self.set(RunState::Asking);
        // That it waits for a person is on disk, so that another engine says so too. Where that fails, the next intent does.
        let _noticed_later = self.keep(None).await;
        let all = deadline.since(self.clock.tick());
        let answer = loop {
            let left = deadline.since(self.clock.tick());
            let wish = if let Some(answer) = self.answered.take() {
                answer
            } else if let Ok(wish) = tokio::time::timeout(left, wish(&mut self.hand.wishes)).await {
                wish
            } else {
                let words = format!("nobody answered within {}", plain::time(all));
                break Some(Err(Trouble::Failed(words)));
            };
            match wish {
                Wish::Answer { step, yes, who } if step == name => {
                    break Some(if yes {
                        Ok(Answer::Said(Some(format!("confirmed by {who}"))))
                    } else {
                        Err(Trouble::Failed(format!("{who} said no")))
                    });
                }
                Wish::LookAgain if show.is_some() => {
                    if let Some(step) = self.record.view.steps.get_mut(index) {
                        step.output.clear();
                    }
                    // What it says stands in the evidence, whatever it is.
                    if self.part(index, Part::Check, Look::First, deadline).await.is_none() {
                        break None;
                    }
                    let evidence = self.evidence(index);
                    if let Some(question) = &mut self.record.view.question {
                        question.evidence = evidence;
                    }
                    self.publish();
                }
                Wish::Answer { .. } | Wish::LookAgain => {}
                Wish::Stop { undo, who } => {
                    self.stop = Some(Stop { undo, who });
                    break None;
                }
            }
        };
        self.record.view.question = None;
        self.set(RunState::Running);
        answer
    }

    /// What the look before the question printed.
    fn evidence(&self, index: usize) -> Vec<String> {
        self.record.view.steps.get(index).map(|step| step.output.clone()).unwrap_or_default()
    }

    fn told(&mut self, index: usize, told: Told) {
        match told {
            Told::Line(line) => {
                if let Some(step) = self.record.view.steps.get_mut(index) {
                    if step.output.len() == OUTPUT_LINES {
                        step.output.remove(0);
                    }
                    step.output.push(line);
                }
                self.seconds(index);
            }
            Told::Phase(name) => {
                let now = self.clock.tick();
                self.timeline.begin(&mut self.record.view.timeline, &name, now);
            }
        }
        self.publish();
    }
}

/// The next wish; never, when nobody is left to have one.
async fn wish(wishes: &mut tokio::sync::mpsc::Receiver<Wish>) -> Wish {
    match wishes.recv().await {
        Some(wish) => wish,
        None => std::future::pending().await,
    }
}

async fn do_part(deeds: &dyn Deeds, part: Part, bit: Bit<'_>) -> Result<Answer, Trouble> {
    match part {
        Part::Check => deeds.check(bit).await.map(Answer::Found),
        Part::Act => deeds.act(bit).await.map(Answer::Said),
        Part::Verify => deeds.verify(bit).await.map(Answer::Said),
        Part::Undo => deeds.undo(bit).await.map(Answer::Said),
    }
}
