//! One round: look, judge, write, and look on while it is written.

use std::sync::Arc;

use super::known::{Known, Table};
use super::lane::Lane;
use super::passages::tell_apart;
use crate::feed::advance::{Advance, Given, Ties, advance};
use crate::feed::mark::Role;
use crate::feed::sink::{SinkError, Write};
use crate::feed::source::{Ask, Look, SourceError};
use crate::feed::value::{Row, Value};
use crate::feed::view::{FeedState, Part};

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

/// What is to be written of one table.
struct Step {
    /// Index of the table.
    table: usize,
    write: Write,
    ties: Ties,
    /// Rows that wait after it.
    left: u64,
    /// What the source is told of once it is written, where that are other rows than those that are written: those that are
    /// passed over, or that were read with another time.
    told: Option<Vec<Row>>,
}

/// What follows from all looks of a round.
#[derive(Default)]
struct Steps {
    list: Vec<Step>,
    /// Rows wait behind those that are written.
    more: bool,
    /// A table begins anew.
    again: bool,
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

    async fn judge(&mut self, known: &mut Known, looks: Vec<Look>, part: Part) -> Result<Round, Trouble> {
        let mut all = Steps::default();
        for (number, (table, look)) in known.tables.iter_mut().zip(looks).enumerate() {
            self.judge_one(number, table, look, part, &mut all).await?;
        }
        if all.list.is_empty() {
            self.common.desk.compose();
            return Ok(Round::Over);
        }
        self.write(known, all).await
    }

    async fn judge_one(
        &mut self,
        number: usize,
        table: &mut Table,
        look: Look,
        part: Part,
        all: &mut Steps,
    ) -> Result<(), Trouble> {
        let common = Arc::clone(&self.common);
        let name = table.carry.table.name.clone();
        let age = |value: &Value| common.age(value, look.at);
        common.desk.looked(&self.name, &name, table.mark.as_ref(), &look, age);
        if let (false, Some(tail)) = (table.proven, &look.tail) {
            let mut tail = [tail.clone()];
            tell_apart(self.source.as_mut(), &common.times, table, &mut tail).await?;
            let [tail] = tail;
            if !common.sink.lock().await.has(&table.carry, &tail).await? {
                common.desk.warn(&self.name, &name, lost(&common.feed.name));
            }
        }
        table.proven = true;
        let (waiting, took) = (look.waiting, look.rows.len());
        // A spare's rows may be passed over; most sources need not hear of them.
        let passed = (part == Part::Idle).then(|| look.rows.clone());
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
                let warning = format!("{why}; everything is carried again, which doubles nothing");
                common.desk.warn(&self.name, &name, warning);
                all.again = true;
                let write = table.write(Vec::new(), mark);
                all.list.push(Step { table: number, write, ties, left: waiting, told: None });
            }
            Advance::Write { mut rows, mark } => {
                let told = if mark.role == Role::PassedOver {
                    passed
                } else {
                    let mut read = table.may_be_twofold(&common.times, &rows).then(|| rows.clone());
                    if read.is_some() && !tell_apart(self.source.as_mut(), &common.times, table, &mut rows).await? {
                        read = None;
                    }
                    read
                };
                let left = waiting.saturating_sub(u64::try_from(took).unwrap_or(u64::MAX));
                all.more |= took > 0 && left > 0;
                // Of updates nobody counts how many wait: where there were any, there may be more.
                all.more |= mark.changed != table.mark.as_ref().and_then(|mark| mark.changed.clone());
                all.list.push(Step { table: number, write: table.write(rows, mark), ties, left, told });
            }
        }
        Ok(())
    }

    /// Writes one table after the other, and looks on meanwhile where more waits.
    async fn write(&mut self, known: &mut Known, all: Steps) -> Result<Round, Trouble> {
        let common = Arc::clone(&self.common);
        let Steps { list: steps, more, again } = all;
        let next =
            |number: usize| steps.iter().find(|step| step.table == number).map(|step| step.write.mark.at.clone());
        let asks: Vec<Ask> = known
            .tables
            .iter()
            .enumerate()
            .map(|(number, table)| Ask {
                after: next(number).unwrap_or_else(|| table.after()),
                ..table.ask(self.batch.rows())
            })
            .collect();
        let began = common.clock.tick();
        let written = async {
            for step in &steps {
                common.sink.lock().await.write(&step.write).await?;
            }
            Ok::<(), SinkError>(())
        };
        // What is left out of a look for being carried already is known only when it was.
        let plain = known.tables.iter().all(|table| table.shape.unique && table.changes.is_none());
        let mut ahead = None;
        if more && !again && plain {
            let (written, looked) = tokio::join!(written, self.source.look(&asks));
            written?;
            ahead = Some(looked);
        } else {
            written.await?;
        }
        let rows = steps.iter().map(|step| step.write.rows.len()).sum();
        self.batch.wrote(rows, common.clock.tick().since(began));
        for Step { table, write, ties, left, told } in steps {
            let Some(table) = known.tables.get_mut(table) else { continue };
            let rows = u64::try_from(write.rows.len()).unwrap_or(u64::MAX);
            self.source.carried(&write.strand.table, told.as_deref().unwrap_or(&write.rows));
            common.desk.carried(&self.name, &write.strand.table, &write.mark, rows, left);
            common.memory.keep(&table.strand, &write.mark);
            (table.mark, table.ties) = (Some(write.mark), ties);
        }
        common.desk.compose();
        if let Some(looked) = ahead {
            known.ahead = Some(looked?);
        }
        Ok(if more || again { Round::More } else { Round::Over })
    }
}

fn lost(feed: &str) -> String {
    format!(
        "the target does not have the last row that was carried: rows were deleted there, or an older state was put back; \
         `hotspare feed check {feed} --repair` carries exactly what is missing"
    )
}
