//! Runs that no pool asks for: `hotspare run` and `hotspare scale`. And answers to what steps of any run want to know.

mod means;
mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Core;
use super::commands::{Done, usage};
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::engine::pools::vitals;
use crate::engine::runs::{before_anew, can_mend, key};
use crate::fleet::data::Service;
use crate::fleet::pool::Fence;
use crate::fleet::runbook::{OnError, Place, Runbook, ScalePace, Step, StepKind};
use crate::fleet::{Fleet, instead};
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::dry::rehearse;
use crate::runbook::each::spread;
use crate::runbook::plan::plan;
use crate::runbook::record::{Orders, RunRecord};
use crate::runbook::run::{Way, Wish};
use crate::runbook::tools::Tools;
use crate::runbook::view::{RunId, RunState};
use crate::standin::worker::{Ledge, Standing};
use crate::work::jobs::{JobError, Outcome, Request};
use crate::work::view::{Priority, Unit};
use means::{Means, refused};

/// Key of the names of runbooks whose last run is kept, in `state.db`.
pub(super) const NAMES: &str = "runs";
/// Between two changes, and for one replica to come up, where nobody says.
const INTERVAL: Duration = Duration::from_secs(30);
const WITHIN: Duration = Duration::from_secs(120);
/// How long all of it may take: each change ends in time by itself.
const SCALING: Duration = Duration::from_secs(24 * 3600);

impl Core {
    pub(super) fn run_alone(
        &mut self,
        who: &Who,
        name: &str,
        set: BTreeMap<String, String>,
        dry_run: bool,
    ) -> Result<Done, Refusal> {
        let fleet = Arc::clone(&self.parts.fleet);
        let Some(runbook) = fleet.runbooks.iter().find(|known| known.name == name) else {
            let names: Vec<&str> = fleet.runbooks.iter().map(|known| known.name.as_str()).collect();
            let hint = instead(name, &names, "write [runbooks.NAME] into the fleet file");
            return Err(usage(format!("there is no runbook {name} in {}", fleet.name), Some(hint)));
        };
        let runbook = spread(runbook, &fleet).map_err(|why| usage(why, None))?;
        self.begin(who, &runbook, set, dry_run)
    }

