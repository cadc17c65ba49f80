//! `hotspare pool answer`, `resume`, `abandon`, `acknowledge`: a run that waits for a person, or went wrong.

use clap::Args;

use super::show;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::run::Answer;
use crate::cli::{join, ran};
use crate::engine::client::Client;
use crate::engine::command::Command;

/// Arguments of `hotspare pool answer`.
#[derive(Debug, Args)]
pub(super) struct AnswerArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// yes: go on; no: stop there; again: look again at what is shown with the question
    #[arg(value_name = "ANSWER")]
    answer: Answer,
}

pub(super) fn answer(context: &Context, args: &AnswerArgs) -> Result<Exit, Failure> {
    let pool = &args.pool;
    context.block_on(async {
        let engine = join::started(context, join::place(context)?).await?;
        // Asked of the engine, not read in its picture: who saw the question a moment ago answers it now.
        let run = show::detail(&engine, pool).await?.pool.run;
        let Some((run, question)) = run.and_then(|run| Some((run.id, run.question.clone()?))) else {
            return Err(Failure::usage(format!("no step of a run of {pool} asks for anything"))
                .hint(format!("`hotspare pool show {pool}` shows its run, and what it asks")));
        };
        join::said(context, &engine.command(args.answer.command(run, question.step)).await?)
    })
}

pub(super) fn resume(context: &Context, pool: &str) -> Result<Exit, Failure> {
    run(context, Command::PoolResume { pool: pool.to_owned() })
}

pub(super) fn abandon(context: &Context, pool: &str) -> Result<Exit, Failure> {
    run(context, Command::PoolAbandon { pool: pool.to_owned() })
}

pub(super) fn acknowledge(context: &Context, pool: &str) -> Result<Exit, Failure> {
    join::told(context, Command::PoolAcknowledge { pool: pool.to_owned() })
}

fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let undone = matches!(command, Command::PoolAbandon { .. });
    context.block_on_to_the_end(async {
        let engine = join::to_act(context).await?;
        let report = ran::carry_out(context, &engine, command).await?;
        let exit = ran::said(context, &report)?;
        let wanted = undone && report.run.state == crate::runbook::view::RunState::Undone;
        Ok(if wanted { Exit::Done } else { exit })
    })
}
