//! When a store is looked at: one task a side, so that a share that does not answer keeps nobody else waiting; one for the
//! database of imports; one for what time alone changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::eyes::{Eyes, Moved, Tended};
use super::shop::Shop;
use super::{AskImported, aside};
use crate::clock::Timestamp;
use crate::session::side::Depth;

/// Between two quick looks at the source, where it is not watched, where it is, and at a destination.
const SOURCE: Duration = Duration::from_secs(30);
const WATCHED: Duration = Duration::from_secs(300);
const DESTINATION: Duration = Duration::from_secs(300);
/// Between two looks at every file: quick ones do not see what is written into an old file.
const SOURCE_FULL: Duration = Duration::from_secs(3600);
const DESTINATION_FULL: Duration = Duration::from_secs(6 * 3600);
/// How long what moves on the source is gathered.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// How often it is asked whether a destination still is what it should be.
const STANDING: Duration = Duration::from_secs(30);
/// Between two questions to the database of imports.
const IMPORTS: Duration = Duration::from_secs(300);
/// The database is not asked more often than this, whatever is recorded.
const BREATH: Duration = Duration::from_secs(60);
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
    let mut wishes = shop.wishes.subscribe();
    let mut eyes = (side == 0).then(|| Eyes::new(&shop.declared().source, shop.layout()));
    let mut last_full = None;
    loop {
        wishes.mark_unchanged();
        let now = shop.tick();
        let full =
            last_full.is_none_or(|last| now.since(last) >= if side == 0 { SOURCE_FULL } else { DESTINATION_FULL });
        if full {
            last_full = Some(now);
        }
        let looking = Arc::clone(&shop);
        aside("catalogue", move || looking.scan(side, if full { Depth::Full } else { Depth::Changed })).await;
        let every = match tend(&shop, &mut eyes).await {
            _ if side > 0 => DESTINATION,
            Tended::Same => WATCHED,
            Tended::Blind => SOURCE,
            Tended::More => DEBOUNCE,
        };
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _wished = wishes.changed() => last_full = None,
            () = came_back(&shop, side), if side > 0 => {}
            () = moved(&shop, &mut eyes) => {}
        }
    }
}

/// Has the folders watched that are worth it.
async fn tend(shop: &Arc<Shop>, eyes: &mut Option<Eyes>) -> Tended {
    let Some(mut own) = eyes.take() else { return Tended::Blind };
    let shop = Arc::clone(shop);
    let tended = aside("watch", move || {
        let all = own.tend(shop.folders_to_watch());
        (own, all)
    });
    let Some((own, all)) = tended.await else { return Tended::Blind };
    *eyes = Some(own);
    all
}

/// Looks at sessions in which something moves, as long as it is known which; ends where all are to be looked at.
async fn moved(shop: &Arc<Shop>, eyes: &mut Option<Eyes>) {
    loop {
        match eyes {
            Some(eyes) => eyes.stirred().await,
            None => std::future::pending().await,
        }
        // What is written is written in many pieces.
        tokio::time::sleep(DEBOUNCE).await;
        match eyes.as_ref().and_then(Eyes::moved) {
            Some(Moved::Sessions(keys)) => {
                let looking = Arc::clone(shop);
                aside("catalogue", move || looking.look_at_source(&keys)).await;
            }
            Some(Moved::Anything) => return,
            None => {}
        }
    }
}

/// Ends when a destination that could not be used can be used again.
async fn came_back(shop: &Arc<Shop>, side: usize) {
    loop {
        tokio::time::sleep(STANDING).await;
        let standing = Arc::clone(shop);
        if aside("catalogue", move || standing.came_back(side)).await == Some(true) {
            return;
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
        // A wish stays one until the source was looked at after it: see `looked_again`.
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
