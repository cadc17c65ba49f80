//! What is asked of the web server, and what its answers mean.
//!
//! `GET /counting-results?start_time=…&end_time=…` has the rows between two times, both included; `GET /get_last_result`,
//! beside it, the newest few. Some releases answer with 204 where the time asked for begins before their first row or ends
//! after their last one. No rows at all are 404 or `{"error": …}`.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderValue};
use jiff::civil::DateTime;
use serde_json::Value as Json;
use url::Url;

use super::read::{self, Known};
use crate::feed::source::SourceError;
use crate::fleet::secret::SecretSource;
use crate::reach::http::{HttpClient, HttpError, Request, Response};
use crate::reach::plain;
use crate::reach::secret::Secrets;

/// How long an answer may take: the server has no index on times.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one may be, bytes.
const ANSWER: usize = 8 << 20;

/// A web server.
#[derive(Debug)]
pub struct Server {
    /// The host's name, for words.
    pub host: String,
    /// Where its rows are, without placeholders.
    pub url: String,
    /// The bearer token.
    pub token: SecretSource,
    /// Where tokens come from.
    pub secrets: Secrets,
    /// Sends requests.
    pub http: HttpClient,
}

/// What the server has between two times.
pub(super) enum Slice {
    Rows(Vec<Known>),
    /// More than is read at once.
    TooMuch,
    /// It begins before the first row.
    Outside,
}

pub(super) struct Client(Server);

enum Said {
    Json(Json),
    Nothing,
    Cut,
}

impl Client {
    pub(super) const fn new(server: Server) -> Self {
        Self(server)
    }

    /// The time of the newest row; `None`: there is none.
    pub(super) async fn newest(&self) -> Result<Option<DateTime>, SourceError> {
        let mut url = self.url()?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop().push("get_last_result");
        }
        match self.get(&url).await? {
            Said::Json(Json::Array(rows)) => {
                let times = rows.iter().filter_map(|row| row.get(read::TIME)?.as_str());
                let read = |text: &str| read::time(text).ok_or_else(|| self.strange(&format!("the time {text:?}")));
                Ok(times.map(read).collect::<Result<Vec<_>, _>>()?.into_iter().max())
            }
            Said::Nothing => Ok(None),
            Said::Json(other) => Err(self.strange(&other.to_string())),
            Said::Cut => Err(self.strange("more than a few rows")),
        }
    }

    /// The rows between two times.
    pub(super) async fn between(&self, from: DateTime, until: DateTime) -> Result<Slice, SourceError> {
        let mut url = self.url()?;
        let (from, until) = (read::text(from), read::text(until));
        url.query_pairs_mut().append_pair("start_time", &from).append_pair("end_time", &until);
        let said = match self.get(&url).await? {
            Said::Json(said) => said,
            Said::Nothing => return Ok(Slice::Outside),
            Said::Cut => return Ok(Slice::TooMuch),
        };
        let rows = said.get("data").or(Some(&said)).and_then(Json::as_array);
        let rows = rows.ok_or_else(|| self.strange(&said.to_string()))?;
        let row = |row: &Json| {
            let known = row.as_object().and_then(Known::read);
            known.ok_or_else(|| self.strange(&format!("a row without a time that can be read, {row}")))
        };
        Ok(Slice::Rows(rows.iter().map(row).collect::<Result<_, _>>()?))
    }

    /// One second has more rows than are read at once.
    pub(super) fn too_many(&self, at: DateTime) -> SourceError {
        let (host, most) = (&self.0.host, plain::size(u64::try_from(ANSWER).unwrap_or(u64::MAX)));
        SourceError::Refused(format!("{host}: the rows of one second, {}, are more than {most}", read::text(at)))
    }

    pub(super) fn url(&self) -> Result<Url, SourceError> {
        Url::parse(&self.0.url)
            .map_err(|error| SourceError::Refused(format!("{}: {} is no url: {error}", self.0.host, self.0.url)))
    }

    async fn get(&self, url: &Url) -> Result<Said, SourceError> {
        let Server { host, token, secrets, http, .. } = &self.0;
        let refused = |why: String| Err(SourceError::Refused(format!("{host}: {why}")));
        let away = |why: String| Err(SourceError::Away(format!("{host}: {why}")));
        let mut request = Request { limit: ANSWER, ..Request::get(url.as_str(), PATIENCE) };
        match secrets.resolve(token).await {
            Ok(Some(secret)) => match HeaderValue::try_from(format!("Bearer {}", secret.expose())) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    request.headers.push((AUTHORIZATION, value));
                }
                Err(_holds_it) => return refused("the token holds a character that no header may have".into()),
            },
            Ok(None) => {}
            Err(error) => return refused(format!("the token cannot be had: {error}; {}", error.remedy)),
        }
        let response = match http.send(&request).await {
            Ok(response) => response,
            Err(HttpError::Tls(why)) => {
                return refused(format!(
                    "tls: {why}; put the certificate of the server among those that this machine trusts"
                ));
            }
            Err(HttpError::Malformed(why)) => return refused(why),
            Err(error) => return away(format!("{}: {error}", url.path())),
        };
        let status = response.status;
        match status {
            StatusCode::NO_CONTENT => Ok(Said::Nothing),
            StatusCode::OK if response.cut => Ok(Said::Cut),
            StatusCode::OK => match serde_json::from_slice::<Json>(&response.body) {
                Ok(said) if said.get("error").is_some() => Ok(Said::Nothing),
                Ok(said) => Ok(Said::Json(said)),
                Err(_other) => Err(self.strange(&String::from_utf8_lossy(&response.body))),
            },
            // An empty table says so; an address that is wrong says nothing of its own.
            StatusCode::NOT_FOUND if error_text(&response).is_some() => Ok(Said::Nothing),
            StatusCode::NOT_FOUND => refused(format!("{} is not there: check `http` of the feed", url.path())),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                secrets.doubt(token);
                refused(format!("the token is refused ({}): check `token_file` of the feed", status.as_u16()))
            }
            status if status.is_server_error() => away(format!("{} answers {}", url.path(), said(&response))),
            _ => refused(format!("{} answers {}", url.path(), said(&response))),
        }
    }

    fn strange(&self, said: &str) -> SourceError {
        let (host, said) = (&self.0.host, plain::line(said, 120));
        SourceError::Refused(format!("{host}: this is not the answer of a people-count server: {said}"))
    }
}

fn said(response: &Response) -> String {
    let text = error_text(response).unwrap_or_default();
    plain::line(&format!("{} {text}", response.status.as_u16()), 160)
}

/// What the server says of an error.
fn error_text(response: &Response) -> Option<String> {
    let said: Json = serde_json::from_slice(&response.body).ok()?;
    let part = |name| said.get(name).and_then(Json::as_str);
    part("message").or_else(|| part("error")).map(str::to_owned)
}
