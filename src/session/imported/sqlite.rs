//! Reads the acquisition's `SQLite` file: only reads, waits a while for a writer, and never waits for ever.
//!
//! A log that is being written (WAL) is honoured, which is why the file is never opened as immutable.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::Trouble;
use crate::fleet::disk;
use crate::reach::plain;

/// Between two looks at whether anybody still waits, in steps of `SQLite`'s machine.
const STEPS: i32 = 10_000;

/// What `read` makes of the file, on a thread that is left behind where the disk does not answer.
pub(super) async fn ask<T: Send + 'static>(
    path: &Path,
    patience: Duration,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    // Shorter than the patience, so that a writer who holds the file is told from a disk that hangs.
    let busy = patience / 2;
    let given_up = Arc::new(AtomicBool::new(false));
    let (at, stop) = (path.to_owned(), Arc::clone(&given_up));
    let asked = tokio::task::spawn_blocking(move || {
        disk::ask(&at, patience, move |path| match std::fs::metadata(path) {
            Ok(_there) => {
                open(path, busy, stop).and_then(|file| read(&file)).map_err(|error| words(path, busy, &error))
            }
            Err(error) => Err(unreadable(path, &error)),
        })
    });
    let answer = asked.await.ok().flatten();
    given_up.store(true, Ordering::Relaxed);
    answer.unwrap_or_else(|| {
        let why = format!("{}: no answer in {}", path.display(), plain::time(patience));
        Err(Trouble::new("no answer", why, "does the disk that holds it hang, or is it very busy?"))
    })
}

fn open(path: &Path, busy: Duration, stop: Arc<AtomicBool>) -> rusqlite::Result<Connection> {
    let mut file =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    file.busy_timeout(busy)?;
    file.progress_handler(STEPS, Some(move || stop.load(Ordering::Relaxed)))?;
    Ok(file)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Trouble {
    let shown = path.display();
    if error.kind() == std::io::ErrorKind::NotFound {
        return Trouble::new(
            "missing",
            format!("{shown} is not there"),
            "check `sqlite` in the fleet file, and its disk",
        );
    }
    Trouble::new(
        "unreadable",
        format!("{shown} cannot be read: {error}"),
        "check the rights of the file and its folder",
    )
}

/// What `SQLite` says, in words for a person.
fn words(path: &Path, busy: Duration, error: &Error) -> Trouble {
    let shown = path.display();
    let said = match error {
        Error::SqlInputError { msg, .. } => plain::line(msg, 160),
        other => plain::line(&other.to_string(), 160),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::new(
            "locked",
            format!("{shown} was held locked by a writer for {}", plain::time(busy)),
            "see which program writes to it",
        ),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Trouble::new(
            "damaged",
            format!("{shown} is damaged, or is no SQLite database: {said}"),
            format!("sqlite3 {shown} 'PRAGMA integrity_check'"),
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Trouble::new(
            "unreadable",
            format!("{shown} cannot be opened: {said}"),
            "check the rights of the file and its folder; a file with a log (-wal) needs a folder that can be written",
        ),
        _ => Trouble::new(
            "error",
            format!("{shown}: {said}"),
            "is it the acquisition's database, of a version known here?",
        ),
    }
}
