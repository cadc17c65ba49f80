//! A SQLite file of this machine.
//!
//! One thread with one connection that can only read. A disk that never answers keeps the thread, and nobody else: the
//! caller hears of it after a while, and as long as that thread hangs no other is begun. Transactions are as short as one
//! look, so that a writer waits for no longer than a batch takes to be read.

mod facts;
mod file;
mod look;
mod rows;
mod words;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};

use super::{Ask, Look, Shape, Source, SourceError};
use crate::clock::Clock;
use crate::feed::value::{Place, Value};
use crate::reach::plain;
use file::File;

/// How long a disk may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// When it is looked again after something moved in the folder, milliseconds: a writer tells of its log before the rows in
/// it count, and in between it may wait for the disk.
const ECHOES: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

type Job = Box<dyn FnOnce(&mut File) + Send>;

/// A SQLite file of this machine.
pub struct LocalSource {
    path: PathBuf,
    clock: Clock,
    patience: Duration,
    worker: Option<Worker>,
    /// Whether the thread that was left behind has ended.
    left: Option<Arc<AtomicBool>>,
    /// Something moved in the folder.
    moved: Arc<Notify>,
    /// How many of [`ECHOES`] are behind us; `None`: nothing has moved.
    echo: Option<usize>,
}

/// The thread that reads.
struct Worker {
    jobs: mpsc::Sender<Job>,
    /// Nobody waits for it any more.
    stop: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl LocalSource {
    /// A source that opens its file when it is first asked.
    pub fn new(path: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            path: path.into(),
            clock,
            patience: PATIENCE,
            worker: None,
            left: None,
            moved: Arc::default(),
            echo: None,
        }
    }

    /// What `job` makes of the file, on its thread.
    async fn ask<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut File) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        if self.left.as_ref().is_some_and(|over| !over.load(Ordering::Acquire)) {
            return Err(silent(&self.path, "still gives no answer"));
        }
        self.left = None;
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |file| drop(tell.send(job(file))));
        // A thread that has died is replaced once.
        let refused = match &self.worker {
            Some(worker) => worker.jobs.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            let worker = self.begin().map_err(|error| no_thread(&self.path, &error))?;
            let _it_has_just_begun = worker.jobs.send(job);
            self.worker = Some(worker);
        }
        match tokio::time::timeout(self.patience, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_died)) => {
                self.worker = None;
                Err(SourceError::Away(format!("{}: the thread that reads it has died", self.path.display())))
            }
            Err(_late) => {
                self.left = self.worker.take().map(|worker| worker.over.clone());
                Err(silent(&self.path, &format!("no answer in {}", plain::time(self.patience))))
            }
        }
    }

    fn begin(&self) -> std::io::Result<Worker> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let (stop, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut file = File::new(self.path.clone(), self.clock.clone(), stop.clone(), self.moved.clone());
        let (given_up, ended) = (stop.clone(), Ended(over.clone()));
        std::thread::Builder::new().name("feed source".into()).spawn(move || {
            let _told_last = ended;
            while let Ok(job) = todo.recv() {
                job(&mut file);
                if given_up.load(Ordering::Relaxed) {
                    break;
                }
            }
            drop(file);
        })?;
        Ok(Worker { jobs, stop, over })
    }

    async fn stirring(&mut self) {
        loop {
            let Some(heard) = self.echo else {
                self.moved.notified().await;
                self.echo = Some(0);
                continue;
            };
            if !matches!(self.ask(|file| Ok(file.as_seen())).await, Ok(true)) {
                self.echo = None;
                return;
            }
            let Some(pause) = ECHOES.get(heard) else {
                self.echo = None;
                continue;
            };
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            self.echo = Some(heard + 1);
        }
    }
}

impl Source for LocalSource {
    fn shape<'a>(
        &'a mut self,
        table: &'a str,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<Shape>, SourceError>> {
        let (table, cursor) = (table.to_owned(), cursor.map(str::to_owned));
        Box::pin(self.ask(move |file| file.shape(&table, cursor.as_deref())))
    }

    fn look<'a>(&'a mut self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Look>, SourceError>> {
        let asks = asks.to_vec();
        Box::pin(self.ask(move |file| file.look(&asks)))
    }

    fn before<'a>(
        &'a mut self,
        ask: &'a Ask,
        key: &'a [(String, Value)],
        before: &'a Place,
    ) -> BoxFuture<'a, Result<u64, SourceError>> {
        let (ask, key, before) = (ask.clone(), key.to_vec(), before.clone());
        Box::pin(self.ask(move |file| file.before(&ask, &key, &before)))
    }

    fn stirred(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.stirring())
    }
}

/// Tells that a thread has ended, whichever way it does.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn silent(path: &Path, how: &str) -> SourceError {
    SourceError::Away(format!("{}: {how}; does the disk that holds it hang?", path.display()))
}

fn no_thread(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Away(format!("{}: no thread to read it with: {error}", path.display()))
}

#[cfg(test)]
mod tests;
