//! `hotspare dump`: databases on removable media, and what comes of restoring them.

mod drill;
mod list;
mod now;
mod restore;
mod verify;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, join, journal};
use crate::clock::Clock;
use crate::dump::worker::hands::Pick;
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::work::view::JobView;

/// Arguments of `hotspare dump`.
#[derive(Debug, Args)]
pub struct DumpArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Each dump, how old its last kit is, and the kits on its medium; exits 1 if one needs a person
    List(list::ListArgs),
    /// Make a kit now; exits 4 if some databases could not be dumped
    Now(DumpName),
    /// Read the kits on the medium and compare them with their sums; exits 1 if one is not whole
    Verify(verify::VerifyArgs),
    /// Restore a kit for practice into a server that is thrown away, and compare; exits 1 if anything differs
    Drill(drill::DrillArgs),
    /// Restore a kit for real: shows what would be overwritten, and asks to type RESTORE
    Restore(restore::RestoreArgs),
    /// Write out what waits, unmount the medium, say when it may be taken out
    Eject(DumpName),
}

/// A dump.
#[derive(Debug, Args)]
struct DumpName {
    /// The dump
    #[arg(value_name = "DUMP")]
    dump: String,
}

/// Runs one of them.
pub fn run(context: &Context, args: &DumpArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List(args) => list::run(context, args),
        What::Now(args) => now::run(context, &args.dump),
        What::Verify(args) => verify::run(context, args),
        What::Drill(args) => drill::run(context, args),
        What::Restore(args) => restore::run(context, args),
        What::Eject(args) => eject(context, &args.dump),
    }
}

#[derive(serde::Serialize)]
struct Ejected<'a> {
    dump: &'a str,
    safe: bool,
    said: &'a str,
}

fn eject(context: &Context, dump: &str) -> Result<Exit, Failure> {
    let (job, report) = ask(context, Command::DumpEject { dump: dump.to_owned() })?;
    let Report::Nothing = report else { return Err(other()) };
    let said = job.note.clone().unwrap_or_default();
    if context.json {
        context.document(&Ejected { dump, safe: true, said: &said })?;
    } else {
        context.line(&said)?;
    }
    Ok(Exit::Done)
}

/// Has the engine that runs, or one for this command alone, do it; its job, and the report of it.
fn ask(context: &Context, command: Command) -> Result<(Arc<JobView>, Report), Failure> {
    context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let answered = job(context, &joined.engine, command).await;
        joined.leave().await;
        answered
    })
}

async fn job(context: &Context, engine: &Socket, command: Command) -> Result<(Arc<JobView>, Report), Failure> {
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = follow::ended_or_cancelled(context, engine, job).await?;
    match follow::report(engine, &ended).await? {
        Report::Refused { why } => Err(Failure::refused(why)),
        report => Ok((ended, report)),
    }
}

fn other() -> Failure {
    Failure::failed("the engine answered something else; its version may differ")
}

/// `--at T`: the name of a kit, else a moment as `hotspare journal --since` takes it.
fn pick(text: &str) -> Result<Pick, Failure> {
    let shape: String = text.chars().map(|symbol| if symbol.is_ascii_digit() { '0' } else { symbol }).collect();
    if shape.starts_with("0000-00-00T00-00-00Z") {
        return Ok(Pick::Named(text.to_owned()));
    }
    journal::moment(text, Clock::real().now())
        .map(Pick::At)
        .map_err(|failure| failure.hint("or the name of a kit, as `hotspare dump list` shows it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kit_is_picked_by_name_or_by_time() {
        assert_eq!(pick("2026-11-20T14-02-11Z").unwrap(), Pick::Named("2026-11-20T14-02-11Z".into()));
        assert_eq!(pick("2026-11-20T14-02-11Z-2").unwrap(), Pick::Named("2026-11-20T14-02-11Z-2".into()));
        assert_eq!(pick("2026-11-20T14:02:11Z").unwrap(), Pick::At("2026-11-20T14:02:11Z".parse().unwrap()));
        assert!(matches!(pick("2h").unwrap(), Pick::At(_)));
        assert!(pick("yesterday noon").is_err());
    }
}
