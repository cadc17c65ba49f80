//! What the engine holds of the health room: what it watches, and what it is told.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::command::Pace;
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::fleet::secret::SecretSource;
use crate::health::probe::Prober;
use crate::health::view::{Health, History, HostView, MaintenanceView};
use crate::health::worker::{HostChange, Watch};
use crate::reach::http::HttpClient;
use crate::reach::program;
use crate::reach::ssh::{SshOptions, SshPool};

/// The watched hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    watch: Watch,
    prober: Prober,
}

impl Hosts {
    /// Begins to watch. The receiver gets each change of belief.
    pub(super) fn start(
        fleet: &Arc<Fleet>,
        clock: &Clock,
        ssh: SshOptions,
        http: HttpClient,
    ) -> (Self, mpsc::UnboundedReceiver<HostChange>) {
        hide(fleet);
        let ssh = SshPool::new(ssh, clock.clone());
        let prober = Prober::new(clock.clone(), ssh, http);
        let (watch, changes) = Watch::start(fleet, clock.clone(), prober.clone());
        (Self { watch, prober }, changes)
    }

    /// What asks the hosts, for a job that asks on its own account over the same connections.
    pub(super) const fn prober(&self) -> &Prober {
        &self.prober
    }

    /// What is believed of the hosts, for whoever acts on it.
    pub(super) const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Goes on with another fleet; what is known of unchanged hosts is kept, and no secret is.
    pub(super) fn replace(&self, fleet: &Arc<Fleet>) {
        hide(fleet);
        self.prober.secrets().forget();
        self.watch.reload(fleet);
    }

    /// What is believed, in the order of the fleet file; an unchanged host is the same `Arc` as before.
    pub(super) fn views(&self) -> Vec<Arc<HostView>> {
        self.watch.views()
    }

    /// Wakes when a view has changed.
    pub(super) fn seen(&self) -> watch::Receiver<u64> {
        self.watch.seen()
    }

    /// Runs the checks of these hosts now; no names: of all. Does not wait for them.
    pub(super) fn probe_now(&self, hosts: Vec<String>) {
        let watch = self.watch.clone();
        tokio::spawn(async move { watch.probe_now(&hosts).await });
    }

    /// How well the checks keep up.
    pub(super) fn pace(&self) -> Pace {
        let lateness = self.watch.lateness();
        Pace {
            started: lateness.started,
            skipped: lateness.skipped,
            late_p50: lateness.p50.as_secs_f64(),
            late_p99: lateness.p99.as_secs_f64(),
            late_max: lateness.longest.as_secs_f64(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
        }
    }

    /// Puts a host into maintenance or takes it out.
    pub(super) fn maintain(&self, host: &str, maintenance: Option<&MaintenanceView>) {
        self.watch.set_maintenance(host, maintenance.cloned());
    }

    /// Puts these hosts into maintenance.
    pub(super) fn maintain_all(&self, maintenance: &BTreeMap<String, MaintenanceView>) {
        for (host, view) in maintenance {
            self.maintain(host, Some(view));
        }
    }

    /// What is remembered of one host; `None`: it is not watched.
    pub(super) fn history(&self, host: &str) -> Option<History> {
        self.watch.history(host)
    }

    /// Stops watching. Ends within 4 s.
    pub(super) async fn shutdown(&self) {
        self.watch.shutdown().await;
    }
}

/// Keeps the variables that hold the fleet's secrets from the programs that are started.
fn hide(fleet: &Fleet) {
    program::hide(fleet.secrets().into_iter().filter_map(|source| match source {
        SecretSource::Env(name) => Some(name),
        _ => None,
    }));
}

/// Which changes of belief are news.
#[derive(Debug, Default)]
pub(super) struct News {
    known: HashSet<String>,
    down: HashSet<String>,
}

/// What of a change is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The first word on a host that is well: nothing.
    Nothing,
    /// An entry of the journal.
    Entry,
    /// Also that the host went down.
    Down,
    /// Also that a host that was told to be down is back.
    Back,
}

impl News {
    /// A host turned out to be down; `true` where that was not told before.
    pub(super) fn down_after_all(&mut self, host: &str) -> bool {
        self.known.insert(host.to_owned());
        self.down.insert(host.to_owned())
    }

    /// Forgets hosts that are watched no more.
    pub(super) fn retain(&mut self, watched: impl Fn(&str) -> bool) {
        self.known.retain(|host| watched(host));
        self.down.retain(|host| watched(host));
    }

    /// Judges one change.
    pub(super) fn of(&mut self, change: &HostChange) -> Told {
        let first = self.known.insert(change.host.clone());
        match change.change.to {
            Health::Down if !change.in_maintenance && self.down.insert(change.host.clone()) => Told::Down,
            Health::Up | Health::Degraded if self.down.remove(&change.host) => Told::Back,
            Health::Up if first => Told::Nothing,
            _ => Told::Entry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::health::view::Change;
    use crate::journal::entry::Weight;

    fn change(from: Health, to: Health, in_maintenance: bool) -> HostChange {
        HostChange {
            host: "studio-1".into(),
            change: Change { at: Timestamp::UNIX_EPOCH, from, to, why: None },
            evidence: None,
            weight: Weight::Note,
            in_maintenance,
        }
    }

    #[test]
    fn down_and_back_are_told_once_each_whatever_lies_between() {
        use Health::{Degraded, Down, Suspect, Unknown, Up};
        use Told::{Back, Entry, Nothing};
        let mut news = News::default();
        let told: Vec<Told> = [
            (Unknown, Up),
            (Up, Suspect),
            (Suspect, Down),
            (Down, Unknown),
            (Unknown, Down),
            (Down, Degraded),
            (Degraded, Up),
        ]
        .map(|(from, to)| news.of(&change(from, to, false)))
        .to_vec();
        assert_eq!(told, [Nothing, Entry, Told::Down, Entry, Entry, Back, Entry]);
    }

    #[test]
    fn a_host_that_comes_back_into_the_file_is_told_of_again() {
        let mut news = News::default();
        let down = change(Health::Unknown, Health::Down, false);
        assert_eq!((news.of(&down), news.of(&down)), (Told::Down, Told::Entry));
        news.retain(|host| host == "studio-1");
        assert_eq!(news.of(&down), Told::Entry);
        news.retain(|_| false);
        assert_eq!(news.of(&down), Told::Down);
    }

    #[test]
    fn a_host_in_maintenance_wakes_nobody() {
        let mut news = News::default();
        assert_eq!(news.of(&change(Health::Up, Health::Down, true)), Told::Entry);
        assert_eq!(news.of(&change(Health::Down, Health::Up, true)), Told::Entry);
        news.of(&change(Health::Up, Health::Down, true));
        assert!(news.down_after_all("studio-1"), "when it counts again, it does");
        assert!(!news.down_after_all("studio-1"), "once");
        assert_eq!(news.of(&change(Health::Down, Health::Up, false)), Told::Back);
    }
}
