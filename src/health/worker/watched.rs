//! One watched host: its checks, what is remembered of it, and its view.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::belief::Belief;
use super::state::State;
use super::{HostChange, lock, policy};
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::fleet::pool::Pool;
use crate::health::ask::Ask;
use crate::health::observation::{Observation, Outcome};
use crate::health::policy::{CheckPolicy, HostPolicy};
use crate::health::verdict::Verdict;
use crate::health::view::{Change, Health, History, HostView, MaintenanceView, TREND_SPAN_SECONDS};
use crate::journal::entry::Weight;

/// Changes of health kept of each host.
const CHANGES: usize = 50;
/// A host that was judged more recently than this is left out of a sweep.
const RECENT: Duration = Duration::from_millis(1500);

/// A host under watch.
#[derive(Debug)]
pub(super) struct Watched {
    host: Host,
    policy: HostPolicy,
    asks: Vec<Ask>,
    running: Vec<Arc<AtomicU8>>,
    state: Mutex<State>,
    /// Counts changes of its view; stays when the host is watched otherwise.
    turned: watch::Sender<u64>,
}

/// Where changes of health are told.
pub(super) type Tell = mpsc::UnboundedSender<HostChange>;

/// No run of a check is under way; one is; one is, and the next has been due since.
const IDLE: u8 = 0;
const RUNS: u8 = 1;
const OWES: u8 = 2;

/// Marks a check as running until it is dropped.
#[derive(Debug)]
pub(super) struct Running(Option<Arc<AtomicU8>>);

impl Running {
    /// The run is over; whether the next one has been due meanwhile.
    pub(super) fn end(mut self) -> bool {
        self.0.take().is_some_and(|running| running.swap(IDLE, Ordering::AcqRel) == OWES)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.store(IDLE, Ordering::Release);
        }
    }
}

/// Every host of the fleet, taking over from `before` what did not change.
pub(super) fn all(fleet: &Fleet, before: &[Arc<Watched>], clock: &Clock) -> Vec<Arc<Watched>> {
    let before: HashMap<&str, &Arc<Watched>> = before.iter().map(|host| (host.name(), host)).collect();
    let mut pools: HashMap<&str, Vec<&Pool>> = HashMap::new();
    for pool in &fleet.pools {
        pool.protects.iter().chain(&pool.spares).for_each(|name| pools.entry(name).or_default().push(pool));
    }
    let watched = |host: &Host| {
        let policy = policy::among(host, pools.get(host.name.as_str()).map_or(&[], Vec::as_slice));
        match before.get(host.name.as_str()) {
            Some(old) if old.host == *host && old.policy == policy => Arc::clone(old),
            old => Arc::new(Watched::new(host, policy, old.copied(), clock)),
        }
    };
    fleet.hosts.iter().map(watched).collect()
}

impl Watched {
    fn new(host: &Host, policy: HostPolicy, before: Option<&Arc<Self>>, clock: &Clock) -> Self {
        let asks: Vec<Ask> = host.checks.iter().map(|check| Ask::of(host, check)).collect();
        let same = |old: &Self, index: usize| {
            let kept = |at: &usize| {
                old.check_name(*at) == Some(host.checks[index].name.as_str()) && old.asks[*at] == asks[index]
            };
            (0..old.len()).find(kept)
        };
        let kept: Vec<Option<usize>> = (0..asks.len()).map(|index| before.and_then(|old| same(old, index))).collect();
        let (now, wall) = (clock.tick(), clock.now());
        let running =
            |at: &Option<usize>| before.zip(*at).and_then(|(old, at)| old.running.get(at).cloned()).unwrap_or_default();
        let mut state = match before {
            Some(old) if kept.iter().any(Option::is_some) => lock(&old.state).carried(&kept),
            // Nothing that was seen before says anything about what is asked now.
            Some(old) => lock(&old.state).begun_again(State::new(asks.len(), now, wall, host)),
            None => State::new(asks.len(), now, wall, host),
        };
        let running = kept.iter().map(running).collect();
        state.view = Arc::new(state.compose(host, &policy, &asks));
        let turned = before.map(|old| old.turned.clone()).unwrap_or_default();
        Self { host: host.clone(), policy, asks, running, state: Mutex::new(state), turned }
    }

    pub(super) fn name(&self) -> &str {
        &self.host.name
    }

    pub(super) const fn turned(&self) -> &watch::Sender<u64> {
        &self.turned
    }

    pub(super) fn is_down(&self) -> bool {
        lock(&self.state).verdict.health == Health::Down
    }

    pub(super) fn ssh(&self) -> &str {
        &self.host.ssh
    }

    /// How many checks it has.
    pub(super) fn len(&self) -> usize {
        self.asks.len()
    }

    pub(super) fn check_name(&self, check: usize) -> Option<&str> {
        self.host.checks.get(check).map(|check| check.name.as_str())
    }

    pub(super) fn question(&self, check: usize) -> Option<(&Ask, &CheckPolicy)> {
        self.asks.get(check).zip(self.policy.checks.get(check))
    }

    /// Which check of this host took over from that one of the host in whose place it is watched, or is the same.
    pub(super) fn same_check(&self, before: &Self, check: usize) -> Option<usize> {
        let running = before.running.get(check)?;
        self.running.iter().position(|own| Arc::ptr_eq(own, running))
    }

    /// Marks a check as running; `None` while it is.
    pub(super) fn begin(&self, check: usize) -> Option<Running> {
        let running = self.running.get(check)?;
        let begun = running.compare_exchange(IDLE, RUNS, Ordering::AcqRel, Ordering::Relaxed);
        begun.ok().map(|_idle| Running(Some(running.clone())))
    }

