//! Families of pools: who serves, who stands in, what automation may do, what takeovers and drills took.

use super::page::{Page, Sample, count, flag, number, sample, time};
use crate::engine::snapshot::Snapshot;
use crate::runbook::view::RunState;
use crate::standin::view::{Past, PoolView, SpareState, SpareView, Stand};

/// Where a protected host may stand.
const STANDS: [Stand; 6] =
    [Stand::Serving, Stand::Suspect, Stand::Failing, Stand::Waiting, Stand::StoodIn, Stand::Returned];

/// Where a spare may stand.
const SPARES: [SpareState; 6] = [
    SpareState::Ready,
    SpareState::Activating,
    SpareState::Active,
    SpareState::Releasing,
    SpareState::Failed,
    SpareState::Unready,
];

/// A sample for each pool that has this figure.
fn each<'a>(
    snapshot: &'a Snapshot,
    figure: impl Fn(&PoolView) -> Option<f64> + 'a,
) -> impl Iterator<Item = Sample> + 'a {
    snapshot.pools.iter().filter_map(move |pool| Some(sample([("pool", &pool.name)], figure(pool)?)))
}

/// A sample for each spare that has this figure.
fn spares<'a>(
    snapshot: &'a Snapshot,
    figure: impl Fn(&SpareView) -> Option<f64> + Copy + 'a,
) -> impl Iterator<Item = Sample> + 'a {
    snapshot.pools.iter().flat_map(move |pool| {
        let labelled =
            move |spare: &SpareView| Some(sample([("pool", &pool.name), ("spare", &spare.name)], figure(spare)?));
        pool.spares.iter().filter_map(labelled)
    })
}

pub(super) fn put(snapshot: &Snapshot, page: &mut Page) {
    page.gauge(
        "hotspare_pool_info",
        "A pool and its mode; always 1.",
        snapshot.pools.iter().map(|pool| sample([("pool", &pool.name), ("mode", &pool.mode)], 1.0)),
    );
    page.gauge(
        "hotspare_pool_host_stand",
        "Where a protected host stands: 1 for where it does, 0 for the others.",
        snapshot.pools.iter().flat_map(|pool| {
            pool.hosts.iter().flat_map(move |host| {
                STANDS.map(|stand| {
                    let labels = [("pool", &*pool.name), ("host", &host.name), ("stand", stand.word())];
                    sample(labels, flag(host.stand == stand))
                })
            })
        }),
    );
    page.gauge(
        "hotspare_spare_state",
        "Where a spare stands: 1 for where it does, 0 for the others.",
        snapshot.pools.iter().flat_map(|pool| {
            pool.spares.iter().flat_map(move |spare| {
                SPARES.map(|state| {
                    let labels = [("pool", &*pool.name), ("spare", &spare.name), ("state", state.word())];
                    sample(labels, flag(spare.state == state))
                })
            })
        }),
    );
    page.gauge(
        "hotspare_spare_generation",
        "The number that grew with the last change of ownership of a spare.",
        spares(snapshot, |spare| Some(count(spare.generation))),
    );
    page.gauge(
        "hotspare_spare_proven_timestamp_seconds",
        "When the readiness of a spare was last proven.",
        spares(snapshot, |spare| spare.proven.map(time)),
    );
    page.gauge(
        "hotspare_spare_free_bytes",
        "The least free room on the disks of a spare that were looked at.",
        spares(snapshot, |spare| spare.free.map(count)),
    );
    page.gauge(
        "hotspare_pool_paused",
        "1 while automatic decisions are suspended by somebody's wish.",
        each(snapshot, |pool| Some(flag(pool.paused.is_some()))),
    );
    page.gauge(
        "hotspare_pool_held_back",
        "What else keeps automation from acting now: frozen, no lease, brake, cool-down, no anchor.",
        each(snapshot, |pool| Some(number(pool.held_back.len()))),
    );
    page.gauge(
        "hotspare_pool_alarms",
        "What needs a person: two owners, a spare that died while standing in, a drill that is overdue.",
        each(snapshot, |pool| Some(number(pool.alarms.len()))),
    );
    page.gauge(
        "hotspare_pool_address_owners",
        "How many machines answer for an address that a pool moves: it should be 1.",
        snapshot.pools.iter().flat_map(|pool| {
            pool.owners.iter().filter(|owner| owner.seen.is_some()).map(move |owner| {
                sample([("pool", &pool.name), ("address", &owner.address)], number(owner.held_by.len()))
            })
        }),
    );
    past(snapshot, page);
}

/// What was promised, and what came of the last takeover and the last drill.
fn past(snapshot: &Snapshot, page: &mut Page) {
    page.gauge(
        "hotspare_pool_target_seconds",
        "The promised time to service.",
        each(snapshot, |pool| Some(pool.target)),
    );
    page.gauge(
        "hotspare_pool_drill_interval_seconds",
        "How long ago the last good drill may be.",
        each(snapshot, |pool| pool.drill_every),
    );
    let both = |figure: fn(&Past) -> f64| -> Vec<Sample> {
        let of = |pool: &PoolView| -> Vec<Sample> {
            let past = [("takeover", &pool.last_takeover), ("drill", &pool.last_drill)];
            let known = past.into_iter().filter_map(|(purpose, past)| Some((purpose, past.as_ref()?)));
            known.map(|(purpose, past)| sample([("pool", &pool.name), ("purpose", purpose)], figure(past))).collect()
        };
        snapshot.pools.iter().flat_map(|pool| of(pool)).collect()
    };
    page.gauge(
        "hotspare_pool_last_run_timestamp_seconds",
        "When the last takeover and the last drill of a pool ended.",
        both(|past| time(past.at)),
    );
    page.gauge(
        "hotspare_pool_last_run_seconds",
        "How long they took until everything was done that they are for.",
        both(|past| past.seconds),
    );
    page.gauge(
        "hotspare_pool_last_run_done",
        "1 where they were done, 0 where they failed.",
        both(|past| flag(past.state == RunState::Done)),
    );
}
