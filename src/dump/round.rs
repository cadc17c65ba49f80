//! One round: asks the server which databases there are, dumps those that changed, and leaves a kit.

mod plan;
mod report;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(super) use self::plan::{Came, Item};
pub(super) use self::report::Leaving;
use super::change::{Look, Memory, Moment, Whole};
use super::dumper::{self, Dumper};
use super::hand::Hand;
use super::keeper::Keeper;
use super::mongo;
use super::record::{Held, Kit};
use super::report::{Made, MadeResult};
use super::select::select;
use super::server::{Line, Server};
use super::stream::Reading;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::clock::{Tick, Timestamp};
use crate::fleet::data::Dump;
use crate::work::progress::Event;
use crate::work::steer::Steer;

/// While a database is read whose tables take less than this, the next one is begun already: it fits into memory.
const BESIDE: u64 = 8 << 20;

/// Makes one round. `last` is the newest kit on the medium; `memory` belongs to this dump and is handed to each of its rounds.
///
/// One bad database never stops the others: what came of each is in the report. The kit that is named there is the newest, or
/// `last` where nothing has changed.
pub async fn round(
    dump: &Dump,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    last: Option<&Kit>,
    memory: &Memory,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Made, Trouble> {
    if mongo::is(&dump.server) {
        return mongo::round(dump, tools, keeper, last, steer, stop).await;
    }
    let at = tools.clock.now();
    let server = Server::of(&dump.server, tools).await?;
    let work = async {
        let mut line = server.line(tools).await?;
        let before: Vec<_> = last.map_or_else(Vec::new, |kit| {
            kit.databases.iter().map(|database| (database.name.clone(), database.label.clone())).collect()
        });
        let selection = select(&mut line, &dump.databases, &before).await?;
        if selection.chosen.is_empty() && selection.failed.is_empty() {
            return Err(Trouble::Failed(
                "there is nothing to dump: the queries of this dump return no database now".into(),
            ));
        }
        let mut round = Round { server: &server, tools, stop, steer: &steer, at, line, memory, hand: None };
        let mut items = round.look(selection.chosen, last).await?;
        round.dump(&mut items, &keeper).await?;
        let hand = match round.hand.take() {
            Some(hand) => hand,
            None => Hand::new(Arc::clone(&keeper), at, 0, tools)?,
        };
        let version = round.line.nature.version.clone();
        let leaving = Leaving { dump, server: &server.name, version: &version, at, tools, stop };
        let made = leaving.leave(items, selection.failed, hand, last).await?;
        round.line.end().await;
        // All of them failed: is it the server?
        if made.databases.iter().all(|one| one.result == MadeResult::Failed) {
            server.line(tools).await?.end().await;
        }
        Ok(made)
    };
    tokio::select! {
        made = work => made,
        () = stop.cancelled() => Err(Trouble::Stopped),
    }
}

struct Round<'a> {
    server: &'a Server,
    tools: &'a Tools,
    stop: &'a CancellationToken,
    steer: &'a Arc<dyn Steer>,
    at: Timestamp,
    line: Line,
    memory: &'a Memory,
    hand: Option<Hand>,
}

/// A database that is being read.
struct Begun {
    reading: Result<Reading, Trouble>,
    at: Timestamp,
    /// Holds the tables that know no transactions, since then.
    holds: Option<(Line, Tick)>,
}