    pub(super) fn scale(
        &mut self,
        who: &Who,
        name: &str,
        to: u32,
        interval: Option<Duration>,
        dry_run: bool,
    ) -> Result<Done, Refusal> {
        let fleet = Arc::clone(&self.parts.fleet);
        let Some(service) = fleet.services.iter().find(|known| known.name == name) else {
            let names: Vec<&str> = fleet.services.iter().map(|known| known.name.as_str()).collect();
            let hint = instead(name, &names, "write [services.NAME] into the fleet file");
            return Err(usage(format!("there is no service {name} in {}", fleet.name), Some(hint)));
        };
        if let Some(quorum) = service.quorum.filter(|quorum| to < *quorum) {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("{name} needs {quorum} replicas to serve, and {to} were asked for"),
                hint: Some(format!("scale to {quorum} or more; `quorum` stands in [services.{name}]")),
            });
        }
        let runbook = Runbook::plain(format!("scale:{name}"), vec![scaling(service, to, interval)]);
        self.begin(who, &runbook, BTreeMap::new(), dry_run)
    }

    fn begin(
        &mut self,
        who: &Who,
        runbook: &Runbook,
        set: BTreeMap<String, String>,
        dry_run: bool,
    ) -> Result<Done, Refusal> {
        let name = &runbook.name;
        let last = self.runs.of(name).filter(|_| !dry_run);
        let last_ended = last.as_ref().is_none_or(|last| last.state.ended());
        if let Some(why) = last.and_then(|last| before_anew(&last)) {
            return Err(if last_ended { waits(name, why) } else { no(why) });
        }
        if !dry_run && let Err(not) = self.parts.lease.may_act() {
            let hint = "run it where the lease is held: `hotspare engine status` says where";
            return Err(Refusal { kind: RefusalKind::Safety, what: not.to_string(), hint: Some(hint.into()) });
        }
        let fleet = Arc::clone(&self.parts.fleet);
        let run = if dry_run { RunId(0) } else { self.next_run() };
        let part = |part: &str| set.get(&format!("{part}.name")).and_then(|name| fleet.host(name)).map(Machine::from);
        let token = format!("{name}-{run}-{}", self.now().as_millisecond());
        let cast = Cast { failed: part("failed"), spare: part("spare"), set, ..Cast::of(&fleet, token) };
        let plan = plan(runbook, Purpose::Alone, &cast).map_err(|error| {
            let hint = "give what is missing with --set NAME=VALUE, such as --set failed.name=studio-1";
            usage(error.to_string(), Some(hint.into()))
        })?;
        let record = RunRecord::new(run, plan, orders(who), &self.parts.clock);
        let hands = self.hands();
        if dry_run {
            let id = self.jobs.submit(request("rehearse", name, who), |_job| async move {
                let report = rehearse(record, &hands).await;
                let note = format!("{} steps would be done", report.run.steps.len());
                Ok::<_, JobError>(Outcome { ok: true, note, report: Report::Ran { ran: Box::new(report) } })
            });
            return Ok(self.submitted(id, &format!("rehearsal of {name}")));
        }
        if self.run_names.insert(name.clone()) {
            self.keep(NAMES, serde_json::to_string(&self.run_names).unwrap_or_default());
        }
        let (means, clock, runbook) = (self.means(name, hands), self.parts.clock.clone(), name.clone());
        let id = self.jobs.submit(request("run", name, who), |job| async move {
            // What another engine has left is asked where it lies, not where it was last seen.
            let last = means.runs.read(&runbook).await.map_err(JobError::Failed)?;
            if let Some(why) = last.and_then(|last| before_anew(&last.interrupted().view)) {
                return Ok(refused(record.view, why));
            }
            Ok::<_, JobError>(means.go(&job, record, Way::Begin, RunState::Done, &clock).await)
        });
        Ok(self.submitted(id, &format!("run of {name}")))
    }

    /// Goes on with the last run of a runbook, or undoes it.
    pub(super) fn run_mend(&mut self, who: &Who, name: &str, abandon: bool) -> Result<Done, Refusal> {
        let last = self.runs.of(name);
        if last.is_none() && !self.run_names.contains(name) {
            let views = self.runs.views();
            let names: Vec<&str> = views.iter().map(|view| view.runbook.as_str()).collect();
            let hint = instead(name, &names, "no runbook was run yet");
            return Err(usage(format!("no run of {name} is known"), Some(hint)));
        }
        last.as_ref().map_or(Ok(()), |last| can_mend(last)).map_err(no)?;
        let (kind, said, way, wanted) = if abandon {
            ("abandon", "is abandoned", Way::Abandon, RunState::Undone)
        } else {
            ("resume", "goes on", Way::Resume, RunState::Done)
        };
        let fleet = Arc::clone(&self.parts.fleet);
        let book = fleet.runbooks.iter().find(|known| known.name == name).and_then(|book| spread(book, &fleet).ok());
        let (means, clock) = (self.means(name, self.hands()), self.parts.clock.clone());
        let (person, runbook) = (who.name.clone(), name.to_owned());
        let id = self.jobs.submit(request(kind, name, who), |job| async move {
            let gone = || JobError::Failed(format!("no run of {runbook} is kept"));
            let mut record = means.runs.read(&runbook).await.map_err(JobError::Failed)?.ok_or_else(gone)?.interrupted();
            if let Err(why) = can_mend(&record.view) {
                return Ok(refused(record.view, why));
            }
            if let Some(book) = &book {
                // A password that stands in the fleet file is not kept with a run.
                record.plan.recall(book);
            }
            // Each line of the journal names who does it now; the run itself, who asked for it.
            record.orders.who = person;
            Ok::<_, JobError>(means.go(&job, record, way, wanted, &clock).await)
        });
        let begun = last.map(|last| format!(" {}, begun by {}", last.id, last.who)).unwrap_or_default();
        Ok(self.submitted(id, &format!("the run{begun} of {name} {said}")))
    }

    /// An answer to what a step wants to know.
    pub(super) fn run_answer(&self, who: &Who, run: RunId, yes: bool, read: Option<&str>) -> Result<Done, Refusal> {
        let (step, hand) = self.asking(run)?;
        // A yes to one question is none to the next, which may ask whether a disk may be wiped.
        if let Some(read) = read.filter(|read| **read != *step) {
            return Err(asks_another(run, read, &step));
        }
        let wish = Wish::Answer { step: step.clone(), yes, who: who.name.clone() };
        hand.try_send(wish).map_err(|_gone| asks_nothing(run))?;
        let said = format!("{step} of run {run} is answered: {}", if yes { "yes" } else { "no" });
        Ok(Done::new(said, serde_json::json!({ "run": run, "step": step, "yes": yes })))
    }

    /// What is shown with a question is looked at again.
    pub(super) fn run_look_again(&self, run: RunId) -> Result<Done, Refusal> {
        let (step, hand) = self.asking(run)?;
        hand.try_send(Wish::LookAgain).map_err(|_gone| asks_nothing(run))?;
        let said = format!("what {step} of run {run} shows is looked at again");
        Ok(Done::new(said, serde_json::json!({ "run": run, "step": step, "look": "again" })))
    }

    fn asking(&self, run: RunId) -> Result<(String, mpsc::Sender<Wish>), Refusal> {
        self.parts.pools.question(run).or_else(|| self.runs.question(run)).ok_or_else(|| asks_nothing(run))
    }

    fn hands(&self) -> Tools {
        let vitals = vitals(&self.parts.fleet, self.parts.hosts.prober());
        Tools { vitals, ..self.parts.pools.tools().clone() }
    }

    fn means(&self, runbook: &str, hands: Tools) -> Means {
        let (lease, journal) = (self.parts.lease.clone(), self.parts.journal.clone());
        let ledge = Ledge::at(key(runbook), lease.clone(), journal, self.parts.clock.clone());
        Means { runs: self.runs.clone(), ledge, right: Standing(lease), hands }
    }
}

