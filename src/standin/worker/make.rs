//! What a decision becomes: the plan of a runbook, or the way back of the takeover that is to be ended.

use std::sync::Arc;

use super::super::arbiter::{Act, Decision};
use super::super::desk::Desk;
use super::super::steady;
use super::{News, Pools};
use crate::fleet::Fleet;
use crate::fleet::settings::Event;
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::dry::rehearse;
use crate::runbook::plan::{Plan, plan};
use crate::runbook::record::{Glance, Oath, Orders, RunRecord};
use crate::runbook::view::{Phase, RunId, RunReport, RunState, RunView, StepState};

/// What a decision becomes.
pub(super) enum Made {
    /// Steps that are done.
    Plan(Box<Plan>),
    /// A takeover whose steps are undone, last first.
    Undo(Box<RunRecord>),
}

/// The record of a takeover, made into a run of its own that undoes it.
pub(super) fn undo_of(mut served: RunRecord, decision: &Decision, who: &str, run: RunId, generation: u64) -> RunRecord {
    served.orders.generation = generation;
    who.clone_into(&mut served.orders.who);
    served.orders.why.clone_from(&decision.evidence);
    served.orders.before.clear();
    let view = &mut served.view;
    (view.id, view.generation, view.purpose) = (run, generation, Purpose::Giveback);
    (view.state, view.ended, view.next) = (RunState::Interrupted, None, None);
    view.who.clone_from(&served.orders.who);
    view.why.clone_from(&served.orders.why);
    view.timeline.clear();
    served
}

impl Pools {
    /// What a decision would do, step by step, after looking on the real hosts. Changes nothing.
    pub async fn rehearse(&self, pool: &str, decision: &Decision, who: &str) -> Result<RunReport, String> {
        let desk = self.desk(pool).ok_or_else(|| format!("there is no pool {pool}"))?;
        let fleet = self.fleet();
        let generation = desk.kept().book.generation + 1;
        match self.make(&desk, &fleet, decision, RunId(0)).await? {
            Made::Plan(plan) => {
                let orders = self.orders(&desk, decision, who, generation);
                let record = RunRecord::new(RunId(0), *plan, orders, &self.0.parts.clock);
                Ok(rehearse(record, &self.0.parts.tools).await)
            }
            Made::Undo(served) => {
                let mut run = undo_of(*served, decision, who, RunId(0), generation).view;
                run.steps.reverse();
                run.steps.retain(|step| matches!(step.state, StepState::Done | StepState::Skipped));
                for step in &mut run.steps {
                    let (undo, name) = (step.undo.take(), step.name.clone());
                    step.does = undo.unwrap_or_else(|| format!("nothing: {name} cannot be undone"));
                    (step.state, step.note, step.seconds) = (StepState::Waiting, None, None);
                }
                Ok(RunReport { run, dry_run: true, refused: Vec::new() })
            }
        }
    }

    /// What a decision becomes.
    pub(super) async fn make(
        &self,
        desk: &Arc<Desk>,
        fleet: &Fleet,
        decision: &Decision,
        run: RunId,
    ) -> Result<Made, String> {
        let pool = desk.pool();
        let wanted = match decision.act {
            Act::Takeover => Some(&pool.takeover),
            Act::Giveback => pool.giveback.as_ref(),
            // Stopping without starting elsewhere is what undoes the takeover.
            Act::Release => None,
            Act::Drill => {
                let drill = pool.drill.as_ref();
                Some(drill.ok_or_else(|| format!("{} has no drill: write `drill = \"…\"` into it", pool.name))?)
            }
        };
        let Some(wanted) = wanted else {
            if let Some(served) = self.read_served(desk, &decision.spare).await? {
                return Ok(Made::Undo(Box::new(served)));
            }
            let giveback = pool.giveback.as_ref().ok_or_else(|| {
                format!(
                    "nothing was kept of the takeover by {}, and {} has no giveback: write one",
                    decision.spare, pool.name
                )
            })?;
            return self.planned(fleet, desk, decision, giveback, run).map(Box::new).map(Made::Plan);
        };
        self.planned(fleet, desk, decision, wanted, run).map(Box::new).map(Made::Plan)
    }

