//! `hotspare session delete`: deletes from this computer what is proven to be elsewhere.

use std::fmt::Write as _;
use std::io::BufRead;

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use super::{list, sync, which};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{follow, join};
use crate::console::format;
use crate::console::window::MOST_NAMED;
use crate::engine::client::Client;
use crate::engine::command::{Command, Report, Which};
use crate::engine::socket::Socket;
use crate::session::delete::{ONE, SEVERAL, phrase_for};
use crate::session::key::Key;
use crate::session::report::{DeleteReport, Deleted, Refused};

/// Arguments of `hotspare session delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Participant, as its folder is called
    #[arg(value_name = "PARTICIPANT", requires = "date", required_unless_present = "all_safe")]
    participant: Option<String>,
    /// Day, such as 20250104 or 2025-01-04
    #[arg(value_name = "DATE")]
    date: Option<String>,
    /// Instead: every session that is safe to delete
    #[arg(long, conflicts_with = "participant")]
    all_safe: bool,
    /// With --all-safe: from this day on
    #[arg(long, value_name = "DATE", requires = "all_safe", value_parser = which::day)]
    from: Option<Date>,
    /// With --all-safe: up to this day, itself included
    #[arg(long, value_name = "DATE", requires = "all_safe", value_parser = which::day)]
    to: Option<Date>,
    /// Only say what would be deleted, and what refuses
    #[arg(long)]
    dry_run: bool,
    /// What would have to be typed: DELETE, or "DELETE ALL" with --all-safe
    #[arg(long, value_name = "PHRASE")]
    confirm: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    deleted: Vec<DeletedLine<'a>>,
    refused: Vec<RefusedLine<'a>>,
    bytes_freed: u64,
}

#[derive(Serialize)]
struct DeletedLine<'a> {
    participant: &'a str,
    date: String,
    files: u64,
    bytes: u64,
    remains: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct RefusedLine<'a> {
    participant: &'a str,
    date: String,
    reasons: &'a [String],
}

/// Looks first, shows, asks, then deletes. Exit 3 if all refuse, 4 if some do.
pub fn run(context: &Context, store: Option<&str>, args: &DeleteArgs) -> Result<Exit, Failure> {
    let which = args.which()?;
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        sync::look(&engine, store).await?;
        if let (false, Some(phrase)) = (args.dry_run, &args.confirm) {
            let report = carry_out(context, &engine, command(store, which, false, phrase, None)).await?;
            return said(context, &report);
        }
        let looked = carry_out(context, &engine, command(store, which, true, "", None)).await?;
        if args.dry_run || looked.deleted.is_empty() {
            return said(context, &DeleteReport { dry_run: args.dry_run, ..looked });
        }
        ask(context, &looked, args.phrase())?;
        let report = carry_out_shown(context, &engine, store, looked).await?;
        said(context, &report)
    })
}

fn command(store: Option<&str>, which: Which, dry_run: bool, phrase: &str, shown: Option<&str>) -> Command {
    let [store, shown] = [store, shown].map(|text| text.map(str::to_owned));
    Command::SessionDelete { store, which, dry_run, phrase: phrase.to_owned(), shown }
}

impl DeleteArgs {
    fn which(&self) -> Result<Which, Failure> {
        if let (Some(participant), Some(date)) = (&self.participant, &self.date) {
            let key = Key::new(participant, date).map_err(|error| Failure::usage(error.to_string()))?;
            return Ok(Which::Keys { keys: vec![key] });
        }
        which::ordered(self.from, self.to)?;
        Ok(Which::Range { from: self.from, to: self.to, participant: None, safe: true })
    }

    const fn phrase(&self) -> &'static str {
        if self.all_safe { SEVERAL } else { ONE }
    }
}

