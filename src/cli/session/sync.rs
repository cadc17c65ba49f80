//! `hotspare session sync`: copies and verifies.

use clap::Args;
use serde::Serialize;

use super::{list, rows, which};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{follow, join, table};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::session::report::{SyncReport, SyncResult, Synced};
use crate::session::view::Ask;

/// Arguments of `hotspare session sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    #[command(flatten)]
    which: which::Chosen,
    /// Only say what would be copied
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    sessions: Vec<Line<'a>>,
    succeeded: usize,
    failed: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    participant: &'a str,
    date: String,
    destination: &'a str,
    result: SyncResult,
    files: u64,
    bytes: u64,
    written: u64,
    written_bytes: u64,
    seconds: f64,
    error: Option<&'a str>,
    refused: bool,
}

/// Copies; exit 3 if all was refused, 1 if nothing of it succeeded, 4 if some failed.
pub fn run(context: &Context, store: Option<&str>, args: &SyncArgs) -> Result<Exit, Failure> {
    let which = args.which.which(false)?;
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        look(&engine, store).await?;
        let command = Command::SessionSync { store: store.map(str::to_owned), which, dry_run: args.dry_run };
        let accepted = engine.command(command).await?;
        let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
        let ended = follow::ended_or_cancelled(context, &engine, job).await?;
        let Report::Synced { sync } = follow::report(&engine, &ended).await? else {
            return Err(Failure::failed("the engine answered something else; its version may differ"));
        };
        if context.json {
            context.document(&document(&sync))?;
        } else {
            context.print(&text(&sync))?;
        }
        let count = |result| sync.sessions.iter().filter(|synced| synced.result == result).count();
        Ok(match (count(SyncResult::Failed), sync.sessions.len()) {
            (0, _) => Exit::Done,
            _ if sync.sessions.iter().all(|synced| synced.refused) => Exit::Refused,
            (failed, all) if failed == all => Exit::Failed,
            _ => Exit::Partial,
        })
    })
}

/// Has every side looked at before a command is sent, so that it knows what was recorded a moment ago. Returns the version
/// of the rows.
pub(super) async fn look(engine: &Socket, store: Option<&str>) -> Result<u64, Failure> {
    let ask = Ask { store: store.map(str::to_owned), limit: 1, ..Ask::default() };
    rows::looked(engine, &ask, rows::PATIENCE).await.map(|rows| rows.version)
}

fn document(sync: &SyncReport) -> Document<'_> {
    let count = |result| sync.sessions.iter().filter(|synced| synced.result == result).count();
    Document {
        dry_run: sync.dry_run,
        sessions: sync.sessions.iter().map(line).collect(),
        succeeded: count(SyncResult::Copied),
        failed: count(SyncResult::Failed),
        skipped: count(SyncResult::Skipped),
    }
}

fn line(synced: &Synced) -> Line<'_> {
    Line {
        participant: &synced.key.participant,
        date: synced.key.day(),
        destination: &synced.destination,
        result: synced.result,
        files: synced.files,
        bytes: synced.bytes,
        written: synced.written,
        written_bytes: synced.written_bytes,
        seconds: synced.seconds,
        error: synced.error.as_deref(),
        refused: synced.refused,
    }
}

fn text(sync: &SyncReport) -> String {
    let mut table = table::Table::new(["session", "destination", "result", "files", "size", "seconds", "why"]);
    for synced in &sync.sessions {
        let word = match (synced.result, sync.dry_run) {
            (SyncResult::Copied, true) => "would be copied",
            (SyncResult::Copied, false) => "copied",
            (SyncResult::Skipped, _) => "good already",
            (SyncResult::Failed, _) if synced.refused => "refused",
            (SyncResult::Failed, _) => "failed",
        };
        table.row([
            synced.key.to_string(),
            synced.destination.clone(),
            word.to_owned(),
            synced.files.to_string(),
            list::size(synced.bytes),
            format!("{:.1}", synced.seconds),
            synced.error.clone().unwrap_or_default(),
        ]);
    }
    let count = |result| sync.sessions.iter().filter(|synced| synced.result == result).count();
    let (copied, skipped, failed) = (count(SyncResult::Copied), count(SyncResult::Skipped), count(SyncResult::Failed));
    let copied = format!("{copied} {}", if sync.dry_run { "would be copied" } else { "copied and verified" });
    let table = if sync.sessions.is_empty() { String::new() } else { table.render() };
    format!("{table}{copied}, {skipped} good already, {failed} failed\n")
}
