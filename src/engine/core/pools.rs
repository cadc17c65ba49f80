//! Commands on pools: each run is a job that waits for no other.

use std::sync::Arc;

use tokio::sync::watch;

use super::Core;
use super::commands::{Answer, Done, usage};
use crate::clock::Timestamp;
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::fleet::pool::Pool;
use crate::fleet::{instead, nearest};
use crate::runbook::cast::Purpose;
use crate::runbook::view::{RunId, RunReport, RunState, RunView};
use crate::standin::arbiter::{Act, Decision, Wish};
use crate::standin::worker::{News, Order, Progress, Undone, Word};
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::work::progress::Event;
use crate::work::view::{Priority, Unit};

/// Key of the last run's number in `state.db`.
pub(super) const LAST_RUN: &str = "last_run";

/// What a person wants of a pool by a run.
pub(super) struct Wanted {
    pub act: Act,
    pub host: Option<String>,
    pub spare: Option<String>,
    pub dry_run: bool,
    pub phrase: String,
}

impl Core {
    pub(super) fn pool_change(&mut self, who: &Who, pool: &str, wanted: Wanted) -> Result<Done, Refusal> {
        self.known_pool(pool)?;
        let named = wanted.host.is_some();
        let host = match wanted.host {
            Some(host) => host,
            None => self.parts.pools.meant(pool, wanted.act).map_err(|what| usage(what, None))?,
        };
        let asks = matches!(wanted.act, Act::Takeover | Act::Giveback | Act::Release) && !wanted.dry_run;
        if asks && wanted.phrase != host && wanted.phrase != pool {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was done: {host} was not typed"),
                hint: Some(format!("type {host}, letter by letter")),
            });
        }
        // Who names a host and types its name knows that it may be alive.
        let wish = Wish { act: wanted.act, host, spare: wanted.spare, insists: named };
        match self.parts.pools.choose(pool, &wish) {
            Ok(decision) if wanted.dry_run => Ok(self.rehearsal(who, pool, decision, Vec::new())),
            Ok(decision) => {
                let run = self.next_run();
                let title = title(pool, &decision);
                let order = Order::Begin { decision, automatic: false, run };
                Ok(self.pool_job(who, pool, wanted.act.word(), title, order))
            }
            Err(refusals) => {
                // A slip of the keyboard is told as one, and nothing is looked for at a host that is not there.
                self.known_members(pool, &wish)?;
                let reasons: Vec<String> =
                    refusals.iter().map(|refusal| format!("{}; needs: {}", refusal.why, refusal.needs)).collect();
                if wanted.dry_run
                    && let Some(spare) = wish.spare.clone().or_else(|| self.first_spare(pool))
                {
                    let decision = Decision {
                        act: wish.act,
                        host: wish.host,
                        spare,
                        for_host: None,
                        fault: None,
                        planned: false,
                        evidence: "a rehearsal".into(),
                    };
                    return Ok(self.rehearsal(who, pool, decision, reasons));
                }
                Err(Refusal {
                    kind: RefusalKind::Safety,
                    what: reasons.join("\n"),
                    hint: Some(format!("`hotspare pool show {pool}` tells all that is known")),
                })
            }
        }
    }

    pub(super) fn pool_mend(&mut self, who: &Who, pool: &str, order: Order) -> Result<Done, Refusal> {
        self.known_pool(pool)?;
        let kind = if order == Order::Resume { "resume" } else { "abandon" };
        Ok(self.pool_job(who, pool, kind, pool.to_owned(), order))
    }

    /// The arbiter decided; the job asks it again before anything is done.
    pub(super) fn pool_news(&mut self, news: News) {
        match news {
            News::Decided { pool, decision } => {
                let run = self.next_run();
                let engine = Who::engine();
                let (kind, title) = (decision.act.word(), title(&pool, &decision));
                self.pool_job(&engine, &pool, kind, title, Order::Begin { decision, automatic: true, run });
            }
            News::Told { event, subject, what, why } => self.notice(event, &subject, what, why),
        }
    }

    /// What a person says of a pool takes no run; [`Core::worded`] goes on when it is durable.
    pub(super) fn pool_say(&self, who: &Who, pool: String, word: Word, about: serde_json::Value, answer: Answer) {
        if let Err(refusal) = self.known_pool(&pool) {
            return self.answer(who, about, Err(refusal), answer);
        }
        let (pools, who, to) = (self.parts.pools.clone(), who.clone(), self.say.clone());
        tokio::spawn(async move {
            let said = pools.say(&pool, &word, &who.name).await;
            let _engine_ends = to.send(Worded { who, said, about, answer });
        });
    }

    pub(super) fn worded(&self, worded: Worded) {
        let done = match worded.said {
            Ok(said) => Ok(Done::new(said, worded.about.clone())),
            Err(Undone::Refused(what)) => Err(Refusal { kind: RefusalKind::Safety, what, hint: None }),
            Err(undone @ Undone::Unkept(_)) => {
                let hint = Some("nothing was changed; see whether the lease is held: `hotspare engine status`".into());
                Err(Refusal { kind: RefusalKind::Failed, what: undone.to_string(), hint })
            }
        };
        self.answer(&worded.who, worded.about, done, worded.answer);
    }

    fn rehearsal(&mut self, who: &Who, pool: &str, decision: Decision, refused: Vec<String>) -> Done {
        let request = Request {
            kind: "rehearse",
            title: title(pool, &decision),
            unit: Unit::Items,
            priority: Priority::Now,
            who: who.name.clone(),
        };
        let (pools, name, person) = (self.parts.pools.clone(), pool.to_owned(), who.name.clone());
        let id = self.jobs.submit(request, |_job| async move {
            let mut report = pools.rehearse(&name, &decision, &person).await.map_err(JobError::Failed)?;
            report.refused.splice(0..0, refused);
            let note = match report.refused.len() {
                0 => format!("{} steps would be done", report.run.steps.len()),
                count => format!("{count} reasons speak against it"),
            };
            Ok(Outcome { ok: true, note, report: Report::Ran { ran: Box::new(report) } })
        });
        self.submitted(id, "looking what would be done")
    }

    fn pool_job(&mut self, who: &Who, pool: &str, kind: &'static str, title: String, order: Order) -> Done {
        let said = format!("{kind} of {title} begins");
        let wanted = if order == Order::Abandon { RunState::Undone } else { RunState::Done };
        let request = Request { kind, title, unit: Unit::Items, priority: Priority::Now, who: who.name.clone() };
        let (pools, name, person) = (self.parts.pools.clone(), pool.to_owned(), who.name.clone());
        let id = self.jobs.submit(request, |job| async move {
            let (view, seen) = watch::channel(Arc::new(nothing()));
            let progress = Progress { view, stop: job.token().clone() };
            let telling = tell(&job, seen);
            let working = pools.carry_out(&name, order, &person, progress);
            let (done, ()) = tokio::join!(working, telling);
            match done {
                Ok(report) => Ok(Outcome { ok: report.run.state == wanted, ..outcome(report.clone()) }),
                Err(Undone::Refused(why)) => {
                    let report = RunReport { run: nothing(), dry_run: false, refused: vec![why.clone()] };
                    Ok(Outcome { ok: false, note: why, report: Report::Ran { ran: Box::new(report) } })
                }
                Err(undone @ Undone::Unkept(_)) => Err(JobError::Failed(undone.to_string())),
            }
        });
        self.submitted(id, &said)
    }

    pub(super) fn next_run(&mut self) -> RunId {
        self.last_run += 1;
        self.keep(LAST_RUN, self.last_run.to_string());
        RunId(self.last_run)
    }

    fn first_spare(&self, pool: &str) -> Option<String> {
        let pool = self.parts.fleet.pools.iter().find(|known| known.name == pool)?;
        pool.spares.first().cloned()
    }

    pub(super) fn known_pool(&self, pool: &str) -> Result<(), Refusal> {
        let known = self.parts.fleet.pools.iter().any(|known| known.name == pool);
        if known { Ok(()) } else { Err(self.no_pool(pool)) }
    }

    /// Whether those who are named belong to the pool.
    fn known_members(&self, pool: &str, wish: &Wish) -> Result<(), Refusal> {
        let Some(pool) = self.parts.fleet.pools.iter().find(|known| known.name == pool) else { return Ok(()) };
        let named = [
            (Some(&wish.host), &pool.protects, "protects no host"),
            (wish.spare.as_ref(), &pool.spares, "has no spare"),
        ];
        for (name, members, lacks) in named {
            let Some(name) = name.filter(|name| !members.contains(name)) else { continue };
            let known: Vec<&str> = members.iter().map(String::as_str).collect();
            let hint = instead(name, &known, "the pool has none");
            return Err(usage(format!("pool {} {lacks} {name}", pool.name), Some(hint)));
        }
        Ok(())
    }

    /// Who is in trouble thinks of the host, and names it where the pool is to be named.
    pub(super) fn no_pool(&self, pool: &str) -> Refusal {
        let pools = &self.parts.fleet.pools;
        let of = |pool: &&Pool, host: &str| pool.protects.iter().chain(&pool.spares).any(|known| known == host);
        let hint = if let Some(home) = pools.iter().find(|known| of(known, pool)) {
            format!("{pool} is a host of the pool {}: name the pool", home.name)
        } else if let Some(name) = nearest(pool, pools.iter().map(|known| known.name.as_str())) {
            format!("did you mean {name}?")
        } else if pools.is_empty() {
            "write [pools.NAME] into the fleet file".into()
        } else {
            "`hotspare pool list` lists them".into()
        };
        usage(format!("there is no pool {pool} in {}", self.parts.fleet.name), Some(hint))
    }
}

