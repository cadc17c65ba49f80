//! `hotspare session list`: one row a session.

use std::time::Duration;

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use super::{rows, which};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::clock::{Clock, Timestamp};
use crate::console::format;
use crate::session::key;
use crate::session::listing::Facts;
use crate::session::safety;
use crate::session::view::{Ask, CopyState, Imported, Rows, SessionRow, SideState, Sort, StoreView, Totals};
use crate::work::view::Unit;

/// Arguments of `hotspare session list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// From this day on
    #[arg(long, value_name = "DATE", value_parser = which::day)]
    from: Option<Date>,
    /// Up to this day, itself included
    #[arg(long, value_name = "DATE", value_parser = which::day)]
    to: Option<Date>,
    /// Only of this participant
    #[arg(long, value_name = "PARTICIPANT", value_parser = participant)]
    participant: Option<String>,
    /// Only those that are safe to delete from this computer
    #[arg(long)]
    safe: bool,
    /// Wait until every side was looked at anew, however long it takes
    #[arg(long)]
    refresh: bool,
}

/// With `--refresh` nobody waits longer.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Serialize)]
struct Document<'a> {
    store: &'a str,
    sessions: Vec<Session<'a>>,
    totals: Sums,
    looked: Option<Timestamp>,
    source: &'a SideState,
    destinations: Vec<Destination<'a>>,
    imported: Option<&'a SideState>,
    free: Option<u64>,
    days_left: Option<f64>,
}

#[derive(Serialize)]
struct Destination<'a> {
    name: &'a str,
    path: &'a str,
    free: Option<u64>,
    #[serde(flatten)]
    state: &'a SideState,
}

#[derive(Serialize)]
struct Sums {
    sessions: u64,
    files: u64,
    bytes: u64,
    safe: u64,
    safe_bytes: u64,
}

/// One session of `session list --json`.
#[derive(Serialize)]
pub(super) struct Session<'a> {
    participant: &'a str,
    date: String,
    videos: u32,
    files: u32,
    bytes: u64,
    imported: Option<bool>,
    backup: Option<bool>,
    verified: Option<&'static str>,
    verified_at: Option<Timestamp>,
    safe: bool,
    why_not_safe: &'a [String],
    on_disk: bool,
    busy: Option<&'a str>,
    wrong: Option<&'a str>,
    changed: Option<Timestamp>,
}

impl<'a> Session<'a> {
    /// What scripts are promised of a row. A session that is only elsewhere is described by its copy.
    pub(super) fn of(row: &'a SessionRow) -> Self {
        let facts = row.source.or_else(|| row.copies.iter().find_map(|copy| copy.facts)).unwrap_or_default();
        let verified = weakest(row);
        Self {
            participant: &row.key.participant,
            date: row.key.day(),
            videos: facts.videos,
            files: facts.files,
            bytes: facts.bytes,
            imported: row.imported.known(),
            backup: backup(row),
            verified: verified.map(|verified| verified.0),
            verified_at: verified.map(|verified| verified.1),
            safe: row.safe,
            why_not_safe: &row.why_not,
            on_disk: row.source.is_some(),
            busy: row.busy.as_deref(),
            wrong: row.wrong.as_deref(),
            changed: facts.changed,
        }
    }
}

/// Whether every destination has a copy of the same names and sizes; `None`: one of them cannot be asked, and none says no.
fn backup(row: &SessionRow) -> Option<bool> {
    let mut known = !row.copies.is_empty();
    for copy in &row.copies {
        match copy.state {
            CopyState::None | CopyState::Differs => return Some(false),
            CopyState::Unknown { .. } => known = false,
            CopyState::Same | CopyState::Alone => {}
        }
    }
    if row.copies.is_empty() { Some(false) } else { known.then_some(true) }
}

/// The least that was verified of all copies, and the oldest; `None` where one was not, or something differed.
fn weakest(row: &SessionRow) -> Option<(&'static str, Timestamp)> {
    let mut least = None;
    for copy in &row.copies {
        let verified = copy.verified.as_ref().filter(|verified| verified.ok && still_holds(row, copy, verified))?;
        least = match least {
            Some((level, at)) if (level, at) <= (verified.level, verified.at) => Some((level, at)),
            _ => Some((verified.level, verified.at)),
        };
    }
    least.map(|(level, at)| (level.word(), at))
}

/// A verification is worth nothing any more once a side was written to.
fn still_holds(
    row: &SessionRow,
    copy: &crate::session::view::CopyView,
    verified: &crate::session::view::Verified,
) -> bool {
    let unchanged = |state, side: &Facts| safety::holds(verified.at, state, side);
    let source = row.source.is_none_or(|source| verified.source.is_some_and(|state| unchanged(state, &source)));
    let there = copy.facts.is_none_or(|facts| unchanged(verified.copy, &facts));
    source && there && !matches!(copy.state, CopyState::None | CopyState::Differs)
}

fn participant(text: &str) -> Result<String, String> {
    key::participant(text).map(str::to_owned).map_err(|error| error.to_string())
}

