//! Whether an address is this computer's own.
//!
//! Whoever looks from here at this computer itself sees nothing of the network. Addresses of the loopback network are left out:
//! on them several machines are played on one computer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use super::dial;

/// Whether packets to this address never leave this computer. Sends none: the kernel is asked with which address it would
/// answer, and for its own it is the same one.
pub fn is_own(address: IpAddr) -> bool {
    if address.is_loopback() || address.is_unspecified() {
        return false;
    }
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port but none.
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    asked.is_ok_and(|from| from.ip() == address)
}

/// The same of a name, once the resolver has answered; `false` where it does not within this time.
pub async fn holds(name: &str, patience: Duration) -> bool {
    if let Ok(address) = name.parse() {
        return is_own(address);
    }
    let found = tokio::time::timeout(patience, dial::resolve(name, 0)).await;
    found.ok().and_then(Result::ok).unwrap_or_default().iter().any(|found| is_own(found.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_this_computer_is_not_its_own() {
        // Documentation addresses (RFC 5737, RFC 3849), and those of the loopback network, which may be anybody's here.
        for other in ["192.0.2.1", "2001:db8::1", "127.0.0.1", "127.0.0.2", "::1", "0.0.0.0"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
    }
}
