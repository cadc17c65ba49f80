//! A run, as lines to read: each step with its state, its time and what it printed, then the timeline.

use super::Line;
use crate::console::draw::brush::wrap;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::runbook::view::{RunReport, RunState, RunView, StepState, StepView};

/// Lines of output that are shown of the step that is at work, or that went wrong.
const OUTPUT: usize = 5;

/// What came of a run, or would.
pub fn report(report: &RunReport, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for refused in &report.refused {
        lines.extend(below(&format!("refused: {refused}"), Meaning::Bad, 0, room));
    }
    if !report.run.steps.is_empty() {
        lines.extend(run(&report.run, report.dry_run, glyphs, room));
    }
    lines
}

/// A run, whether it moves or has ended; `dry`: it only would be done.
pub fn run(run: &RunView, dry: bool, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let (meaning, word) = state(run.state);
    let (meaning, word) = if dry { (Meaning::Info, "would be done") } else { (meaning, word) };
    let mut title = vec![part(Meaning::Title, format!("{} ", run.purpose.word()))];
    if let (Some(failed), Some(spare)) = (&run.failed, &run.spare) {
        title.push(plain(format!("of {failed} by {spare}  ")));
    }
    title.push(part(meaning, word));
    if !dry {
        // Only a pool counts the changes of its owners.
        let generation = run.pool.as_ref().map(|_| format!(", generation {}", run.generation)).unwrap_or_default();
        title.push(dim(format!("  run {}{generation}, by {}", run.id, run.who)));
    }
    let mut lines = vec![title];
    // What a person is asked, and what to do now, stand before what has been done: it is read first.
    lines.extend(asked(run, room));
    if let Some(next) = &run.next {
        lines.extend(below(next, Meaning::Warn, 0, room));
        lines.push(Vec::new());
    }
    lines.extend(steps(run, dry, glyphs, room));
    lines
}

/// The steps of a run, then how long its phases took; `dry`: they only would be done.
pub fn steps(run: &RunView, dry: bool, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let name = run.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0).min(20);
    let on = run.steps.iter().filter_map(|step| step.on.as_ref()).map(|on| on.chars().count()).max().unwrap_or(0);
    for (number, step) in run.steps.iter().enumerate() {
        lines.extend(of_step(number + 1, step, dry, (name, on.min(20)), glyphs, room));
    }
    if !dry && !run.timeline.is_empty() {
        lines.push(Vec::new());
        lines.extend(timeline(run, glyphs, room));
    }
    lines
}

/// What it asks, with the evidence, and a line of air.
fn asked(run: &RunView, room: usize) -> Vec<Line> {
    let Some(question) = &run.question else { return Vec::new() };
    let mut lines = below(&question.text, Meaning::Warn, 0, room);
    for line in &question.evidence {
        lines.extend(below(line, Meaning::Text, 2, room));
    }
    lines.push(Vec::new());
    lines
}

fn of_step(
    number: usize,
    step: &StepView,
    dry: bool,
    (name, on): (usize, usize),
    glyphs: &Glyphs,
    room: usize,
) -> Vec<Line> {
    let (meaning, sign) = sign(step.state, glyphs);
    let indent = 2 + 3 + name + 2 + on + 2;
    let mut lines = Vec::new();
    let took = step.seconds.filter(|_| !dry).map(|seconds| format!("{seconds:>7.2} s")).unwrap_or_default();
    let width = room.saturating_sub(indent + 10).max(20);
    for (at, text) in wrap(&step.does, width).into_iter().enumerate() {
        lines.push(if at == 0 {
            vec![
                part(meaning, format!("{sign} ")),
                dim(format!("{number:>2} ")),
                plain(format!("{:<name$}  ", step.name)),
                dim(format!("{:<on$}  ", step.on.as_deref().unwrap_or_default())),
                plain(format!("{text:<width$}")),
                dim(took.clone()),
            ]
        } else {
            vec![plain(" ".repeat(indent)), plain(text)]
        });
    }
    let wrong = matches!(step.state, StepState::Failed | StepState::Refused | StepState::Unknown);
    if let Some(note) = &step.note {
        lines.extend(below(note, if wrong { Meaning::Bad } else { Meaning::Dim }, 5, room));
    }
    if wrong || matches!(step.state, StepState::Acting | StepState::Verifying | StepState::Undoing) {
        let from = step.output.len().saturating_sub(OUTPUT);
        for line in step.output.iter().skip(from) {
            lines.extend(below(line, Meaning::Dim, 5, room));
        }
    }
    lines
}

/// The phases from the fault to service, with their share of the whole.
fn timeline(run: &RunView, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let all: f64 = run.timeline.iter().map(|phase| phase.seconds).sum();
    let mut lines = vec![vec![part(Meaning::Title, "Timeline"), dim(format!("  {all:.2} s"))]];
    let name = run.timeline.iter().map(|phase| phase.name.chars().count()).max().unwrap_or(0).min(20);
    let width = room.saturating_sub(name + 14).clamp(10, 60);
    for phase in &run.timeline {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a few columns"
        )]
        let columns = |seconds: f64| ((seconds / all.max(1e-9)) * width as f64).round().max(0.0) as usize;
        let (from, long) = (columns(phase.at).min(width), columns(phase.seconds).max(1));
        let bar = glyphs.widths.last().copied().unwrap_or("#").repeat(long.min(width + 1 - from.min(width)));
        lines.push(vec![
            plain(format!("  {:<name$} ", phase.name)),
            dim(format!("{:>7.2} s  ", phase.seconds)),
            plain(" ".repeat(from)),
            part(Meaning::Chart, bar),
        ]);
    }
    lines
}

/// How the state of a run is shown.
pub const fn state(state: RunState) -> (Meaning, &'static str) {
    let meaning = match state {
        RunState::Running | RunState::Undoing => Meaning::Info,
        RunState::Done => Meaning::Good,
        RunState::Asking | RunState::Interrupted | RunState::Undone => Meaning::Warn,
        RunState::Failed | RunState::Unknown => Meaning::Bad,
    };
    (meaning, state.word())
}

const fn sign(state: StepState, glyphs: &Glyphs) -> (Meaning, &'static str) {
    match state {
        StepState::Waiting => (Meaning::Dim, glyphs.waiting),
        StepState::Checking | StepState::Acting | StepState::Verifying | StepState::Undoing => {
            (Meaning::Info, glyphs.running)
        }
        StepState::Done => (Meaning::Good, glyphs.good),
        StepState::Skipped | StepState::Undone => (Meaning::Dim, glyphs.ended),
        StepState::Refused | StepState::Failed => (Meaning::Bad, glyphs.bad),
        StepState::Unknown => (Meaning::Warn, glyphs.unknown),
    }
}

/// Text broken and set in.
fn below(text: &str, meaning: Meaning, indent: usize, room: usize) -> Vec<Line> {
    let lines = wrap(text, room.saturating_sub(indent).max(20));
    lines.into_iter().map(|line| vec![plain(" ".repeat(indent)), part(meaning, line)]).collect()
}
