//! Record: what is kept of a run, so that it can be gone on with or undone after a crash.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fence::Strength;
use super::plan::Plan;
use super::view::{Phase, RunId, RunState, RunView, StepState, StepView};
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::pool::Fence;

/// With whose right and under which conditions a plan is executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// Who asked for it.
    pub who: String,
    /// Why: the evidence of the decision, or what the person said.
    pub why: String,
    /// The generation that its steps carry.
    pub generation: u64,
    /// Must the fence hold before an address is taken? Only asked of a takeover.
    pub fence: Fence,
    /// Somebody swore that the failed host is off.
    pub oath: Option<Oath>,
    /// What passed before the run began, from the fault on: detect, confirm.
    pub before: Vec<Phase>,
    /// When the last of `before` ended, so that the first phase of the run begins there.
    #[serde(skip)]
    pub since: Option<Tick>,
}

/// A person's word that a machine is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oath {
    /// Who swore.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The wire was found silent before the run began, while the host was only suspect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// What was asked and found silent.
    pub words: String,
    /// When the asking began.
    pub asked: Tick,
}

/// A run, as it is kept: its plan, its orders, where each step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What will be done.
    pub plan: Plan,
    /// With whose right.
    pub orders: Orders,
    /// Where it stands, as faces see it.
    pub view: RunView,
    /// What has to be remembered of each step besides, in their order.
    pub memory: Vec<Memory>,
    /// The last look at the wire before the run began. It counts for a moment only, and so is not kept.
    #[serde(skip)]
    pub glance: Option<Glance>,
}

/// What has to be remembered of a step besides its view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// It was begun: its intent is durable, and it may have acted.
    pub begun: bool,
    /// An attempt went beyond looking.
    pub acted: bool,
    /// What was before, for its undo.
    pub kept: Option<Value>,
    /// How sure the fence is, for a step that is one.
    pub strength: Option<Strength>,
}

impl RunRecord {
    /// A run that has not begun.
    pub fn new(id: RunId, plan: Plan, orders: Orders, clock: &Clock) -> Self {
        let steps = plan.steps.iter().map(|step| StepView {
            name: step.name.clone(),
            kind: step.act.word().into(),
            on: step.on.as_ref().map(|spot| spot.name().to_owned()),
            does: step.does(),
            undo: step.undoes(),
            fence: step.fence,
            state: StepState::Waiting,
            started: None,
            seconds: None,
            attempt: 0,
            output: Vec::new(),
            note: None,
        });
        let name = |machine: &Option<super::cast::Machine>| machine.as_ref().map(|machine| machine.name.clone());
        let view = RunView {
            id,
            runbook: plan.runbook.clone(),
            purpose: plan.purpose,
            pool: plan.cast.pool.clone(),
            failed: name(&plan.cast.failed),
            spare: name(&plan.cast.spare),
            who: orders.who.clone(),
            why: orders.why.clone(),
            generation: orders.generation,
            state: RunState::Running,
            started: clock.now(),
            ended: None,
            steps: steps.collect(),
            timeline: orders.before.clone(),
            question: None,
            next: None,
            owed: Vec::new(),
        };
        let memory = vec![Memory::default(); plan.steps.len()];
        Self { plan, orders, view, memory, glance: None }
    }

    /// Whether a person has to say what becomes of it: it was found on disk and had not come to an end, or nobody can tell
    /// how it ended.
    pub fn waits(&self) -> bool {
        !self.view.state.ended()
            || matches!(self.view.state, RunState::Interrupted | RunState::Unknown)
            || !self.owed().is_empty()
    }

    /// The clean-up steps that must still be done, by their places: those that are not done though something before them was.
    pub fn owed(&self) -> Vec<usize> {
        let mut changed = false;
        let mut owed = Vec::new();
        for (index, (step, seen)) in self.plan.steps.iter().zip(&self.view.steps).enumerate() {
            let over = matches!(seen.state, StepState::Done | StepState::Skipped);
            if step.cleanup && changed && !over {
                owed.push(index);
            }
            let memory = self.memory.get(index);
            let idle =
                matches!(seen.state, StepState::Waiting | StepState::Skipped | StepState::Refused | StepState::Failed);
            let acted = memory.is_some_and(|memory| memory.acted || memory.begun && !idle);
            changed |= acted && !step.act.only_looks();
        }
        owed
    }

    /// Writes into the view what is owed.
    pub(super) fn note_owed(&mut self) {
        let owed = self.owed();
        let names = owed.iter().filter_map(|index| self.view.steps.get(*index)).map(|step| step.name.clone());
        self.view.owed = names.collect();
    }

    /// What is owed, as the tail of a sentence.
    pub(super) fn owed_words(&self) -> String {
        let owed = self.owed();
        let names: Vec<&str> =
            owed.iter().filter_map(|index| self.view.steps.get(*index)).map(|step| step.name.as_str()).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("; a clean-up is owed: {one}"),
            several => format!("; clean-ups are owed: {}", several.join(", ")),
        }
    }

    /// The same as it is shown after the engine that ran it has gone.
    #[must_use]
    pub fn interrupted(mut self) -> Self {
        if !self.view.state.ended() {
            self.view.state = RunState::Interrupted;
            self.view.question = None;
            let owed = self.owed_words();
            self.view.next = Some(format!(
                "the engine ended in the middle of it: resume the run, or abandon it (undo what was done){owed}"
            ));
        }
        self.note_owed();
        self
    }
}
