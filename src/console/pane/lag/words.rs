//! What is said of lag in few words: states, numbers, the answer in the title.

use super::dumps;
use crate::clock::Timestamp;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::engine::snapshot::Snapshot;
use crate::feed::view::{FeedState, FeedView};
use crate::health::observation::Outcome;
use crate::health::view::{CheckView, Health, HostView};
use crate::work::view::Unit;

/// A state as it is said: what it means, its sign, its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What it means.
    pub meaning: Meaning,
    /// Its sign.
    pub sign: &'static str,
    /// Its word.
    pub word: &'static str,
}

pub(super) const fn said(meaning: Meaning, sign: &'static str, word: &'static str) -> Said {
    Said { meaning, sign, word }
}

/// How a feed, a table or a machine of it does.
pub const fn state(state: FeedState, late: bool, glyphs: &Glyphs) -> Said {
    match state {
        FeedState::Starting => said(Meaning::Dim, glyphs.waiting, state.word()),
        FeedState::Live if late => said(Meaning::Bad, glyphs.warn, "late"),
        FeedState::Live => said(Meaning::Good, glyphs.up, state.word()),
        FeedState::CatchingUp if late => said(Meaning::Bad, glyphs.running, state.word()),
        FeedState::CatchingUp => said(Meaning::Info, glyphs.running, state.word()),
        FeedState::Elsewhere => said(Meaning::Dim, glyphs.into, state.word()),
        FeedState::SourceAway if late => said(Meaning::Bad, glyphs.degraded, state.word()),
        FeedState::SourceAway => said(Meaning::Warn, glyphs.degraded, state.word()),
        FeedState::TargetAway | FeedState::Refused => said(Meaning::Bad, glyphs.bad, state.word()),
    }
}

/// What floats to the top.
pub const fn rank(state: FeedState, late: bool) -> u8 {
    match (state, late) {
        (FeedState::Refused, _) => 0,
        (FeedState::TargetAway, _) => 1,
        (FeedState::SourceAway, _) => 2,
        (_, true) => 3,
        (FeedState::CatchingUp, false) => 5,
        (FeedState::Starting, false) => 6,
        (FeedState::Live, false) => 7,
        (FeedState::Elsewhere, false) => 8,
    }
}

/// Whether this check asks a replica how far it is behind.
pub fn is_replica(check: &CheckView) -> bool {
    matches!(check.kind.as_str(), "mysql-replica" | "mongo-replica")
}

/// The replicas of a fleet, in the order of the fleet file.
pub fn replicas(snapshot: &Snapshot) -> impl Iterator<Item = (&HostView, &CheckView)> {
    snapshot.hosts.iter().flat_map(|host| {
        let checks = host.checks.iter().filter(|check| is_replica(check));
        checks.map(|check| (host.as_ref(), check))
    })
}

/// How a replica does.
pub fn replica(host: &HostView, check: &CheckView, glyphs: &Glyphs) -> Said {
    match check.result {
        Outcome::Pass => said(Meaning::Good, glyphs.up, "live"),
        Outcome::Fail if check.behind.is_some() => said(Meaning::Bad, glyphs.warn, "late"),
        Outcome::Fail if host.health == Health::Down => said(Meaning::Bad, glyphs.bad, "away"),
        Outcome::Fail => said(Meaning::Bad, glyphs.bad, "broken"),
        Outcome::Unknown => said(Meaning::Unknown, glyphs.unknown, "unknown"),
    }
}

/// What floats to the top, among the feeds.
pub fn replica_rank(_: &HostView, check: &CheckView) -> u8 {
    match check.result {
        Outcome::Fail if check.behind.is_none() => 1,
        Outcome::Fail => 3,
        Outcome::Unknown => 4,
        Outcome::Pass => 7,
    }
}

/// A machine, in words.
pub fn source(source: Option<&str>) -> String {
    source.unwrap_or("this machine").to_owned()
}

/// Rows that wait: `1 204`, `≤1 204` where they were not counted.
pub fn rows(rows: u64, counted: bool) -> String {
    let most = if counted || rows == 0 { "" } else { "≤" };
    format!("{most}{}", format::count(rows))
}

/// The same with their word.
pub fn rows_behind(rows_: u64, counted: bool) -> String {
    format!("{} {}", rows(rows_, counted), if rows_ == 1 { "row" } else { "rows" })
}

/// How long the oldest row has waited: `0.4 s`, `42 s`, `12 min`.
pub fn delay(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and nobody reads so large a number")]
    match seconds {
        short if short < 9.95 => format!("{:.1} s", short.max(0.0)),
        short if short < 119.5 => format!("{short:.0} s"),
        long => format::span(long.round() as i64),
    }
}