/// Prints the sessions that match. Exit 0 also where there are none: then none is what there is.
pub fn run(context: &Context, store: Option<&str>, args: &ListArgs) -> Result<Exit, Failure> {
    which::ordered(args.from, args.to)?;
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let ask = Ask {
            store: store.map(str::to_owned),
            from: args.from,
            to: args.to,
            participant: args.participant.clone(),
            safe: args.safe,
            sort: Sort::Date,
            limit: rows::PAGE,
            ..Ask::default()
        };
        let patience = if args.refresh { LONGEST } else { rows::PATIENCE };
        let rows = rows::fresh(&engine, ask, patience).await?;
        let snapshot = rows::shown(&engine, &rows.store, rows.version).await;
        let view = rows::view(&snapshot, &rows.store)?;
        if context.json {
            context.document(&document(view, &rows))?;
        } else {
            context.print(&text(&rows))?;
            tell(context, view, &rows);
        }
        Ok(Exit::Done)
    })
}

fn document<'a>(view: &'a StoreView, rows: &'a Rows) -> Document<'a> {
    let Totals { sessions, safe, safe_bytes, .. } = rows.totals;
    let lines: Vec<Session<'_>> = rows.rows.iter().map(Session::of).collect();
    // What is listed, wherever it lies, so that the sums are those of the lines.
    let files = lines.iter().map(|line| u64::from(line.files)).sum();
    let bytes = lines.iter().map(|line| line.bytes).sum();
    let destination = |view: &'a crate::session::view::DestinationView| Destination {
        name: &view.name,
        path: &view.path,
        free: view.free,
        state: &view.state,
    };
    Document {
        store: &rows.store,
        sessions: lines,
        totals: Sums { sessions, files, bytes, safe, safe_bytes },
        looked: rows.looked,
        source: &view.source,
        destinations: view.destinations.iter().map(destination).collect(),
        imported: view.imported.as_ref(),
        free: view.free,
        days_left: view.days_left,
    }
}

fn text(rows: &Rows) -> String {
    let mut table = table::Table::new([
        "date",
        "participant",
        "videos",
        "files",
        "size",
        "imported",
        "backup",
        "verified",
        "safe",
        "why not",
    ]);
    for row in &rows.rows {
        let session = Session::of(row);
        table.row([
            row.key.date.to_string(),
            row.key.participant.clone(),
            session.videos.to_string(),
            session.files.to_string(),
            size(session.bytes),
            imported(&row.imported),
            copy(row),
            session.verified.map_or_else(|| "–".into(), str::to_owned),
            if row.safe { "✓".into() } else { "✗".into() },
            row.why_not.join("; "),
        ]);
    }
    let sum = &rows.totals;
    format!(
        "{}{}: {}, {} on this computer ({}), {} safe to delete ({})\n",
        if rows.rows.is_empty() { String::new() } else { table.render() },
        rows.store,
        format::several(usize::try_from(sum.sessions).unwrap_or(usize::MAX), "session"),
        sum.on_disk,
        size(sum.bytes),
        sum.safe,
        size(sum.safe_bytes),
    )
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    format::amount(bytes, None, Unit::Bytes)
}

/// The imported state in a word or two.
pub(super) fn imported(imported: &Imported) -> String {
    match imported {
        Imported::Yes => "✓".into(),
        Imported::No { short, .. } => format!("✗ {short}"),
        Imported::Unknown { .. } => "?".into(),
        Imported::NotAsked => "–".into(),
    }
}

fn copy(row: &SessionRow) -> String {
    if row.busy.as_deref() == Some("being copied") {
        return "copying…".into();
    }
    let words: Vec<String> = row
        .copies
        .iter()
        .map(|copy| match &copy.state {
            CopyState::Unknown { why } => format!("? {why}"),
            CopyState::None => "✗".into(),
            CopyState::Differs => "✗ differs".into(),
            CopyState::Same => "✓".into(),
            CopyState::Alone => "✓ only there".into(),
        })
        .collect();
    if words.is_empty() { "–".into() } else { words.join(" ") }
}

/// On standard error: what cannot be asked, and how old the rows are.
fn tell(context: &Context, view: &StoreView, rows: &Rows) {
    let sides = std::iter::once(("the source".to_owned(), &view.source))
        .chain(view.destinations.iter().map(|to| (to.name.clone(), &to.state)))
        .chain(view.imported.iter().map(|state| ("the database of imports".to_owned(), state)));
    for (name, state) in sides {
        if let SideState::Trouble { word, why, remedy } = state {
            context.tell(&format!("hotspare: {name}: {word}: {why}; {remedy}"));
        }
    }
    match rows.looked {
        None => context.tell("hotspare: not every side was looked at yet; what is shown is what was stored"),
        Some(looked) if Clock::real().now().duration_since(looked).as_secs() > 60 => {
            context.tell(&format!("hotspare: as of {looked:.0}; `--refresh` waits for a fresh look"));
        }
        Some(_) => {}
    }
}
