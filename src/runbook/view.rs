//! What the snapshot carries of a run.

use serde::{Deserialize, Serialize};

use super::cast::Purpose;
use crate::clock::Timestamp;

/// Number of a run, unique in a state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One run, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Its number.
    pub id: RunId,
    /// Name of the runbook.
    pub runbook: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The pool, where one asked for it.
    pub pool: Option<String>,
    /// The host whose place is taken or that gets its work back.
    pub failed: Option<String>,
    /// The spare.
    pub spare: Option<String>,
    /// Who asked for it.
    pub who: String,
    /// Why: the evidence of the decision, or what the person said.
    pub why: String,
    /// The generation that its steps carry.
    pub generation: u64,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// What passed from the fault to service, phase by phase.
    pub timeline: Vec<Phase>,
    /// What a step wants to know from a person before it goes on.
    pub question: Option<Question>,
    /// What to do now, in one line; `None` while it moves and when all is well.
    pub next: Option<String>,
    /// Clean-up steps that must still be done, because something was done before them; names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<String>,
}

impl RunView {
    /// Whether it waits until a person says how it goes on, or has left something undone that must be done.
    pub fn needs_a_person(&self) -> bool {
        self.state.needs_a_person() || self.state.ended() && !self.owed.is_empty()
    }

    /// Whether it moves, or came to a good end.
    pub fn well(&self) -> bool {
        let good = matches!(self.state, RunState::Running | RunState::Undoing | RunState::Done | RunState::Undone);
        good && !self.needs_a_person()
    }

    /// The command that answers what it asks, without the answer: `yes`, `no` or `again` follows.
    pub fn answered_by(&self) -> String {
        match &self.pool {
            Some(pool) => format!("hotspare pool answer {pool}"),
            None => format!("hotspare run {} --answer", self.runbook),
        }
    }

    /// From the beginning of its timeline until everything was done that it is for, seconds. What is undone after that, at the
    /// end of a drill, is not counted.
    pub fn to_service(&self) -> f64 {
        self.timeline.iter().take_while(|phase| !phase.name.starts_with(UNDO)).map(|phase| phase.seconds).sum()
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its steps are being done.
    Running,
    /// A step waits for a person.
    Asking,
    /// What was done is being undone.
    Undoing,
    /// Every step is done and verified.
    Done,
    /// A step failed and nothing more is done.
    Failed,
    /// Whether the last step took effect cannot be told.
    Unknown,
    /// Everything that can be undone was.
    Undone,
    /// The engine that ran it has gone; it waits to be resumed or undone.
    Interrupted,
}

impl RunState {
    /// Whether nothing more happens by itself.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Running | Self::Asking | Self::Undoing)
    }

    /// Whether it goes on only when a person says how, or nobody knows how it ended.
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Asking | Self::Interrupted | Self::Unknown)
    }

    /// The word of screens and of `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Asking => "asking",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Undone => "undone",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One step of a run, as faces see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Name, unique in its runbook.
    pub name: String,
    /// Kind, in the word of the fleet file.
    pub kind: String,
    /// Where it runs: the name of a host, `console`, or nothing for kinds that have no place.
    pub on: Option<String>,
    /// The exact command or change, without secrets.
    pub does: String,
    /// How it is undone; `None`: it cannot be.
    pub undo: Option<String>,
    /// Is this the fence?
    pub fence: bool,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started: Option<Timestamp>,
    /// How long it took, or takes so far, seconds.
    pub seconds: Option<f64>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The last lines that it printed, oldest first, at most [`OUTPUT_LINES`].
    pub output: Vec<String>,
    /// What was found, verified, or went wrong.
    pub note: Option<String>,
}

/// How many lines of a step's output a view holds.
pub const OUTPUT_LINES: usize = 20;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Looks whether it may act, and whether there is anything to do.
    Checking,
    /// Acts.
    Acting,
    /// Looks whether what it did has taken effect.
    Verifying,
    /// Done and verified.
    Done,
    /// Left out: it has no part in a drill, or what it makes was there already.
    Skipped,
    /// Refused before it acted; nothing was changed.
    Refused,
    /// Failed.
    Failed,
    /// Whether it took effect cannot be told.
    Unknown,
    /// Is being undone.
    Undoing,
    /// Was undone.
    Undone,
}

impl StepState {
    /// Whether something is being done with it now.
    pub const fn moves(self) -> bool {
        matches!(self, Self::Checking | Self::Acting | Self::Verifying | Self::Undoing)
    }

    /// The word of screens and of `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Checking => "checking",
            Self::Acting => "acting",
            Self::Verifying => "verifying",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

/// One phase of a timeline: detect, confirm, fence, claim, announce, serve, or the name of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Name.
    pub name: String,
    /// From the beginning of the timeline to the beginning of the phase, seconds.
    pub at: f64,
    /// How long it took, seconds.
    pub seconds: f64,
}

/// How the name of a phase begins in which a step is undone.
pub const UNDO: &str = "undo ";

/// What a step wants to know from a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Name of the step.
    pub step: String,
    /// The question.
    pub text: String,
    /// What a command printed that was asked for with it, at most [`OUTPUT_LINES`] lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// That command; it may be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
}

/// What came of a run, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run as it ended; a dry run has only steps that wait.
    pub run: RunView,
    /// Whether nothing was done on purpose.
    pub dry_run: bool,
    /// Why it would not be, or was not, begun.
    pub refused: Vec<String>,
}
