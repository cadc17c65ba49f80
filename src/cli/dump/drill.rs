//! `hotspare dump drill`: restores a kit for practice.

use clap::Args;

use super::{ask, other, pick};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::table;
use crate::dump::report::{DatabaseDrilled, Drilled};
use crate::dump::worker::hands::Pick;
use crate::engine::command::{Command, Report};

/// Arguments of `hotspare dump drill`.
#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    /// The dump
    #[arg(value_name = "DUMP")]
    dump: String,
    /// The kit of this name, or the newest that is not younger than this moment; else the newest
    #[arg(long, value_name = "T")]
    at: Option<String>,
}

/// Restores and compares; exit 1 if anything differs.
pub(super) fn run(context: &Context, args: &DrillArgs) -> Result<Exit, Failure> {
    let pick = args.at.as_deref().map(pick).transpose()?.unwrap_or(Pick::Newest);
    let command = Command::DumpDrill { dump: args.dump.clone(), pick };
    let (_, Report::Drilled { drilled }) = ask(context, command)? else { return Err(other()) };
    if context.json {
        context.document(&drilled)?;
    } else {
        context.print(&text(&drilled))?;
    }
    Ok(if drilled.ok { Exit::Done } else { Exit::Failed })
}

fn text(drilled: &Drilled) -> String {
    let said =
        if drilled.ok { "everything is there as it was noted" } else { "not everything is there as it was noted" };
    format!("{}kit {}: {said}, in {:.1} s\n", databases(&drilled.databases), drilled.kit, drilled.seconds)
}

/// What was compared of each database.
pub(super) fn databases(all: &[DatabaseDrilled]) -> String {
    let mut rows = table::Table::new(["database", "tables", "result"]);
    for one in all {
        let mut problems = one.problems.iter();
        let first =
            if one.ok { "as it was noted" } else { problems.next().map_or("not as it was noted", String::as_str) };
        rows.row([one.name.clone(), one.tables.to_string(), first.to_owned()]);
        for problem in problems {
            rows.row([String::new(), String::new(), problem.clone()]);
        }
    }
    if all.is_empty() { String::new() } else { rows.render() }
}
