//! Carrying out: a decision becomes durable, then a run, then what came of it is durable too.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::arbiter::{Act, Decision, decide};
use super::super::book::{Book, Underway};
use super::super::desk::{Desk, not_begun};
use super::Pools;
use super::keep::Undone;
use super::ledger::{Ledge, Standing};
use super::make::{Made, undo_of};
use crate::fleet::Fleet;
use crate::journal::entry::Weight;
use crate::runbook::cast::Purpose;
use crate::runbook::record::RunRecord;
use crate::runbook::run::{Hand, Way, Wish, execute};
use crate::runbook::tools::Tools;
use crate::runbook::view::{RunId, RunReport, RunState, RunView, StepState};

/// Wishes that wait for a run.
const WISHES: usize = 8;

/// What is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A decision.
    Begin {
        /// What.
        decision: Decision,
        /// Whether the arbiter decided it by itself: it is asked again before anything is done.
        automatic: bool,
        /// Number of the run.
        run: RunId,
    },
    /// The interrupted run goes on.
    Resume,
    /// What the interrupted run has done is undone.
    Abandon,
}

/// How whoever waits is told how far a run is, and how a run is told to stop.
#[derive(Debug)]
pub struct Progress {
    /// The run as it moves.
    pub view: watch::Sender<Arc<RunView>>,
    /// Cancelled: no further step.
    pub stop: CancellationToken,
}

impl Pools {
    /// Carries out an order to its end. Runs of one pool never overlap: the book sees to that.
    pub async fn carry_out(
        &self,
        pool: &str,
        order: Order,
        who: &str,
        progress: Progress,
    ) -> Result<RunReport, Undone> {
        let desk = self.desk(pool).ok_or_else(|| Undone::Refused(format!("there is no pool {pool}")))?;
        desk.kept().busy += 1;
        let done = Box::pin(self.work(&desk, order, who, progress)).await;
        self.put_away(&desk, &done);
        // The fleet file may have been read again meanwhile.
        let desk = match self.desk(pool) {
            Some(fresh) if !Arc::ptr_eq(&fresh, &desk) => {
                self.put_away(&fresh, &done);
                fresh
            }
            _ => desk,
        };
        self.look_now(&desk);
        desk.ask_owners.notify_one();
        if let Err(undone) = &done {
            self.write(&desk, format!("nothing was done in {pool}"), undone.to_string(), Weight::Refusal);
        }
        self.bump();
        done
    }

    /// Nobody does it any more, however it ended.
    fn put_away(&self, desk: &Desk, done: &Result<RunReport, Undone>) {
        let held = self.0.parts.lease.may_act().is_ok();
        let mut kept = desk.kept();
        kept.hand = None;
        kept.handed = false;
        kept.busy = kept.busy.saturating_sub(1);
        if let Err(undone @ Undone::Unkept(_)) = done {
            kept.unkept = Some((format!("what is due is not begun: {undone}"), self.now()));
        }
        // Its end could not be written down: a person says how it goes on.
        if held && kept.busy == 0 && kept.book.run.is_some() {
            kept.book.restore(self.now());
        }
    }

