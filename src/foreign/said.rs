//! What hosts print when their files and services are asked about.

use super::kind;

/// Configuration files, modules of services, the ways of steps.
pub(super) fn host(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    let text = String::from_utf8_lossy(rest);
    match first % 3 {
        0 => crate::service::foreign::look(&text),
        1 => crate::configs::foreign::fetched(rest),
        _ => crate::standin::foreign::answers(&text),
    }
}
