//! What is known of sessions, kept in `state.db`: so that rows are there at once when the engine starts, and so that what
//! only hotspare knows (verifications, deletions, the identity of destinations) outlives it.
//!
//! A `state.db` that cannot be used costs nothing but this: the catalogue works from memory, and what was missed is
//! written whole when the file can be written again. Blocking: callers have threads for it.

mod file;
#[cfg(any(test, fuzzing))]
mod foreign;
mod rows;

#[cfg(any(test, fuzzing))]
pub(crate) use foreign::foreign;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::{Params, Row, Transaction, TransactionBehavior, params};

use super::key::Key;
use super::side::{Found, Known};
use super::view::{Imported, Verified};
use crate::clock::Timestamp;
use crate::journal::database;
use rows::{day, key, nanoseconds};

/// Sessions written in one transaction: the journal waits no longer than for so many.
const PIECE: usize = 2_000;
/// Between two of them: whoever waits for a turn gets it.
const PAUSE: Duration = database::TURN.saturating_mul(3);

/// The tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Index(Arc<file::Inner>);

/// One side of a store, as it was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptSide {
    /// When it was last looked at.
    pub scanned: Option<Timestamp>,
    /// Its identity.
    pub marker: Option<String>,
}

/// Which side of which store.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    /// Store.
    pub store: &'a str,
    /// Destination; empty: the source.
    pub side: &'a str,
}

