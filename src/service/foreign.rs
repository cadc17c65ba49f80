//! What `look.sh` prints of the modules of a service, and the mark in the command line of whoever holds its locks.

use super::look::answer;
use super::mark;
use crate::clock::Timestamp;
use crate::foreign::assert_plain;

/// What is seen is in the order of the files, in words that fit a line.
pub(crate) fn look(text: &str) {
    let files = ["/run/a.pid", "/run/b.pid"].map(str::to_owned);
    let now = Timestamp::from_second(1_795_000_000).unwrap_or_default();
    if let Some(seen) = answer::read(text, &files, now) {
        assert_eq!(seen.modules.len(), files.len());
        for module in &seen.modules {
            assert_plain(&module.command);
        }
        seen.near.iter().flat_map(|(_, names)| names).for_each(|name| assert_plain(name));
    }
    if let Some(mark) = mark::read(text) {
        // Ours are written in ASCII, and what was written is read again.
        let written = mark::written(&mark);
        assert!(written.is_ascii());
        let again = mark::read(&format!("{} {written}", mark::NAME));
        assert_eq!(again.as_ref().map(mark::written), Some(written));
    }
}
