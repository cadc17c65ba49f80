//! What SQLite says, in words for a person.

use std::path::Path;
use std::time::Duration;

use rusqlite::ffi;
use rusqlite::{Error, ErrorCode};

use crate::feed::source::SourceError;
use crate::reach::plain;

/// Why a look has no result.
pub(super) enum Fault {
    /// SQLite's own word.
    Sql(Error),
    /// Said already.
    Said(SourceError),
}

impl Fault {
    /// Whether a writer keeps us out.
    pub(super) fn is_busy(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the file itself is well.
    pub(super) const fn is_said(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::Said(error)
    }
}

pub(super) fn missing(path: &Path) -> SourceError {
    SourceError::Away(format!(
        "{} is not there; check `sqlite` in the fleet file, its disk, and whether the program that writes it has run",
        path.display()
    ))
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> SourceError {
    let shown = path.display();
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return SourceError::Refused(format!(
            "{shown} may not be read: give the user of hotspare the right to its folder"
        ));
    }
    SourceError::Away(format!("{shown} cannot be read: {error}"))
}

/// `locked`: how long a writer has kept us out.
pub(super) fn of(path: &Path, fault: Fault, locked: Duration) -> SourceError {
    let error = match fault {
        Fault::Said(said) => return said,
        Fault::Sql(error) => error,
    };
    let shown = path.display();
    let said = match &error {
        Error::SqlInputError { msg, .. } => plain::line(msg, 160),
        other => plain::line(&other.to_string(), 160),
    };
    let away = SourceError::Away;
    let refused = SourceError::Refused;
    let exact = error.sqlite_error().map_or(0, |error| error.extended_code);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let time = plain::time(locked);
            away(format!("{shown}: locked by a writer for {time}; if it stays so, see which program writes to it"))
        }
        Some(ErrorCode::NotADatabase) => refused(format!("{shown} is no SQLite database, or is encrypted")),
        Some(ErrorCode::DatabaseCorrupt) => refused(format!(
            "{shown} is damaged: {said}; stop what writes to it, then: sqlite3 {shown} 'PRAGMA integrity_check'"
        )),
        _ if exact == ffi::SQLITE_READONLY_ROLLBACK => away(format!(
            "{shown}: a writer died in the middle of a transaction; start it again, or open the file once with sqlite3, so \
             that its journal is rolled back"
        )),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => refused(format!(
            "{shown} cannot be opened: {said}; check the rights of the file, and those of its folder: a file with a log \
             (-wal) that no program has open needs a folder that may be written"
        )),
        Some(ErrorCode::OperationInterrupted) => away(format!("{shown}: nobody waited for the answer any more")),
        Some(ErrorCode::SystemIoFailure) => away(format!("{shown}: its disk gives an error: {said}")),
        Some(ErrorCode::OutOfMemory) => away(format!("{shown}: not enough memory to read it")),
        _ => refused(format!("{shown}: {said}")),
    }
}
