//! Rows of `state.db` about sessions, as another version or anybody may have left them.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows;
use crate::foreign::assert_plain;
use crate::session::key::Key;

/// Each line a row, its cells between tabs: whole numbers, `x` and hexadecimal digits for bytes, nothing for NULL, or text.
pub(crate) fn foreign(text: &str) {
    let Ok(connection) = Connection::open_in_memory() else { return };
    let Ok(mut statement) = connection.prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11") else { return };
    for line in text.lines().take(64) {
        let cells = line.split('\t').chain(std::iter::repeat("")).take(11).map(cell);
        let Ok(mut rows) = statement.query(params_from_iter(cells)) else { continue };
        let Ok(Some(row)) = rows.next() else { continue };
        if let Ok(Some(key)) = rows::key(row) {
            assert_eq!(Key::new(&key.participant, &key.day()).ok().as_ref(), Some(&key));
            assert_eq!(row.get(0), Ok(rows::day(key.date)));
            assert_plain(&key.day());
        }
        if let Ok(found) = rows::found(row)
            && let Some(changed) = found.facts.changed
        {
            assert_eq!(row.get(5), Ok(Some(rows::nanoseconds(changed))));
        }
        let _either = rows::verified(row);
    }
}

fn cell(text: &str) -> Value {
    match text.strip_prefix('x') {
        _ if text.is_empty() => Value::Null,
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Value::Blob(hex.as_bytes().chunks(2).map(|_| 7).collect())
        }
        _ => text.parse().map_or_else(|_no_number| Value::Text(text.to_owned()), Value::Integer),
    }
}
