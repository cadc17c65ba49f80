//! `hotspare session verify`: compares copies with their source or manifest.

use clap::Args;
use serde::Serialize;

use super::{list, sync, which};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{follow, join, table};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::session::report::{Different, VerifyReport};
use crate::session::view::Level;

/// Arguments of `hotspare session verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    which: which::Chosen,
    #[command(flatten)]
    level: LevelArgs,
}

/// How thoroughly; none: by content where a manifest exists, else by sizes.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct LevelArgs {
    /// Only names and their number
    #[arg(long)]
    quick: bool,
    /// Names and sizes
    #[arg(long)]
    sizes: bool,
    /// Every byte, from the destination's own storage
    #[arg(long)]
    content: bool,
}

impl LevelArgs {
    const fn level(&self) -> Option<Level> {
        match self {
            Self { quick: true, .. } => Some(Level::Count),
            Self { sizes: true, .. } => Some(Level::Sizes),
            Self { content: true, .. } => Some(Level::Content),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Session<'a> {
    participant: &'a str,
    date: String,
}

#[derive(Serialize)]
struct Document<'a> {
    session: Session<'a>,
    destination: &'a str,
    level: Level,
    ok: bool,
    missing: &'a [String],
    different: &'a [Different],
    extra: &'a [String],
    files: u64,
    bytes: u64,
    seconds: f64,
    read: Option<&'a str>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Several<'a> {
    ok: bool,
    verified: Vec<Document<'a>>,
    succeeded: usize,
    failed: usize,
}

/// Verifies; exit 1 if anything is not as it should be, 4 if that is so for some of several.
pub fn run(context: &Context, store: Option<&str>, args: &VerifyArgs) -> Result<Exit, Failure> {
    let (which, level) = (args.which.which(false)?, args.level.level());
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        sync::look(&engine, store).await?;
        let command = Command::SessionVerify { store: store.map(str::to_owned), which, level };
        let accepted = engine.command(command).await?;
        let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
        let ended = follow::ended_or_cancelled(context, &engine, job).await?;
        let Report::Verified { verified } = follow::report(&engine, &ended).await? else {
            return Err(Failure::failed("the engine answered something else; its version may differ"));
        };
        let good = verified.iter().filter(|report| report.ok).count();
        let failed = verified.len() - good;
        if !context.json {
            context.print(&text(&verified))?;
        } else if let ([one], true) = (verified.as_slice(), args.which.one()) {
            context.document(&document(one))?;
        } else {
            let verified = verified.iter().map(document).collect();
            context.document(&Several { ok: failed == 0, verified, succeeded: good, failed })?;
        }
        Ok(match (failed, good) {
            (0, _) => Exit::Done,
            (_, 0) => Exit::Failed,
            _ if args.which.one() => Exit::Failed,
            _ => Exit::Partial,
        })
    })
}

fn document(report: &VerifyReport) -> Document<'_> {
    Document {
        session: Session { participant: &report.key.participant, date: report.key.day() },
        destination: &report.destination,
        level: report.level,
        ok: report.ok,
        missing: &report.missing,
        different: &report.different,
        extra: &report.extra,
        files: report.files,
        bytes: report.bytes,
        seconds: report.seconds,
        read: report.read.as_deref(),
        error: report.error.as_deref(),
    }
}

/// Names of a kind that a table shows.
const NAMED: usize = 5;

fn text(verified: &[VerifyReport]) -> String {
    let mut table = table::Table::new(["session", "destination", "by", "files", "size", "seconds", "result"]);
    for report in verified {
        table.row([
            report.key.to_string(),
            report.destination.clone(),
            report.level.word().to_owned(),
            report.files.to_string(),
            list::size(report.bytes),
            format!("{:.1}", report.seconds),
            result(report),
        ]);
    }
    let good = verified.iter().filter(|report| report.ok).count();
    let table = if verified.is_empty() { String::new() } else { table.render() };
    format!("{table}{good} good, {} not\n", verified.len() - good)
}

fn result(report: &VerifyReport) -> String {
    if let Some(error) = &report.error {
        return format!("not verified: {error}");
    }
    if report.ok {
        return match &report.read {
            Some(read) => format!("good, read {read}"),
            None => "good".into(),
        };
    }
    let different: Vec<String> =
        report.different.iter().map(|different| format!("{} ({})", different.path, different.reason)).collect();
    let kinds = [("missing", &report.missing), ("different", &different), ("extra", &report.extra)];
    let said: Vec<String> = kinds
        .into_iter()
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(kind, paths)| {
            let named: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
            let more = if paths.len() > NAMED { format!(" and {} more", paths.len() - NAMED) } else { String::new() };
            format!("{kind}: {}{more}", named.join(", "))
        })
        .collect();
    if said.is_empty() { "not good".into() } else { said.join("; ") }
}
