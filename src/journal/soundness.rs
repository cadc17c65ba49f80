//! Whether `state.db` is sound: at once where that is quick, of a journal of years beside the work.
//!
//! A look at every page of a journal of a million entries takes seconds, and on the slow disk of a small machine longer than
//! anybody waits for an engine to start. What an engine acts on lies in small tables, which are looked at before it is.

use std::path::Path;

use rusqlite::Connection;

use super::database::{FILE, OpenError, open_read_only};

/// A file of so many bytes is looked at whole before it is used: a fraction of a second of reading.
const QUICK: u64 = 64 << 20;
/// The one table that grows for years.
const LONG: &str = "journal";

/// How much of a `state.db` is looked at before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// All of it.
    Whole,
    /// All of a short one; of a long one everything but the journal, which [`look_through`] looks at later.
    Quick,
}

/// What a look has found.
pub(super) enum Found {
    /// All is sound.
    Sound,
    /// All but the journal, which was not looked at.
    SoundSoFar,
    /// Something is not: in `SQLite`'s words.
    Corrupt(String),
}

/// Looks at what of an open file is to be looked at now.
pub(super) fn look_at(connection: &Connection, path: &Path, look: Look) -> rusqlite::Result<Found> {
    let short = std::fs::metadata(path).is_ok_and(|found| found.len() <= QUICK);
    if look == Look::Whole || short {
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        return Ok(if verdict == "ok" { Found::Sound } else { Found::Corrupt(verdict) });
    }
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> ?1")?;
    for table in tables.query_map([LONG], |row| row.get::<_, String>(0))? {
        let verdict: String =
            connection.query_row("SELECT quick_check FROM pragma_quick_check(?1)", [table?], |row| row.get(0))?;
        if verdict != "ok" {
            return Ok(Found::Corrupt(verdict));
        }
    }
    Ok(Found::SoundSoFar)
}

/// Looks at all of the `state.db` of this folder beside whoever uses it, for as long as that takes. What is wrong, in
/// `SQLite`'s words; `None`: nothing, or it cannot be read at all now, which is no sign of either.
pub(super) fn look_through(folder: &Path) -> Option<String> {
    let found = match open_read_only(folder) {
        Ok(connection) => look_at(&connection, &folder.join(FILE), Look::Whole),
        Err(OpenError::Unusable { error, .. }) => Err(error),
        Err(_another_version) => return None,
    };
    match found {
        Ok(Found::Corrupt(why)) => Some(why),
        Ok(Found::Sound | Found::SoundSoFar) => None,
        Err(error) if super::database::is_corrupt(&error) => Some(error.to_string()),
        Err(error) => {
            tracing::warn!(%error, "state.db was not looked through");
            None
        }
    }
}
