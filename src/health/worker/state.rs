//! What changes of a watched host, and the view that is made of it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::trace::{Trace, Trend};
use crate::clock::{Tick, Timestamp};
use crate::fleet::host::Host;
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::health::policy::HostPolicy;
use crate::health::verdict::{CheckMemory, Memory, Verdict};
use crate::health::view::{Change, CheckView, Health, HostView, MaintenanceView, TREND_SPAN_SECONDS};

/// Failures in a row are shown one by one up to here; beyond, with the next turn of the trend.
const COUNTED: u32 = 10;

/// What changes of a watched host.
#[derive(Debug)]
pub(super) struct State {
    pub(super) memory: Memory,
    pub(super) verdict: Verdict,
    pub(super) since: Timestamp,
    /// When it began to stand as it does, in monotonic time.
    pub(super) stood: Tick,
    pub(super) judged: Tick,
    pub(super) traces: Vec<Trace>,
    pub(super) trend: Trend,
    pub(super) changes: VecDeque<Change>,
    pub(super) maintenance: Option<MaintenanceView>,
    pub(super) identity: Option<String>,
    pub(super) view: Arc<HostView>,
}

impl State {
    pub(super) fn new(checks: usize, now: Tick, wall: Timestamp, host: &Host) -> Self {
        let verdict = Verdict { health: Health::Unknown, why: Some("not asked yet".into()), next: None };
        Self {
            memory: Memory::new(checks),
            verdict,
            since: wall,
            stood: now,
            judged: now,
            traces: vec![Trace::default(); checks],
            trend: Trend::new(now.since_start().as_secs() / TREND_SPAN_SECONDS),
            changes: VecDeque::new(),
            maintenance: None,
            identity: None,
            view: Arc::new(blank(host, wall)),
        }
    }

    /// A fresh state of the same host: what persons did to it, and its past, stay.
    pub(super) fn begun_again(&self, fresh: Self) -> Self {
        Self { changes: self.changes.clone(), maintenance: self.maintenance.clone(), ..fresh }
    }

    /// The same for a host whose checks were rearranged.
    pub(super) fn carried(&self, kept: &[Option<usize>]) -> Self {
        let trace = |at: &Option<usize>| at.and_then(|at| self.traces.get(at)).cloned().unwrap_or_default();
        Self {
            memory: self.memory.rearranged(kept),
            verdict: self.verdict.clone(),
            since: self.since,
            stood: self.stood,
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
    pub(super) fn looks_different(&self) -> bool {
        let host = self.maintenance.is_none() && self.verdict.next != self.view.next
            || self.verdict.why != self.view.why && self.maintenance.is_none()
            || self.identity != self.view.identity;
        let check = |((shown, memory), trace): ((&CheckView, &CheckMemory), &Trace)| {
            shown.result != memory.outcome()
                || shown.reason.as_deref() != memory.reason()
                || moved(shown.latency, trace.latency())
                || shown.behind != trace.behind()
                || shown.found.as_deref() != trace.found()
                || (memory.outcome() != Outcome::Pass && shown.streak != memory.streak() && memory.streak() <= COUNTED)
        };
        host || self.view.checks.iter().zip(self.memory.checks()).zip(&self.traces).any(check)
    }

    pub(super) fn compose(&self, host: &Host, policy: &HostPolicy, asks: &[Ask]) -> HostView {
        let checks = host.checks.iter().zip(asks).zip(&policy.checks).zip(self.memory.checks()).zip(&self.traces);
        let checks = checks.map(|((((check, ask), pace), memory), trace)| CheckView {
            name: check.name.clone(),
            kind: check.kind.word().to_owned(),
            asks: ask.shown(),
            vital: pace.vital,
            result: memory.outcome(),
            latency: trace.latency().map(rounded),
            reason: memory.reason().map(str::to_owned),
            behind: trace.behind(),
            found: trace.found().map(str::to_owned),
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

/// Whether a latency has moved so far that a person must see it before the trend turns, which shows it anyway: to the double
/// or the half, and by 5 ms.
fn moved(shown: Option<f64>, now: Option<f64>) -> bool {
    match (shown, now) {
        (Some(shown), Some(now)) => (shown - now).abs() > f64::max(0.005, shown.max(now) / 2.0),
        (shown, now) => shown.is_some() != now.is_some(),
    }
}

/// To ten microseconds: what lies below is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e5).round() / 1e5
}
