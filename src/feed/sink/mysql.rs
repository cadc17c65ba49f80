//! MySQL and MariaDB as the target of a feed.
//!
//! One connection, opened when it is needed and given up with the first answer that does not come in time: what was under
//! way then is undone by the server, or was done, and the mark tells which.

mod cells;
mod digest;
mod error;
mod live;
mod marks;
mod prepare;
mod schema;
mod types;
mod write;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Carry, Prepared, Sink, SinkError, Step, Walked, Write, join};
use crate::clock::Clock;
use crate::feed::mark::{Mark, Strand};
use crate::feed::source::Shape;
use crate::feed::value::Row;
use crate::feed::zone::Times;
use crate::fleet::data::{FeedTable, Zone};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::secret::Secrets;
use live::Live;

/// How long a connection and its login may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the server may take for a batch, a question about its tables, its marks.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long finding the row that is refused may take, and making an index over a large table.
const LONG: Duration = Duration::from_secs(600);
/// A connection that rested longer is asked first whether it still stands.
const RESTED: Duration = Duration::from_secs(20);

/// Runs `$work` on the connection `$live` within `$patience`.
macro_rules! within {
    ($sink:ident, $patience:expr, $live:ident, $work:expr) => {{
        let mut taken = $sink.take().await?;
        let ended = {
            let $live = &mut taken;
            tokio::time::timeout($patience, $work).await
        };
        $sink.keep(taken, $patience, ended)
    }};
}

/// A MySQL or MariaDB database.
pub struct MysqlSink {
    feed: String,
    to: DatabaseUrl,
    times: Result<Times, String>,
    secrets: Secrets,
    clock: Clock,
    live: Option<Live>,
}

impl MysqlSink {
    /// Nothing is connected yet. `feed` is the feed's name, for what a person reads.
    pub fn new(feed: &str, to: &DatabaseUrl, zone: &Zone, secrets: &Secrets, clock: &Clock) -> Self {
        Self {
            feed: feed.into(),
            to: to.clone(),
            times: Times::new(zone),
            secrets: secrets.clone(),
            clock: clock.clone(),
            live: None,
        }
    }

    /// The connection, taken out: whoever is stopped in the middle of using it leaves none behind.
    async fn take(&mut self) -> Result<Live, SinkError> {
        if let Some(mut live) = self.live.take() {
            let rested = self.clock.tick().since(live.used) > RESTED;
            if !rested || live.stands(CONNECT).await {
                return Ok(live);
            }
        }
        Live::open(&self.to, &self.secrets, CONNECT, self.clock.tick()).await
    }

    /// Keeps the connection for the next time, unless what it was used for says that it is gone.
    fn keep<T>(
        &mut self,
        mut live: Live,
        patience: Duration,
        ended: Result<Result<T, SinkError>, tokio::time::error::Elapsed>,
    ) -> Result<T, SinkError> {
        let ended = ended.unwrap_or_else(|_late| Err(error::late(patience)));
        // Rights that a person gives are seen by a new connection only.
        if !matches!(ended, Err(SinkError::Away(_) | SinkError::Refused(_) | SinkError::Unprepared(_))) {
            live.used = self.clock.tick();
            self.live = Some(live);
        }
        ended
    }

    /// How times are read.
    fn times(&self) -> Result<Times, SinkError> {
        self.times.clone().map_err(SinkError::Refused)
    }

    /// Looks for the row of a batch that is refused.
    async fn refused(
        &mut self,
        carry: &Carry,
        rows: &[Row],
        batch: &cells::Batch,
        what: String,
    ) -> Result<SinkError, SinkError> {
        let found = within!(self, LONG, live, write::find(live, carry, batch))?;
        let (index, why) = found.unwrap_or((0, what));
        let key = rows.get(index).map(|row| crate::feed::convert::key(carry, &row.values)).unwrap_or_default();
        Ok(SinkError::Row { index, what: format!("the row {key} is refused: {why}") })
    }
}

impl Sink for MysqlSink {
    fn carry<'a>(&'a mut self, table: &'a FeedTable, shape: &'a Shape) -> BoxFuture<'a, Result<Arc<Carry>, SinkError>> {
        async move {
            let there = within!(self, PATIENCE, live, schema::table(live, join::into(table)))?.ok_or_else(|| {
                SinkError::Unprepared(format!(
                    "the target has no table `{}`: run `hotspare feed prepare {}`",
                    join::into(table),
                    self.feed
                ))
            })?;
            join::join(table, shape, &there, &self.feed).map(Arc::new)
        }
        .boxed()
    }

    fn marks<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<Vec<(Strand, Mark)>, SinkError>> {
        async move { within!(self, PATIENCE, live, marks::read(live, feed)) }.boxed()
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<(), SinkError>> {
        async move {
            let batch = cells::batch(&write.carry, &write.rows, &self.times()?)?;
            match within!(self, PATIENCE, live, write::write(live, write, &batch))? {
                write::Ended::Done => Ok(()),
                write::Ended::Refused(what) => Err(self.refused(&write.carry, &write.rows, &batch, what).await?),
            }
        }
        .boxed()
    }

    fn reset<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<(), SinkError>> {
        async move { within!(self, PATIENCE, live, marks::reset(live, feed)) }.boxed()
    }

    fn prepare<'a>(
        &'a mut self,
        table: &'a FeedTable,
        shape: &'a Shape,
        sample: &'a [Row],
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Prepared, SinkError>> {
        async move { within!(self, LONG, live, prepare::prepare(live, table, shape, sample, dry_run)) }.boxed()
    }

    fn has<'a>(&'a mut self, carry: &'a Carry, row: &'a Row) -> BoxFuture<'a, Result<bool, SinkError>> {
        async move {
            let times = self.times()?;
            within!(self, PATIENCE, live, write::has(live, carry, row, &times))
        }
        .boxed()
    }

    fn walk<'a>(&'a mut self, carry: &'a Carry, step: &'a Step) -> BoxFuture<'a, Result<Walked, SinkError>> {
        async move {
            let times = self.times()?;
            within!(self, PATIENCE, live, digest::walk(live, carry, step, &times))
        }
        .boxed()
    }

    fn mend<'a>(&'a mut self, carry: &'a Carry, rows: &'a [Row]) -> BoxFuture<'a, Result<(), SinkError>> {
        async move {
            let batch = cells::batch(carry, rows, &self.times()?)?;
            let refused = within!(self, PATIENCE, live, write::mend(live, carry, &batch))?;
            match refused {
                write::Ended::Done => Ok(()),
                write::Ended::Refused(what) => Err(self.refused(carry, rows, &batch, what).await?),
            }
        }
        .boxed()
    }
}
