//! Floor 5, command line: the same commands as the console's, for scripts and cron.
//!
//! A command is one file with its arguments and one `run` function that returns how it ended. Results go to standard
//! output, progress and errors to standard error, and no rule of a domain lives here.

pub mod args;
pub mod cancel;
pub mod check;
pub mod console;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod engine;
pub mod exit;
pub mod files;
pub mod init;
pub mod jobs;
pub mod join;
pub mod journal;
pub mod keymap;
pub mod options;
pub mod packager;
pub mod status;
pub mod table;
pub mod theme;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Subcommand};
use context::Context;
use exit::{Exit, Failure};

/// Runs the program: reads the arguments, runs the command, says what went wrong, returns the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = Context::new(&arguments.options);
    let ended = match arguments.command {
        Some(command) => dispatch(&context, command),
        None => console::run(&context, &console::ConsoleArgs::default()),
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
        Subcommand::Console(args) => console::run(context, &args),
        Subcommand::Theme(args) => theme::run(context, &args),
        Subcommand::Keymap(args) => keymap::run(context, &args),
        Subcommand::Engine(args) => engine::run(context, &args),
        Subcommand::Status(args) => status::run(context, &args),
        Subcommand::Journal(args) => journal::run(context, &args),
        Subcommand::Jobs(args) => jobs::run(context, &args),
        Subcommand::Cancel(args) => cancel::run(context, &args),
        Subcommand::Doctor(args) => doctor::run(context, &args),
        Subcommand::Check(args) => check::run(context, &args),
        Subcommand::Demo(args) => demo::run(context, &args),
        Subcommand::Completions(args) => packager::completions(context, &args),
        Subcommand::Man => packager::man(context),
        Subcommand::Init(args) => init::run(context, &args),
    }
}
