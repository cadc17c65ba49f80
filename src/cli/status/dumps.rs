//! The dumps in `hotspare status`: a table, the promised document, and a line for each change.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tell;
use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::cli::table::{self, Table};
use crate::clock::Timestamp;
use crate::dump::view::{DumpState, DumpView};
use crate::engine::snapshot::Snapshot;

/// A dump, as `status --json` promises it.
#[derive(Serialize)]
pub(super) struct Dump<'a> {
    name: &'a str,
    /// When the last good round ended.
    last: Option<Timestamp>,
    /// Seconds since then.
    age: Option<f64>,
    state: DumpState,
    error: Option<&'a str>,
    kit: Option<&'a str>,
    warnings: &'a [String],
}

/// Of the view.
pub(super) fn dump(view: &DumpView, now: Timestamp) -> Dump<'_> {
    Dump {
        name: &view.name,
        last: view.good,
        age: view.good.map(|good| now.duration_since(good).as_secs_f64().max(0.0)),
        state: view.state,
        error: view.why.as_deref(),
        kit: view.kit.as_deref(),
        warnings: &view.warnings,
    }
}

const fn glyph(state: DumpState) -> char {
    match state {
        DumpState::Starting => '?',
        DumpState::Elsewhere => '›',
        DumpState::Dumping => '▶',
        DumpState::Good | DumpState::Ejected => '●',
        DumpState::ServerAway => '◐',
        DumpState::Late | DumpState::Failing | DumpState::MediumAway => '✗',
    }
}

const fn colour(state: DumpState) -> &'static str {
    match state {
        DumpState::ServerAway => "33",
        DumpState::Late | DumpState::Failing | DumpState::MediumAway => "1;33",
        DumpState::Starting | DumpState::Elsewhere => "2",
        _ => "34",
    }
}

fn age(view: &DumpView, now: Timestamp) -> String {
    view.good.map_or_else(
        || if view.state == DumpState::Starting { String::new() } else { "no kit".into() },
        |good| format!("{} old", table::span(now.duration_since(good).as_secs())),
    )
}

/// The table with its colours: what is wrong first.
pub(super) fn lines(snapshot: &Snapshot, now: Timestamp) -> Vec<(Option<&'static str>, String)> {
    let mut dumps: Vec<&DumpView> = snapshot.dumps.iter().map(AsRef::as_ref).collect();
    dumps.sort_by_key(|dump| (dump.well(), std::cmp::Reverse(dump.state)));
    let mut table = Table::new(["", "dump", "state", "last good", "kit", "reason"]);
    for dump in &dumps {
        let why: Vec<&str> = dump.why.iter().chain(&dump.warnings).map(String::as_str).collect();
        table.row([
            glyph(dump.state).to_string(),
            dump.name.clone(),
            dump.state.word().to_owned(),
            age(dump, now),
            dump.kit.clone().unwrap_or_default(),
            why.join("; "),
        ]);
    }
    let colours = std::iter::once(None).chain(dumps.iter().map(|dump| Some(colour(dump.state))));
    colours.zip(table.render().lines().map(str::to_owned)).collect()
}

/// "2 dumps well", or how many are not well; `None`: there are none.
pub(super) fn counts(snapshot: &Snapshot) -> Option<String> {
    let all = snapshot.dumps.len();
    let wrong = snapshot.dumps.iter().filter(|dump| !dump.well()).count();
    match (all, wrong) {
        (0, _) => None,
        (1, 0) => Some("1 dump well".into()),
        (_, 0) => Some(format!("{all} dumps well")),
        _ => Some(format!("{wrong} of {all} {} not well", if all == 1 { "dump" } else { "dumps" })),
    }
}

/// What was told last of each dump: its state, and its warnings.
pub(super) type Told = BTreeMap<String, (DumpState, Vec<String>)>;

/// Prints a line for each dump that does otherwise than it was last told. That a round is under way is no change.
pub(super) fn changes(context: &Context, snapshot: &Snapshot, told: &mut Told) -> Result<(), Failure> {
    for dump in snapshot.dumps.iter().filter(|dump| dump.state != DumpState::Dumping) {
        let before = told.insert(dump.name.clone(), (dump.state, dump.warnings.clone()));
        let warned = before.as_ref().map(|(_, warnings)| warnings.as_slice()).unwrap_or_default();
        for warning in dump.warnings.iter().filter(|warning| !warned.contains(warning)) {
            let about = serde_json::json!({ "dump": dump.name, "warning": warning });
            tell(context, &dump.name, &format!("warning: {warning}"), about)?;
        }
        let was = before.map(|(state, _)| state);
        if was == Some(dump.state) {
            continue;
        }
        let said = was.map_or_else(String::new, |was| format!(" (was {})", was.word()));
        let because = dump.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let about = serde_json::json!({
            "dump": dump.name, "state": dump.state, "was": was, "last": dump.good, "kit": dump.kit, "why": dump.why,
        });
        tell(context, &dump.name, &format!("{}{said}{because}", dump.state.word()), about)?;
    }
    told.retain(|name, _| snapshot.dump(name).is_some());
    Ok(())
}
