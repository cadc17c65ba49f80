//! The tables of `state.db`, and how a file of an earlier version gets them.

use rusqlite::Connection;

/// One step each; `user_version` counts how many a file has behind it. Steps are only ever added at the end.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE journal (
        seq    INTEGER PRIMARY KEY,
        time   INTEGER NOT NULL,
        who    TEXT NOT NULL,
        what   TEXT NOT NULL,
        why    TEXT NOT NULL,
        about  TEXT NOT NULL,
        weight TEXT NOT NULL,
        hash   BLOB NOT NULL
    ) STRICT;
    CREATE INDEX journal_time ON journal (time);
    CREATE TRIGGER journal_keeps_entries BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER journal_keeps_words BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE head (
        only    INTEGER PRIMARY KEY CHECK (only = 1),
        genesis BLOB NOT NULL,
        seq     INTEGER NOT NULL,
        hash    BLOB NOT NULL
    ) STRICT;
    INSERT INTO head SELECT 1, genesis, 0, genesis FROM (SELECT randomblob(32) AS genesis);
",
    "
    CREATE TABLE session_sides (
        store   TEXT NOT NULL,
        side    TEXT NOT NULL,
        place   TEXT NOT NULL,
        scanned INTEGER,
        marker  TEXT,
        PRIMARY KEY (store, side)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_facts (
        store       TEXT NOT NULL,
        side        TEXT NOT NULL,
        day         INTEGER NOT NULL,
        participant TEXT NOT NULL,
        videos      INTEGER NOT NULL,
        files       INTEGER NOT NULL,
        bytes       INTEGER NOT NULL,
        changed     INTEGER,
        digest      BLOB NOT NULL,
        state       BLOB NOT NULL,
        odd         INTEGER NOT NULL,
        folders     BLOB,
        below       BLOB NOT NULL,
        PRIMARY KEY (store, side, day, participant)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_verified (
        store        TEXT NOT NULL,
        side         TEXT NOT NULL,
        day          INTEGER NOT NULL,
        participant  TEXT NOT NULL,
        level        TEXT NOT NULL,
        at           INTEGER NOT NULL,
        ok           INTEGER NOT NULL,
        read         TEXT,
        from_storage INTEGER NOT NULL,
        problems     INTEGER NOT NULL,
        source       BLOB,
        copy         BLOB NOT NULL,
        PRIMARY KEY (store, side, day, participant)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_deleted (
        store       TEXT NOT NULL,
        day         INTEGER NOT NULL,
        participant TEXT NOT NULL,
        at          INTEGER NOT NULL,
        PRIMARY KEY (store, day, participant)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_imported (
        store       TEXT NOT NULL,
        day         INTEGER NOT NULL,
        participant TEXT NOT NULL,
        imported    TEXT NOT NULL,
        PRIMARY KEY (store, day, participant)
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE head ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE head ADD COLUMN base_hash BLOB;
    DROP TRIGGER journal_keeps_entries;
    CREATE TRIGGER journal_keeps_entries BEFORE DELETE ON journal WHEN old.seq > (SELECT base FROM head)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
",
];

/// From this layout on a journal may begin later than with its first entry.
pub(super) const WITH_BASE: u32 = 3;

/// The layout that this version writes.
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// The layout of this file; one of a newer version has a number beyond [`KNOWN`].
pub(super) fn of(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the steps that a file of an earlier version lacks, all of them or none; whether there were any.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> rusqlite::Result<bool> {
    let behind = of(connection)? as usize;
    let Some(pending @ [_, ..]) = MIGRATIONS.get(behind..) else { return Ok(false) };
    let transaction = connection.transaction()?;
    for step in pending {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(true)
}

/// Makes the tables in an empty database, for the door of what lies in the state folder.
#[cfg(any(test, fuzzing))]
pub(crate) fn tables(connection: &Connection) -> rusqlite::Result<()> {
    MIGRATIONS.iter().try_for_each(|step| connection.execute_batch(step))
}
