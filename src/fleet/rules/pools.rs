//! Pools: who stands in for whom, and whether that can work.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Places, repeated, way};
use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::fleet::pool::{Fence, Pool};
use crate::fleet::report::Report;
use crate::fleet::runbook::{Runbook, StepKind};
use crate::fleet::template::placeholders;

/// Hosts by name: a fleet may have thousands.
type Hosts<'a> = HashMap<&'a str, &'a Host>;

pub(super) fn check(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    let hosts: Hosts<'_> = fleet.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    for pool in &fleet.pools {
        members(pool, places, report);
        witnesses(pool, places, report);
        pace(pool, places, report);
        drill(pool, places, report);
        detection(&hosts, pool, places, report);
        if let Some(takeover) = fleet.runbooks.iter().find(|runbook| runbook.name == pool.takeover) {
            fence(pool, takeover, places, report);
            service_addresses(&hosts, pool, takeover, places, report);
        }
    }
    shared_members(fleet, places, report);
    cycles(fleet, places, report);
}

fn members(pool: &Pool, places: &Places<'_>, report: &mut Report) {
    for (key, names) in [("protects", &pool.protects), ("spares", &pool.spares), ("witnesses", &pool.witnesses)] {
        for (at, name) in repeated(names.iter().map(String::as_str)) {
            let place = places.of(way!["pools", &pool.name, key, at]);
            report.error(place, format!("`{name}` stands twice in `{key}` of the pool `{}`", pool.name));
        }
    }
    for (at, name) in pool.spares.iter().enumerate().filter(|(_, name)| pool.protects.contains(name)) {
        let message = format!("`{name}` is both protected and a spare in the pool `{}`", pool.name);
        let finding = report.error(places.of(way!["pools", &pool.name, "spares", at]), message);
        finding.hint("a host cannot stand in for itself; take it out of one of the two lists");
    }
}

/// A host that fails cannot be its own witness.
fn witnesses(pool: &Pool, places: &Places<'_>, report: &mut Report) {
    let alone = pool.protects.iter().find(|host| !pool.witnesses.iter().any(|witness| witness != *host));
    if let Some(host) = alone {
        let message = format!("nobody but the console can see whether `{host}` is gone: it has no witness");
        let finding = report.warning(places.of(way!["pools", &pool.name, "witnesses"]), message);
        finding.hint("leave `witnesses` out for the spares, or name hosts that are reached over ssh");
    }
}

fn drill(pool: &Pool, places: &Places<'_>, report: &mut Report) {
    if pool.drill_every.is_some() && pool.drill.is_none() {
        let place = places.of(way!["pools", &pool.name, "drill_every"]);
        let message = format!("the pool `{}` has no drill that could be begun by itself", pool.name);
        report
            .error(place, message)
            .hint("write `drill = \"NAME\"` with the name of a runbook, or leave `drill_every` out");
    }
}

fn pace(pool: &Pool, places: &Places<'_>, report: &mut Report) {
    // One of zero was told as what it is.
    let short = |after: &Duration| !after.is_zero() && *after < pool.probe.every.saturating_mul(2);
    if let Some(after) = pool.down_after.filter(short) {
        let place = places.of(way!["pools", &pool.name, "down_after"]);
        let message = format!("`down_after` of {after:?} is shorter than two probes, {:?} apart", pool.probe.every);
        report.error(place, message).hint("one lost packet would be a failed host");
    }
    let window = pool.probe.every.saturating_mul(pool.probe.failures);
    if pool.down_after.is_none() && window < Duration::from_secs(1) && !window.is_zero() {
        let place = places.of(way!["pools", &pool.name, "probe"]);
        let message = format!("a host would count as failed after {window:?}; below 1s a busy switch is enough");
        report.warning(place, message);
    }
}

/// Without a vital check a host is never down, and nothing is ever taken over.
fn detection(hosts: &Hosts<'_>, pool: &Pool, places: &Places<'_>, report: &mut Report) {
    for (at, name) in pool.protects.iter().enumerate() {
        let Some(host) = hosts.get(name.as_str()) else { continue };
        if !host.checks.iter().any(crate::fleet::check::Check::vital) {
            let message = format!("`{name}` has no vital check, so it can never be down");
            let finding = report.warning(places.of(way!["pools", &pool.name, "protects", at]), message);
            finding.hint("give it a ping, tcp or http check, or write `vital = true` on one of its checks");
        }
    }
    if pool.brake as usize > hosts.len() {
        let message = format!("a brake of {} is never reached: the fleet has {} hosts", pool.brake, hosts.len());
        report.warning(places.of(way!["pools", &pool.name, "brake"]), message);
    }
}

