//! The one place where the engine touches the health room: what it watches, and what it is told.
#![expect(clippy::unused_self, reason = "nothing is asked yet: every host is unknown")]

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::health::observation::Outcome;
use crate::health::view::{CheckView, Health, History, HostView, MaintenanceView, TREND_BUCKETS};

/// Views of all hosts, in the order of the fleet file.
pub(super) type Views = Arc<Vec<Arc<HostView>>>;

/// The watched hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    clock: Clock,
    views: watch::Sender<Views>,
}

impl Hosts {
    /// Begins to watch.
    pub(super) fn start(fleet: &Arc<Fleet>, clock: &Clock) -> Self {
        let views = watch::channel(Arc::default()).0;
        let hosts = Self { clock: clock.clone(), views };
        hosts.replace(fleet);
        hosts
    }

    /// Goes on with another fleet; what is known of unchanged hosts is kept.
    pub(super) fn replace(&self, fleet: &Arc<Fleet>) {
        let now = self.clock.now();
        self.views.send_replace(Arc::new(fleet.hosts.iter().map(|host| Arc::new(unknown(host, now))).collect()));
    }

    /// What is believed; changes wake the receiver.
    pub(super) fn views(&self) -> watch::Receiver<Views> {
        self.views.subscribe()
    }

    /// Runs the checks of these hosts now; no names: of all.
    pub(super) fn probe_now(&self, _hosts: &[String]) {}

    /// Tells which hosts are under maintenance.
    pub(super) fn maintain(&self, _maintenance: &BTreeMap<String, MaintenanceView>) {}

    /// What is remembered of one host.
    pub(super) fn history(&self, _host: &str) -> History {
        History::default()
    }
}

fn unknown(host: &Host, now: Timestamp) -> HostView {
    HostView {
        name: host.name.clone(),
        address: host.address.clone(),
        ssh: host.ssh.clone(),
        service: host.service.clone(),
        labels: host.labels.clone(),
        health: Health::Unknown,
        since: now,
        why: Some("not asked yet".into()),
        next: None,
        thresholds: String::new(),
        identity: None,
        maintenance: None,
        checks: host
            .checks
            .iter()
            .map(|check| CheckView {
                name: check.name.clone(),
                kind: check.kind.word().into(),
                asks: check.kind.word().into(),
                vital: check.vital(),
                result: Outcome::Unknown,
                latency: None,
                reason: Some("not asked yet".into()),
                streak: 0,
                at: None,
                every: check.every().as_secs_f64(),
                timeout: check.timeout().as_secs_f64(),
            })
            .collect(),
        trend: vec![None; TREND_BUCKETS],
    }
}
