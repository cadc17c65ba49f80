//! `hotspare dump now`: makes a kit.

use super::{ask, other};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::table;
use crate::dump::report::{Made, MadeResult};
use crate::engine::command::{Command, Report};
use crate::reach::plain;

/// Makes a round; exit 1 if no database could be dumped, 4 if some could not.
pub(super) fn run(context: &Context, dump: &str) -> Result<Exit, Failure> {
    let (_, Report::Dumped { made }) = ask(context, Command::DumpNow { dump: dump.to_owned() })? else {
        return Err(other());
    };
    if context.json {
        context.document(&made)?;
    } else {
        context.print(&text(&made))?;
    }
    let failed = made.databases.iter().filter(|database| database.result == MadeResult::Failed).count();
    Ok(match failed {
        0 => Exit::Done,
        all if all == made.databases.len() => Exit::Failed,
        _ => Exit::Partial,
    })
}

const fn word(result: MadeResult) -> &'static str {
    match result {
        MadeResult::Written => "written",
        MadeResult::Unchanged => "unchanged",
        MadeResult::Failed => "failed",
    }
}

fn text(made: &Made) -> String {
    let mut rows = table::Table::new(["database", "result", "size", "locked", "file or why"]);
    for one in &made.databases {
        let label = one.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        rows.row([
            format!("{}{label}", one.name),
            word(one.result).to_owned(),
            plain::size(one.bytes),
            one.locked.map(|locked| format!("{:.0} ms", locked * 1e3)).unwrap_or_default(),
            one.error.clone().or_else(|| one.file.clone()).unwrap_or_default(),
        ]);
    }
    let table = if made.databases.is_empty() { String::new() } else { rows.render() };
    format!("{table}kit {}\n", made.kit)
}
