//! Compares both ends of a table row by row, without loading either: digests first, rows only where those differ.
//!
//! Both ends put each row into one of [`BUCKETS`](canon::BUCKETS) buckets by its key, and say how many rows a bucket has and
//! what their digests come to. Where that is not the same, the digests of each row of the bucket are looked at; no more of
//! them at once than [`HELD`] rows. The target is always asked first: what comes in meanwhile then stands at the source and is
//! not taken for a row too many, and only rows up to the mark may be missing.

pub mod canon;
mod tally;
mod walk;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::mark::{Mark, Role, Strand};
use super::report::TableCompared;
use super::sink::{Carry, Kind, Sink, SinkError};
use super::source::{Source, SourceError};
use super::value::{Place, Value};
use super::zone::Times;
use crate::clock::Clock;
use tally::{Buckets, Tally};
use walk::Walk;

/// Digests of so many rows are held at once: 30 MB where none is at both ends.
const HELD: u64 = 400_000;
/// Keys that are written out of each kind.
const EXAMPLES: usize = 5;

/// How both ends are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// Whether rows that are missing or different are carried. Rows that only the target has stay.
    pub repair: bool,
    /// Rows that are asked for, or written, at once.
    pub rows: u32,
    /// Whether as long a pause follows each question as it took: then the servers have at least half of their time for others.
    pub gentle: bool,
}

impl Default for How {
    fn default() -> Self {
        Self { repair: false, rows: 20_000, gentle: true }
    }
}

/// What is compared, and with what.
pub struct Ends<'a> {
    /// Everything that the table is carried from.
    pub sources: &'a mut [(Strand, Box<dyn Source>)],
    /// Where to.
    pub sink: &'a mut dyn Sink,
    /// The table.
    pub carry: &'a Carry,
    /// How times of the source are read.
    pub times: &'a Times,
    /// Measures the pauses.
    pub clock: &'a Clock,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows looked at, at both ends; those that are looked at twice count twice.
    pub rows: u64,
    /// Rows carried to repair it.
    pub repaired: u64,
}

/// Why both ends could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// The target.
    #[error("the target: {0}")]
    Sink(#[from] SinkError),
    /// A source.
    #[error("{}: {why}", if strand.source.is_empty() { "the source" } else { &strand.source })]
    Source {
        /// Whose.
        strand: Strand,
        /// Why.
        why: SourceError,
    },
}

/// What is expected of the rows of one source.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    /// Rows up to here have to be at the target; `None`: none has to.
    upto: Option<Place>,
}

impl Expected {
    fn of(mark: Option<&Mark>) -> Self {
        // Of what a spare wrote nobody knows any more what was passed over.
        Self { upto: mark.filter(|mark| mark.role == Role::Carried).and_then(|mark| mark.at.clone()) }
    }

    fn wants(&self, at: &Place) -> bool {
        self.upto.as_ref().is_some_and(|upto| at <= upto)
    }
}

