//! What a server's error means for a feed: try again, wait, look for the row, or call a person.

use std::time::Duration;

use mysql_async::{DriverError, Error, ServerError};

use crate::feed::sink::SinkError;
use crate::reach::mysql::{MysqlError, MysqlErrorKind, words};
use crate::reach::plain;

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// One of the rows of the statement, by what the server says.
    Row(String),
    /// Anything else.
    Sink(SinkError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match &error {
            Error::Server(server) if is_row(server) => Self::Row(row(server)),
            _ => Self::Sink(tell(&error)),
        }
    }
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<Fault> for SinkError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Row(what) => Self::Refused(what),
            Fault::Sink(error) => error,
        }
    }
}

/// Whether what is refused is a value: class 22 is about data, 23 about constraints, 45 what a trigger says.
fn is_row(error: &ServerError) -> bool {
    // 1048 NULL · 1062 double · 1264 range · 1265 truncated · 1292, 1366 wrong value · 1406 too long · 3819, 4025 check ·
    // 1364 (no default) is about the table and stands out of its class.
    let code = matches!(error.code, 1048 | 1062 | 1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1411 | 3140 | 3819 | 4025);
    error.code != 1364 && (code || error.state.starts_with("22") || matches!(error.state.as_str(), "23000" | "45000"))
}

fn row(error: &ServerError) -> String {
    let said = plain::line(&error.message, 200);
    let now = match error.code {
        1048 => "allow NULL in that column at the target, or correct the row at the source",
        1062 => "another unique index of the target refuses it: drop that index, or correct one of the two rows",
        1264 | 1265 | 1406 => "make the column at the target wider, or correct the row at the source",
        1292 | 1366 | 1367 | 1411 | 3140 => "correct the row at the source, or change the column's type at the target",
        3819 | 4025 => "correct the row at the source, or change the rule of the target",
        _ => "correct the row at the source, or what refuses it at the target",
    };
    format!("the target says: {said} (error {}); {now}", error.code)
}

/// An error of the client library as a sink tells it.
pub(super) fn tell(error: &Error) -> SinkError {
    let said = words(error);
    match error {
        Error::Server(server) => server_error(server),
        Error::Io(_) | Error::Driver(DriverError::ConnectionClosed | DriverError::PacketOutOfOrder) => {
            SinkError::Away(said.what)
        }
        _ => SinkError::Refused(said.what),
    }
}

fn server_error(error: &ServerError) -> SinkError {
    let said = plain::line(&error.message, 160);
    let what = format!("server error {}: {said}", error.code);
    match error.code {
        // Lock wait, deadlock, a row that changed since it was read, a statement to be prepared anew, a busy cluster.
        1205 | 1213 | 1020 | 1615 | 1047 => SinkError::Again(what),
        // Too many connections, shutting down, killed, interrupted, network, idle for too long, too slow.
        1040 | 1053 | 1152 | 1158..=1161 | 1203 | 1226 | 1317 | 1927 | 1969 | 2006 | 2013 | 3024 | 4031 => {
            SinkError::Away(what)
        }
        1146 => SinkError::Unprepared(format!("{said}: run `hotspare feed prepare` with the feed's name")),
        1290 | 1792 | 1836 => SinkError::Refused(format!("{what}: is this the replica? Name the primary in `to`")),
        1021 | 1114 => SinkError::Refused(format!("{what}: make room on the server's disk")),
        // Disk full as the storage engine says it.
        1026 | 1030 if error.message.contains("No space") || error.message.contains("rror: 28") => {
            SinkError::Refused(format!("{what}: make room on the server's disk"))
        }
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => {
            SinkError::Refused(format!("{what}: see the user and its password in `to`, and its GRANTs"))
        }
        1054 | 1364 => SinkError::Refused(format!("{what}: the table was changed at the target")),
        1153 => SinkError::Refused(format!("{what}: raise max_allowed_packet of the server")),
        _ => SinkError::Refused(what),
    }
}

/// Why no connection could be had.
pub(super) fn unconnected(error: MysqlError) -> SinkError {
    match error.kind {
        MysqlErrorKind::Unreachable | MysqlErrorKind::Late => SinkError::Away(error.what),
        MysqlErrorKind::Denied => {
            SinkError::Refused(format!("{}: see the user and its password in `to`, and its GRANTs", error.what))
        }
        // A server that says so before the login is starting, ending, or full.
        MysqlErrorKind::Server if busy(&error.what) => SinkError::Away(error.what),
        MysqlErrorKind::Server | MysqlErrorKind::Url => SinkError::Refused(error.what),
    }
}

fn busy(what: &str) -> bool {
    ["1040", "1053", "1203", "1226"].iter().any(|code| what.starts_with(&format!("server error {code}:")))
}

/// Nothing came in time.
pub(super) fn late(patience: Duration) -> SinkError {
    SinkError::Away(format!("no answer in {}", plain::time(patience)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: u16, state: &str, message: &str) -> String {
        let error = Error::Server(ServerError { code, message: message.into(), state: state.into() });
        match Fault::from(error) {
            Fault::Row(_) => "row".into(),
            Fault::Sink(error) => format!("{error:?}").split('(').next().unwrap().to_lowercase(),
        }
    }

    #[test]
    fn errors_are_told_apart() {
        for (code, state, wanted) in [
            (1205, "HY000", "again"),
            (1213, "40001", "again"),
            (2013, "HY000", "away"),
            (1927, "70100", "away"),
            (1053, "08S01", "away"),
            (1146, "42S02", "unprepared"),
            (1290, "HY000", "refused"),
            (1114, "HY000", "refused"),
            (1045, "28000", "refused"),
            (1054, "42S22", "refused"),
            (1364, "HY000", "refused"),
            (1048, "23000", "row"),
            (1062, "23000", "row"),
            (1264, "22003", "row"),
            (1292, "22007", "row"),
            (1366, "HY000", "row"),
            (1406, "22001", "row"),
            (3819, "HY000", "row"),
            (4025, "23000", "row"),
            (1644, "45000", "row"),
            (1452, "23000", "row"),
            (9999, "HY000", "refused"),
        ] {
            assert_eq!(told(code, state, "x"), wanted, "{code}");
        }
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(tell(&Error::from(io)), SinkError::Away(_)));
    }
}
