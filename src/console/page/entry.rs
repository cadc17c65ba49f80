//! The page of an entry of the journal: all of it.

use std::sync::Arc;

use super::{Line, Page, fact};
use crate::console::action::Scope;
use crate::console::draw::brush::wrap;
use crate::console::look::Look;
use crate::console::pane::journal::{chain, meaning, sign};
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::journal::entry::{Chain, Entry, Weight};

/// The page.
#[derive(Debug)]
pub struct EntryPage(Arc<Entry>);

impl EntryPage {
    /// The page of this entry.
    pub fn new(entry: Arc<Entry>) -> Self {
        Self(entry)
    }
}

const fn word(weight: Weight) -> &'static str {
    match weight {
        Weight::Note => "note",
        Weight::Good => "good",
        Weight::Warning => "warning",
        Weight::Alarm => "alarm",
        Weight::Refusal => "refused",
    }
}

impl Page for EntryPage {
    fn crumb(&self) -> String {
        format!("entry {}", self.0.seq)
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let entry = &self.0;
        let room = width.saturating_sub(12).max(20);
        let time = entry.time.to_zoned(world.zone.clone()).strftime("%A, %d %B %Y, %H:%M:%S").to_string();
        let weight = format!("{} {}", sign(entry.weight, glyphs), word(entry.weight));
        let mut lines = vec![
            fact("when", [plain(time)]),
            fact("who", [plain(entry.who.clone())]),
            fact("weight", [part(meaning(entry.weight), weight)]),
        ];
        for (name, text) in [("what", &entry.what), ("why", &entry.why)] {
            for (index, line) in wrap(text, room).into_iter().enumerate() {
                lines.push(fact(if index == 0 { name } else { "" }, [plain(line)]));
            }
        }
        if let Some(about) = entry.about.as_object().filter(|about| !about.is_empty()) {
            lines.push(Vec::new());
            for (key, value) in about {
                let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                for (index, line) in wrap(&value, room).into_iter().enumerate() {
                    let key = if index == 0 { key.as_str() } else { "" };
                    lines.push(vec![dim(format!("{key:<12}")), plain(line)]);
                }
            }
        }
        lines.push(Vec::new());
        lines.push(fact("journal", [chain(&world.shown.journal.chain, glyphs)]));
        if let Chain::Broken { why, .. } = &world.shown.journal.chain {
            lines.push(fact("", [part(Meaning::Bad, why.clone())]));
        }
        lines
    }
}
