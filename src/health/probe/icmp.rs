//! ICMP echo: one shared socket a family, as many pings over it at once as there are hosts.
//!
//! The way is decided once, at the first ping: an unprivileged datagram socket where the kernel allows it
//! (`net.ipv4.ping_group_range`), else a raw socket (root), else the system's `ping`, which has its own rights. An answer
//! is told from others by 64 bits of its own in the payload; the identifier of a datagram socket is the kernel's.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::{OnceCell, Semaphore, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::reach::dial::DialError;
use crate::reach::program;

/// How many `ping` programs run at once where there is no other way.
const PROGRAMS: usize = 32;
/// Receive buffer: room for the answers of some thousand hosts in one scheduling gap, bytes.
const RECEIVE_BUFFER: usize = 1024 * 1024;

/// How pings are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Through a datagram socket, without any right.
    Datagram,
    /// Through a raw socket.
    Raw,
    /// By the system's `ping`.
    Program,
}

/// Why a ping was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PingError {
    /// Nothing came back.
    NoAnswer,
    /// The network refused to carry it.
    Refused(String),
    /// This machine cannot ping.
    NoWay(String),
}

/// Sends pings. Cheap to clone; the clones share the sockets.
#[derive(Debug, Clone, Default)]
pub struct Pinger(Arc<Ways>);

#[derive(Debug)]
struct Ways {
    v4: OnceCell<Option<Line>>,
    v6: OnceCell<Option<Line>>,
    programs: Semaphore,
}

impl Default for Ways {
    fn default() -> Self {
        Self { v4: OnceCell::new(), v6: OnceCell::new(), programs: Semaphore::new(PROGRAMS) }
    }
}

impl Pinger {
    /// How pings are sent; `None` before the first.
    pub fn way(&self) -> Option<Way> {
        let line = self.0.v4.get().or_else(|| self.0.v6.get())?;
        Some(line.as_ref().map_or(Way::Program, |line| if line.raw { Way::Raw } else { Way::Datagram }))
    }

    /// One echo, answered within `timeout`.
    pub(super) async fn ping(&self, to: IpAddr, timeout: Duration) -> Result<(), PingError> {
        let cell = if to.is_ipv4() { &self.0.v4 } else { &self.0.v6 };
        match cell.get_or_init(async || Line::open(to.is_ipv4())).await {
            Some(line) => line.ping(to, timeout).await,
            None => self.by_program(to, timeout).await,
        }
    }

    async fn by_program(&self, to: IpAddr, timeout: Duration) -> Result<(), PingError> {
        let asking = async {
            let _turn = self.0.programs.acquire().await.map_err(|_closed| PingError::NoAnswer)?;
            let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
            let status = program::command("ping")
                .args(["-n", "-c", "1", "-W", &seconds.to_string(), &to.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .await
                .map_err(|_missing| PingError::NoWay("no right to ping and no ping program here".into()))?;
            match status.code() {
                Some(0) => Ok(()),
                Some(1) => Err(PingError::NoAnswer),
                _ => Err(PingError::Refused("the ping program could not send".into())),
            }
        };
        tokio::time::timeout(timeout, asking).await.unwrap_or(Err(PingError::NoAnswer))
    }
}

/// Who waits for which answer.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>;

/// A socket and the task that reads it.
#[derive(Debug)]
struct Line {
    /// Sending to and receiving from an address is the same for every kind of datagram.
    socket: Arc<UdpSocket>,
    raw: bool,
    v4: bool,
    waiting: Waiting,
    next: AtomicU64,
    _reader: AbortOnDropHandle<()>,
}

impl Line {
    fn open(v4: bool) -> Option<Self> {
        let (domain, protocol) = if v4 { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
        let (socket, raw) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
            Ok(socket) => (socket, false),
            Err(_not_allowed) => (Socket::new(domain, Type::RAW, Some(protocol)).ok()?, true),
        };
        socket.set_nonblocking(true).ok()?;
        // The kernel's default does as well for fewer hosts.
        let _smaller = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let socket = Arc::new(UdpSocket::from_std(socket.into()).ok()?);
        let waiting = Waiting::default();
        let reader = tokio::spawn(read(socket.clone(), v4, waiting.clone()));
        let next = AtomicU64::new(fastrand::u64(..));
        Some(Self { socket, raw, v4, waiting, next, _reader: AbortOnDropHandle::new(reader) })
    }

    async fn ping(&self, to: IpAddr, timeout: Duration) -> Result<(), PingError> {
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        lock(&self.waiting).insert(token, tell);
        let _leave = Leave { waiting: &self.waiting, token };
        let packet = request(self.v4, token);
        let asking = async {
            let sent = self.socket.send_to(&packet, SocketAddr::new(to, 0)).await;
            sent.map_err(|error| PingError::Refused(DialError::from(error).to_string()))?;
            told.await.map_err(|_reader_gone| PingError::NoAnswer)
        };
        tokio::time::timeout(timeout, asking).await.unwrap_or(Err(PingError::NoAnswer))
    }
}

/// Takes a token back when nobody waits for it any more.
struct Leave<'a> {
    waiting: &'a Waiting,
    token: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        lock(self.waiting).remove(&self.token);
    }
}

