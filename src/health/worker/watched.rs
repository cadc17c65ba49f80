//! One watched host: its checks, what is remembered of it, and its view.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::trace::{Trace, Trend};
use super::{HostChange, by_name, lock, policy};
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::health::ask::Ask;
use crate::health::observation::{Observation, Outcome};
use crate::health::policy::{CheckPolicy, HostPolicy};
use crate::health::verdict::{Memory, Verdict};
use crate::health::view::{Change, CheckView, Health, History, HostView, MaintenanceView, TREND_SPAN_SECONDS};
use crate::journal::entry::Weight;

/// Changes of health kept of each host.
const CHANGES: usize = 50;
/// A host that was judged more recently than this is left out of a sweep.
const RECENT: Duration = Duration::from_millis(1500);
/// Failures in a row are shown one by one up to here; beyond, with the next turn of the trend.
const COUNTED: u32 = 10;

/// A host under watch.
#[derive(Debug)]
pub(super) struct Watched {
    host: Host,
    policy: HostPolicy,
    asks: Vec<Ask>,
    running: Vec<Arc<AtomicBool>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    memory: Memory,
    verdict: Verdict,
    since: Timestamp,
    judged: Tick,
    traces: Vec<Trace>,
    trend: Trend,
    changes: VecDeque<Change>,
    maintenance: Option<MaintenanceView>,
    identity: Option<String>,
    view: Arc<HostView>,
}

/// What an observation or the passing of time brought.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The health changed.
    pub(super) change: Option<HostChange>,
    /// The view is another one.
    pub(super) visible: bool,
}

