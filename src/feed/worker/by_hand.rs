//! What people ask of a feed: to carry what waits now, to make its target ready, to start over.

use std::sync::Arc;
use std::time::Duration;

use super::Feeds;
use super::running::{self, Running};
use crate::feed::compare::{Ends, How, Progress, compare};
use crate::feed::desk::Asked;
use crate::feed::mark::Strand;
use crate::feed::report::{Double, FeedCompared, FeedPrepared, FeedRan, TableCompared, TablePrepared, TableRan};
use crate::feed::sink::{self, Sink};
use crate::feed::source::{Ask, Shape, Source, SourceError};
use crate::feed::value::Row;
use crate::feed::view::Checked;
use crate::feed::zone::Times;
use crate::fleet::absent;
use crate::fleet::data::FeedTable;

/// An engine that has just started holds its lease within this time, or does not get it.
const LEASE: Duration = Duration::from_secs(3);
/// Rows that tell what a table holds.
const SAMPLE: u32 = 500;

/// A request that is counted as open as long as this lives.
struct Open<'a>(&'a Running);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.gate.send_modify(|gate| gate.open = gate.open.saturating_sub(1));
    }
}

impl Feeds {
    /// Carries all that waits. Ends when it is carried or when an end of it is away or refuses.
    pub async fn run(&self, feed: &str) -> Result<FeedRan, String> {
        let running = self.named(feed)?;
        let mut gate = running.gate.subscribe();
        let may = gate.wait_for(|gate| gate.elsewhere.is_none());
        let _told_below = tokio::time::timeout(LEASE, may).await.is_ok();
        let began = self.0.tools.clock.tick();
        let before = running.desk.counts();
        let mut rounds = running.desk.rounds();
        let mut number = 0;
        running.gate.send_modify(|gate| {
            gate.open += 1;
            gate.asked += 1;
            number = gate.asked;
        });
        let open = Open(&running);
        let ended = loop {
            match running.desk.asked(number) {
                Asked::Open => {}
                ended => break ended,
            }
            tokio::select! {
                changed = rounds.changed() => {
                    if changed.is_err() {
                        return Err("the engine stops".into());
                    }
                }
                // Nobody carries it any more, and this holds what would tell so.
                () = running.stop.cancelled() => {
                    return Err(format!("the fleet file says otherwise of the feed {feed} now, or the engine stops: ask again"));
                }
            }
        };
        drop(open);
        let seconds = self.0.tools.clock.tick().since(began).as_secs_f64();
        let error = match ended {
            Asked::Failed(why) => Some(why),
            Asked::Open | Asked::Done => None,
        };
        let counts = running.desk.counts();
        let tables = counts.into_iter().map(|((source, table), (carried, rows_behind))| {
            let was = before.get(&(source.clone(), table.clone())).map_or(0, |(carried, _)| *carried);
            let rows = carried.saturating_sub(was);
            let source = (!source.is_empty()).then_some(source);
            TableRan { table, source, rows, seconds, rows_behind, error: error.clone() }
        });
        Ok(FeedRan { feed: feed.to_owned(), tables: tables.collect() })
    }

    /// Makes the target of a feed ready, or only says what it would take.
    pub async fn prepare(&self, feed: &str, dry_run: bool) -> Result<FeedPrepared, String> {
        let running = self.named(feed)?;
        let mut sink = self.sink(&running);
        let mut tables = Vec::new();
        for table in &running.feed.tables {
            let into = table.into.clone().unwrap_or_else(|| table.name.clone());
            let made = match self.shape(&running, table).await {
                Ok((shape, sample)) => {
                    sink.prepare(table, &shape, &sample, dry_run).await.map_err(|error| error.to_string())
                }
                Err(why) => Err(why),
            };
            tables.push(match made {
                Ok(made) => TablePrepared {
                    table: table.name.clone(),
                    into: into.clone(),
                    error: (made.doubled > 0).then(|| {
                        format!(
                            "{into} has {} keys more than once, and no unique index can be made over them; look which of the \
                             rows are right and delete the others, then prepare again",
                            made.doubled
                        )
                    }),
                    statements: made.statements,
                    notes: made.notes,
                    doubles: made.doubles.into_iter().map(|(key, times)| Double { key, times }).collect(),
                    doubled: made.doubled,
                },
                Err(why) => TablePrepared { table: table.name.clone(), into, error: Some(why), ..TablePrepared::default() },
            });
        }
        let ok = tables.iter().all(|table| table.error.is_none());
        if !dry_run {
            running.gate.send_modify(|gate| gate.asked += 1);
        }
        Ok(FeedPrepared { feed: feed.to_owned(), dry_run, ok, tables })
    }

