//! Rows as they are read.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, ToSql};

use super::words::Fault;
use crate::feed::source::Ask;
use crate::feed::source::table::Table;
use crate::feed::value::{Place, Row, Value};

/// A batch holds so many bytes of values, about; the rest of the rows waits for the next one.
const BYTES: usize = 16 << 20;

/// Reads rows until there are no more, or they fill a batch.
pub(super) fn some(
    file: &Connection,
    text: &str,
    params: impl Params,
    table: &Table,
    ask: &Ask,
) -> Result<Vec<Row>, Fault> {
    let mut bytes = 0;
    read(file, text, params, table, ask, |row| {
        bytes += weight(row);
        bytes < BYTES
    })
}

pub(super) fn all(
    file: &Connection,
    text: &str,
    params: impl Params,
    table: &Table,
    ask: &Ask,
) -> Result<Vec<Row>, Fault> {
    read(file, text, params, table, ask, |_row| true)
}

fn read(
    file: &Connection,
    text: &str,
    params: impl Params,
    table: &Table,
    ask: &Ask,
    mut more: impl FnMut(&Row) -> bool,
) -> Result<Vec<Row>, Fault> {
    let mut statement = file.prepare_cached(text)?;
    let mut found = statement.query(params)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let row = whole(table, ask, row)?;
        let more = more(&row);
        rows.push(row);
        if !more {
            break;
        }
    }
    Ok(rows)
}

fn weight(row: &Row) -> usize {
    let bytes = |value: &Value| match value {
        Value::Text(bytes) | Value::Blob(bytes) => bytes.len(),
        _ => 8,
    };
    row.values.iter().map(bytes).sum()
}

pub(super) fn place(table: &Table, row: &rusqlite::Row<'_>) -> Result<Place, Fault> {
    Ok(table.place(value(row.get_ref(0)?))?)
}

pub(super) fn whole(table: &Table, ask: &Ask, row: &rusqlite::Row<'_>) -> Result<Row, Fault> {
    let at = place(table, row)?;
    let mut values = Vec::with_capacity(ask.columns.len());
    for column in 1..=ask.columns.len() {
        values.push(value(row.get_ref(column)?));
    }
    Ok(Row { at, values: values.into() })
}

/// The one row of a statement, where there is one.
pub(super) fn one<T>(
    file: &Connection,
    text: &str,
    params: impl Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = file.prepare_cached(text)?;
    statement.query_row(params, |row| Ok(read(row))).optional()?.transpose()
}

/// A place as a parameter.
pub(super) struct At<'a>(pub(super) &'a Place);

impl ToSql for At<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Place::Number(number) => ValueRef::Integer(*number),
            Place::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A value as it was read.
pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(text.to_vec()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}
