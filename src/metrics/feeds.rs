//! Families of feeds and dumps.

use super::page::{Page, Sample, count, flag, number, sample, time};
use crate::dump::view::{DrillView, DumpState, DumpView};
use crate::engine::snapshot::Snapshot;
use crate::feed::view::{FeedState, FeedView};

/// How a feed may do.
const FEEDS: [FeedState; 7] = [
    FeedState::Starting,
    FeedState::Live,
    FeedState::CatchingUp,
    FeedState::Elsewhere,
    FeedState::SourceAway,
    FeedState::TargetAway,
    FeedState::Refused,
];

/// How a dump may do.
const DUMPS: [DumpState; 9] = [
    DumpState::Starting,
    DumpState::Good,
    DumpState::Dumping,
    DumpState::Ejected,
    DumpState::Elsewhere,
    DumpState::Late,
    DumpState::ServerAway,
    DumpState::Failing,
    DumpState::MediumAway,
];

pub(super) fn put(snapshot: &Snapshot, page: &mut Page) {
    feeds(snapshot, page);
    dumps(snapshot, page);
}

fn feeds(snapshot: &Snapshot, page: &mut Page) {
    let each = |figure: fn(&FeedView) -> Option<f64>| -> Vec<Sample> {
        let labelled = |feed: &FeedView| Some(sample([("feed", &feed.name)], figure(feed)?));
        snapshot.feeds.iter().filter_map(|feed| labelled(feed)).collect()
    };
    page.gauge(
        "hotspare_feed_state",
        "How a feed does: 1 for how it does, 0 for the others.",
        snapshot.feeds.iter().flat_map(|feed| {
            FEEDS.map(|state| sample([("feed", &feed.name), ("state", state.word())], flag(feed.state == state)))
        }),
    );
    page.gauge(
        "hotspare_feed_rows_behind",
        "Rows that wait at all sources.",
        each(|feed| Some(count(feed.rows_behind))),
    );
    page.gauge(
        "hotspare_feed_lag_seconds",
        "How long the oldest of them has waited.",
        each(|feed| Some(feed.seconds_behind)),
    );
    page.gauge(
        "hotspare_feed_max_lag_seconds",
        "More than this is late; left out until the feed is known.",
        each(|feed| Some(feed.max_lag).filter(|lag| *lag < f64::MAX)),
    );
    page.gauge("hotspare_feed_late", "1 while a feed is late.", each(|feed| Some(flag(feed.late))));
    page.counter(
        "hotspare_feed_rows_carried_total",
        "Rows that were carried.",
        each(|feed| Some(count(feed.strands.iter().map(|strand| strand.carried).sum()))),
    );
    page.gauge(
        "hotspare_feed_warnings",
        "What will go wrong: rows that the source will delete before they are carried.",
        each(|feed| Some(number(feed.warnings.len()))),
    );
    page.gauge(
        "hotspare_feed_compared_equal",
        "1 where the last comparison found the same rows at both ends.",
        each(|feed| Some(flag(feed.checked.as_ref()?.ok))),
    );
    page.gauge(
        "hotspare_feed_compared_timestamp_seconds",
        "When both ends were last compared.",
        each(|feed| Some(time(feed.checked.as_ref()?.at))),
    );
}

fn dumps(snapshot: &Snapshot, page: &mut Page) {
    let each = |figure: fn(&DumpView) -> Option<f64>| -> Vec<Sample> {
        let labelled = |dump: &DumpView| Some(sample([("dump", &dump.name)], figure(dump)?));
        snapshot.dumps.iter().filter_map(|dump| labelled(dump)).collect()
    };
    page.gauge(
        "hotspare_dump_state",
        "How a dump does: 1 for how it does, 0 for the others.",
        snapshot.dumps.iter().flat_map(|dump| {
            DUMPS.map(|state| sample([("dump", &dump.name), ("state", state.word())], flag(dump.state == state)))
        }),
    );
    page.gauge(
        "hotspare_dump_good_timestamp_seconds",
        "When the newest good kit was last seen to be what the server holds; left out where there is none.",
        each(|dump| dump.good.map(time)),
    );
    page.gauge(
        "hotspare_dump_interval_seconds",
        "Time between two rounds.",
        each(|dump| Some(dump.every).filter(|every| *every > 0.0)),
    );
    page.gauge("hotspare_dump_round_seconds", "How long the last round took.", each(|dump| dump.took));
    page.gauge("hotspare_dump_kits", "Kits on the medium.", each(|dump| Some(f64::from(dump.kits))));
    page.gauge("hotspare_dump_kits_bytes", "Bytes of all kits.", each(|dump| Some(count(dump.bytes))));
    page.gauge("hotspare_dump_free_bytes", "Bytes that are free on the medium.", each(|dump| dump.free.map(count)));
    page.gauge(
        "hotspare_dump_databases_failed",
        "Databases that could not be dumped in the last round.",
        each(|dump| Some(number(dump.databases.iter().filter(|database| database.error.is_some()).count()))),
    );
    page.gauge(
        "hotspare_dump_warnings",
        "What will go wrong with a dump.",
        each(|dump| Some(number(dump.warnings.len()))),
    );
    let drill = |figure: fn(&DrillView) -> f64| -> Vec<Sample> {
        let labelled = |dump: &DumpView| Some(sample([("dump", &dump.name)], figure(dump.drill.as_ref()?)));
        snapshot.dumps.iter().filter_map(|dump| labelled(dump)).collect()
    };
    page.gauge(
        "hotspare_dump_drill_ok",
        "1 where the last restore for practice found everything as it was noted.",
        drill(|drill| flag(drill.ok)),
    );
    page.gauge("hotspare_dump_drill_seconds", "How long it took.", drill(|drill| drill.seconds));
    page.gauge("hotspare_dump_drill_timestamp_seconds", "When it ended.", drill(|drill| time(drill.at)));
}
