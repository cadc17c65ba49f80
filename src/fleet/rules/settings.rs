//! The settings of the program itself.

use super::{Places, way};
use crate::fleet::Fleet;
use crate::fleet::report::Report;
use crate::fleet::settings::LeaseKind;

pub(super) fn check(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    let lease = &fleet.lease;
    match lease.kind {
        LeaseKind::Etcd if lease.endpoints.is_empty() => {
            let finding = report.error(places.of(way!["lease", "kind"]), "a lease in etcd needs `endpoints`");
            finding.hint("endpoints = [\"http://10.0.0.5:2379\"], one url for each member");
        }
        LeaseKind::Embedded if !lease.endpoints.is_empty() => {
            let place = places.of(way!["lease", "endpoints"]);
            report
                .warning(place, "`endpoints` are of no use without `kind = \"etcd\"`")
                .hint("as it stands the lease is a lock on this machine, and a second engine elsewhere would act too");
        }
        _ => {}
    }
    if let Some(metrics) = fleet.engine.metrics.filter(|socket| !socket.ip().is_loopback()) {
        let message = format!("the metrics are served to the network at {metrics}");
        report.warning(places.of(way!["engine", "metrics"]), message).hint("127.0.0.1 keeps them on this machine");
    }
}
