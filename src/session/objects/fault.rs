//! What goes wrong with an object store, in words. Nothing of a secret or of a signature is ever among them.

use std::error::Error;

use object_store::Error as Failure;
use object_store::client::{HttpError, HttpErrorKind};

use crate::fleet::bucket::Bucket;
use crate::reach::plain;
use crate::reach::secret::SecretError;
use crate::session::side::{Lost, Undone, trouble};
use crate::session::view::SideState;

/// What went wrong with one request, after it was tried as often as makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The object is not there.
    Missing,
    /// The object is not the one that was listed.
    Changed,
    /// The key is not believed, or may not do that.
    Refused(SideState),
    /// The store cannot be used now.
    Side(SideState),
    /// It concerns this object only.
    Other(String),
    /// It was told to end.
    Cancelled,
}

impl Fault {
    /// As the state of a side.
    pub(super) fn state(self) -> SideState {
        match self {
            Self::Refused(state) | Self::Side(state) => state,
            Self::Missing => trouble("error", "an object that should be there is not", "repeat"),
            Self::Changed => trouble("error", "an object changed while it was read", "repeat"),
            Self::Other(why) => trouble("error", why, "see what the store says, then repeat"),
            Self::Cancelled => trouble("cancelled", "it was told to end", "repeat"),
        }
    }

    pub(super) fn lost(self) -> Lost {
        if self == Self::Cancelled { Lost::Cancelled } else { Lost::Trouble(self.state()) }
    }

    pub(super) fn undone(self) -> Undone {
        self.lost().into()
    }

    /// Whether the store itself is in trouble, so that the next file need not be tried.
    pub(super) const fn whole_store(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Side(_) | Self::Cancelled)
    }

    /// What it is to one file.
    pub(super) fn words(self) -> String {
        match self {
            Self::Missing => "it is not there".into(),
            Self::Changed => "it changed while it was read".into(),
            Self::Refused(state) | Self::Side(state) => Lost::Trouble(state).to_string(),
            Self::Other(why) => why,
            Self::Cancelled => "cancelled".into(),
        }
    }

    pub(super) fn of(bucket: &Bucket, error: &Failure) -> Self {
        let place = format!("s3://{}", bucket.name);
        let at = &bucket.endpoint;
        let said = said(error);
        let code = code(&said);
        if let Some(secret) = find::<SecretError>(error) {
            return Self::Side(trouble("no secret", secret.what.clone(), secret.remedy.clone()));
        }
        let refused = |why: &str| {
            let why = format!("{at} refuses the key `{}` for {place}: {why}", bucket.key_id);
            Self::Refused(trouble("refused", why, "correct `key_id` and its secret, or give the key rights there"))
        };
        match code {
            Some("NoSuchBucket") => {
                let why = format!("{at} has no bucket `{}`", bucket.name);
                return Self::Side(trouble("no bucket", why, "make it, or correct `path`; hotspare makes none"));
            }
            Some("RequestTimeTooSkewed") => {
                let why = format!("{at} and this computer do not agree about the time");
                return Self::Side(trouble("wrong time", why, "set the clock that is wrong"));
            }
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                let why = format!("{place} is not in the region `{}`", bucket.region);
                return Self::Side(trouble("wrong region", why, "correct `region`"));
            }
            Some("QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" | "StorageFull") => {
                let why = format!("{place} has no room left");
                return Self::Side(trouble("full", why, "make room there"));
            }
            _ => {}
        }
        if let Some(http) = find::<HttpError>(error) {
            return Self::Side(unreachable(at, http));
        }
        match error {
            Failure::NotFound { .. } => Self::Missing,
            Failure::Precondition { .. } | Failure::AlreadyExists { .. } => Self::Changed,
            Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. } => {
                refused(code.unwrap_or("it has no rights"))
            }
            Failure::InvalidPath { .. } => Self::Side(trouble(
                "odd name",
                format!("{place} holds an object whose name is no path"),
                "list it with another program, and remove or rename it",
            )),
            _ => match (code, status(&said)) {
                (Some("SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout"), _) | (None, Some(_)) => {
                    let why = code.map(str::to_owned).or_else(|| status(&said)).unwrap_or_default();
                    Self::Side(trouble(
                        "in trouble",
                        format!("{at} answers: {why}"),
                        "see whether it is well, then repeat",
                    ))
                }
                (Some(code), _) => Self::Other(format!("the store answers: {code}")),
                (None, None) => Self::Other(plain::last_line(&said, 200)),
            },
        }
    }
}

/// How an endpoint could not be reached.
fn unreachable(at: &str, error: &HttpError) -> SideState {
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error.kind() {
        HttpErrorKind::Connect => {
            trouble("unreachable", format!("{at}: {why}"), "does it run, and is `endpoint` right?")
        }
        HttpErrorKind::Timeout => trouble("no answer", format!("{at}: {why}"), "see whether it is well"),
        _ => trouble("broken off", format!("{at}: {why}"), "see whether it and the network are well, then repeat"),
    }
}

/// The cause of this type behind an error.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What all causes of an error say.
fn said(error: &Failure) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        said.push('\n');
        said.push_str(&error.to_string());
        next = error.source();
    }
    said
}

/// The code of a store's answer: `<Code>NoSuchBucket</Code>`.
fn code(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (!code.is_empty() && code.len() < 60 && code.chars().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

/// The status of an answer: `503 Service Unavailable`.
fn status(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("status code: ")?;
    Some(rest.split([':', '\n']).next().unwrap_or_default().trim().to_owned())
}
