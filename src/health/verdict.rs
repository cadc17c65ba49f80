//! Verdict: what is believed of a host. Pure: observations, a policy and the time go in, a [`Verdict`] comes out.
//!
//! - `down` needs every vital check to have failed `failures` times in a row (or for `down_after`) and no success of any
//!   vital check meanwhile. A check that cannot be asked is no evidence: it holds `down` back.
//! - From `down` the way back leads through vital checks that pass for `up_after`; a failure meanwhile starts it again.
//! - `suspect` is a vital check that failed twice in a row. One failure alone changes nothing.
//! - A gap in the observations (a suspended machine) ends every row: what was before it proves nothing about now.

mod memory;

use std::fmt::Write;
use std::time::Duration;

pub use memory::{CheckMemory, Memory};

use super::observation::{Observation, Outcome};
use super::policy::{CheckPolicy, HostPolicy};
use super::view::Health;
use crate::clock::Tick;
use crate::reach::plain;

/// Results other than a pass, in a row, before a check counts at all.
const TWICE: u32 = 2;

/// What is believed, why, and what would change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is believed.
    pub health: Health,
    /// Why, in one line; `None` when it is up.
    pub why: Option<String>,
    /// What is to be expected next: "up in 42 s".
    pub next: Option<String>,
}

impl Memory {
    /// What is to be believed now.
    pub fn judge(&self, policy: &HostPolicy, now: Tick) -> Verdict {
        let vital: Vec<Judged<'_>> = self.judged(policy, now).filter(|check| check.pace.vital).collect();
        if vital.is_empty() {
            return self.without_vital(policy, now);
        }
        let can_be_asked = |check: &&Judged<'_>| matches!(check.says, Some(Outcome::Pass | Outcome::Fail));
        if !vital.iter().any(|check| can_be_asked(&check)) {
            return unknown(vital.iter().find_map(Judged::silence));
        }
        let failing: Vec<&Judged<'_>> = vital.iter().filter(|check| check.says == Some(Outcome::Fail)).collect();
        let passing = vital.iter().any(|check| check.says == Some(Outcome::Pass));
        if self.owes_recovery {
            if !passing || !failing.is_empty() {
                let next = format!("up {} after every vital check passes", plain::time(policy.up_after));
                return down(&failing, Some(next));
            }
            let since = vital.iter().filter_map(|check| check.memory.passing).max().unwrap_or(now);
            let passed = now.since(since.max(self.failed));
            if passed < policy.up_after {
                let why = Some("vital checks pass again, not yet long enough".to_owned());
                let next = Some(format!("up in {}", whole_seconds(policy.up_after.saturating_sub(passed))));
                return Verdict { health: Health::Down, why, next };
            }
        }
        if vital.iter().all(|check| check.says == Some(Outcome::Fail) && check.left(policy) == Left::Nothing) {
            return down(&failing, None);
        }
        let twice = policy.failures.min(TWICE);
        let repeated = failing.iter().any(|check| check.memory.streak >= twice);
        if repeated || (!passing && self.standing == Health::Suspect) {
            let next = (failing.len() == vital.len()).then(|| expected(&failing, policy)).flatten();
            return Verdict { health: Health::Suspect, why: reasons(&failing), next };
        }
        if !passing && !matches!(self.standing, Health::Up | Health::Degraded) {
            return unknown(reasons(&failing));
        }
        self.up_or_degraded(policy, now)
    }

    /// The evidence for the journal: each check that does not pass, how often in a row, and why. `names` are those of the
    /// checks.
    pub fn evidence<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let missed = names.into_iter().zip(&self.checks).filter(|(_name, check)| check.misses > 0);
        let stated: Vec<String> = missed
            .map(|(name, check)| {
                let did = if check.outcome() == Outcome::Fail { "failed" } else { "could not be asked" };
                let reason = check.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let longer = (check.misses > check.streak).then(|| format!(", {} × without a pass", check.misses));
                format!("{name} {did} {} ×{reason}{}", check.streak, longer.unwrap_or_default())
            })
            .collect();
        (!stated.is_empty()).then(|| stated.join(", "))
    }

    fn judged<'a>(&'a self, policy: &'a HostPolicy, now: Tick) -> impl Iterator<Item = Judged<'a>> {
        self.checks.iter().zip(&policy.checks).map(move |(memory, pace)| Judged {
            memory,
            pace,
            says: memory.says(pace, now),
        })
    }

    /// A host that has no vital check is never down: it is up as long as something answers.
    fn without_vital(&self, policy: &HostPolicy, now: Tick) -> Verdict {
        let any = self.judged(policy, now).any(|check| matches!(check.says, Some(Outcome::Pass | Outcome::Fail)));
        if any {
            return self.up_or_degraded(policy, now);
        }
        unknown(self.judged(policy, now).find_map(|check| check.silence()))
    }

    fn up_or_degraded(&self, policy: &HostPolicy, now: Tick) -> Verdict {
        let short: Vec<Judged<'_>> = self.judged(policy, now).filter(Judged::falls_short).collect();
        if short.is_empty() {
            return Verdict { health: Health::Up, why: None, next: None };
        }
        Verdict { health: Health::Degraded, why: reasons(&short.iter().collect::<Vec<_>>()), next: None }
    }
}