    async fn work(&self, desk: &Arc<Desk>, order: Order, who: &str, progress: Progress) -> Result<RunReport, Undone> {
        let fleet = self.fleet();
        let (record, way) = match order {
            Order::Begin { decision, automatic, run } => {
                if automatic && !self.still(desk, &decision) {
                    let why = "what was decided no longer holds: it was judged again before it began";
                    return Err(Undone::Refused(why.into()));
                }
                let made = self.make(desk, &fleet, &decision, run).await.map_err(Undone::Refused)?;
                let now = self.now();
                let begin = |book: &mut Book| {
                    book.begin(&decision, who, automatic, run, now).map_err(|error| error.to_string())
                };
                let generation = self.change(desk, begin).await?.generation;
                let what =
                    format!("{} of {} by {} begins (run {run})", decision.act.word(), decision.host, decision.spare);
                self.record(desk, who, what, decision.evidence.clone());
                self.let_go(desk).await;
                match made {
                    Made::Plan(plan) => {
                        let orders = self.orders(desk, &decision, who, generation);
                        let mut record = RunRecord::new(run, *plan, orders, &self.0.parts.clock);
                        record.glance = Self::glance(desk, &decision);
                        (record, Way::Begin)
                    }
                    Made::Undo(served) => (undo_of(*served, &decision, who, run, generation), Way::Abandon),
                }
            }
            Order::Resume => (self.take_on(desk, &fleet).await?, Way::Resume),
            Order::Abandon => {
                if let Some(underway) = self.nothing_of_it(desk).await? {
                    return self.drop_it(desk, underway, who).await;
                }
                let record = self.take_on(desk, &fleet).await?;
                // Its undo may have nothing to do on the spare, which would not hear of it.
                let spares: Vec<String> = record.view.spare.iter().cloned().collect();
                self.show_generation(desk, &spares, record.orders.generation).await;
                (record, Way::Abandon)
            }
        };
        let undoing = way == Way::Abandon;
        let gives_back = record.plan.purpose == Purpose::Takeover && record.view.purpose == Purpose::Giveback;
        let mut ended = self.run(desk, record, way, progress).await;
        if gives_back && ended.view.state == RunState::Undone {
            // Undoing the takeover was what was wanted.
            ended.view.state = RunState::Done;
        }
        let why = ended.view.steps.iter().rev().find_map(|step| {
            let bad = matches!(step.state, StepState::Failed | StepState::Refused | StepState::Unknown);
            bad.then(|| format!("{}: {}", step.name, step.note.clone().unwrap_or_default()))
        });
        let why = why.or_else(|| ended.view.next.clone());
        if ended.view.state == RunState::Done && ended.plan.purpose == Purpose::Takeover && !undoing {
            // Before the book says that the spare serves, so that whoever reads that finds it.
            self.keep_served(desk, &ended).await;
        }
        let (id, state, now) = (ended.view.id, ended.view.state, self.now());
        let seconds = ended.view.to_service();
        let promised = (ended.view.purpose != Purpose::Giveback).then(|| desk.pool().target.as_secs_f64());
        let end = |book: &mut Book| {
            book.ended(id, state, why.clone(), now).map_err(|error| error.to_string())?;
            book.measured(id, seconds, promised);
            Ok(())
        };
        if let Err(undone) = self.change(desk, end).await {
            self.write(desk, format!("the end of run {id} is not kept"), undone.to_string(), Weight::Alarm);
        }
        self.told(desk, &ended.view, why.unwrap_or_default());
        Ok(RunReport { run: ended.view, dry_run: false, refused: Vec::new() })
    }

    /// Whether the arbiter still decides the same.
    fn still(&self, desk: &Desk, decision: &Decision) -> bool {
        if decision.act == Act::Drill {
            return self.drill_is_due(desk, decision);
        }
        let sight = self.sight(desk);
        let kept = desk.kept();
        let judged = decide(desk.pool(), &kept.book, &desk.scene(&kept, &sight.seen()));
        judged.decision.as_ref().is_some_and(|now| super::mind::alike(now, decision))
    }

    /// What was kept of this run; what was kept may be another one's.
    pub(super) async fn record_of(&self, desk: &Arc<Desk>, run: RunId) -> Result<Option<RunRecord>, Undone> {
        let record = self.read_record(desk).await.map_err(Undone::Unkept)?;
        Ok(record.filter(|record| record.view.id == run))
    }

    /// The interrupted run, where none of its steps had begun: the first of them is kept before it begins.
    async fn nothing_of_it(&self, desk: &Arc<Desk>) -> Result<Option<Underway>, Undone> {
        let Some(underway) = desk.kept().book.run.clone() else { return Ok(None) };
        Ok(self.record_of(desk, underway.id).await?.is_none().then_some(underway))
    }

