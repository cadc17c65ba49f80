//! Policy: how fast each check of a host runs, and when the host counts as up or down.
//!
//! Pure: from the fleet file to numbers. A pool that protects a host sets the pace of its vital checks, because the pool
//! promises how soon a failure is noticed.

use std::time::Duration;

use crate::fleet::Fleet;
use crate::fleet::check::Check;
use crate::fleet::host::Host;
use crate::fleet::pool::Pool;
use crate::reach::plain;

/// Failures in a row before `down` for hosts in no pool; `up_after` is as many periods.
const FAILURES: u32 = 5;

/// The pace of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckPolicy {
    /// Between two runs.
    pub every: Duration,
    /// Longest time of one run.
    pub timeout: Duration,
    /// Does it decide between up and down?
    pub vital: bool,
}

impl CheckPolicy {
    /// After this long without a result, the last one says nothing any more: three periods and a time-out.
    pub fn stale_after(&self) -> Duration {
        (self.every * 3).saturating_add(self.timeout)
    }
}

/// The paces of a host's checks and the thresholds of its health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPolicy {
    /// One for each check of the host, in the same order.
    pub checks: Vec<CheckPolicy>,
    /// So many failures of every vital check, without one success among them, make `down`.
    pub failures: u32,
    /// Instead of counting: vital checks failing this long.
    pub down_after: Option<Duration>,
    /// From `down`, vital checks passing this long make `up`.
    pub up_after: Duration,
}

/// The policy of a host of this fleet.
///
/// Of several pools, the one that promises to notice a failure soonest sets pace and thresholds of `down`; the longest
/// `up_after` of all of them holds.
pub fn of(fleet: &Fleet, host: &Host) -> HostPolicy {
    among(host, &fleet.pools_of(&host.name).collect::<Vec<_>>())
}

/// The policy of a host that is in these pools: see [`of`].
pub fn among(host: &Host, pools: &[&Pool]) -> HostPolicy {
    let governing = pools.iter().copied().min_by_key(|pool| notices_after(pool));
    let checks: Vec<CheckPolicy> = host.checks.iter().map(|check| pace(check, governing)).collect();
    let slowest = checks.iter().filter(|check| check.vital).map(|check| check.every).max();
    HostPolicy {
        failures: governing.map_or(FAILURES, |pool| pool.probe.failures).max(1),
        down_after: governing.and_then(|pool| pool.down_after),
        up_after: pools
            .iter()
            .map(|pool| pool.up_after)
            .max()
            .unwrap_or_else(|| slowest.unwrap_or(Duration::from_secs(1)) * FAILURES),
        checks,
    }
}

/// How long a pool lets a host fail before it is `down`.
fn notices_after(pool: &Pool) -> Duration {
    pool.down_after.unwrap_or_else(|| pool.probe.every * pool.probe.failures)
}

fn pace(check: &Check, governing: Option<&Pool>) -> CheckPolicy {
    let vital = check.vital();
    let Some(pool) = governing.filter(|_pool| vital) else {
        return CheckPolicy { every: check.every(), timeout: check.timeout(), vital };
    };
    let every = pool.probe.every;
    let quick = every.clamp(Duration::from_millis(200), Duration::from_millis(800));
    // A program takes its time, whatever the pool's pace is.
    let default = if check.kind.starts_a_program() { check.timeout() } else { quick };
    CheckPolicy { every, timeout: check.timeout.unwrap_or(default), vital }
}

impl HostPolicy {
    /// The thresholds in words: "down after 5 failures × 500 ms, up after 60 s".
    pub fn sentence(&self) -> String {
        let vital: Vec<Duration> = self.checks.iter().filter(|check| check.vital).map(|check| check.every).collect();
        let (Some(fastest), Some(slowest)) = (vital.iter().min(), vital.iter().max()) else {
            return "no vital check: never down".into();
        };
        let down = match self.down_after {
            Some(after) => format!("down after {} of failures", plain::time(after)),
            None if fastest == slowest => format!("down after {} failures × {}", self.failures, plain::time(*slowest)),
            None => format!(
                "down after {} failures × {} to {}",
                self.failures,
                plain::time(*fastest),
                plain::time(*slowest)
            ),
        };
        format!("{down}, up after {}", plain::time(self.up_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::check::CheckKind;
    use crate::fleet::pool::{Fence, GivebackMode, Mode, Pace};

    fn check(kind: CheckKind) -> Check {
        Check { name: kind.word().into(), kind, every: None, timeout: None, vital: None }
    }

    fn fleet(pools: Vec<Pool>) -> Fleet {
        let checks = vec![
            check(CheckKind::Ping),
            Check { timeout: Some(Duration::from_millis(50)), ..check(CheckKind::Tcp { port: 22 }) },
            check(CheckKind::Command { run: "true".into(), contains: None }),
        ];
        let host = Host {
            name: "a".into(),
            address: "192.0.2.1".into(),
            ssh: "a".into(),
            service: None,
            labels: std::collections::BTreeMap::new(),
            checks,
        };
        Fleet { hosts: vec![host], pools, ..Fleet::empty("test") }
    }

    fn pool(name: &str, probe: Pace, down_after: Option<Duration>, up_after: u64) -> Pool {
        Pool {
            name: name.into(),
            protects: vec!["a".into()],
            spares: Vec::new(),
            mode: Mode::Auto,
            probe,
            down_after,
            up_after: Duration::from_secs(up_after),
            escalate: true,
            giveback_mode: GivebackMode::Manual,
            cooldown: Duration::ZERO,
            witnesses: Vec::new(),
            anchors: Vec::new(),
            fence: Fence::Required,
            brake: 0,
            dwell: Duration::ZERO,
            target: Duration::ZERO,
            takeover: String::new(),
            giveback: None,
            drill: None,
            drill_every: None,
            card: None,
            drift: Vec::new(),
        }
    }

    fn policy(pools: Vec<Pool>) -> HostPolicy {
        let fleet = fleet(pools);
        of(&fleet, &fleet.hosts[0])
    }

    #[test]
    fn a_host_in_no_pool_keeps_its_own_pace() {
        let policy = policy(Vec::new());
        assert_eq!(policy.sentence(), "down after 5 failures × 1 s, up after 5 s");
        assert_eq!(policy.checks[0].timeout, Duration::from_millis(800));
        assert_eq!(policy.checks[2].every, Duration::from_secs(5));
    }

    #[test]
    fn a_pool_sets_the_pace_of_vital_checks_only() {
        let policy = policy(vec![pool("p", Pace::FAST, None, 60)]);
        assert_eq!(policy.sentence(), "down after 5 failures × 200 ms, up after 60 s");
        assert_eq!(policy.checks[0].timeout, Duration::from_millis(200));
        assert_eq!(policy.checks[1].timeout, Duration::from_millis(50), "as written");
        assert_eq!(
            (policy.checks[2].every, policy.checks[2].timeout),
            (Duration::from_secs(5), Duration::from_secs(4))
        );
    }

    #[test]
    fn of_several_pools_the_strictest_holds() {
        let slow = pool("slow", Pace::NORMAL, Some(Duration::from_secs(15)), 90);
        let policy = policy(vec![slow.clone(), pool("fast", Pace::FAST, None, 60)]);
        assert_eq!(policy.sentence(), "down after 5 failures × 200 ms, up after 90 s");
        assert_eq!(super::tests::policy(vec![slow]).sentence(), "down after 15 s of failures, up after 90 s");
    }
}
