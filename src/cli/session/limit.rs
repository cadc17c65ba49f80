//! `hotspare session limit`: how many bytes a second copies may take, also those that run.

use clap::Args;

use super::list;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::join;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::fleet::units;

/// Arguments of `hotspare session limit`.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Bytes a second, such as 80MiB/s, or `none`; until the engine ends
    #[arg(value_name = "RATE", value_parser = rate)]
    limit: Limit,
}

#[derive(Debug, Clone, Copy)]
struct Limit(Option<u64>);

fn rate(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        text => units::rate(text).map(|rate| Limit(Some(rate))).map_err(|error| error.to_string()),
    }
}

/// Changes it.
pub fn run(context: &Context, store: Option<&str>, args: &LimitArgs) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let command = Command::SessionLimit { store: store.map(str::to_owned), limit: args.limit.0 };
        engine.command(command).await?;
        if context.json {
            context.document(&serde_json::json!({ "limit": args.limit.0 }))?;
        } else {
            let rate =
                args.limit.0.map_or_else(|| "as much as they can".into(), |limit| format!("{}/s", list::size(limit)));
            context.tell(&format!("hotspare: copies may take {rate} from now on, also those that run"));
        }
        Ok(Exit::Done)
    })
}
