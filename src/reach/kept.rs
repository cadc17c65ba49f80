//! Connections to one server that are kept between requests, for clients that send thousands: an object store's.
//!
//! Unlike the checks' client there is no time-out for a whole request, since nobody knows how long eight megabytes take on
//! somebody's line. A connection on which nothing moves for a while is given up, and so is one that nobody uses.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient as Client, HttpConnector, HttpError as Failure, HttpErrorKind as Kind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::http::{HttpClient, HttpError, Target, words};
use super::network::Connection;

/// How long a connection may take to come about.
const OPENING: Duration = Duration::from_secs(5);
/// How long nothing may move on one.
const STILL: Duration = Duration::from_secs(30);
/// So many connections are kept open.
const MOST: usize = 32;

/// Sends an object store's requests. Clones share their connections.
#[derive(Clone, Default)]
pub struct Kept {
    client: HttpClient,
    idle: Arc<Mutex<Vec<SendRequest<HttpRequestBody>>>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

impl HttpConnector for Kept {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<Client> {
        Ok(Client::new(self.clone()))
    }
}

impl HttpService for Kept {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, Failure>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}

impl Kept {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let (mut head, body) = request.into_parts();
        let target = Target::read(&head.uri.to_string()).map_err(|error| Failure::new(Kind::Unknown, error))?;
        let malformed = |error: String| Failure::new(Kind::Unknown, HttpError::Malformed(error));
        head.uri = target.path.parse().map_err(|error| malformed(format!("{}: {error}", target.path)))?;
        let host = HeaderValue::from_str(&target.authority).map_err(|error| malformed(error.to_string()))?;
        head.headers.insert(HOST, host);
        head.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("hotspare/", env!("CARGO_PKG_VERSION"))));
        let mut sender = match self.idle() {
            Some(sender) => sender,
            None => self.open(&target).await?,
        };
        let answer =
            sender.send_request(hyper::Request::from_parts(head, body)).await.map_err(|error| failure(&error))?;
        // It takes the next request when the body of this answer was read.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST {
            idle.push(sender);
        }
        drop(idle);
        let (head, body) = answer.into_parts();
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body.map_err(|error| failure(&error)))))
    }

    /// A connection that can take a request.
    fn idle(&self) -> Option<SendRequest<HttpRequestBody>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        let ready = idle.iter().rposition(SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    async fn open(&self, target: &Target) -> Result<SendRequest<HttpRequestBody>, Failure> {
        let opened = match tokio::time::timeout(OPENING, self.client.connect(target)).await {
            Ok(opened) => opened.map_err(|error| Failure::new(Kind::Connect, error))?,
            Err(_late) => return Err(Failure::new(Kind::Connect, HttpError::Late(OPENING))),
        };
        let (sender, connection) =
            handshake(TokioIo::new(Watched::new(opened))).await.map_err(|error| failure(&error))?;
        // It ends with the server, or when nothing moves on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// What broke may be tried again: every request of an object store may be sent twice.
fn failure(error: &hyper::Error) -> Failure {
    Failure::new(Kind::Request, words(error))
}

/// A connection that ends when nothing moves on it.
struct Watched {
    inner: Connection,
    /// Since when nothing moves; `None`: something did.
    still: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    const fn new(inner: Connection) -> Self {
        Self { inner, still: None }
    }

    /// Takes note of whether something moved.
    fn heard<T>(&mut self, context: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.still = None;
            return moved;
        }
        let still = self.still.get_or_insert_with(|| Box::pin(tokio::time::sleep(STILL)));
        ready!(still.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.inner).poll_read(context, into);
        self.heard(context, moved)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.heard(context, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.inner).poll_flush(context);
        self.heard(context, moved)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.inner).poll_shutdown(context);
        self.heard(context, moved)
    }
}