/// Runbooks that are no pool's: those that a person begins.
pub(super) fn of_people(fleet: &Fleet) -> Vec<String> {
    let pools = fleet.pools.iter();
    let theirs: Vec<&String> =
        pools.flat_map(|pool| [Some(&pool.takeover), pool.giveback.as_ref(), pool.drill.as_ref()]).flatten().collect();
    let names = fleet.runbooks.iter().map(|runbook| &runbook.name);
    names.filter(|name| !theirs.contains(name)).cloned().collect()
}

fn orders(who: &Who) -> Orders {
    Orders {
        who: who.name.clone(),
        why: "asked for by hand".into(),
        generation: 0,
        fence: Fence::None,
        oath: None,
        before: Vec::new(),
        since: None,
    }
}

fn request(kind: &'static str, title: &str, who: &Who) -> Request {
    Request { kind, title: title.to_owned(), unit: Unit::Items, priority: Priority::Now, who: who.name.clone() }
}

/// The one step that scales a service.
fn scaling(service: &Service, to: u32, interval: Option<Duration>) -> Step {
    let pace = ScalePace {
        interval: interval.unwrap_or(INTERVAL),
        shrink: service.shrink_interval,
        quorum: service.quorum,
        within: WITHIN,
    };
    Step {
        name: "scale".into(),
        kind: StepKind::Scale { service: service.docker_name().to_owned(), to, pace },
        on: Some(Place::Host(service.host.clone())),
        fence: false,
        timeout: SCALING,
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        undo: None,
        cleanup: false,
        each: None,
    }
}

/// What to do is in the words.
const fn no(what: String) -> Refusal {
    Refusal { kind: RefusalKind::Safety, what, hint: None }
}

fn waits(runbook: &str, what: String) -> Refusal {
    let hint =
        format!("`hotspare run {runbook} --resume` goes on with it, `--abandon` undoes it; `hotspare run` shows it");
    Refusal { kind: RefusalKind::Safety, what, hint: Some(hint) }
}

fn asks_another(run: RunId, read: &str, step: &str) -> Refusal {
    Refusal {
        kind: RefusalKind::Safety,
        what: format!("{read} of run {run} does not ask any more: {step} asks now"),
        hint: Some(format!("read what {step} asks, then answer that")),
    }
}

fn asks_nothing(run: RunId) -> Refusal {
    Refusal {
        kind: RefusalKind::Usage,
        what: format!("no step of run {run} asks for anything"),
        hint: Some("`hotspare run` lists the runs and what they ask".into()),
    }
}
