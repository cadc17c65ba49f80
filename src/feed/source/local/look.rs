//! What stands in one table.

use std::collections::BTreeMap;

use rusqlite::{Connection, Params, ToSql};

use super::rows::{At, all, one, place, some, value, whole};
use super::words::Fault;
use crate::clock::{Clock, Tick, Timestamp};
use crate::feed::source::groups::{self, COUNTED, Found, Newest};
use crate::feed::source::table::Table;
use crate::feed::source::{Ask, Group, Look, SourceError, Times, sql};
use crate::feed::value::{Place, Row, Value};

/// Among so many of the last rows the newest time is looked for where no index has it: late rows stand among them.
const LAST: u32 = 64;

/// Looks at a table, within a transaction.
pub(super) fn at(
    file: &Connection,
    table: &Table,
    ask: &Ask,
    newest: &mut Newest,
    clock: &Clock,
    at: Timestamp,
) -> Result<Look, Fault> {
    let (name, cursor) = (&table.name, &table.cursor);
    if table.loose {
        placed(file, table)?;
    }
    let span =
        one(file, &format!("SELECT {cursor} FROM {name} ORDER BY {cursor} LIMIT 1"), [], |row| place(table, row))?;
    let last = format!("SELECT {cursor} FROM {name} ORDER BY {cursor} DESC LIMIT 1");
    let span = span.zip(one(file, &last, [], |row| place(table, row))?);
    let tail = tail(file, table, ask)?;
    let rows = rows(file, table, ask)?;
    let waiting = waiting(file, table, ask, &rows, span.as_ref())?;
    let times = match (&ask.time, &span) {
        (Some(time), Some(_)) => Some(times(file, table, ask, time)?),
        _ => None,
    };
    let groups = groups(file, table, ask, newest, waiting.0, clock.tick())?;
    let changed = match &ask.changes {
        Some((column, since)) => changed(file, table, ask, column, since.as_ref())?,
        None => Vec::new(),
    };
    Ok(Look { tail, span, waiting: waiting.0, counted: waiting.1, rows, changed, times, groups, at })
}

/// How many rows with these values stand before a place.
pub(super) fn before(file: &Connection, table: &Table, key: &[(String, Value)], before: &Place) -> Result<u64, Fault> {
    let same: Vec<String> = key.iter().map(|(column, _)| format!("{} IS ? AND ", sql::name(column))).collect();
    let text = format!("SELECT count(*) FROM {} WHERE {}{} < ?", table.name, same.concat(), table.cursor);
    let before = At(before);
    let params = key.iter().map(|(_, value)| value as &dyn ToSql).chain([&before as &dyn ToSql]);
    let count: i64 = file.prepare_cached(&text)?.query_row(rusqlite::params_from_iter(params), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Every row must have a place: one without would never be carried, and nobody would know.
fn placed(file: &Connection, table: &Table) -> Result<(), Fault> {
    let (name, cursor) = (&table.name, &table.cursor);
    match one(file, &format!("SELECT {cursor} FROM {name} WHERE {cursor} IS NULL LIMIT 1"), [], |_row| Ok(()))? {
        Some(()) => Err(table.place(Value::Null).err().unwrap_or_else(|| SourceError::Refused(name.clone())).into()),
        None => Ok(()),
    }
}

/// How a row that waits compares with the mark.
pub(super) const fn past(again: bool) -> &'static str {
    if again { ">=" } else { ">" }
}

fn wanted(table: &Table, ask: &Ask) -> String {
    table.wanted(&ask.columns).join(", ")
}

fn tail(file: &Connection, table: &Table, ask: &Ask) -> Result<Option<Row>, Fault> {
    let Some(after) = &ask.after else { return Ok(None) };
    let (name, cursor) = (&table.name, &table.cursor);
    let order = if table.then.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {} DESC", table.then.trim_start_matches(", "))
    };
    let text = format!("SELECT {} FROM {name} WHERE {cursor} = ?1{order} LIMIT 1", wanted(table, ask));
    one(file, &text, [At(after)], |row| whole(table, ask, row))
}

/// The rows after the mark.
fn rows(file: &Connection, table: &Table, ask: &Ask) -> Result<Vec<Row>, Fault> {
    if ask.limit == 0 {
        return Ok(Vec::new());
    }
    let (name, cursor, order) = (&table.name, &table.cursor, table.order());
    let columns = wanted(table, ask);
    let limit = i64::from(ask.limit);
    let mut rows = match &ask.after {
        None => {
            let text = format!("SELECT {columns} FROM {name} ORDER BY {order} LIMIT ?1");
            some(file, &text, [limit], table, ask)?
        }
        Some(after) => {
            let text =
                format!("SELECT {columns} FROM {name} WHERE {cursor} {} ?1 ORDER BY {order} LIMIT ?2", past(ask.again));
            some(file, &text, rusqlite::params![At(after), limit], table, ask)?
        }
    };
    if table.shape.unique {
        return Ok(rows);
    }
    // Those of one place belong together: after it, the mark would step over the others.
    if let Some(last) = rows.last().map(|row| row.at.clone()) {
        let kept = rows.iter().take_while(|row| row.at != last).count();
        rows.truncate(kept);
        let text = format!("SELECT {columns} FROM {name} WHERE {cursor} = ?1 ORDER BY {order}");
        rows.append(&mut all(file, &text, [At(&last)], table, ask)?);
    }
    Ok(rows)
}