    /// Compares both ends; with `repair` carries exactly what is missing or different. Tells meanwhile how far it is.
    pub async fn check(
        &self,
        feed: &str,
        repair: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<FeedCompared, String> {
        let running = self.named(feed)?;
        let times = Times::new(&running.feed.zone)?;
        let mut tables = Vec::new();
        for table in &running.feed.tables {
            match self.compared(&running, table, &times, repair, progress).await {
                Ok(compared) => tables.extend(compared),
                Err(why) => {
                    tables.push(TableCompared {
                        table: table.name.clone(),
                        error: Some(why),
                        ..TableCompared::default()
                    });
                }
            }
        }
        let open = |table: &TableCompared| {
            table.error.is_some() || table.extra > 0 || table.missing + table.different > table.repaired
        };
        let ok = !tables.iter().any(open);
        let repaired = repair && tables.iter().any(|table| table.repaired > 0);
        let compared = FeedCompared { feed: feed.to_owned(), ok, repaired, tables };
        running.desk.checked(Checked { at: self.0.tools.clock.now(), ok, said: compared.said() });
        Ok(compared)
    }

    /// One table. Machines whose silence does not matter are left out where they are silent.
    async fn compared(
        &self,
        running: &Running,
        table: &FeedTable,
        times: &Times,
        repair: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<TableCompared>, String> {
        let mut sink = self.sink(running);
        let (mut sources, mut shape, mut silent) = (Vec::new(), None, Vec::new());
        for machine in &running.machines {
            let name = machine.as_ref().map(|host| host.name.clone()).unwrap_or_default();
            let mut source = running::open(self, &running.feed, machine.as_ref());
            match source.shape(&table.name, table.cursor.as_deref()).await {
                Ok(found) => {
                    shape.get_or_insert(found);
                    let strand = Strand { feed: running.feed.name.clone(), source: name, table: table.name.clone() };
                    sources.push((strand, source));
                }
                Err(error) if running.matters(&name) => {
                    return Err(if name.is_empty() { error.to_string() } else { format!("{name}: {error}") });
                }
                Err(error) => silent.push(TableCompared {
                    table: table.name.clone(),
                    source: Some(name),
                    examples: vec![format!("left out: {error}")],
                    ..TableCompared::default()
                }),
            }
        }
        let shape = shape.ok_or("no machine that it is read from answers")?;
        let carry = sink.carry(table, &shape).await.map_err(|error| error.to_string())?;
        let ends =
            Ends { sources: &mut sources, sink: sink.as_mut(), carry: &carry, times, clock: &self.0.tools.clock };
        let how = How { repair, ..How::default() };
        let mut compared = compare(ends, how, progress).await.map_err(|error| error.to_string())?;
        if !silent.is_empty() {
            // What a silent machine has written is at the target, and nobody can tell it from rows too many.
            for one in &mut compared {
                one.extra = 0;
                one.examples.retain(|example| !example.starts_with("extra"));
            }
        }
        compared.extend(silent);
        Ok(compared)
    }

    /// Forgets how far a feed was carried: everything is carried again from the beginning, which doubles nothing.
    pub async fn reset(&self, feed: &str) -> Result<(), String> {
        let running = self.named(feed)?;
        self.sink(&running).reset(feed).await.map_err(|error| error.to_string())?;
        self.0.memory.forget(feed);
        running.gate.send_modify(|gate| gate.asked += 1);
        Ok(())
    }

    /// The name of the feed, where there is one of this name. The error says which there are.
    pub fn known(&self, feed: &str) -> Result<String, String> {
        self.named(feed).map(|running| running.feed.name.clone())
    }

    /// The feed of this name. The error says which there are.
    pub(super) fn named(&self, feed: &str) -> Result<Arc<Running>, String> {
        let all = self.running();
        if let Some(running) = all.iter().find(|running| running.feed.name == feed) {
            return Ok(Arc::clone(running));
        }
        let names: Vec<&str> = all.iter().map(|running| running.feed.name.as_str()).collect();
        Err(absent("feed", feed, &names, "[feeds.*]"))
    }

    /// A connection to the target of its own.
    pub(super) fn sink(&self, running: &Running) -> Box<dyn Sink> {
        let (feed, tools) = (&running.feed, &self.0.tools);
        sink::open(&feed.name, &feed.to, &feed.zone, &tools.secrets, &tools.clock)
    }

    /// What a table is like at the first machine that answers, and some of its rows with all columns.
    async fn shape(&self, running: &Running, table: &FeedTable) -> Result<(Arc<Shape>, Vec<Row>), String> {
        let mut why = String::from("no machine is declared for it");
        for machine in &running.machines {
            let mut source = running::open(self, &running.feed, machine.as_ref());
            match sampled(source.as_mut(), table).await {
                Ok(found) => return Ok(found),
                Err(error) => {
                    let at = machine.as_ref().map_or_else(String::new, |host| format!("{}: ", host.name));
                    why = format!("{at}{error}");
                }
            }
        }
        Err(why)
    }
}

async fn sampled(source: &mut dyn Source, table: &FeedTable) -> Result<(Arc<Shape>, Vec<Row>), SourceError> {
    let shape = source.shape(&table.name, table.cursor.as_deref()).await?;
    let ask = Ask {
        table: table.name.clone(),
        cursor: table.cursor.clone(),
        columns: shape.columns.iter().map(|column| column.name.clone()).collect(),
        after: None,
        again: false,
        limit: SAMPLE,
        changes: None,
        group: None,
        time: None,
    };
    let looked = source.look(std::slice::from_ref(&ask)).await?;
    Ok((shape, looked.into_iter().next().map(|look| look.rows).unwrap_or_default()))
}
