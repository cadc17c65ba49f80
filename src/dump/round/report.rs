//! What a round leaves: a new kit, or a note that the newest still holds all.

use std::sync::Arc;

use super::Round;
use super::plan::{Came, Item};
use crate::dump::hand::Hand;
use crate::dump::keeper::Keeper;
use crate::dump::record::{Database, Held, Kit};
use crate::dump::report::{DatabaseMade, Made, MadeResult};
use crate::dump::select::Chosen;
use crate::dump::trouble::Trouble;
use crate::fleet::data::Dump;

impl Round<'_> {
    /// Leaves what came of it on the medium.
    pub(super) async fn leave(
        &mut self,
        dump: &Dump,
        items: Vec<Item>,
        failed: Vec<Chosen>,
        keeper: &Arc<dyn Keeper>,
        last: Option<&Kit>,
    ) -> Result<Made, Trouble> {
        let databases: Vec<Database> = items.iter().map(Item::record).collect();
        let hand = match self.hand.take() {
            Some(hand) => hand,
            None => Hand::new(Arc::clone(keeper), self.at, 0, self.tools)?,
        };
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
                    dump: dump.name.clone(),
                    number: 0,
                    at: self.at,
                    server: self.server.name.clone(),
                    version: self.line.nature.version.clone(),
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
        // All of them failed: is it the server?
        if made.iter().all(|one| one.result == MadeResult::Failed) {
            self.server.line(self.tools).await?.end().await;
        }
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