impl Round<'_> {
    /// Looks which databases may have changed.
    async fn look(&mut self, chosen: Vec<super::select::Chosen>, last: Option<&Kit>) -> Result<Vec<Item>, Trouble> {
        let mut items = Vec::new();
        let whole = Whole::of(&mut self.line).await?;
        for chosen in chosen {
            let mut item = Item::new(chosen, last);
            if item.came == Came::Open {
                match Look::at(&mut self.line, &item.name, &whole).await {
                    Ok(look) => item.looked(look, self.memory),
                    Err(trouble) => {
                        item.came = Came::Failed(trouble.to_string());
                        // What hangs on one database must not hold the others.
                        if matches!(trouble, Trouble::Server(_)) {
                            self.line = self.server.line(self.tools).await?;
                        }
                    }
                }
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Dumps those that may.
    async fn dump(&mut self, items: &mut [Item], keeper: &Arc<dyn Keeper>) -> Result<(), Trouble> {
        let mut open = items.iter_mut().filter(|item| item.came == Came::Open).collect::<Vec<_>>();
        let total = open.iter().map(|item| item.plain()).sum();
        self.steer.event(Event::Total(total));
        if open.is_empty() {
            return Ok(());
        }
        let dumper = Dumper::of(self.server, &self.line.nature, self.tools)?;
        let expected = open.iter().map(|item| item.expected()).sum();
        let hand = Hand::new(Arc::clone(keeper), self.at, expected, self.tools)?;
        let mut ahead: Option<Begun> = None;
        let mut done = 0;
        for at in 0..open.len() {
            let next_is_small = open.get(at + 1).is_some_and(|next| next.bytes() < BESIDE);
            let Some(item) = open.get(at) else { break };
            self.steer.note(&format!("dumping {}", item.name));
            let begun = match ahead.take() {
                Some(begun) => begun,
                None => self.begin(&dumper, item).await,
            };
            if next_is_small && let Some(next) = open.get(at + 1) {
                ahead = Some(self.begin(&dumper, next).await);
            }
            let came = self.finish(&hand, item, begun).await;
            let came = match came {
                Err(Trouble::Failed(why) | Trouble::Server(why) | Trouble::Refused(why)) => Came::Failed(why),
                Err(fatal) => return Err(fatal),
                Ok(came) => came,
            };
            done += item.plain();
            self.steer.event(Event::Reached(done));
            if let Some(item) = open.get_mut(at) {
                item.came = came;
            }
        }
        self.hand = Some(hand);
        Ok(())
    }

    async fn begin(&self, dumper: &Dumper, item: &Item) -> Begun {
        let at = self.tools.clock.now();
        let Some(look) = &item.look else {
            return Begun { reading: Err(Trouble::Stopped), at, holds: None };
        };
        let mut holds = None;
        if let Moment::Both(others) = &look.moment {
            match self.lock(&item.name, others).await {
                Ok(line) => holds = Some((line, self.tools.clock.tick())),
                Err(trouble) => return Begun { reading: Err(trouble), at, holds },
            }
        }
        let reading = dumper.begin(&item.name, &look.moment, &look.broken, self.tools, self.stop);
        Begun { reading, at, holds }
    }

    async fn lock(&self, database: &str, tables: &[String]) -> Result<Line, Trouble> {
        let mut line = self.server.line(self.tools).await?;
        line.order(&dumper::lock(database, tables)).await?;
        Ok(line)
    }

    /// Reads a database to its end and keeps it, unless it turns out to be as it was.
    async fn finish(&self, hand: &Hand, item: &Item, begun: Begun) -> Result<Came, Trouble> {
        let Begun { reading, at, holds } = begun;
        let Reading { pieces, spare, flow, end } = match reading {
            Ok(reading) => reading,
            Err(trouble) => {
                self.unlock(holds).await;
                return Err(trouble);
            }
        };
        let packing = hand.pack(&item.name, pieces, spare, self.stop);
        let (packed, ended, locked) = {
            let unlocking = async {
                let ended = end.whole().await;
                (ended, self.unlock(holds).await)
            };
            let (packed, (ended, locked)) = tokio::join!(packing, unlocking);
            (packed, ended, locked)
        };
        drop(flow);
        packed?;
        let (shape, by_tool) = match ended {
            Ok(ended) => ended,
            Err(trouble) => {
                hand.forget(self.stop).await?;
                return Err(trouble);
            }
        };
        let mark = item.look.as_ref().map(Look::mark).unwrap_or_default();
        if let Some(held) = item.held.as_ref().filter(|held| held.content == shape.content) {
            hand.forget(self.stop).await?;
            self.memory.remember(&item.name, held, &mark);
            return Ok(Came::Unchanged);
        }
        let files = hand.keep(self.stop).await?;
        Ok(Came::Written(Box::new(Held {
            kit: String::new(),
            at,
            files,
            content: shape.content,
            plain: shape.plain,
            locked: locked.or(by_tool).map(|locked| locked.as_secs_f64()),
            tables: shape.tables,
            mark,
        })))
    }

    /// Lets the tables go; how long they were held.
    async fn unlock(&self, holds: Option<(Line, Tick)>) -> Option<Duration> {
        let (mut line, since) = holds?;
        // A connection that ends lets go as well.
        let _either_way = line.order("UNLOCK TABLES").await;
        let held = self.tools.clock.tick().since(since);
        line.end().await;
        Some(held)
    }
}
