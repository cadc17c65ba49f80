//! What sources of other machines answer.

use serde_json::Value as Json;

use super::http::foreign as http;
use super::remote::foreign as remote;

/// What a host's `sqlite3` says.
pub(crate) fn answer(bytes: &[u8]) {
    remote::answer(bytes);
}

/// What a people-count server says.
pub(crate) fn rows(said: &Json) {
    http::rows(said);
}
