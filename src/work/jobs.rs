//! The jobs of an engine: numbered, queued by priority, a bounded number at a time, each with a cancel.
//!
//! The last ones that ended are kept with their report. What a report is, only the engine knows.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::view::{JobId, JobState, JobView, Priority};
use crate::clock::Clock;

mod gate;
mod worker;

use gate::Gate;
pub use worker::{Handle, JobError, Outcome, Request};

/// Jobs that have ended and are still shown.
pub const KEPT: usize = 50;

type Work<R> = Pin<Box<dyn Future<Output = Result<Outcome<R>, JobError>> + Send>>;

/// All jobs. Cheap to clone.
#[derive(Debug)]
pub struct Jobs<R>(Arc<Shared<R>>);

impl<R> Clone for Jobs<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<R> {
    clock: Clock,
    at_once: usize,
    table: Mutex<Table<R>>,
    changed: watch::Sender<u64>,
    ended: mpsc::UnboundedSender<JobView>,
}

#[derive(Debug)]
struct Table<R> {
    next: u64,
    jobs: VecDeque<Job<R>>,
}

struct Job<R> {
    view: JobView,
    progress: Progress,
    cancel: CancellationToken,
    gate: Arc<Gate>,
    work: Option<Work<R>>,
    report: Option<R>,
    shown: Arc<JobView>,
}

impl<R> std::fmt::Debug for Job<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("view", &self.view).finish_non_exhaustive()
    }
}

