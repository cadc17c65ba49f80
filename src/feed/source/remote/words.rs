//! What a host's `sqlite3` says, in words for a person.

use std::time::Duration;

use super::script::{MISSING, NO_PROGRAM, UNREADABLE};
use crate::feed::source::SourceError;
use crate::reach::plain;
use crate::reach::ssh::Output;

/// Why there is no answer.
pub(super) struct Trouble {
    pub(super) what: SourceError,
    /// Whether a writer keeps us out.
    pub(super) locked: bool,
}

/// Reads what was said instead of an answer. `broken` is what is wrong with the answer, `locked` how long a writer has kept
/// us out. The texts are those of sqlite3 3.26 to 3.50; an unknown one is handed on as it is.
pub(super) fn of(host: &str, path: &str, output: &Output, broken: &str, locked: Duration) -> Trouble {
    let said = output.error_text();
    let has = |text: &str| said.contains(text);
    let at = format!("{host}:{path}");
    let (away, refused) = (SourceError::Away, SourceError::Refused);
    let line = plain::line(&said, 160);
    if has("database is locked") || has("database table is locked") {
        let time = plain::time(locked);
        let what = format!("{at}: locked by a writer for {time}; if it stays so, see which program writes to it");
        return Trouble { what: away(what), locked: true };
    }
    let what = match output.status {
        NO_PROGRAM => refused(format!(
            "{host} has no sqlite3: install it there (apt-get install sqlite3; macOS has it in /usr/bin), in the PATH of ssh"
        )),
        MISSING => away(format!(
            "{at} is not there; check `sqlite` in the fleet file, and whether the program that writes it has run"
        )),
        UNREADABLE => refused(format!("{at} may not be read by the user as whom ssh logs in")),
        _ if has("no such option") || has("unknown option") => {
            refused(format!("{host}: its sqlite3 is too old, 3.26 is needed: {line}"))
        }
        _ if has("file is not a database") || has("file is encrypted") => {
            refused(format!("{at} is no SQLite database, or is encrypted"))
        }
        _ if has("malformed") => refused(format!(
            "{at} is damaged: {line}; stop what writes to it, then: ssh {host} sqlite3 {path} \"'PRAGMA integrity_check'\""
        )),
        _ if has("readonly database") => away(format!(
            "{at}: a writer died in the middle of a transaction; start it again, or open the file there once with sqlite3"
        )),
        _ if has("unable to open database") => refused(format!(
            "{at} cannot be opened; check its rights, and those of its folder: a file with a log (-wal) that no program has \
             open needs a folder that may be written"
        )),
        _ if has("disk I/O error") => away(format!("{at}: its disk gives an error: {line}")),
        // What `timeout` ends with.
        124 => away(format!("{at}: sqlite3 gave no answer there in time; does the disk hang?")),
        status if line.is_empty() => {
            away(format!("{at}: sqlite3 ended with {status}, and its answer is not whole: {broken}"))
        }
        _ => refused(format!("{at}: {line}")),
    };
    Trouble { what, locked: false }
}
