//! Rows and their mark, in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params, params_from_iter};

use super::error::{is_row, tell};
use super::table::{self, quoted};
use crate::feed::convert;
use crate::feed::mark::{Mark, Strand};
use crate::feed::sink::{Carry, SinkError, Write, join, parse, written};
use crate::feed::value::{Row, Value};

/// The marks of a feed.
pub(super) fn marks(file: &mut Connection, feed: &str) -> Result<Vec<(Strand, Mark)>, SinkError> {
    make(file)?;
    let read = || -> rusqlite::Result<Vec<(Strand, i64, String)>> {
        let mut asked =
            file.prepare("SELECT source, tbl, turn, mark FROM hotspare_marks WHERE feed = ? ORDER BY source, tbl")?;
        let rows = asked.query_map([feed], |row| {
            let strand = Strand { feed: feed.into(), source: row.get(0)?, table: row.get(1)? };
            Ok((strand, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let rows = read().map_err(|error| tell(&error))?;
    rows.into_iter()
        .map(|(strand, turn, text)| parse(&strand, turn.unsigned_abs(), &text).map(|mark| (strand, mark)))
        .collect()
}

/// Forgets the marks of a feed.
pub(super) fn reset(file: &mut Connection, feed: &str) -> Result<(), SinkError> {
    make(file)?;
    file.execute("DELETE FROM hotspare_marks WHERE feed = ?", [feed]).map(|_count| ()).map_err(|error| tell(&error))
}

fn make(file: &Connection) -> Result<(), SinkError> {
    if table::there(file, "hotspare_marks")? {
        return Ok(());
    }
    file.execute_batch(table::MARKS).map_err(|error| tell(&error))
}

/// Writes rows and mark, both or neither.
pub(super) fn write(file: &mut Connection, write: &Write) -> Result<(), SinkError> {
    make(file)?;
    let done = file.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| tell(&error))?;
    change(&done, write)?;
    insert(&done, &write.carry, &write.rows)?;
    // What is not committed here is undone when it is dropped.
    done.commit().map_err(|error| tell(&error))
}

fn change(file: &Connection, write: &Write) -> Result<(), SinkError> {
    let Strand { feed, source, table } = &write.strand;
    let mark = written(&write.mark)?;
    let turn = i64::try_from(write.mark.turn).unwrap_or(i64::MAX);
    let changed = match &write.was {
        None => file.execute(
            "INSERT INTO hotspare_marks VALUES (?, ?, ?, ?, ?, datetime('now')) ON CONFLICT DO NOTHING",
            params![feed, source, table, turn, mark],
        ),
        Some(was) => file.execute(
            "UPDATE hotspare_marks SET turn = ?, mark = ?, updated = datetime('now') \
             WHERE feed = ? AND source = ? AND tbl = ? AND turn = ?",
            params![turn, mark, feed, source, table, i64::try_from(was.turn).unwrap_or(i64::MAX)],
        ),
    };
    match changed.map_err(|error| tell(&error))? {
        1 => Ok(()),
        _ => Err(SinkError::Moved(format!(
            "the mark of `{table}` was changed by somebody else: another engine carries the feed"
        ))),
    }
}

/// Writes rows alone, in a transaction of their own.
pub(super) fn mend(file: &mut Connection, carry: &Carry, rows: &[Row]) -> Result<(), SinkError> {
    let done = file.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| tell(&error))?;
    insert(&done, carry, rows)?;
    done.commit().map_err(|error| tell(&error))
}

fn insert(file: &Connection, carry: &Carry, rows: &[Row]) -> Result<(), SinkError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut upsert = file.prepare_cached(&statement(carry)).map_err(|error| tell(&error))?;
    for (index, row) in rows.iter().enumerate() {
        let refused = |why: String| SinkError::Row {
            index,
            what: format!("the row {} is refused: {why}", convert::key(carry, &row.values)),
        };
        if carry.key.iter().any(|at| matches!(row.values.get(*at), Some(Value::Null) | None)) {
            return Err(refused("a part of its key is NULL: it cannot be told from others".into()));
        }
        upsert.execute(params_from_iter(row.values.iter())).map_err(|error| {
            if is_row(&error) {
                refused(format!("{error}; correct the row at the source, or the rule of the target"))
            } else {
                tell(&error)
            }
        })?;
    }
    Ok(())
}

fn statement(carry: &Carry) -> String {
    let names: Vec<String> = carry.target.iter().map(|column| quoted(&column.name)).collect();
    let key: Vec<String> = carry.key.iter().filter_map(|at| names.get(*at).cloned()).collect();
    let set: Vec<String> = names.iter().map(|name| format!("{name}=excluded.{name}")).collect();
    let marks = vec!["?"; names.len()].join(",");
    format!(
        "INSERT INTO {} ({}) VALUES ({marks}) ON CONFLICT ({}) DO UPDATE SET {}",
        quoted(join::into(&carry.table)),
        names.join(","),
        key.join(","),
        set.join(",")
    )
}

/// Whether the file has the row with this key.
pub(super) fn has(file: &mut Connection, carry: &Carry, row: &Row) -> Result<bool, SinkError> {
    let (mut wanted, mut values) = (Vec::new(), Vec::new());
    for at in &carry.key {
        if let (Some(column), Some(value)) = (carry.target.get(*at), row.values.get(*at)) {
            wanted.push(format!("{} = ?", quoted(&column.name)));
            values.push(value);
        }
    }
    let question = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", quoted(join::into(&carry.table)), wanted.join(" AND "));
    file.query_row(&question, params_from_iter(values), |_row| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(|error| tell(&error))
}
