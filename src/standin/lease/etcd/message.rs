//! The shapes of etcd's JSON gateway: bytes in base64, 64-bit numbers as texts, what is zero or false left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// What is compared before anything is written.
pub(super) struct Compare(Value);

impl Compare {
    /// The key was made at this revision; 0: it is not there.
    pub(super) fn created(key: &str, revision: u64) -> Self {
        Self(json!({"target": "CREATE", "key": encoded(key), "create_revision": revision.to_string()}))
    }

    /// The key was last written at this revision; 0: it is not there.
    pub(super) fn modified(key: &str, revision: u64) -> Self {
        Self(json!({"target": "MOD", "key": encoded(key), "mod_revision": revision.to_string()}))
    }

    /// The key was written so often since it was made; 0: it is not there.
    pub(super) fn written(key: &str, times: u64) -> Self {
        Self(json!({"target": "VERSION", "key": encoded(key), "version": times.to_string()}))
    }

    /// The key hangs on this session.
    pub(super) fn session(key: &str, session: u64) -> Self {
        Self(json!({"target": "LEASE", "key": encoded(key), "lease": session.to_string()}))
    }
}

/// One operation of a transaction.
pub(super) struct Operation(Value);

impl Operation {
    pub(super) fn put(key: &str, text: &str, session: Option<u64>) -> Self {
        let session = session.unwrap_or(0).to_string();
        Self(json!({"request_put": {"key": encoded(key), "value": encoded(text), "lease": session}}))
    }

    pub(super) fn range(key: &str) -> Self {
        Self(json!({"request_range": {"key": encoded(key)}}))
    }

    /// Of all keys, the one that was written last, without its value, and how many there are.
    pub(super) fn newest(range: &Range) -> Self {
        let mut asked = range.question();
        asked["keys_only"] = true.into();
        asked["limit"] = "1".into();
        asked["sort_order"] = "DESCEND".into();
        asked["sort_target"] = "MOD".into();
        Self(json!({ "request_range": asked }))
    }

    pub(super) fn delete(key: &str) -> Self {
        Self(json!({"request_delete_range": {"key": encoded(key)}}))
    }
}

/// The body of a transaction.
pub(super) fn txn(compare: &[Compare], then: &[Operation], otherwise: &[Operation]) -> Value {
    let operations = |all: &[Operation]| all.iter().map(|one| one.0.clone()).collect::<Vec<_>>();
    json!({
        "compare": compare.iter().map(|one| one.0.clone()).collect::<Vec<_>>(),
        "success": operations(then),
        "failure": operations(otherwise),
    })
}

/// Which keys.
#[derive(Clone)]
pub(super) struct Range {
    key: String,
    end: Option<String>,
    /// At most so many keys; 0: all.
    limit: u32,
}

impl Range {
    pub(super) fn one(key: &str) -> Self {
        Self { key: encoded(key), end: None, limit: 0 }
    }

    /// All keys that begin with `start`, which ends with a slash.
    pub(super) fn below(start: &str) -> Self {
        // The character after the slash.
        let end = format!("{}0", start.trim_end_matches('/'));
        Self { key: encoded(start), end: Some(encoded(&end)), limit: 0 }
    }

    /// Of these keys, the first so many that come after this one.
    pub(super) fn page(&self, after: Option<&str>, limit: u32) -> Self {
        let key = after.map_or_else(|| self.key.clone(), |after| encoded(&format!("{after}\0")));
        Self { key, end: self.end.clone(), limit }
    }

    /// The body of a question.
    pub(super) fn question(&self) -> Value {
        json!({"key": self.key, "range_end": self.end.as_deref().unwrap_or(""), "limit": self.limit.to_string()})
    }

    /// The body of a watch from this revision on.
    pub(super) fn watch(&self, from: u64) -> Value {
        let end = self.end.as_deref().unwrap_or("");
        json!({"create_request": {"key": self.key, "range_end": end, "start_revision": from.to_string()}})
    }
}

/// Begins every answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    #[serde(deserialize_with = "number")]
    pub(super) revision: u64,
    /// Grows with each election of a leader.
    #[serde(deserialize_with = "number")]
    pub(super) raft_term: u64,
}

/// A key as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    #[serde(deserialize_with = "text")]
    pub(super) key: String,
    #[serde(deserialize_with = "text")]
    pub(super) value: String,
    #[serde(deserialize_with = "number")]
    pub(super) create_revision: u64,
    #[serde(deserialize_with = "number")]
    pub(super) mod_revision: u64,
    /// How often it was written since it was made.
    #[serde(deserialize_with = "number")]
    pub(super) version: u64,
    /// The session that it hangs on; 0: none.
    #[serde(deserialize_with = "number", rename = "lease")]
    pub(super) session: u64,
}

/// The answer to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) kvs: Vec<KeyValue>,
    /// How many there are, also where fewer were asked for.
    #[serde(deserialize_with = "number")]
    pub(super) count: u64,
    /// There are more than were asked for.
    pub(super) more: bool,
}

/// The answer to a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) header: Header,
    pub(super) succeeded: bool,
    responses: Vec<Response>,
    /// It was sent more than once, and the answer to an earlier try did not come.
    #[serde(skip)]
    pub(super) again: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Response {
    response_range: Option<Found>,
}

impl Answer {
    /// The key that the operation with this number found.
    pub(super) fn found(&self, number: usize) -> Option<&KeyValue> {
        self.all(number)?.kvs.first()
    }

    /// All that the operation with this number found.
    pub(super) fn all(&self, number: usize) -> Option<&Found> {
        self.responses.get(number)?.response_range.as_ref()
    }
}

/// The answer when a session is begun.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Granted {
    #[serde(deserialize_with = "number", rename = "ID")]
    pub(super) session: u64,
    /// Seconds; may be more than was asked for.
    #[serde(deserialize_with = "number", rename = "TTL")]
    pub(super) ttl: u64,
}

/// One message of a stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(bound = "T: Deserialize<'de> + Default")]
pub(super) struct Told<T> {
    #[serde(default)]
    pub(super) result: T,
    pub(super) error: Option<Refusal>,
}

/// The answer to a renewal.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Renewed {
    pub(super) header: Header,
    /// Seconds; 0: the session has ended.
    #[serde(deserialize_with = "number", rename = "TTL")]
    pub(super) ttl: u64,
}

/// What a watch tells.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Watched {
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
    /// It has ended: what it was to begin with is not kept any more, say.
    pub(super) canceled: bool,
}

/// One change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    /// `DELETE`; put: left out.
    #[serde(rename = "type")]
    kind: String,
    pub(super) kv: KeyValue,
}

impl Event {
    pub(super) fn deletes(&self) -> bool {
        self.kind == "DELETE"
    }
}

/// A token for a user and a password.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Authenticated {
    pub(super) token: String,
}

/// How etcd says no.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) message: String,
    /// A code of gRPC.
    #[serde(alias = "grpc_code")]
    pub(super) code: u32,
}

pub(super) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// A 64-bit number, which JSON in JavaScript could not hold: a text.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    match Either::deserialize(from)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// Base64; what is no UTF-8 in it is none of ours, and is only shown.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let bytes = STANDARD.decode(String::deserialize(from)?).map_err(serde::de::Error::custom)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
