//! Random stories, each from its seed: one trouble after the other, with time between them in which all must go on as usual.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use crate::Guard;
use crate::server::{Pace, Way};
use crate::story::{Fault, Story};
use crate::world::{Filter, Layout, POOL, SPARES};

/// Each trouble, and the quiet after it.
const CHAPTER: Duration = Duration::from_secs(90);

pub(crate) fn story(seed: u64, layout: Layout, chapters: u32, without: Option<Guard>) -> Story {
    let mut dice = Rng::with_seed(seed);
    let mut faults = Vec::new();
    for chapter in 0..chapters {
        // Machines die and come back all the time.
        let begins = CHAPTER * chapter + Duration::from_secs(20);
        for death in 0..(layout.hosts / 10).clamp(2, 8) {
            // The first of them just before the trouble, so that it comes into the middle of a run.
            let at = begins + Duration::from_millis(if death == 0 { 0 } else { dice.u64(0..70_000) });
            let machine = dice.usize(..layout.hosts);
            let back = at + Duration::from_millis(dice.u64(500..80_000));
            faults.push((at, Fault::Power(vec![machine], false)));
            faults.push((back, Fault::Power(vec![machine], true)));
        }
        trouble(&mut dice, layout, begins + Duration::from_secs(5), &mut faults);
    }
    let until = CHAPTER * chapters + Duration::from_secs(30);
    Story { seed, layout, faults, phases: Vec::new(), until, without }
}

fn trouble(dice: &mut Rng, layout: Layout, at: Duration, faults: &mut Vec<(Duration, Fault)>) {
    let seconds = |seconds: u64| Duration::from_secs(seconds);
    let one = dice.usize(..layout.engines);
    let over = at + Duration::from_millis(dice.u64(1_000..35_000));
    let ways = [Way::Silent, Way::Deaf, Way::Cut];
    let way = ways[dice.usize(..3)];
    match dice.u8(..9) {
        0 => faults.extend([(at, Fault::Kill(one)), (over, Fault::Begin(one, dice.bool()))]),
        1 => {
            faults.push((at, Fault::KillHolder));
            faults.extend((0..layout.engines).map(|engine| (over, Fault::Begin(engine, false))));
        }
        2 => faults.extend([(at, Fault::Network(vec![one], way)), (over, Fault::Network(vec![one], Way::Open))]),
        3 => {
            let third: Vec<usize> = (0..layout.engines).filter(|engine| engine % 3 == one % 3).collect();
            faults.extend([(at, Fault::Network(third.clone(), way)), (over, Fault::Network(third, Way::Open))]);
        }
        4 => faults.extend([(at, Fault::EtcdLeaves), (at + seconds(30), Fault::EtcdReturns)]),
        5 => faults.extend([(at, Fault::Pace(Pace::SLOW)), (over, Fault::Pace(Pace::QUICK))]),
        // A filter between fewer than half of the engines, the spares with them, and some hosts.
        6 | 7 => {
            let few = |site: usize| -> Vec<usize> {
                let all: Vec<usize> = layout.engines_of(site).collect();
                all[..(all.len() - 1) / 2].to_vec()
            };
            let engines = (0..layout.sites).flat_map(few).collect();
            let hosts = (0..layout.hosts).filter(|host| host % POOL < POOL - SPARES);
            let machines: BTreeSet<usize> = hosts.filter(|_| dice.u8(..4) == 0).collect();
            faults.push((at, Fault::Filter(Some(Filter { engines, machines }))));
            faults.push((over, Fault::Filter(None)));
        }
        // A switch.
        _ => {
            let machines: Vec<usize> = (0..layout.hosts).filter(|_| dice.u8(..5) == 0).collect();
            faults.extend([(at, Fault::Power(machines.clone(), false)), (over, Fault::Power(machines, true))]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Outcome, TTL, play};

    fn number(name: &str) -> Option<u64> {
        std::env::var(name).ok().and_then(|text| text.parse().ok())
    }

    const LAYOUTS: [Layout; 3] = [
        Layout { hosts: 40, engines: 3, sites: 1 },
        Layout { hosts: 60, engines: 7, sites: 1 },
        Layout { hosts: 60, engines: 6, sites: 2 },
    ];

    fn told(seed: u64, layout: Layout, outcome: &Outcome) -> String {
        format!("seed {seed}, {layout:?}:\n{}", outcome.broken.join("\n"))
    }

    #[test]
    fn whatever_happens_one_decides_and_nobody_waits() {
        let only = number("HOTSPARE_SEED");
        let first = only.unwrap_or(0);
        let (mut owners, mut takeovers, mut givebacks, mut interrupted) = (0, 0, 0, 0);
        let (mut longest, mut held, mut decided) = (Duration::ZERO, Duration::ZERO, Vec::new());
        let stories = only.map_or_else(|| number("HOTSPARE_STORIES").unwrap_or(6), |_| 1);
        for seed in first..first + stories {
            let layout = LAYOUTS[usize::try_from(seed).unwrap() % LAYOUTS.len()];
            let outcome = play(&story(seed, layout, 4, None));
            assert!(outcome.broken.is_empty(), "{}", told(seed, layout, &outcome));
            owners += outcome.owners;
            takeovers += outcome.takeovers;
            givebacks += outcome.givebacks;
            interrupted += outcome.interrupted;
            longest = longest.max(outcome.longest);
            held = outcome.held_again.into_iter().fold(held, Duration::max);
            decided.extend(outcome.decided);
        }
        decided.sort();
        println!(
            "{stories} stories: {owners} owners of leases, {takeovers} takeovers, {givebacks} givebacks, {interrupted} \
             interrupted runs went on; the longest wait for a decision while nothing else was wrong {longest:?}; held again \
             within {held:?} of etcd's return"
        );
        assert!(held <= TTL * 2, "after etcd's return nobody may act for {held:?}");
        let little = only.is_none() && (owners < 2 * stories || u64::from(takeovers) < 5 * stories || givebacks == 0);
        assert!(!little, "hardly anything happened");
    }

    /// A proof that cannot fail proves nothing.
    #[test]
    fn without_the_majority_of_engines_a_rule_is_broken() {
        let (guard, rule) = (Guard::Majority, "alive and reached by");
        let layout = Layout { hosts: 40, engines: 5, sites: 1 };
        let broken = (0..40).find_map(|seed| {
            let outcome = play(&story(seed, layout, 3, Some(guard)));
            outcome.broken.into_iter().find(|what| what.contains(rule)).map(|what| (seed, what))
        });
        let (seed, what) = broken.unwrap_or_else(|| panic!("without {guard:?}, \"{rule}\" still holds"));
        println!("without {guard:?}, seed {seed}: {what}");
    }
}
