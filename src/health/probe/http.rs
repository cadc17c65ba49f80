//! http and https: the status, and a text that the body must hold.

use std::time::Duration;

use super::{Answer, QUOTED};
use crate::reach::http::{HttpClient, HttpError, Request};
use crate::reach::plain;

pub(super) async fn ask(
    client: &HttpClient,
    url: &str,
    status: u16,
    contains: Option<&str>,
    timeout: Duration,
) -> Answer {
    let mut request = Request::get(url, timeout);
    if contains.is_none() {
        // The head has said everything.
        request.limit = 0;
    }
    match client.send(&request).await {
        Ok(response) if response.status.as_u16() != status => {
            Answer::wrong(format!("status {}, expected {status}", response.status.as_u16()))
        }
        Ok(response) => match contains {
            Some(text) if !holds(&response.body, text.as_bytes()) => {
                let place = if response.cut { "the first MiB of the answer" } else { "the answer" };
                Answer::wrong(format!("{place} does not hold \"{}\"", plain::line(text, QUOTED)))
            }
            _ => Answer::pass(),
        },
        Err(error) => unanswered(error, timeout),
    }
}

/// A request without an answer.
pub(super) fn unanswered(error: HttpError, timeout: Duration) -> Answer {
    match error {
        HttpError::Malformed(why) => Answer::unknown(why),
        HttpError::Tls(why) => Answer::wrong(plain::line(&format!("tls: {why}"), QUOTED)),
        HttpError::Late(_) => Answer::late(timeout),
        HttpError::Dial(error) => error.into(),
        HttpError::Broken(why) => Answer::silent(plain::line(&why, QUOTED)),
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}
