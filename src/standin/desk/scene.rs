//! What is seen of a pool now, put together for the arbiter. Pure.

use super::{Desk, Kept};
use crate::clock::Tick;
use crate::health::view::{Health, MaintenanceView};
use crate::health::worker::Belief;
use crate::standin::arbiter::{Anchors, Engines, HostSeen, Scene, Sighting, SpareSeen};
use crate::standin::lease::opinion::{Others, majority, sights};
use crate::standin::steady::Steady;

/// What a scene is made of besides the desk.
pub(in crate::standin) struct Seen<'a> {
    pub now: Tick,
    pub steady: Steady,
    /// The pool's machines.
    pub beliefs: &'a [Belief],
    /// What is down in the whole fleet, as of a moment ago.
    pub down: &'a [Belief],
    pub others: &'a Others,
    pub lease: Result<(), String>,
    pub frozen: Option<String>,
}

impl Desk {
    /// The scene of this moment.
    pub(in crate::standin) fn scene(&self, kept: &Kept, seen: &Seen<'_>) -> Scene {
        let at = |tick: Tick| seen.steady.at(tick);
        let of = |name: &String| seen.beliefs.iter().find(|belief| belief.host == *name);
        let host = |belief: &Belief| HostSeen {
            name: belief.host.clone(),
            health: belief.health,
            maintenance: belief.maintenance.as_ref().map(words),
            since: at(belief.since),
            fault: belief.fault.map(at),
            passing_since: belief.passing_since.map(at),
            why: belief.evidence.clone().or_else(|| belief.why.clone()),
            next: belief.next.clone(),
            witnesses: witnesses(kept, &belief.host),
            engines: engines(seen, belief),
        };
        let spare = |belief: &Belief| SpareSeen {
            name: belief.host.clone(),
            health: belief.health,
            maintenance: belief.maintenance.as_ref().map(words),
            unready: match kept.readiness.get(&belief.host) {
                Some(looked) => looked.unready.clone(),
                None => vec!["it was not looked at yet".into()],
            },
        };
        let down = |belief: &&Belief| belief.health == Health::Down && belief.maintenance.is_none();
        let here = |belief: &&Belief| seen.beliefs.iter().any(|own| own.host == belief.host);
        let elsewhere = seen.down.iter().filter(|belief| !here(belief));
        let anchors = &self.pool().anchors;
        let answering = anchors.iter().filter(|anchor| kept.anchors.get(*anchor) == Some(&true)).count();
        Scene {
            now: at(seen.now),
            hosts: self.pool().protects.iter().filter_map(of).map(host).collect(),
            spares: self.pool().spares.iter().filter_map(of).map(spare).collect(),
            contested: kept.contested(),
            frozen: seen.frozen.clone(),
            anchors: Anchors { declared: count(anchors.len()), answering: count(answering) },
            own: kept.own.clone(),
            lease: seen.lease.clone(),
            failures: seen.beliefs.iter().chain(elsewhere).filter(down).map(|belief| at(belief.since)).collect(),
        }
    }
}

fn witnesses(kept: &Kept, host: &str) -> Vec<Sighting> {
    let about = kept.sights.iter();
    let about = about.filter(|((witness, seen), _)| seen == host && witness != host && !kept.own.contains(witness));
    about
        .map(|((witness, _), sight)| Sighting { witness: witness.clone(), reaches: sight.reaches, at: sight.at })
        .collect()
}

/// Several engines on one lease: what they say. `None`: this one is alone.
fn engines(seen: &Seen<'_>, host: &Belief) -> Option<Engines> {
    if seen.others.is_empty() {
        return None;
    }
    let said = majority(&sights([host], seen.steady), seen.others, &host.host);
    Some(Engines { living: count(said.living), say_down: count(said.down) })
}

fn words(maintenance: &MaintenanceView) -> String {
    let MaintenanceView { owner, why, until, .. } = maintenance;
    format!("{owner} ({why}), until {until:.0}")
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::standin::desk::example;
    use crate::standin::view::Sight;

    #[test]
    fn neither_the_host_itself_nor_the_machine_of_this_engine_is_a_witness() {
        let now = Timestamp::UNIX_EPOCH;
        let desk = example(now);
        let mut kept = desk.kept();
        for (witness, host) in [("a", "a"), ("s", "a"), ("w", "a"), ("w", "s")] {
            let sight = Sight {
                witness: witness.into(),
                host: host.into(),
                reaches: Some(false),
                at: now,
                says: String::new(),
            };
            kept.sights.insert((witness.into(), host.into()), sight);
        }
        let names = |kept: &Kept| -> Vec<String> {
            witnesses(kept, "a").into_iter().map(|sighting| sighting.witness).collect()
        };
        assert_eq!(names(&kept), ["s", "w"]);
        // This engine looks from the same machine: its console's voice is not to count twice.
        kept.own.insert("s".into());
        assert_eq!(names(&kept), ["w"]);
    }
}
