//! What engines see of hosts, and what most of them say. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::health::view::Health;
use crate::health::worker::Belief;
use crate::standin::steady::Steady;

/// What one engine believes of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What it believes.
    pub health: Health,
    /// Since when, by that engine's wall clock: for showing only.
    pub since: Timestamp,
}

/// Host name to what one engine believes of it.
pub type Sights = BTreeMap<String, Seen>;

/// Name of a living engine to what it sees.
pub type Others = BTreeMap<String, Arc<Sights>>;

/// What an engine tells the others: the hosts that it believes to be down. A host that nobody speaks of counts as one that is
/// up, and so does one that was down and answers again, however long it must answer before it is trusted: so what is told is
/// short while all is well, and the same as long as nothing changes.
pub fn sights<'a>(beliefs: impl IntoIterator<Item = &'a Belief>, steady: Steady) -> Sights {
    let gone = |belief: &&Belief| belief.health == Health::Down && belief.passing_since.is_none();
    let seen = |belief: &Belief| (belief.host.clone(), Seen { health: belief.health, since: steady.at(belief.since) });
    beliefs.into_iter().filter(gone).map(seen).collect()
}

/// How many engines say that a host is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Majority {
    /// Engines that live, this one included.
    pub living: usize,
    /// Those that say it is down.
    pub down: usize,
    /// What each other engine says, by its name; `None`: nothing about this host.
    pub said: Vec<(String, Option<Seen>)>,
}

/// What the living engines say of a host. One that says nothing, or does not know, lives and does not say that it is down.
pub fn majority(own: &Sights, others: &Others, host: &str) -> Majority {
    let down = |sights: &Sights| sights.get(host).is_some_and(|seen| seen.health == Health::Down);
    Majority {
        living: others.len() + 1,
        down: usize::from(down(own)) + others.values().filter(|sights| down(sights)).count(),
        said: others.iter().map(|(engine, sights)| (engine.clone(), sights.get(host).cloned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn sees(health: Health) -> Sights {
        Sights::from([("studio-1".to_owned(), Seen { health, since: Timestamp::UNIX_EPOCH })])
    }

    fn others(healths: &[Health]) -> Others {
        let engine = |(number, health): (usize, &Health)| (format!("engine-{number}"), Arc::new(sees(*health)));
        healths.iter().enumerate().map(engine).collect()
    }

    #[test]
    fn all_who_live_are_counted_and_who_says_down() {
        use Health::{Down, Suspect, Unknown, Up};
        let cases: [(Health, &[Health], usize); 6] = [
            (Down, &[], 1),
            (Up, &[], 0),
            (Down, &[Unknown], 1),
            (Up, &[Down, Down], 2),
            (Down, &[Down, Suspect], 2),
            (Down, &[Down, Up, Up], 2),
        ];
        for (own, said, down) in cases {
            let majority = majority(&sees(own), &others(said), "studio-1");
            assert_eq!((majority.living, majority.down), (said.len() + 1, down), "{own:?} {said:?}");
        }
    }

    #[test]
    fn who_says_nothing_lives_all_the_same() {
        let silent = Others::from([("engine-0".to_owned(), Arc::default())]);
        let majority = majority(&sees(Health::Down), &silent, "studio-1");
        assert_eq!((majority.living, majority.down), (2, 1));
        assert_eq!(majority.said, [("engine-0".to_owned(), None)]);
    }

    #[test]
    fn only_what_is_gone_is_told_and_an_unchanged_word_is_the_same() {
        let clock = Clock::real();
        let steady = Steady::begin(&clock);
        let belief = |host: &str, health, passing: bool| Belief {
            host: host.into(),
            health,
            since: clock.tick(),
            fault: None,
            passing_since: passing.then(|| clock.tick()),
            why: None,
            next: None,
            evidence: None,
            maintenance: None,
        };
        let all = [
            belief("a", Health::Up, true),
            belief("b", Health::Down, false),
            belief("c", Health::Down, true),
            belief("d", Health::Unknown, false),
            belief("e", Health::Suspect, false),
        ];
        let told = sights(&all, steady);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["b"], "c answers again, and is not trusted yet");
        // A time that is made anew from two clocks differs each time, by a moment: everybody would be told again.
        assert_eq!(sights(&all, steady), told);
    }
}
