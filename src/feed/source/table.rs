//! What is known of a table: its columns, its cursor, and what its indexes make cheap. Pure.

use std::sync::Arc;

use super::{Column, Shape, SourceError, sql};
use crate::feed::value::{Place, Value};

/// Its name, and the cursor that is declared for it.
pub(super) type Key = (String, Option<String>);

/// What SQLite says of a table.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Its name.
    pub(super) name: String,
    /// `table` or `view`; `None`: there is none.
    pub(super) kind: Option<String>,
    /// Where there is none: some that there are.
    pub(super) others: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// Names of the columns of the primary key.
    pub(super) primary: Vec<String>,
    /// The columns of each index over the whole table, and whether it is unique.
    pub(super) indexes: Vec<(Vec<String>, bool)>,
    /// By which of its three names its rowid goes.
    pub(super) rowid: Option<&'static str>,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) shape: Arc<Shape>,
    /// Its name as SQL has it.
    pub(super) name: String,
    /// Its cursor as SQL has it.
    pub(super) cursor: String,
    /// The same as a person knows it.
    cursor_word: String,
    /// The table as a person knows it.
    word: String,
    /// What orders rows of one place; empty: there are no two, or nothing does.
    pub(super) then: String,
    /// Whether places are rowids: two differ by at least the number of rows between them.
    pub(super) numbered: bool,
    /// Whether a row may have no place.
    pub(super) loose: bool,
    indexes: Vec<(Vec<String>, bool)>,
}

impl Table {
    /// The table, seen along a cursor. `file` is for words.
    pub(super) fn new(facts: Facts, cursor: Option<&str>, file: &str) -> Result<Self, SourceError> {
        let Facts { name, kind, others, columns, primary, indexes, rowid } = facts;
        let refuse = |what: String| Err(SourceError::Refused(what));
        let Some(kind) = kind else {
            let has =
                if others.is_empty() { "holds no table at all".into() } else { format!("has {}", others.join(", ")) };
            return refuse(format!("{file} has no table `{name}`; it {has}"));
        };
        let mut table = Self {
            shape: Arc::new(Shape { columns, unique: true }),
            name: sql::name(&name),
            cursor: String::new(),
            cursor_word: cursor.or(rowid).unwrap_or_default().to_owned(),
            word: name,
            then: String::new(),
            numbered: true,
            loose: false,
            indexes,
        };
        let Some(wanted) = cursor else {
            let Some(rowid) = rowid else {
                let what = if kind == "view" { "a view" } else { "a table without rowid" };
                return refuse(format!(
                    "{} is {what}: say in the fleet file which of its columns only grows, `cursor = \"…\"`",
                    table.word
                ));
            };
            rowid.clone_into(&mut table.cursor);
            return Ok(table);
        };
        let Some(column) = table.shape.columns.iter().find(|column| column.name.eq_ignore_ascii_case(wanted)).cloned()
        else {
            let names: Vec<&str> = table.shape.columns.iter().map(|column| column.name.as_str()).collect();
            let names = names.join(", ");
            return refuse(format!("{} has no column `{wanted}` for a cursor; it has {names}", table.word));
        };
        table.cursor = sql::name(&column.name);
        // A single primary key of exactly this type is the rowid itself.
        let integer = column.declared.eq_ignore_ascii_case("integer");
        if rowid.is_some() && integer && matches!(primary.as_slice(), [only] if only.eq_ignore_ascii_case(wanted)) {
            return Ok(table);
        }
        let unique = table
            .indexes
            .iter()
            .any(|(of, unique)| *unique && matches!(of.as_slice(), [only] if only.eq_ignore_ascii_case(wanted)));
        // Compared byte by byte, as places are, whatever the column's own collation is.
        table.cursor.push_str(" COLLATE BINARY");
        table.shape = Arc::new(Shape { columns: table.shape.columns.clone(), unique });
        table.then = rowid.filter(|_rowid| !unique).map_or_else(String::new, |rowid| format!(", {rowid}"));
        (table.numbered, table.loose) = (false, !column.not_null);
        Ok(table)
    }

    /// Whether an index begins with these columns.
    pub(super) fn indexed(&self, columns: &[&str]) -> bool {
        self.indexes.iter().any(|(index, _unique)| {
            let same = |(has, wanted): (&String, &&str)| has.eq_ignore_ascii_case(wanted);
            index.len() >= columns.len() && index.iter().zip(columns).all(same)
        })
    }

    /// What orders rows by their places.
    pub(super) fn order(&self) -> String {
        format!("{}{}", self.cursor, self.then)
    }

    /// What is read of each row: its place and the columns that are wanted.
    pub(super) fn wanted(&self, columns: &[String]) -> Vec<String> {
        std::iter::once(self.cursor.clone()).chain(columns.iter().map(|column| sql::name(column))).collect()
    }

    /// The place that the first column of a row has.
    pub(super) fn place(&self, value: Value) -> Result<Place, SourceError> {
        let what = match value {
            Value::Int(number) => return Ok(Place::Number(number)),
            Value::Text(text) => match String::from_utf8(text) {
                Ok(text) => return Ok(Place::Text(text)),
                Err(_other) => "a text that is not UTF-8".to_owned(),
            },
            Value::Null => "NULL".to_owned(),
            Value::Real(number) => format!("the number {number}"),
            Value::Blob(_) => "bytes".to_owned(),
        };
        Err(SourceError::Refused(format!(
            "{}: the cursor `{}` is {what} in a row; it must be a whole number or a text that grows with each insertion",
            self.word, self.cursor_word
        )))
    }

    /// How many rows there are at most after a place, in a table whose places are rowids.
    pub(super) fn at_most(&self, from: Option<&Place>, span: &(Place, Place)) -> Option<u64> {
        let (Place::Number(first), Place::Number(last)) = span else { return None };
        let from = match from {
            Some(Place::Number(from)) => (*from).max(first.saturating_sub(1)),
            _ => first.saturating_sub(1),
        };
        self.numbered.then(|| if from >= *last { 0 } else { last.abs_diff(from) })
    }
}
