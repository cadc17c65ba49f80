//! Panes: each answers one question about the fleet, in its title in short and in its rows in full.
//!
//! A pane reads the world and returns rows; where they are drawn, which are selected and what keys do with them is the
//! same for all panes and not written here. A new pane is one file and one line in [`PaneId`].

pub mod hosts;
pub mod jobs;
pub mod journal;
pub mod lag;
pub mod pools;
pub mod sessions;

use std::cmp::Ordering;

use super::action::{Action, Scope};
use super::keymap::Keymap;
use super::table::{Column, Part};
use super::theme::glyphs::Glyphs;
use super::world::World;

/// The panes, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaneId {
    /// Is every machine well?
    Hosts,
    /// Who serves in whose place?
    Pools,
    /// How far behind is what is carried?
    Lag,
    /// What is recorded, where are its copies, what may be deleted?
    Sessions,
    /// What is being done?
    Jobs,
    /// What was decided and done?
    Journal,
}

impl PaneId {
    /// Every pane.
    pub const ALL: [Self; 6] = [Self::Hosts, Self::Pools, Self::Lag, Self::Sessions, Self::Jobs, Self::Journal];

    /// The pane itself.
    pub fn pane(self) -> &'static dyn Pane {
        match self {
            Self::Hosts => &hosts::Hosts,
            Self::Pools => &pools::Pools,
            Self::Lag => &lag::Lag,
            Self::Sessions => &sessions::Sessions,
            Self::Jobs => &jobs::Jobs,
            Self::Journal => &journal::Journal,
        }
    }

    /// The panes that this fleet has, in order.
    pub fn there(world: &World) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|id| id.pane().exists(world))
    }

    /// The pane of this name or of this number among those that the fleet has, counted from 1.
    pub fn of(name: &str, world: &World) -> Option<Self> {
        let number = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match number {
            Some(number) => Self::there(world).nth(number),
            None => Self::there(world).find(|id| id.pane().name().eq_ignore_ascii_case(name)),
        }
    }
}

/// What a pane must be able to say. Rows are numbered from 0 in an order of the pane's own.
pub trait Pane: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its own scope of keys.
    fn scope(&self) -> Option<Scope>;

    /// Whether this fleet has it.
    fn exists(&self, _: &World) -> bool {
        true
    }

    /// Its answer in a few words, for its title.
    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part>;

    /// Its answer in one word or two, where it is only a tab.
    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part>;

    /// Lines above its rows, for so many columns: what is wrong with where they come from.
    fn above(&self, _: &World, _: &Glyphs, _: usize) -> Vec<Vec<Part>> {
        Vec::new()
    }

    /// Lines below its rows, where there is room for them: what is good to know beside them.
    fn below(&self, _: &World, _: &Glyphs, _: usize) -> Vec<Vec<Part>> {
        Vec::new()
    }

    /// How many rows there are.
    fn count(&self, world: &World) -> usize;

    /// What a row is known by; `None`: the row has not come yet.
    fn key(&self, world: &World, row: usize) -> Option<String>;

    /// The row that is known by this, among those that have come.
    fn find(&self, world: &World, key: &str) -> Option<usize> {
        (0..self.count(world)).find(|row| self.key(world, *row).as_deref() == Some(key))
    }

    /// Another one when rows may have changed.
    fn edition(&self, world: &World) -> (u64, u64) {
        (world.shown.seq, 0)
    }

    /// The orders it can be sorted in; the first is the one in which what is wrong comes first.
    fn sorts(&self) -> &'static [&'static str];

    /// How its rows are chosen and compared here; `None`: they come chosen and in order.
    fn here(&self) -> Option<&dyn Rows>;

    /// Its columns.
    fn columns(&self, world: &World) -> Vec<Column>;

    /// The cells of a row, one a column.
    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>>;

    /// What stands there while it has no rows: what would, and how to get it.
    fn empty(&self, world: &World, keymap: &Keymap) -> Vec<String>;

    /// Its actions for the bottom line, the most useful first.
    fn hints(&self) -> &'static [Action];
}

/// How the rows of a pane that has all of them are chosen and compared.
pub trait Rows: Sync {
    /// What a filter looks at.
    fn haystack(&self, world: &World, row: usize) -> String;

    /// Compares two rows in one of the pane's orders.
    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering;
}

/// How a hint names a key, or says that there is none.
pub(crate) fn key_words(keymap: &Keymap, action: Action) -> String {
    match keymap.key_of(action) {
        Some(key) => key,
        None => format!(":{}", action.spec().id),
    }
}