/// One check at the moment of judging.
struct Judged<'a> {
    memory: &'a CheckMemory,
    pace: &'a CheckPolicy,
    says: Option<Outcome>,
}

/// What is missing before a failing check counts as down.
#[derive(PartialEq, Eq)]
enum Left {
    Nothing,
    Failures(u32),
    Time(Duration),
}

impl Judged<'_> {
    fn left(&self, policy: &HostPolicy) -> Left {
        let (count, since) = self.memory.failing.unwrap_or_default();
        let Some(down_after) = policy.down_after else {
            return match policy.failures.saturating_sub(count) {
                0 => Left::Nothing,
                more => Left::Failures(more),
            };
        };
        // Measured between observations, not up to now: a judge that comes late must not count its own lateness.
        let last = self.memory.last.as_ref().map_or(since, |last| last.at);
        match down_after.saturating_sub(last.since(since)) {
            Duration::ZERO if count >= TWICE => Left::Nothing,
            Duration::ZERO => Left::Failures(1),
            more => Left::Time(more),
        }
    }

    /// Whether it keeps a host that is not suspect from being wholly up.
    fn falls_short(&self) -> bool {
        match self.says {
            Some(Outcome::Pass) => false,
            // Also of a vital check: its first failure after runs in which it could not be asked makes nothing better.
            Some(Outcome::Fail | Outcome::Unknown) => self.memory.misses >= TWICE,
            // Never run is not yet a fault; not run for long is.
            None => self.memory.last.is_some(),
        }
    }

    /// Why it says nothing.
    fn silence(&self) -> Option<String> {
        match (self.says, &self.memory.last) {
            (Some(Outcome::Unknown), Some(last)) => last.reason.clone(),
            (None, Some(_old)) => Some(format!("no result for more than {}", plain::time(self.pace.stale_after()))),
            _ => None,
        }
    }
}

fn down(failing: &[&Judged<'_>], next: Option<String>) -> Verdict {
    Verdict { health: Health::Down, why: reasons(failing), next }
}

fn unknown(why: Option<String>) -> Verdict {
    Verdict { health: Health::Unknown, why: Some(why.unwrap_or_else(|| "not asked yet".into())), next: None }
}

/// The first reason, and how many more there are.
fn reasons(checks: &[&Judged<'_>]) -> Option<String> {
    let stated = |check: &&&Judged<'_>| check.silence().or_else(|| check.memory.reason().map(str::to_owned));
    let mut text = checks.iter().find_map(|check| stated(&check)).unwrap_or_else(|| "a check does not pass".into());
    if checks.len() > 1 {
        let _written = write!(text, " (and {} more)", checks.len() - 1);
    }
    (!checks.is_empty()).then_some(text)
}

/// When `down` is to be expected, if it goes on like this.
fn expected(failing: &[&Judged<'_>], policy: &HostPolicy) -> Option<String> {
    let mut failures = 0;
    let mut time = Duration::ZERO;
    for check in failing {
        match check.left(policy) {
            Left::Nothing => {}
            Left::Failures(more) => failures = failures.max(more),
            Left::Time(more) => time = time.max(more),
        }
    }
    match (failures, time) {
        (0, Duration::ZERO) => None,
        (1, Duration::ZERO) => Some("down after 1 more failure".into()),
        (more, Duration::ZERO) => Some(format!("down after {more} more failures")),
        (_, time) => Some(format!("down in {} unless a vital check passes", whole_seconds(time))),
    }
}

/// Rounded up, so that a countdown ends at 1 s and not at 0 s.
fn whole_seconds(time: Duration) -> String {
    plain::time(Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
}

#[cfg(test)]
mod tests;
