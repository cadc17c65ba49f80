//! One feed at work.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{Casting, Feeds};
use crate::feed::desk::Desk;
use crate::feed::pump::{self, Common, Gate};
use crate::feed::sink;
use crate::feed::source::{self, Source};
use crate::feed::view::{FeedState, Part};
use crate::feed::zone::Times;
use crate::fleet::Fleet;
use crate::fleet::data::{Feed, FeedSource};
use crate::fleet::host::Host;

pub(super) struct Running {
    pub(super) feed: Arc<Feed>,
    pub(super) desk: Arc<Desk>,
    pub(super) gate: watch::Sender<Gate>,
    pub(super) stop: CancellationToken,
    /// The machines that it is read from; `None`: this one.
    pub(super) machines: Vec<Option<Host>>,
    parts: BTreeMap<String, watch::Sender<Option<Part>>>,
}

impl Running {
    pub(super) fn begin(feeds: &Feeds, fleet: &Fleet, feed: &Feed) -> Arc<Self> {
        let (feed, inner) = (Arc::new(feed.clone()), &feeds.0);
        let (clock, secrets) = (&inner.tools.clock, &inner.tools.secrets);
        let desk = Arc::new(Desk::new(Arc::clone(&feed), clock.clone(), inner.seen.clone()));
        let gate = watch::channel(Gate { always: inner.always, elsewhere: Some(String::new()), ..Gate::default() }).0;
        let stop = inner.stop.child_token();
        let machines = machines(fleet, &feed);
        let mut parts = BTreeMap::new();
        match Times::new(&feed.zone) {
            Ok(times) => {
                let common = Arc::new(Common {
                    feed: Arc::clone(&feed),
                    times,
                    desk: Arc::clone(&desk),
                    clock: clock.clone(),
                    sink: Mutex::new(sink::open(&feed.name, &feed.to, &feed.zone, secrets, clock)),
                    gate: gate.subscribe(),
                    memory: Arc::clone(&inner.memory),
                });
                for machine in &machines {
                    let name = machine.as_ref().map(|host| host.name.clone()).unwrap_or_default();
                    let part = watch::channel(feed.follow.is_none().then_some(Part::Alone)).0;
                    // Whoever asks waits for every machine, also for those that have not looked yet.
                    desk.enter(&name, (*part.borrow()).unwrap_or(Part::Idle));
                    let from = open(feeds, &feed, machine.as_ref());
                    let common = Arc::clone(&common);
                    pump::begin(common, name.clone(), from, part.subscribe(), stop.clone(), &inner.tasks);
                    parts.insert(name, part);
                }
            }
            Err(why) => {
                desk.enter("", Part::Alone);
                desk.trouble("", Some((FeedState::Refused, why)));
            }
        }
        Arc::new(Self { feed, desk, gate, stop, machines, parts })
    }

    /// Whether it is this feed, with the same machines.
    pub(super) fn is(&self, fleet: &Fleet, feed: &Feed) -> bool {
        *self.feed == *feed && self.machines == machines(fleet, feed)
    }

    /// Whether the feed is worse for a machine's silence.
    pub(super) fn matters(&self, machine: &str) -> bool {
        self.parts.get(machine).and_then(|part| *part.borrow()).is_none_or(Part::matters)
    }

    pub(super) fn may(&self, elsewhere: Option<String>) {
        self.desk.elsewhere(elsewhere.clone());
        self.gate.send_if_modified(|gate| {
            let changed = gate.elsewhere != elsewhere;
            gate.elsewhere = elsewhere;
            changed
        });
    }

    pub(super) fn cast(&self, casting: &Casting) {
        let Some(pool) = self.feed.follow.as_ref().and_then(|pool| casting.get(pool)) else { return };
        for (host, part) in &self.parts {
            let does = pool.get(host).copied();
            part.send_if_modified(|part| {
                let changed = *part != does;
                *part = does;
                changed
            });
        }
    }
}

/// The source of a feed on one machine.
pub(super) fn open(feeds: &Feeds, feed: &Feed, machine: Option<&Host>) -> Box<dyn Source> {
    source::open(feed, machine, &feeds.0.tools.sources)
}

/// The machines that a feed is read from, as the fleet file has them now.
fn machines(fleet: &Fleet, feed: &Feed) -> Vec<Option<Host>> {
    let host = |name: &String| fleet.hosts.iter().find(|host| host.name == *name).cloned();
    if let Some(pool) = feed.follow.as_ref().and_then(|name| fleet.pools.iter().find(|pool| pool.name == *name)) {
        return pool.protects.iter().chain(&pool.spares).filter_map(host).map(Some).collect();
    }
    match &feed.from {
        FeedSource::Sqlite { host: None, .. } => vec![None],
        FeedSource::Sqlite { host: Some(name), .. } | FeedSource::Http { host: name, .. } => vec![host(name)],
    }
}
