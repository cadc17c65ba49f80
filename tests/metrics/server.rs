//! Who may read the page, and what a slow or hostile client costs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::metrics::server::{CONNECTIONS, Source};

use crate::support::{body, get, raw, saying, serving};

#[tokio::test(flavor = "multi_thread")]
async fn only_get_and_head_of_one_path() {
    let (address, server) = serving(saying("a 1\n".into()), Clock::real()).await;
    let asked = move |request: &'static str| tokio::task::spawn_blocking(move || raw(address, request));
    let answer = asked("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "one request a connection: {answer}");
    assert_eq!(body(&answer), "a 1\n");
    let head = asked("HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 4\r\n"), "{head}");
    assert_eq!(body(&head), "");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let refused = tokio::task::spawn_blocking(move || raw(address, &request)).await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET, HEAD\r\n"), "{refused}");
    }
    for path in ["/", "/metrics/", "/../etc/passwd", "/metrics%00"] {
        let answer = tokio::task::spawn_blocking(move || get(address, path)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    let nonsense = asked("\x16\x03\x01\x02 hello\r\n\r\n").await.unwrap();
    assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused() {
    let (address, server) = serving(saying("a 1\n".into()), Clock::real()).await;
    let long = format!("GET /metrics HTTP/1.1\r\nhost: x\r\nx: {}", "y".repeat(64 * 1024));
    let ended = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        // It may be closed before all of it is sent.
        let _refused = stream.write_all(long.as_bytes());
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = tokio::time::timeout(Duration::from_secs(4), ended).await.expect("at once").unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    server.abort();
}

/// Silent ones take every place, and lose them when the head of a request is due.
#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_loses_its_place() {
    let (address, server) = serving(saying("a 1\n".into()), Clock::real()).await;
    let ended = tokio::task::spawn_blocking(move || {
        let silent: Vec<TcpStream> = (0..CONNECTIONS).map(|_one| TcpStream::connect(address).unwrap()).collect();
        // All places are taken: it waits until they are thrown out.
        assert_eq!(body(&get(address, "/metrics")), "a 1\n");
        for mut stream in silent {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).expect("closed");
        }
    });
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("in time").unwrap();
    server.abort();
}

/// So do those that ask and read nothing, when their time is over.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_loses_its_place() {
    let page = "a 1\n".repeat(4 << 20);
    let whole = page.len();
    let (address, server) = serving(saying(page), Clock::real()).await;
    let ended = tokio::task::spawn_blocking(move || {
        let ask = |_one| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            stream
        };
        let lazy: Vec<TcpStream> = (0..CONNECTIONS).map(ask).collect();
        assert_eq!(body(&get(address, "/metrics")).len(), whole);
        let lost = lazy.into_iter().filter_map(|mut stream| {
            let mut rest = Vec::new();
            let _reset = stream.read_to_end(&mut rest);
            // Of one whose time was over there is no more than the system's buffers held.
            (rest.len() < whole).then_some(())
        });
        // The time of some may not have been over yet when there was room for one.
        assert!(lost.count() > 0, "somebody made room");
    });
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("in time").unwrap();
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_made_once_a_second_however_many_ask() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let source: Source = Arc::new(move || {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { (number != 1).then(|| format!("a {number}\n")) })
    });
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let (address, server) = serving(source, clock.clone()).await;
    let many = tokio::task::spawn_blocking(move || {
        let asking: Vec<_> = (0..8)
            .map(|_one| std::thread::spawn(move || (0..20).map(|_again| get(address, "/metrics")).collect::<Vec<_>>()))
            .collect();
        asking.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<String>>()
    });
    assert!(many.await.unwrap().iter().all(|answer| body(answer) == "a 0\n"));
    assert_eq!(made.load(Ordering::Relaxed), 1);
    clock.advance(Duration::from_secs(1));
    let again = move || tokio::task::spawn_blocking(move || get(address, "/metrics"));
    assert!(again().await.unwrap().starts_with("HTTP/1.1 503 "), "it cannot be made now");
    assert_eq!(body(&again().await.unwrap()), "a 2\n", "which is not remembered");
    server.abort();
}
