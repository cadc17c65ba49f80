//! Reads both ends in chunks, with pauses.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::canon::{self, Hashed};
use super::tally::{Buckets, Tally};
use super::{CompareError, Ends, Expected, How, PAUSE, Progress};
use crate::clock::{Clock, Tick};
use crate::feed::convert;
use crate::feed::mark::Strand;
use crate::feed::sink::{Carry, Kind, Sink, SinkError, Step, Walked, Want};
use crate::feed::source::{Ask, Source};
use crate::feed::value::{Place, Row, Value};
use crate::feed::zone::Times;

/// Tries of a write that the target undid.
const TRIES: u32 = 5;

/// Both ends, and how they are read.
pub(super) struct Walk<'a> {
    pub(super) sources: &'a mut [(Strand, Box<dyn Source>)],
    pub(super) sink: &'a mut dyn Sink,
    pub(super) carry: &'a Carry,
    pub(super) times: &'a Times,
    /// Rows of the target whose time is this or later are compared.
    pub(super) within: Option<(usize, Value)>,
    clock: &'a Clock,
    how: How,
    done: Progress,
    progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl<'a> Walk<'a> {
    pub(super) fn new(ends: Ends<'a>, how: How, progress: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        let Ends { sources, sink, carry, times, clock } = ends;
        Self { sources, sink, carry, times, within: None, clock, how, done: Progress::default(), progress }
    }

    /// Says how far it is, and lets the other end breathe.
    async fn breathe(&mut self, rows: usize, began: Tick) {
        self.done.rows += u64::try_from(rows).unwrap_or(u64::MAX);
        (self.progress)(self.done);
        if self.how.gentle {
            let took = self.clock.tick().since(began);
            tokio::time::sleep(took.min(PAUSE).max(Duration::from_millis(1))).await;
        }
    }

    /// The earliest time of a source's rows: `None` where it has none, `Some(None)` where none has a time.
    pub(super) async fn first(
        &mut self,
        index: usize,
        time: Option<usize>,
        naive: bool,
    ) -> Result<Option<Option<Value>>, CompareError> {
        let columns: Vec<String> = time.and_then(|at| self.carry.columns.get(at)).cloned().into_iter().collect();
        let (mut first, mut any, mut after) = (None, false, None);
        loop {
            let rows = self.ask(index, &columns, after).await?;
            let Some(last) = rows.last() else { return Ok(any.then_some(first)) };
            any = true;
            after = Some(last.at.clone());
            if time.is_none() {
                return Ok(Some(None));
            }
            for row in rows {
                first = super::earlier(first, row.values.into_iter().next(), self.times, naive);
            }
        }
    }

    /// The next rows of a source.
    async fn ask(&mut self, index: usize, columns: &[String], after: Option<Place>) -> Result<Vec<Row>, CompareError> {
        let began = self.clock.tick();
        let rows = {
            let Some((strand, source)) = self.sources.get_mut(index) else { return Ok(Vec::new()) };
            let ask = Ask {
                table: strand.table.clone(),
                cursor: self.carry.table.cursor.clone(),
                columns: columns.to_vec(),
                after,
                again: false,
                limit: self.how.rows,
                changes: None,
                group: None,
                time: None,
            };
            let looked =
                source.look(&[ask]).await.map_err(|why| CompareError::Source { strand: strand.clone(), why })?;
            looked.into_iter().next().map(|look| look.rows).unwrap_or_default()
        };
        self.breathe(rows.len(), began).await;
        Ok(rows)
    }

    /// The next chunk of the target.
    async fn step(&mut self, want: &Want, after: Option<Vec<Value>>) -> Result<Walked, CompareError> {
        let step = Step { after, rows: self.how.rows, within: self.within.clone(), want: want.clone() };
        let began = self.clock.tick();
        let walked = self.sink.walk(self.carry, &step).await?;
        self.breathe(usize::try_from(self.how.rows).unwrap_or(0), began).await;
        Ok(walked)
    }

    /// The buckets of the target.
    pub(super) async fn target_buckets(&mut self) -> Result<Buckets, CompareError> {
        let (mut buckets, mut after) = (Buckets::default(), None);
        loop {
            let walked = self.step(&Want::Digests, after).await?;
            for (bucket, rows, digest) in walked.digests {
                buckets.add(usize::try_from(bucket).unwrap_or(usize::MAX), rows, digest);
            }
            after = walked.next;
            if after.is_none() {
                return Ok(buckets);
            }
        }
    }

    /// The rows of some buckets of the target.
    pub(super) async fn target_rows(&mut self, buckets: &[usize]) -> Result<Vec<Hashed>, CompareError> {
        let want = Want::Rows(buckets.to_vec());
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let walked = self.step(&want, after).await?;
            rows.extend(walked.rows);
            after = walked.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// The keys of a few rows of the target, written out.
    pub(super) async fn target_keys(&mut self, keys: Vec<u64>) -> Result<Vec<String>, CompareError> {
        let wanted = keys.len();
        let want = Want::Keys(keys);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let walked = self.step(&want, after).await?;
            found.extend(walked.keys);
            after = walked.next;
            if after.is_none() || found.len() >= wanted {
                found.sort();
                return Ok(found);
            }
        }
    }

    /// The buckets of a source's rows that have to be at the target; says how many there are.
    pub(super) async fn source_buckets(
        &mut self,
        index: usize,
        expected: &Expected,
        buckets: &mut Buckets,
    ) -> Result<u64, CompareError> {
        let mut count = 0;
        self.each(index, |_row, hashed, at| {
            if expected.wants(at) {
                count += 1;
                buckets.add(hashed.bucket(), 1, hashed.row);
            }
        })
        .await?;
        Ok(count)
    }

    /// Tallies the rows of some buckets of a source.
    pub(super) async fn source_rows(
        &mut self,
        index: usize,
        expected: &Expected,
        buckets: &[usize],
        tally: &mut Tally,
    ) -> Result<(), CompareError> {
        let carry = self.carry;
        self.each(index, |row, hashed, at| {
            if buckets.binary_search(&hashed.bucket()).is_ok() {
                tally.see(index, hashed, expected.wants(at), || convert::key(carry, &row.values));
            }
        })
        .await?;
        tally.end();
        Ok(())
    }

    /// Carries the rows with these keys again.
    pub(super) async fn repair(
        &mut self,
        index: usize,
        expected: &Expected,
        keys: &HashSet<u64>,
    ) -> Result<u64, CompareError> {
        let (mut repaired, mut after) = (0, None);
        let mut passages = Passages::new(self.carry, self.times);
        let columns = self.carry.columns.clone();
        loop {
            let mut rows = self.ask(index, &columns, after.take()).await?;
            after = rows.last().map(|last| last.at.clone());
            if after.is_none() {
                return Ok(repaired);
            }
            for row in &mut rows {
                passages.resolve(row);
            }
            let (carry, times) = (self.carry, self.times);
            rows.retain(|row| expected.wants(&row.at) && keys.contains(&canon::source(carry, &row.values, times).key));
            if !rows.is_empty() {
                self.mend(&rows).await?;
                repaired += u64::try_from(rows.len()).unwrap_or(u64::MAX);
                self.done.repaired += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            }
        }
    }

    /// Writes rows, again where the target undid it or was away for a moment: what is written twice is there once.
    async fn mend(&mut self, rows: &[Row]) -> Result<(), CompareError> {
        for _try in 1..TRIES {
            match self.sink.mend(self.carry, rows).await {
                Err(SinkError::Again(_) | SinkError::Away(_)) => tokio::time::sleep(Duration::from_millis(200)).await,
                ended => return Ok(ended?),
            }
        }
        Ok(self.sink.mend(self.carry, rows).await?)
    }

    /// Each row of a source, in the order of places.
    async fn each(
        &mut self,
        index: usize,
        mut see: impl FnMut(&Row, Hashed, &Place) + Send,
    ) -> Result<(), CompareError> {
        let columns = self.carry.columns.clone();
        let mut passages = Passages::new(self.carry, self.times);
        let mut after = None;
        loop {
            let mut rows = self.ask(index, &columns, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.at.clone());
            for row in &mut rows {
                passages.resolve(row);
                see(row, canon::source(self.carry, &row.values, self.times), &row.at);
            }
        }
    }
}

