//! Drills: whether one is due, of which host by which spare, and whether it may begin by itself. Pure.
//!
//! A stand-in that was never practised is a hope. With `drill_every` the engine practises by itself, but only while every
//! host serves and every spare is ready, and never in the mode `observe`. Hosts and spares take turns.

use std::time::Duration;

use super::steady::since;
use super::view::{Past, PoolView, SpareState, Stand};
use crate::clock::Timestamp;
use crate::fleet::pool::{Mode, Pool};
use crate::runbook::cast::Purpose;
use crate::runbook::view::RunState;

/// After so long without a good drill nobody knows whether the spare works, where the pool does not say how long.
pub const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long ago the last good drill may be; `None`: the pool has no drill.
pub fn every(pool: &Pool) -> Option<Duration> {
    pool.drill.as_ref().map(|_runbook| pool.drill_every.unwrap_or(LONG))
}

/// The alarm of a pool that promised drills and has none that is recent; `None`: it promised none, or has one.
pub fn overdue(pool: &Pool, past: &[Past], now: Timestamp) -> Option<String> {
    let promised = pool.drill_every.filter(|_| pool.drill.is_some())?;
    let drills = || past.iter().filter(|past| past.purpose == Purpose::Drill);
    let good = drills().find(|past| past.state == RunState::Done);
    if good.is_some_and(|good| since(now, good.at) < promised) {
        return None;
    }
    let every = crate::reach::plain::time(promised);
    Some(match (good, drills().next()) {
        (Some(good), _) => format!("the last good drill was {:.0}, and one each {every} is promised", good.at),
        (None, Some(_)) => format!("no drill went well yet, and one each {every} is promised"),
        (None, None) => format!("there was no drill yet, and one each {every} is promised"),
    })
}

/// The host and the spare whose turn it is, where a drill is to begin by itself now.
pub fn turn(pool: &Pool, view: &PoolView, past: &[Past], now: Timestamp) -> Option<(String, String)> {
    let every = pool.drill_every.filter(|_| pool.drill.is_some() && pool.mode != Mode::Observe)?;
    let well = view.hosts.iter().all(|host| host.stand == Stand::Serving)
        && view.spares.iter().all(|spare| spare.state == SpareState::Ready)
        && view.held_back.is_empty();
    let drills = || past.iter().filter(|past| past.purpose == Purpose::Drill);
    // One that failed is not tried again before a person had a whole round to look at it.
    if !well || drills().next().is_some_and(|last| since(now, last.at) < every) {
        return None;
    }
    let pairs = pool.protects.iter().flat_map(|host| pool.spares.iter().map(move |spare| (host, spare)));
    let last = |(host, spare): &(&String, &String)| {
        drills().find(|past| past.host == **host && past.spare == **spare).map(|past| past.at)
    };
    pairs.min_by_key(last).map(|(host, spare)| (host.clone(), spare.clone()))
}

/// Why a drill that is under way is to be broken off: a host that it may need the spare for is gone.
pub fn broken_off(view: &PoolView) -> Option<String> {
    let gone = view.hosts.iter().find(|host| matches!(host.stand, Stand::Failing | Stand::Waiting))?;
    Some(format!("{} is gone: the spare is needed", gone.name))
}

#[cfg(test)]
mod tests;
