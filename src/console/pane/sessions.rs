//! The pane Sessions: what is recorded here, where are its copies, and what may be deleted?
//!
//! Its rows come from the engine in windows, chosen and in order; see [`crate::console::window`].

mod cells;
pub mod sides;
pub mod words;

use super::{Pane, Rows, key_words};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::list::ListState;
use crate::console::table::{Column, Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::window::{SORTS, Wish};
use crate::console::world::World;
use crate::session::view::{Ask, Sort, StoreView};

/// The pane.
#[derive(Debug)]
pub struct Sessions;

const NAMES: [&str; SORTS.len()] = {
    let mut names = [""; SORTS.len()];
    let mut index = 0;
    while index < SORTS.len() {
        names[index] = SORTS[index].0;
        index += 1;
    }
    names
};

/// A disk that is full within so many days needs an eye.
const SOON: f64 = 7.0;
/// Beyond so many days nobody plans.
const FAR: f64 = 90.0;

/// What the person looks at in this list; `None`: the fleet has no store.
pub fn wish(world: &World, list: &ListState) -> Option<Wish> {
    let store = world.store()?;
    let ask = Ask {
        store: Some(store.name.clone()),
        filter: list.filter.text().to_owned(),
        sort: SORTS.get(list.sort).map_or(Sort::Trouble, |(_, sort)| *sort),
        reversed: list.reversed,
        ..Ask::default()
    };
    Some(Wish {
        ask,
        visible: list.visible(),
        selected: list.selected().map(ToOwned::to_owned),
        version: store.version,
        frozen: world.frozen.is_some(),
    })
}

/// Until when the disk lasts, in words.
fn room(store: &StoreView) -> Option<Part> {
    match (store.days_left, store.free) {
        (Some(days), _) if days < 1.0 => {
            Some(part(Meaning::Bad, format!("disk full in {:.0} h", (days * 24.0).max(0.0))))
        }
        (Some(days), _) if days < 2.0 => Some(part(Meaning::Warn, "disk full in 1 day")),
        (Some(days), _) if days < FAR => {
            let meaning = if days < SOON { Meaning::Warn } else { Meaning::Text };
            Some(part(meaning, format!("disk full in {:.0} days", days.floor())))
        }
        (_, Some(free)) => Some(dim(format!("{} free", format::size(free)))),
        _ => None,
    }
}

impl Pane for Sessions {
    fn name(&self) -> &'static str {
        "Sessions"
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Sessions)
    }

    fn exists(&self, world: &World) -> bool {
        !world.shown.stores.is_empty()
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let Some(store) = world.store() else { return Vec::new() };
        let totals = &store.totals;
        let stores = world.shown.stores.len();
        let mut parts = vec![plain(store.name.clone())];
        if stores > 1 {
            let at = world.shown.stores.iter().position(|other| other.name == store.name).unwrap_or(0);
            parts.push(dim(format!(" ({} of {stores} stores)", at + 1)));
        }
        parts.push(dim(format!(" {} ", glyphs.dot)));
        if store.reading {
            parts.push(dim("the newest days as stored: reading the others…"));
            return parts;
        }
        parts.push(plain(format!("{} on disk", format::count(totals.on_disk))));
        if totals.wrong > 0 {
            parts.push(plain(", "));
            parts.push(part(Meaning::Bad, format!("{} {} wrong", glyphs.bad, format::count(totals.wrong))));
        }
        if totals.safe > 0 {
            let text = format!("{} safe to delete ({})", format::count(totals.safe), format::size(totals.safe_bytes));
            parts.extend([plain(", "), part(Meaning::Good, text)]);
        }
        parts.extend(room(store).into_iter().flat_map(|room| [plain(", "), room]));
        if let Some(limit) = store.limit {
            parts.push(dim(format!(", at most {}/s", format::size(limit))));
        }
        if store.scanned.is_none() {
            parts.push(dim(if store.scanning { ", as stored: looking…" } else { ", as stored" }));
        }
        parts
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let Some(store) = world.store() else { return Vec::new() };
        if store.reading {
            return vec![dim("reading…")];
        }
        let mut parts = vec![plain(format!("{} safe", format::count(store.totals.safe)))];
        if store.totals.wrong > 0 {
            parts.push(part(Meaning::Bad, format!(" {}", glyphs.bad)));
        } else if sides::in_trouble(store).next().is_some() {
            parts.push(part(Meaning::Warn, format!(" {}", glyphs.warn)));
        }
        parts
    }

    fn above(&self, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Vec<Part>> {
        sides::lines(world, glyphs, width)
    }

    fn count(&self, world: &World) -> usize {
        let stored = || world.store().map_or(0, |store| usize::try_from(store.totals.sessions).unwrap_or(usize::MAX));
        world.sessions.matching().unwrap_or_else(stored)
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        world.sessions.row(row).map(|row| row.key.to_string())
    }

    fn find(&self, world: &World, key: &str) -> Option<usize> {
        world.sessions.find(key)
    }

    fn edition(&self, world: &World) -> (u64, u64) {
        (world.shown.seq, world.sessions.edition())
    }

    fn sorts(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn here(&self) -> Option<&dyn Rows> {
        None
    }

    fn columns(&self, _: &World) -> Vec<Column> {
        vec![
            Column::fixed("  date", 12),
            Column::growing("participant", 11, 16),
            Column::fixed("videos", 6).right().spare(6),
            Column::fixed("files", 5).right().spare(7),
            Column::fixed("size", 7).right().spare(3),
            Column::fixed("imported", 9).spare(5),
            Column::fixed("backup", 9).spare(2),
            Column::fixed("verified", 18).spare(4),
            Column::fixed("safe", 4),
            Column::fixed("changed", 10).spare(8),
            Column::growing("why not", 22, 400),
        ]
    }

    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>> {
        match world.sessions.row(row) {
            Some(row) => cells::of(row, world, glyphs),
            None => cells::to_come(glyphs),
        }
    }

    fn empty(&self, world: &World, keymap: &Keymap) -> Vec<String> {
        let Some(store) = world.store() else { return Vec::new() };
        let mut lines = vec![
            if store.scanning || store.reading {
                "looking for sessions…".to_owned()
            } else {
                format!("no session in {} yet", store.name)
            },
            String::new(),
            format!("each participant and day below the source of [sessions.{}] is a row here:", store.name),
            "what was recorded, where its copies are, and whether it may be deleted".into(),
        ];
        if !world.changes_nothing() && !store.scanning {
            lines.push(String::new());
            lines.push(format!("{}  looks at all disks again", key_words(keymap, Action::Refresh)));
        }
        lines
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Open,
            Action::Sync,
            Action::Verify,
            Action::Filter,
            Action::Delete,
            Action::Mark,
            Action::Sort,
            Action::Refresh,
            Action::ChooseStore,
        ]
    }
}
