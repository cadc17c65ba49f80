//! What an error of SQLite means for a feed.

use rusqlite::{Error, ErrorCode};

use crate::feed::sink::SinkError;
use crate::reach::plain;

/// In words for a person, told apart.
pub(super) fn tell(error: &Error) -> SinkError {
    let said = match error {
        Error::SqlInputError { msg, .. } => plain::line(msg, 160),
        other => plain::line(&other.to_string(), 160),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            // The lock was waited for already: at once again it would be waited for once more, and nobody would know why.
            SinkError::Away(format!("the target is held locked by another program: {said}"))
        }
        Some(ErrorCode::OperationInterrupted | ErrorCode::SystemIoFailure) => SinkError::Away(said),
        Some(ErrorCode::DiskFull) => SinkError::Refused(format!("{said}: make room on the disk of the target")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            SinkError::Refused(format!("{said}: check the target's folder, its rights and whether its disk is there"))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            SinkError::Refused(format!("the target is damaged, or is no SQLite database: {said}"))
        }
        _ if said.contains("no such table") => {
            SinkError::Unprepared(format!("{said}: run `hotspare feed prepare` with the feed's name"))
        }
        _ if said.contains("no such column") || said.contains("no column named") => {
            SinkError::Refused(format!("{said}: the table was changed at the target"))
        }
        _ => SinkError::Refused(said),
    }
}

/// Whether it is about the values of the row.
pub(super) fn is_row(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}
