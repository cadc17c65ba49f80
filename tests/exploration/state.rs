//! One state of the small fleet, in a form in which equal situations are equal.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use hotspare::clock::Timestamp;
use hotspare::runbook::view::RunId;
use hotspare::standin::arbiter::Decision;
use hotspare::standin::book::Book;

/// Most important first.
pub(crate) const HOSTS: [&str; 3] = ["a", "b", "c"];
pub(crate) const SPARES: [&str; 2] = ["s", "t"];
/// The run that is under way: there is never a second one, so that its number says nothing.
pub(crate) const RUN: RunId = RunId(1);

/// What may be taken away, to see what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Fence and question to the wire.
    Wire,
    /// The book outlives the engine.
    Book,
    /// An engine asks for the lease before it acts.
    Lease,
    /// Machines refuse older generations.
    Machine,
    /// The witnesses say what they see.
    Witnesses,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    pub(crate) dead: bool,
    /// A filter keeps everybody away but the wire.
    pub(crate) cut: bool,
    /// Hosts whose address it holds.
    pub(crate) holds: BTreeSet<&'static str>,
    /// The highest generation that it has seen.
    pub(crate) guard: u64,
    /// The highest generation whose step it has done: only for the proof.
    pub(crate) done: u64,
}

/// A step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The host, and the spare, whose own answer for the address is no reason to stop.
    Fence(&'static str, &'static str),
    Claim(&'static str, &'static str),
    Drop(&'static str, &'static str),
}

/// A command on its way to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flight {
    pub(crate) step: Step,
    pub(crate) generation: u64,
}

/// A run on its way, in the engine that does it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Exec {
    pub(crate) decision: Decision,
    pub(crate) at: usize,
    pub(crate) generation: u64,
}

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) machines: BTreeMap<&'static str, Machine>,
    pub(crate) book: Book,
    /// Which of the two engines holds the lease, if one does.
    pub(crate) lease: Option<usize>,
    /// The run of the engine that holds the lease.
    pub(crate) exec: Option<Exec>,
    pub(crate) flights: BTreeSet<Flight>,
    pub(crate) misfortunes: u8,
    pub(crate) broken: BTreeSet<&'static str>,
    /// What has been seen to happen: a proof over nothing proves nothing.
    pub(crate) seen: Option<&'static str>,
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.machines.hash(state);
        let Book { spares, generation, generations, outages, run, freed, .. } = &self.book;
        (spares, generation, generations, outages, run, freed).hash(state);
        (self.lease, &self.exec, &self.flights, self.misfortunes, &self.broken, self.seen).hash(state);
    }
}

impl State {
    pub(crate) fn new(misfortunes: u8) -> Self {
        let own = |name: &'static str| Machine { holds: BTreeSet::from([name]), ..Machine::default() };
        let hosts = HOSTS.into_iter().map(|name| (name, own(name)));
        Self {
            machines: hosts.chain(SPARES.into_iter().map(|name| (name, Machine::default()))).collect(),
            book: Book::default(),
            lease: Some(0),
            exec: None,
            flights: BTreeSet::new(),
            misfortunes,
            broken: BTreeSet::new(),
            seen: None,
        }
    }

    pub(crate) fn owners(&self, host: &str) -> Vec<&'static str> {
        let owns = |machine: &Machine| !machine.dead && machine.holds.contains(host);
        self.machines.iter().filter(|(_, machine)| owns(machine)).map(|(name, _)| *name).collect()
    }

    /// Takes out what makes no difference to what can happen: texts, times, run numbers, and by how much generations
    /// differ.
    pub(crate) fn normal(mut self) -> Self {
        let book = &mut self.book;
        (book.rest, book.armed) = (None, None);
        book.past.clear();
        for of in book.spares.values_mut() {
            (of.since, of.run, of.why) = (Timestamp::UNIX_EPOCH, RunId(0), None);
            of.by.clear();
        }
        for tried in book.outages.values_mut().filter_map(|outage| outage.tried.as_mut()) {
            tried.run = RunId(0);
            tried.why.clear();
        }
        if let Some(run) = &mut book.run {
            run.began = Timestamp::UNIX_EPOCH;
            run.by.clear();
            run.decision.evidence.clear();
        }
        if let Some(exec) = &mut self.exec {
            exec.decision.evidence.clear();
        }
        let mut flights: Vec<Flight> = std::mem::take(&mut self.flights).into_iter().collect();
        let mut used: Vec<&mut u64> = vec![&mut book.generation];
        used.extend(book.generations.values_mut());
        used.extend(book.spares.values_mut().map(|of| &mut of.generation));
        used.extend(book.run.iter_mut().map(|run| &mut run.generation));
        used.extend(self.exec.iter_mut().map(|exec| &mut exec.generation));
        used.extend(self.machines.values_mut().flat_map(|machine| [&mut machine.guard, &mut machine.done]));
        used.extend(flights.iter_mut().map(|flight| &mut flight.generation));
        let ranks: BTreeSet<u64> = std::iter::once(0).chain(used.iter().map(|generation| **generation)).collect();
        for generation in used {
            *generation = ranks.range(..*generation).count() as u64;
        }
        self.flights = flights.into_iter().collect();
        self
    }
}