/// Rows a second.
pub fn rate(per_second: f64) -> String {
    if per_second < 0.05 { "0/s".into() } else { format::rate(per_second, Unit::Rows) }
}

/// What will go wrong with a feed, or was found wrong by the last comparison.
pub fn warnings(feed: &FeedView) -> impl Iterator<Item = &str> {
    let checked = feed.checked.as_ref().filter(|checked| !checked.ok).map(|checked| checked.said.as_str());
    feed.warnings.iter().map(String::as_str).chain(checked)
}

/// How a feed does, and how far behind it is, in a few words: `target away, 1 204 rows behind`.
pub fn short(feed: &FeedView) -> String {
    let word = state(feed.state, feed.late, &crate::console::theme::glyphs::ASCII).word;
    let mut text = word.to_owned();
    if feed.rows_behind > 0 {
        text = format!("{text}, {} behind", rows_behind(feed.rows_behind, feed.counted));
    }
    if feed.late {
        text = format!("{text}, {}", delay(feed.seconds_behind));
    }
    text
}

/// Feeds and replicas that are not well, worst first, each in a few words.
fn wrong(snapshot: &Snapshot, glyphs: &Glyphs) -> Vec<Part> {
    let feeds = snapshot.feeds.iter().filter(|feed| !feed.well()).map(|feed| {
        let said = state(feed.state, feed.late, glyphs);
        (rank(feed.state, feed.late), part(said.meaning, format!("{}: {}", feed.name, short(feed))))
    });
    let replicas = replicas(snapshot).filter(|(_, check)| check.result == Outcome::Fail).map(|(host, check)| {
        let word = replica(host, check, glyphs).word;
        let behind = check.behind.map(|behind| format!(", {} behind", delay(behind))).unwrap_or_default();
        (replica_rank(host, check), part(Meaning::Bad, format!("replica {}: {word}{behind}", host.name)))
    });
    let dumps = snapshot.dumps.iter().filter(|dump| !dump.well()).map(|dump| {
        let said = dumps::said(dump, glyphs);
        (dumps::rank(dump), part(said.meaning, format!("dump {}: {}", dump.name, said.word)))
    });
    let mut all: Vec<(u8, Part)> = feeds.chain(dumps).chain(replicas).collect();
    all.sort_by_key(|(rank, _)| *rank);
    all.into_iter().map(|(_, part)| part).collect()
}

/// How many feeds are in this state.
fn count(snapshot: &Snapshot, state: FeedState) -> usize {
    snapshot.feeds.iter().filter(|feed| feed.state == state && feed.well()).count()
}

/// The answer of the pane, in its title.
pub fn answer(snapshot: &Snapshot, now: Timestamp, glyphs: &Glyphs) -> Vec<Part> {
    let all = rows_of_title(snapshot);
    let wrong = wrong(snapshot, glyphs);
    let mut parts = Vec::new();
    if wrong.len() > 2 {
        parts.push(part(Meaning::Bad, format!("{} of {all} not well: ", wrong.len())));
    }
    for (index, part) in wrong.iter().enumerate() {
        if index > 0 {
            parts.push(plain("; "));
        }
        parts.push(part.clone());
    }
    if !parts.is_empty() {
        return parts;
    }
    if let Some(feed) = snapshot.feeds.iter().find(|feed| feed.state == FeedState::CatchingUp) {
        let left = feed.catches_up_in.and_then(format::remaining).map(|left| format!(", {left} left"));
        let behind = rows_behind(feed.rows_behind, feed.counted);
        let said = format!("{} catches up: {behind}{}", feed.name, left.unwrap_or_default());
        let others = count(snapshot, FeedState::CatchingUp).saturating_sub(1);
        let more = if others > 0 { format!(" +{others}") } else { String::new() };
        return vec![part(Meaning::Info, said), dim(more)];
    }
    let kits = dumps::kits(snapshot, now);
    let mut parts = match (count(snapshot, FeedState::Starting), count(snapshot, FeedState::Elsewhere)) {
        _ if rows_of_feeds(snapshot) == 0 => Vec::new(),
        (0, 0) => vec![plain("all live")],
        (0, elsewhere) if elsewhere == snapshot.feeds.len() => vec![dim("carried elsewhere")],
        (0, elsewhere) => vec![plain("live"), dim(format!(", {elsewhere} elsewhere"))],
        (starting, _) => vec![dim(format!("{starting} starting"))],
    };
    if let Some(kits) = kits {
        parts.extend((!parts.is_empty()).then(|| plain(", ")));
        parts.push(kits);
        parts.extend(dumps::practised(snapshot, now).into_iter().flat_map(|practised| [plain(", "), practised]));
    }
    let of_feeds: usize = snapshot.feeds.iter().map(|feed| warnings(feed).count()).sum();
    let warned = of_feeds + snapshot.dumps.iter().map(|dump| dumps::warnings(dump).count()).sum::<usize>();
    if warned > 0 {
        let text = format!("{} {}", glyphs.warn, format::several(warned, "warning"));
        parts.extend([plain(", "), part(Meaning::Warn, text)]);
    }
    parts
}

