//! A SQLite file as the target of a feed.
//!
//! The file is opened and written on a thread of its own, which is left behind where the disk does not answer: what was under
//! way then is undone by SQLite, or was done, and the mark tells which.

mod error;
mod table;
mod walk;
mod worker;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Carry, Prepared, Sink, SinkError, Step, Walked, Write, join};
use crate::feed::mark::{Mark, Strand};
use crate::feed::source::Shape;
use crate::feed::value::Row;
use crate::fleet::data::FeedTable;
use worker::Worker;

/// How long a batch may take, or a question.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long making an index may take.
const LONG: Duration = Duration::from_secs(600);

/// A SQLite file.
pub struct SqliteSink {
    feed: String,
    path: PathBuf,
    worker: Option<Worker>,
}

impl SqliteSink {
    /// Nothing is opened yet. `feed` is the feed's name, for what a person reads.
    pub fn new(feed: &str, path: &Path) -> Self {
        Self { feed: feed.into(), path: path.to_owned(), worker: None }
    }

    /// What `work` makes of the file. A worker that does not answer in time is left behind.
    async fn ask<T: Send + 'static>(
        &mut self,
        patience: Duration,
        work: impl FnOnce(&mut rusqlite::Connection) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start(&self.path)?,
        };
        let answer = worker.ask(patience, work).await;
        if !matches!(answer, Err(SinkError::Away(_))) {
            self.worker = Some(worker);
        }
        answer
    }
}

impl Sink for SqliteSink {
    fn carry<'a>(&'a mut self, table: &'a FeedTable, shape: &'a Shape) -> BoxFuture<'a, Result<Arc<Carry>, SinkError>> {
        async move {
            let into = join::into(table).to_owned();
            let there = self.ask(PATIENCE, move |file| table::read(file, &into)).await?.ok_or_else(|| {
                SinkError::Unprepared(format!(
                    "{} has no table `{}`: run `hotspare feed prepare {}`",
                    self.path.display(),
                    join::into(table),
                    self.feed
                ))
            })?;
            join::join(table, shape, &there, &self.feed).map(Arc::new)
        }
        .boxed()
    }

    fn marks<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<Vec<(Strand, Mark)>, SinkError>> {
        let feed = feed.to_owned();
        async move { self.ask(PATIENCE, move |file| write::marks(file, &feed)).await }.boxed()
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<(), SinkError>> {
        async move {
            // The worker may outlive this write.
            let write = write.clone();
            self.ask(PATIENCE, move |file| write::write(file, &write)).await
        }
        .boxed()
    }

    fn reset<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<(), SinkError>> {
        let feed = feed.to_owned();
        async move { self.ask(PATIENCE, move |file| write::reset(file, &feed)).await }.boxed()
    }

    fn prepare<'a>(
        &'a mut self,
        table: &'a FeedTable,
        shape: &'a Shape,
        _sample: &'a [Row],
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Prepared, SinkError>> {
        let (table, shape) = (table.clone(), shape.clone());
        async move { self.ask(LONG, move |file| table::prepare(file, &table, &shape, dry_run)).await }.boxed()
    }

    fn has<'a>(&'a mut self, carry: &'a Carry, row: &'a Row) -> BoxFuture<'a, Result<bool, SinkError>> {
        let (carry, row) = (carry.clone(), row.clone());
        async move { self.ask(PATIENCE, move |file| write::has(file, &carry, &row)).await }.boxed()
    }

    fn walk<'a>(&'a mut self, carry: &'a Carry, step: &'a Step) -> BoxFuture<'a, Result<Walked, SinkError>> {
        let (carry, step) = (carry.clone(), step.clone());
        async move { self.ask(PATIENCE, move |file| walk::walk(file, &carry, &step)).await }.boxed()
    }

    fn mend<'a>(&'a mut self, carry: &'a Carry, rows: &'a [Row]) -> BoxFuture<'a, Result<(), SinkError>> {
        let (carry, rows) = (carry.clone(), rows.to_vec());
        async move { self.ask(PATIENCE, move |file| write::mend(file, &carry, &rows)).await }.boxed()
    }
}

#[cfg(test)]
mod tests;