/// How many rows wait, and whether they were counted.
fn waiting(
    file: &Connection,
    table: &Table,
    ask: &Ask,
    rows: &[Row],
    span: Option<&(Place, Place)>,
) -> Result<(u64, bool), Fault> {
    let Some(span) = span else { return Ok((0, true)) };
    let known = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let (from, past) = match rows.last() {
        Some(row) => (Some(&row.at), past(false)),
        None => (ask.after.as_ref(), past(ask.again)),
    };
    if from.is_some_and(|from| *from > span.1 || (*from == span.1 && past == ">")) {
        return Ok((known, true));
    }
    let most = table.at_most(from, span);
    if let Some(most) = most.filter(|most| *most > COUNTED) {
        return Ok((known.saturating_add(most), false));
    }
    let (name, cursor) = (&table.name, &table.cursor);
    let count: i64 = if let Some(from) = from {
        let text = format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {cursor} {past} ?1)");
        file.prepare_cached(&text)?.query_row([At(from)], |row| row.get(0))?
    } else {
        file.prepare_cached(&format!("SELECT count(*) FROM {name}"))?.query_row([], |row| row.get(0))?
    };
    Ok((known.saturating_add(count.unsigned_abs()), true))
}

fn groups(
    file: &Connection,
    table: &Table,
    ask: &Ask,
    newest: &mut Newest,
    waiting: u64,
    now: Tick,
) -> Result<BTreeMap<String, Group>, Fault> {
    let Some((group, time)) = &ask.group else { return Ok(BTreeMap::new()) };
    if let Some(time) = time.as_deref().filter(|_time| newest.wants_newest(now)) {
        newest.take_newest(grouped(file, &groups::newest(table, group, time), [])?, now);
    }
    if newest.wants_waiting(waiting, now) {
        let text = |behind: &str| groups::waiting(table, group, time.as_deref(), behind);
        let found = match &ask.after {
            _ if waiting == 0 => Vec::new(),
            None => grouped(file, &text(""), [])?,
            Some(after) => {
                let behind = format!(" WHERE {} {} ?1", table.cursor, past(ask.again));
                grouped(file, &text(&behind), [At(after)])?
            }
        };
        newest.take_waiting(found, waiting, now);
    }
    Ok(newest.known())
}

fn grouped(file: &Connection, text: &str, params: impl Params) -> Result<Vec<Found>, Fault> {
    let mut statement = file.prepare_cached(text)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((value(row.get_ref(0)?), row.get::<_, i64>(1)?.unsigned_abs(), value(row.get_ref(2)?)));
    }
    Ok(found)
}

fn times(file: &Connection, table: &Table, ask: &Ask, time: &str) -> Result<Times, Fault> {
    let (name, cursor, order) = (&table.name, &table.cursor, table.order());
    let column = sql::name(time);
    let single = |text: &str| one(file, text, [], |row| Ok(value(row.get_ref(0)?)));
    let (first, last) = if table.indexed(&[time]) {
        (format!("SELECT min({column}) FROM {name}"), format!("SELECT max({column}) FROM {name}"))
    } else {
        let late = format!("SELECT {column} AS t FROM {name} ORDER BY {cursor} DESC LIMIT {LAST}");
        (format!("SELECT {column} FROM {name} ORDER BY {order} LIMIT 1"), format!("SELECT max(t) FROM ({late})"))
    };
    let waiting = match &ask.after {
        None => single(&format!("SELECT {column} FROM {name} ORDER BY {order} LIMIT 1"))?,
        Some(after) => {
            let past = past(ask.again);
            let text = format!("SELECT {column} FROM {name} WHERE {cursor} {past} ?1 ORDER BY {order} LIMIT 1");
            one(file, &text, [At(after)], |row| Ok(value(row.get_ref(0)?)))?
        }
    };
    let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
    Ok(Times { first: or_null(single(&first)?), last: or_null(single(&last)?), waiting })
}

/// Rows whose value in this column is as great or greater, and all those of the last value: they could not be told apart the
/// next time.
fn changed(
    file: &Connection,
    table: &Table,
    ask: &Ask,
    column: &str,
    since: Option<&Place>,
) -> Result<Vec<Row>, Fault> {
    if ask.limit == 0 {
        return Ok(Vec::new());
    }
    let (name, by, columns) = (&table.name, sql::name(column), wanted(table, ask));
    let last = i64::from(ask.limit) - 1;
    let bound = {
        let text = format!("SELECT {by} FROM {name} WHERE {by} >= ?1 ORDER BY {by} LIMIT 1 OFFSET ?2");
        let any = format!("SELECT {by} FROM {name} WHERE {by} IS NOT NULL ORDER BY {by} LIMIT 1 OFFSET ?1");
        match since {
            Some(since) => one(file, &text, rusqlite::params![At(since), last], |row| Ok(value(row.get_ref(0)?)))?,
            None => one(file, &any, [last], |row| Ok(value(row.get_ref(0)?)))?,
        }
    };
    let since = since.map(At);
    let from = since.as_ref().map(|_since| format!(" AND {by} >= ?")).unwrap_or_default();
    let to = bound.as_ref().map(|_bound| format!(" AND {by} <= ?")).unwrap_or_default();
    let params = since.iter().map(|since| since as &dyn ToSql).chain(bound.iter().map(|bound| bound as &dyn ToSql));
    let text =
        format!("SELECT {columns} FROM {name} WHERE {by} IS NOT NULL{from}{to} ORDER BY {by}, {}", table.order());
    all(file, &text, rusqlite::params_from_iter(params), table, ask)
}