fn rows_of_title(snapshot: &Snapshot) -> usize {
    rows_of_feeds(snapshot) + snapshot.dumps.len()
}

fn rows_of_feeds(snapshot: &Snapshot) -> usize {
    snapshot.feeds.len() + replicas(snapshot).count()
}

/// The same in one word, for a tab.
pub fn brief(snapshot: &Snapshot, glyphs: &Glyphs) -> Vec<Part> {
    let wrong = wrong(snapshot, glyphs);
    if let Some(worst) = wrong.first() {
        return vec![part(worst.meaning, format!("{}{}", glyphs.bad, wrong.len()))];
    }
    if count(snapshot, FeedState::CatchingUp) > 0 {
        return vec![part(Meaning::Info, format!("{} behind", glyphs.running))];
    }
    let of_dumps = snapshot.dumps.iter().any(|dump| dumps::warnings(dump).next().is_some());
    let warned = of_dumps || snapshot.feeds.iter().any(|feed| warnings(feed).next().is_some());
    let quiet = !snapshot.feeds.is_empty() && count(snapshot, FeedState::Live) == 0;
    match (warned, snapshot.feeds.first()) {
        (true, _) => vec![part(Meaning::Warn, glyphs.warn)],
        (false, Some(first)) if quiet => vec![dim(first.state.word())],
        (false, None) if rows_of_feeds(snapshot) == 0 => {
            snapshot.dumps.first().map(|dump| dim(dump.state.word())).into_iter().collect()
        }
        _ => vec![plain("live")],
    }
}

/// What the first line of the screen says of feeds and dumps: that all are live and how old the kits are, or which is not well.
pub fn headline(snapshot: &Snapshot, now: Timestamp, glyphs: &Glyphs) -> Vec<Part> {
    let mut wrong: Vec<&FeedView> = snapshot.feeds.iter().map(AsRef::as_ref).filter(|feed| !feed.well()).collect();
    wrong.sort_by_key(|feed| rank(feed.state, feed.late));
    let feeds = match wrong.as_slice() {
        [] if count(snapshot, FeedState::CatchingUp) > 0 => Some(part(Meaning::Info, "feeds catch up")),
        [] if count(snapshot, FeedState::Live) > 0 => Some(plain("feeds live")),
        [] => None,
        [only] => {
            let said = state(only.state, only.late, glyphs);
            Some(part(said.meaning, format!("{} {} {}", said.sign, only.name, said.word)))
        }
        several => Some(part(Meaning::Bad, format!("{} {} feeds not well", glyphs.bad, several.len()))),
    };
    let wrong: Vec<_> = snapshot.dumps.iter().filter(|dump| !dump.well()).collect();
    let dumps = match wrong.as_slice() {
        [] => dumps::kits(snapshot, now),
        [only] => {
            let said = dumps::said(only, glyphs);
            Some(part(said.meaning, format!("{} dump {} {}", said.sign, only.name, said.word)))
        }
        several => Some(part(Meaning::Bad, format!("{} {} dumps not well", glyphs.bad, several.len()))),
    };
    feeds.into_iter().chain(dumps).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0.0 s")]
    #[case(0.44, "0.4 s")]
    #[case(9.94, "9.9 s")]
    #[case(9.96, "10 s")]
    #[case(119.4, "119 s")]
    #[case(119.6, "2 min")]
    #[case(11_400.0, "3 h 10")]
    #[case(-1.0, "0.0 s")]
    #[case(f64::INFINITY, "106751991167300 d")]
    fn delays_are_short(#[case] seconds: f64, #[case] expected: &str) {
        assert_eq!(delay(seconds), expected);
    }

    #[rstest]
    #[case(0, true, "0 rows")]
    #[case(0, false, "0 rows")]
    #[case(1, true, "1 row")]
    #[case(1204, true, "1 204 rows")]
    #[case(1204, false, "≤1 204 rows")]
    fn rows_that_were_not_counted_are_at_most_so_many(#[case] rows: u64, #[case] counted: bool, #[case] text: &str) {
        assert_eq!(rows_behind(rows, counted), text);
    }
}
