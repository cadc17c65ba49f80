//! The feeds in `hotspare status`: a table, the promised document, and a line for each change.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tell;
use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::cli::table::{self, Table};
use crate::engine::snapshot::Snapshot;
use crate::feed::view::{FeedState, FeedView};

/// A feed, as `status --json` promises it.
#[derive(Serialize)]
pub(super) struct Feed<'a> {
    name: &'a str,
    rows_behind: u64,
    /// Whether they were counted; otherwise there are at most so many.
    counted: bool,
    seconds_behind: f64,
    rate: f64,
    state: FeedState,
    late: bool,
    error: Option<&'a str>,
    warnings: &'a [String],
}

/// Of the view.
pub(super) fn feed(view: &FeedView) -> Feed<'_> {
    Feed {
        name: &view.name,
        rows_behind: view.rows_behind,
        counted: view.counted,
        seconds_behind: view.seconds_behind,
        rate: view.rate,
        state: view.state,
        late: view.late,
        error: view.why.as_deref(),
        warnings: &view.warnings,
    }
}

/// The word for how it does: a feed that is live and late is late.
fn word(feed: &FeedView) -> &'static str {
    if feed.late && feed.state == FeedState::Live { "late" } else { feed.state.word() }
}

const fn glyph(state: FeedState, well: bool) -> char {
    match (state, well) {
        (FeedState::Starting, _) => '?',
        (FeedState::Elsewhere, _) => '›',
        (FeedState::SourceAway, _) => '◐',
        (_, false) => '✗',
        (FeedState::CatchingUp, true) => '▶',
        _ => '●',
    }
}

fn colour(feed: &FeedView) -> &'static str {
    match (feed.state, feed.well()) {
        (FeedState::SourceAway, _) if !feed.late => "33",
        (_, false) => "1;33",
        (FeedState::Starting | FeedState::Elsewhere, true) => "2",
        _ => "34",
    }
}

/// Rows that wait, and how long the oldest has waited: `≤1204 rows, 42 s`.
fn behind(feed: &FeedView) -> String {
    let most = if feed.counted || feed.rows_behind == 0 { "" } else { "≤" };
    let rows = if feed.rows_behind == 1 { "row" } else { "rows" };
    format!("{most}{} {rows}, {}", feed.rows_behind, delay(feed.seconds_behind))
}

fn delay(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and nobody reads so large a number")]
    table::span(seconds.round() as i64)
}

