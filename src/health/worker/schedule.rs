//! The schedule: which check is due when.
//!
//! Each check has a phase within its period, from a hash of its names, so that a thousand hosts do not fire together and the
//! spread is the same each time the engine starts. A run that would come late by whole periods is left out, not caught up: a
//! burst after a pause would measure the burst.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Watch;
use super::watched::Watched;
use crate::clock::Tick;

/// A check runs for the first time within this, however long its period is.
const FIRST_WITHIN: Duration = Duration::from_secs(1);
/// Shortest period; the fleet file allows none of zero.
const SHORTEST: Duration = Duration::from_millis(10);

/// A check of a host: where the host stands in the list, and where the check stands on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    host: usize,
    check: usize,
}

type Hosts = Arc<Vec<Arc<Watched>>>;
type Queue = BinaryHeap<Reverse<(Tick, Slot)>>;

/// Starts checks as they fall due, until the watching ends.
pub(super) async fn run(watch: Watch, mut replaced: watch::Receiver<Hosts>) {
    let mut hosts = replaced.borrow_and_update().clone();
    let mut queue = fill(&hosts, &HashMap::new(), watch.0.clock.tick());
    loop {
        let now = watch.0.clock.tick();
        start_due(&watch, &hosts, &mut queue, now);
        let wait = queue.peek().map_or(Duration::from_secs(1), |Reverse((due, _slot))| due.since(now));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = watch.0.stop.cancelled() => return,
            changed = replaced.changed() => {
                if changed.is_err() {
                    return;
                }
                let fresh = replaced.borrow_and_update().clone();
                queue = fill(&fresh, &kept(&hosts, &queue), watch.0.clock.tick());
                hosts = fresh;
            }
        }
    }
}

fn start_due(watch: &Watch, hosts: &Hosts, queue: &mut Queue, now: Tick) {
    while let Some(Reverse((due, slot))) = queue.peek().copied() {
        if due > now {
            return;
        }
        queue.pop();
        let Some((host, every)) = hosts.get(slot.host).and_then(|host| Some((host, period(host, slot.check)?))) else {
            continue;
        };
        watch.0.lateness.record(now.since(due));
        if watch.launch(host, slot.check).is_none() && !host.owe(slot.check) {
            watch.0.lateness.skip(1);
        }
        let (next, missed) = next_after(due, every, phase(host, slot.check, every), now);
        watch.0.lateness.skip(missed);
        queue.push(Reverse((next, slot)));
    }
}

/// The next time on the check's grid, at least half a period after `due` and after `now`; and how many were missed.
fn next_after(due: Tick, every: Duration, phase: Duration, now: Tick) -> (Tick, u64) {
    let least = due + every / 2;
    let from = if least > now { least } else { now };
    // Whole periods since the clock began; what is left until the next one is always less than a period.
    let past = from.since_start().saturating_sub(phase);
    let within = u64::try_from(past.as_nanos() % every.as_nanos()).unwrap_or(0);
    let next = past.saturating_add(every.saturating_sub(Duration::from_nanos(within)));
    let missed = now.since(due).as_nanos() / every.as_nanos();
    (Tick::at(next.saturating_add(phase)), u64::try_from(missed).unwrap_or(u64::MAX))
}

/// Where in its period the check runs.
fn phase(host: &Watched, check: usize, every: Duration) -> Duration {
    let nanos = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hash(host, check) % nanos)
}

fn hash(host: &Watched, check: usize) -> u64 {
    // Its keys are fixed, unlike those of a map's hasher.
    let mut hasher = DefaultHasher::new();
    (host.name(), host.check_name(check)).hash(&mut hasher);
    hasher.finish()
}

fn period(host: &Watched, check: usize) -> Option<Duration> {
    host.question(check).map(|(_ask, pace)| pace.every.max(SHORTEST))
}

/// When the checks of these hosts are due, by the host's place in memory: it stays while the host does.
fn kept(hosts: &Hosts, queue: &Queue) -> HashMap<(*const Watched, usize), Tick> {
    let of = |slot: &Slot| hosts.get(slot.host).map(|host| (Arc::as_ptr(host), slot.check));
    queue.iter().filter_map(|Reverse((due, slot))| Some((of(slot)?, *due))).collect()
}

fn fill(hosts: &Hosts, kept: &HashMap<(*const Watched, usize), Tick>, now: Tick) -> Queue {
    let slots =
        hosts.iter().enumerate().flat_map(|(host, watched)| (0..watched.len()).map(move |check| Slot { host, check }));
    slots
        .filter_map(|slot| {
            let host = hosts.get(slot.host)?;
            let every = period(host, slot.check)?;
            let first = now + phase(host, slot.check, every.min(FIRST_WITHIN));
            let due = kept.get(&(Arc::as_ptr(host), slot.check)).copied().unwrap_or(first);
            Some(Reverse((due, slot)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(millis: u64) -> Tick {
        Tick::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_late_check_returns_to_its_grid() {
        let (every, phase) = (Duration::from_millis(500), Duration::from_millis(120));
        assert_eq!(next_after(tick(1120), every, phase, tick(1125)), (tick(1620), 0));
        assert_eq!(next_after(tick(1120), every, phase, tick(1600)), (tick(1620), 0));
        assert_eq!(next_after(tick(1120), every, phase, tick(3000)), (tick(3120), 3));
        assert_eq!(next_after(tick(100), every, phase, tick(100)), (tick(620), 0), "not twice within half a period");
        let years = tick(10 * 365 * 86_400_000);
        let (often, none) = (Duration::from_millis(10), Duration::ZERO);
        assert_eq!(next_after(years, often, none, years), (years + often, 0), "an engine may run for years");
    }

    proptest::proptest! {
        #[test]
        fn the_next_run_is_later_and_soon(due in 0_u64..1 << 40, late in 0_u64..100_000, every in 10_u64..100_000, at in 0_u64..100_000) {
            let every = Duration::from_millis(every);
            let phase = Duration::from_millis(at % u64::try_from(every.as_millis()).expect("small"));
            let now = tick(due + late);
            let (next, _missed) = next_after(tick(due), every, phase, now);
            assert!(next > now && next.since(now) <= every * 3 / 2, "{next:?} after {now:?}");
        }
    }
}