fn fence(pool: &Pool, takeover: &Runbook, places: &Places<'_>, report: &mut Report) {
    if pool.fence != Fence::Required || takeover.steps.is_empty() {
        return;
    }
    let fence = takeover.steps.iter().position(|step| step.fence);
    let claims = |kind: &StepKind| match kind {
        StepKind::Address { take: Some(_), .. } => Some(("takes the address", "two hosts may own the address")),
        StepKind::MysqlPromote { .. } => Some(("promotes the server", "two servers may take writes")),
        _ => None,
    };
    let mut steps = takeover.steps.iter().enumerate();
    let claim = steps.find_map(|(at, step)| claims(&step.kind).map(|(what, or)| (at, what, or)));
    match (fence, claim) {
        (None, _) => {
            let key = if places.has(way!["pools", &pool.name, "fence"]) { "fence" } else { "takeover" };
            let message =
                format!("the pool `{}` requires a fence, but `{}` has no step that is one", pool.name, takeover.name);
            let finding = report.error(places.of(way!["pools", &pool.name, key]), message);
            finding.hint("write `fence = true` on the step that switches the failed host off, or `fence = \"best-effort\"` in the pool");
        }
        (Some(fence), Some((claim, what, or))) if claim < fence => {
            let message = format!("`{}` {what} before its fence", takeover.name);
            let place = places.of(way!["runbooks", &takeover.name, "steps", fence, "fence"]);
            report.error(place, message).hint(format!("put the fence first, or {or}"));
        }
        _ => {}
    }
}

/// `{failed.service}` must have a value for each host that may fail.
fn service_addresses(hosts: &Hosts<'_>, pool: &Pool, takeover: &Runbook, places: &Places<'_>, report: &mut Report) {
    if !takeover.steps.iter().any(|step| super::runbooks::texts(&step.kind).any(uses_service)) {
        return;
    }
    for (at, name) in pool.protects.iter().enumerate() {
        if hosts.get(name.as_str()).is_some_and(|host| host.service.is_none()) {
            let message = format!("`{name}` has no `service`, but `{}` uses {{failed.service}}", takeover.name);
            let finding = report.error(places.of(way!["pools", &pool.name, "protects", at]), message);
            finding
                .hint(format!("write `service = \"10.77.0.100/24\"` in [hosts.{name}]: the address its clients use"));
        }
    }
}

fn uses_service(text: &str) -> bool {
    placeholders(text).any(|(_, name)| name == "failed.service")
}

/// A host in two pools: as a spare of both it would be promised twice.
fn shared_members(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    let (mut spares, mut protected) = (HashMap::new(), HashMap::new());
    for pool in &fleet.pools {
        for (at, name) in pool.spares.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let first: &mut &Pool = spares.entry(name).or_insert(pool);
            if first.name != pool.name {
                let message = format!("`{name}` is a spare of two pools, `{}` and `{}`", first.name, pool.name);
                let finding = report.error(places.of(way!["pools", &pool.name, "spares", at]), message);
                finding.hint("a spare serves one pool; make one pool of the two, or give each its own");
            }
        }
        for (at, name) in pool.protects.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let first: &mut &Pool = protected.entry(name).or_insert(pool);
            if first.name != pool.name {
                let message = format!("`{name}` is protected by two pools, `{}` and `{}`", first.name, pool.name);
                let finding = report.error(places.of(way!["pools", &pool.name, "protects", at]), message);
                finding.hint("two spares would take its place at once; protect it in one pool");
            }
        }
    }
}

/// One host may be stood in for by another, as this pool says at this place of its spares.
struct StandIn<'a> {
    spare: &'a str,
    pool: &'a Pool,
    at: usize,
}

/// A spare whose own stand-in is, in the end, the host it protects. Each pool's spares are looked at once.
fn cycles(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    let mut stand_ins: HashMap<&str, Vec<StandIn<'_>>> = HashMap::new();
    for pool in &fleet.pools {
        // Within one pool it is told as "both protected and a spare".
        for (at, spare) in pool.spares.iter().enumerate().filter(|(_, spare)| !pool.protects.contains(spare)) {
            for host in &pool.protects {
                stand_ins.entry(host).or_default().push(StandIn { spare, pool, at });
            }
        }
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for host in fleet.pools.iter().flat_map(|pool| &pool.protects) {
        if !seen.insert(host) {
            continue;
        }
        // The way from the first host to the one looked at, each with the number of its stand-ins already followed.
        let mut way: Vec<(&str, usize)> = vec![(host, 0)];
        while let Some((host, followed)) = way.last_mut() {
            let Some(next) = stand_ins.get(*host).and_then(|of_host| of_host.get(*followed)) else {
                way.pop();
                continue;
            };
            *followed += 1;
            if let Some(start) = way.iter().position(|(earlier, _)| *earlier == next.spare) {
                let circle: Vec<&str> = way.iter().skip(start).map(|(host, _)| *host).collect();
                tell_circle(&circle, next, places, report);
            } else if seen.insert(next.spare) {
                way.push((next.spare, 0));
            }
        }
    }
}

/// `last` stands in for the last host of the circle and is its first.
fn tell_circle(circle: &[&str], last: &StandIn<'_>, places: &Places<'_>, report: &mut Report) {
    let after = circle.iter().skip(1).chain([&last.spare]);
    let links: Vec<String> = circle.iter().zip(after).map(|(host, spare)| format!("`{spare}` for `{host}`")).collect();
    let place = places.of(way!["pools", &last.pool.name, "spares", last.at]);
    let finding = report.error(place, format!("a circle of stand-ins: {}", links.join(", ")));
    finding.hint("two hosts that fail together would wait for each other; take one of the pools out");
}