/// Tells which passage of an hour that a clock change repeats a row belongs to: the second row of a key is the second.
struct Passages<'a> {
    times: &'a Times,
    /// Columns of the key that are moments at the target.
    moments: Vec<usize>,
    key: Vec<usize>,
    seen: HashMap<Vec<String>, u64>,
}

impl<'a> Passages<'a> {
    fn new(carry: &Carry, times: &'a Times) -> Self {
        let is = |at: &usize| carry.target.get(*at).is_some_and(|column| column.kind == Kind::Moment);
        let moments = carry.key.iter().copied().filter(is).collect();
        Self { times, moments, key: carry.key.clone(), seen: HashMap::new() }
    }

    fn resolve(&mut self, row: &mut Row) {
        for at in &self.moments {
            let text = row.values.get(*at).and_then(Value::text).unwrap_or_default();
            if !self.times.is_twofold(text) {
                continue;
            }
            let key = self.key.iter().filter_map(|at| row.values.get(*at)).map(|value| format!("{value:?}")).collect();
            let passage = self.seen.entry(key).or_insert(0);
            let written = self.times.passage(text, *passage);
            *passage += 1;
            if let (Some(written), Some(value)) = (written, row.values.get_mut(*at)) {
                *value = written.as_str().into();
            }
        }
    }
}
