//! The worker: looks at every side of every store, keeps what was found, and joins it into rows.
//!
//! Each store has one task that decides when to look, and threads that look, which may be left behind by a share that does
//! not answer. What is known is kept in `state.db` too, so that rows are there at once when the engine starts; what the
//! sides say comes in behind it.

mod anew;
mod busy;
mod carry;
mod changes;
mod detail;
mod due;
mod eyes;
mod forget;
mod half;
mod join;
mod keeper;
mod load;
mod looks;
mod shop;
mod stock;
mod summary;
mod work;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use busy::Busy;
pub use shop::Shop;
pub use work::Looked;

use super::imported::{Answer, Local};
use super::index::Index;
use super::key::Key;
use super::side::Ways;
use super::view::{Ask, Detail, Rows, StoreView};
use crate::clock::Timestamp;
use crate::fleet::data;
use crate::fleet::{Fleet, absent};

/// Longest wait for what is under way at the end.
const ENDING: Duration = Duration::from_secs(2);

/// Asks whether sessions were imported: all of a store at once.
pub type AskImported = Arc<dyn Fn(data::Imported, Vec<Local>) -> BoxFuture<'static, Answer> + Send + Sync>;

/// All stores of a fleet. Cheap to clone; the looking ends with [`Stores::shutdown`] or with the runtime.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    ways: Ways,
    index: Index,
    imported: AskImported,
    shops: Mutex<Arc<Vec<Arc<Shop>>>>,
    /// Counts changes that a person would see.
    seen: watch::Sender<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("stores", &self.shops().len()).finish_non_exhaustive()
    }
}

impl Stores {
    /// Starts looking, on the current runtime. `state_folder` is where `state.db` lies, opened before by the journal.
    pub fn start(fleet: &Arc<Fleet>, state_folder: &Path, ways: Ways, imported: AskImported) -> Self {
        let stores = Self(Arc::new(Inner {
            index: Index::new(state_folder),
            ways,
            imported,
            shops: Mutex::default(),
            seen: watch::channel(0).0,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        stores.reload(fleet);
        stores
    }

    /// Goes on with another fleet. Stores that did not change go on as they are.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        let mut shops = lock(&self.0.shops);
        let mut next = Vec::with_capacity(fleet.sessions.len());
        for store in &fleet.sessions {
            let same = shops.iter().find(|shop| shop.is(fleet, store)).cloned();
            next.push(same.unwrap_or_else(|| {
                let shop = Shop::open(fleet, store, &self.0.ways, &self.0.index, &self.0.seen, &self.0.stop);
                self.0.tasks.spawn(keeper::keep(Arc::clone(&shop), Arc::clone(&self.0.imported)));
                shop
            }));
        }
        for old in shops.iter().filter(|old| !next.iter().any(|shop| Arc::ptr_eq(shop, old))) {
            old.close();
        }
        *shops = Arc::new(next);
        drop(shops);
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The stores as faces see them, in the order of the fleet file. An unchanged one is the same `Arc` as before.
    pub fn views(&self) -> Vec<Arc<StoreView>> {
        self.shops().iter().map(|shop| shop.view()).collect()
    }

    /// Wakes when a view has changed.
    pub fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// The store of this name; without a name the first one. The error says which there are.
    pub fn store(&self, name: Option<&str>) -> Result<Arc<Shop>, String> {
        let shops = self.shops();
        let Some(name) = name else {
            return shops.first().cloned().ok_or_else(|| "the fleet file declares no [sessions.*]".to_owned());
        };
        if let Some(shop) = shops.iter().find(|shop| shop.name() == name) {
            return Ok(Arc::clone(shop));
        }
        let names: Vec<&str> = shops.iter().map(|shop| shop.name()).collect();
        Err(absent("store", name, &names, "[sessions.*]"))
    }

    /// A window of the rows of a store. Takes some milliseconds for a hundred thousand rows, and waits for nothing.
    pub fn rows(&self, ask: &Ask) -> Result<Rows, String> {
        Ok(self.store(ask.store.as_deref())?.rows(ask))
    }

    /// Everything known of one session; lists all its sides now, each within its deadline.
    pub async fn detail(&self, store: Option<&str>, key: &Key) -> Result<Detail, String> {
        let shop = self.store(store)?;
        let key = key.clone();
        aside("detail", move || shop.detail(&key)).await.ok_or("the look at the session broke")?
    }

    /// Looks at all sides of a store again, every file of them. Does not wait for it.
    pub fn refresh(&self, store: Option<&str>) -> Result<(), String> {
        self.store(store)?.refresh();
        Ok(())
    }

    /// The copy to verify next in the background: the one verified longest ago, of a session that nobody works on, at a
    /// destination that is ready.
    pub fn next_to_verify(&self, now: Timestamp) -> Option<(String, String, Key)> {
        let due = |shop: &Arc<Shop>| {
            let (at, destination, key) = shop.next_to_verify(now)?;
            Some((at, (shop.name().to_owned(), destination, key)))
        };
        self.shops().iter().filter_map(due).min_by_key(|(at, _)| *at).map(|(_, due)| due)
    }

    /// Why what is known is not kept in `state.db`; `None`: it is.
    pub fn trouble(&self) -> Option<String> {
        self.0.index.trouble()
    }

    /// Stops looking. Ends within 3 s, whatever hangs.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let shops = self.shops();
        let written = async {
            self.0.tasks.wait().await;
            for shop in shops.iter() {
                let mut writing = shop.writing.subscribe();
                while *writing.borrow_and_update() > 0 && writing.changed().await.is_ok() {}
            }
        };
        let _left_behind = tokio::time::timeout(ENDING, written).await;
    }

    fn shops(&self) -> Arc<Vec<Arc<Shop>>> {
        Arc::clone(&lock(&self.0.shops))
    }
}

/// Does work on a thread of its own, which is left behind with the runtime: no share keeps the engine from ending.
/// `None`: it broke.
async fn aside<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name(name.into()).spawn(move || {
        let _nobody_waits = tell.send(work());
    });
    spawned.ok()?;
    told.await.ok()
}

/// What lies behind these locks is whole at any time.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
