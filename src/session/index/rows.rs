//! Rows of the tables as values, and back.

use jiff::civil::Date;
use rusqlite::{CachedStatement, Row, Transaction, params};

use super::Where;
use crate::clock::Timestamp;
use crate::session::key::{self, Key};
use crate::session::listing::Facts;
use crate::session::side::{Found, Stamp};
use crate::session::view::{Level, Verified};

/// A day as a number that reads as people write it: 20250104.
pub(super) fn day(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// Nanoseconds since 1970: representable from 1677 to 2262, others are cut.
pub(super) fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

pub(super) fn time(nanoseconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds?)).ok()
}

/// The session of a row that begins with its day and participant; `None`: no session is called so.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<Option<Key>> {
    let (day, participant): (i64, String) = (row.get(0)?, row.get(1)?);
    let date = i16::try_from(day / 10_000).ok().zip(i8::try_from(day / 100 % 100).ok());
    let date = date.zip(i8::try_from(day % 100).ok());
    let date = date.and_then(|((year, month), day)| Date::new(year, month, day).ok());
    Ok(date.filter(|_| key::participant(&participant).is_ok()).map(|date| Key { date, participant }))
}

/// Counts are never negative: `SQLite` has no other integers.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

pub(super) fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        facts: Facts {
            videos: count(row, 2)?,
            files: count(row, 3)?,
            bytes: row.get::<_, i64>(4)?.cast_unsigned(),
            changed: time(row.get(5)?),
            digest: row.get(6)?,
            state: row.get(7)?,
            odd: count(row, 8)?,
        },
        stamp: Stamp { folders: row.get(9)?, below: row.get_ref(10)?.as_blob()?.into() },
    })
}

pub(super) fn put(insert: &mut CachedStatement<'_>, at: Where<'_>, key: &Key, found: &Found) -> rusqlite::Result<()> {
    let facts = &found.facts;
    insert.execute(params![
        at.store,
        at.side,
        day(key.date),
        key.participant,
        facts.videos,
        facts.files,
        facts.bytes.cast_signed(),
        facts.changed.map(nanoseconds),
        facts.digest,
        facts.state,
        facts.odd,
        found.stamp.folders,
        &*found.stamp.below,
    ])?;
    Ok(())
}

/// `None`: its level is of a newer version.
pub(super) fn verified(row: &Row<'_>) -> rusqlite::Result<Option<Verified>> {
    let word: String = row.get(3)?;
    let level = [Level::Count, Level::Sizes, Level::Content].into_iter().find(|level| level.word() == word);
    let (Some(level), Some(at)) = (level, time(row.get(4)?)) else { return Ok(None) };
    Ok(Some(Verified {
        level,
        at,
        ok: row.get(5)?,
        read: row.get(6)?,
        from_storage: row.get(7)?,
        problems: count(row, 8)?,
        source: row.get(9)?,
        copy: row.get(10)?,
    }))
}

pub(super) fn put_verified(
    transaction: &Transaction<'_>,
    at: Where<'_>,
    key: &Key,
    verified: &Verified,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO session_verified (store, side, day, participant, level, at, ok, read, from_storage,
             problems, source, copy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            at.store,
            at.side,
            day(key.date),
            key.participant,
            verified.level.word(),
            nanoseconds(verified.at),
            verified.ok,
            verified.read,
            verified.from_storage,
            verified.problems,
            verified.source,
            verified.copy,
        ])?;
    Ok(())
}
