//! Families of stores of recording sessions: sums, never one session.

use super::page::{Page, Sample, count, flag, sample, time};
use crate::engine::snapshot::Snapshot;
use crate::session::view::StoreView;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

pub(super) fn put(snapshot: &Snapshot, page: &mut Page) {
    let each = |figure: fn(&StoreView) -> Option<f64>| -> Vec<Sample> {
        let labelled = |store: &StoreView| Some(sample([("store", &store.name)], figure(store)?));
        snapshot.stores.iter().filter_map(|store| labelled(store)).collect()
    };
    page.gauge(
        "hotspare_store_source_ready",
        "1 where the folder in which sessions are recorded can be used.",
        each(|store| Some(flag(store.source.ready()))),
    );
    page.gauge(
        "hotspare_store_free_bytes",
        "Bytes that are free where sessions are recorded.",
        each(|store| store.free.map(count)),
    );
    page.gauge(
        "hotspare_store_full_in_seconds",
        "Until that is full, at the pace of the last two weeks.",
        each(|store| store.days_left.map(|days| days * DAY)),
    );
    page.gauge(
        "hotspare_store_sessions",
        "Sessions that are known, by what is known of them; the kinds overlap.",
        snapshot.stores.iter().flat_map(|store| {
            let totals = &store.totals;
            let kinds =
                [("all", totals.sessions), ("on_disk", totals.on_disk), ("safe", totals.safe), ("wrong", totals.wrong)];
            kinds.map(|(kind, sessions)| sample([("store", &*store.name), ("kind", kind)], count(sessions)))
        }),
    );
    page.gauge(
        "hotspare_store_disk_bytes",
        "Bytes of sessions on this computer's disk.",
        each(|store| Some(count(store.totals.bytes))),
    );
    page.gauge(
        "hotspare_store_safe_bytes",
        "Bytes of those that are safe to delete there.",
        each(|store| Some(count(store.totals.safe_bytes))),
    );
    page.gauge(
        "hotspare_store_scanned_timestamp_seconds",
        "When all sides of a store were last looked at.",
        each(|store| store.scanned.map(time)),
    );
    page.gauge(
        "hotspare_store_imports_known",
        "1 where the database that knows of imports answers; left out where none is declared.",
        each(|store| Some(flag(store.imported.as_ref()?.ready()))),
    );
    let destinations = || {
        let of = |store: &'_ StoreView| store.name.clone();
        snapshot.stores.iter().flat_map(move |store| store.destinations.iter().map(move |one| (of(store), one)))
    };
    page.gauge(
        "hotspare_destination_ready",
        "1 where a destination is what it should be and answers.",
        destinations()
            .map(|(store, one)| sample([("store", &store), ("destination", &one.name)], flag(one.state.ready()))),
    );
    page.gauge(
        "hotspare_destination_free_bytes",
        "Bytes that are free at a destination.",
        destinations()
            .filter_map(|(store, one)| Some(sample([("store", &store), ("destination", &one.name)], count(one.free?)))),
    );
}
