//! `hotspare pool takeover`, `giveback`, `release`, `drill`: changes of who serves, by hand.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, ran};
use crate::engine::command::Command;

/// Arguments of `hotspare pool takeover`.
#[derive(Debug, Args)]
pub(super) struct TakeoverArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// The host whose place is taken [default: the most important one that is gone]
    #[arg(long, value_name = "HOST")]
    failed: Option<String>,
    /// The spare [default: the first that is ready]
    #[arg(long, value_name = "HOST")]
    spare: Option<String>,
    /// Look on the real hosts and print the exact commands, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Say yes without being asked, by the name of the pool
    #[arg(long, value_name = "POOL")]
    yes: Option<String>,
}

/// Arguments of `hotspare pool giveback` and `hotspare pool release`.
#[derive(Debug, Args)]
pub(super) struct EndArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// The host that is stood in for [default: the only one]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Look on the real hosts and print the exact commands, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Say yes without being asked, by the name of the pool
    #[arg(long, value_name = "POOL")]
    yes: Option<String>,
}

/// Arguments of `hotspare pool drill`.
#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// Look on the real hosts and print the exact commands, without changing anything
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn takeover(context: &Context, args: &TakeoverArgs) -> Result<Exit, Failure> {
    let command = |dry_run: bool, failed: Option<String>, spare: Option<String>, phrase: String| {
        Command::PoolTakeover { pool: args.pool.clone(), failed, spare, dry_run, phrase }
    };
    change(context, &args.pool, args.dry_run, args.yes.as_deref(), |step| match step {
        Step::Look => command(true, args.failed.clone(), args.spare.clone(), String::new()),
        // What was shown is what is done, whatever has changed meanwhile.
        Step::Do { failed, spare, phrase } => {
            command(false, failed.or_else(|| args.failed.clone()), spare.or_else(|| args.spare.clone()), phrase)
        }
    })
}

pub(super) fn giveback(context: &Context, args: &EndArgs) -> Result<Exit, Failure> {
    end(context, args, |pool, host, dry_run, phrase| Command::PoolGiveback { pool, host, dry_run, phrase })
}

pub(super) fn release(context: &Context, args: &EndArgs) -> Result<Exit, Failure> {
    end(context, args, |pool, host, dry_run, phrase| Command::PoolRelease { pool, host, dry_run, phrase })
}

/// A spare stands in no longer.
fn end(
    context: &Context,
    args: &EndArgs,
    command: impl Fn(String, Option<String>, bool, String) -> Command,
) -> Result<Exit, Failure> {
    change(context, &args.pool, args.dry_run, args.yes.as_deref(), |step| match step {
        Step::Look => command(args.pool.clone(), args.host.clone(), true, String::new()),
        Step::Do { failed, phrase, .. } => {
            command(args.pool.clone(), failed.or_else(|| args.host.clone()), false, phrase)
        }
    })
}

pub(super) fn drill(context: &Context, args: &DrillArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let engine = join::to_act(context).await?;
        let command = Command::PoolDrill { pool: args.pool.clone(), dry_run: args.dry_run };
        ran::said(context, &ran::carry_out(context, &engine, command).await?)
    })
}

/// Which command is wanted now.
enum Step {
    Look,
    Do { failed: Option<String>, spare: Option<String>, phrase: String },
}

/// Looks, shows, asks, then does; with `--yes` does at once.
fn change(
    context: &Context,
    pool: &str,
    dry_run: bool,
    yes: Option<&str>,
    command: impl Fn(Step) -> Command,
) -> Result<Exit, Failure> {
    if let Some(wrong) = yes.filter(|yes| *yes != pool) {
        let message = format!("nothing was done: --yes names {wrong}, and the pool is {pool}");
        return Err(Failure::refused(message).hint(format!("write --yes {pool}")));
    }
    context.block_on_to_the_end(async {
        let engine = join::to_act(context).await?;
        if yes.is_some() && !dry_run {
            let command = command(Step::Do { failed: None, spare: None, phrase: pool.to_owned() });
            return ran::said(context, &ran::carry_out(context, &engine, command).await?);
        }
        let looked = ran::carry_out(context, &engine, command(Step::Look)).await?;
        if dry_run || !looked.refused.is_empty() {
            return ran::said(context, &looked);
        }
        let failed = looked.run.failed.clone();
        let name = failed.clone().unwrap_or_else(|| pool.to_owned());
        let phrase = ran::ask(context, &looked, &name, &format!("--yes {pool}"))?;
        let command = command(Step::Do { failed, spare: looked.run.spare.clone(), phrase });
        ran::said(context, &ran::carry_out(context, &engine, command).await?)
    })
}
