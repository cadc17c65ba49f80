//! `hotspare pool pause` and `unpause`.

use std::time::Duration;

use clap::Args;

use super::mend;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::clock::Clock;
use crate::engine::command::Command;
use crate::fleet::units;

/// Arguments of `hotspare pool pause`.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// How long, such as 30m
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = span)]
    time: Duration,
    /// Why, for the others
    #[arg(long, value_name = "WHY")]
    why: String,
}

fn span(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|error| error.to_string())
}

pub(super) fn pause(context: &Context, args: &PauseArgs) -> Result<Exit, Failure> {
    let until = Clock::real()
        .now()
        .checked_add(args.time)
        .map_err(|_overflow| Failure::usage("a pause cannot be this long"))?;
    mend::told(context, Command::PoolPause { pool: args.pool.clone(), why: args.why.clone(), until })
}

pub(super) fn unpause(context: &Context, pool: &str) -> Result<Exit, Failure> {
    mend::told(context, Command::PoolUnpause { pool: pool.to_owned() })
}
