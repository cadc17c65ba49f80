//! Rows that wait and the newest time of each group: per camera.
//!
//! A table of millions is not read each second for it: rows that wait are grouped, the newest of each group are read from an
//! index or from the last rows once in a while, and between that they grow with the rows that wait.

use std::collections::BTreeMap;
use std::time::Duration;

use super::table::Table;
use super::{Group, sql};
use crate::clock::Tick;
use crate::feed::value::Value;

/// So many rows that wait are counted; of more it is only known how many there are at most.
pub(super) const COUNTED: u64 = 100_000;
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

/// One group as it was found: its value, rows that wait, its newest time.
pub(super) type Found = (Value, u64, Value);

/// What is known of the groups of one table.
#[derive(Debug, Default)]
pub(super) struct Newest {
    groups: BTreeMap<String, Group>,
    /// When many rows that wait were last grouped.
    grouped: Option<Tick>,
    /// When the newest were last read anew.
    read: Option<Tick>,
    /// How many rows waited then.
    waited: u64,
}

impl Newest {
    /// Whether the newest of each group are to be read anew.
    pub(super) fn wants_newest(&self, now: Tick) -> bool {
        self.read.is_none_or(|read| now.since(read) >= AGAIN)
    }

    /// Whether rows that wait are to be grouped, where there are about so many.
    pub(super) fn wants_waiting(&self, waiting: u64, now: Tick) -> bool {
        waiting <= FEW || self.grouped.is_none_or(|grouped| now.since(grouped) >= MANY_EVERY)
    }

    /// How many rows waited when that was last known.
    pub(super) fn waited(&self) -> u64 {
        self.waited
    }

    /// The newest were read anew.
    pub(super) fn take_newest(&mut self, found: Vec<Found>, now: Tick) {
        self.read = Some(now);
        self.take(found);
    }

    /// So many rows wait, and were grouped.
    pub(super) fn take_waiting(&mut self, found: Vec<Found>, waiting: u64, now: Tick) {
        (self.grouped, self.waited) = ((waiting > FEW).then_some(now), waiting);
        self.groups.values_mut().for_each(|group| group.waiting = 0);
        self.take(found);
    }

    /// The groups as far as they are known.
    pub(super) fn known(&self) -> BTreeMap<String, Group> {
        self.groups.clone()
    }

    fn take(&mut self, found: Vec<Found>) {
        for (name, waiting, newest) in found {
            let name = word(name);
            if self.groups.len() >= MOST && !self.groups.contains_key(&name) {
                continue;
            }
            let group = self.groups.entry(name).or_default();
            group.waiting = group.waiting.saturating_add(waiting);
            if newer(&newest, group.newest.as_ref()) {
                group.newest = Some(newest);
            }
        }
    }
}

/// Times of one table are written in one way: they compare as they are written.
fn newer(found: &Value, known: Option<&Value>) -> bool {
    match (found, known) {
        (Value::Null, _) => false,
        (Value::Text(found), Some(Value::Text(known))) => found > known,
        (Value::Int(found), Some(Value::Int(known))) => found > known,
        (Value::Real(found), Some(Value::Real(known))) => found > known,
        _ => true,
    }
}

/// A group by its value, as a person reads it.
fn word(value: Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => String::from_utf8_lossy(&text).into_owned(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Asks for the rows that wait of each group, as `g`, `n` and `t`. `behind` is the condition that they wait.
pub(super) fn waiting(table: &Table, group: &str, time: Option<&str>, behind: &str) -> String {
    let (name, cursor, group) = (&table.name, &table.cursor, sql::name(group));
    let time = time.map_or_else(|| "NULL".to_owned(), sql::name);
    let rows = format!("SELECT {group} AS g, {time} AS t FROM {name}{behind} ORDER BY {cursor} LIMIT {COUNTED}");
    format!("SELECT g, count(*) AS n, max(t) AS t FROM ({rows}) GROUP BY g LIMIT {MOST}")
}

/// Asks for the newest time of each group, as `g`, `n` and `t`.
pub(super) fn newest(table: &Table, group: &str, time: &str) -> String {
    let (name, cursor, by, column) = (&table.name, &table.cursor, sql::name(group), sql::name(time));
    if table.indexed(&[group, time]) {
        // From group to group through the index: a few steps for each, however many rows there are.
        return format!(
            "WITH RECURSIVE each(g) AS (SELECT min({by}) FROM {name} UNION ALL \
             SELECT (SELECT min({by}) FROM {name} WHERE {by} > each.g) FROM each WHERE each.g IS NOT NULL LIMIT {MOST}) \
             SELECT g, 0 AS n, (SELECT max({column}) FROM {name} WHERE {by} = g) AS t FROM each WHERE g IS NOT NULL"
        );
    }
    let rows = format!("SELECT {by} AS g, {column} AS t FROM {name} ORDER BY {cursor} DESC LIMIT {LAST}");
    format!("SELECT g, 0 AS n, max(t) AS t FROM ({rows}) GROUP BY g LIMIT {MOST}")
}
