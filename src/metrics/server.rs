//! The smallest web server: `GET` and `HEAD` of `/metrics`, for whoever may connect.
//!
//! A slow or hostile client costs nobody but itself: so many connections at a time, one request on each, a small head, no
//! body, an end after [`WITHIN`] whatever happens; and the page is made anew at most once in [`FRESH`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

use crate::clock::{Clock, Tick};
use crate::engine::client::BoxFuture;

/// Connections at a time.
pub const CONNECTIONS: usize = 16;
/// One connection lasts no longer.
pub const WITHIN: Duration = Duration::from_secs(10);
/// The head of a request is here within this.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// The longest head of a request, bytes: the least that hyper takes.
const LONGEST_HEAD: usize = 8 * 1024;
/// So long a page serves everybody who asks.
const FRESH: Duration = Duration::from_secs(1);
/// How long nobody is let in when the system has no file descriptors left.
const BREATH: Duration = Duration::from_millis(100);

/// Where the text comes from; `None`: it cannot be made.
pub type Source = Arc<dyn Fn() -> BoxFuture<Option<String>> + Send + Sync>;

/// The page as it was made last, and when.
type Made = Mutex<Option<(Tick, Bytes)>>;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, source: Source, clock: Clock) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let made: Arc<Made> = Arc::default();
    let mut guests = tokio::task::JoinSet::new();
    loop {
        while guests.try_join_next().is_some() {}
        // Who comes when all places are taken waits in the system's own short queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _from)) => stream,
            Err(error) => {
                tracing::warn!(%error, "metrics: a client could not be let in");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (source, made, clock) = (Arc::clone(&source), Arc::clone(&made), clock.clone());
        guests.spawn(async move {
            let _late = tokio::time::timeout(WITHIN, host(stream, source, made, clock)).await;
            drop(place);
        });
    }
}

async fn host(stream: TcpStream, source: Source, made: Arc<Made>, clock: Clock) {
    let service = service_fn(move |request| {
        let (source, made, clock) = (Arc::clone(&source), Arc::clone(&made), clock.clone());
        async move { Ok::<_, Infallible>(answer(&request, &source, &made, &clock).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(LONGEST_HEAD).keep_alive(false);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "metrics: a client is gone");
    }
}

async fn answer(request: &Request<Incoming>, source: &Source, made: &Made, clock: &Clock) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "the figures are at /metrics\n");
    }
    // hyper leaves the body of an answer to HEAD away by itself.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let Some(text) = page(source, made, clock).await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the engine has no figures now\n");
    };
    let mut response = Response::new(Full::new(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

/// The page of a moment ago, or a new one.
async fn page(source: &Source, made: &Made, clock: &Clock) -> Option<Bytes> {
    let mut made = made.lock().await;
    if let Some((at, text)) = &*made
        && clock.tick().since(*at) < FRESH
    {
        return Some(text.clone());
    }
    let text = Bytes::from(source().await?);
    *made = Some((clock.tick(), text.clone()));
    Some(text)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
