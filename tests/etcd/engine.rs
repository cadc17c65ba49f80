//! One engine's lease, with its own network and its own shelf.

use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::settings::{LeaseKind, LeaseSettings};
use hotspare::reach::network::Network;
use hotspare::reach::secret::Secrets;
use hotspare::standin::lease::hold::Right;
use hotspare::standin::lease::{Lease, Tools};

use crate::board::Board;
use crate::cluster::Cluster;
use crate::path::Paths;

pub(crate) fn settings(endpoints: Vec<String>, prefix: &str, ttl: Duration) -> LeaseSettings {
    LeaseSettings { kind: LeaseKind::Etcd, endpoints, prefix: prefix.into(), ttl, ..LeaseSettings::default() }
}

pub(crate) fn start(settings: &LeaseSettings, who: &str, clock: &Clock, board: &Board) -> Lease {
    let secrets = Secrets::new(clock.clone());
    let tools = Tools { clock: clock.clone(), secrets, network: Network::real(), shelf: Arc::new(board.clone()) };
    Lease::start(settings, who.to_owned(), tools)
}

pub(crate) struct Engine {
    pub(crate) paths: Paths,
    pub(crate) lease: Lease,
    pub(crate) board: Board,
    who: String,
    settings: LeaseSettings,
    clock: Clock,
}

impl Engine {
    pub(crate) async fn new(cluster: &Cluster, who: &str, ttl: Duration, clock: &Clock) -> Self {
        Self::below(cluster, "/hotspare", who, ttl, clock).await
    }

    pub(crate) async fn below(cluster: &Cluster, prefix: &str, who: &str, ttl: Duration, clock: &Clock) -> Self {
        let ports: Vec<u16> = cluster.members.iter().map(|member| member.port).collect();
        let paths = Paths::new(&ports).await;
        let settings = settings(paths.urls.clone(), prefix, ttl);
        let board = Board::default();
        let lease = start(&settings, who, clock, &board);
        Self { paths, lease, board, who: who.into(), settings, clock: clock.clone() }
    }

    /// Ends it as a kill would: nothing is given back. Then starts it anew, on the same state folder or on an empty one.
    pub(crate) fn kill_and_start(&mut self, same_folder: bool) {
        if !same_folder {
            self.board = Board::default();
        }
        self.lease = start(&self.settings, &self.who, &self.clock, &self.board);
    }

    pub(crate) fn may_act(&self) -> Option<Right> {
        self.lease.may_act().ok()
    }

    pub(crate) fn why(&self) -> String {
        self.lease.state().borrow().why.clone()
    }

    /// Waits until it may act, at most so long.
    pub(crate) async fn holds(&self, within: Duration) -> Right {
        let waiting = async {
            loop {
                if let Some(right) = self.may_act() {
                    return right;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(within, waiting).await;
        waited.unwrap_or_else(|_late| panic!("{} may not act after {within:?}: {}", self.who, self.why()))
    }

    /// Waits until it may not act, at most so long.
    pub(crate) async fn yields(&self, within: Duration) {
        let waiting = async {
            while self.may_act().is_some() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(within, waiting).await;
        waited.unwrap_or_else(|_late| panic!("{} may act after {within:?}: {}", self.who, self.why()));
    }
}

/// Which of two holds, the other one second.
pub(crate) async fn sorted(a: Engine, b: Engine, within: Duration) -> (Engine, Engine) {
    let waiting = async {
        loop {
            match (a.may_act(), b.may_act()) {
                (Some(_), _) => return true,
                (_, Some(_)) => return false,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let first = tokio::time::timeout(within, waiting).await;
    let first = first.unwrap_or_else(|_late| panic!("nobody may act: {} / {}", a.why(), b.why()));
    if first { (a, b) } else { (b, a) }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(within, waiting).await.unwrap_or_else(|_late| panic!("{what}: not after {within:?}"));
}
