//! Floor 5, command line: the same commands as the console's, for scripts and cron.
//!
//! A command is one file with its arguments and one `run` function that returns how it ended. Results go to standard
//! output, progress and errors to standard error, and no rule of a domain lives here.

pub mod args;
pub mod cancel;
pub mod check;
pub mod config;
pub mod console;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod dump;
pub mod engine;
pub mod exit;
pub mod feed;
pub mod files;
mod fold;
pub mod follow;
pub mod hold;
pub mod host;
pub mod import;
pub mod init;
pub mod jobs;
pub mod join;
pub mod journal;
pub mod keymap;
pub mod logs;
pub mod maintain;
pub mod options;
pub mod packager;
pub mod pool;
mod ran;
pub mod run;
pub mod scale;
pub mod service;
pub mod session;
mod span;
pub mod status;
pub mod table;
pub mod theme;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Subcommand};
use context::Context;
use exit::{Exit, Failure};

/// Runs the program: reads the arguments, runs the command, says what went wrong, returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
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

/// Prints the help that was asked for, or what is wrong with the arguments; for a script that asked for JSON also as a
/// document.
fn misused(error: &clap::Error) -> ExitCode {
    let wanted = |argument: &std::ffi::OsString| argument == "--json";
    let helped = !error.use_stderr();
    if !helped && std::env::args_os().take_while(|argument| argument != "--").any(|argument| wanted(&argument)) {
        let said = error.to_string();
        let hints: Vec<&str> = said.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
        let document = serde_json::json!({ "error": in_one_line(&said), "hints": hints });
        let _gone = writeln!(std::io::stdout(), "{document}");
    }
    // Nobody is left to tell where this cannot be written.
    let _gone = error.print();
    if helped { Exit::Done.into() } else { Exit::Usage.into() }
}

/// What is wrong, with what stands below it, such as the arguments that are missing.
fn in_one_line(said: &str) -> String {
    let mut lines = said.lines();
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let below: Vec<&str> = lines.take_while(|line| line.starts_with("  ")).map(str::trim).collect();
    if below.is_empty() { first.to_owned() } else { format!("{first} {}", below.join(", ")) }
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
        Subcommand::Hold(args) => hold::run(context, &args, true),
        Subcommand::Resume(args) => hold::run(context, &args, false),
        Subcommand::Session(args) => session::run(context, &args),
        Subcommand::Host(args) => host::run(context, args),
        Subcommand::Pool(args) => pool::run(context, &args),
        Subcommand::Feed(args) => feed::run(context, &args),
        Subcommand::Dump(args) => dump::run(context, &args),
        Subcommand::Maintain(args) => maintain::run(context, &args),
        Subcommand::Service(args) => service::run(context, &args),
        Subcommand::Run(args) => run::run(context, &args),
        Subcommand::Scale(args) => scale::run(context, &args),
        Subcommand::Logs(args) => logs::run(context, &args),
        Subcommand::Config(args) => config::run(context, &args),
        Subcommand::Doctor(args) => doctor::run(context, &args),
        Subcommand::Check(args) => check::run(context, &args),
        Subcommand::Demo(args) => demo::run(context, &args),
        Subcommand::Completions(args) => packager::completions(context, &args),
        Subcommand::Man => packager::man(context),
        Subcommand::Init(args) => init::run(context, &args),
        Subcommand::Import(args) => import::run(context, &args),
    }
}
