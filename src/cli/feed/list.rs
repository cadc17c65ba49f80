//! `hotspare feed list`: how far behind each feed is.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::named;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::engine::client::Client;
use crate::engine::snapshot::Snapshot;
use crate::feed::view::{FeedState, FeedView};

/// So long it is waited for the first word of every feed.
const FIRST_WORD: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Document<'a> {
    feeds: Vec<&'a FeedView>,
}

/// Prints all feeds; exit 1 if one needs a person.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    context.block_on(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let mut snapshots = joined.engine.snapshots();
        let told = |snapshot: &Arc<Snapshot>| snapshot.feeds.iter().all(|feed| feed.state != FeedState::Starting);
        let _as_far_as_it_is = tokio::time::timeout(FIRST_WORD, snapshots.wait_for(told)).await.is_ok();
        let feeds = Arc::clone(&snapshots.borrow().feeds);
        joined.leave().await;
        if context.json {
            context.document(&Document { feeds: feeds.iter().map(|feed| &**feed).collect() })?;
        } else if feeds.is_empty() {
            context.line("no feeds: write [feeds.NAME] into the fleet file, with `from`, `to` and `tables`")?;
        } else {
            context.print(&text(&feeds))?;
        }
        Ok(if feeds.iter().all(|feed| feed.well()) { Exit::Done } else { Exit::Failed })
    })
}

fn text(feeds: &[Arc<FeedView>]) -> String {
    let mut rows = table::Table::new(["feed", "state", "behind", "seconds", "rows/s", "why"]);
    for feed in feeds {
        rows.row([
            feed.name.clone(),
            if feed.late { format!("{}, late", feed.state.word()) } else { feed.state.word().to_owned() },
            behind(feed.rows_behind, feed.counted),
            format!("{:.1}", feed.seconds_behind),
            format!("{:.0}", feed.rate),
            feed.why.clone().unwrap_or_default(),
        ]);
        let several = feed.strands.len() > 1;
        for strand in feed.strands.iter().filter(|_| several) {
            let part = strand.part.word().map(|part| format!(" ({part})")).unwrap_or_default();
            rows.row([
                format!("  {}{part}", named(&strand.table, strand.source.as_deref())),
                strand.state.word().to_owned(),
                behind(strand.rows_behind, strand.counted),
                format!("{:.1}", strand.seconds_behind),
                format!("{:.0}", strand.rate),
                strand.why.clone().filter(|why| Some(why) != feed.why.as_ref()).unwrap_or_default(),
            ]);
        }
    }
    let mut text = rows.render();
    for feed in feeds {
        for warning in &feed.warnings {
            text.push_str(&feed.name);
            text.push_str(": ");
            text.push_str(warning);
            text.push('\n');
        }
    }
    text
}

fn behind(rows: u64, counted: bool) -> String {
    if counted { rows.to_string() } else { format!("≤ {rows}") }
}
