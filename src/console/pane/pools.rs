//! The pane Pools: who serves in whose place, who waits, and what would happen next?
//!
//! Its rows are the spares, and the hosts that do not simply serve. Reasons stand in a column where there is room for it,
//! else in lines above the rows: they are never left out.

pub mod words;

use std::cmp::Ordering;

use super::{Pane, Rows};
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::table::{Column, Part, dim, fit, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::snapshot::Snapshot;
use crate::standin::view::{PoolView, Protected, SpareState, SpareView, Stand};

/// The pane.
#[derive(Debug)]
pub struct Pools;

const SORTS: &[&str] = &["trouble", "name", "since"];
/// Lines that one reason takes at most above the rows.
const REASON: usize = 3;

/// What a row is about.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// A spare.
    Spare(&'a PoolView, &'a SpareView),
    /// A protected host that does not simply serve, and is not simply stood in for.
    Host(&'a PoolView, &'a Protected),
}

impl<'a> Row<'a> {
    /// Its pool.
    pub fn pool(self) -> &'a PoolView {
        match self {
            Self::Spare(pool, _) | Self::Host(pool, _) => pool,
        }
    }

    /// The name of the host or spare.
    pub fn name(self) -> &'a str {
        match self {
            Self::Spare(_, spare) => &spare.name,
            Self::Host(_, host) => &host.name,
        }
    }

    fn sign(self, glyphs: &Glyphs) -> (Meaning, &'static str, &'static str) {
        match self {
            Self::Spare(_, spare) => words::spare(spare.state, glyphs),
            Self::Host(_, host) => words::stand(host.stand, glyphs),
        }
    }

    /// Why it stands so, where that needs to be said.
    fn why(self) -> Option<String> {
        match self {
            Self::Spare(_, spare) => (!spare.reasons.is_empty()).then(|| spare.reasons.join("; ")),
            Self::Host(_, host) => Some(host.why.clone()),
        }
    }

    /// What floats to the top.
    fn rank(self) -> u8 {
        match self {
            Self::Host(_, host) => match host.stand {
                Stand::Waiting => 0,
                Stand::Failing => 2,
                Stand::Returned => 4,
                Stand::Suspect | Stand::StoodIn | Stand::Serving => 5,
            },
            Self::Spare(_, spare) => match spare.state {
                SpareState::Failed => 1,
                SpareState::Activating | SpareState::Releasing => 2,
                SpareState::Active => 3,
                SpareState::Unready => 6,
                SpareState::Ready => 7,
            },
        }
    }
}

/// All rows, in the order of the fleet file.
pub fn rows(snapshot: &Snapshot) -> impl Iterator<Item = Row<'_>> {
    snapshot.pools.iter().flat_map(|pool| {
        let told = |host: &&Protected| !matches!(host.stand, Stand::Serving | Stand::StoodIn);
        let hosts = pool.hosts.iter().filter(told).map(move |host| Row::Host(pool, host));
        pool.spares.iter().map(move |spare| Row::Spare(pool, spare)).chain(hosts)
    })
}

fn columns(snapshot: &Snapshot) -> Vec<Column> {
    let wide = |most: usize, least: u16, limit: u16| u16::try_from(most).unwrap_or(u16::MAX).clamp(least, limit);
    let names = rows(snapshot).map(|row| row.name().chars().count()).max().unwrap_or(0);
    let called = |row: Row<'_>| row.sign(&crate::console::theme::glyphs::ASCII).2.len();
    let hosts = snapshot.pools.iter().flat_map(|pool| &pool.hosts).map(|host| host.name.chars().count());
    let pools = snapshot.pools.iter().map(|pool| pool.name.chars().count()).max().unwrap_or(0);
    let mut columns = vec![
        Column::growing("  host", wide(names + 2, 10, 18), wide(names + 2, 10, 34)),
        Column::fixed("state", wide(rows(snapshot).map(called).max().unwrap_or(0), 5, 11)),
        Column::fixed("for", wide(hosts.max().unwrap_or(0), 3, 14)),
        Column::fixed("since", 6).right().spare(1),
        Column::fixed("gen", 3).right().spare(2),
        Column::growing("why", 40, 400).spare(4),
    ];
    if snapshot.pools.len() > 1 {
        columns.insert(1, Column::fixed("pool", wide(pools, 4, 16)).spare(3));
    }
    columns
}

impl Pane for Pools {
    fn name(&self) -> &'static str {
        "Pools"
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn exists(&self, world: &World) -> bool {
        !world.shown.pools.is_empty()
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        words::answer(&world.shown, glyphs)
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        words::brief(&world.shown, glyphs)
    }

