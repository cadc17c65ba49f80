//! Asks etcd through its JSON gateway: whichever of its members answers.
//!
//! A member that does not answer in time is left for the next one; the one that answered is asked first the next time. It is
//! kept in mind whether a question that got no answer may have had its effect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::message::{self, Answer, Compare, Found, Granted, Header, Operation, Range, Refusal, Renewed, Told};
use crate::fleet::settings::LeaseSettings;
use crate::reach::http::stream::Stream;
use crate::reach::http::{HttpClient, HttpError, Request, Response};
use crate::standin::lease::Tools;

mod access;

use access::Access;

/// Longest answer, bytes: two hundred books are far below it.
const LONGEST: usize = 16 * 1024 * 1024;

/// So many keys are asked for at once.
const PAGE: u32 = 200;

/// Codes of gRPC that etcd uses.
mod code {
    pub(super) const INVALID: u32 = 3;
    pub(super) const LATE: u32 = 4;
    pub(super) const NOT_FOUND: u32 = 5;
    pub(super) const DENIED: u32 = 7;
    pub(super) const EXHAUSTED: u32 = 8;
    pub(super) const NOT_ENABLED: u32 = 9;
    pub(super) const UNAVAILABLE: u32 = 14;
    pub(super) const UNAUTHENTICATED: u32 = 16;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// No member gave one.
    #[error("{why}")]
    Unreachable {
        /// What, where, why, and what to do now.
        why: String,
        /// Whether it may have had its effect all the same.
        perhaps: bool,
    },
    /// What it is about is not there (any more).
    #[error("etcd: {0}")]
    NotFound(String),
    /// etcd says no.
    #[error("{0}")]
    Refused(String),
}

/// The way to etcd.
pub(super) struct Gateway {
    endpoints: Vec<String>,
    /// The one that answered last.
    current: AtomicUsize,
    access: Access,
    client: Mutex<Option<HttpClient>>,
    /// How long one member may take for one answer.
    patience: Duration,
}

/// How one try at one member ended.
enum Try {
    Answered(Response),
    /// Try the next one.
    Next {
        why: String,
        perhaps: bool,
    },
    /// No other one would say anything else.
    Over(Failure),
}

impl Gateway {
    pub(super) fn new(settings: &LeaseSettings, tools: &Tools) -> Self {
        let endpoints = settings.endpoints.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self {
            endpoints,
            // Not all engines at the same member.
            current: AtomicUsize::new(fastrand::usize(..1024)),
            access: Access::new(settings, tools),
            client: Mutex::new(None),
            patience: (settings.ttl / 8).clamp(Duration::from_millis(250), Duration::from_secs(2)),
        }
    }

    /// Begins a session that lives so long after each renewal.
    pub(super) async fn grant(&self, ttl: Duration) -> Result<Granted, Failure> {
        // Whole seconds, not fewer than wanted.
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let (granted, _again) = self.ask("/v3/lease/grant", &json!({"TTL": seconds.max(1).to_string()})).await?;
        Ok(granted)
    }

    /// Renews a session: its time to live, zero where it has ended, and the header of the answer.
    pub(super) async fn renew(&self, session: u64) -> Result<(Duration, Header), Failure> {
        let body = json!({"ID": session.to_string()});
        let (told, _again): (Told<Renewed>, bool) = self.ask("/v3/lease/keepalive", &body).await?;
        match told.error {
            Some(error) => Err(Failure::Refused(format!("etcd does not renew the lease: {}", error.message))),
            None => Ok((Duration::from_secs(told.result.ttl), told.result.header)),
        }
    }

    /// Ends a session and all that hangs on it.
    pub(super) async fn revoke(&self, session: u64) -> Result<(), Failure> {
        let body = json!({"ID": session.to_string()});
        let (_header, _again): (Value, bool) = self.ask("/v3/lease/revoke", &body).await?;
        Ok(())
    }

    /// What most members agree on, now.
    pub(super) async fn range(&self, range: &Range) -> Result<Found, Failure> {
        Ok(self.ask("/v3/kv/range", &range.question()).await?.0)
    }

    /// All of a range, page by page, since one answer is bounded. What changes between two pages is told by a watch from after
    /// the revision that is given with it, that of the first page.
    pub(super) async fn all(&self, range: &Range) -> Result<Found, Failure> {
        let mut all = self.range(&range.page(None, PAGE)).await?;
        while all.more {
            let last = all.kvs.last().map(|kv| kv.key.clone());
            let page = self.range(&range.page(last.as_deref(), PAGE)).await?;
            all.more = page.more && !page.kvs.is_empty();
            all.kvs.extend(page.kvs);
        }
        Ok(all)
    }

    pub(super) async fn txn(
        &self,
        compare: &[Compare],
        then: &[Operation],
        otherwise: &[Operation],
    ) -> Result<Answer, Failure> {
        let (mut answer, again): (Answer, bool) =
            self.ask("/v3/kv/txn", &message::txn(compare, then, otherwise)).await?;
        answer.again = again;
        Ok(answer)
    }

    /// Changes from a revision on, as lines of JSON.
    pub(super) async fn watch(&self, range: &Range, from: u64) -> Result<Stream, String> {
        let endpoint = self.endpoint(0).ok_or("no endpoint")?.to_owned();
        let request = self.request(&endpoint, "/v3/watch", &range.watch(from)).await.map_err(|end| end.to_string())?;
        let client = self.client().await?;
        let stream = client.stream(&request).await.map_err(|error| format!("{endpoint}: {error}"))?;
        if stream.status == StatusCode::OK {
            return Ok(stream);
        }
        // The next question says why, in words.
        self.access.forget();
        Err(format!("{endpoint} answered {}", stream.status))
    }

