//! `hotspare feed run`: carries rows.

use std::sync::Arc;

use clap::Args;

use super::{ask, named, other};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{follow, join, table};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::start::Engine;
use crate::feed::report::FeedRan;
use crate::feed::view::FeedView;

/// Arguments of `hotspare feed run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The feed
    #[arg(value_name = "FEED")]
    feed: String,
    /// Carry all that waits now, and end
    #[arg(long)]
    once: bool,
}

/// Carries; exit 1 if an end is away or refuses.
pub(super) fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    if !args.once {
        return on_and_on(context, &args.feed);
    }
    let Report::Fed { fed: ran } = ask(context, Command::FeedRun { feed: args.feed.clone() })? else {
        return Err(other());
    };
    if context.json {
        context.document(&ran)?;
    } else {
        context.print(&text(&ran))?;
    }
    Ok(if ran.tables.iter().all(|table| table.error.is_none()) { Exit::Done } else { Exit::Failed })
}

fn text(ran: &FeedRan) -> String {
    let mut rows = table::Table::new(["table", "rows", "seconds", "rows/s", "left", "why"]);
    for one in &ran.tables {
        #[expect(clippy::cast_precision_loss, reason = "rows to be shown")]
        let rate = if one.seconds > 0.0 { one.rows as f64 / one.seconds } else { 0.0 };
        rows.row([
            named(&one.table, one.source.as_deref()),
            one.rows.to_string(),
            format!("{:.2}", one.seconds),
            format!("{rate:.0}"),
            one.rows_behind.to_string(),
            one.error.clone().unwrap_or_default(),
        ]);
    }
    rows.render()
}

/// Until it is interrupted: the engine that runs does it anyway; where none does, one in this process.
fn on_and_on(context: &Context, feed: &str) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let (engine, own) = join::or_in_process(context, place, false).await?;
        let ended = tokio::select! {
            told = tell(context, &engine, feed) => told,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        };
        if let Some(own) = own {
            Engine::stop(&own, "command line").await;
        }
        ended
    })
}

/// A line whenever what there is to say of the feed has changed, at most one a second.
async fn tell(context: &Context, engine: &crate::engine::socket::Socket, feed: &str) -> Result<Exit, Failure> {
    let mut snapshots = engine.snapshots();
    let mut said = String::new();
    loop {
        let view = snapshots.borrow_and_update().feed(feed).map(Arc::clone);
        let view = view.ok_or_else(|| {
            Failure::usage(format!("there is no feed `{feed}`")).hint("`hotspare feed list` shows what there is")
        })?;
        let now = line(&view);
        if now != said {
            if context.json {
                context.document(&*view)?;
            } else {
                context.line(&now)?;
            }
            said = now;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        follow::still_there(engine)?;
    }
}

fn line(view: &FeedView) -> String {
    let carried: u64 = view.strands.iter().map(|strand| strand.carried).sum();
    let why = view.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{}: {}{why}, {carried} rows carried, {} behind, {:.1} s, {:.0} rows/s",
        view.name,
        view.state.word(),
        view.rows_behind,
        view.seconds_behind,
        view.rate
    )
}
