//! `hotspare feed check`: compares both ends.

use clap::Args;

use super::{ask, named, other};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::table;
use crate::engine::command::{Command, Report};
use crate::feed::report::FeedCompared;

/// Arguments of `hotspare feed check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The feed
    #[arg(value_name = "FEED")]
    feed: String,
    /// Carry exactly the rows that are missing or different; rows that only the target has are never deleted
    #[arg(long)]
    repair: bool,
}

/// Compares; exit 1 if both ends differ and were not repaired, or could not be compared.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let command = Command::FeedCheck { feed: args.feed.clone(), repair: args.repair };
    let Report::Compared { compared } = ask(context, command)? else { return Err(other()) };
    if context.json {
        context.document(&compared)?;
    } else {
        context.print(&text(&compared))?;
    }
    Ok(if compared.ok { Exit::Done } else { Exit::Failed })
}

fn text(compared: &FeedCompared) -> String {
    let mut rows = table::Table::new(["table", "source", "target", "missing", "different", "extra", "repaired", "why"]);
    for one in &compared.tables {
        rows.row([
            named(&one.table, one.source.as_deref()),
            one.source_rows.to_string(),
            one.target_rows.to_string(),
            one.missing.to_string(),
            one.different.to_string(),
            one.extra.to_string(),
            one.repaired.to_string(),
            one.error.clone().unwrap_or_default(),
        ]);
    }
    let mut text = rows.render();
    for example in compared.tables.iter().flat_map(|one| &one.examples) {
        text.push_str(example);
        text.push('\n');
    }
    text.push_str(match (compared.ok, compared.repaired) {
        (true, true) => "both ends have the same rows now\n",
        (true, false) => "both ends have the same rows\n",
        (false, _) => "the ends differ\n",
    });
    text
}
