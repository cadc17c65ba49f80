//! The pane Lag: is everything that is written also where it shall be, and how far behind is it?
//!
//! Its rows are the feeds, the machines of each feed that follows a pool, the dumps, and the replicas that the checks of hosts
//! ask.
//! Reasons stand in a column where there is room for it, else in lines above the rows: they are never left out.

pub mod dumps;
pub mod row;
pub mod words;

use std::cmp::Ordering;

use super::{Pane, Rows};
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::keymap::Keymap;
use crate::console::pane::hosts::spark;
use crate::console::table::{Column, Part, dim, fit, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::{ASCII, Glyphs};
use crate::console::world::World;
use crate::engine::snapshot::Snapshot;
use crate::feed::view::FeedView;
use crate::health::observation::Outcome;
use row::{Row, rows};
use words::Said;

/// The pane.
#[derive(Debug)]
pub struct Lag;

const SORTS: &[&str] = &["trouble", "name", "rows", "delay"];
/// Lines that one reason takes at most above the rows.
const REASON: usize = 3;
/// Slices of a feed's history in its row.
const SPARK: usize = 8;

fn columns(snapshot: &Snapshot) -> Vec<Column> {
    let wide = |most: Option<usize>, least: u16, limit: u16| {
        u16::try_from(most.unwrap_or(0)).unwrap_or(u16::MAX).clamp(least, limit)
    };
    let names = wide(rows(snapshot).map(|row| row.name().chars().count() + 2).max(), 10, 34);
    let states = wide(rows(snapshot).map(|row| row.said(&ASCII).word.len()).max(), 5, 14);
    let numbers =
        rows(snapshot).filter_map(Row::rows).map(|(rows, counted)| words::rows(rows, counted).chars().count());
    let delays = rows(snapshot).filter_map(Row::seconds).map(|seconds| words::delay(seconds).chars().count());
    let ages = rows(snapshot).filter_map(Row::dump).map(|_| dumps::AGE);
    let mut columns = vec![
        Column::growing("  feed", names.min(22), names),
        Column::fixed("state", states),
        Column::fixed("behind", wide(numbers.max(), 6, 12)).right(),
        Column::fixed("delay", wide(delays.chain(ages).max(), 6, 9)).right().spare(1),
        Column::fixed("rate", 6).right().spare(2),
        Column::fixed("", u16::try_from(SPARK).unwrap_or(8)).spare(3),
    ];
    if rows(snapshot).any(|row| row.why().is_some() || row.dump().is_some()) {
        columns.push(Column::growing("why", 40, 400).spare(4));
    }
    columns
}

impl Pane for Lag {
    fn name(&self) -> &'static str {
        "Lag"
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Feeds)
    }

    fn exists(&self, world: &World) -> bool {
        !world.shown.feeds.is_empty() || !world.shown.dumps.is_empty() || words::replicas(&world.shown).next().is_some()
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        words::answer(&world.shown, world.reference(), glyphs)
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        words::brief(&world.shown, glyphs)
    }

    fn above(&self, world: &World, glyphs: &Glyphs, columns: usize) -> Vec<Vec<Part>> {
        let mut told: Vec<Row<'_>> = rows(&world.shown).collect();
        told.sort_by_key(|row| row.rank());
        let all = self::columns(&world.shown);
        let room = fit(&all, u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX));
        let reason = all.iter().zip(room).find(|(column, _)| column.title == "why").and_then(|(_, width)| width);
        let mut lines = Vec::new();
        for row in told {
            let Said { meaning, sign, .. } = row.said(glyphs);
            if let Some(why) = row.why()
                && reason.is_none_or(|room| width(&[plain(why.clone())]) > usize::from(room))
            {
                lines.extend(reason_lines((meaning, sign), &format!("{}: {why}", row.name().trim()), columns));
            }
            let warnings: Vec<String> = match row {
                Row::Feed(feed) => words::warnings(feed).map(ToOwned::to_owned).collect(),
                Row::Dump(dump) => dumps::warnings(dump).collect(),
                _ => continue,
            };
            for warning in warnings {
                let text = format!("{}: {warning}", row.name());
                lines.extend(reason_lines((Meaning::Warn, glyphs.warn), &text, columns));
            }
        }
        lines
    }

    fn count(&self, world: &World) -> usize {
        rows(&world.shown).count()
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        row::at(&world.shown, row).map(Row::key)
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
        let Some(row) = row::at(&world.shown, row) else { return Vec::new() };
        let Said { meaning, sign, word } = row.said(glyphs);
        let none = || vec![dim(glyphs.none)];
        // A delay that is too long has the colour of what is wrong, whatever else the state says.
        let late = match row {
            Row::Feed(feed) => feed.late,
            Row::Machine(feed, machine) => machine.seconds_behind > feed.max_lag,
            Row::Dump(dump) => !dump.well(),
            Row::Replica(_, check) => check.result != Outcome::Pass,
        };
        let delayed = if late { Meaning::Bad } else { Meaning::Text };
        let name = match row {
            Row::Machine(..) => dim(format!(" {}", row.name())),
            _ => plain(format!(" {}", row.name())),
        };
        vec![
            vec![part(meaning, sign), name],
            vec![part(meaning, word)],
            match row {
                Row::Dump(dump) => dumps::behind(dump).map_or_else(none, |part| vec![part]),
                _ => row.rows().map_or_else(none, |(rows, counted)| vec![part(delayed, words::rows(rows, counted))]),
            },
            match row {
                Row::Dump(dump) => {
                    dumps::age(dump, world.reference()).map_or_else(none, |age| vec![part(delayed, age)])
                }
                _ => row.seconds().map_or_else(none, |seconds| vec![part(delayed, words::delay(seconds))]),
            },
            row.rate().map_or_else(none, |rate| vec![plain(words::rate(rate))]),
            match row {
                Row::Feed(feed) => vec![part(Meaning::Chart, recent(feed, glyphs))],
                _ => vec![plain(" ")],
            },
            match row {
                Row::Dump(dump) if dump.why.is_none() => vec![dim(dumps::note(dump))],
                _ => row.why().map(plain).into_iter().collect(),
            },
        ]
    }

    fn empty(&self, _: &World, _: &Keymap) -> Vec<String> {
        vec![
            "no feed and no dump yet".into(),
            String::new(),
            "each [feeds.NAME] of the fleet file is a row here: how far its rows are behind;".into(),
            "each [dumps.NAME]: how old its last good kit is;".into(),
            "and each check of the kind `mysql-replica` or `mongo-replica` of a host".into(),
        ]
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Open,
            Action::CarryNow,
            Action::Compare,
            Action::MakeKit,
            Action::DrillKit,
            Action::VerifyKits,
            Action::Eject,
            Action::Filter,
            Action::Repair,
            Action::Prepare,
            Action::Sort,
        ]
    }
}

