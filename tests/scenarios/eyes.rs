//! What the engine of the world sees.

use hotspare::health::view::Health;
use hotspare::standin::arbiter::{Anchors, HostSeen, Scene, Sighting, SpareSeen};

use crate::world::{World, at};

impl World {
    /// What the engine sees.
    pub(crate) fn scene(&self) -> Scene {
        let machine = |name: &String| self.machines.0.get(name).unwrap();
        let host = |name: &String| {
            let seen = machine(name);
            let sighting = |witness: &String| Sighting {
                witness: witness.clone(),
                reaches: machine(witness).answers_to_us().then(|| seen.answers_to_us() && seen.serves),
                at: self.time(),
            };
            HostSeen {
                name: name.clone(),
                health: seen.health,
                maintenance: seen.maintenance.clone(),
                since: at(seen.since),
                fault: seen.fault().map(at),
                passing_since: seen.passing_since().map(at),
                why: (seen.health != Health::Up).then(|| "no answer".into()),
                next: Some("more failures".into()),
                witnesses: self.pool.witnesses.iter().map(sighting).collect(),
                engines: None,
            }
        };
        let spare = |name: &String| {
            let seen = machine(name);
            let unready = seen.drift.then(|| "VERSION differs".to_owned());
            SpareSeen {
                name: name.clone(),
                health: seen.health,
                maintenance: seen.maintenance.clone(),
                unready: unready.into_iter().collect(),
            }
        };
        let down = self.pool.protects.iter().map(machine).filter(|seen| seen.health == Health::Down);
        Scene {
            contested: Vec::new(),
            now: self.time(),
            hosts: self.pool.protects.iter().map(host).collect(),
            spares: self.pool.spares.iter().map(spare).collect(),
            frozen: self.frozen.then(|| "the tick came late".into()),
            anchors: Anchors { declared: 1, answering: u32::from(self.anchors) },
            own: std::collections::BTreeSet::new(),
            lease: if self.lease { Ok(()) } else { Err("another engine holds it".into()) },
            failures: down.map(|seen| at(seen.since)).collect(),
        }
    }
}
