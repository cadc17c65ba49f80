//! Opens a TCP connection to a name, whichever of its addresses answers first.
//!
//! Attempts to the addresses of a name overlap, as RFC 8305 proposes: the next one starts when the one before failed, or
//! after a short head start. So a name with ten addresses, nine of them silent, costs one head start for each silent one
//! and never ten time-outs. There is no time-out in here: the caller's covers resolving and connecting together.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, Shared};
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
    let found = look_up(bare).await;
    if found.is_empty() {
        return Err(DialError::NotResolved(bare.into()));
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// One question to the resolver, shared by all who ask it at the same time.
type Lookup = Shared<BoxFuture<'static, Vec<IpAddr>>>;

/// Questions under way. A resolver that does not answer holds a thread for each question: all checks of a host, second
/// after second, must not hold more than one.
static ASKED: LazyLock<Mutex<HashMap<String, Lookup>>> = LazyLock::new(Mutex::default);

/// The addresses of a name, each once, in the resolver's order; none where it is not known.
async fn look_up(name: &str) -> Vec<IpAddr> {
    let lookup = {
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookup) = asked.get(name) {
            lookup.clone()
        } else {
            let lookup = ask(name.to_owned()).boxed().shared();
            asked.insert(name.to_owned(), lookup.clone());
            // A task of its own: whoever asked first may give up before the answer comes.
            tokio::spawn(lookup.clone());
            lookup
        }
    };
    lookup.await
}

async fn ask(name: String) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    // Why a name is not known differs between systems and says little; that it is not known is the news.
    for found in tokio::net::lookup_host((name.as_str(), 0)).await.into_iter().flatten() {
        if !addresses.contains(&found.ip()) {
            addresses.push(found.ip());
        }
    }
    ASKED.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    addresses
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
    async fn names_are_asked_for_together() {
        let many = futures_util::future::join_all((0..20).map(|_one| resolve("localhost", 7))).await;
        assert!(many.iter().all(|found| found == &many[0] && found.is_ok()), "{many:?}");
        let unknown = resolve("no-such-name.invalid", 7).await;
        assert_eq!(unknown, Err(DialError::NotResolved("no-such-name.invalid".into())));
        assert!(!ASKED.lock().expect("whole").contains_key("no-such-name.invalid"), "nothing is kept");
    }

    #[tokio::test]
    async fn literal_addresses_need_no_resolver() {
        assert_eq!(resolve("[::1]", 80).await, Ok(vec!["[::1]:80".parse().expect("an address")]));
        assert_eq!(resolve("192.0.2.1", 80).await, Ok(vec!["192.0.2.1:80".parse().expect("an address")]));
    }
}
