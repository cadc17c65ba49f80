//! A run, for a command: followed to its end, then told step by step.

use std::fmt::Write as _;
use std::io::BufRead;

use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, table};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::runbook::view::{Phase, RunReport, RunState, StepView};

/// What `--json` prints of a run. Of a dry run the steps say what they would do, and nothing else.
#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    runbook: &'a str,
    pool: Option<&'a str>,
    failed: Option<&'a str>,
    spare: Option<&'a str>,
    run: Option<u64>,
    generation: Option<u64>,
    state: Option<&'static str>,
    seconds: Option<f64>,
    steps: Vec<Step<'a>>,
    timeline: &'a [Phase],
    refused: &'a [String],
    next: Option<&'a str>,
    owed: &'a [String],
}

#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    kind: &'a str,
    on: Option<&'a str>,
    does: &'a str,
    undo: Option<&'a str>,
    fence: bool,
    state: &'static str,
    seconds: Option<f64>,
    output: &'a [String],
    note: Option<&'a str>,
}

/// Sends a command that begins a run, follows its job to the end and returns what came of it.
pub(super) async fn carry_out(context: &Context, engine: &Socket, command: Command) -> Result<RunReport, Failure> {
    let command_of = command.clone();
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let runbook = match &command_of {
        Command::Run { runbook, .. } | Command::RunMend { runbook, .. } => Some(runbook.as_str()),
        _ => None,
    };
    let ended = follow::ended_or_cancelled(context, engine, job).await.map_err(|failure| match runbook {
        Some(runbook) if failure.exit == Exit::Interrupted => {
            Failure { hints: vec![way_on(engine, runbook)], ..failure }
        }
        _ => failure,
    })?;
    match follow::report(engine, &ended).await? {
        Report::Ran { ran } => Ok(*ran),
        _ => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

/// What to do after somebody interrupted the run of a runbook: it may have stopped, have ended, or still be at a step.
fn way_on(engine: &Socket, runbook: &str) -> String {
    let snapshot = engine.snapshots().borrow().clone();
    match snapshot.run(runbook) {
        Some(run) if !run.state.ended() => {
            format!("the run of {runbook} is still at a step: `hotspare run` shows where it stands")
        }
        Some(run) if run.well() => format!("the run of {runbook} is {} already", run.state.word()),
        Some(_) => format!("`hotspare run {runbook} --resume` goes on with it, `--abandon` undoes what was done"),
        None => "nothing of it was begun".into(),
    }
}

/// Shows what would be done and returns the name that the person typed; anything else is a no.
pub(super) fn ask(context: &Context, report: &RunReport, name: &str, wish: &str) -> Result<String, Failure> {
    context.say(&text(report));
    context.say(&format!("type {name} to go on, anything else to leave everything as it is: "));
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    let typed = typed.trim_end_matches(['\r', '\n']);
    match read {
        Ok(1..) if typed == name => Ok(typed.to_owned()),
        _ => Err(Failure::refused(format!("nothing was done: {name} was not typed"))
            .hint(format!("in a script, add {wish}"))),
    }
}

/// Prints it. Exit 3 where it was refused, 1 where it did not end well.
pub(super) fn said(context: &Context, report: &RunReport) -> Result<Exit, Failure> {
    if context.json {
        context.document(&document(report))?;
    } else {
        context.print(&text(report))?;
    }
    Ok(match report.run.state {
        _ if !report.refused.is_empty() => Exit::Refused,
        _ if report.dry_run => Exit::Done,
        RunState::Done => Exit::Done,
        _ => Exit::Failed,
    })
}

fn document(report: &RunReport) -> Document<'_> {
    let run = &report.run;
    let real = !report.dry_run && report.refused.is_empty();
    Document {
        dry_run: report.dry_run,
        runbook: &run.runbook,
        pool: run.pool.as_deref(),
        failed: run.failed.as_deref(),
        spare: run.spare.as_deref(),
        run: real.then_some(run.id.0),
        generation: real.then_some(run.generation),
        state: real.then(|| run.state.word()),
        seconds: real.then(|| seconds(report)).flatten(),
        steps: run.steps.iter().map(step).collect(),
        timeline: &run.timeline,
        refused: &report.refused,
        next: run.next.as_deref(),
        owed: &run.owed,
    }
}

fn step(step: &StepView) -> Step<'_> {
    Step {
        name: &step.name,
        kind: &step.kind,
        on: step.on.as_deref(),
        does: &step.does,
        undo: step.undo.as_deref(),
        fence: step.fence,
        state: step.state.word(),
        seconds: step.seconds,
        output: &step.output,
        note: step.note.as_deref(),
    }
}

fn seconds(report: &RunReport) -> Option<f64> {
    let ended = report.run.ended?;
    Some(ended.duration_since(report.run.started).as_secs_f64())
}

/// The steps in a table, what refused, and how it ended.
fn text(report: &RunReport) -> String {
    let run = &report.run;
    let mut text = String::new();
    let mut rows = table::Table::new(["", "step", "on", "does", "state", "seconds", "note"]);
    for (number, step) in run.steps.iter().enumerate() {
        rows.row([
            (number + 1).to_string(),
            step.name.clone(),
            step.on.clone().unwrap_or_default(),
            step.does.clone(),
            if report.dry_run { "would be done".into() } else { step.state.word().to_owned() },
            step.seconds.map(|seconds| format!("{seconds:.2}")).unwrap_or_default(),
            step.note.clone().unwrap_or_default(),
        ]);
    }
    if !run.steps.is_empty() {
        text.push_str(&rows.render());
    }
    if !report.dry_run && !run.timeline.is_empty() {
        let phases: Vec<String> =
            run.timeline.iter().map(|phase| format!("{} {:.2}", phase.name, phase.seconds)).collect();
        let _a_string_takes_all = writeln!(text, "timeline: {} s", phases.join(", "));
    }
    for refused in &report.refused {
        let _a_string_takes_all = writeln!(text, "refused: {refused}");
    }
    if !report.dry_run && report.refused.is_empty() {
        let took = seconds(report).map(|seconds| format!(" after {seconds:.2} s")).unwrap_or_default();
        let _a_string_takes_all =
            writeln!(text, "{} of {}: {}{took}", run.purpose.word(), run.runbook, run.state.word());
    }
    if let Some(next) = &run.next {
        let _a_string_takes_all = writeln!(text, "now: {next}");
    }
    text
}
