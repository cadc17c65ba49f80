//! The runner: does the steps of a run on the simulated machines, one after another, each with its generation.

use hotspare::runbook::view::RunId;
use hotspare::standin::arbiter::{Act, Decision};

use crate::fleet::Machines;

/// One step. The names are the machine that it is done on, and the host whose address is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The host, and the spare, whose own answer for the address is no reason to stop.
    Fence(String, String),
    Claim(String, String),
    Announce,
    Start(String),
    Stop(String),
    Drop(String, String),
}

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it is meant to.
    Well,
    /// It fails and does nothing.
    Fails,
    /// Its answer never comes; what it does may happen later.
    Hangs,
}

/// A run on its way.
#[derive(Debug, Clone)]
pub(crate) struct Exec {
    pub(crate) run: RunId,
    pub(crate) generation: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) at: usize,
    /// When the present step ends.
    pub(crate) until: u64,
}

impl Exec {
    pub(crate) fn new(run: RunId, generation: u64, decision: &Decision, until: u64) -> Self {
        Self { run, generation, steps: steps(decision), at: 0, until }
    }
}

/// The steps of each kind of run.
pub(crate) fn steps(decision: &Decision) -> Vec<Step> {
    let (host, spare) = (decision.host.clone(), decision.spare.clone());
    let end = [Step::Stop(spare.clone()), Step::Drop(spare.clone(), host.clone())];
    match decision.act {
        Act::Takeover => {
            vec![
                Step::Fence(host.clone(), spare.clone()),
                Step::Claim(spare.clone(), host),
                Step::Announce,
                Step::Start(spare),
            ]
        }
        Act::Release => end.into(),
        Act::Giveback => {
            let back = [Step::Claim(host.clone(), host.clone()), Step::Announce, Step::Start(host)];
            end.into_iter().chain(back).collect()
        }
        Act::Drill => vec![Step::Start(spare)],
    }
}

/// What the step does to the machines; why it did not. The guard of the machine and the question to the wire are part of
/// the step, as they are of the real command.
pub(crate) fn act(machines: &mut Machines, step: &Step, generation: u64) -> Result<(), String> {
    match step {
        Step::Announce => Ok(()),
        Step::Fence(host, spare) => fence(machines, host, spare, generation),
        Step::Claim(on, host) => {
            enter(machines, on, generation)?;
            if let Some(other) = machines.owners(host).into_iter().find(|owner| owner != on) {
                return Err(format!("{other} answers for the address of {host}"));
            }
            let machine = machines.get(on);
            if !machine.holds.contains(host) {
                machine.holds.push(host.clone());
            }
            Ok(())
        }
        Step::Start(on) => {
            enter(machines, on, generation)?;
            machines.get(on).serves = true;
            Ok(())
        }
        // A spare that is off or unplugged serves nobody and holds nothing on the wire.
        Step::Stop(on) | Step::Drop(on, _) if !machines.get(on).on_the_wire() => Ok(()),
        Step::Stop(on) => enter(machines, on, generation),
        Step::Drop(on, host) => {
            enter(machines, on, generation)?;
            machines.get(on).holds.retain(|held| held != host);
            Ok(())
        }
    }
}

/// Over ssh, past the guard.
fn enter(machines: &mut Machines, on: &str, generation: u64) -> Result<(), String> {
    let machine = machines.get(on);
    if !machine.answers_to_us() {
        return Err(format!("{on} is not reached over ssh"));
    }
    if generation < machine.guard {
        return Err(format!("{on} has seen generation {}, and refuses {generation}", machine.guard));
    }
    machine.guard = generation;
    Ok(())
}

/// The host releases its address, or nobody but the spare answers for it: anything else is no fence.
fn fence(machines: &mut Machines, host: &str, spare: &str, generation: u64) -> Result<(), String> {
    if machines.get(host).answers_to_us() {
        enter(machines, host, generation)?;
        machines.get(host).holds.retain(|held| held != host);
        machines.get(host).serves = false;
        return Ok(());
    }
    match machines.owners(host).into_iter().find(|owner| *owner != spare) {
        Some(owner) => Err(format!("{owner} answers for the address of {host} and does not let us in")),
        None => Ok(()),
    }
}
