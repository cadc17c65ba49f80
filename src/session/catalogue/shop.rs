//! One store at work: its sides, what is known of it, and what jobs and faces ask of it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::lock;
use super::stock::Stock;
use super::summary::summary;
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::data::{Destination, Store};
use crate::fleet::share::SshFolder;
use crate::session::filter::Filter;
use crate::session::imported::Local;
use crate::session::index::{Index, KeptSide, Where};
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::listing::shown;
use crate::session::select::{self, Line, Selection};
use crate::session::side::{self, Folder, Side, Ways};
use crate::session::view::{Ask, Rows, SessionRow, StoreView};
use crate::work::throttle::Throttle;

/// One store.
pub struct Shop {
    pub(super) fleet: String,
    /// What the names of other machines in its destinations stand for.
    far: Vec<Option<SshFolder>>,
    pub(super) store: Arc<Store>,
    pub(super) filter: Filter,
    /// The source at 0, then the destinations.
    pub(super) sides: Vec<Arc<dyn Side>>,
    pub(super) clock: Clock,
    pub(super) index: Index,
    throttle: Throttle,
    /// Fair: whoever makes many lines lets others in between.
    pub(super) stock: parking_lot::Mutex<Stock>,
    /// Held by whoever makes all lines anew.
    pub(super) renewing: Mutex<()>,
    view: Mutex<Arc<StoreView>>,
    /// The last selection of each kind that was asked for, with the version it is of.
    selections: Mutex<Vec<(Ask, u64, Arc<Selection>)>>,
    /// What was last said of sessions here to whoever knows of imports, and of which state of theirs.
    pub(super) locals: Mutex<HashMap<Key, ([u8; 16], Local)>>,
    /// [`Index::breaks`] when everything was last known to be kept.
    pub(super) kept: AtomicU64,
    seen: watch::Sender<u64>,
    /// Counts wishes for a full look.
    pub(super) wishes: watch::Sender<u64>,
    /// How many looks have something to write into the index.
    pub(super) writing: watch::Sender<u32>,
    /// Counts what is new on the source.
    pub(super) news: watch::Sender<u64>,
    pub(super) stop: CancellationToken,
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").field("store", &self.store.name).finish_non_exhaustive()
    }
}

impl Shop {
    pub(super) fn open(
        fleet: &Fleet,
        store: &Store,
        ways: &Ways,
        index: &Index,
        seen: &watch::Sender<u64>,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        let store = Arc::new(store.clone());
        let filter = Filter::new(&store);
        let mut sides: Vec<Arc<dyn Side>> = vec![Arc::new(Folder::source(&store, &filter))];
        sides.extend(store.destinations.iter().map(|to| side::destination(to, &fleet.hosts, &filter, ways)));
        let clock = &ways.clock;
        let stock = Stock::new(Arc::clone(&store));
        let throttle = Throttle::new(store.limit, clock.clone());
        let view = Arc::new(summary(&stock, 0, throttle.limit(), clock.now()));
        Arc::new(Self {
            fleet: fleet.name.clone(),
            far: far(fleet, &store),
            filter,
            sides,
            clock: clock.clone(),
            index: index.clone(),
            throttle,
            stock: parking_lot::Mutex::new(stock),
            renewing: Mutex::default(),
            view: Mutex::new(view),
            selections: Mutex::default(),
            locals: Mutex::default(),
            kept: AtomicU64::new(0),
            seen: seen.clone(),
            wishes: watch::channel(0).0,
            writing: watch::channel(0).0,
            news: watch::channel(0).0,
            stop: stop.child_token(),
            store,
        })
    }

    /// Whether it is this store, unchanged.
    pub(super) fn is(&self, fleet: &Fleet, store: &Store) -> bool {
        self.fleet == fleet.name && *self.store == *store && self.far == far(fleet, store)
    }

    pub(super) fn close(&self) {
        self.stop.cancel();
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.store.name
    }

    /// As the fleet file declares it.
    pub fn declared(&self) -> &Arc<Store> {
        &self.store
    }

    /// A destination as the fleet file declares it.
    pub fn destination(&self, name: &str) -> Option<&Destination> {
        self.store.destinations.iter().find(|to| to.name == name)
    }

