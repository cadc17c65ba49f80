//! Rows that wait and the newest time of each group: per camera.
//!
//! A table of millions is not read each second for it: rows that wait are grouped, the newest of each group are read from an
//! index or from the last rows once in a while, and between that they grow with the rows that wait.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};

use super::look::COUNTED;
use super::rows::At;
use super::table::{Table, value};
use super::words::Fault;
use crate::clock::Tick;
use crate::feed::source::{Group, sql};
use crate::feed::value::{Place, Value};

/// Fewer rows than this are grouped at each look.
const FEW: u64 = 2_000;
/// More rows are grouped so often.
const MANY_EVERY: Duration = Duration::from_secs(2);
/// How often the newest of each group are read anew.
const AGAIN: Duration = Duration::from_secs(10);
/// From so many of the last rows, where no index has them.
const LAST: u32 = 20_000;
/// So many groups are told apart.
const MOST: usize = 1_000;

/// What is wanted.
pub(super) struct Wanted<'a> {
    pub(super) group: &'a str,
    pub(super) time: Option<&'a str>,
    /// The mark, and how a row that waits compares with it.
    pub(super) after: Option<(&'a Place, &'static str)>,
    /// Rows that wait.
    pub(super) waiting: u64,
}

/// What is known of the groups of one table.
#[derive(Default)]
pub(super) struct Newest {
    groups: BTreeMap<String, Group>,
    /// When many rows that wait were last grouped.
    grouped: Option<Tick>,
    /// When the newest were last read anew.
    read: Option<Tick>,
}

impl Newest {
    pub(super) fn look(
        &mut self,
        file: &Connection,
        table: &Table,
        wanted: &Wanted<'_>,
        now: Tick,
    ) -> Result<BTreeMap<String, Group>, Fault> {
        if self.read.is_none_or(|read| now.since(read) >= AGAIN) {
            self.read = Some(now);
            let found = newest(file, table, wanted)?;
            self.take(found);
        }
        let few = wanted.waiting <= FEW;
        if few || self.grouped.is_none_or(|grouped| now.since(grouped) >= MANY_EVERY) {
            self.grouped = (!few).then_some(now);
            self.groups.values_mut().for_each(|group| group.waiting = 0);
            if wanted.waiting > 0 {
                let found = waiting(file, table, wanted)?;
                self.take(found);
            }
        }
        Ok(self.groups.clone())
    }

    /// Adds what was found: only newer times count, and rows that wait are those found last.
    fn take(&mut self, found: Vec<(String, u64, Option<Value>)>) {
        for (name, waiting, newest) in found {
            if self.groups.len() >= MOST && !self.groups.contains_key(&name) {
                continue;
            }
            let group = self.groups.entry(name).or_default();
            group.waiting += waiting;
            if newer(newest.as_ref(), group.newest.as_ref()) {
                group.newest = newest;
            }
        }
    }
}

/// Times of one table are written in one way: they compare as they are written.
fn newer(found: Option<&Value>, known: Option<&Value>) -> bool {
    match (found, known) {
        (None | Some(Value::Null), _) => false,
        (Some(Value::Text(found)), Some(Value::Text(known))) => found > known,
        (Some(Value::Int(found)), Some(Value::Int(known))) => found > known,
        (Some(Value::Real(found)), Some(Value::Real(known))) => found > known,
        _ => true,
    }
}

fn waiting(file: &Connection, table: &Table, wanted: &Wanted<'_>) -> Result<Vec<(String, u64, Option<Value>)>, Fault> {
    let (name, cursor, group) = (&table.name, &table.cursor, sql::name(wanted.group));
    let time = wanted.time.map_or_else(|| "NULL".to_owned(), sql::name);
    let behind = wanted.after.map(|(_, past)| format!(" WHERE {cursor} {past} ?1")).unwrap_or_default();
    let rows = format!("SELECT {group} AS g, {time} AS t FROM {name}{behind} ORDER BY {cursor} LIMIT {COUNTED}");
    let text = format!("SELECT g, count(*), max(t) FROM ({rows}) GROUP BY g LIMIT {MOST}");
    match wanted.after {
        Some((after, _)) => grouped(file, &text, [At(after)]),
        None => grouped(file, &text, []),
    }
}

fn newest(file: &Connection, table: &Table, wanted: &Wanted<'_>) -> Result<Vec<(String, u64, Option<Value>)>, Fault> {
    let (name, cursor, group) = (&table.name, &table.cursor, sql::name(wanted.group));
    let Some(time) = wanted.time else { return Ok(Vec::new()) };
    let column = sql::name(time);
    let text = if table.indexed(&[wanted.group, time]) {
        // From group to group through the index (SQLite, "Skip-Scan"): a few steps for each, however many rows there are.
        format!(
            "WITH RECURSIVE each(g) AS (SELECT min({group}) FROM {name} UNION ALL \
             SELECT (SELECT min({group}) FROM {name} WHERE {group} > each.g) FROM each WHERE each.g IS NOT NULL LIMIT {MOST}) \
             SELECT g, 0, (SELECT max({column}) FROM {name} WHERE {group} = g) FROM each WHERE g IS NOT NULL"
        )
    } else {
        let rows = format!("SELECT {group} AS g, {column} AS t FROM {name} ORDER BY {cursor} DESC LIMIT {LAST}");
        format!("SELECT g, 0, max(t) FROM ({rows}) GROUP BY g LIMIT {MOST}")
    };
    grouped(file, &text, [])
}

fn grouped(file: &Connection, text: &str, params: impl Params) -> Result<Vec<(String, u64, Option<Value>)>, Fault> {
    let mut statement = file.prepare_cached(text)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let newest = Some(value(row.get_ref(2)?)).filter(|value| *value != Value::Null);
        found.push((group_name(row.get_ref(0)?), row.get::<_, i64>(1)?.unsigned_abs(), newest));
    }
    Ok(found)
}

/// A group by its value, as a person reads it.
fn group_name(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
