//! `hotspare run`: any runbook; what became of the last run of each; and what a run that waits is told.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, ran, table};
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::engine::socket::Socket;
use crate::runbook::view::{RunId, RunState, RunView};

/// Arguments of `hotspare run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The runbook; without one, the last run of each is listed
    #[arg(value_name = "RUNBOOK")]
    runbook: Option<String>,
    /// A value for a placeholder, such as failed.name=studio-1 or spare.address=10.0.0.9
    #[arg(long, value_name = "K=V", value_parser = pair, requires = "runbook")]
    set: Vec<(String, String)>,
    /// Look on the real hosts and print the exact commands, without changing anything
    #[arg(long, requires = "runbook")]
    dry_run: bool,
    /// Go on with its last run, whoever began it
    #[arg(long, requires = "runbook", conflicts_with_all = ["set", "dry_run", "abandon", "answer"])]
    resume: bool,
    /// Undo what its last run has done, and do the clean-up that it owes
    #[arg(long, requires = "runbook", conflicts_with_all = ["set", "dry_run", "answer"])]
    abandon: bool,
    /// Answer what a step of it wants to know
    #[arg(long, value_name = "yes|no|again", requires = "runbook", conflicts_with_all = ["set", "dry_run"])]
    answer: Option<Answer>,
}

/// What a step is told.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Answer {
    /// Go on
    Yes,
    /// Stop there
    No,
    /// Look again at what is shown with the question
    Again,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a value is given as NAME=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs it, step by step.
pub fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    let Some(runbook) = args.runbook.clone() else { return list(context) };
    context.block_on_to_the_end(async {
        if let Some(answer) = args.answer {
            let engine = join::started(context, join::place(context)?).await?;
            return told(context, &engine, &runbook, answer).await;
        }
        let engine = join::to_act(context).await?;
        let set: BTreeMap<String, String> = args.set.iter().cloned().collect();
        let command = if args.resume || args.abandon {
            Command::RunMend { runbook, abandon: args.abandon }
        } else {
            Command::Run { runbook, set, dry_run: args.dry_run }
        };
        let report = ran::carry_out(context, &engine, command).await?;
        let exit = ran::said(context, &report)?;
        let undone = args.abandon && report.refused.is_empty() && report.run.state == RunState::Undone;
        Ok(if undone { Exit::Done } else { exit })
    })
}

/// Answers the question that stands.
async fn told(context: &Context, engine: &Socket, runbook: &str, answer: Answer) -> Result<Exit, Failure> {
    let run = engine.snapshots().borrow().run(runbook).cloned();
    let Some((run, question)) = run.and_then(|run| Some((run.id, run.question.clone()?))) else {
        return Err(Failure::usage(format!("no step of {runbook} asks for anything"))
            .hint("`hotspare run` lists the runs and what they ask"));
    };
    join::said(context, &engine.command(answer.command(run, question.step)).await?)
}

impl Answer {
    /// To this step of a run.
    pub(super) fn command(self, run: RunId, step: String) -> Command {
        match self {
            Self::Yes => Command::Answer { run, yes: true, step: Some(step) },
            Self::No => Command::Answer { run, yes: false, step: Some(step) },
            Self::Again => Command::LookAgain { run },
        }
    }
}

/// What `--json` prints of the last runs.
#[derive(Serialize)]
struct Document<'a> {
    engine: bool,
    runs: Vec<&'a RunView>,
}

/// The last run of each runbook. Exit 1 where one of them needs a person.
fn list(context: &Context) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let running = join::running(context, &place).await?.is_some();
        // Where none runs, what the last one left is what matters most: a run that it was amidst of.
        let joined = join::for_this_alone(context, place).await?;
        let snapshot = joined.engine.snapshots().borrow().clone();
        let runs: Vec<&RunView> = snapshot.runs.iter().map(AsRef::as_ref).collect();
        let said = if context.json {
            context.document(&Document { engine: running, runs: runs.clone() })
        } else if runs.is_empty() {
            context.tell("hotspare: no runbook was run yet");
            Ok(())
        } else {
            context.print(&text(&runs))
        };
        joined.leave().await;
        said?;
        Ok(if runs.iter().all(|run| run.well()) { Exit::Done } else { Exit::Failed })
    })
}

fn text(runs: &[&RunView]) -> String {
    let mut rows = table::Table::new(["runbook", "run", "state", "step", "who", "began"]);
    for run in runs {
        rows.row([
            run.runbook.clone(),
            run.id.to_string(),
            run.state.word().to_owned(),
            at(run),
            run.who.clone(),
            format!("{:.0}", run.started),
        ]);
    }
    let mut text = rows.render();
    for run in runs {
        text.push_str(&asked(run));
        text.extend(run.next.iter().map(|next| format!("{}: {next}\n", run.runbook)));
    }
    text
}

/// `3 of 7 restart@kv-2`.
fn at(run: &RunView) -> String {
    let done = run.steps.iter().take_while(|step| matches!(step.state.word(), "done" | "skipped")).count();
    let name = run.steps.get(done).map(|step| format!(" {}", step.name)).unwrap_or_default();
    format!("{} of {}{name}", (done + 1).min(run.steps.len()), run.steps.len())
}

/// What a step wants to know, with its evidence and how it is answered; empty: nothing.
pub(super) fn asked(run: &RunView) -> String {
    let Some(question) = &run.question else { return String::new() };
    let mut text = format!("{} asks ({}): {}\n", run.runbook, question.step, question.text);
    text.extend(question.evidence.iter().map(|line| format!("  | {line}\n")));
    let again = if question.shows.is_some() { " (or `again` to look again)" } else { "" };
    text + &format!("  `{} yes` or `no`{again}\n", run.answered_by())
}
