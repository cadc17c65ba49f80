//! Looks at everything that people ask for: the doctor's, and the one along the chain of the journal.

use std::sync::Arc;

use super::Done;
use crate::engine::command::{Grade, Report};
use crate::engine::core::Core;
use crate::engine::doctor;
use crate::engine::guest::Who;
use crate::journal::entry::Chain;
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::work::progress::Event;
use crate::work::view::{Priority, Unit};

impl Core {
    pub(super) fn doctor(&mut self, who: &Who) -> Done {
        let request = Request {
            kind: "doctor",
            title: "everything the fleet file needs".into(),
            unit: Unit::Items,
            priority: Priority::Urgent,
            who: who.name.clone(),
        };
        let (fleet, clock) = (Arc::clone(&self.parts.fleet), self.parts.clock.clone());
        let prober = self.parts.hosts.prober().clone();
        let id = self.jobs.submit(request, |job| async move {
            let progress = |done, total, subject: &str| {
                job.event(Event::Total(total));
                job.event(Event::Reached(done));
                job.note(subject);
            };
            let report = doctor::doctor(fleet, prober, clock, &progress, job.token()).await;
            if job.cancelled() {
                return Err(JobError::Cancelled);
            }
            let count = |grade| report.iter().filter(|finding| finding.grade == grade).count();
            let risks = count(Grade::Risk);
            let risk = if risks == 1 { "risk" } else { "risks" };
            let note = format!("{} good, {risks} {risk}, {} bad", count(Grade::Good), count(Grade::Bad));
            Ok(Outcome { ok: true, note, report: Report::Findings { findings: report } })
        });
        self.submitted(id, "the doctor looks at everything")
    }

    pub(super) fn verify(&mut self, who: &Who) -> Done {
        let request = Request {
            kind: "verify journal",
            title: "the chain of hashes".into(),
            unit: Unit::Items,
            priority: Priority::Normal,
            who: who.name.clone(),
        };
        let (journal, verdicts) = (self.parts.journal.clone(), self.verdicts.clone());
        let id = self.jobs.submit(request, |job| async move {
            let chain = blocking(move || verify_with(&journal, &job)).await??;
            let (note, broken) = match &chain {
                Chain::Broken { at, why } => (String::new(), Some(format!("the chain breaks at entry {at}: {why}"))),
                _ => ("every entry follows from the one before".into(), None),
            };
            let _engine_ends = verdicts.send(chain).await;
            broken.map_or(Ok(Outcome { ok: true, note, report: Report::Nothing }), |why| Err(JobError::Failed(why)))
        });
        self.submitted(id, "the journal is verified")
    }
}

fn verify_with(journal: &crate::journal::writer::Journal, job: &Handle<Report>) -> Result<Chain, JobError> {
    let verdict = journal.verify(|done, total| {
        job.event(Event::Total(total));
        job.event(Event::Reached(done));
        !job.cancelled()
    });
    match verdict {
        Ok(Some(chain)) => Ok(chain),
        Ok(None) => Err(JobError::Cancelled),
        Err(error) => Err(JobError::Failed(error.to_string())),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| JobError::Failed(format!("the work broke: {error}")))
}