    fn planned(
        &self,
        fleet: &Fleet,
        desk: &Desk,
        decision: &Decision,
        runbook: &str,
        run: RunId,
    ) -> Result<Plan, String> {
        let machine = |name: &str| {
            fleet.host(name).map(Machine::from).ok_or_else(|| format!("{name} is no longer in the fleet file"))
        };
        let token = format!("{}-{run}-{}", desk.pool().name, self.now().as_millisecond());
        let cast = Cast {
            pool: Some(desk.pool().name.clone()),
            failed: Some(machine(&decision.host)?),
            spare: Some(machine(&decision.spare)?),
            ..Cast::of(fleet, token)
        };
        let runbook = fleet
            .runbooks
            .iter()
            .find(|known| known.name == *runbook)
            .ok_or_else(|| format!("there is no runbook {runbook}"))?;
        plan(runbook, decision.act.purpose(), &cast).map_err(|error| error.to_string())
    }

    pub(super) fn orders(&self, desk: &Desk, decision: &Decision, who: &str, generation: u64) -> Orders {
        let (tick, now) = (self.0.parts.clock.tick(), self.now());
        let oath = desk.kept().book.outages.get(&decision.host).and_then(|outage| outage.oath.clone());
        Orders {
            who: who.to_owned(),
            why: decision.evidence.clone(),
            generation,
            fence: desk.pool().fence,
            oath: oath.map(|oath| Oath { by: oath.by, at: oath.at }),
            before: decision.fault.map(|fault| before(desk, &decision.host, fault, now)).unwrap_or_default(),
            since: Some(tick),
        }
    }

    /// The last look at the wire from this spare for this host, where one was taken.
    pub(super) fn glance(desk: &Desk, decision: &Decision) -> Option<Glance> {
        desk.kept().glances.get(&(decision.host.clone(), decision.spare.clone())).cloned()
    }

    /// Writes that a run begins; the run itself is durable in the book already. Nobody has to wait for it here: the journal
    /// keeps its order, so that it is on the disk before the intent of the first step is.
    pub(super) fn record(&self, desk: &Desk, who: &str, what: String, why: String) {
        let about = serde_json::json!({ "pool": desk.pool().name });
        tracing::info!(pool = desk.pool().name, why, "{what}");
        let draft =
            Draft { time: self.0.parts.clock.now(), who: who.to_owned(), what, why, about, weight: Weight::Warning };
        if let Err(error) = self.0.parts.journal.append(draft) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }

    /// Writes and tells how a run ended.
    pub(super) fn told(&self, desk: &Desk, run: &RunView, why: String) {
        let (host, spare) = (run.failed.clone().unwrap_or_default(), run.spare.clone().unwrap_or_default());
        let seconds = run.to_service();
        let phases: Vec<String> =
            run.timeline.iter().map(|phase| format!("{} {:.2}", phase.name, phase.seconds)).collect();
        let took =
            if phases.is_empty() { String::new() } else { format!(" in {seconds:.2} s ({})", phases.join(", ")) };
        let what = format!("{} of {host} by {spare}: {}{took}", run.purpose.word(), run.state.word());
        let weight = if run.state == RunState::Done { Weight::Good } else { Weight::Alarm };
        self.write(desk, what.clone(), why.clone(), weight);
        let event = match run.purpose {
            Purpose::Takeover => Event::Takeover,
            Purpose::Giveback => Event::Giveback,
            Purpose::Drill => Event::Drill,
            Purpose::Alone => return,
        };
        self.tell(News::Told { event, subject: host, what, why });
    }
}

/// What passed before a run began: from the fault until it was believed, and until it was confirmed and decided.
fn before(desk: &Desk, host: &str, fault: crate::clock::Timestamp, now: crate::clock::Timestamp) -> Vec<Phase> {
    let down = desk.view().hosts.iter().find(|one| one.name == host).map_or(now, |one| one.since);
    let (down, all) = (steady::since(down, fault), steady::since(now, fault));
    let down = down.min(all);
    vec![
        Phase { name: "detect".into(), at: 0.0, seconds: down.as_secs_f64() },
        Phase { name: "confirm".into(), at: down.as_secs_f64(), seconds: all.saturating_sub(down).as_secs_f64() },
    ]
}
