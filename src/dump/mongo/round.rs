//! One round: each named database is dumped, and kept where it is not as the last kit has it.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::program::Mongo;
use crate::clock::Timestamp;
use crate::dump::hand::Hand;
use crate::dump::keeper::Keeper;
use crate::dump::record::{Held, Kit};
use crate::dump::report::{Made, MadeResult};
use crate::dump::round::{Came, Item, Leaving};
use crate::dump::select::Chosen;
use crate::dump::stream::Reading;
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::fleet::data::{Dump, DumpDatabases};
use crate::work::progress::Event;
use crate::work::steer::Steer;

/// What is said of a database that the server does not have. It answers a dump of it with an archive of nothing.
pub(super) fn nothing(name: &str) -> String {
    format!("the server has no database `{name}`, or nothing is in it; names are told apart by the case of letters")
}

/// Makes one round. `last` is the newest kit on the medium.
pub(in crate::dump) async fn round(
    dump: &Dump,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    last: Option<&Kit>,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Made, Trouble> {
    let at = tools.clock.now();
    let mongo = Mongo::of(&dump.server, tools).await?;
    let named = dump.databases.iter().filter_map(|database| match database {
        DumpDatabases::Named(name) => Some(Chosen { name: name.clone(), label: None, error: None }),
        // The fleet file has none: nobody here can ask one.
        DumpDatabases::Query { .. } => None,
    });
    let mut items: Vec<Item> = named.map(|chosen| Item::new(chosen, last)).collect();
    if items.is_empty() {
        return Err(Trouble::Failed("there is nothing to dump: `databases` of this dump names none".into()));
    }
    steer.event(Event::Total(items.iter().map(Item::plain).sum()));
    let hand = Hand::new(Arc::clone(&keeper), at, items.iter().map(Item::expected).sum(), tools)?;
    let (version, mut done) = (Arc::new(OnceLock::new()), 0);
    for item in &mut items {
        steer.note(&format!("dumping {}", item.name));
        item.came = match one(&mongo, item, &hand, &version, tools, stop).await {
            Err(Trouble::Failed(why) | Trouble::Refused(why)) => Came::Failed(why),
            // Whoever does not answer for one answers for none: each of them would wait for it.
            Err(fatal) => return Err(fatal),
            Ok(came) => came,
        };
        done += item.plain();
        steer.event(Event::Reached(done));
    }
    let version = version.get().map_or_else(
        || last.map(|kit| kit.version.clone()).unwrap_or_default(),
        |version: &String| format!("{version}-MongoDB"),
    );
    let leaving = Leaving { dump, server: &mongo.name, version: &version, at, tools, stop };
    let made = leaving.leave(items, Vec::new(), hand, last).await?;
    if made.kit.is_empty() && made.databases.iter().all(|one| one.result == MadeResult::Failed) {
        let why = made.databases.iter().find_map(|one| one.error.clone()).unwrap_or_default();
        return Err(Trouble::Failed(why));
    }
    Ok(made)
}

/// Reads a database to its end and keeps it, unless it turns out to be as it was.
async fn one(
    mongo: &Mongo,
    item: &Item,
    hand: &Hand,
    version: &Arc<OnceLock<String>>,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<Came, Trouble> {
    let at: Timestamp = tools.clock.now();
    let Reading { pieces, spare, flow: _, end } = mongo.begin(&item.name, version, tools, stop)?;
    let (packed, ended) = tokio::join!(hand.pack(&item.name, pieces, spare, stop), end.whole());
    packed?;
    let shape = match ended {
        Ok((shape, _never_locked)) if !shape.tables.is_empty() => shape,
        Ok(_empty) => {
            hand.forget(stop).await?;
            return Err(Trouble::Failed(nothing(&item.name)));
        }
        Err(trouble) => {
            hand.forget(stop).await?;
            return Err(mongo.told(trouble, tools));
        }
    };
    if item.held.as_ref().is_some_and(|held| held.content == shape.content) {
        hand.forget(stop).await?;
        return Ok(Came::Unchanged);
    }
    let files = hand.keep(stop).await?;
    Ok(Came::Written(Box::new(Held {
        kit: String::new(),
        at,
        files,
        content: shape.content,
        plain: shape.plain,
        locked: None,
        tables: shape.tables,
        mark: String::new(),
    })))
}
