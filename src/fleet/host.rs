//! Machines.

use std::collections::BTreeMap;

use super::check::Check;

/// `[hosts.*]`: one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its name in the fleet.
    pub name: String,
    /// Its own address or name, by which it is managed.
    pub address: String,
    /// Destination for the ssh client; the default is `address`.
    pub ssh: String,
    /// The address its clients use, with prefix length (`10.77.0.100/24`); moves with the role.
    pub service: Option<String>,
    /// Free text labels, for filters.
    pub labels: BTreeMap<String, String>,
    /// How it is asked; never empty: the default is one ping.
    pub checks: Vec<Check>,
}