    fn above(&self, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Vec<Part>> {
        let mut lines = Vec::new();
        for pool in world.shown.pools.iter() {
            lines.extend(words::standing_orders(pool, world, glyphs, width));
        }
        let columns = columns(&world.shown);
        let room = u16::try_from(width.saturating_sub(1)).unwrap_or(u16::MAX);
        if fit(&columns, room).last().is_some_and(Option::is_some) {
            return lines;
        }
        let mut told: Vec<Row<'_>> = rows(&world.shown).collect();
        told.sort_by_key(|row| row.rank());
        for row in told {
            let Some(why) = row.why() else { continue };
            let (meaning, sign, _) = row.sign(glyphs);
            let mut text = wrap(&format!("{}: {why}", row.name()), width.saturating_sub(2).max(20));
            let cut = text.len() > REASON;
            text.truncate(REASON);
            if let Some(last) = text.last_mut().filter(|_| cut) {
                last.push_str(" …");
            }
            lines.extend(text.into_iter().enumerate().map(|(index, line)| {
                let before = if index == 0 { part(meaning, format!("{sign} ")) } else { plain("  ") };
                vec![before, plain(line)]
            }));
        }
        lines
    }

    fn below(&self, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Vec<Part>> {
        world.shown.pools.iter().flat_map(|pool| words::outlook(pool, world, glyphs, width)).collect()
    }

    fn count(&self, world: &World) -> usize {
        rows(&world.shown).count()
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        rows(&world.shown).nth(row).map(|row| format!("{}/{}", row.pool().name, row.name()))
    }

    fn sorts(&self) -> &'static [&'static str] {
        SORTS
    }

    fn here(&self) -> Option<&dyn Rows> {
        Some(self)
    }

    fn columns(&self, world: &World) -> Vec<Column> {
        columns(&world.shown)
    }

    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>> {
        let Some(row) = rows(&world.shown).nth(row) else { return Vec::new() };
        let (meaning, sign, called) = row.sign(glyphs);
        let none = || dim(glyphs.none);
        let (serves, since, generation) = match row {
            Row::Spare(_, spare) => (
                spare.standing_in_for.clone().map_or_else(none, plain),
                spare.since,
                plain(spare.generation.to_string()),
            ),
            Row::Host(_, host) => (none(), Some(host.since), none()),
        };
        let since = since.map_or_else(none, |since| plain(format::coarse(since, world.reference())));
        let mut cells = vec![
            vec![part(meaning, sign), plain(format!(" {}", row.name()))],
            vec![part(meaning, called)],
            vec![serves],
            vec![since],
            vec![generation],
            row.why().map(plain).into_iter().collect(),
        ];
        if world.shown.pools.len() > 1 {
            cells.insert(1, vec![dim(row.pool().name.clone())]);
        }
        cells
    }

    fn empty(&self, _: &World, _: &Keymap) -> Vec<String> {
        vec![
            "no spare in any pool".into(),
            String::new(),
            "each of `spares` of a [pools.NAME] of the fleet file is a row here:".into(),
            "whether it is ready, and in whose place it serves".into(),
        ]
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Open,
            Action::AnswerStep,
            Action::Resume,
            Action::Clear,
            Action::Takeover,
            Action::Giveback,
            Action::Why,
            Action::Filter,
            Action::Drill,
            Action::Pause,
        ]
    }
}

impl Rows for Pools {
    fn haystack(&self, world: &World, row: usize) -> String {
        let Some(row) = rows(&world.shown).nth(row) else { return String::new() };
        let (_, _, called) = row.sign(&crate::console::theme::glyphs::ASCII);
        let other = match row {
            Row::Spare(_, spare) => spare.standing_in_for.as_deref(),
            Row::Host(_, host) => host.spare.as_deref(),
        };
        let why = row.why().unwrap_or_default();
        [&row.pool().name, row.name(), called, other.unwrap_or_default(), &why].join(" ")
    }

    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering {
        let (Some(one), Some(other)) = (rows(&world.shown).nth(a), rows(&world.shown).nth(b)) else {
            return Ordering::Equal;
        };
        let since = |row: Row<'_>| match row {
            Row::Spare(_, spare) => spare.since,
            Row::Host(_, host) => Some(host.since),
        };
        match SORTS.get(sort).copied() {
            Some("name") => one.name().cmp(other.name()),
            Some("since") => since(other).cmp(&since(one)),
            _ => one.rank().cmp(&other.rank()),
        }
    }
}
