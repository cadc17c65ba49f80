//! When a store is looked at: one task a side, so that a share that does not answer keeps nobody else waiting; one for the
//! database of imports; one for what time alone changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::shop::Shop;
use super::{AskImported, aside};
use crate::clock::Timestamp;
use crate::session::side::Depth;

/// Between two quick looks at the source, and at a destination.
const SOURCE: Duration = Duration::from_secs(30);
const DESTINATION: Duration = Duration::from_secs(300);
/// Every so many quick looks a full one follows.
const FULL: u32 = 60;
/// How often it is asked whether a destination still is what it should be.
const STANDING: Duration = Duration::from_secs(30);
/// Between two questions to the database of imports.
const IMPORTS: Duration = Duration::from_secs(300);
/// The database is not asked more often than this, whatever is recorded.
const BREATH: Duration = Duration::from_secs(20);
/// What time alone changes is looked at so often.
const SETTLE: Duration = Duration::from_secs(1);

/// Looks at a store until it is closed.
pub(super) async fn keep(shop: Arc<Shop>, imported: AskImported) {
    let loading = Arc::clone(&shop);
    tokio::select! {
        _loaded = aside("index", move || loading.load()) => {}
        () = shop.stop.cancelled() => return,
    }
    let sides = futures_util::future::join_all((0..shop.sides.len()).map(|side| keep_side(Arc::clone(&shop), side)));
    let settling = settle(&shop);
    let importing = keep_imports(&shop, &imported);
    tokio::select! {
        () = shop.stop.cancelled() => {}
        _never = async { tokio::join!(sides, settling, importing) } => {}
    }
}

async fn keep_side(shop: Arc<Shop>, side: usize) {
    let every = if side == 0 { SOURCE } else { DESTINATION };
    let mut wishes = shop.wishes.subscribe();
    let mut quick = 0;
    loop {
        wishes.mark_unchanged();
        let depth = if quick == 0 { Depth::Full } else { Depth::Changed };
        let looking = Arc::clone(&shop);
        aside("catalogue", move || looking.scan(side, depth)).await;
        quick = (quick + 1) % FULL;
        let mut due = Box::pin(tokio::time::sleep(every));
        let mut standing = tokio::time::interval(STANDING);
        standing.set_missed_tick_behavior(MissedTickBehavior::Delay);
        standing.reset();
        loop {
            tokio::select! {
                () = &mut due => break,
                _wished = wishes.changed() => {
                    quick = 0;
                    break;
                }
                _ = standing.tick(), if side > 0 => {
                    let standing = Arc::clone(&shop);
                    let back = aside("catalogue", move || standing.came_back(side)).await;
                    if back == Some(true) {
                        break;
                    }
                }
            }
        }
    }
}

async fn settle(shop: &Shop) {
    let mut ticks = tokio::time::interval(SETTLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shop.settle();
    }
}

async fn keep_imports(shop: &Arc<Shop>, ask: &AskImported) {
    let Some(declared) = shop.declared().imported.clone() else { return };
    let (mut news, mut wishes) = (shop.news.subscribe(), shop.wishes.subscribe());
    // Nothing can be asked before it is known what lies on the disk.
    while *news.borrow_and_update() == 0 {
        if news.changed().await.is_err() {
            return;
        }
    }
    loop {
        news.mark_unchanged();
        wishes.mark_unchanged();
        let listing = Arc::clone(shop);
        let looked = shop.source_looked();
        if let Some(local) = aside("imports", move || listing.local_sessions()).await {
            let answer = match local {
                Some(local) => Some(ask(declared.clone(), local).await),
                None => None,
            };
            let taking = Arc::clone(shop);
            aside("imports", move || taking.take_imports(answer, looked)).await;
        }
        let asked_lately = tokio::time::sleep(BREATH);
        tokio::select! {
            () = asked_lately => tokio::select! {
                () = tokio::time::sleep(IMPORTS) => {}
                _new = news.changed() => {}
                _wished = wishes.changed() => looked_again(shop, looked).await,
            },
            _wished = wishes.changed() => looked_again(shop, looked).await,
        }
    }
}

/// Waits until the source was looked at after this look: whoever wishes to know what was imported means what is there now.
async fn looked_again(shop: &Shop, before: Option<Timestamp>) {
    let mut changes = shop.changes();
    let looked = async { while shop.source_looked() <= before && changes.changed().await.is_ok() {} };
    let _as_far_as_it_is = tokio::time::timeout(SOURCE, looked).await;
}