/// What became of what a person said.
pub(super) struct Worded {
    who: Who,
    said: Result<String, Undone>,
    about: serde_json::Value,
    answer: Answer,
}

fn title(pool: &str, decision: &Decision) -> String {
    format!("{} by {} ({pool})", decision.host, decision.spare)
}

/// A run that has not begun.
fn nothing() -> RunView {
    RunView {
        id: RunId(0),
        runbook: String::new(),
        purpose: Purpose::Alone,
        pool: None,
        failed: None,
        spare: None,
        who: String::new(),
        why: String::new(),
        generation: 0,
        state: RunState::Running,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        steps: Vec::new(),
        timeline: Vec::new(),
        question: None,
        next: None,
        owed: Vec::new(),
    }
}

pub(super) fn outcome(report: RunReport) -> Outcome<Report> {
    let run = &report.run;
    let note = format!("{} {}", run.purpose.word(), run.state.word());
    Outcome { ok: run.state == RunState::Done, note, report: Report::Ran { ran: Box::new(report) } }
}

/// Tells the job how far its run is.
pub(super) async fn tell(job: &Handle<Report>, mut seen: watch::Receiver<Arc<RunView>>) {
    while seen.changed().await.is_ok() {
        let view = Arc::clone(&seen.borrow_and_update());
        let over = |step: &&crate::runbook::view::StepView| {
            !matches!(step.state.word(), "waiting" | "checking" | "acting" | "verifying")
        };
        let (done, all) = (view.steps.iter().filter(over).count(), view.steps.len());
        job.event(Event::Total(all as u64));
        job.event(Event::Reached(done as u64));
        if let Some(question) = &view.question {
            let how = view.answered_by();
            job.note(format!("step {} of {all} asks: {}; `{how} yes` or `no`", done + 1, question.text));
        } else if let Some(step) = view.steps.get(done) {
            job.note(format!("step {} of {all}: {} {}", done + 1, step.name, step.state.word()));
        }
    }
}
