//! Where rows go.

pub mod join;
pub mod mysql;
pub mod sqlite;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::compare::canon::Hashed;
use super::mark::{Mark, Strand};
use super::source::Shape;
use super::value::{Row, Value};
use crate::clock::Clock;
use crate::fleet::data::{FeedSink, FeedTable, Zone};
use crate::reach::secret::Secrets;

/// A table as it is carried: which columns, and how the target makes a row the same row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carry {
    /// As the fleet file has it.
    pub table: FeedTable,
    /// Names of the columns that are carried, as the source has them, in the order of each row's values. Those of the key
    /// are among them.
    pub columns: Vec<String>,
    /// The same as the target has them, with their types there.
    pub target: Vec<TargetColumn>,
    /// Indexes of the key's columns in `columns`.
    pub key: Vec<usize>,
    /// Columns of the source that the target does not have and that are not carried.
    pub left_out: Vec<String>,
}

/// One column at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// Its type in words of the target: `timestamp`, `varchar(255)`.
    pub declared: String,
    /// What its values are.
    pub kind: Kind,
}

/// What values a column of the target takes, as far as it matters for carrying and comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers that are rounded or that have no one way to be written.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A date and time without zone.
    Naive,
    /// A moment, kept in UTC whatever it is shown as.
    Moment,
    /// Anything: SQLite.
    Any,
    /// Something else: enum, json, bit, geometry.
    Other,
}

/// Rows to write, and the mark that goes with them.
#[derive(Debug, Clone)]
pub struct Write {
    /// The table.
    pub carry: Arc<Carry>,
    /// Whose rows.
    pub strand: Strand,
    /// Rows in the order in which they were inserted: of two with one key the last one counts.
    pub rows: Vec<Row>,
    /// The mark as it was read from this sink; `None`: there is none yet.
    pub was: Option<Mark>,
    /// The mark after it; its `turn` is one more.
    pub mark: Mark,
}

/// One step of a walk over the rows of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where the step before ended ([`Walked::next`]); `None`: at the beginning.
    pub after: Option<Vec<Value>>,
    /// So many rows.
    pub rows: u32,
    /// Only rows whose value in this column (its index among those carried) is this one of the source or a greater one.
    pub within: Option<(usize, Value)>,
    /// What is to be said of them.
    pub want: Want,
}

/// What a walk is to say of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// How many are in each bucket, and their digests put together.
    Digests,
    /// The digests of each row of these buckets.
    Rows(Vec<usize>),
    /// The keys, written out, of those with these digests.
    Keys(Vec<u64>),
}

/// What a step of a walk says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walked {
    /// Where the next step begins; `None`: this was the last one.
    pub next: Option<Vec<Value>>,
    /// For [`Want::Digests`]: bucket, rows, the exclusive or of the digests of rows.
    pub digests: Vec<(u64, u64, u64)>,
    /// For [`Want::Rows`].
    pub rows: Vec<Hashed>,
    /// For [`Want::Keys`].
    pub keys: Vec<String>,
}

impl Walked {
    /// Takes a row whose digests were made here.
    fn take(&mut self, want: &Want, hashed: Hashed, key: impl FnOnce() -> String) {
        match want {
            Want::Digests => self.digests.push((hashed.bucket() as u64, 1, hashed.row)),
            Want::Rows(buckets) if buckets.binary_search(&hashed.bucket()).is_ok() => self.rows.push(hashed),
            Want::Keys(keys) if keys.contains(&hashed.key) => self.keys.push(key()),
            Want::Rows(_) | Want::Keys(_) => {}
        }
    }
}

/// Why a sink did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// It cannot be reached, or the connection broke: nobody knows whether the last write was done. The mark, read again,
    /// tells.
    #[error("{0}")]
    Away(String),
    /// It was undone by the target, and may be done at once again: a deadlock, a lock that was waited for.
    #[error("{0}")]
    Again(String),
    /// The mark is another than the one that was read: another engine carries this feed, or did.
    #[error("{0}")]
    Moved(String),
    /// The target refuses, and a person has something to do: a right, a disk, a schema.
    #[error("{0}")]
    Refused(String),
    /// The target refuses one row, by its index among [`Write::rows`].
    #[error("{what}")]
    Row {
        /// Index among the rows.
        index: usize,
        /// Why.
        what: String,
    },
    /// The table, or its unique index over the key, is missing: `hotspare feed prepare` makes it.
    #[error("{0}")]
    Unprepared(String),
}

