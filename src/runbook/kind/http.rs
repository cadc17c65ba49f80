//! An HTTP request. One whose answer is lost may have been taken up: that cannot be told by asking again.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::Said;
use crate::reach::dial;
use crate::reach::http::{HttpError, Request};
use crate::reach::plain;
use crate::runbook::deed::{Bit, Found, Look, Trouble};
use crate::runbook::plan::Act;
use crate::runbook::tools::Tools;

/// How long a dry run waits for a connection.
const DIAL: Duration = Duration::from_secs(3);

pub(super) async fn check(_tools: &Tools, bit: Bit<'_>, url: &str) -> Result<Found, Trouble> {
    let parsed = url::Url::parse(url).map_err(|error| Trouble::Refused(format!("{url} is not a url: {error}")))?;
    let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
        return Err(Trouble::Refused(format!("{url} names no host")));
    };
    if bit.look != Look::Dry {
        return Ok(Found::to_do());
    }
    // The request itself would change something; that somebody listens can be seen without it.
    match tokio::time::timeout(bit.patience.min(DIAL), dial::connect(host, port)).await {
        Ok(Ok(_stream)) => Ok(Found::ToDo { note: Some(format!("{host}:{port} accepts connections")), keep: None }),
        Ok(Err(error)) => Err(Trouble::Failed(format!("{host}:{port}: {error}"))),
        Err(_late) => Err(Trouble::Failed(format!("{host}:{port}: no answer in {}", plain::time(DIAL)))),
    }
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>) -> Said {
    let Act::Http { method, url, body, status } = &bit.step.act else { return Ok(None) };
    let mut request = Request::get(url.clone(), bit.patience);
    request.method = Method::from_bytes(method.as_bytes())
        .map_err(|_odd| Trouble::Refused(format!("{method} is not a method of HTTP")))?;
    request.limit = 4096;
    if let Some(body) = body {
        request.body = Bytes::from(body.clone());
        request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    }
    let harmless = matches!(request.method, Method::GET | Method::HEAD);
    match tools.http.send(&request).await {
        Ok(response) if response.status.as_u16() == *status => {
            Ok(Some(format!("answered {}", response.status.as_u16())))
        }
        Ok(response) => {
            let said = plain::line(&String::from_utf8_lossy(&response.body), 120);
            let code = response.status.as_u16();
            Err(Trouble::Failed(format!("answered {code} where {status} was expected: {said}")))
        }
        Err(error @ (HttpError::Malformed(_) | HttpError::Dial(_) | HttpError::Tls(_))) => {
            Err(Trouble::Failed(error.to_string()))
        }
        Err(error) if harmless => Err(Trouble::Failed(error.to_string())),
        Err(error) => Err(Trouble::Unknown(format!("{error}, and whether the request was taken up is not known"))),
    }
}

pub(super) fn verify(bit: Bit<'_>) -> Said {
    if bit.lost { Err(Trouble::Unknown("whether the request was taken up is not known".into())) } else { Ok(None) }
}
