//! What is known of both ends: how each table is carried, and how far it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::lane::Lane;
use super::round::Trouble;
use crate::clock::Timestamp;
use crate::feed::advance::Ties;
use crate::feed::mark::{Mark, Strand};
use crate::feed::sink::{Carry, SinkError, Write};
use crate::feed::source::{Ask, Look, Shape, SourceError};
use crate::feed::value::{Place, Row, Value};

/// What is known of both ends.
pub(super) struct Known {
    pub(super) tables: Vec<Table>,
    /// A look that was taken while the last rows were written.
    pub(super) ahead: Option<Vec<Look>>,
}

/// One table.
pub(super) struct Table {
    pub(super) carry: Arc<Carry>,
    pub(super) shape: Arc<Shape>,
    pub(super) strand: Strand,
    pub(super) mark: Option<Mark>,
    pub(super) ties: Ties,
    pub(super) changes: Option<usize>,
    /// Column that has the time of a row.
    time: Option<String>,
    /// The target was asked whether it has the row at the mark.
    pub(super) proven: bool,
}

impl Lane {
    /// Counts what waits.
    pub(super) async fn count(&mut self) -> Result<(), SourceError> {
        let Some(known) = self.known.as_mut().or(self.stale.as_mut()) else { return Ok(()) };
        let asks: Vec<Ask> = known.tables.iter().map(|table| table.ask(1)).collect();
        let looks = self.source.look(&asks).await?;
        for (table, look) in known.tables.iter_mut().zip(&looks) {
            let age = |value: &Value| self.common.age(value, look.at);
            self.common.desk.looked(&self.name, &table.carry.table.name, table.mark.as_ref(), look, age);
        }
        Ok(())
    }

    /// Asks both ends what there is.
    pub(super) async fn learn(&mut self) -> Result<Known, Trouble> {
        let feed = Arc::clone(&self.common.feed);
        let mut tables = Vec::with_capacity(feed.tables.len());
        for table in &feed.tables {
            let shape = self.source.shape(&table.name, table.cursor.as_deref()).await?;
            tables.push((table, shape));
        }
        let mut sink = self.common.sink.lock().await;
        let mut marks: BTreeMap<Strand, Mark> = sink.marks(&feed.name).await?.into_iter().collect();
        let mut known = Vec::with_capacity(tables.len());
        for (table, shape) in tables {
            let carry = sink.carry(table, &shape).await?;
            let strand = Strand { feed: feed.name.clone(), source: self.name.clone(), table: table.name.clone() };
            let mark = marks.remove(&strand);
            let changes = table.changes.as_ref().map(|changes| {
                carry.columns.iter().position(|column| column == changes).ok_or_else(|| {
                    SinkError::Refused(format!("{}: the column `{changes}` of `changes` is not carried", table.name))
                })
            });
            let time = times_column(&carry);
            if let Some(warning) = self.common.memory.compare(&strand, mark.as_ref()) {
                self.common.desk.warn(&self.name, &table.name, warning);
            }
            known.push(Table {
                carry,
                shape,
                strand,
                mark,
                ties: Ties::default(),
                changes: changes.transpose()?,
                time,
                proven: false,
            });
        }
        self.stale = None;
        Ok(Known { tables: known, ahead: None })
    }
}

impl Table {
    pub(super) fn ask(&self, limit: u32) -> Ask {
        let table = &self.carry.table;
        let changed = self.mark.as_ref().and_then(|mark| mark.changed.clone());
        Ask {
            table: table.name.clone(),
            cursor: table.cursor.clone(),
            columns: self.carry.columns.clone(),
            after: self.after(),
            again: !self.shape.unique,
            limit,
            changes: table.changes.clone().map(|column| (column, changed)),
            group: table.lag_by.clone().map(|column| (column, self.time.clone())),
            time: self.time.clone(),
        }
    }

    pub(super) fn after(&self) -> Option<Place> {
        self.mark.as_ref().and_then(|mark| mark.at.clone())
    }

    pub(super) fn write(&self, rows: Vec<Row>, mark: Mark) -> Write {
        Write { carry: Arc::clone(&self.carry), strand: self.strand.clone(), rows, was: self.mark.clone(), mark }
    }
}

/// The column of the key that has a row's time, by its name.
fn times_column(carry: &Carry) -> Option<String> {
    let named = |name: &str| {
        let name = name.to_lowercase();
        ["time", "date", "stamp"].iter().any(|part| name.contains(part)) || name == "ts" || name.ends_with("_at")
    };
    carry.key.iter().filter_map(|column| carry.columns.get(*column)).find(|name| named(name)).cloned()
}

impl super::Common {
    /// How long ago a time was that a source has written; none where it is no time, or still to come.
    pub(super) fn age(&self, value: &Value, now: Timestamp) -> Option<Duration> {
        let written = self.times.moment(value.text()?).ok()?;
        Duration::try_from(now.duration_since(written)).ok()
    }
}
