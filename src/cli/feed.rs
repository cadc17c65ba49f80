//! `hotspare feed`: rows on their way from SQLite to MySQL.

mod check;
mod list;
mod prepare;
mod run;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, join};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::reach::plain;

/// Arguments of `hotspare feed`.
#[derive(Debug, Args)]
pub struct FeedArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How far behind each feed is, in rows and in seconds; exits 1 if one needs a person
    List,
    /// Carry rows: with --once all that waits now, else as they come, until it is interrupted
    Run(run::RunArgs),
    /// Compare both ends row by row, and carry exactly what is missing where --repair says so; exits 1 if they differ
    Check(check::CheckArgs),
    /// Make the target's table and its unique index
    Prepare(prepare::PrepareArgs),
    /// Forget how far was carried: everything is carried again from the beginning, which doubles nothing
    Reset(FeedName),
}

/// A feed.
#[derive(Debug, Args)]
struct FeedName {
    /// The feed
    #[arg(value_name = "FEED")]
    feed: String,
}

/// Runs one of them.
pub fn run(context: &Context, args: &FeedArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List => list::run(context),
        What::Run(args) => run::run(context, args),
        What::Check(args) => check::run(context, args),
        What::Prepare(args) => prepare::run(context, args),
        What::Reset(args) => reset(context, &args.feed),
    }
}

#[derive(serde::Serialize)]
struct Forgotten<'a> {
    feed: &'a str,
    reset: bool,
}

fn reset(context: &Context, feed: &str) -> Result<Exit, Failure> {
    let command = Command::FeedReset { feed: feed.to_owned(), phrase: feed.to_owned() };
    ask(context, command)?;
    if context.json {
        context.document(&Forgotten { feed, reset: true })?;
    } else {
        context.line(&format!("{feed}: everything is carried again from its beginning, which doubles nothing"))?;
    }
    Ok(Exit::Done)
}

/// Has the engine that runs, or one for this command alone, do it; the report of its job.
fn ask(context: &Context, command: Command) -> Result<Report, Failure> {
    context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let answered = job(context, &joined.engine, command).await;
        joined.leave().await;
        answered
    })
}

async fn job(context: &Context, engine: &Socket, command: Command) -> Result<Report, Failure> {
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = follow::ended_or_cancelled(context, engine, job).await?;
    follow::report(engine, &ended).await
}

fn other() -> Failure {
    Failure::failed("the engine answered something else; its version may differ")
}

/// `traffic of studio-1`, `traffic`.
fn named(table: &str, source: Option<&str>) -> String {
    plain::line(&source.map_or_else(|| table.to_owned(), |source| format!("{table} of {source}")), 80)
}