    /// Asks until a member answers. Also: whether an earlier try may have had its effect.
    async fn ask<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<(T, bool), Failure> {
        let (mut whys, mut again) = (Vec::new(), false);
        for offset in 0..self.endpoints.len() {
            let Some(endpoint) = self.endpoint(offset) else { break };
            match self.ask_one(endpoint, path, body).await {
                Try::Answered(response) => {
                    self.current.fetch_add(offset, Ordering::Relaxed);
                    let read = serde_json::from_slice(&response.body);
                    let read = read.map_err(|error| Failure::Unreachable {
                        why: format!("{endpoint} does not answer as etcd 3.4 or newer does: {error}"),
                        perhaps: true,
                    })?;
                    return Ok((read, again));
                }
                Try::Next { why, perhaps } => {
                    again |= perhaps;
                    whys.push(format!("{endpoint}: {why}"));
                }
                Try::Over(failure) => return Err(failure),
            }
        }
        // Not the same one first the next time.
        self.current.fetch_add(1, Ordering::Relaxed);
        let advice = "check that most of its members run and that this machine reaches them";
        let why = format!("etcd does not answer ({}): {advice}", whys.join("; "));
        Err(Failure::Unreachable { why, perhaps: again })
    }

    async fn ask_one(&self, endpoint: &str, path: &str, body: &Value) -> Try {
        let mut perhaps = false;
        // Twice, where the token has ended.
        for last in [false, true] {
            let request = match self.request(endpoint, path, body).await {
                Ok(request) => request,
                Err(ended) => return ended.with(perhaps),
            };
            let client = match self.client().await {
                Ok(client) => client,
                Err(why) => return Try::Over(Failure::Unreachable { why, perhaps }),
            };
            let response = match client.send(&request).await {
                Ok(response) => response,
                Err(error) => {
                    self.suspect(&error);
                    perhaps |= matches!(error, HttpError::Broken(_) | HttpError::Late(_));
                    return Try::Next { why: error.to_string(), perhaps };
                }
            };
            if response.status == StatusCode::OK && !response.cut {
                return Try::Answered(response);
            }
            let refusal: Refusal = serde_json::from_slice(&response.body).unwrap_or_default();
            if !last && self.access.ended(&refusal) {
                self.access.forget();
                continue;
            }
            return self.refused(response.status, &refusal, perhaps);
        }
        Try::Next { why: "no answer".to_owned(), perhaps }
    }

    /// What a no means.
    fn refused(&self, status: StatusCode, refusal: &Refusal, perhaps: bool) -> Try {
        let said = &refusal.message;
        match refusal.code {
            code::NOT_FOUND if !said.is_empty() => Try::Over(Failure::NotFound(said.clone())),
            code::DENIED => Try::Over(Failure::Refused(self.access.denied())),
            code::EXHAUSTED if said.contains("space") => Try::Over(Failure::Refused(
                "etcd is full and takes nothing more: compact and defragment it, then etcdctl alarm disarm".to_owned(),
            )),
            code::INVALID | code::NOT_ENABLED | code::UNAUTHENTICATED => {
                Try::Over(Failure::Refused(format!("etcd refuses: {said}")))
            }
            // No leader, a leader that changes, too much to do: it may have been done.
            code::LATE | code::EXHAUSTED | code::UNAVAILABLE => Try::Next { why: said.clone(), perhaps: true },
            _ if said.is_empty() => Try::Next {
                why: format!("the answer is {status}, not etcd's; is it the url of a client port?"),
                perhaps,
            },
            _ => Try::Next { why: said.clone(), perhaps: true },
        }
    }

    fn endpoint(&self, offset: usize) -> Option<&str> {
        let first = self.current.load(Ordering::Relaxed);
        let number = first.wrapping_add(offset).checked_rem(self.endpoints.len())?;
        self.endpoints.get(number).map(String::as_str)
    }

    /// A question, with a token where one is needed.
    async fn request(&self, endpoint: &str, path: &str, body: &Value) -> Result<Request, access::Ended> {
        let mut request = self.bare(endpoint, path, body);
        if let Some(token) = self.access.token(self, endpoint).await? {
            let mut value = HeaderValue::from_str(&token).map_err(|_error| access::Ended::odd_token())?;
            value.set_sensitive(true);
            request.headers.push((AUTHORIZATION, value));
        }
        Ok(request)
    }

    fn bare(&self, endpoint: &str, path: &str, body: &Value) -> Request {
        let mut request = Request::get(format!("{endpoint}{path}"), self.patience);
        request.method = Method::POST;
        request.body = body.to_string().into();
        request.limit = LONGEST;
        request
    }

    async fn client(&self) -> Result<HttpClient, String> {
        if let Some(client) = self.kept().clone() {
            return Ok(client);
        }
        let made = self.access.client().await?;
        *self.kept() = Some(made.clone());
        Ok(made)
    }

    /// Certificates may have been renewed: they are read again after one was not trusted.
    fn suspect(&self, error: &HttpError) {
        if matches!(error, HttpError::Tls(_)) {
            *self.kept() = None;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<HttpClient>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
