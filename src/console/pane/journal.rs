//! The pane Journal: what was decided, done and refused, newest first.

use std::cmp::Ordering;

use super::{Pane, Rows, key_words};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::table::{Column, Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::{JOURNAL_KEPT, World};
use crate::engine::snapshot::Snapshot;
use crate::journal::entry::{Chain, Entry, Weight};

/// The pane.
#[derive(Debug)]
pub struct Journal;

const SORTS: &[&str] = &["newest", "weight", "who"];

/// The meaning of an entry.
pub fn meaning(weight: Weight) -> Meaning {
    match weight {
        Weight::Note => Meaning::Dim,
        Weight::Good => Meaning::Good,
        Weight::Warning => Meaning::Warn,
        Weight::Alarm => Meaning::Bad,
        Weight::Refusal => Meaning::Unknown,
    }
}

/// The sign of an entry.
pub fn sign(weight: Weight, glyphs: &Glyphs) -> &'static str {
    match weight {
        Weight::Note => glyphs.waiting,
        Weight::Good => glyphs.good,
        Weight::Warning => glyphs.warn,
        Weight::Alarm => glyphs.bad,
        Weight::Refusal => glyphs.ended,
    }
}

/// What is said of the chain of hashes.
pub fn chain(chain: &Chain, glyphs: &Glyphs) -> Part {
    match chain {
        Chain::Intact => dim("chain intact"),
        Chain::Checking => dim("chain is being checked"),
        Chain::Broken { at, .. } => part(Meaning::Bad, format!("{} chain broken at entry {at}", glyphs.bad)),
    }
}

fn entry(snapshot: &Snapshot, row: usize) -> Option<&Entry> {
    snapshot.journal.tail.get(row).map(AsRef::as_ref)
}

impl Pane for Journal {
    fn name(&self) -> &'static str {
        "Journal"
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let journal = &world.shown.journal;
        let entries = if journal.length == 1 { "1 entry".into() } else { format!("{} entries", journal.length) };
        let mut parts = vec![plain(format!("{entries}, ")), chain(&journal.chain, glyphs)];
        if journal.tail.len() >= JOURNAL_KEPT {
            parts.push(dim(format!(", the last {JOURNAL_KEPT} here: `hotspare journal` shows all")));
        }
        parts
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let mut parts = vec![plain(world.shown.journal.length.to_string())];
        if matches!(world.shown.journal.chain, Chain::Broken { .. }) {
            parts.push(part(Meaning::Bad, format!(" {}", glyphs.bad)));
        }
        parts
    }

    fn count(&self, world: &World) -> usize {
        world.shown.journal.tail.len()
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        entry(&world.shown, row).map(|entry| entry.seq.to_string())
    }

    fn sorts(&self) -> &'static [&'static str] {
        SORTS
    }

    fn here(&self) -> Option<&dyn Rows> {
        Some(self)
    }

    fn columns(&self, world: &World) -> Vec<Column> {
        let longest = world.shown.journal.tail.iter().map(|entry| entry.who.chars().count()).max().unwrap_or(0);
        let who = u16::try_from(longest).unwrap_or(u16::MAX).clamp(6, 18);
        vec![
            Column::growing("  time", 12, 14),
            Column::growing("who", 6, who).spare(1),
            Column::growing("what and why", 20, 400),
        ]
    }

    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>> {
        let Some(entry) = entry(&world.shown, row) else { return Vec::new() };
        let time = format::moment(entry.time, world.now, &world.zone);
        let mut what = vec![plain(entry.what.clone())];
        if !entry.why.is_empty() {
            what.push(dim(format!(" {} {}", glyphs.dot, entry.why)));
        }
        vec![
            vec![part(meaning(entry.weight), sign(entry.weight, glyphs)), dim(format!(" {time}"))],
            vec![dim(entry.who.clone())],
            what,
        ]
    }

    fn empty(&self, world: &World, keymap: &Keymap) -> Vec<String> {
        let mut lines = vec![
            "nothing was decided or done yet".to_owned(),
            String::new(),
            "every change of a host, every action and every refusal is written here".to_owned(),
        ];
        if !world.changes_nothing() {
            lines.push(format!("{}  writes a remark", key_words(keymap, Action::Note)));
        }
        lines
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Open, Action::Filter, Action::Note, Action::VerifyJournal, Action::Sort]
    }
}

impl Rows for Journal {
    fn haystack(&self, world: &World, row: usize) -> String {
        entry(&world.shown, row).map(|entry| format!("{} {} {}", entry.who, entry.what, entry.why)).unwrap_or_default()
    }

    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering {
        let (Some(one), Some(other)) = (entry(&world.shown, a), entry(&world.shown, b)) else { return Ordering::Equal };
        let newest = other.seq.cmp(&one.seq);
        match SORTS.get(sort).copied() {
            Some("weight") => other.weight.cmp(&one.weight).then(newest),
            Some("who") => one.who.cmp(&other.who).then(newest),
            _ => newest,
        }
    }
}
