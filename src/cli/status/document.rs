//! What `status --json` promises.

use serde::Serialize;

use super::{chosen, dumps, feeds};
use crate::cli::pool::list::{Pool, pool};
use crate::clock::Timestamp;
use crate::engine::snapshot::Snapshot;
use crate::health::view::{CheckView, HostView, MaintenanceView};
use crate::runbook::view::RunView;

/// The whole document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    fleet: &'a str,
    hosts: Vec<Host<'a>>,
    pools: Vec<Pool<'a>>,
    feeds: Vec<feeds::Feed<'a>>,
    dumps: Vec<dumps::Dump<'a>>,
    runs: Vec<Run<'a>>,
    leader: Leader<'a>,
}

/// The last run of a runbook that no pool asked for.
#[derive(Serialize)]
struct Run<'a> {
    runbook: &'a str,
    #[serde(rename = "run")]
    number: u64,
    state: &'static str,
    owed: &'a [String],
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct Host<'a> {
    name: &'a str,
    health: &'static str,
    since: Timestamp,
    /// Who has it in maintenance, why, since when, until when.
    maintenance: Option<&'a MaintenanceView>,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    name: &'a str,
    result: &'static str,
    latency: Option<f64>,
    reason: Option<&'a str>,
    /// What is worth knowing although it passes.
    found: Option<&'a str>,
}

#[derive(Serialize)]
struct Leader<'a> {
    held: bool,
    by: Option<&'a str>,
}

/// Of these hosts; no names: of all.
pub(super) fn of<'a>(snapshot: &'a Snapshot, names: &'a [String], now: Timestamp) -> Document<'a> {
    let lease = &snapshot.head.lease;
    Document {
        fleet: &snapshot.head.fleet,
        hosts: chosen(snapshot, names).map(|host| of_host(host)).collect(),
        pools: snapshot.pools.iter().map(|view| pool(view)).collect(),
        feeds: snapshot.feeds.iter().map(|view| feeds::feed(view)).collect(),
        dumps: snapshot.dumps.iter().map(|view| dumps::dump(view, now)).collect(),
        runs: snapshot.runs.iter().map(|view| run(view)).collect(),
        leader: Leader { held: lease.held, by: lease.by.as_deref() },
    }
}

fn run(view: &RunView) -> Run<'_> {
    let RunView { runbook, id, state, owed, next, .. } = view;
    Run { runbook, number: id.0, state: state.word(), owed, next: next.as_deref() }
}

fn of_host(host: &HostView) -> Host<'_> {
    let checks = host.checks.iter().map(of_check).collect();
    let (health, maintenance) = (host.health.word(), host.maintenance.as_ref());
    Host { name: &host.name, health, since: host.since, maintenance, checks }
}

fn of_check(check: &CheckView) -> Check<'_> {
    Check {
        name: &check.name,
        result: check.result.word(),
        latency: check.latency,
        reason: check.reason.as_deref(),
        found: check.found.as_deref(),
    }
}
