//! How somebody is told, once: by a program or by a webhook.

use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::sign;
use crate::clock::Timestamp;
use crate::fleet::secret::SecretSource;
use crate::fleet::settings::Notify;
use crate::reach::http::{HttpClient, Request};
use crate::reach::secret::Secrets;
use crate::reach::{plain, program};

/// One attempt gets so long.
const WITHIN: Duration = Duration::from_secs(10);
/// So much of what a program says is looked at, bytes.
const SAID: usize = 16 * 1024;

/// How somebody is told.
#[derive(Debug)]
pub(super) enum Way {
    Program(Vec<String>),
    Webhook { url: String, secret: SecretSource },
}

/// An attempt failed.
#[derive(Debug)]
pub(super) struct Failed {
    /// Why.
    pub(super) why: String,
    /// Another attempt may do better.
    pub(super) again: bool,
}

impl Failed {
    pub(super) const fn for_good(why: String) -> Self {
        Self { why, again: false }
    }

    const fn for_now(why: String) -> Self {
        Self { why, again: true }
    }
}

impl Way {
    /// Those of one rule.
    pub(super) fn all(rule: &Notify) -> impl Iterator<Item = Self> {
        let program = Some(&rule.command).filter(|command| !command.is_empty()).cloned().map(Self::Program);
        let webhook = rule.webhook.clone().map(|url| Self::Webhook { url, secret: rule.secret.clone() });
        program.into_iter().chain(webhook)
    }

    /// Safe to show: the arguments of a program and the path of a url may hold tokens.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Program(command) => command.first().cloned().unwrap_or_default(),
            Self::Webhook { url, .. } => {
                let host = url::Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
                host.map_or_else(|| "webhook".into(), |host| format!("webhook at {host}"))
            }
        }
    }

    /// Tells it once. Ends within [`WITHIN`] and the time that a secret takes.
    pub(super) async fn send(
        &self,
        id: &str,
        text: &[u8],
        http: &HttpClient,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<(), Failed> {
        match self {
            Self::Program(command) => tokio::time::timeout(WITHIN, run(command, text)).await.unwrap_or_else(|_late| {
                Err(Failed::for_now(format!("it did not end within {} s and was killed", WITHIN.as_secs())))
            }),
            Self::Webhook { url, secret } => {
                // What should be signed is never sent without a signature.
                let unsigned = |why: String| Failed::for_now(format!("it cannot be signed: {why}"));
                let secret = secrets.resolve(secret).await.map_err(|error| unsigned(error.to_string()))?;
                let signed = secret.map(|secret| sign::headers(&secret, id, now, text)).transpose();
                post(http, url, text, signed.map_err(unsigned)?.unwrap_or_default()).await
            }
        }
    }
}

async fn post(http: &HttpClient, url: &str, text: &[u8], signed: Vec<(HeaderName, HeaderValue)>) -> Result<(), Failed> {
    let mut request = Request::get(url, WITHIN);
    request.method = Method::POST;
    request.headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    request.headers.extend(signed);
    request.body = text.to_vec().into();
    let response = http.send(&request).await.map_err(|error| Failed::for_now(error.to_string()))?;
    let status = response.status;
    let why = format!("it answered {status}");
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(Failed::for_now(why))
        }
        _ if status.is_server_error() => Err(Failed::for_now(why)),
        // The same request will get the same answer.
        _ => Err(Failed::for_good(why)),
    }
}

async fn run(command: &[String], input: &[u8]) -> Result<(), Failed> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failed::for_good("the command is empty".into()))?;
    let mut command = program::command(program);
    command.args(arguments);
    let cannot = |error: std::io::Error| Failed::for_good(format!("it cannot be started: {error}"));
    let ended = program::run(command, input, SAID).await.map_err(cannot)?;
    if ended.status.success() {
        return Ok(());
    }
    let said = plain::last_line(&String::from_utf8_lossy(&ended.stderr), 200);
    Err(Failed::for_now(format!("it ended with {}: {said}", ended.status)))
}
