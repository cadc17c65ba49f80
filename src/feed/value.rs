//! Values and rows as SQLite has them: each value has a type of its own, whatever its column was declared to be.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// Text; as a rule UTF-8, which SQLite does not see to.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The text, where it is one and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

/// As SQLite takes it, whatever bytes a text has.
impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// Where a row stands in the order in which rows were inserted: the value of its cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// A rowid, or a column of whole numbers. SQLite orders numbers before text.
    Number(i64),
    /// A column of text, compared byte by byte.
    Text(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// One row of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where it stands.
    pub at: Place,
    /// One value for each column that was asked for, in that order.
    pub values: Box<[Value]>,
}
