//! `hotspare dump list`: each dump, and the kits on its medium.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::clock::{Clock, Timestamp};
use crate::dump::view::{DumpState, DumpView, KitView};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::engine::snapshot::Snapshot;
use crate::reach::plain;

/// So long it is waited for the first word of every dump.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// Arguments of `hotspare dump list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only this dump
    #[arg(value_name = "DUMP")]
    dump: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    dumps: Vec<Dump<'a>>,
}

#[derive(Serialize)]
struct Dump<'a> {
    #[serde(flatten)]
    view: &'a DumpView,
    /// Newest first.
    on_medium: &'a [KitView],
}

/// Prints them; exit 1 if one needs a person.
pub(super) fn run(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let all = context.block_on(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let found = look(&joined.engine, args.dump.as_deref()).await;
        joined.leave().await;
        found
    })?;
    if context.json {
        let dumps = all.iter().map(|(view, kits)| Dump { view, on_medium: kits }).collect();
        context.document(&Document { dumps })?;
    } else if all.is_empty() {
        context.line("no dumps: write [dumps.NAME] into the fleet file, with `server`, `databases` and `to`")?;
    } else {
        context.print(&text(&all, Clock::real().now()))?;
    }
    Ok(if all.iter().all(|(view, _)| view.well()) { Exit::Done } else { Exit::Failed })
}

async fn look(engine: &impl Client, only: Option<&str>) -> Result<Vec<(Arc<DumpView>, Vec<KitView>)>, Failure> {
    let mut snapshots = engine.snapshots();
    let told = |snapshot: &Arc<Snapshot>| snapshot.dumps.iter().all(|dump| dump.state != DumpState::Starting);
    let _as_far_as_it_is = tokio::time::timeout(FIRST_WORD, snapshots.wait_for(told)).await.is_ok();
    let dumps = Arc::clone(&snapshots.borrow().dumps);
    let mut all = Vec::new();
    for view in dumps.iter().filter(|dump| only.is_none_or(|only| dump.name == only)) {
        let answer = engine.query(Query::Kits { dump: view.name.clone() }).await?;
        let Answer::Kits { kits } = answer else { return Err(super::other()) };
        all.push((Arc::clone(view), kits));
    }
    match only.filter(|_| all.is_empty()) {
        // The engine knows best what there is instead.
        Some(only) => {
            engine.query(Query::Kits { dump: only.to_owned() }).await?;
            Err(super::other())
        }
        None => Ok(all),
    }
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", table::span(now.duration_since(at).as_secs())))
}

fn text(all: &[(Arc<DumpView>, Vec<KitView>)], now: Timestamp) -> String {
    let mut rows = table::Table::new(["dump", "state", "last good", "kit", "kits", "size", "free", "why"]);
    for (dump, _) in all {
        rows.row([
            dump.name.clone(),
            dump.state.word().to_owned(),
            ago(dump.good, now),
            dump.kit.clone().unwrap_or_default(),
            dump.kits.to_string(),
            plain::size(dump.bytes),
            dump.free.map(plain::size).unwrap_or_default(),
            dump.why.clone().unwrap_or_default(),
        ]);
    }
    let mut text = rows.render();
    for (dump, kits) in all {
        for warning in &dump.warnings {
            let _infallible = writeln!(text, "{}: {warning}", dump.name);
        }
        let drill = dump.drill.as_ref().map_or_else(
            || format!("no drill yet: `hotspare dump drill {}` restores the newest kit for practice", dump.name),
            |drill| {
                let word = if drill.ok { "good" } else { "not good" };
                format!("last drill {}, {word}: {}, in {:.1} s", ago(Some(drill.at), now), drill.said, drill.seconds)
            },
        );
        let _infallible = writeln!(text, "\n{} on {}: {drill}", dump.name, dump.to);
        if !kits.is_empty() {
            text.push_str(&self::kits(kits));
        }
    }
    text
}

fn kits(kits: &[KitView]) -> String {
    let mut rows = table::Table::new(["kit", "databases", "size", "written"]);
    for kit in kits {
        let missing = kit.databases.iter().filter(|database| database.error.is_some()).count();
        let written: Vec<&str> = kit
            .databases
            .iter()
            .filter(|database| database.held.as_ref() == Some(&kit.kit))
            .map(|database| database.label.as_ref().unwrap_or(&database.name).as_str())
            .collect();
        let failed = if missing > 0 { format!(", {missing} failed") } else { String::new() };
        rows.row([
            kit.kit.clone(),
            format!("{}{failed}", kit.databases.len()),
            plain::size(kit.bytes),
            plain::line(&written.join(", "), 100),
        ]);
    }
    rows.render()
}
