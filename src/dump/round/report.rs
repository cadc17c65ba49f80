//! What a round leaves: a new kit, or a note that the newest still holds all.

use tokio_util::sync::CancellationToken;

use super::plan::{Came, Item};
use crate::clock::Timestamp;
use crate::dump::hand::Hand;
use crate::dump::record::{Database, Held, Kit};
use crate::dump::report::{DatabaseMade, Made, MadeResult};
use crate::dump::select::Chosen;
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::fleet::data::Dump;

/// Where a kit comes from, and when.
pub(in crate::dump) struct Leaving<'a> {
    pub(in crate::dump) dump: &'a Dump,
    /// The server, without secrets.
    pub(in crate::dump) server: &'a str,
    /// Its version as it names itself.
    pub(in crate::dump) version: &'a str,
    /// When the round began.
    pub(in crate::dump) at: Timestamp,
    pub(in crate::dump) tools: &'a Tools,
    pub(in crate::dump) stop: &'a CancellationToken,
}

impl Leaving<'_> {
    /// Leaves what came of it on the medium.
    pub(in crate::dump) async fn leave(
        &self,
        items: Vec<Item>,
        failed: Vec<Chosen>,
        hand: Hand,
        last: Option<&Kit>,
    ) -> Result<Made, Trouble> {
        let databases: Vec<Database> = items.iter().map(Item::record).collect();
        let nothing = databases.iter().all(|database| database.held.is_none());
        let kit = match last {
            Some(last) if same(&last.databases, &databases) => {
                // Only where all of it was seen to be as it is held.
                if failed.is_empty() && items.iter().all(|item| item.came == Came::Unchanged) {
                    hand.unchanged(last.clone(), self.tools.clock.now(), self.stop).await?;
                }
                Some(last.clone())
            }
            _ if nothing => None,
            _ => {
                let kit = Kit {
                    name: String::new(),
                    dump: self.dump.name.clone(),
                    number: 0,
                    at: self.at,
                    server: self.server.to_owned(),
                    version: self.version.to_owned(),
                    databases,
                };
                Some(hand.publish(kit, self.stop).await?)
            }
        };
        let held = |name: &str| -> Option<&Held> {
            kit.as_ref()?.databases.iter().find(|database| database.name == name)?.held.as_ref()
        };
        let mut made: Vec<DatabaseMade> = items.iter().map(|item| item.report(held(&item.name))).collect();
        made.extend(failed.into_iter().map(|query| DatabaseMade {
            name: query.name,
            label: None,
            bytes: 0,
            result: MadeResult::Failed,
            file: None,
            blake3: None,
            locked: None,
            error: query.error,
        }));
        Ok(Made { kit: kit.map(|kit| kit.name).unwrap_or_default(), databases: made })
    }
}

/// Whether the newest kit already holds all of it.
fn same(last: &[Database], now: &[Database]) -> bool {
    let is = |(last, now): (&Database, &Database)| {
        let held = |database: &Database| database.held.as_ref().map(|held| (held.kit.clone(), held.content.clone()));
        last.name == now.name && last.label == now.label && held(last) == held(now)
    };
    last.len() == now.len() && last.iter().zip(now).all(is)
}
