//! `hotspare hold` and `hotspare resume`: a job waits between two pieces of its work, and goes on.

use clap::Args;

use super::cancel::number;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::join;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::work::view::JobId;

/// Arguments of `hotspare hold` and `hotspare resume`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// Number of the job, as `hotspare jobs` shows it
    #[arg(value_parser = number)]
    job: u64,
}

/// Holds the job, or lets it go on.
pub fn run(context: &Context, args: &HoldArgs, held: bool) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::needed(context, &place).await?;
        let accepted = engine.command(Command::Hold { job: JobId(args.job), held }).await?;
        if context.json {
            context.document(&serde_json::json!({ "job": args.job, "held": held }))?;
        } else {
            context.tell(&format!("hotspare: {}", accepted.said));
        }
        Ok(Exit::Done)
    })
}