/// Marks a check as running until it is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Every host of the fleet, taking over from `before` what did not change.
pub(super) fn all(fleet: &Fleet, before: &[Arc<Watched>], clock: &Clock) -> Vec<Arc<Watched>> {
    let before = by_name(before);
    let watched = |host: &Host| {
        let policy = policy::of(fleet, host);
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
            Some(old) => lock(&old.state).carried(&kept),
            None => State::new(asks.len(), now, wall, host),
        };
        let running = kept.iter().map(running).collect();
        state.view = Arc::new(state.compose(host, &policy, &asks));
        Self { host: host.clone(), policy, asks, running, state: Mutex::new(state) }
    }

    pub(super) fn name(&self) -> &str {
        &self.host.name
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

    /// Marks a check as running; `None` while it is.
    pub(super) fn begin(&self, check: usize) -> Option<Running> {
        let running = self.running.get(check)?;
        (!running.swap(true, Ordering::Acquire)).then(|| Running(running.clone()))
    }

    pub(super) fn view(&self) -> Arc<HostView> {
        lock(&self.state).view.clone()
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

    /// Takes in what a run brought.
    pub(super) fn take_in(&self, check: usize, seen: &Observation, identity: Option<String>) -> News {
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
        self.judge(&mut state, seen.at, seen.wall, false)
    }

    /// Lets time pass.
    pub(super) fn sweep(&self, now: Tick, wall: Timestamp) -> News {
        let mut state = lock(&self.state);
        let turned = state.trend.turn(now.since_start().as_secs() / TREND_SPAN_SECONDS);
        if !turned && now.since(state.judged) < RECENT {
            return News::default();
        }
        self.judge(&mut state, now, wall, turned)
    }

    fn judge(&self, state: &mut State, now: Tick, wall: Timestamp, anew: bool) -> News {
        let verdict = state.memory.judge(&self.policy, now);
        state.judged = now;
        let change = (verdict.health != state.memory.standing()).then(|| self.change(state, &verdict, wall));
        state.memory.accept(&verdict);
        state.verdict = verdict;
        let visible = anew || change.is_some() || state.looks_different();
        if visible {
            state.view = Arc::new(state.compose(&self.host, &self.policy, &self.asks));
        }
        News { change, visible }
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
            evidence: state.memory.evidence(self.host.checks.iter().map(|check| check.name.as_str())),
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

impl State {
    fn new(checks: usize, now: Tick, wall: Timestamp, host: &Host) -> Self {
        let verdict = Verdict { health: Health::Unknown, why: Some("not asked yet".into()), next: None };
        Self {
            memory: Memory::new(checks),
            verdict,
            since: wall,
            judged: now,
            traces: vec![Trace::default(); checks],
            trend: Trend::new(now.since_start().as_secs() / TREND_SPAN_SECONDS),
            changes: VecDeque::new(),
            maintenance: None,
            identity: None,
            view: Arc::new(blank(host, wall)),
        }
    }

    /// The same for a host whose checks were rearranged.
    fn carried(&self, kept: &[Option<usize>]) -> Self {
        let trace = |at: &Option<usize>| at.and_then(|at| self.traces.get(at)).cloned().unwrap_or_default();
        Self {
            memory: self.memory.rearranged(kept),
            verdict: self.verdict.clone(),
            since: self.since,
            judged: self.judged,
            traces: kept.iter().map(trace).collect(),
            trend: self.trend.clone(),
            changes: self.changes.clone(),
            maintenance: self.maintenance.clone(),
            identity: self.identity.clone(),
            view: self.view.clone(),
        }
    }

    /// Whether a person would see a difference between the view and what is known now. Times and the length of a row of
    /// passes are not looked at: they change with each run.
    fn looks_different(&self) -> bool {
        let host = self.maintenance.is_none() && self.verdict.next != self.view.next
            || self.verdict.why != self.view.why && self.maintenance.is_none()
            || self.identity != self.view.identity;
        let check = |((shown, memory), trace): ((&CheckView, &_), &Trace)| {
            let memory: &crate::health::verdict::CheckMemory = memory;
            shown.result != memory.outcome()
                || shown.reason.as_deref() != memory.reason()
                || moved(shown.latency, trace.latency())
                || (memory.outcome() != Outcome::Pass && shown.streak != memory.streak() && memory.streak() <= COUNTED)
        };
        host || self.view.checks.iter().zip(self.memory.checks()).zip(&self.traces).any(check)
    }

    fn compose(&self, host: &Host, policy: &HostPolicy, asks: &[Ask]) -> HostView {
        let checks = host.checks.iter().zip(asks).zip(&policy.checks).zip(self.memory.checks()).zip(&self.traces);
        let checks = checks.map(|((((check, ask), pace), memory), trace)| CheckView {
            name: check.name.clone(),
            kind: check.kind.word().to_owned(),
            asks: ask.shown(),
            vital: pace.vital,
            result: memory.outcome(),
            latency: trace.latency().map(rounded),
            reason: memory.reason().map(str::to_owned),
            streak: memory.streak(),
            at: trace.at(),
            every: pace.every.as_secs_f64(),
            timeout: pace.timeout.as_secs_f64(),
        });
        let mut view = HostView {
            health: self.verdict.health,
            since: self.since,
            why: self.verdict.why.clone(),
            next: self.verdict.next.clone(),
            thresholds: policy.sentence(),
            identity: self.identity.clone(),
            maintenance: self.maintenance.clone(),
            checks: checks.collect(),
            trend: self.trend.medians(),
            ..blank(host, self.since)
        };
        if let Some(maintenance) = &self.maintenance {
            view.health = Health::Maintenance;
            view.since = maintenance.since;
            view.next = None;
            view.why = Some(match self.verdict.health {
                Health::Up => maintenance.why.clone(),
                below => format!("{} ({} below it)", maintenance.why, below.word()),
            });
        }
        view
    }
}

/// A host of which nothing is known.
fn blank(host: &Host, since: Timestamp) -> HostView {
    HostView {
        name: host.name.clone(),
        address: host.address.clone(),
        ssh: host.ssh.clone(),
        service: host.service.clone(),
        labels: host.labels.clone(),
        health: Health::Unknown,
        since,
        why: None,
        next: None,
        thresholds: String::new(),
        identity: None,
        maintenance: None,
        checks: Vec::new(),
        trend: Vec::new(),
    }
}

/// Whether a latency has moved so far that a person cares: by a quarter, and by half a millisecond.
fn moved(shown: Option<f64>, now: Option<f64>) -> bool {
    match (shown, now) {
        (Some(shown), Some(now)) => (shown - now).abs() > f64::max(0.0005, shown.max(now) / 4.0),
        (shown, now) => shown.is_some() != now.is_some(),
    }
}

/// To ten microseconds: what lies below is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e5).round() / 1e5
}
