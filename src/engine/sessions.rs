//! What the engine holds of the session room: what it looks after, and what it is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::command::{Refusal, RefusalKind};
use crate::clock::{Clock, Timestamp};
use crate::fleet::{Fleet, data};
use crate::health::probe::Prober;
use crate::reach::secret::Secrets;
use crate::session::catalogue::{AskImported, Shop, Stores};
use crate::session::imported::{self, Local};
use crate::session::key::Key;
use crate::session::side::Ways;
use crate::session::view::{Ask, Detail, Imported, Rows, StoreView, Which};

/// A look that was asked for is waited for so long; then what is known is told.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// The stores of recording sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    stores: Stores,
    secrets: Secrets,
}

impl Sessions {
    /// Begins to look after them. `state` is where `state.db` lies, which the journal has opened.
    pub(super) fn start(fleet: &Arc<Fleet>, state: &Path, clock: &Clock, prober: &Prober) -> Self {
        let secrets = prober.secrets().clone();
        let ways = Ways { secrets: secrets.clone(), ..Ways::new(prober.ssh().clone(), clock.clone()) };
        let asked = secrets.clone();
        let ask: AskImported = Arc::new(move |how: data::Imported, local: Vec<Local>| {
            let secrets = asked.clone();
            Box::pin(async move { imported::ask(&how, &secrets, &local, imported::PATIENCE).await })
        });
        Self { stores: Stores::start(fleet, state, ways, ask), secrets }
    }

    /// Goes on with another fleet.
    pub(super) fn replace(&self, fleet: &Arc<Fleet>) {
        self.stores.reload(fleet);
    }

    /// Every store, in the order of the fleet file; an unchanged one is the same `Arc` as before.
    pub(super) fn views(&self) -> Vec<Arc<StoreView>> {
        self.stores.views()
    }

    /// Wakes when a view has changed.
    pub(super) fn seen(&self) -> watch::Receiver<u64> {
        self.stores.seen()
    }

    /// Why what is known is not kept on disk.
    pub(super) fn trouble(&self) -> Option<String> {
        self.stores.trouble()
    }

    /// The store of this name, or the first.
    pub(super) fn store(&self, name: Option<&str>) -> Result<Arc<Shop>, Refusal> {
        self.stores.store(name).map_err(|what| self.unknown(what))
    }

    /// The sessions that are meant, at least one.
    pub(super) fn resolve(shop: &Shop, which: &Which) -> Result<Vec<Key>, Refusal> {
        shop.resolve(which).map_err(unknown)
    }

    /// Looks at all sides of a store again.
    pub(super) fn refresh(&self, name: Option<&str>) -> Result<(), Refusal> {
        self.stores.refresh(name).map_err(|what| self.unknown(what))
    }

    /// A window of rows; where a look that began later is wanted, that is waited for, but not for ever.
    pub(super) async fn rows(&self, ask: &Ask) -> Result<Rows, Refusal> {
        if let Some(not_before) = ask.not_before {
            let shop = self.store(ask.store.as_deref())?;
            let mut seen = self.stores.seen();
            let fresh = |shop: &Shop| shop.looked().is_some_and(|looked| looked >= not_before);
            if !fresh(&shop) {
                shop.refresh();
                let looked = async { while !fresh(&shop) && seen.changed().await.is_ok() {} };
                let _as_far_as_it_is = tokio::time::timeout(LOOK_WITHIN, looked).await;
            }
        }
        self.stores.rows(ask).map_err(|what| self.unknown(what))
    }

    /// Everything known of one session, looked up now.
    pub(super) async fn detail(&self, store: Option<&str>, key: &Key) -> Result<Detail, Refusal> {
        self.stores.detail(store, key).await.map_err(|what| self.unknown(what))
    }

    /// The copy to verify next in the background.
    pub(super) fn next_to_verify(&self, now: Timestamp) -> Option<(String, String, Key)> {
        self.stores.next_to_verify(now)
    }

    /// Asks the databases of imports about one session, now. Blocks; call it on a thread of `runtime` that may.
    pub(super) fn imported(&self, runtime: &tokio::runtime::Handle, shop: &Shop, key: &Key) -> Imported {
        let Some(how) = shop.declared().imported.clone() else { return Imported::NotAsked };
        let Some(local) = shop.local(key) else {
            return Imported::Unknown { why: "what lies on this computer cannot be listed".into() };
        };
        let asking = imported::ask(&how, &self.secrets, std::slice::from_ref(&local), imported::PATIENCE);
        runtime.block_on(asking).of(key)
    }

    fn unknown(&self, what: String) -> Refusal {
        if self.stores.views().is_empty() {
            let hint = "write [sessions.NAME] into the fleet file, with `source`, `layout` and `destinations`";
            return Refusal { kind: RefusalKind::Usage, what, hint: Some(hint.into()) };
        }
        unknown(what)
    }

    /// Stops looking.
    pub(super) async fn shutdown(&self) {
        self.stores.shutdown().await;
    }
}

fn unknown(what: String) -> Refusal {
    Refusal { kind: RefusalKind::Usage, what, hint: Some("`hotspare session list` shows what there is".into()) }
}
