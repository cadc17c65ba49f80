//! `hotspare cancel`: ends a job.

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::join;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::work::view::JobId;

/// Arguments of `hotspare cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Number of the job, as `hotspare jobs` shows it
    #[arg(value_parser = number)]
    job: u64,
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_error| "a job has a number, such as 3".to_owned())
}

/// Asks the job to end.
pub fn run(context: &Context, args: &CancelArgs) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::needed(context, &place).await?;
        let accepted = engine.command(Command::Cancel { job: JobId(args.job) }).await?;
        if context.json {
            context.document(&serde_json::json!({ "job": args.job, "cancelled": true }))?;
        } else {
            context.tell(&format!("hotspare: {}", accepted.said));
        }
        Ok(Exit::Done)
    })
}