/// A reason above the rows, broken where it is too long, and cut where it is longer than a few lines.
fn reason_lines((meaning, sign): (Meaning, &'static str), text: &str, columns: usize) -> Vec<Vec<Part>> {
    let mut text = wrap(text, columns.saturating_sub(2).max(20));
    let cut = text.len() > REASON;
    text.truncate(REASON);
    if let Some(last) = text.last_mut().filter(|_| cut) {
        last.push_str(" …");
    }
    let lines = text.into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let before = if index == 0 { part(meaning, format!("{sign} ")) } else { plain("  ") };
            vec![before, plain(line)]
        })
        .collect()
}

/// What was carried in the last slices of time.
fn recent(feed: &FeedView, glyphs: &Glyphs) -> String {
    let from = feed.history.len().saturating_sub(SPARK);
    let last: Vec<Option<f64>> =
        feed.history.get(from..).unwrap_or_default().iter().map(|rows| Some(f64::from(*rows))).collect();
    spark(&last, glyphs)
}

impl Rows for Lag {
    fn haystack(&self, world: &World, row: usize) -> String {
        let Some(row) = row::at(&world.shown, row) else { return String::new() };
        let mut words = vec![row.name(), row.said(&ASCII).word.to_owned()];
        words.extend(row.why());
        match row {
            // Where a machine is looked for, its feed is seen above it.
            Row::Feed(feed) => {
                words.extend([feed.from.clone(), feed.to.clone()]);
                words.extend(feed.follows.clone());
                words.extend(feed.strands.iter().filter_map(|strand| strand.source.clone()));
            }
            Row::Machine(feed, machine) => {
                words.push(feed.name.clone());
                words.extend(machine.part.word().map(Into::into));
            }
            Row::Dump(dump) => {
                words.extend([dump.server.clone(), dump.to.clone()]);
                words.extend(dump.databases.iter().map(|database| database.name.clone()));
                words.extend(dump.databases.iter().filter_map(|database| database.label.clone()));
            }
            Row::Replica(host, check) => words.extend([host.address.clone(), check.kind.clone()]),
        }
        words.join(" ")
    }

    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering {
        let (Some(one), Some(other)) = (row::at(&world.shown, a), row::at(&world.shown, b)) else {
            return Ordering::Equal;
        };
        let now = world.reference();
        let seconds = |row: Row<'_>| match row {
            Row::Dump(dump) => dumps::seconds(dump, now),
            _ => row.feed().map(|feed| feed.seconds_behind).or(row.seconds()).unwrap_or(-1.0),
        };
        let rows = |row: Row<'_>| row.feed().map(|feed| feed.rows_behind);
        let name = |row: Row<'_>| row.feed().map_or_else(|| row.name(), |feed| feed.name.clone());
        match SORTS.get(sort).copied() {
            Some("name") => name(one).cmp(&name(other)),
            Some("rows") => rows(other).cmp(&rows(one)),
            Some("delay") => seconds(other).total_cmp(&seconds(one)),
            _ => one.rank().cmp(&other.rank()),
        }
    }
}
