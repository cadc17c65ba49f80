//! The machines, and the wire between them.

use std::collections::BTreeMap;

use hotspare::health::view::Health;

/// Until a failing host is suspect, and until it is down: 5 × 500 ms.
const SUSPECT_AFTER: u64 = 1_000;
const DOWN_AFTER: u64 = 2_500;

/// One machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) on: bool,
    /// Its network cable.
    pub(crate) plugged: bool,
    /// Its containers.
    pub(crate) serves: bool,
    /// A filter keeps the console and the witnesses away from it; the wire does not know of that.
    pub(crate) filtered: bool,
    /// Names of the hosts whose address it holds.
    pub(crate) holds: Vec<String>,
    /// The highest generation it has seen: it refuses lower ones.
    pub(crate) guard: u64,
    pub(crate) maintenance: Option<String>,
    pub(crate) drift: bool,
    failing: Option<u64>,
    passing: u64,
    pub(crate) health: Health,
    pub(crate) since: u64,
}

impl Machine {
    fn new(name: &str, protected: bool) -> Self {
        Self {
            on: true,
            plugged: true,
            serves: true,
            filtered: false,
            holds: protected.then(|| name.to_owned()).into_iter().collect(),
            guard: 0,
            maintenance: None,
            drift: false,
            failing: None,
            passing: 0,
            health: Health::Up,
            since: 0,
        }
    }

    pub(crate) fn on_the_wire(&self) -> bool {
        self.on && self.plugged
    }

    pub(crate) fn answers_to_us(&self) -> bool {
        self.on_the_wire() && !self.filtered
    }

    pub(crate) fn fault(&self) -> Option<u64> {
        self.failing
    }

    pub(crate) fn passing_since(&self) -> Option<u64> {
        self.failing.is_none().then_some(self.passing)
    }

    /// What a console that asks every half second believes.
    fn look(&mut self, now: u64, up_after: u64) {
        let passes = self.answers_to_us() && self.serves;
        if passes {
            if self.failing.take().is_some() {
                self.passing = now;
            }
        } else {
            self.failing.get_or_insert(now);
        }
        let believed = match self.failing {
            Some(from) if now - from >= DOWN_AFTER => Health::Down,
            Some(from) if now - from >= SUSPECT_AFTER && self.health != Health::Down => Health::Suspect,
            Some(_) => self.health,
            None if self.health == Health::Down && now - self.passing < up_after => Health::Down,
            None => Health::Up,
        };
        if believed != self.health {
            self.since = now;
        }
        self.health = believed;
    }
}

/// All machines by name.
#[derive(Debug, Clone)]
pub(crate) struct Machines(pub(crate) BTreeMap<String, Machine>);

impl Machines {
    pub(crate) fn new(hosts: &[String], spares: &[String]) -> Self {
        let hosts = hosts.iter().map(|name| (name.clone(), Machine::new(name, true)));
        Self(hosts.chain(spares.iter().map(|name| (name.clone(), Machine::new(name, false)))).collect())
    }

    pub(crate) fn get(&mut self, name: &str) -> &mut Machine {
        self.0.get_mut(name).unwrap_or_else(|| panic!("no machine {name}"))
    }

    pub(crate) fn look(&mut self, now: u64, up_after: u64) {
        for machine in self.0.values_mut() {
            machine.look(now, up_after);
        }
    }

    /// Who answers on the wire for the address of a host.
    pub(crate) fn owners(&self, host: &str) -> Vec<&str> {
        let owns = |machine: &Machine| machine.on_the_wire() && machine.holds.iter().any(|name| name == host);
        self.0.iter().filter(|(_, machine)| owns(machine)).map(|(name, _)| name.as_str()).collect()
    }

    /// A machine starts: its own address is written in its configuration, whatever happened meanwhile. What it had taken
    /// from others was never written there.
    pub(crate) fn power_on(&mut self, name: &str, protected: bool) {
        let machine = self.get(name);
        if !machine.on {
            machine.on = true;
            machine.serves = true;
            machine.holds = protected.then(|| name.to_owned()).into_iter().collect();
        }
    }
}