/// A target.
pub trait Sink: Send {
    /// How a table is carried: joins what the fleet file, the source and the target say. [`SinkError::Unprepared`] where the
    /// target is not ready for it.
    fn carry<'a>(&'a mut self, table: &'a FeedTable, shape: &'a Shape) -> BoxFuture<'a, Result<Arc<Carry>, SinkError>>;

    /// The marks of a feed. The place where they lie is made where it is missing.
    fn marks<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<Vec<(Strand, Mark)>, SinkError>>;

    /// Writes rows and mark, both or neither. Without rows it moves the mark alone.
    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<(), SinkError>>;

    /// Forgets the marks of a feed: everything is compared from its beginning. Rows stay.
    fn reset<'a>(&'a mut self, feed: &'a str) -> BoxFuture<'a, Result<(), SinkError>>;

    /// What has to be done so that a table can be carried, or was done. Nothing is done where it is a dry run, or where the
    /// target has keys more than once ([`Prepared::doubled`]).
    ///
    /// `sample` are some rows of the source with all columns of `shape`, in their order: what they hold decides on types, since
    /// SQLite has none for times. It may be empty.
    fn prepare<'a>(
        &'a mut self,
        table: &'a FeedTable,
        shape: &'a Shape,
        sample: &'a [Row],
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Prepared, SinkError>>;

    /// The next rows of the target, for comparing: so many of them, in an order of the target's own.
    fn walk<'a>(&'a mut self, carry: &'a Carry, step: &'a Step) -> BoxFuture<'a, Result<Walked, SinkError>>;

    /// Writes rows alone; no mark is changed.
    fn mend<'a>(&'a mut self, carry: &'a Carry, rows: &'a [Row]) -> BoxFuture<'a, Result<(), SinkError>>;

    /// Whether the target has the row with this key: the row at the mark, where somebody may have put back an older state.
    fn has<'a>(&'a mut self, carry: &'a Carry, row: &'a Row) -> BoxFuture<'a, Result<bool, SinkError>>;
}

/// What preparing a table takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Statements in their order; none: it is ready.
    pub statements: Vec<String>,
    /// What a person should know: keys that differ only in case are one row there, a column that is not carried.
    pub notes: Vec<String>,
    /// Keys that the target has more than once, written out, and how often, a few of them; the index cannot be made while
    /// there are any.
    pub doubles: Vec<(String, u64)>,
    /// How many keys there are more than once.
    pub doubled: u64,
}

/// The target of a feed. Nothing is connected yet; it connects when it is first asked, and again after [`SinkError::Away`].
///
/// `feed` is the feed's name, for what a person reads; times of the source are read in `zone`.
pub fn open(feed: &str, to: &FeedSink, zone: &Zone, secrets: &Secrets, clock: &Clock) -> Box<dyn Sink> {
    match to {
        FeedSink::Mysql(url) => Box::new(mysql::MysqlSink::new(feed, url, zone, secrets, clock)),
        FeedSink::Sqlite(path) => Box::new(sqlite::SqliteSink::new(feed, path)),
    }
}

/// The mark as it is kept.
fn written(mark: &Mark) -> Result<String, SinkError> {
    serde_json::to_string(mark).map_err(|why| SinkError::Refused(format!("the mark cannot be written: {why}")))
}

/// The mark in what was kept.
fn parse(strand: &Strand, turn: u64, text: &str) -> Result<Mark, SinkError> {
    let why = match serde_json::from_str::<Mark>(text) {
        Ok(mark) if mark.turn == turn => return Ok(mark),
        Ok(mark) => format!("its turn is {turn} and {} in its text", mark.turn),
        Err(error) => error.to_string(),
    };
    Err(SinkError::Refused(format!(
        "the mark of `{}` in hotspare_marks cannot be read ({why}): `hotspare feed reset {}` compares everything from its \
         beginning",
        strand.table, strand.feed
    )))
}
