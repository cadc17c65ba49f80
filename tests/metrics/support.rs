//! A picture in which every family has a sample, and a client that reads raw bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hotspare::engine::command::Pace;
use hotspare::engine::snapshot::Snapshot;
use hotspare::metrics::{Picture, Tally, text};

use crate::fixture;

/// The folder of the rules and of the dashboard.
pub(crate) fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/prometheus").join(name)
}

/// A site with everything.
pub(crate) fn everything() -> Snapshot {
    let now = fixture::noon();
    let mut snapshot = fixture::dumps::fleet("all", now);
    snapshot.services = fixture::services::scene("held", now).services;
    snapshot.runs = fixture::runs::scene("asking", now).runs;
    snapshot.hosts = fixture::feeds::fleet("live", now).hosts;
    snapshot
}

/// Its page.
pub(crate) fn page(snapshot: &Snapshot) -> String {
    let mut tally = Tally::default();
    tally.count(snapshot);
    let pace = Pace { started: 36_000, skipped: 2, late_p50: 0.0004, late_p99: 0.0021, late_max: 0.013, tasks: 214 };
    let answered = Duration::from_micros(180);
    text(&Picture { snapshot, pace: Some(pace), answered, tally: &tally }).unwrap()
}

/// Sends these bytes and reads to the end.
pub(crate) fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Asks for a path and returns the whole answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"))
}

/// The answer's body.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_head, body)| body)
}

/// An address where nobody listens.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Runs a program of Prometheus with this on its standard input.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: apt-get install --no-install-recommends prometheus");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Serves what this makes, until it is dropped.
pub(crate) async fn serving(
    source: hotspare::metrics::server::Source,
    clock: hotspare::clock::Clock,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(hotspare::metrics::server::serve(listener, source, clock)))
}

/// A source that always says this.
pub(crate) fn saying(text: String) -> hotspare::metrics::server::Source {
    let text: Arc<str> = text.into();
    Arc::new(move || {
        let text = Arc::clone(&text);
        Box::pin(async move { Some(text.to_string()) })
    })
}
