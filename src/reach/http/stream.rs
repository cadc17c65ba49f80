//! An answer that is told bit by bit and may never end. Nothing runs behind it: the connection is driven by whoever reads.

use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection as Driven, SendRequest, handshake};
use hyper_util::rt::TokioIo;

use super::{HttpClient, HttpError, Request, Target, words, written};
use crate::reach::network::Connection;

type Driving = Driven<TokioIo<Connection>, Full<Bytes>>;

/// An answer whose head has come and whose body comes still. Dropping it closes the connection.
pub struct Stream {
    /// Status.
    pub status: StatusCode,
    body: Incoming,
    connection: Option<Pin<Box<Driving>>>,
    _sender: SendRequest<Full<Bytes>>,
}

impl HttpClient {
    /// Sends a request and waits for the head of the answer, within the request's time-out; its limit is not used.
    pub async fn stream(&self, request: &Request) -> Result<Stream, HttpError> {
        match tokio::time::timeout(request.timeout, self.open(request)).await {
            Ok(opened) => opened,
            Err(_late) => Err(HttpError::Late(request.timeout)),
        }
    }

    async fn open(&self, request: &Request) -> Result<Stream, HttpError> {
        let target = Target::read(&request.url)?;
        let message = written(&target, request)?;
        let io = TokioIo::new(self.connect(&target).await?);
        let (mut sender, connection) = handshake(io).await.map_err(|error| words(&error))?;
        let mut connection = Box::pin(connection);
        let answer = {
            let mut asking = std::pin::pin!(sender.send_request(message));
            tokio::select! {
                // The connection first: it knows why a request was given up.
                biased;
                driven = &mut connection => match driven {
                    Ok(()) => return Err(HttpError::Broken("the host closed the connection".into())),
                    Err(error) => return Err(words(&error)),
                },
                answer = &mut asking => answer.map_err(|error| words(&error))?,
            }
        };
        let (head, body) = answer.into_parts();
        Ok(Stream { status: head.status, body, connection: Some(connection), _sender: sender })
    }
}

impl Stream {
    /// The next piece; `None` at the end. It may be dropped and asked again without losing anything. Without a time-out:
    /// nobody knows when there is something to tell.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = match &mut self.connection {
                Some(connection) => tokio::select! {
                    biased;
                    frame = self.body.frame() => frame,
                    driven = connection => {
                        // What came before the end is still to be read.
                        self.connection = None;
                        driven.map_err(|error| words(&error))?;
                        continue;
                    }
                },
                None => self.body.frame().await,
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(words(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
