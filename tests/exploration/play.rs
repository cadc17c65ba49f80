//! What the engines and the commands do.

use hotspare::clock::Timestamp;
use hotspare::fleet::pool::{Fence, GivebackMode, Mode, Pace, Pool};
use hotspare::health::view::Health;
use hotspare::runbook::view::RunState;
use hotspare::standin::arbiter::{Act, Anchors, Decision, HostSeen, Scene, Sighting, SpareSeen, decide};

use crate::state::{Exec, Flight, Guard, HOSTS, RUN, SPARES, State, Step};

/// No waiting: every order of things is tried anyway.
pub(crate) fn pool() -> Pool {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let zero = std::time::Duration::ZERO;
    Pool {
        name: "p".into(),
        protects: names(&HOSTS),
        spares: names(&SPARES),
        mode: Mode::Auto,
        probe: Pace::NORMAL,
        down_after: None,
        up_after: zero,
        escalate: true,
        giveback_mode: GivebackMode::Auto,
        cooldown: zero,
        witnesses: names(&SPARES),
        anchors: names(&["192.0.2.1"]),
        fence: Fence::Required,
        brake: 0,
        dwell: zero,
        target: zero,
        takeover: "take".into(),
        giveback: Some("give".into()),
        drill: None,
        drill_every: None,
        card: None,
        drift: Vec::new(),
    }
}

pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// What an engine sees.
pub(crate) fn scene(state: &State, engine: usize, without: Option<Guard>) -> Scene {
    let gone = |name: &str| state.machines.get(name).is_none_or(|machine| machine.dead || machine.cut);
    let health = |name: &str| if gone(name) { Health::Down } else { Health::Up };
    let host = |name: &str| {
        let sighting = |witness: &str| Sighting {
            witness: witness.into(),
            reaches: (!gone(witness)).then(|| without == Some(Guard::Witnesses) || !gone(name)),
            at: NOW,
        };
        HostSeen {
            name: name.into(),
            health: health(name),
            maintenance: None,
            since: NOW,
            fault: None,
            passing_since: (!gone(name)).then_some(NOW),
            why: None,
            next: None,
            witnesses: SPARES.into_iter().map(sighting).collect(),
            engines: None,
        }
    };
    let spare =
        |name: &str| SpareSeen { name: name.into(), health: health(name), maintenance: None, unready: Vec::new() };
    let holds = state.lease == Some(engine) || without == Some(Guard::Lease);
    Scene {
        contested: Vec::new(),
        now: NOW,
        hosts: HOSTS.into_iter().map(host).collect(),
        spares: SPARES.into_iter().map(spare).collect(),
        frozen: None,
        anchors: Anchors { declared: 1, answering: 1 },
        own: std::collections::BTreeSet::new(),
        lease: if holds { Ok(()) } else { Err("the other engine holds it".into()) },
        failures: Vec::new(),
    }
}

fn known(name: &str) -> &'static str {
    HOSTS.into_iter().chain(SPARES).find(|known| *known == name).expect("a machine of this fleet")
}

fn steps(decision: &Decision) -> Vec<Step> {
    let (host, spare) = (known(&decision.host), known(&decision.spare));
    match decision.act {
        Act::Takeover => vec![Step::Fence(host, spare), Step::Claim(spare, host)],
        Act::Release => vec![Step::Drop(spare, host)],
        Act::Giveback => vec![Step::Drop(spare, host), Step::Claim(host, host)],
        Act::Drill => Vec::new(),
    }
}

impl State {
    /// An engine looks, and does what the arbiter says. `None`: there is nothing to do.
    pub(crate) fn judge(&mut self, engine: usize, without: Option<Guard>) -> Option<()> {
        let judged = decide(&pool(), &self.book, &scene(self, engine, without));
        if judged.notes.is_empty() && judged.decision.is_none() {
            return None;
        }
        if self.lease != Some(engine) {
            self.broken.insert("lease");
        }
        for note in &judged.notes {
            self.book.note(note, NOW);
        }
        if let Some(decision) = &judged.decision {
            self.begin(decision, true)?;
        }
        Some(())
    }

