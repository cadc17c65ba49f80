//! What the acquisition recorded, by its own `SQLite` database: participants, sessions and recordings, nothing else of it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::rules::{Acquired, Recording};
use super::{Trouble, flags, name, sqlite};
use crate::session::key::{self, Key};

/// One statement, so that it sees one state of the file. Nothing there is unique: two rows may be one participant or one
/// session.
const STATEMENT: &str = "
    SELECT participants.name, sessions.session_date, recordings.id, recordings.filename, recordings.comment,
           recordings.should_process
    FROM sessions
    JOIN participants ON participants.id = sessions.participant_id
    LEFT JOIN recordings ON recordings.session_id = sessions.id";

/// All sessions with their recordings.
pub(super) async fn read(path: &Path, patience: Duration) -> Result<Acquired, Trouble> {
    sqlite::ask(path, patience, sessions).await
}

fn sessions(file: &Connection) -> rusqlite::Result<Acquired> {
    let mut statement = file.prepare(STATEMENT)?;
    let mut rows = statement.query([])?;
    let mut acquired = Acquired::new();
    while let Some(row) = rows.next()? {
        // A session without a name or a day cannot be on the disk: its videos, if any, will be found to be unknown.
        let participant = text(row.get_ref(0)?);
        let date = text(row.get_ref(1)?).and_then(|text| flags::day(&text));
        let (Some(participant), Some(date)) = (participant, date) else { continue };
        if key::participant(&participant).is_err() {
            continue;
        }
        let recordings = acquired.entry(Key { date, participant }).or_default();
        if let ValueRef::Integer(id) = row.get_ref(2)? {
            recordings.push(Recording {
                id,
                base: text(row.get_ref(3)?).and_then(|path| name::base(&path).map(str::to_owned)),
                comment: text(row.get_ref(4)?).unwrap_or_default(),
                process: !is_no(row.get_ref(5)?),
            });
        }
    }
    Ok(acquired)
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Null | ValueRef::Real(_) => None,
    }
}

/// Whether a recording is certainly not to be processed; what is not certain counts as one that is.
fn is_no(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Integer(number) => number == 0,
        ValueRef::Text(text) => matches!(text, b"0" | b"false" | b"False"),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => false,
    }
}