impl<R: Clone + Send + 'static> Jobs<R> {
    /// No job yet; the first gets the number after `last`. Each job that ends is told to the receiver.
    pub fn new(clock: Clock, last: u64, at_once: usize) -> (Self, mpsc::UnboundedReceiver<JobView>) {
        let (ended, told) = mpsc::unbounded_channel();
        let table = Mutex::new(Table { next: last.saturating_add(1), jobs: VecDeque::new() });
        let shared = Shared { clock, at_once: at_once.max(1), table, changed: watch::channel(0).0, ended };
        (Self(Arc::new(shared)), told)
    }

    /// Queues a job. Must be called inside a tokio runtime.
    pub fn submit<F>(&self, request: Request, work: impl FnOnce(Handle<R>) -> F) -> JobId
    where
        F: Future<Output = Result<Outcome<R>, JobError>> + Send + 'static,
    {
        let cancel = CancellationToken::new();
        let asked = self.0.clock.now();
        let id = {
            let mut table = self.table();
            let id = JobId(table.next);
            table.next += 1;
            id
        };
        let gate = Arc::new(Gate::default());
        let work = work(Handle::new(id, cancel.clone(), Arc::clone(&gate), self.clone()));
        let view = JobView {
            id,
            kind: request.kind.to_owned(),
            title: request.title,
            state: JobState::Queued,
            priority: request.priority,
            who: request.who,
            asked,
            started: None,
            ended: None,
            done: 0,
            total: None,
            unit: request.unit,
            rate: None,
            eta: None,
            part: None,
            note: None,
            error: None,
        };
        let job = Job {
            shown: Arc::new(view.clone()),
            view,
            progress: Progress::start(self.0.clock.tick()),
            cancel,
            gate,
            work: Some(Box::pin(work)),
            report: None,
        };
        self.table().jobs.push_back(job);
        self.next();
        id
    }

    /// Asks a job to end. `false`: there is none of this number that has not ended.
    pub fn cancel(&self, id: JobId) -> bool {
        let mut never_began = false;
        let found = self.change(id, |job| {
            if job.view.state.ended() {
                return false;
            }
            job.cancel.cancel();
            job.gate.cancel();
            never_began = job.work.take().is_some();
            job.view.state = JobState::Cancelling;
            true
        });
        if never_began {
            self.finish(id, Err(JobError::Cancelled));
        }
        found == Some(true)
    }

    /// Holds a job that looks at its gate, or lets it go on. `false`: there is none of this number that runs.
    pub fn hold(&self, id: JobId, held: bool) -> bool {
        let found = self.change(id, |job| {
            let runs = matches!(job.view.state, JobState::Running | JobState::Stalled | JobState::Paused);
            if runs {
                job.gate.hold(held);
                job.view.state = if held { JobState::Paused } else { JobState::Running };
            }
            runs
        });
        found == Some(true)
    }

    /// Asks all jobs to end.
    pub fn cancel_all(&self) {
        let open: Vec<JobId> = self.table().jobs.iter().map(|job| job.view.id).collect();
        for id in open {
            self.cancel(id);
        }
    }

    /// How many have not ended.
    pub fn open(&self) -> usize {
        self.table().jobs.iter().filter(|job| !job.view.state.ended()).count()
    }

    /// How many of them somebody waits for: a job in the background is begun again when there is time.
    pub fn awaited(&self) -> usize {
        let open = |job: &&Job<R>| !job.view.state.ended() && job.view.priority != Priority::Background;
        self.table().jobs.iter().filter(open).count()
    }

    /// The number of the newest job.
    pub fn last(&self) -> u64 {
        self.table().next - 1
    }

    /// The report of a job. `None`: no job of this number is kept. `Some(None)`: it has none, or not yet.
    pub fn report(&self, id: JobId) -> Option<Option<R>> {
        self.table().jobs.iter().find(|job| job.view.id == id).map(|job| job.report.clone())
    }

    /// All that have not ended and the last [`KEPT`] that have, in order of their numbers; those that did not change
    /// since the last call are the same `Arc`.
    pub fn views(&self) -> Vec<Arc<JobView>> {
        let at = self.0.clock.tick();
        let mut table = self.table();
        table.jobs.iter_mut().map(|job| job.show(at)).collect()
    }

    /// Wakes at each change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Starts what may start now.
    fn next(&self) {
        loop {
            let (id, work) = {
                let mut table = self.table();
                let waits = |job: &Job<R>| job.work.is_some();
                let open = table.jobs.iter().filter(|job| !job.view.state.ended()).count();
                let waiting = table.jobs.iter().filter(|job| waits(job)).count();
                let full = open - waiting >= self.0.at_once;
                let first = table
                    .jobs
                    .iter_mut()
                    .filter(|job| waits(job) && (!full || job.view.priority == Priority::Now))
                    .min_by_key(|job| (std::cmp::Reverse(job.view.priority), job.view.id));
                let Some(job) = first else { break };
                let Some(work) = job.work.take() else { break };
                job.view.state = JobState::Running;
                job.view.started = Some(self.0.clock.now());
                job.progress = Progress::start(self.0.clock.tick());
                (job.view.id, work)
            };
            let jobs = self.clone();
            tokio::spawn(async move {
                let ended = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
                    let said = panic.downcast_ref::<&str>().map(ToString::to_string);
                    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                    Err(JobError::Failed(format!("the job broke: {said}; this is a defect, please report it")))
                });
                jobs.finish(id, ended);
                jobs.next();
            });
        }
        self.0.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn finish(&self, id: JobId, ended: Result<Outcome<R>, JobError>) {
        let (clock, at) = (&self.0.clock, self.0.clock.tick());
        // Told before anybody sees that it has ended: the engine's end waits for that alone.
        self.change(id, |job| {
            job.progress = job.progress.settle(at);
            job.view.ended = Some(clock.now());
            job.view.part = None;
            match ended {
                Ok(outcome) => {
                    job.view.note = Some(outcome.note.clone());
                    job.report = Some(outcome.report);
                    if outcome.ok {
                        job.view.state = JobState::Done;
                    } else {
                        job.view.state = JobState::Failed;
                        job.view.error = Some(outcome.note);
                    }
                }
                Err(JobError::Cancelled) => job.view.state = JobState::Cancelled,
                Err(JobError::Failed(_)) if job.cancel.is_cancelled() => job.view.state = JobState::Cancelled,
                Err(JobError::Failed(why)) => {
                    job.view.state = JobState::Failed;
                    job.view.error = Some(why);
                }
            }
            let _nobody_listens = self.0.ended.send(JobView::clone(&job.show(at)));
        });
        let mut table = self.table();
        let mut surplus = table.jobs.iter().filter(|job| job.view.state.ended()).count().saturating_sub(KEPT);
        // What went well in the background goes first: it would drive out what people have asked for.
        let dull = |job: &Job<R>| job.view.priority == Priority::Background && job.view.state == JobState::Done;
        for goes in [|_job: &Job<R>, dull| dull, |job: &Job<R>, _dull| job.view.state.ended()] {
            table.jobs.retain(|job| {
                let goes = surplus > 0 && goes(job, dull(job));
                surplus -= usize::from(goes);
                !goes
            });
        }
    }

    fn change<T>(&self, id: JobId, act: impl FnOnce(&mut Job<R>) -> T) -> Option<T> {
        let changed = self.table().jobs.iter_mut().find(|job| job.view.id == id).map(act);
        self.0.changed.send_modify(|count| *count = count.wrapping_add(1));
        changed
    }

    /// A panic of a worker never holds this lock: it is only held by the few lines of this file.
    fn table(&self) -> MutexGuard<'_, Table<R>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Job<R> {
    fn show(&mut self, at: crate::clock::Tick) -> Arc<JobView> {
        if !self.view.state.ended() && self.view.started.is_some() {
            self.progress = self.progress.settle(at);
            if matches!(self.view.state, JobState::Running | JobState::Stalled) {
                let stalled = self.progress.stalled(at);
                self.view.state = if stalled { JobState::Stalled } else { JobState::Running };
            }
        }
        self.view.done = self.progress.done();
        self.view.total = self.progress.total();
        self.view.rate = self.progress.rate();
        self.view.eta = if self.view.state.ended() { None } else { self.progress.eta() };
        if *self.shown != self.view {
            self.shown = Arc::new(self.view.clone());
        }
        Arc::clone(&self.shown)
    }
}

#[cfg(test)]
mod tests;