    pub(crate) fn begin(&mut self, decision: &Decision, automatic: bool) -> Option<()> {
        if self.exec.is_some() {
            return None;
        }
        let begun = self.book.begin(decision, "somebody", automatic, RUN, NOW).expect("what is decided may begin");
        self.go(decision.clone(), begun.generation);
        Some(())
    }

    /// The first command of a run is on its way.
    pub(crate) fn go(&mut self, decision: Decision, generation: u64) {
        self.exec = Some(Exec { decision, at: 0, generation });
        self.send();
    }

    fn send(&mut self) {
        let Some(exec) = &self.exec else { return };
        match steps(&exec.decision).get(exec.at) {
            Some(step) => drop(self.flights.insert(Flight { step: *step, generation: exec.generation })),
            None => self.end(RunState::Done),
        }
    }

    pub(crate) fn end(&mut self, end: RunState) {
        let Some(exec) = self.exec.take() else { return };
        if end == RunState::Done {
            self.seen = Some(if exec.decision.for_host.is_some() { "escalation" } else { exec.decision.act.word() });
        }
        self.book.ended(RUN, end, None, NOW).expect("the run that is under way ends");
    }

    /// The command that the run waits for.
    pub(crate) fn awaited(&self) -> Option<Flight> {
        let exec = self.exec.as_ref()?;
        let step = steps(&exec.decision).get(exec.at).copied()?;
        Some(Flight { step, generation: exec.generation })
    }

    /// A command arrives, in time or late.
    pub(crate) fn arrive(&mut self, flight: Flight, without: Option<Guard>) {
        let awaited = self.awaited() == Some(flight);
        self.flights.remove(&flight);
        let before = HOSTS.map(|host| self.owners(host).len());
        let done = self.act(flight, without);
        for (host, before) in HOSTS.into_iter().zip(before) {
            let after = self.owners(host).len();
            if after > 1 && after > before {
                self.broken.insert("owners");
            }
        }
        if SPARES.iter().any(|spare| self.machines.get(spare).is_some_and(|machine| machine.holds.len() > 1)) {
            self.broken.insert("spare");
        }
        if awaited && done {
            if let Some(exec) = &mut self.exec {
                exec.at += 1;
            }
            self.send();
        } else if awaited {
            self.end(RunState::Failed);
        }
    }

    /// What a command does where it arrives; whether it did.
    fn act(&mut self, Flight { step, generation }: Flight, without: Option<Guard>) -> bool {
        let wire = without != Some(Guard::Wire);
        match step {
            Step::Fence(host, spare) => {
                if self.enter(host, generation, without) {
                    self.release(host, host);
                    return true;
                }
                !wire || self.owners(host).iter().all(|owner| *owner == spare)
            }
            Step::Claim(on, host) => {
                // The guard and the question are one command: who is refused by one has not passed the other.
                let asked = !wire || self.owners(host).iter().all(|owner| *owner == on);
                let done = self.enter(on, generation, without) && asked;
                if let Some(machine) = self.machines.get_mut(on).filter(|_| done) {
                    machine.holds.insert(host);
                }
                done
            }
            // What is dead holds nothing.
            Step::Drop(on, _) if self.machines.get(on).is_some_and(|machine| machine.dead) => true,
            Step::Drop(on, host) => {
                let done = self.enter(on, generation, without);
                if done {
                    self.release(on, host);
                }
                done
            }
        }
    }

    fn release(&mut self, on: &str, host: &str) {
        if let Some(machine) = self.machines.get_mut(on) {
            machine.holds.remove(host);
        }
    }

    /// Over ssh, past the guard of the machine.
    fn enter(&mut self, on: &str, generation: u64, without: Option<Guard>) -> bool {
        let Some(machine) = self.machines.get_mut(on).filter(|machine| !machine.dead && !machine.cut) else {
            return false;
        };
        if generation < machine.guard && without != Some(Guard::Machine) {
            return false;
        }
        if generation < machine.done {
            self.broken.insert("generations");
        }
        machine.guard = machine.guard.max(generation);
        machine.done = machine.done.max(generation);
        true
    }
}