    /// Which files belong to its sessions.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Where a session lies below the source.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.store.layout)
    }

    /// Where a session lies below a side.
    pub(super) fn layout_of(&self, side: usize) -> Layout {
        let to = side.checked_sub(1).and_then(|at| self.store.destinations.get(at));
        Layout::new(to.map_or(&self.store.layout, |to| &to.layout))
    }

    /// The limit on what its copies may take, also for those that run.
    pub const fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Changes the limit on what its copies may take, in bytes a second.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.throttle.change(limit);
        self.publish(&mut self.stock.lock());
    }

    /// The store as faces see it.
    pub fn view(&self) -> Arc<StoreView> {
        Arc::clone(&lock(&self.view))
    }

    /// A session as faces see it; `None`: nobody knows it.
    pub fn row(&self, key: &Key) -> Option<SessionRow> {
        self.stock.lock().row(key, self.clock.now())
    }

    /// A window of its rows.
    pub fn rows(&self, ask: &Ask) -> Rows {
        let (lines, version) = self.stock.lock().lines();
        let chosen = self.select(&lines, version, ask);
        let (from, to) = select::window(&lines, &chosen, ask);
        let window = chosen.order.get(from..to).unwrap_or_default();
        let keys = window.iter().filter_map(|at| lines.get(*at as usize)).map(|line| &line.key);
        let now = self.clock.now();
        let stock = self.stock.lock();
        Rows {
            store: self.store.name.clone(),
            version,
            looked: stock.looked(),
            matching: chosen.order.len() as u64,
            totals: chosen.totals,
            offset: from as u64,
            rows: keys.filter_map(|key| stock.row(key, now)).collect(),
        }
    }

    /// Several consoles look at the same store in different orders: the last few selections are kept.
    fn select(&self, lines: &[Arc<Line>], version: u64, ask: &Ask) -> Arc<Selection> {
        const KEPT: usize = 8;
        let kind = Ask { store: None, offset: 0, limit: 0, at: None, ..ask.clone() };
        let kept = |selections: &[(Ask, u64, Arc<Selection>)]| {
            let same = selections.iter().find(|(ask, of, _)| *of == version && *ask == kind);
            same.map(|(_, _, selection)| Arc::clone(selection))
        };
        if let Some(selection) = kept(&lock(&self.selections)) {
            return selection;
        }
        let selection = Arc::new(select::select(lines, &kind));
        let mut selections = lock(&self.selections);
        selections.retain(|(ask, of, _)| *of == version && *ask != kind);
        if selections.len() == KEPT {
            selections.remove(0);
        }
        selections.push((kind, version, Arc::clone(&selection)));
        selection
    }

    /// When the look at all sides began that the rows come from.
    pub fn looked(&self) -> Option<Timestamp> {
        self.stock.lock().looked()
    }

    /// Monotonic time.
    pub(super) fn tick(&self) -> Tick {
        self.clock.tick()
    }

    /// When the source was last looked at.
    pub(super) fn source_looked(&self) -> Option<Timestamp> {
        self.stock.lock().source.tried
    }

    /// Wakes when a person would see a change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.seen.subscribe()
    }

    pub(super) fn side(&self, name: &str) -> Result<usize, String> {
        self.stock.lock().destination(name).ok_or_else(|| {
            let names: Vec<&str> = self.store.destinations.iter().map(|to| to.name.as_str()).collect();
            format!("the store `{}` has no destination `{name}`; it has: {}", self.store.name, names.join(", "))
        })
    }

    pub(super) fn at(&self, side: usize) -> Where<'_> {
        let side = side.checked_sub(1).and_then(|at| self.store.destinations.get(at)).map_or("", |to| to.name.as_str());
        Where { store: &self.store.name, side }
    }

    /// Where a side lies: facts are only believed of the same place.
    pub(super) fn place(&self, side: usize) -> String {
        match side.checked_sub(1).and_then(|at| self.store.destinations.get(at)) {
            Some(to) => format!("{} {}", shown(&to.path), to.layout),
            None => format!("{} {}", shown(&self.store.source), self.store.layout),
        }
    }

    pub(super) fn keep_side(&self, side: usize) {
        let kept = self
            .stock
            .lock()
            .half(side)
            .map(|half| KeptSide { scanned: half.scanned, marker: half.marker.clone() })
            .unwrap_or_default();
        self.index.keep_side(self.at(side), &self.place(side), &kept);
    }

    /// What a person would see has changed.
    pub(super) fn publish(&self, stock: &mut Stock) {
        let version = stock.version();
        *lock(&self.view) = Arc::new(summary(stock, version, self.throttle.limit(), self.clock.now()));
        self.seen.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The folders of a store's destinations on other machines, as the hosts of the fleet make them.
fn far(fleet: &Fleet, store: &Store) -> Vec<Option<SshFolder>> {
    store.destinations.iter().map(|to| to.ssh(&fleet.hosts)).collect()
}
