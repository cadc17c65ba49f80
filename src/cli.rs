//! Floor 5, command line: the same commands as the console's, for scripts and cron.
//!
//! A command is one file with its arguments and one `run` function that returns how it ended. Results go to standard
//! output, progress and errors to standard error, and no rule of a domain lives here.

pub mod args;
pub mod check;
pub mod context;
pub mod exit;
pub mod init;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Subcommand};
use context::Context;
use exit::{Exit, Failure};

/// Runs the program: reads the arguments, runs the command, says what went wrong, returns the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = Context::new(&arguments.global);
    let ended = match arguments.command {
        Some(command) => dispatch(&context, command),
        None => Ok(Exit::Done),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            context.complain(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(context: &Context, command: Subcommand) -> Result<Exit, Failure> {
    match command {
        Subcommand::Check(args) => check::run(context, &args),
        Subcommand::Init(args) => init::run(context, &args),
    }
}
