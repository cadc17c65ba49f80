//! What the engine holds of the stand-in room: what it looks after, and where its books lie.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::mpsc;

use super::hosts::Hosts;
use super::snapshot::LeaseView;
use super::state::StateFolder;
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::fleet::check::Check;
use crate::fleet::pool::Mode;
use crate::fleet::settings::LeaseKind;
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::health::probe::Prober;
use crate::journal::writer::Journal;
use crate::reach::http::HttpClient;
use crate::reach::network::Network;
use crate::runbook::cast::Machine;
use crate::runbook::tools::Tools;
use crate::standin::lease::{self, Lease, Shelf};
use crate::standin::worker::{News, Parts, Pools};

/// Begins to look after the pools, with the lease that the fleet file asks for.
pub(super) fn start(
    fleet: &Arc<Fleet>,
    clock: &Clock,
    hosts: &Hosts,
    http: HttpClient,
    journal: &Journal,
    state: &StateFolder,
) -> (Pools, Lease, mpsc::UnboundedReceiver<News>) {
    let prober = hosts.prober().clone();
    let tools = Tools {
        clock: clock.clone(),
        ssh: prober.ssh().clone(),
        http,
        secrets: prober.secrets().clone(),
        ask: asker(&prober),
        vitals: vitals(fleet, &prober),
        witnesses: Vec::new(),
    };
    let shelf = Arc::new(State(journal.clone()));
    let (secrets, network) = (prober.secrets().clone(), Network::real());
    let with = lease::Tools { clock: clock.clone(), secrets, network, shelf };
    let lease = Lease::start(&fleet.lease, lease::engine_name(), with);
    let parts = Parts {
        clock: clock.clone(),
        watch: hosts.watch().clone(),
        prober,
        tools,
        lease: lease.clone(),
        journal: journal.clone(),
        cards: state.cards(),
    };
    let (pools, news) = Pools::start(fleet, parts);
    (pools, lease, news)
}

/// The fleet in which nothing happens to a pool by itself, where that is wanted.
pub(super) fn calm(fleet: &Arc<Fleet>, wanted: bool) -> Arc<Fleet> {
    if !wanted {
        return Arc::clone(fleet);
    }
    let mut calm = Fleet::clone(fleet);
    for pool in &mut calm.pools {
        pool.mode = Mode::Manual;
        pool.drill_every = None;
    }
    Arc::new(calm)
}

/// The lease as faces see it.
pub(super) fn lease_view(fleet: &Fleet, lease: &Lease) -> LeaseView {
    let state = lease.state().borrow().clone();
    let kind = match fleet.lease.kind {
        LeaseKind::Embedded => "embedded",
        LeaseKind::Etcd => "etcd",
    };
    LeaseView { kind: kind.into(), held: state.held, by: state.by, why: (!state.held).then_some(state.why) }
}

/// Checks that a step waits for, asked by the room of checks.
fn asker(prober: &Prober) -> crate::runbook::tools::Asker {
    let prober = prober.clone();
    Arc::new(move |check: Check, machine: Machine, within| {
        let prober = prober.clone();
        async move {
            let host = crate::fleet::host::Host {
                name: machine.name,
                address: machine.address,
                ssh: machine.ssh,
                service: machine.service,
                labels: std::collections::BTreeMap::new(),
                checks: Vec::new(),
            };
            let seen = prober.run(&Ask::of(&host, &check), within.min(check.timeout())).await;
            match seen.outcome {
                Outcome::Pass => Ok(()),
                Outcome::Fail | Outcome::Unknown => {
                    Err(seen.reason.unwrap_or_else(|| "it does not pass, and does not say why".into()))
                }
            }
        }
        .boxed()
    })
}

/// The vital checks of a host of this fleet; where it has none, all of its checks.
pub(super) fn vitals(fleet: &Arc<Fleet>, prober: &Prober) -> crate::runbook::tools::Vitals {
    let (fleet, ask) = (Arc::clone(fleet), asker(prober));
    Arc::new(move |machine: Machine, within| {
        let checks: Vec<Check> = fleet.host(&machine.name).map(|host| host.checks.clone()).unwrap_or_default();
        let vital = |check: &&Check| check.vital() || !checks.iter().any(Check::vital);
        let asked: Vec<_> = checks
            .iter()
            .filter(vital)
            .map(|check| {
                let asked = ask(check.clone(), machine.clone(), within);
                let name = check.name.clone();
                asked.map(move |passed| passed.map_err(|why| format!("{name}: {why}")))
            })
            .collect();
        async move {
            let wrong: Vec<String> = join_all(asked).await.into_iter().filter_map(Result::err).collect();
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
        }
        .boxed()
    })
}

/// `state.db`, for what must outlive the engine.
struct State(Journal);

impl Shelf for State {
    fn keep(&self, key: String, text: String) -> BoxFuture<'static, Result<(), String>> {
        let journal = self.0.clone();
        async move {
            match journal.keep_durably(&pool_key(&key), text).await {
                Ok(true) => Ok(()),
                Ok(false) => Err("state.db cannot be written: free or repair the disk of the state folder".into()),
                Err(error) => Err(error.to_string()),
            }
        }
        .boxed()
    }

    fn kept(&self, key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
        let journal = self.0.clone();
        async move { journal.kept(&pool_key(&key)).await.map_err(|error| error.to_string()) }.boxed()
    }

    fn hangs(&self) -> Option<String> {
        self.0.hangs()
    }
}

/// Apart from what the engine itself keeps.
fn pool_key(key: &str) -> String {
    format!("standin.{key}")
}
