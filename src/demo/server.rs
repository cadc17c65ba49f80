//! Real small servers: enough of HTTP, RTMP, RTSP and plain TCP to be probed.
//!
//! Each answers one client a task, with limits on what it reads and how long it waits.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest wait for anything from a client.
const PATIENCE: Duration = Duration::from_secs(10);
/// Length of the RTMP handshake packets C1, S1, C2 and S2 (Adobe's RTMP specification 1.0, section 5.2).
const RTMP_PACKET: usize = 1536;

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Answers every request with 200 and a line that names the service, and whose work it does beside its own.
    Http(&'static str),
    /// Completes the handshake, then listens.
    Rtmp,
    /// Answers `OPTIONS`.
    Rtsp,
    /// Accepts, and closes when the client does.
    Tcp,
}

/// One listening server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    silent: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Server {
    /// Listens on this address; port 0 takes a free one.
    /// `role` is a file that says in whose place its machine serves, where it does.
    pub fn start(
        protocol: Protocol,
        address: IpAddr,
        port: u16,
        role: PathBuf,
        tracker: &TaskTracker,
    ) -> io::Result<Self> {
        let listener = listen(SocketAddr::new(address, port))?;
        let address = listener.local_addr()?;
        let silent = Arc::new(AtomicBool::new(false));
        let stop = CancellationToken::new();
        tracker.spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            (protocol, role.into()),
            Arc::clone(&silent),
            stop.clone(),
            tracker.clone(),
        )));
        Ok(Self { address, silent, stop })
    }

    /// A silent server accepts and never answers, as a hung process does.
    pub fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The address can be taken again at once after the server was switched off.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(
    listener: TcpListener,
    (protocol, role): (Protocol, Arc<Path>),
    silent: Arc<AtomicBool>,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    loop {
        let Ok((stream, _peer)) = listener.accept().await else {
            // Out of descriptors, say: the next client may have more luck.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let silent = silent.load(Ordering::Relaxed);
        let role = Arc::clone(&role);
        tracker.spawn(stop.clone().run_until_cancelled_owned(async move {
            // A client that leaves in the middle is what clients do.
            let _left = tokio::time::timeout(PATIENCE, serve(stream, protocol, &role, silent)).await;
        }));
    }
}

async fn serve(mut stream: TcpStream, protocol: Protocol, role: &Path, silent: bool) -> io::Result<()> {
    if silent {
        return drain(&mut stream).await;
    }
    match protocol {
        Protocol::Http(service) => http(&mut stream, service, role).await,
        Protocol::Rtmp => rtmp(&mut stream).await,
        Protocol::Rtsp => rtsp(&mut stream).await,
        Protocol::Tcp => drain(&mut stream).await,
    }
}

/// Reads until the client closes.
async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut sink = [0; 4096];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}

/// Reads up to the empty line that ends a request's head; at most 8 KiB.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await?;
        if read == 0 || head.len() + read > 8192 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    Ok(head)
}

async fn http(stream: &mut TcpStream, service: &str, role: &Path) -> io::Result<()> {
    head(stream).await?;
    let role = tokio::fs::read_to_string(role).await.unwrap_or_default();
    let role = role.lines().next().map(|host| format!(" for {host}")).unwrap_or_default();
    let body = format!("{service}: serving{role}\n");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// C0 C1 in, S0 S1 S2 out, C2 in; after that a publisher would speak.
async fn rtmp(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = [0; 1 + RTMP_PACKET];
    stream.read_exact(&mut hello).await?;
    let [version, c1 @ ..] = hello;
    if version != 3 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = Vec::with_capacity(1 + 2 * RTMP_PACKET);
    answer.push(3);
    answer.extend_from_slice(&[0; 8]);
    answer.extend((8..RTMP_PACKET).map(|_| fastrand::u8(..)));
    answer.extend_from_slice(&c1);
    stream.write_all(&answer).await?;
    drain(stream).await
}

async fn rtsp(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        let head = head(stream).await?;
        let text = String::from_utf8_lossy(&head);
        let sequence = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("cseq"))
            .and_then(|(_, value)| value.trim().parse::<u32>().ok())
            .unwrap_or(0);
        let answer =
            format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
    }
}
