//! What is remembered of a host and its checks: enough to judge, however long they have been watched.

use super::{Observation, Outcome, Verdict};
use crate::clock::Tick;
use crate::health::policy::{CheckPolicy, HostPolicy};
use crate::health::view::Health;

/// What is remembered of one check.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckMemory {
    pub(super) last: Option<Last>,
    /// Runs in a row that ended as the last one did.
    pub(super) streak: u32,
    /// Runs in a row that did not pass.
    pub(super) misses: u32,
    /// Failures in a row since the last success of any vital check of the host, and when they began.
    pub(super) failing: Option<(u32, Tick)>,
    /// Since when it has passed without another result.
    pub(super) passing: Option<Tick>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Last {
    pub(super) outcome: Outcome,
    pub(super) at: Tick,
    pub(super) reason: Option<String>,
}

impl CheckMemory {
    /// How the last run ended; `Unknown` before the first.
    pub fn outcome(&self) -> Outcome {
        self.last.as_ref().map_or(Outcome::Unknown, |last| last.outcome)
    }

    /// Why the last run did not pass.
    pub fn reason(&self) -> Option<&str> {
        self.last.as_ref().and_then(|last| last.reason.as_deref())
    }

    /// Runs in a row that ended as the last one did.
    pub const fn streak(&self) -> u32 {
        self.streak
    }

    fn fresh(&self, policy: &CheckPolicy, now: Tick) -> bool {
        self.last.as_ref().is_some_and(|last| now.since(last.at) <= policy.stale_after())
    }

    /// The last outcome, where it is recent enough to say something.
    pub(super) fn says(&self, policy: &CheckPolicy, now: Tick) -> Option<Outcome> {
        self.last.as_ref().filter(|_last| self.fresh(policy, now)).map(|last| last.outcome)
    }
}

/// What is remembered of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    pub(super) checks: Vec<CheckMemory>,
    /// The last verdict that was accepted.
    pub(super) standing: Health,
    /// It was down and has not earned its way back.
    pub(super) owes_recovery: bool,
    /// When a vital check failed last.
    pub(super) failed: Tick,
    /// When a vital check passed last.
    pub(super) passed: Option<Tick>,
}

impl Memory {
    /// Nothing is known of so many checks.
    pub fn new(checks: usize) -> Self {
        Self {
            checks: vec![CheckMemory::default(); checks],
            standing: Health::Unknown,
            owes_recovery: false,
            failed: Tick::default(),
            passed: None,
        }
    }

    /// What is remembered of each check.
    pub fn checks(&self) -> &[CheckMemory] {
        &self.checks
    }

    /// The last verdict that was accepted.
    pub const fn standing(&self) -> Health {
        self.standing
    }

    /// Since when the host may have been gone: when a vital check passed last before the failures that none has interrupted
    /// since. Where that is too long ago to say anything, when the first of them was seen.
    pub fn fault(&self, policy: &HostPolicy) -> Option<Tick> {
        let vital = || self.checks.iter().zip(&policy.checks).filter(|(_, pace)| pace.vital);
        let first = vital().filter_map(|(check, _)| check.failing.map(|(_, since)| since)).min()?;
        let recent = vital().map(|(_, pace)| pace.stale_after()).max()?;
        Some(self.passed.filter(|passed| first.since(*passed) <= recent).unwrap_or(first))
    }

    /// Since when every vital check passes without another result.
    pub fn passing_since(&self, policy: &HostPolicy) -> Option<Tick> {
        let mut vital = self.checks.iter().zip(&policy.checks).filter(|(_, pace)| pace.vital).peekable();
        vital.peek()?;
        let passing: Option<Vec<Tick>> = vital.map(|(check, _)| check.passing).collect();
        passing?.into_iter().max()
    }

    /// The same host with other checks: `kept` names for each of them the check it was before, if any.
    #[must_use]
    pub fn rearranged(&self, kept: &[Option<usize>]) -> Self {
        let old = |index: &Option<usize>| index.and_then(|index| self.checks.get(index)).cloned().unwrap_or_default();
        Self { checks: kept.iter().map(old).collect(), ..self.clone() }
    }

    /// Takes in one observation of the check at `index`.
    pub fn observe(&mut self, policy: &HostPolicy, index: usize, seen: &Observation) {
        let (Some(check), Some(pace)) = (self.checks.get_mut(index), policy.checks.get(index)) else { return };
        if !check.fresh(pace, seen.at) {
            check.streak = 0;
            check.misses = 0;
            check.failing = None;
            check.passing = None;
        }
        check.streak = if check.outcome() == seen.outcome { check.streak.saturating_add(1) } else { 1 };
        check.misses = if seen.outcome == Outcome::Pass { 0 } else { check.misses.saturating_add(1) };
        (check.failing, check.passing) = match seen.outcome {
            Outcome::Pass => (None, check.passing.or(Some(seen.at))),
            Outcome::Fail => {
                let (count, since) = check.failing.unwrap_or((0, seen.at));
                (Some((count.saturating_add(1), since)), None)
            }
            Outcome::Unknown => (None, None),
        };
        if pace.vital && seen.outcome == Outcome::Fail {
            self.failed = seen.at;
        }
        check.last = Some(Last { outcome: seen.outcome, at: seen.at, reason: seen.reason.clone() });
        if pace.vital && seen.outcome == Outcome::Pass {
            self.passed = Some(seen.at);
            for (check, pace) in self.checks.iter_mut().zip(&policy.checks) {
                if pace.vital {
                    check.failing = None;
                }
            }
        }
    }

    /// Remembers a verdict as the one that holds.
    pub fn accept(&mut self, verdict: &Verdict) {
        self.standing = verdict.health;
        match verdict.health {
            Health::Down => self.owes_recovery = true,
            Health::Up | Health::Degraded | Health::Suspect => self.owes_recovery = false,
            Health::Unknown | Health::Maintenance => {}
        }
    }
}
