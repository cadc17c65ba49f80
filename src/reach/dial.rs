//! Opens a TCP connection to a name, whichever of its addresses answers first.
//!
//! Attempts to the addresses of a name overlap, as RFC 8305 proposes: the next one starts when the one before failed, or
//! after a short head start. So a name with ten addresses, nine of them silent, costs one head start for each silent one
//! and never ten time-outs. There is no time-out in here: the caller's covers resolving and connecting together.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

/// How long one attempt runs before the next address is tried beside it. RFC 8305 proposes 250 ms for people browsing;
/// a check has 800 ms in all.
const HEAD_START: Duration = Duration::from_millis(50);

/// Why no connection came about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("the name {0} is not known")]
    NotResolved(String),
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// The network has no way there.
    #[error("no route to host")]
    NoRoute,
    /// Anything else the system says.
    #[error("{0}")]
    Other(String),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::NoRoute,
            _ => Self::Other(broken(&error)),
        }
    }
}

/// What a broken connection is called.
pub fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset by the host".into(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => "the host closed the connection".into(),
        io::ErrorKind::TimedOut => "the connection timed out".into(),
        io::ErrorKind::PermissionDenied => "connection forbidden by this machine's firewall".into(),
        _ => error.to_string(),
    }
}

/// The addresses of a name, in the resolver's order. A literal address (also `[::1]`) needs no resolver.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match tokio::net::lookup_host((bare, port)).await {
        Ok(found) => {
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in found {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() { Err(DialError::NotResolved(bare.into())) } else { Ok(addresses) }
        }
        Err(_unknown) => Err(DialError::NotResolved(bare.into())),
    }
}

/// A connection to `host`, a name or a literal address.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    connect_any(&resolve(host, port).await?).await
}

/// A connection to whichever of `addresses` answers first. The error is that of the last attempt to fail.
pub async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
    if let [only] = addresses {
        return Ok(TcpStream::connect(only).await?);
    }
    let mut waiting = addresses.iter();
    let mut running = FuturesUnordered::new();
    let mut failure = DialError::NoRoute;
    loop {
        if let Some(address) = waiting.next() {
            running.push(TcpStream::connect(*address));
        }
        let ended = if waiting.len() == 0 {
            running.next().await
        } else {
            match tokio::time::timeout(HEAD_START, running.next()).await {
                Ok(ended) => ended,
                Err(_head_start_is_over) => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = error.into(),
            None => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_that_listens_is_found_among_those_that_do_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listening = listener.local_addr().expect("its address");
        let refusing: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        let mut addresses = vec![refusing; 9];
        addresses.push(listening);
        let stream = connect_any(&addresses).await.expect("the tenth answers");
        assert_eq!(stream.peer_addr().expect("its address"), listening);
        assert_eq!(connect_any(&[refusing; 10]).await.expect_err("nobody listens"), DialError::Refused);
        assert!(connect_any(&[]).await.is_err());
    }

    #[tokio::test]
    async fn literal_addresses_need_no_resolver() {
        assert_eq!(resolve("[::1]", 80).await, Ok(vec!["[::1]:80".parse().expect("an address")]));
        assert_eq!(resolve("192.0.2.1", 80).await, Ok(vec!["192.0.2.1:80".parse().expect("an address")]));
    }
}
