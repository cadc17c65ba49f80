//! Lists that lie beside what they speak of, on disks that others can write to: manifests, the journal of a copy, the note of
//! a deletion, markers, who works on a session.

use crate::session::foreign;

/// Each of them is refused, or written again as it was read.
pub(super) fn manifest(bytes: &[u8]) {
    let (first, rest) = super::kind(bytes);
    match first % 4 {
        0 => foreign::manifest(rest),
        1 => foreign::line(rest),
        2 => foreign::note(rest),
        _ => foreign::marks(rest),
    }
}
