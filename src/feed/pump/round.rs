//! One round: look, judge, write, and look on while it is written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::lane::Lane;
use crate::clock::Timestamp;
use crate::feed::advance::{Advance, Given, Ties, advance};
use crate::feed::mark::{Mark, Strand};
use crate::feed::sink::{Carry, Kind, SinkError, Write};
use crate::feed::source::{Ask, Look, Shape, Source, SourceError};
use crate::feed::value::{Row, Value};
use crate::feed::view::{FeedState, Part};
use crate::feed::zone::Times;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// More rows wait already.
    More,
    /// Nothing waits.
    Over,
}

/// Why a round did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Source(SourceError),
    Sink(SinkError),
}

impl Trouble {
    /// How a strand is called that has it, and why.
    pub(super) fn words(&self) -> (FeedState, String) {
        let (state, why) = match self {
            Self::Source(SourceError::Away(why)) => (FeedState::SourceAway, why),
            Self::Sink(SinkError::Away(why) | SinkError::Again(why)) => (FeedState::TargetAway, why),
            Self::Source(SourceError::Refused(why))
            | Self::Sink(SinkError::Moved(why) | SinkError::Refused(why) | SinkError::Unprepared(why)) => {
                (FeedState::Refused, why)
            }
            Self::Sink(SinkError::Row { what, .. }) => (FeedState::Refused, what),
        };
        (state, why.clone())
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<SinkError> for Trouble {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

/// What is known of both ends.
pub(super) struct Known {
    tables: Vec<Table>,
    /// A look that was taken while the last rows were written.
    ahead: Option<Vec<Look>>,
}

struct Table {
    carry: Arc<Carry>,
    shape: Arc<Shape>,
    strand: Strand,
    mark: Option<Mark>,
    ties: Ties,
    changes: Option<usize>,
    /// Column that has the time of a row.
    time: Option<String>,
    /// The target was asked whether it has the row at the mark.
    proven: bool,
}

impl Lane {
    pub(super) async fn round(&mut self, part: Part) -> Result<Round, Trouble> {
        let mut known = match self.known.take() {
            Some(known) => known,
            None => self.learn().await?,
        };
        let looks = if let Some(looks) = known.ahead.take() {
            looks
        } else {
            let asks: Vec<Ask> = known.tables.iter().map(|table| table.ask(self.batch.rows())).collect();
            match self.source.look(&asks).await {
                Ok(looks) => looks,
                Err(error) => {
                    // One that was away is as it was; of another trouble nobody knows what the source has now.
                    self.known = Some(known).filter(|_| matches!(error, SourceError::Away(_)));
                    return Err(error.into());
                }
            }
        };
        let ended = self.judge(&mut known, looks, part).await;
        // What a failed write has left is read anew; counting goes on by what was known.
        self.known = Some(known);
        ended
    }

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

    async fn judge(&mut self, known: &mut Known, looks: Vec<Look>, part: Part) -> Result<Round, Trouble> {
        let common = Arc::clone(&self.common);
        let (mut writes, mut full, mut again) = (Vec::new(), false, false);
        for (number, (table, look)) in known.tables.iter_mut().zip(looks).enumerate() {
            let name = table.carry.table.name.clone();
            let waiting = look.waiting;
            let age = |value: &Value| common.age(value, look.at);
            common.desk.looked(&self.name, &name, table.mark.as_ref(), &look, age);
            if !table.proven {
                table.proven = true;
                if let Some(tail) = &look.tail
                    && !common.sink.lock().await.has(&table.carry, tail).await?
                {
                    common.desk.warn(&self.name, &name, lost(&common.feed.name));
                }
            }
            let took = look.rows.len();
            let mut ties = table.ties.clone();
            let given = Given {
                mark: table.mark.as_ref(),
                part,
                key: &table.carry.key,
                changes: table.changes,
                unique: table.shape.unique,
            };
            match advance(given, look, &mut ties) {
                Advance::Nothing => {}
                Advance::Again { mark, why } => {
                    common.desk.warn(
                        &self.name,
                        &name,
                        format!("{why}; everything is carried again, which doubles nothing"),
                    );
                    again = true;
                    writes.push((number, ties, waiting, table.write(Vec::new(), mark)));
                }
                Advance::Write { mut rows, mark } => {
                    tell_apart(self.source.as_mut(), &common.times, table, &mut rows).await?;
                    let left = waiting.saturating_sub(u64::try_from(took).unwrap_or(u64::MAX));
                    full |= took > 0 && left > 0;
                    writes.push((number, ties, left, table.write(rows, mark)));
                }
            }
        }
        if writes.is_empty() {
            common.desk.compose();
            return Ok(Round::Over);
        }
        let asks: Vec<Ask> = known
            .tables
            .iter()
            .enumerate()
            .map(|(number, table)| {
                let next = writes.iter().find(|(of, ..)| *of == number).map(|(_, _, _, write)| &write.mark);
                Ask {
                    after: next.map_or_else(|| table.after(), |mark| mark.at.clone()),
                    ..table.ask(self.batch.rows())
                }
            })
            .collect();
        let began = common.clock.tick();
        let mut ahead = None;
        let written = async {
            for (_, _, _, write) in &writes {
                common.sink.lock().await.write(write).await?;
            }
            Ok::<(), SinkError>(())
        };
        let plain = known.tables.iter().all(|table| table.shape.unique && table.changes.is_none());
        if full && !again && plain {
            let (written, looked) = tokio::join!(written, self.source.look(&asks));
            written?;
            ahead = Some(looked);
        } else {
            written.await?;
        }
        let took = common.clock.tick().since(began);
        let rows: usize = writes.iter().map(|(_, _, _, write)| write.rows.len()).sum();
        self.batch.wrote(rows, took);
        for (number, ties, left, write) in writes {
            let Some(table) = known.tables.get_mut(number) else { continue };
            let rows = u64::try_from(write.rows.len()).unwrap_or(u64::MAX);
            self.source.carried(&write.strand.table, &write.rows);
            common.desk.carried(&self.name, &write.strand.table, &write.mark, rows, left);
            common.memory.keep(&table.strand, &write.mark);
            (table.mark, table.ties) = (Some(write.mark), ties);
        }
        common.desk.compose();
        if let Some(looked) = ahead {
            known.ahead = Some(looked?);
        }
        Ok(if full || again { Round::More } else { Round::Over })
    }
}

impl Table {
    fn ask(&self, limit: u32) -> Ask {
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

    fn after(&self) -> Option<crate::feed::value::Place> {
        self.mark.as_ref().and_then(|mark| mark.at.clone())
    }

    fn write(&self, rows: Vec<crate::feed::value::Row>, mark: Mark) -> Write {
        Write { carry: Arc::clone(&self.carry), strand: self.strand.clone(), rows, was: self.mark.clone(), mark }
    }
}

fn lost(feed: &str) -> String {
    format!(
        "the target does not have the last row that was carried: rows were deleted there, or an older state was put back; \
         `hotspare feed check {feed} --repair` carries exactly what is missing"
    )
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
    fn age(&self, value: &Value, now: Timestamp) -> Option<Duration> {
        let written = self.times.moment(value.text()?).ok()?;
        Duration::try_from(now.duration_since(written)).ok()
    }
}

/// Says of each row whose time means two moments, because a clock change repeats the hour, which of them it is: the first row
/// of its key is of the first passage. Rows whose target keeps times as they are written stay as they are.
async fn tell_apart(
    source: &mut dyn Source,
    times: &Times,
    table: &Table,
    rows: &mut [Row],
) -> Result<(), SourceError> {
    let carry = &table.carry;
    let moments: Vec<usize> = (0..carry.columns.len())
        .filter(|column| carry.target.get(*column).is_some_and(|target| target.kind == Kind::Moment))
        .collect();
    let twofold = |row: &Row, column: usize| {
        row.values.get(column).and_then(Value::text).is_some_and(|text| times.is_twofold(text))
    };
    for row in rows {
        if !moments.iter().any(|column| twofold(row, *column)) {
            continue;
        }
        let key: Vec<(String, Value)> = carry
            .key
            .iter()
            .filter_map(|column| Some((carry.columns.get(*column)?.clone(), row.values.get(*column)?.clone())))
            .collect();
        let passage = source.before(&table.ask(1), &key, &row.at).await?;
        for column in &moments {
            if let Some(value) = row.values.get_mut(*column)
                && let Some(text) = value.text().and_then(|text| times.passage(text, passage))
            {
                *value = Value::Text(text.into_bytes());
            }
        }
    }
    Ok(())
}