impl Index {
    /// What was kept of a side, unless it was kept of another place. `None`: nothing, or it cannot be read.
    pub fn side(&self, at: Where<'_>, place: &str) -> Option<KeptSide> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT scanned, marker FROM session_sides WHERE store = ? AND side = ? AND place = ?",
            )?;
            let mut rows = statement.query(params![at.store, at.side, place])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some(KeptSide { scanned: rows::time(row.get(0)?), marker: row.get(1)? }))
        })
        .flatten()
    }

    /// Keeps what is known of a side. Facts of another place go.
    pub fn keep_side(&self, at: Where<'_>, place: &str, kept: &KeptSide) -> bool {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let other: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM session_sides WHERE store = ? AND side = ? AND place <> ?)",
                params![at.store, at.side, place],
                |row| row.get(0),
            )?;
            if other {
                for table in ["session_facts", "session_verified"] {
                    let clear = format!("DELETE FROM {table} WHERE store = ? AND side = ?");
                    transaction.execute(&clear, params![at.store, at.side])?;
                }
            }
            transaction.execute(
                // A look that began before the marker was found may be kept after it: it never takes the marker away.
                "INSERT INTO session_sides (store, side, place, scanned, marker) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET scanned = excluded.scanned, place = excluded.place,
                 marker = CASE WHEN place = excluded.place THEN coalesce(excluded.marker, marker) ELSE excluded.marker END",
                params![at.store, at.side, place, kept.scanned.map(nanoseconds), kept.marker],
            )?;
            transaction.commit()
        })
        .is_some()
    }

    /// Facts of a side, the newest days first: handed over one by one, until `take` says that it has enough.
    pub fn facts(&self, at: Where<'_>, take: &mut dyn FnMut(Key, Found) -> bool) {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT day, participant, videos, files, bytes, changed, digest, state, odd, folders, below
                 FROM session_facts WHERE store = ? AND side = ? ORDER BY day DESC, participant DESC",
            )?;
            let mut rows = statement.query(params![at.store, at.side])?;
            while let Some(row) = rows.next()? {
                let Some(key) = key(row)? else { continue };
                if !take(key, rows::found(row)?) {
                    break;
                }
            }
            Ok(())
        });
    }

    /// Keeps the facts of these sessions, and forgets those of others. `false`: it could not.
    pub fn keep_facts(&self, at: Where<'_>, known: &Known, put: &[Key], gone: &[Key]) -> bool {
        let pieces = put.chunks(PIECE).map(|put| (put, true)).chain(gone.chunks(PIECE).map(|gone| (gone, false)));
        for (keys, there) in pieces {
            let kept = self.with(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                {
                    let mut insert = transaction.prepare_cached(
                        "INSERT OR REPLACE INTO session_facts (store, side, day, participant, videos, files, bytes,
                         changed, digest, state, odd, folders, below) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    )?;
                    let mut delete = transaction.prepare_cached(
                        "DELETE FROM session_facts WHERE store = ? AND side = ? AND day = ? AND participant = ?",
                    )?;
                    for key in keys {
                        match known.get(key).filter(|_| there) {
                            Some(found) => rows::put(&mut insert, at, key, found)?,
                            None => drop(delete.execute(params![at.store, at.side, day(key.date), key.participant])?),
                        }
                    }
                }
                transaction.commit()
            });
            if kept.is_none() {
                return false;
            }
            pause_after(keys.len());
        }
        true
    }

    /// The last verification of each copy at a destination, of sessions from this day on; `None`: of all.
    pub fn verified(&self, at: Where<'_>, since: Option<Date>) -> HashMap<Key, Verified> {
        let sql = "SELECT day, participant, side, level, at, ok, read, from_storage, problems, source, copy
                   FROM session_verified WHERE store = ? AND side = ? AND day >= ?";
        self.all(sql, params![at.store, at.side, since.map_or(0, day)], rows::verified)
    }

    /// Deletions made here.
    pub fn deleted(&self, store: &str) -> HashMap<Key, Timestamp> {
        let sql = "SELECT day, participant, at FROM session_deleted WHERE store = ?";
        self.all(sql, params![store], |row| Ok(rows::time(row.get(2)?)))
    }

    /// What the database of imports said last of sessions from this day on; `None`: of all.
    pub fn imported(&self, store: &str, since: Option<Date>) -> HashMap<Key, Imported> {
        let sql = "SELECT day, participant, imported FROM session_imported WHERE store = ? AND day >= ?";
        let read = |row: &Row<'_>| Ok(serde_json::from_str(row.get_ref(2)?.as_str()?).ok());
        self.all(sql, params![store, since.map_or(0, day)], read)
    }

    /// Rows that begin with a day and a participant; those that this version cannot read are left out.
    fn all<T>(
        &self,
        sql: &str,
        asked: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<Option<T>>,
    ) -> HashMap<Key, T> {
        let all = self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(asked)?;
            let mut all = HashMap::new();
            while let Some(row) = rows.next()? {
                if let (Some(key), Some(value)) = (key(row)?, read(row)?) {
                    all.insert(key, value);
                }
            }
            Ok(all)
        });
        all.unwrap_or_default()
    }

    /// Keeps verifications. `false`: it could not.
    pub fn keep_verified<'a>(
        &self,
        at: Where<'_>,
        verified: impl IntoIterator<Item = (&'a Key, &'a Verified)>,
    ) -> bool {
        let all: Vec<_> = verified.into_iter().collect();
        self.in_pieces(&all, |transaction, (key, verified)| rows::put_verified(transaction, at, key, verified))
    }

    /// Keeps that sessions were deleted here. `false`: it could not.
    pub fn keep_deleted<'a>(&self, store: &str, deleted: impl IntoIterator<Item = (&'a Key, &'a Timestamp)>) -> bool {
        let all: Vec<_> = deleted.into_iter().collect();
        let sql = "INSERT OR REPLACE INTO session_deleted (store, day, participant, at) VALUES (?, ?, ?, ?)";
        self.in_pieces(&all, |transaction, (key, at)| {
            let row = params![store, day(key.date), key.participant, nanoseconds(**at)];
            transaction.prepare_cached(sql)?.execute(row).map(drop)
        })
    }

    /// Forgets verifications of copies at a destination. `false`: it could not.
    pub fn forget_verified(&self, at: Where<'_>, keys: &[Key]) -> bool {
        let sql = "DELETE FROM session_verified WHERE store = ? AND side = ? AND day = ? AND participant = ?";
        self.forget(sql, keys, |key| (at.store, at.side, day(key.date), &key.participant))
    }

    /// Forgets that sessions were deleted here. `false`: it could not.
    pub fn forget_deleted(&self, store: &str, keys: &[Key]) -> bool {
        let sql = "DELETE FROM session_deleted WHERE store = ? AND day = ? AND participant = ?";
        self.forget(sql, keys, |key| (store, day(key.date), &key.participant))
    }

    fn forget<'a, P: Params>(&self, sql: &str, keys: &'a [Key], row: impl Fn(&'a Key) -> P) -> bool {
        self.in_pieces(keys, |transaction, key| transaction.prepare_cached(sql)?.execute(row(key)).map(drop))
    }

    /// Writes all of it, a piece in one transaction, so that nobody waits long who wants to write, too. `false`: it could not.
    fn in_pieces<'a, T>(
        &self,
        all: &'a [T],
        mut write: impl FnMut(&Transaction<'_>, &'a T) -> rusqlite::Result<()>,
    ) -> bool {
        all.chunks(PIECE).all(|piece| {
            self.with(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for one in piece {
                    write(&transaction, one)?;
                }
                transaction.commit()
            })
            .is_some_and(|()| {
                pause_after(piece.len());
                true
            })
        })
    }

    /// Keeps what the database of imports said: of these sessions, and of no others. `false`: it could not.
    pub fn keep_imported(&self, store: &str, put: &[(&Key, &Imported)], gone: &[&Key]) -> bool {
        let kept =
            put.chunks(PIECE).map(|put| (put, &[] as &[&Key])).chain(gone.chunks(PIECE).map(|gone| (&[] as _, gone)));
        kept.into_iter().all(|(put, gone)| {
            self.with(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for (key, imported) in put {
                    let text = serde_json::to_string(imported).unwrap_or_default();
                    transaction.execute(
                        "INSERT OR REPLACE INTO session_imported (store, day, participant, imported) VALUES (?, ?, ?, ?)",
                        params![store, day(key.date), key.participant, text],
                    )?;
                }
                for key in gone {
                    transaction.execute(
                        "DELETE FROM session_imported WHERE store = ? AND day = ? AND participant = ?",
                        params![store, day(key.date), key.participant],
                    )?;
                }
                transaction.commit()
            })
            .is_some_and(|()| {
                pause_after(put.len() + gone.len());
                true
            })
        })
    }
}

/// Lets others write after a whole piece.
fn pause_after(sessions: usize) {
    if sessions == PIECE {
        std::thread::park_timeout(PAUSE);
    }
}

#[cfg(test)]
mod tests;
