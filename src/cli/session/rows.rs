//! Rows of sessions as they are now: asked for until every side was looked at, or patience ends.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::exit::Failure;
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::engine::snapshot::Snapshot;
use crate::session::view::{Ask, Rows, StoreView};

/// Rows in one answer of the engine.
pub(super) const PAGE: u32 = 2_000;
/// What is known is printed after this time, unless `--refresh`: a share that hangs must not hang the list.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// A picture that is older than the rows is waited for so long.
const BEHIND: Duration = Duration::from_secs(1);

/// All rows, from a look at all sides that began just now, or, when patience ends, from the last one.
pub(super) async fn fresh(engine: &impl Client, ask: Ask, patience: Duration) -> Result<Rows, Failure> {
    let rows = looked(engine, &ask, patience).await?;
    whole(engine, ask, rows).await
}

/// The first rows, from a look at all sides that began just now, or, when patience ends, from the last one.
pub(super) async fn looked(engine: &impl Client, ask: &Ask, patience: Duration) -> Result<Rows, Failure> {
    let clock = Clock::real();
    let (asked, end) = (clock.now(), clock.tick() + patience);
    loop {
        let first = Ask { not_before: Some(asked), ..ask.clone() };
        let rows = window(engine, first).await?;
        let over = end.since(clock.tick()).is_zero();
        if over || rows.looked.is_some_and(|looked| looked >= asked) {
            return Ok(rows);
        }
    }
}

/// The rest of the rows, page by page. Rows that move between two pages are not taken twice.
async fn whole(engine: &impl Client, ask: Ask, mut rows: Rows) -> Result<Rows, Failure> {
    let mut known: std::collections::HashSet<_> = rows.rows.iter().map(|row| row.key.clone()).collect();
    let mut offset = rows.rows.len() as u64;
    while offset < rows.matching {
        let next = window(engine, Ask { offset, ..ask.clone() }).await?;
        if next.rows.is_empty() {
            break;
        }
        offset += next.rows.len() as u64;
        rows.matching = next.matching;
        rows.rows.extend(next.rows.into_iter().filter(|row| known.insert(row.key.clone())));
    }
    Ok(rows)
}

async fn window(engine: &impl Client, ask: Ask) -> Result<Rows, Failure> {
    match engine.query(Query::Sessions { ask: Box::new(ask) }).await? {
        Answer::Sessions { rows } => Ok(rows),
        _ => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

/// A picture in which a store is as new as the rows that were answered: pictures come a moment behind.
pub(super) async fn shown(engine: &impl Client, store: &str, version: u64) -> Arc<Snapshot> {
    let mut snapshots = engine.snapshots();
    let known = |view: &StoreView| view.name != store || view.version >= version;
    let fresh = |snapshot: &Arc<Snapshot>| snapshot.stores.iter().all(|view| known(view));
    let _or_what_there_is = tokio::time::timeout(BEHIND, snapshots.wait_for(fresh)).await.map(drop);
    let snapshot = snapshots.borrow();
    Arc::clone(&snapshot)
}

/// The store of this name.
pub(super) fn view<'a>(snapshot: &'a Snapshot, store: &str) -> Result<&'a StoreView, Failure> {
    let found = snapshot.stores.iter().find(|view| view.name == store);
    found.map(AsRef::as_ref).ok_or_else(|| Failure::failed(format!("the store {store} has left the fleet file")))
}