    /// A check is due while it runs: the next run begins when this one ends. `false`: it has ended, or owes one already.
    pub(super) fn owe(&self, check: usize) -> bool {
        let owes =
            |running: &Arc<AtomicU8>| running.compare_exchange(RUNS, OWES, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        self.running.get(check).is_some_and(owes)
    }

    pub(super) fn view(&self) -> Arc<HostView> {
        lock(&self.state).view.clone()
    }

    /// What is believed of it, for whoever acts on it.
    pub(super) fn belief(&self) -> Belief {
        let checks = self.host.checks.iter().map(|check| check.name.as_str());
        Belief::of(&self.host.name, &lock(&self.state), &self.policy, checks)
    }

    pub(super) fn history(&self) -> History {
        let state = lock(&self.state);
        let named = self.host.checks.iter().zip(&state.traces);
        History {
            checks: named.map(|(check, trace)| (check.name.clone(), trace.points())).collect(),
            changes: state.changes.iter().cloned().collect(),
        }
    }

    pub(super) fn set_maintenance(&self, maintenance: Option<MaintenanceView>, now: Tick) {
        let mut state = lock(&self.state);
        state.maintenance = maintenance;
        state.judged = now;
        state.view = Arc::new(state.compose(&self.host, &self.policy, &self.asks));
    }

    /// Takes in what a run brought; `true` when the view is another one.
    pub(super) fn take_in(&self, check: usize, seen: &Observation, identity: Option<String>, tell: &Tell) -> bool {
        let mut state = lock(&self.state);
        state.memory.observe(&self.policy, check, seen);
        if let Some(trace) = state.traces.get_mut(check) {
            trace.push(seen);
        }
        if let Some(latency) = seen.latency
            && seen.outcome == Outcome::Pass
            && self.policy.checks.iter().position(|pace| pace.vital).unwrap_or(0) == check
        {
            state.trend.push(latency);
        }
        if identity.is_some() {
            state.identity = identity;
        }
        self.judge(&mut state, (seen.at, seen.wall), false, tell)
    }

    /// Lets time pass; `true` when the view is another one.
    pub(super) fn sweep(&self, now: Tick, wall: Timestamp, tell: &Tell) -> bool {
        let mut state = lock(&self.state);
        let turned = state.trend.turn(now.since_start().as_secs() / TREND_SPAN_SECONDS);
        if !turned && now.since(state.judged) < RECENT {
            return false;
        }
        self.judge(&mut state, (now, wall), turned, tell)
    }

    fn judge(&self, state: &mut State, (now, wall): (Tick, Timestamp), anew: bool, tell: &Tell) -> bool {
        let verdict = state.memory.judge(&self.policy, now);
        state.judged = now;
        let changed = verdict.health != state.memory.standing();
        if changed {
            // Told while the state is held, so that changes arrive in the order in which they happened. An error: nobody
            // listens any more, the engine is ending.
            let _ending = tell.send(self.change(state, &verdict, wall));
            state.stood = now;
        }
        state.memory.accept(&verdict);
        state.verdict = verdict;
        let visible = anew || changed || state.looks_different();
        if visible {
            state.view = Arc::new(state.compose(&self.host, &self.policy, &self.asks));
        }
        visible
    }

    fn change(&self, state: &mut State, verdict: &Verdict, wall: Timestamp) -> HostChange {
        let change = Change { at: wall, from: state.memory.standing(), to: verdict.health, why: verdict.why.clone() };
        state.since = wall;
        if state.changes.len() == CHANGES {
            state.changes.pop_front();
        }
        state.changes.push_back(change.clone());
        HostChange {
            host: self.host.name.clone(),
            // One miss of some check is no reason for what is up.
            evidence: (verdict.health != Health::Up)
                .then(|| state.memory.evidence(self.host.checks.iter().map(|check| check.name.as_str())))
                .flatten(),
            weight: weight(&change, state.maintenance.is_some()),
            in_maintenance: state.maintenance.is_some(),
            change,
        }
    }
}

/// A host that somebody works on, and one that is seen for the first time, need no eye.
fn weight(change: &Change, in_maintenance: bool) -> Weight {
    match change.to {
        _ if in_maintenance => Weight::Note,
        Health::Up if change.from == Health::Unknown => Weight::Note,
        Health::Up => Weight::Good,
        Health::Down => Weight::Alarm,
        Health::Suspect | Health::Degraded | Health::Unknown => Weight::Warning,
        Health::Maintenance => Weight::Note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::check::{Check, CheckKind};

    fn watched() -> Watched {
        let check = Check { name: "ping".into(), kind: CheckKind::Ping, every: None, timeout: None, vital: None };
        let host = Host {
            name: "a".into(),
            address: "192.0.2.1".into(),
            ssh: "a".into(),
            service: None,
            labels: std::collections::BTreeMap::new(),
            checks: vec![check],
        };
        let fleet = Fleet { hosts: vec![host.clone()], ..Fleet::empty("test") };
        Watched::new(&host, policy::of(&fleet, &host), None, &Clock::held(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_check_that_is_due_while_it_runs_is_asked_once_more_and_not_twice_at_once() {
        let host = watched();
        assert!(!host.owe(0), "nothing runs: it is begun, not owed");
        let first = host.begin(0).expect("nothing runs");
        assert!(host.begin(0).is_none(), "one at a time");
        assert!(host.owe(0), "due meanwhile");
        assert!(!host.owe(0), "one is owed, not a row of them");
        assert!(first.end(), "the next begins now");
        let second = host.begin(0).expect("the first is over");
        assert!(!second.end(), "nothing was due meanwhile");
        drop(host.begin(0).expect("the second is over"));
        assert!(host.begin(0).is_some(), "one that was dropped is over too");
        assert!(!host.owe(1), "there is no such check");
    }
}
