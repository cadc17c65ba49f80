//! Families of hosts, their checks and services.

use super::page::{Page, Sample, flag, sample, time};
use crate::engine::snapshot::Snapshot;
use crate::health::observation::Outcome;
use crate::health::view::{CheckView, Health, HostView};
use crate::service::view::{LockView, ModuleState, ServiceView};

pub(super) fn put(snapshot: &Snapshot, page: &mut Page) {
    let hosts = || snapshot.hosts.iter();
    page.gauge(
        "hotspare_host_health",
        "What is believed of a host: 1 for the health that it has, 0 for the others.",
        hosts().flat_map(|host| {
            Health::ALL
                .map(|health| sample([("host", &host.name), ("health", health.word())], flag(host.health == health)))
        }),
    );
    page.gauge(
        "hotspare_host_health_since_timestamp_seconds",
        "Since when that is believed of it.",
        hosts().map(|host| sample([("host", &host.name)], time(host.since))),
    );
    page.gauge(
        "hotspare_host_maintenance_end_timestamp_seconds",
        "When the maintenance of a host ends; only of hosts in maintenance.",
        hosts().filter_map(|host| Some(sample([("host", &host.name)], time(host.maintenance.as_ref()?.until)))),
    );
    checks(snapshot, page);
    services(snapshot, page);
}

/// A sample for each check that has this figure.
fn each<'a>(
    snapshot: &'a Snapshot,
    figure: impl Fn(&CheckView) -> Option<f64> + Copy + 'a,
) -> impl Iterator<Item = Sample> + 'a {
    let of = move |host: &'a HostView| {
        let labelled = move |check: &'a CheckView| {
            let value = figure(check)?;
            Some(sample([("host", &host.name), ("check", &check.name), ("kind", &check.kind)], value))
        };
        host.checks.iter().filter_map(labelled)
    };
    snapshot.hosts.iter().flat_map(move |host| of(host))
}

fn checks(snapshot: &Snapshot, page: &mut Page) {
    page.gauge(
        "hotspare_check_passing",
        "1 where the last run of a check passed, 0 where it failed; left out where it could not be asked.",
        each(snapshot, |check| match check.result {
            Outcome::Pass => Some(1.0),
            Outcome::Fail => Some(0.0),
            Outcome::Unknown => None,
        }),
    );
    page.gauge(
        "hotspare_check_vital",
        "1 where a check decides between up and down.",
        each(snapshot, |check| Some(flag(check.vital))),
    );
    page.gauge(
        "hotspare_check_latency_seconds",
        "Smoothed latency of passing runs.",
        each(snapshot, |check| check.latency),
    );
    page.gauge(
        "hotspare_check_behind_seconds",
        "How far a replica is behind its source.",
        each(snapshot, |check| check.behind),
    );
    page.gauge("hotspare_check_interval_seconds", "Time between two runs.", each(snapshot, |check| Some(check.every)));
}

fn services(snapshot: &Snapshot, page: &mut Page) {
    let services = || snapshot.services.iter();
    let module = |service: &ServiceView, value: fn(&crate::service::view::ModuleView) -> Option<f64>| -> Vec<Sample> {
        let (name, host) = (&service.name, &service.host);
        let labelled = |module: &crate::service::view::ModuleView| {
            Some(sample([("service", name), ("host", host), ("module", &module.name)], value(module)?))
        };
        service.modules.iter().filter_map(labelled).collect()
    };
    page.gauge(
        "hotspare_service_module_running",
        "1 where the process that a pid file of a service names lives; left out where that is not known.",
        services().flat_map(|service| {
            module(service, |module| {
                (module.state != ModuleState::Unknown).then(|| flag(module.state == ModuleState::Running))
            })
        }),
    );
    page.gauge(
        "hotspare_service_module_locked",
        "1 where somebody holds the lock of a pid file; left out where that is not known.",
        services().flat_map(|service| {
            module(service, |module| match module.lock {
                LockView::Unknown => None,
                LockView::Free => Some(0.0),
                LockView::Held { .. } => Some(1.0),
            })
        }),
    );
    page.gauge(
        "hotspare_service_held",
        "1 while this engine holds the locks of a service for a person.",
        services()
            .map(|service| sample([("service", &service.name), ("host", &service.host)], flag(service.hold.is_some()))),
    );
}
