//! The journal's table: appending, reading and verifying. Blocking: callers have a thread for it.

use std::sync::Arc;

use rusqlite::{Connection, Row as SqlRow, params};

use super::chain::{Hash, Row};
use super::entry::{Chain, Entry, Weight};
use super::layout::WITH_BASE;
use crate::clock::Timestamp;

mod retention;

pub use retention::Dropped;

/// What somebody wants to have written down; the journal adds the number.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// When.
    pub time: Timestamp,
    /// Who: `engine`, or the person and the face they used.
    pub who: String,
    /// What happened, in one line.
    pub what: String,
    /// Why.
    pub why: String,
    /// What it is about, for programs.
    pub about: serde_json::Value,
    /// How much it matters.
    pub weight: Weight,
}

impl Draft {
    /// The entry it becomes at this position.
    pub fn at(&self, seq: u64) -> Entry {
        Entry {
            seq,
            time: self.time,
            who: self.who.clone(),
            what: self.what.clone(),
            why: self.why.clone(),
            about: self.about.clone(),
            weight: self.weight,
        }
    }

    fn row(&self, seq: i64) -> Row {
        Row {
            seq,
            // Representable from 1677 to 2262.
            time: i64::try_from(self.time.as_nanosecond()).unwrap_or(i64::MAX),
            who: self.who.clone(),
            what: self.what.clone(),
            why: self.why.clone(),
            about: self.about.to_string(),
            weight: self.weight.word().to_owned(),
        }
    }
}

/// Which entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Only entries with a smaller number than this.
    pub before: Option<u64>,
    /// At most so many, the newest of those that match.
    pub limit: u32,
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    seq: i64,
    hash: Hash,
}

/// The table with its write side.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    head: Head,
}

impl Store {
    /// Over an open `state.db`. A chain that does not hold is no obstacle to writing: [`verify`] tells of it.
    pub fn new(connection: Connection) -> rusqlite::Result<Self> {
        let Ends { head, .. } = ends(&connection)?;
        // The table wins over a head that was set back: numbers are never used twice.
        let last: i64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM journal", [], |row| row.get(0))?;
        Ok(Self { connection, head: Head { seq: head.seq.max(last), ..head } })
    }

    /// What the file holds, also where it has lost its name.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Number of the last entry.
    pub fn length(&self) -> u64 {
        self.head.seq.unsigned_abs()
    }

    /// Appends all or nothing, with the values to keep beside them. When it returns, they would survive a power cut.
    pub fn append(&mut self, drafts: &[Draft], keep: &[(String, String)]) -> rusqlite::Result<Vec<Arc<Entry>>> {
        let transaction = self.connection.transaction()?;
        let mut head = self.head;
        let mut entries = Vec::with_capacity(drafts.len());
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO journal (seq, time, who, what, why, about, weight, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for draft in drafts {
                let row = draft.row(head.seq.saturating_add(1));
                head = Head { seq: row.seq, hash: row.follow(&head.hash) };
                insert.execute(params![
                    row.seq, row.time, row.who, row.what, row.why, row.about, row.weight, head.hash
                ])?;
                entries.push(Arc::new(draft.at(row.seq.unsigned_abs())));
            }
            if !drafts.is_empty() {
                transaction.execute("UPDATE head SET seq = ?, hash = ?", params![head.seq, head.hash])?;
            }
            let mut put = transaction.prepare_cached(
                "INSERT INTO kept (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?;
            for (key, value) in keep {
                put.execute(params![key, value])?;
            }
        }
        transaction.commit()?;
        self.head = head;
        Ok(entries)
    }

    /// A value that was kept.
    pub fn kept(&self, key: &str) -> rusqlite::Result<Option<String>> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM kept WHERE key = ?")?;
        let mut rows = statement.query([key])?;
        rows.next()?.map(|row| row.get(0)).transpose()
    }

    /// Entries, oldest first.
    pub fn read(&self, window: Window) -> rusqlite::Result<Vec<Arc<Entry>>> {
        read(&self.connection, window)
    }
}

