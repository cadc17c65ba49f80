//! `hotspare pool swear`: the operator's word that a machine is off.

use std::io::BufRead;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::join;
use crate::engine::command::Command;

/// Arguments of `hotspare pool swear`.
#[derive(Debug, Args)]
pub(super) struct SwearArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// The host that is off
    #[arg(value_name = "HOST")]
    host: String,
    /// Say so without being asked, by the name of the host
    #[arg(long, value_name = "HOST")]
    yes: Option<String>,
}

/// Arguments of `hotspare pool clear`.
#[derive(Debug, Args)]
pub(super) struct ClearArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// The spare that was looked at
    #[arg(value_name = "SPARE")]
    spare: String,
    /// Say so without being asked, by the name of the spare
    #[arg(long, value_name = "SPARE")]
    yes: Option<String>,
}

pub(super) fn clear(context: &Context, args: &ClearArgs) -> Result<Exit, Failure> {
    let question = format!(
        "A run failed on {0}. If it still serves or holds an address of another, two machines may own it.\n\
         Look at it. Type {0} if it is clean: ",
        args.spare
    );
    let phrase = args.yes.clone().unwrap_or_else(|| typed(context, &question));
    join::told(context, Command::PoolClear { pool: args.pool.clone(), spare: args.spare.clone(), phrase })
}

fn typed(context: &Context, question: &str) -> String {
    context.say(question);
    let mut typed = String::new();
    let _nothing_typed = std::io::stdin().lock().read_line(&mut typed);
    typed.trim_end_matches(['\r', '\n']).to_owned()
}

pub(super) fn run(context: &Context, args: &SwearArgs) -> Result<Exit, Failure> {
    let question = format!(
        "If {0} still runs, two machines will own its address.\n\
         Look at it, or at its switch. Type {0} if it is off: ",
        args.host
    );
    let phrase = args.yes.clone().unwrap_or_else(|| typed(context, &question));
    join::told(context, Command::PoolSwear { pool: args.pool.clone(), host: args.host.clone(), phrase })
}
