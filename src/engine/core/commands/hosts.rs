//! What people say of hosts: that somebody works on one, and for how long.

use super::{Done, usage};
use crate::clock::Timestamp;
use crate::engine::command::Refusal;
use crate::engine::core::Core;
use crate::engine::guest::Who;
use crate::engine::maintenance;
use crate::fleet::nearest;
use crate::health::view::MaintenanceView;

impl Core {
    pub(super) fn maintain(&mut self, who: &Who, host: &str, why: String, until: Timestamp) -> Result<Done, Refusal> {
        self.known(host)?;
        let now = self.now();
        if until <= now {
            return Err(usage(format!("the maintenance of {host} would end at {until}, which is over"), None));
        }
        if why.trim().is_empty() {
            return Err(usage(
                format!("the maintenance of {host} has no reason"),
                Some("say why, for the others".into()),
            ));
        }
        let view = MaintenanceView { owner: who.name.clone(), why: why.clone(), since: now, until };
        self.maintenance.begin(host, view);
        self.parts.hosts.maintain(host, self.maintenance.all().get(host));
        self.keep_maintenance();
        let about = serde_json::json!({ "host": host, "maintenance": true, "until": until });
        let mut done = Done::new(format!("{host} is under maintenance until {until:.0}"), about);
        done.why = why;
        Ok(done)
    }

    pub(super) fn end_maintenance(&mut self, host: &str) -> Result<Done, Refusal> {
        self.known(host)?;
        let Some(view) = self.maintenance.end(host) else {
            return Err(usage(format!("{host} is not under maintenance"), None));
        };
        self.counts_again(host);
        self.keep_maintenance();
        let about = serde_json::json!({ "host": host, "maintenance": false });
        let mut done = Done::new(format!("maintenance of {host} ended"), about);
        done.why = format!("begun by {} ({})", view.owner, view.why);
        Ok(done)
    }

    pub(in super::super) fn keep_maintenance(&self) {
        self.keep(maintenance::KEY, self.maintenance.to_kept());
    }

    pub(super) fn known(&self, host: &str) -> Result<(), Refusal> {
        if self.parts.fleet.host(host).is_some() {
            return Ok(());
        }
        let names = self.parts.fleet.hosts.iter().map(|host| host.name.as_str());
        let hint = nearest(host, names).map(|name| format!("did you mean {name}?"));
        Err(usage(format!("there is no host {host} in {}", self.parts.fleet.name), hint))
    }
}