/// Entries, oldest first.
pub fn read(connection: &Connection, window: Window) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let since = window.since.map_or(i64::MIN, |time| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX));
    let before = window.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    // Where few entries are so young, the newest ones alone are walked through, and not a journal of years. Of the index all
    // are looked at that are so young, since a clock that was set back leaves times out of order; without the plus sign SQLite
    // would walk through the entries themselves.
    let first: Option<i64> = match window.since {
        None => None,
        Some(_) => connection
            .prepare_cached("SELECT MIN(+seq) FROM journal INDEXED BY journal_time WHERE time >= ?")?
            .query_row([since], |row| row.get(0))?,
    };
    let mut statement = connection.prepare_cached(
        "SELECT seq, time, who, what, why, about, weight FROM journal
         WHERE time >= ? AND seq < ? AND seq >= ? ORDER BY seq DESC LIMIT ?",
    )?;
    // None is so young: nothing is looked through for it.
    let first = if window.since.is_some() { first.unwrap_or(i64::MAX) } else { i64::MIN };
    let mut entries: Vec<Arc<Entry>> = statement
        .query_map(params![since, before, first, window.limit], |row| raw(row).map(|row| Arc::new(entry(&row))))?
        .collect::<rusqlite::Result<_>>()?;
    entries.reverse();
    Ok(entries)
}

/// Follows the whole chain from its beginning. `progress` is told how many entries of how many are checked and says
/// whether to go on; `None`: it was asked to stop.
pub fn verify(
    connection: &mut Connection,
    mut progress: impl FnMut(u64, u64) -> bool,
) -> rusqlite::Result<Option<Chain>> {
    // One transaction: entries appended meanwhile are not seen.
    let transaction = connection.transaction()?;
    let Ends { base, head } = ends(&transaction)?;
    let total = head.seq.unsigned_abs();
    let mut told = None;
    let mut statement =
        transaction.prepare("SELECT seq, time, who, what, why, about, weight, hash FROM journal ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut last = base;
    let broken = |at: i64, why: String| Ok(Some(Chain::Broken { at: at.unsigned_abs(), why }));
    while let Some(row) = rows.next()? {
        let expected = last.seq + 1;
        let (Ok(found), Ok(hash)) = (raw(row), row.get::<_, Hash>(7)) else {
            return broken(expected, format!("entry {expected} cannot be read"));
        };
        if found.seq != expected {
            return broken(expected, format!("entry {expected} is missing: the next one is {}", found.seq));
        }
        if found.follow(&last.hash) != hash {
            return broken(expected, format!("entry {expected} was changed after it was written"));
        }
        told = retention::told(&found).or(told);
        last = Head { seq: expected, hash };
        if expected % 512 == 0 && !progress(expected.unsigned_abs(), total) {
            return Ok(None);
        }
    }
    if last != head {
        return broken(last.seq + 1, format!("entries after {} are missing: there were {}", last.seq, head.seq));
    }
    if base.seq > 0 && told != Some(base) {
        return broken(
            base.seq + 1,
            format!("entries up to {} are missing, and no entry tells that they were dropped", base.seq),
        );
    }
    progress(total, total);
    Ok(Some(Chain::Intact))
}

/// Where the chain begins and ends.
struct Ends {
    /// The last entry that was dropped; of none the number is 0, and the hash what the first entry follows.
    base: Head,
    head: Head,
}

/// A file that no engine of this version has opened yet is read as it is.
fn ends(connection: &Connection) -> rusqlite::Result<Ends> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let base = if version >= WITH_BASE { "base, coalesce(base_hash, genesis)" } else { "0, genesis" };
    connection.query_row(&format!("SELECT seq, hash, {base} FROM head"), [], |row| {
        let head = Head { seq: row.get(0)?, hash: row.get(1)? };
        Ok(Ends { base: Head { seq: row.get(2)?, hash: row.get(3)? }, head })
    })
}

fn raw(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: row.get(0)?,
        time: row.get(1)?,
        who: row.get(2)?,
        what: row.get(3)?,
        why: row.get(4)?,
        about: row.get(5)?,
        weight: row.get(6)?,
    })
}

/// Shows what lies in the table even where it was tampered with: the verdict on that is the chain's.
fn entry(row: &Row) -> Entry {
    Entry {
        // No entry is written with a number below one. Whoever put one there shows up without a number that another has.
        seq: u64::try_from(row.seq).unwrap_or_default(),
        time: Timestamp::from_nanosecond(i128::from(row.time)).unwrap_or_default(),
        who: row.who.clone(),
        what: row.what.clone(),
        why: row.why.clone(),
        about: serde_json::from_str(&row.about).unwrap_or_else(|_error| row.about.clone().into()),
        weight: Weight::from_word(&row.weight),
    }
}

#[cfg(test)]
mod tests;
