//! `hotspare pool pause` and `unpause`.

use std::time::Duration;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, span};
use crate::clock::Clock;
use crate::engine::command::Command;

/// Arguments of `hotspare pool pause`.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// How long, such as 30m
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = span::read)]
    time: Duration,
    /// Why, for the others
    #[arg(long, value_name = "WHY")]
    why: String,
}

pub(super) fn pause(context: &Context, args: &PauseArgs) -> Result<Exit, Failure> {
    let until = span::until(&Clock::real(), args.time)?;
    join::told(context, Command::PoolPause { pool: args.pool.clone(), why: args.why.clone(), until })
}

pub(super) fn unpause(context: &Context, pool: &str) -> Result<Exit, Failure> {
    join::told(context, Command::PoolUnpause { pool: pool.to_owned() })
}
