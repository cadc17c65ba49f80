//! `hotspare feed prepare`: makes the target's table and its unique index.

use clap::Args;

use super::{ask, other};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::engine::command::{Command, Report};
use crate::feed::report::FeedPrepared;

/// Arguments of `hotspare feed prepare`.
#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// The feed
    #[arg(value_name = "FEED")]
    feed: String,
    /// Only print the statements
    #[arg(long)]
    dry_run: bool,
}

/// Prepares; exit 3 if keys that are there more than once stand in the way, 1 if it failed otherwise.
pub(super) fn run(context: &Context, args: &PrepareArgs) -> Result<Exit, Failure> {
    let command = Command::FeedPrepare { feed: args.feed.clone(), dry_run: args.dry_run };
    let Report::Prepared { prepared } = ask(context, command)? else { return Err(other()) };
    if context.json {
        context.document(&prepared)?;
    } else {
        context.print(&text(&prepared))?;
    }
    let doubled = prepared.tables.iter().any(|table| table.doubled > 0);
    Ok(match (prepared.ok, doubled) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Failed,
    })
}

fn text(prepared: &FeedPrepared) -> String {
    let mut lines = Vec::new();
    for table in &prepared.tables {
        let name = if table.table == table.into {
            table.table.clone()
        } else {
            format!("{} into {}", table.table, table.into)
        };
        lines.push(match (&table.error, table.statements.is_empty(), prepared.dry_run) {
            (Some(error), ..) => format!("{name}: refused: {error}"),
            (None, true, _) => format!("{name}: ready"),
            (None, false, true) => format!("{name}: would be made ready by"),
            (None, false, false) => format!("{name}: made ready by"),
        });
        lines.extend(table.statements.iter().map(|statement| format!("    {statement};")));
        lines.extend(table.doubles.iter().map(|double| format!("    {} times: {}", double.times, double.key)));
        lines.extend(table.notes.iter().map(|note| format!("    note: {note}")));
    }
    lines.push(String::new());
    lines.join("\n")
}
