//! A small HTTP/1.1 client: one request a connection, bounded in time and size, no redirects followed.
//!
//! Checks want to know whether a host answers *now*, so no connection is kept: a warm one would not notice a listener
//! that died. Certificates are verified against the machine's own roots, or those of a [`tls::Trust`]. What a server tells
//! bit by bit is read with [`stream`].

pub mod stream;
pub mod tls;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::dial::{self, DialError};
use super::network::{Connection, Network};
use super::plain;
use tls::Trust;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The url, method or a header makes no sense.
    #[error("{0}")]
    Malformed(String),
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The TLS handshake failed.
    #[error("tls: {0}")]
    Tls(String),
    /// The answer is not HTTP, or the connection broke.
    #[error("{0}")]
    Broken(String),
    /// No whole answer in time.
    #[error("no answer in {}", plain::time(*.0))]
    Late(Duration),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// `http://` or `https://` url.
    pub url: String,
    /// Headers besides Host, User-Agent and Connection.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body; empty: none.
    pub body: Bytes,
    /// Longest time for everything: resolving, connecting, TLS, the answer.
    pub timeout: Duration,
    /// So much of the body is read, bytes; the rest is left.
    pub limit: usize,
}

impl Request {
    /// A GET that reads 1 MiB at most.
    pub fn get(url: impl Into<String>, timeout: Duration) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout,
            limit: 1024 * 1024,
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: hyper::HeaderMap,
    /// Body, up to the request's limit.
    pub body: Vec<u8>,
    /// Whether the body went on beyond the limit.
    pub cut: bool,
}

/// Sends requests. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HttpClient {
    /// Read at the first https request: a fleet without one does not pay for it.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
    network: Network,
}

impl HttpClient {
    /// A client that trusts the machine's own certificate authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// A client that trusts exactly these certificate authorities.
    pub fn with_roots(roots: Vec<CertificateDer<'static>>) -> Self {
        let client = Self::default();
        client.tls.get_or_init(|| tls::configure(roots));
        client
    }

    /// A client that trusts, and shows itself, as `trust` says. The error is that of a key that does not fit.
    pub fn with_trust(trust: Trust) -> Result<Self, HttpError> {
        let client = Self::default();
        let config = tls::configure_with(trust)?;
        client.tls.get_or_init(|| config);
        Ok(client)
    }

    /// The same client, going through this network.
    #[must_use]
    pub fn through(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// Sends a request and reads the answer, all within its time-out.
    pub async fn send(&self, request: &Request) -> Result<Response, HttpError> {
        match tokio::time::timeout(request.timeout, self.exchange(request)).await {
            Ok(ended) => ended,
            Err(_late) => Err(HttpError::Late(request.timeout)),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, HttpError> {
        let target = Target::read(&request.url)?;
        let stream = self.connect(&target).await?;
        speak(TokioIo::new(stream), &target, request).await
    }

    /// Opens a connection to the server of a url. Without a time-out: the caller's covers it.
    pub(super) async fn connect(&self, target: &Target) -> Result<Connection, HttpError> {
        let stream = self.network.connect(&target.host, target.port).await?;
        if !target.tls {
            return Ok(stream);
        }
        let name = ServerName::try_from(target.host.trim_matches(['[', ']']).to_owned())
            .map_err(|_error| HttpError::Malformed(format!("{} is not a name for a certificate", target.host)))?;
        let config = self.tls.get_or_init(|| tls::configure(tls::machine_roots())).clone();
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| tls::words(&error))?;
        Ok(Box::new(stream))
    }
}

/// Where a url points.
pub(super) struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// What the Host header says.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    pub(super) fn read(url: &str) -> Result<Self, HttpError> {
        let uri: Uri = url.parse().map_err(|error| HttpError::Malformed(format!("{url} is not a url: {error}")))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(HttpError::Malformed(format!("{url} does not start with http:// or https://"))),
        };
        let authority = uri.authority().ok_or_else(|| HttpError::Malformed(format!("{url} names no host")))?;
        Ok(Self {
            tls,
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            // Without the user part, which is not for the Host header.
            authority: authority.as_str().rsplit('@').next().unwrap_or_default().to_owned(),
            path: uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str).to_owned(),
        })
    }
}

async fn speak<S>(io: TokioIo<S>, target: &Target, request: &Request) -> Result<Response, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(|error| words(&error))?;
    let message = written(target, request)?;
    let exchange = async {
        let answer = sender.send_request(message).await.map_err(|error| words(&error))?;
        let (head, mut body) = answer.into_parts();
        let mut response = Response { status: head.status, headers: head.headers, body: Vec::new(), cut: false };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| words(&error))?;
            let Some(data) = frame.data_ref() else { continue };
            let room = request.limit.saturating_sub(response.body.len());
            response.body.extend_from_slice(data.get(..room).unwrap_or(data));
            if data.len() > room {
                response.cut = true;
                break;
            }
        }
        Ok(response)
    };
    // The connection is driven here, in the same task: it ends with the answer, and nothing is left running.
    let mut driving = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        // The connection first: it knows why a request was given up.
        biased;
        driven = &mut driving => match driven {
            Ok(()) => exchange.await,
            Err(error) => Err(words(&error)),
        },
        answered = &mut exchange => answered,
    }
}

/// The request as hyper takes it.
fn written(target: &Target, request: &Request) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let mut message = hyper::Request::builder().method(request.method.clone()).uri(&target.path);
    message = message.header(HOST, &target.authority).header(CONNECTION, "close");
    message = message.header(USER_AGENT, concat!("hotspare/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &request.headers {
        message = message.header(name, value);
    }
    message
        .body(Full::new(request.body.clone()))
        .map_err(|error| HttpError::Malformed(format!("the request cannot be written: {error}")))
}

pub(super) fn words(error: &hyper::Error) -> HttpError {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    HttpError::Broken(match io {
        Some(io) => dial::broken(io),
        None if error.is_incomplete_message() => "the host closed the connection before it answered".into(),
        None if error.is_parse() => "the answer is not HTTP".into(),
        None => error.to_string(),
    })
}

#[cfg(test)]
mod tests;