    /// Ends a run that had begun no step: there is nothing to undo.
    async fn drop_it(&self, desk: &Arc<Desk>, underway: Underway, who: &str) -> Result<RunReport, Undone> {
        let (id, now) = (underway.id, self.now());
        let undone = |book: &mut Book| {
            let begun = book.resume(id).map_err(|error| error.to_string())?;
            book.ended(id, RunState::Undone, None, now).map_err(|error| error.to_string())?;
            Ok(begun.generation)
        };
        let generation = self.change(desk, undone).await?;
        self.show_generation(desk, std::slice::from_ref(&underway.decision.spare), generation).await;
        let wall = self.0.parts.clock.now();
        let run = RunView {
            who: who.to_owned(),
            generation,
            state: RunState::Undone,
            started: wall,
            ended: Some(wall),
            next: None,
            ..not_begun(&underway, &desk.pool().name)
        };
        self.told(desk, &run, "none of its steps had begun".into());
        Ok(RunReport { run, dry_run: false, refused: Vec::new() })
    }

    /// The run that was interrupted, with a generation of its own.
    async fn take_on(&self, desk: &Arc<Desk>, fleet: &Fleet) -> Result<RunRecord, Undone> {
        let name = &desk.pool().name;
        let underway = desk.kept().book.run.clone();
        let Some(underway) = underway else {
            return Err(Undone::Refused(format!("no run of {name} was interrupted")));
        };
        let mut record = self.record_of(desk, underway.id).await?.ok_or_else(|| {
            let id = underway.id;
            Undone::Refused(format!("run {id} of {name} had begun none of its steps: abandon it, and begin anew"))
        })?;
        let begun = self.change(desk, |book| book.resume(underway.id).map_err(|error| error.to_string())).await?;
        record.orders.generation = begun.generation;
        record.view.generation = begun.generation;
        if let Some(runbook) = fleet.runbooks.iter().find(|runbook| runbook.name == record.plan.runbook) {
            record.plan.recall(runbook);
        }
        Ok(record)
    }

    /// Does the steps, and shows them as they are done.
    async fn run(&self, desk: &Arc<Desk>, record: RunRecord, way: Way, progress: Progress) -> RunRecord {
        let (hand, wishes) = mpsc::channel(WISHES);
        let view = Arc::new(record.view.clone());
        {
            let mut kept = desk.kept();
            kept.run = Some(Arc::clone(&view));
            kept.hand = Some(hand.clone());
        }
        let (publish, mut published) = watch::channel(view);
        let (right, ledger) = (Standing(self.0.parts.lease.clone()), Ledge::new(self, desk));
        let part = (record.view.failed.as_deref(), record.view.spare.as_deref());
        let witnesses = self.witnesses(desk, part.0, part.1);
        let hands = Tools { witnesses, ..self.0.parts.tools.clone() };
        let clock = self.0.parts.clock.clone();
        let working = execute(record, way, &hands, &clock, &right, &ledger, Hand { view: publish, wishes });
        let showing = async {
            let mut last = Arc::clone(desk);
            loop {
                let now = Arc::clone(&published.borrow_and_update());
                progress.view.send_replace(Arc::clone(&now));
                let desk = self.newest(desk);
                let shown = {
                    let mut kept = desk.kept();
                    kept.run = Some(now);
                    if !Arc::ptr_eq(&desk, &last) {
                        kept.hand.get_or_insert_with(|| hand.clone());
                    }
                    desk.show(&mut kept)
                };
                last = desk;
                if shown {
                    self.bump();
                }
                if published.changed().await.is_err() {
                    return;
                }
            }
        };
        let both = async { tokio::join!(working, showing).0 };
        tokio::pin!(both);
        let mut asked = false;
        let ended = loop {
            tokio::select! {
                ended = &mut both => break ended,
                () = progress.stop.cancelled(), if !asked => {
                    asked = true;
                    let wish = Wish::Stop { undo: false, who: "whoever cancelled the job".into() };
                    let _ended_already = hand.send(wish).await;
                }
            }
        };
        for desk in [desk, &self.newest(desk)] {
            desk.kept().run = Some(Arc::new(ended.view.clone()));
        }
        ended
    }

    /// The desk of this pool that faces look at: the fleet file may say otherwise of the pool since this one was made.
    fn newest(&self, desk: &Arc<Desk>) -> Arc<Desk> {
        self.desk(&desk.pool().name).unwrap_or_else(|| Arc::clone(desk))
    }
}