async fn read(socket: Arc<UdpSocket>, v4: bool, waiting: Waiting) {
    let mut packet = [0_u8; 1500];
    loop {
        match socket.recv(&mut packet).await {
            Ok(length) => {
                let token = packet.get(..length).and_then(|packet| reply(v4, packet));
                if let Some(tell) = token.and_then(|token| lock(&waiting).remove(&token)) {
                    let _nobody_waits = tell.send(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            // An error that an earlier packet caused: it is taken from the socket by being read.
            Err(_earlier) => tokio::task::yield_now().await,
        }
    }
}

/// An echo request: type, code, checksum, identifier, number (RFC 792, RFC 4443), and the token.
pub(super) fn request(v4: bool, token: u64) -> [u8; 16] {
    let bytes = token.to_be_bytes();
    let mut packet = [0_u8; 16];
    packet[0] = if v4 { 8 } else { 128 };
    // Parts of the token serve as identifier and number: what counts is the whole of it, behind them.
    packet[4..8].copy_from_slice(&bytes[4..]);
    packet[8..].copy_from_slice(&bytes);
    if v4 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// The token of an echo reply; `None` for any other packet. Raw IPv4 sockets deliver the IP header too.
pub(super) fn reply(v4: bool, packet: &[u8]) -> Option<u64> {
    let first = *packet.first()?;
    let message = if v4 && first >> 4 == 4 { packet.get(usize::from(first & 0x0f) * 4..)? } else { packet };
    let expected = if v4 { 0 } else { 129 };
    if message.first() != Some(&expected) || message.get(1) != Some(&0) {
        return None;
    }
    message.get(8..16)?.try_into().ok().map(u64::from_be_bytes)
}

/// The Internet checksum (RFC 1071) over an even number of bytes.
fn checksum(packet: &[u8]) -> u16 {
    let sum: u32 = packet.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_checksum_that_holds() {
        let packet = request(true, 0x0123_4567_89ab_cdef);
        assert_eq!(checksum(&packet), 0, "a packet that carries its checksum sums to zero");
        assert_eq!(reply(true, &packet), None, "a request is no reply");
    }

    #[test]
    fn a_reply_is_known_with_and_without_ip_header() {
        let mut message = request(true, 42);
        message[0] = 0;
        assert_eq!(reply(true, &message), Some(42));
        let mut raw = vec![0x45; 20];
        raw.extend_from_slice(&message);
        assert_eq!(reply(true, &raw), Some(42));
        let mut six = request(false, 43);
        six[0] = 129;
        assert_eq!(reply(false, &six), Some(43));
    }

    proptest::proptest! {
        #[test]
        fn no_packet_makes_it_panic(packet: Vec<u8>, v4: bool) {
            let _token = reply(v4, &packet);
        }
    }
}
