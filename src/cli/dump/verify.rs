//! `hotspare dump verify`: reads kits and compares them with their sums.

use clap::Args;

use super::{ask, other, pick};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::table;
use crate::dump::report::Verified;
use crate::engine::command::{Command, Report};

/// Arguments of `hotspare dump verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The dump
    #[arg(value_name = "DUMP")]
    dump: String,
    /// Only the kit of this name, or the newest that is not younger than this moment
    #[arg(long, value_name = "T")]
    at: Option<String>,
}

/// Checks; exit 1 if a kit is not whole, or there is none.
pub(super) fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let pick = args.at.as_deref().map(pick).transpose()?;
    let command = Command::DumpVerify { dump: args.dump.clone(), pick };
    let (_, Report::KitsVerified { kits }) = ask(context, command)? else { return Err(other()) };
    if context.json {
        context.document(&kits)?;
    } else {
        context.print(&text(&kits))?;
    }
    Ok(if kits.ok { Exit::Done } else { Exit::Failed })
}

fn text(verified: &Verified) -> String {
    let mut rows = table::Table::new(["kit", "result"]);
    for kit in &verified.kits {
        let mut problems = kit.problems.iter();
        let first = if kit.ok { "whole" } else { problems.next().map_or("not whole", String::as_str) };
        rows.row([kit.kit.clone(), first.to_owned()]);
        for problem in problems {
            rows.row([String::new(), problem.clone()]);
        }
    }
    let bad = verified.kits.iter().filter(|kit| !kit.ok).count();
    let said = match (verified.kits.len(), bad) {
        (0, _) => return "there is no kit of this dump on the medium\n".into(),
        (1, 0) => "the kit is whole".to_owned(),
        (all, 0) => format!("all {all} kits are whole"),
        (all, bad) => format!("{bad} of {all} not whole"),
    };
    format!("{}{said}\n", rows.render())
}