/// Compares a table, and repairs it where that is wanted. One answer for each source; rows of the target, and those that it
/// has too many, stand in the first one's, since nobody knows whose they were. A source that does not answer has an error in
/// its answer, and then no row counts as too many.
pub async fn compare<'a>(
    ends: Ends<'a>,
    how: How,
    progress: &'a mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<TableCompared>, CompareError> {
    let began = ends.clock.tick();
    let clock = ends.clock.clone();
    let mut walk = Walk::new(ends, how, progress);
    let marks = match walk.sources.first() {
        Some((strand, _)) => walk.sink.marks(&strand.feed.clone()).await?,
        None => return Ok(Vec::new()),
    };
    let expected: Vec<Expected> = walk
        .sources
        .iter()
        .map(|(strand, _)| Expected::of(marks.iter().find(|(marked, _)| marked == strand).map(|(_, mark)| mark)))
        .collect();
    let mut compared: Vec<TableCompared> = walk
        .sources
        .iter()
        .map(|(strand, _)| TableCompared {
            table: strand.table.clone(),
            source: (!strand.source.is_empty()).then(|| strand.source.clone()),
            ..TableCompared::default()
        })
        .collect();

    // Retention deletes old rows at the source: those of the target from before are none too many.
    let time = time(walk.carry);
    let naive = time.and_then(|at| walk.carry.target.get(at)).is_some_and(|column| column.kind != Kind::Moment);
    let mut empty = true;
    let mut first: Option<Value> = None;
    for index in 0..expected.len() {
        match walk.first(index, time, naive).await {
            Ok(found) => {
                empty &= found.is_none();
                first = earlier(first, found.flatten(), walk.times, naive);
            }
            Err(CompareError::Source { why: SourceError::Away(why), .. }) => {
                if let Some(compared) = compared.get_mut(index) {
                    compared.error = Some(why);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if empty {
        return Ok(compared);
    }
    // What one that does not answer has written is at the target, and nobody can tell it from rows too many.
    let all_here = compared.iter().all(|compared| compared.error.is_none());
    walk.within = time.zip(first);

    let target = walk.target_buckets().await?;
    let mut source = Buckets::default();
    for (index, (expected, compared)) in expected.iter().zip(&mut compared).enumerate() {
        if compared.error.is_some() {
            continue;
        }
        compared.source_rows = walk.source_buckets(index, expected, &mut source).await?;
    }
    if let Some(compared) = compared.first_mut() {
        compared.target_rows = target.rows();
    }
    for buckets in source.differing(&target, HELD) {
        let mut tally = Tally::new(walk.target_rows(&buckets).await?);
        let here = expected
            .iter()
            .enumerate()
            .filter(|(index, _)| compared.get(*index).is_some_and(|one| one.error.is_none()));
        for (index, expected) in here {
            walk.source_rows(index, expected, &buckets, &mut tally).await?;
        }
        let extra = if all_here { tally.extra() } else { Vec::new() };
        if let Some(compared) = compared.first_mut() {
            compared.extra += u64::try_from(extra.len()).unwrap_or(u64::MAX);
            let room =
                EXAMPLES.saturating_sub(compared.examples.iter().filter(|text| text.starts_with("extra")).count());
            let few: Vec<u64> = extra.into_iter().take(room).collect();
            if !few.is_empty() {
                compared.examples.extend(walk.target_keys(few).await?.into_iter().map(|key| format!("extra: {key}")));
            }
        }
        for (index, (expected, compared)) in expected.iter().zip(&mut compared).enumerate() {
            let wrong = tally.wrong(index);
            compared.missing += wrong.missing;
            compared.different += wrong.different;
            let room = (EXAMPLES * 2).saturating_sub(compared.examples.len());
            compared.examples.extend(wrong.examples.into_iter().take(room));
            if how.repair && !wrong.keys.is_empty() {
                compared.repaired += walk.repair(index, expected, &wrong.keys).await?;
            }
        }
    }
    let seconds = clock.tick().since(began).as_secs_f64();
    for compared in &mut compared {
        compared.seconds = seconds;
    }
    Ok(compared)
}

/// The column of the key that has the time, by its index among those carried.
fn time(carry: &Carry) -> Option<usize> {
    let kind = |at: &usize| carry.target.get(*at).map(|column| column.kind);
    carry.key.iter().copied().find(|at| matches!(kind(at), Some(Kind::Naive | Kind::Moment))).or_else(|| {
        let named = |at: &usize| {
            carry.target.get(*at).is_some_and(|column| {
                let (name, declared) = (column.name.to_lowercase(), column.declared.to_lowercase());
                column.kind == Kind::Any && (name.contains("time") || declared.contains("time"))
            })
        };
        carry.key.iter().copied().find(named)
    })
}

/// The earlier of two times; one that is none is left out. Naive ones are compared as they are written: also one that a clock
/// change skips has its place among them.
fn earlier(one: Option<Value>, other: Option<Value>, times: &Times, naive: bool) -> Option<Value> {
    let moment = |value: &Option<Value>| {
        let text = value.as_ref().and_then(Value::text)?;
        if naive {
            times.naive(text).ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        } else {
            times.moment(text).ok()
        }
    };
    match (moment(&one), moment(&other)) {
        (Some(first), Some(second)) if second < first => other,
        (None, Some(_)) => other,
        _ => one,
    }
}

/// The longest pause after a question.
const PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
