//! One round: what goes wrong, when, drawn from a number.

use std::time::Duration;

use crate::site::fault::Fault;

/// Something that happens in a round.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Begin(&'static str, Fault),
    End(&'static str, Fault),
    /// The engine is killed.
    Kill,
    /// The next engine starts.
    Start,
}

/// What happens, and when; how it is cleaned up is drawn with it.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) seed: u64,
    pub(super) events: Vec<(Duration, Event)>,
    /// An interrupted run is resumed, not undone.
    pub(super) resume: bool,
}

const MACHINE: [Fault; 10] = [
    Fault::PowerOff,
    Fault::LinkDown,
    Fault::Drop,
    Fault::DropIn,
    Fault::DropOut,
    Fault::Firewall,
    Fault::Loss,
    Fault::Freeze,
    Fault::SshdKilled,
    Fault::SshCut,
];
const CONSOLE: [Fault; 5] = [Fault::LinkDown, Fault::Drop, Fault::DropIn, Fault::DropOut, Fault::Loss];

impl Round {
    /// The round of this number.
    pub(super) fn drawn(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut events = Vec::new();
        let mut hit: Vec<(&str, Fault)> = Vec::new();
        for number in 0..dice.u32(1..=3) {
            let name = *["a", "a", "a", "a", "a", "b", "b", "cedar", "cedar", "console"]
                .get(dice.usize(..10))
                .expect("one of them");
            let fault = if name == "console" { CONSOLE[dice.usize(..5)] } else { MACHINE[dice.usize(..10)] };
            let at = Duration::from_millis(if number == 0 { 0 } else { dice.u64(0..3500) });
            let ends = (dice.u8(..3) == 0).then(|| at + Duration::from_millis(dice.u64(200..4000)));
            if hit.contains(&(name, fault)) {
                continue;
            }
            hit.push((name, fault));
            events.push((at, Event::Begin(name, fault)));
            if let Some(ends) = ends.filter(|_| fault != Fault::SshCut) {
                events.push((ends, Event::End(name, fault)));
            }
        }
        if dice.u8(..4) == 0 {
            let at = Duration::from_millis(dice.u64(0..4000));
            events.push((at, Event::Kill));
            events.push((at + Duration::from_millis(dice.u64(0..600)), Event::Start));
        }
        events.sort_by_key(|(at, _)| *at);
        Self { seed, events, resume: dice.bool() }
    }

    /// The faults that are still there in the end.
    pub(super) fn left(&self) -> Vec<(&'static str, Fault)> {
        let mut left = Vec::new();
        for (_, event) in &self.events {
            match event {
                Event::Begin(name, fault) => left.push((*name, *fault)),
                Event::End(name, fault) => left.retain(|one| one != &(*name, *fault)),
                Event::Kill | Event::Start => {}
            }
        }
        left
    }

    pub(super) fn faults(&self) -> u32 {
        u32::try_from(self.events.iter().filter(|(_, event)| matches!(event, Event::Begin(..))).count()).expect("few")
    }

    pub(super) fn kills(&self) -> u32 {
        u32::from(self.events.iter().any(|(_, event)| *event == Event::Kill))
    }

    /// Whether a fault is one of these machines' own.
    pub(super) fn touches(&self, names: &[&str]) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Begin(name, _) if names.contains(name)))
    }

    /// The host of a round in which nothing happens but that it goes, for good: then the spare has to take its place.
    pub(super) fn plain(&self) -> Option<&'static str> {
        match self.events.as_slice() {
            [(_, Event::Begin(name @ ("a" | "b"), Fault::PowerOff | Fault::LinkDown | Fault::Drop))] => Some(name),
            _ => None,
        }
    }
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}:", self.seed)?;
        for (at, event) in &self.events {
            let at = at.as_secs_f64();
            match event {
                Event::Begin(name, fault) => write!(f, " {at:.1} {name} {};", fault.word())?,
                Event::End(name, fault) => write!(f, " {at:.1} {name} no more {};", fault.word())?,
                Event::Kill => write!(f, " {at:.1} engine killed;")?,
                Event::Start => {}
            }
        }
        Ok(())
    }
}
