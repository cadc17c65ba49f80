//! Cast: who plays which part in a run, for the placeholders of its steps and the places where they run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fleet::Fleet;
use crate::fleet::host::Host;

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A spare takes a host's place.
    Takeover,
    /// The work goes back.
    Giveback,
    /// Practice.
    Drill,
    /// Somebody runs a runbook that belongs to no pool's decision.
    Alone,
}

impl Purpose {
    /// The word of screens and of the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Giveback => "giveback",
            Self::Drill => "drill",
            Self::Alone => "run",
        }
    }
}

/// A machine that takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Name in the fleet.
    pub name: String,
    /// Management address.
    pub address: String,
    /// ssh destination.
    pub ssh: String,
    /// The address its clients use, with prefix length, where one moves.
    pub service: Option<String>,
}

impl From<&Host> for Machine {
    fn from(host: &Host) -> Self {
        Self {
            name: host.name.clone(),
            address: host.address.clone(),
            ssh: host.ssh.clone(),
            service: host.service.clone(),
        }
    }
}

/// Who plays which part. Durable with the run, so that a run that was interrupted goes on with the same cast although the
/// fleet file has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// The pool, where one asks for the run.
    pub pool: Option<String>,
    /// The host whose place is taken, or that gets its work back.
    pub failed: Option<Machine>,
    /// The spare.
    pub spare: Option<Machine>,
    /// The host whose turn it is, for a step of a runbook that goes over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Machine>,
    /// Every host of the fleet, for steps that name one.
    pub hosts: BTreeMap<String, Machine>,
    /// What `--set k=v` gave: they win over the placeholders above.
    pub set: BTreeMap<String, String>,
    /// Unique to this run: `{token}`.
    pub token: String,
}

impl Cast {
    /// Of this fleet, without a pool.
    pub fn of(fleet: &Fleet, token: impl Into<String>) -> Self {
        let hosts = fleet.hosts.iter().map(|host| (host.name.clone(), Machine::from(host))).collect();
        Self { hosts, token: token.into(), ..Self::default() }
    }

    /// The value of a placeholder of a step; `None`: there is none in this cast.
    pub fn value(&self, name: &str) -> Option<String> {
        if let Some(value) = self.set.get(name) {
            return Some(value.clone());
        }
        let machine = |machine: &Option<Machine>, part: &str| {
            let machine = machine.as_ref()?;
            match part {
                "name" => Some(machine.name.clone()),
                "address" => Some(machine.address.clone()),
                "service" => machine.service.clone(),
                _ => None,
            }
        };
        match name.split_once('.') {
            Some(("failed", part)) => machine(&self.failed, part),
            Some(("spare", part)) => machine(&self.spare, part),
            Some(("each", part)) => machine(&self.each, part),
            None if name == "pool" => self.pool.clone(),
            None if name == "token" => Some(self.token.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_the_values_of_the_cast() {
        let machine = |name: &str, service: Option<&str>| Machine {
            name: name.into(),
            address: "192.0.2.1".into(),
            ssh: name.into(),
            service: service.map(str::to_owned),
        };
        let cast = Cast {
            pool: Some("p".into()),
            failed: Some(machine("a", Some("192.0.2.9/24"))),
            spare: Some(machine("s", None)),
            set: BTreeMap::from([("spare.name".to_owned(), "other".to_owned())]),
            token: "7".into(),
            ..Cast::default()
        };
        assert_eq!(cast.value("failed.service").as_deref(), Some("192.0.2.9/24"));
        assert_eq!(cast.value("spare.service"), None);
        assert_eq!(cast.value("spare.name").as_deref(), Some("other"), "what is set wins");
        assert_eq!((cast.value("pool"), cast.value("token")), (Some("p".into()), Some("7".into())));
        assert_eq!(cast.value("spare.ssh"), None);
    }
}