/// What a person should read of it: why it is not live, else what will go wrong.
fn why(feed: &FeedView) -> String {
    feed.why.iter().chain(&feed.warnings).map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The table with its colours: what is wrong first.
pub(super) fn lines(snapshot: &Snapshot) -> Vec<(Option<&'static str>, String)> {
    let mut feeds: Vec<&FeedView> = snapshot.feeds.iter().map(AsRef::as_ref).collect();
    feeds.sort_by_key(|feed| (feed.well(), std::cmp::Reverse(feed.state)));
    let mut table = Table::new(["", "feed", "state", "behind", "rate", "reason"]);
    for feed in &feeds {
        let known = feed.state != FeedState::Starting;
        let or_none = |text: String| if known { text } else { String::new() };
        table.row([
            glyph(feed.state, feed.well()).to_string(),
            feed.name.clone(),
            word(feed).to_owned(),
            or_none(behind(feed)),
            or_none(format!("{:.1}/s", feed.rate)),
            why(feed),
        ]);
    }
    let colours = std::iter::once(None).chain(feeds.iter().map(|feed| Some(colour(feed))));
    colours.zip(table.render().lines().map(str::to_owned)).collect()
}

/// "feeds live", or how many are not well; `None`: there are none.
pub(super) fn counts(snapshot: &Snapshot) -> Option<String> {
    let all = snapshot.feeds.len();
    let wrong = snapshot.feeds.iter().filter(|feed| !feed.well()).count();
    match (all, wrong) {
        (0, _) => None,
        (1, 0) => Some("1 feed well".into()),
        (_, 0) => Some(format!("{all} feeds well")),
        _ => Some(format!("{wrong} of {all} {} not well", if all == 1 { "feed" } else { "feeds" })),
    }
}

/// What was told last of each feed: its state and whether it is late, and its warnings.
pub(super) type Told = BTreeMap<String, (FeedState, bool, Vec<String>)>;

/// Prints a line for each feed that does otherwise than it was last told.
pub(super) fn changes(context: &Context, snapshot: &Snapshot, told: &mut Told) -> Result<(), Failure> {
    for feed in snapshot.feeds.iter() {
        let now = (feed.state, feed.late, feed.warnings.clone());
        let before = told.insert(feed.name.clone(), now.clone());
        if before.as_ref() == Some(&now) {
            continue;
        }
        let warned = before.as_ref().map(|(.., warnings)| warnings.as_slice()).unwrap_or_default();
        for warning in feed.warnings.iter().filter(|warning| !warned.contains(warning)) {
            let about = serde_json::json!({ "feed": feed.name, "warning": warning });
            tell(context, &feed.name, &format!("warning: {warning}"), about)?;
        }
        let same = before.as_ref().is_some_and(|(state, late, _)| (*state, *late) == (feed.state, feed.late));
        if same {
            continue;
        }
        let was = before.map(|(state, ..)| state).filter(|state| *state != feed.state);
        let said = was.map_or_else(String::new, |was| format!(" (was {})", was.word()));
        let because = feed.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let about = serde_json::json!({
            "feed": feed.name, "state": feed.state, "was": was, "late": feed.late,
            "rows_behind": feed.rows_behind, "seconds_behind": feed.seconds_behind, "why": feed.why,
        });
        let late = if feed.late && feed.state != FeedState::Live { ", late" } else { "" };
        tell(context, &feed.name, &format!("{}{late}{said}, {}{because}", word(feed), behind(feed)), about)?;
    }
    told.retain(|name, _| snapshot.feed(name).is_some());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Timestamp;

    fn view(name: &str, state: FeedState, rows_behind: u64, late: bool) -> Arc<FeedView> {
        let (seconds_behind, looked) = (f64::from(u32::from(late)) * 75.0 + 0.4, Some(Timestamp::UNIX_EPOCH));
        Arc::new(FeedView { state, rows_behind, seconds_behind, late, looked, ..FeedView::starting(name) })
    }

    fn snapshot(feeds: Vec<Arc<FeedView>>) -> Snapshot {
        let text = serde_json::json!({
            "seq": 1, "taken": Timestamp::UNIX_EPOCH, "hosts": [], "pools": [], "stores": [], "jobs": [],
            "head": {
                "fleet": "f", "alarms": [],
                "engine": { "pid": 1, "version": "0", "started": Timestamp::UNIX_EPOCH, "state": "/s", "frozen": null, "consoles": 0 },
                "lease": { "kind": "embedded", "held": true, "by": null, "why": null },
                "file": { "path": "/f", "read": Timestamp::UNIX_EPOCH, "refused": [] },
            },
            "journal": { "length": 0, "tail": [], "chain": crate::journal::entry::Chain::Intact },
        });
        let empty: Snapshot = serde_json::from_value(text).unwrap();
        Snapshot { feeds: Arc::new(feeds), ..empty }
    }

    #[test]
    fn what_is_wrong_stands_first_and_live_and_late_is_late() {
        let feeds = vec![
            view("counts", FeedState::Live, 0, false),
            view("orders", FeedState::Live, 88, true),
            view("tags", FeedState::TargetAway, 1, false),
        ];
        let text: Vec<String> =
            lines(&snapshot(feeds)).into_iter().map(|(_, line)| line.trim_end().to_owned()).collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(
            text.iter().map(|line| words(line)).collect::<Vec<_>>(),
            [
                "feed state behind rate reason",
                "✗ tags target away 1 row, 0.4 s 0.0/s",
                "✗ orders late 88 rows, 1:15 0.0/s",
                "● counts live 0 rows, 0.4 s 0.0/s",
            ]
        );
    }

    #[test]
    fn a_feed_that_is_not_well_makes_the_whole_not_healthy() {
        for (state, late, well) in [
            (FeedState::Live, false, true),
            (FeedState::CatchingUp, false, true),
            (FeedState::Elsewhere, false, true),
            (FeedState::Live, true, false),
            (FeedState::CatchingUp, true, false),
            (FeedState::SourceAway, false, false),
            (FeedState::TargetAway, false, false),
            (FeedState::Refused, false, false),
        ] {
            let snapshot = snapshot(vec![view("counts", state, 0, late)]);
            assert_eq!(snapshot.healthy(), well, "{state:?} {late}");
            let expected = if well { "1 feed well" } else { "1 of 1 feed not well" };
            assert_eq!(counts(&snapshot).as_deref(), Some(expected));
        }
        assert_eq!(counts(&snapshot(Vec::new())), None);
    }

    #[test]
    fn the_document_has_the_promised_keys() {
        let view = FeedView { why: Some("gone".into()), ..(*view("counts", FeedState::TargetAway, 7, true)).clone() };
        let document = serde_json::to_value(feed(&view)).unwrap();
        for (key, value) in [
            ("name", serde_json::json!("counts")),
            ("rows_behind", serde_json::json!(7)),
            ("seconds_behind", serde_json::json!(75.4)),
            ("rate", serde_json::json!(0.0)),
            ("state", serde_json::json!("target_away")),
            ("error", serde_json::json!("gone")),
        ] {
            assert_eq!(document[key], value, "{key}");
        }
    }
}
