//! A local network for the lab: a bridge in a namespace of its own, to which hosts are joined by a second cable.

use crate::farm::{Host, run};

/// A network, `10.77.0.0/24`, that only its hosts see.
pub(crate) struct Lan(String);

impl Lan {
    pub(crate) fn new(number: u32) -> Self {
        let name = format!("hs{}lan{number}", std::process::id());
        run("ip", &["netns", "add", &name]);
        run("ip", &["-n", &name, "link", "add", "br0", "type", "bridge"]);
        run("ip", &["-n", &name, "link", "set", "br0", "up"]);
        Self(name)
    }

    /// Joins a host, as its device `lan0` with this address (and length).
    pub(crate) fn join(&self, host: &Host, address: &str) {
        let port = port(host);
        let inside = host.namespace();
        let make = ["link", "add", &port, "type", "veth", "peer", "name", "lan0", "netns", inside];
        run("ip", &[&["-n", &self.0][..], &make].concat());
        run("ip", &["-n", &self.0, "link", "set", &port, "master", "br0", "up"]);
        host.exec(&["ip", "link", "set", "lan0", "up"]);
        host.exec(&["ip", "addr", "add", address, "dev", "lan0"]);
    }

    /// Two hosts that hear everybody but each other.
    pub(crate) fn part(&self, one: &Host, other: &Host) {
        for host in [one, other] {
            run("ip", &["-n", &self.0, "link", "set", "dev", &port(host), "type", "bridge_slave", "isolated", "on"]);
        }
    }

    /// Pulls the cable of a host.
    pub(crate) fn pull(&self, host: &Host) {
        run("ip", &["-n", &self.0, "link", "set", &port(host), "down"]);
    }
}

/// Names of devices hold 15 characters.
fn port(host: &Host) -> String {
    let name = host.namespace();
    format!("p{}", name.get(name.len().saturating_sub(10)..).unwrap_or(name))
}

impl Drop for Lan {
    fn drop(&mut self) {
        let _gone = std::process::Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// The hardware address of a host on the network.
pub(crate) fn mac(host: &Host) -> String {
    host.exec(&["cat", "/sys/class/net/lan0/address"]).trim().to_owned()
}
