//! What is known of a table: its columns, its cursor, and what its indexes make cheap.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::words::Fault;
use crate::feed::source::{Column, Shape, SourceError, sql};
use crate::feed::value::{Place, Value};

/// Its name, and the cursor that is declared for it.
pub(super) type Key = (String, Option<String>);

/// A table.
pub(super) struct Table {
    pub(super) shape: Arc<Shape>,
    /// Its name as SQL has it.
    pub(super) name: String,
    /// Its cursor as SQL has it.
    pub(super) cursor: String,
    /// The same as a person knows it.
    pub(super) cursor_word: String,
    /// What rows of one place are ordered by; empty: no two are at one place, or nothing orders them.
    pub(super) then: String,
    /// Whether places are rowids: the difference of two is at least the number of rows between them.
    pub(super) numbered: bool,
    /// Whether a row may have no place.
    pub(super) loose: bool,
    /// The columns of each index over the whole table, as they were named.
    indexes: Vec<Vec<String>>,
}

impl Table {
    /// Whether an index begins with these columns.
    pub(super) fn indexed(&self, columns: &[&str]) -> bool {
        self.indexes.iter().any(|index| {
            index.len() >= columns.len()
                && index.iter().zip(columns).all(|(has, wanted)| has.eq_ignore_ascii_case(wanted))
        })
    }

    /// What orders rows by their places.
    pub(super) fn order(&self) -> String {
        format!("{}{}", self.cursor, self.then)
    }

    /// The place that the first column of a row has.
    pub(super) fn place(&self, value: ValueRef<'_>) -> Result<Place, SourceError> {
        let what = match value {
            ValueRef::Integer(number) => return Ok(Place::Number(number)),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => return Ok(Place::Text(text.to_owned())),
                Err(_other) => "a text that is not UTF-8".to_owned(),
            },
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Real(number) => format!("the number {number}"),
            ValueRef::Blob(_) => "bytes".to_owned(),
        };
        Err(SourceError::Refused(format!(
            "{}: the cursor `{}` is {what} in a row; it must be a whole number or a text that grows with each insertion",
            self.name.trim_matches('`'),
            self.cursor_word
        )))
    }
}

pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(text.to_vec()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Reads what there is to know.
pub(super) fn read(file: &Connection, name: &str, cursor: Option<&str>) -> Result<Table, Fault> {
    let kind: Option<String> = file
        .prepare_cached("SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let Some(kind) = kind else { return Err(unknown(file, name)?.into()) };
    let (columns, primary) = columns(file, name)?;
    let (indexes, unique) = indexes(file, name)?;
    let rowid = if kind == "table" { rowid(file, name, &columns) } else { None };
    let refuse = |what: String| Fault::from(SourceError::Refused(what));
    let shape = |unique| Arc::new(Shape { columns: columns.clone(), unique });
    let table = |shape, cursor, word: &str, then, numbered, loose| Table {
        shape,
        name: sql::name(name),
        cursor,
        cursor_word: word.to_owned(),
        then,
        numbered,
        loose,
        indexes,
    };
    let Some(wanted) = cursor else {
        let Some(rowid) = rowid else {
            let what = if kind == "view" { "a view" } else { "a table without rowid" };
            return Err(refuse(format!(
                "{name} is {what}: say in the fleet file which of its columns only grows, `cursor = \"…\"`"
            )));
        };
        return Ok(table(shape(true), rowid.to_owned(), rowid, String::new(), true, false));
    };
    let Some(column) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(wanted)) else {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        return Err(refuse(format!("{name} has no column `{wanted}` for a cursor; it has {}", names.join(", "))));
    };
    // A single primary key of exactly this type is the rowid itself.
    let alias = rowid.is_some()
        && column.declared.eq_ignore_ascii_case("integer")
        && primary.len() == 1
        && primary.iter().any(|key| key.eq_ignore_ascii_case(wanted));
    if alias {
        return Ok(table(shape(true), sql::name(&column.name), wanted, String::new(), true, false));
    }
    let unique = unique.iter().any(|only| only.eq_ignore_ascii_case(wanted));
    // Compared byte by byte, as places are, whatever the column's own collation is.
    let cursor = format!("{} COLLATE BINARY", sql::name(&column.name));
    let then = if unique { String::new() } else { rowid.map_or_else(String::new, |rowid| format!(", {rowid}")) };
    Ok(table(shape(unique), cursor, wanted, then, false, !column.not_null))
}

/// The columns, and the names of those of the primary key.
fn columns(file: &Connection, name: &str) -> Result<(Vec<Column>, Vec<String>), Fault> {
    let mut statement =
        file.prepare_cached("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)")?;
    let mut rows = statement.query([name])?;
    let (mut columns, mut primary) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (name, declared): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        if row.get::<_, i64>(3)? > 0 {
            primary.push(name.clone());
        }
        // 1 is a hidden column of a virtual table; 2 and 3 are generated ones, which can be read like others.
        if row.get::<_, i64>(4)? != 1 {
            columns.push(Column { name, declared: declared.unwrap_or_default(), not_null: row.get::<_, i64>(2)? != 0 });
        }
    }
    Ok((columns, primary))
}

/// The columns of each index over the whole table, and the columns that are unique by themselves.
fn indexes(file: &Connection, name: &str) -> Result<(Vec<Vec<String>>, Vec<String>), Fault> {
    let mut statement = file.prepare_cached("SELECT name, \"unique\" FROM pragma_index_list(?1) WHERE partial = 0")?;
    let mut rows = statement.query([name])?;
    let (mut indexes, mut unique) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let index: String = row.get(0)?;
        let mut parts = file.prepare_cached("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let parts = parts.query_map([index], |row| row.get::<_, Option<String>>(0))?;
        // An index over an expression has no name there.
        let parts: Vec<String> = parts.map(|part| part.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?;
        if let ([only], true) = (parts.as_slice(), row.get::<_, i64>(1)? != 0) {
            unique.push(only.clone());
        }
        indexes.push(parts);
    }
    Ok((indexes, unique))
}

/// By which name the table's rowid goes, where it has one.
fn rowid(file: &Connection, name: &str, columns: &[Column]) -> Option<&'static str> {
    let rowid = sql::rowid(&columns.iter().map(|column| column.name.as_str()))?;
    file.prepare(&format!("SELECT {rowid} FROM {}", sql::name(name))).is_ok().then_some(rowid)
}

fn unknown(file: &Connection, name: &str) -> Result<SourceError, Fault> {
    let mut statement = file.prepare(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' LIMIT 20",
    )?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let has = if names.is_empty() { "it holds no table at all".into() } else { format!("it has {}", names.join(", ")) };
    let file = file.path().unwrap_or_default();
    Ok(SourceError::Refused(format!("{file} has no table `{name}`; {has}")))
}
