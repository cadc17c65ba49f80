//! What can happen, and what must hold whatever happens.

use std::collections::BTreeSet;

use hotspare::runbook::view::RunState;
use hotspare::standin::arbiter::{Act, Wish, by_hand, decide};
use hotspare::standin::book::{Book, Phase};
use stateright::{Model, Property};

use crate::play::{NOW, pool, scene};
use crate::state::{Flight, Guard, HOSTS, RUN, SPARES, State};

/// The small fleet.
pub(crate) struct Fleet {
    /// How many misfortunes and acts of the operator a story has at most.
    pub(crate) misfortunes: u8,
    /// What is taken away from it.
    pub(crate) without: Option<Guard>,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// An engine looks, and does what the arbiter says.
    Judge(usize),
    /// A command arrives.
    Arrive(Flight),
    Dies(&'static str),
    Returns(&'static str),
    Cut(&'static str),
    Healed(&'static str),
    /// The engine that holds the lease dies, or is cut off: the other one gets it.
    LeaseMoves,
    StepFails,
    /// The answer never comes; the command may still arrive.
    StepHangs,
    /// The operator.
    Hand(Act, &'static str),
    Resume,
    Abandon,
    Acknowledge,
    Clear(&'static str),
}

impl Event {
    /// What the world and the operator do is counted; what follows from it is not.
    fn is_misfortune(&self) -> bool {
        !matches!(self, Self::Judge(_) | Self::Arrive(_) | Self::Healed(_))
    }
}

impl Model for Fleet {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.misfortunes)]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if !state.broken.is_empty() {
            return;
        }
        events.extend([Event::Judge(0), Event::Judge(1)]);
        events.extend(state.flights.iter().map(|flight| Event::Arrive(*flight)));
        events.extend(HOSTS.into_iter().filter(|host| state.machines[host].cut).map(Event::Healed));
        if state.misfortunes == 0 {
            return;
        }
        for (name, machine) in &state.machines {
            events.push(if machine.dead { Event::Returns(name) } else { Event::Dies(name) });
        }
        events.extend(HOSTS.into_iter().filter(|host| !state.machines[host].cut).map(Event::Cut));
        events.push(Event::LeaseMoves);
        if state.exec.is_some() {
            events.extend([Event::StepFails, Event::StepHangs]);
        }
        if state.book.run.as_ref().is_some_and(|run| run.interrupted) {
            events.extend([Event::Resume, Event::Abandon]);
        }
        if !state.book.outages.is_empty() {
            events.push(Event::Acknowledge);
        }
        let failed = |spare: &&str| state.book.spares.get(*spare).is_some_and(|of| of.phase == Phase::Failed);
        events.extend(SPARES.into_iter().filter(|spare| failed(spare)).map(Event::Clear));
        for host in HOSTS {
            events.extend([Act::Takeover, Act::Release, Act::Giveback].map(|act| Event::Hand(act, host)));
        }
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        state.seen = None;
        if event.is_misfortune() {
            state.misfortunes -= 1;
        }
        self.happen(&mut state, &event)?;
        if !only_grows(&before.book, &state.book) && self.without != Some(Guard::Book) {
            state.broken.insert("generations");
        }
        Some(state.normal())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never two owners of an address by our doing", |_, state: &State| {
                !state.broken.contains("owners")
            }),
            Property::always("never one spare for two hosts", |_, state: &State| {
                let hosts: BTreeSet<&str> = state.book.spares.values().map(|of| of.host.as_str()).collect();
                hosts.len() == state.book.spares.len() && !state.broken.contains("spare")
            }),
            Property::always("never an action without the lease", |_, state: &State| !state.broken.contains("lease")),
            Property::always("generations only grow", |_, state: &State| !state.broken.contains("generations")),
            Property::always("no failed host waits while a spare is free", nobody_waits_for_nothing),
            Property::sometimes("a takeover is done", |_, state: &State| state.seen == Some("takeover")),
            Property::sometimes("a giveback is done", |_, state: &State| state.seen == Some("giveback")),
            Property::sometimes("an escalation is done", |_, state: &State| state.seen == Some("escalation")),
            Property::sometimes("a release by hand is done", |_, state: &State| state.seen == Some("release")),
        ]
    }
}

impl Fleet {
    fn happen(&self, state: &mut State, event: &Event) -> Option<()> {
        match *event {
            Event::Judge(engine) => state.judge(engine, self.without)?,
            Event::Arrive(flight) => state.arrive(flight, self.without),
            Event::Dies(name) => {
                let machine = state.machines.get_mut(name)?;
                (machine.dead, machine.cut) = (true, false);
            }
            Event::Returns(name) => {
                let machine = state.machines.get_mut(name)?;
                machine.dead = false;
                // Its own address is written in its configuration; what it took from others is not.
                machine.holds = HOSTS.into_iter().filter(|host| *host == name).collect();
            }
            Event::Cut(name) => state.machines.get_mut(name)?.cut = true,
            Event::Healed(name) => state.machines.get_mut(name)?.cut = false,
            Event::LeaseMoves => {
                state.lease = state.lease.map(|engine| 1 - engine);
                state.exec = None;
                state.book.restore(NOW);
                if self.without == Some(Guard::Book) {
                    state.book = Book { generation: state.book.generation, ..Book::default() };
                }
            }
            Event::StepFails => {
                let flight = state.awaited()?;
                state.flights.remove(&flight);
                state.end(RunState::Failed);
            }
            Event::StepHangs => {
                state.awaited()?;
                state.end(RunState::Unknown);
            }
            Event::Hand(act, host) => {
                let wish = Wish { act, host: host.into(), spare: None, insists: true };
                let decision = by_hand(&pool(), &state.book, &scene(state, state.lease?, self.without), &wish).ok()?;
                state.begin(&decision, false)?;
            }
            Event::Resume => {
                let run = state.book.run.clone()?;
                let begun = state.book.resume(RUN).ok()?;
                state.go(run.decision, begun.generation);
            }
            Event::Abandon => state.book.abandon(RUN, "somebody", NOW).ok()?,
            Event::Acknowledge => state.book.acknowledge(),
            Event::Clear(spare) => {
                let begun = state.book.clear(spare).ok()?;
                let machine = state.machines.get_mut(spare)?;
                machine.holds.clear();
                machine.guard = begun.generation;
            }
        }
        Some(())
    }
}

fn only_grows(before: &Book, after: &Book) -> bool {
    let each = before.generations.iter().all(|(machine, generation)| after.generation_of(machine) >= *generation);
    each && after.generation >= before.generation
}

/// Said without the arbiter's words: when nothing is under way, a host that is gone, was not tried, has no spare and could
/// have one is at once given one.
fn nobody_waits_for_nothing(fleet: &Fleet, state: &State) -> bool {
    let Some(engine) = state.lease.filter(|_| state.book.run.is_none() && state.broken.is_empty()) else { return true };
    let gone = |name: &str| state.machines[name].dead || state.machines[name].cut;
    let free = SPARES.iter().any(|spare| !state.machines[spare].dead && !state.book.spares.contains_key(*spare));
    let needy = HOSTS.into_iter().find(|host| {
        gone(host)
            && state.book.serving(host).is_none()
            && state.book.outages.get(*host).is_none_or(|outage| outage.tried.is_none())
    });
    let Some(needy) = needy.filter(|_| free) else { return true };
    let judged = decide(&pool(), &state.book, &scene(state, engine, fleet.without));
    let served = judged.decision.is_some_and(|decision| decision.act == Act::Takeover && decision.host == needy);
    served || !judged.notes.is_empty()
}
