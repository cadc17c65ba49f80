//! What a round knows of one database, from its name until what came of it.

use crate::dump::change::{Look, Memory};
use crate::dump::record::{Database, Held, Kit};
use crate::dump::report::{DatabaseMade, MadeResult};
use crate::dump::select::Chosen;

/// What came of a database.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dump) enum Came {
    /// Nothing yet.
    Open,
    /// It was not dumped, and why.
    Failed(String),
    /// It is as it was.
    Unchanged,
    /// It was dumped.
    Written(Box<Held>),
}

/// One database of a round.
#[derive(Debug)]
pub(in crate::dump) struct Item {
    pub(in crate::dump) name: String,
    pub(in crate::dump) label: Option<String>,
    /// The newest dump of it on the medium.
    pub(in crate::dump) held: Option<Held>,
    pub(in crate::dump) look: Option<Look>,
    pub(in crate::dump) came: Came,
}

impl Item {
    pub(in crate::dump) fn new(chosen: Chosen, last: Option<&Kit>) -> Self {
        let known = last.and_then(|kit| kit.databases.iter().find(|database| database.name == chosen.name));
        Self {
            held: known.and_then(|database| database.held.clone()),
            came: chosen.error.map_or(Came::Open, Came::Failed),
            name: chosen.name,
            label: chosen.label,
            look: None,
        }
    }

    /// What the server tells of it; unchanged, where that is enough to know.
    pub(in crate::dump) fn looked(&mut self, look: Look, memory: &Memory) {
        if let Some(held) = self.held.as_ref().filter(|held| look.same(&self.name, held, memory)) {
            memory.remember(&self.name, held, &look.mark());
            self.came = Came::Unchanged;
        }
        self.look = Some(look);
    }

    /// Bytes that its tables take on the server.
    pub(in crate::dump) fn bytes(&self) -> u64 {
        self.look.as_ref().map_or(u64::MAX, |look| look.bytes)
    }

    /// Bytes that its dump will have, about.
    pub(in crate::dump) fn plain(&self) -> u64 {
        self.held.as_ref().map_or_else(|| self.look.as_ref().map_or(0, |look| look.bytes), |held| held.plain)
    }

    /// Bytes that its files will need, rather more than less.
    pub(in crate::dump) fn expected(&self) -> u64 {
        let before = self.held.as_ref().map(|held| held.files.iter().map(|file| file.bytes).sum::<u64>());
        let guess = self.look.as_ref().map_or(0, |look| look.bytes / 2);
        before.map_or(guess, |before| before + before / 4) + (64 << 10)
    }

    /// What is wrong with it although it was dumped.
    fn remark(&self) -> Option<String> {
        let Look { broken, unread, .. } = self.look.as_ref()?;
        let views = (!broken.is_empty()).then(|| {
            format!("left out, since it cannot be read on the server: the view {}", broken.join(", the view "))
        });
        let events = (!unread.is_empty()).then(|| {
            format!(
                "left out, since the server's tool cannot read it in a database of such a name (error 1049): the event {}; note \
                 what SHOW CREATE EVENT says of it, or rename the database",
                unread.join(", the event ")
            )
        });
        let all: Vec<String> = views.into_iter().chain(events).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// As the kit has it.
    pub(in crate::dump) fn record(&self) -> Database {
        let (held, error) = match &self.came {
            Came::Written(held) => (Some((**held).clone()), self.remark()),
            Came::Unchanged => (self.held.clone(), self.remark()),
            Came::Failed(why) => (self.held.clone(), Some(why.clone())),
            Came::Open => (self.held.clone(), None),
        };
        Database { name: self.name.clone(), label: self.label.clone(), held, error }
    }

    /// As the report of the round has it. `held`: as the kit has it.
    pub(in crate::dump) fn report(&self, held: Option<&Held>) -> DatabaseMade {
        let first = held.and_then(|held| held.files.first());
        DatabaseMade {
            name: self.name.clone(),
            label: self.label.clone(),
            bytes: held.map_or(0, |held| held.files.iter().map(|file| file.bytes).sum()),
            result: match self.came {
                Came::Written(_) => MadeResult::Written,
                Came::Unchanged => MadeResult::Unchanged,
                Came::Failed(_) | Came::Open => MadeResult::Failed,
            },
            file: held.zip(first).map(|(held, file)| format!("{}/{}", held.kit, file.name)),
            blake3: first.map(|file| file.blake3.clone()),
            locked: match &self.came {
                Came::Written(held) => held.locked,
                _ => None,
            },
            error: match &self.came {
                Came::Failed(why) => Some(why.clone()),
                _ => self.remark(),
            },
        }
    }
}