async fn carry_out(context: &Context, engine: &Socket, command: Command) -> Result<DeleteReport, Failure> {
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = follow::ended_or_cancelled(context, engine, job).await?;
    match follow::report(engine, &ended).await? {
        Report::Deleted { deletion } => Ok(deletion),
        _ => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

/// Deletes what was shown and nothing else, whatever became safe since: in as many requests as so many names need.
async fn carry_out_shown(
    context: &Context,
    engine: &Socket,
    store: Option<&str>,
    shown: DeleteReport,
) -> Result<DeleteReport, Failure> {
    let keys: Vec<Key> = shown.deleted.iter().map(|deleted| deleted.key.clone()).collect();
    // What refused was shown as such, and stays.
    let mut report = DeleteReport { refused: shown.refused.clone(), ..DeleteReport::default() };
    for keys in keys.chunks(MOST_NAMED) {
        // The person has typed what the command asks for; the engine wants the phrase for so many names.
        let which = Which::Keys { keys: keys.to_vec() };
        let delete = command(store, which, false, phrase_for(keys.len()), Some(&shown.declared));
        let part = carry_out(context, engine, delete).await.inspect_err(|_failure| {
            if !report.deleted.is_empty() {
                context.say(&text(&report));
            }
        })?;
        report.bytes_freed += part.bytes_freed;
        report.deleted.extend(part.deleted);
        report.refused.extend(part.refused);
    }
    Ok(report)
}

/// Shows what would go and where it remains, and waits for the phrase.
fn ask(context: &Context, report: &DeleteReport, phrase: &str) -> Result<(), Failure> {
    context.say(&text(report));
    context.say(&format!("type {phrase} to delete, anything else to leave everything as it is: "));
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    let typed = typed.trim_end_matches(['\r', '\n']);
    match read {
        Ok(1..) if typed == phrase => Ok(()),
        _ => Err(Failure::refused(format!("nothing was deleted: {phrase} was not typed"))
            .hint(format!("in a script, add --confirm {phrase:?}"))),
    }
}

fn said(context: &Context, report: &DeleteReport) -> Result<Exit, Failure> {
    if context.json {
        context.document(&document(report))?;
    } else {
        context.print(&text(report))?;
    }
    Ok(match (report.deleted.is_empty(), report.refused.is_empty()) {
        (_, true) => Exit::Done,
        (true, false) => Exit::Refused,
        (false, false) => Exit::Partial,
    })
}

fn document(report: &DeleteReport) -> Document<'_> {
    fn deleted(line: &Deleted) -> DeletedLine<'_> {
        DeletedLine {
            participant: &line.key.participant,
            date: line.key.day(),
            files: line.files,
            bytes: line.bytes,
            remains: &line.remains,
            notes: &line.notes,
        }
    }
    fn refused(line: &Refused) -> RefusedLine<'_> {
        RefusedLine { participant: &line.key.participant, date: line.key.day(), reasons: &line.reasons }
    }
    Document {
        dry_run: report.dry_run,
        deleted: report.deleted.iter().map(deleted).collect(),
        refused: report.refused.iter().map(refused).collect(),
        bytes_freed: report.bytes_freed,
    }
}

fn text(report: &DeleteReport) -> String {
    let mut text = String::new();
    for line in &report.deleted {
        let word = if report.dry_run { "would be deleted" } else { "deleted" };
        let remains = line.remains.join(", ");
        let size = list::size(line.bytes);
        let files = format::several(usize::try_from(line.files).unwrap_or(usize::MAX), "file");
        let _a_string_takes_all = writeln!(text, "{}: {word}: {files}, {size}; remains at {remains}", line.key);
        for note in &line.notes {
            let _a_string_takes_all = writeln!(text, "  {note}");
        }
    }
    for line in &report.refused {
        let _a_string_takes_all = writeln!(text, "{}: refused: {}", line.key, line.reasons.join("; "));
    }
    let word = if report.dry_run { "would be freed" } else { "freed" };
    let _a_string_takes_all = writeln!(text, "{} {word}", list::size(report.bytes_freed));
    text
}
