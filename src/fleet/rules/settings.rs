//! The settings of the program itself.

use super::{Places, way};
use crate::fleet::report::Report;
use crate::fleet::secret::SecretSource;
use crate::fleet::settings::LeaseKind;
use crate::fleet::{Fleet, accounts};

/// The key that says where the signing key is.
fn signing_key(places: &Places<'_>) -> &'static str {
    let keys = ["signing_key_file", "signing_key_env", "signing_key_command", "signing_key_credential", "signing_key"];
    keys.into_iter().find(|key| places.has(way!["lease", *key])).unwrap_or("signing_key")
}

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
    let signs = lease.signing_key != SecretSource::None;
    let key = if signs { signing_key(places) } else { "accept_unsigned" };
    if signs && lease.kind == LeaseKind::Embedded {
        let message = format!("`{key}` is of no use without `kind = \"etcd\"`");
        report
            .warning(places.of(way!["lease", key]), message)
            .hint("a lease in the state folder is nobody else's to write");
    }
    if lease.accept_unsigned {
        let place = places.of(way!["lease", "accept_unsigned"]);
        if signs {
            let message = "whoever can write to etcd is believed as long as `accept_unsigned` is true";
            report.warning(place, message).hint("take it out when every engine has the signing key");
        } else {
            report
                .error(place, "`accept_unsigned` is of no use without a signing key")
                .hint("signing_key_file = \"etcd.sign\"");
        }
    }
    for (key, group) in fleet.engine.groups.all() {
        // A number needs no name; where the name service does not answer, nothing is known.
        if accounts::group(group) == Ok(None) {
            let message = format!("this machine has no group {group}: nobody is let in by it");
            let finding = report.warning(places.of(way!["engine", key]), message);
            finding.hint(format!("where the engine runs, `groupadd {group}` creates it"));
        }
    }
    if let Some(metrics) = fleet.engine.metrics.filter(|socket| !socket.ip().is_loopback()) {
        let message = format!("the metrics are served to the network at {metrics}");
        report.warning(places.of(way!["engine", "metrics"]), message).hint("127.0.0.1 keeps them on this machine");
    }
}
