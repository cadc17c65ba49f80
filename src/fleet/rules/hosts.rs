//! Hosts and their checks.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Places, repeated, way};
use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::fleet::report::Report;

pub(super) fn check(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    for host in &fleet.hosts {
        for (at, name) in repeated(host.checks.iter().map(|check| check.name.as_str())) {
            let place = places.of(way!["hosts", &host.name, "checks", at, "name"]);
            report.error(place, format!("`{}` has two checks named `{name}`", host.name));
        }
    }
    addresses(fleet, places, report);
}

/// Two machines with one address are one machine, or a slip of the keyboard.
fn addresses(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    let bare = |service: &str| service.split('/').next().unwrap_or_default().to_owned();
    let mut owners: HashMap<&str, &Host> = HashMap::new();
    // Many hosts on one machine are a trial of hotspare, and told apart by their ports.
    let loopback = |text: &str| text.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    for host in fleet.hosts.iter().filter(|host| !host.address.is_empty() && !loopback(&host.address)) {
        if let Some(first) = owners.get(host.address.as_str()) {
            let message = format!("`{}` has the same address as `{}`: {}", host.name, first.name, host.address);
            report.warning(places.of(way!["hosts", &host.name, "address"]), message);
        } else {
            owners.insert(&host.address, host);
        }
    }
    let mut services: HashMap<String, &Host> = HashMap::new();
    for host in &fleet.hosts {
        let Some(service) = host.service.as_deref().map(bare).filter(|service| !service.is_empty()) else { continue };
        let place = places.of(way!["hosts", &host.name, "service"]);
        if let Some(other) = owners.get(service.as_str()).filter(|other| other.name != host.name) {
            let message = format!("the service address of `{}` is the address of `{}`", host.name, other.name);
            report.error(place.clone(), message).hint("a takeover would move the address of a machine that runs");
        }
        if let Some(first) = services.get(&service) {
            let message = format!("`{}` has the same service address as `{}`: {service}", host.name, first.name);
            report.error(place, message).hint("each host serves its clients at an address of its own");
        } else {
            services.insert(service, host);
        }
    }
}
