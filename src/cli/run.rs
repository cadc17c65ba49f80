//! `hotspare run`: any runbook.

use std::collections::BTreeMap;

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, ran};
use crate::engine::command::Command;

/// Arguments of `hotspare run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The runbook
    #[arg(value_name = "RUNBOOK")]
    runbook: String,
    /// A value for a placeholder, such as failed.name=studio-1 or spare.address=10.0.0.9
    #[arg(long, value_name = "K=V", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Look on the real hosts and print the exact commands, without changing anything
    #[arg(long)]
    dry_run: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a value is given as NAME=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs it, step by step.
pub fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let set: BTreeMap<String, String> = args.set.iter().cloned().collect();
        let command = Command::Run { runbook: args.runbook.clone(), set, dry_run: args.dry_run };
        ran::said(context, &ran::carry_out(context, &engine, command).await?)
    })
}
