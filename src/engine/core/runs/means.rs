//! What a run is done with, and doing it: from the first step to the record of how it ended.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::engine::command::Report;
use crate::engine::core::pools::{outcome, tell};
use crate::engine::runs::{Door, Runs};
use crate::runbook::record::RunRecord;
use crate::runbook::run::{Hand, Way, Wish, execute};
use crate::runbook::tools::Tools;
use crate::runbook::view::{RunReport, RunState, RunView};
use crate::standin::worker::{Ledge, Standing};
use crate::work::jobs::{Handle, Outcome};

/// Wishes that wait for a run.
const WISHES: usize = 8;

/// What a run is done with.
pub(super) struct Means {
    pub(super) runs: Runs,
    pub(super) ledge: Ledge,
    pub(super) right: Standing,
    pub(super) hands: Tools,
}

impl Means {
    /// Does the run to its end. A job that is cancelled asks it to stop, and waits for that.
    pub(super) async fn go(
        self,
        job: &Handle<Report>,
        record: RunRecord,
        way: Way,
        wanted: RunState,
        clock: &Clock,
    ) -> Outcome<Report> {
        let runbook = record.view.runbook.clone();
        let (hand, wishes) = mpsc::channel(WISHES);
        let (view, seen) = watch::channel(Arc::new(record.view.clone()));
        if !self.runs.enter(&runbook, Door { hand: hand.clone(), view: seen.clone() }) {
            return refused(record.view, format!("a run of {runbook} is under way"));
        }
        let working = execute(record, way, &self.hands, clock, &self.right, &self.ledge, Hand { view, wishes });
        let mut changes = seen.clone();
        let showing = async {
            while changes.changed().await.is_ok() {
                self.runs.bump();
            }
        };
        let all = async { tokio::join!(working, tell(job, seen), showing).0 };
        tokio::pin!(all);
        let mut asked = false;
        let ended = loop {
            tokio::select! {
                ended = &mut all => break ended,
                () = job.token().cancelled(), if !asked => {
                    asked = true;
                    let wish = Wish::Stop { undo: false, who: "whoever cancelled the job".into() };
                    let _ended_already = hand.send(wish).await;
                }
            }
        };
        self.runs.leave(&runbook, &ended);
        let ok = ended.view.state == wanted;
        Outcome { ok, ..outcome(RunReport { run: ended.view, dry_run: false, refused: Vec::new() }) }
    }
}

/// Nothing was done, and why.
pub(super) fn refused(run: RunView, why: String) -> Outcome<Report> {
    let report = RunReport { run, dry_run: false, refused: vec![why.clone()] };
    Outcome { ok: false, note: why, report: Report::Ran { ran: Box::new(report) } }
}
