//! What goes into a job and what comes out: the request, the worker's own handle, how it ended.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Jobs;
use super::gate::Gate;
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::view::{JobId, Part, Priority, Unit};

/// What somebody wants to have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What kind of work: `doctor`.
    pub kind: &'static str,
    /// What it works on.
    pub title: String,
    /// In what it counts.
    pub unit: Unit,
    /// Which of two waiting jobs goes first.
    pub priority: Priority,
    /// Who asks for it.
    pub who: String,
}

/// How a job came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<R> {
    /// Whether what was asked for holds; otherwise the job counts as failed, with `note` as the reason.
    pub ok: bool,
    /// What came of it, in one line.
    pub note: String,
    /// The whole of it.
    pub report: R,
}

/// How a job ended badly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was asked to end.
    #[error("cancelled")]
    Cancelled,
    /// It failed: what, where, why.
    #[error("{0}")]
    Failed(String),
}

/// What a worker holds of its own job. Cheap to clone; may be used from any thread.
#[derive(Debug)]
pub struct Handle<R> {
    id: JobId,
    cancel: CancellationToken,
    gate: Arc<Gate>,
    jobs: Jobs<R>,
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self { id: self.id, cancel: self.cancel.clone(), gate: Arc::clone(&self.gate), jobs: self.jobs.clone() }
    }
}

impl<R: Clone + Send + 'static> Handle<R> {
    pub(super) const fn new(id: JobId, cancel: CancellationToken, gate: Arc<Gate>, jobs: Jobs<R>) -> Self {
        Self { id, cancel, gate, jobs }
    }

    /// The job's number.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Something has moved.
    pub fn event(&self, event: Event) {
        let at = self.jobs.0.clock.tick();
        self.jobs.change(self.id, |job| job.progress = job.progress.reduce(event, at));
    }

    /// What it is doing now, in one line.
    pub fn note(&self, note: impl Into<String>) {
        let note = note.into();
        self.jobs.change(self.id, |job| job.view.note = Some(note));
    }

    /// Whether it was asked to end.
    pub fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Resolves when it is asked to end.
    pub const fn token(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl<R: Clone + Send + 'static> Steer for Handle<R> {
    fn go_on(&self) -> bool {
        self.gate.pass()
    }

    fn event(&self, event: Event) {
        Self::event(self, event);
    }

    fn part(&self, part: Option<Part>) {
        self.jobs.change(self.id, |job| job.view.part = part);
    }

    fn note(&self, note: &str) {
        Self::note(self, note);
    }
}
