//! Rows as the server takes them.

use mysql_async::Value as Sql;

use crate::feed::convert::{self, Cell};
use crate::feed::sink::{Carry, SinkError};
use crate::feed::value::{Row, Value};
use crate::feed::zone::Times;

/// Rows in the server's types. All values of a column have one type: in MariaDB's protocol for many rows the type is told
/// once for all of them, and the client library does not see to it that each value has it.
#[derive(Debug)]
pub(super) struct Batch {
    /// One row after the other.
    pub(super) rows: Vec<Vec<Sql>>,
}

/// Converts rows; names the first that cannot be.
pub(super) fn batch(carry: &Carry, rows: &[Row], times: &Times) -> Result<Batch, SinkError> {
    let mut batch = Batch { rows: Vec::with_capacity(rows.len()) };
    // Of each column the kind of its first value.
    let mut kinds = vec![None; carry.target.len()];
    let mut mixed = vec![false; carry.target.len()];
    for (index, row) in rows.iter().enumerate() {
        let cells = one(carry, row, times).map_err(|why| SinkError::Row {
            index,
            what: format!("the row {} cannot be carried: {why}", convert::key(carry, &row.values)),
        })?;
        for ((cell, kind), mixed) in cells.iter().zip(&mut kinds).zip(&mut mixed) {
            if *cell != Cell::Null {
                let is = std::mem::discriminant(cell);
                *mixed |= *kind.get_or_insert(is) != is;
            }
        }
        batch.rows.push(cells.into_iter().map(sql).collect());
    }
    for (column, _) in mixed.into_iter().enumerate().filter(|(_, mixed)| *mixed) {
        for value in batch.rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            text(value);
        }
    }
    Ok(batch)
}

/// The values of one row.
pub(super) fn one(carry: &Carry, row: &Row, times: &Times) -> Result<Vec<Cell>, String> {
    if let Some(at) = carry.key.iter().find(|at| matches!(row.values.get(**at), Some(Value::Null) | None)) {
        let name = carry.columns.get(*at).map(String::as_str).unwrap_or_default();
        return Err(format!("column `{name}` of the key is NULL: a row without a key cannot be told from others"));
    }
    if row.values.len() != carry.target.len() {
        return Err(format!("it has {} values and {} columns", row.values.len(), carry.target.len()));
    }
    row.values.iter().zip(&carry.target).map(|(value, column)| convert::cell(value, column, times)).collect()
}

/// A value as the client library has it.
pub(super) fn sql(cell: Cell) -> Sql {
    match cell {
        Cell::Null => Sql::NULL,
        Cell::Int(number) => Sql::Int(number),
        Cell::Real(number) => Sql::Double(number),
        Cell::Bytes(bytes) => Sql::Bytes(bytes),
        Cell::Time(time) => Sql::Date(
            time.year().unsigned_abs(),
            time.month().unsigned_abs(),
            time.day().unsigned_abs(),
            time.hour().unsigned_abs(),
            time.minute().unsigned_abs(),
            time.second().unsigned_abs(),
            time.subsec_nanosecond().unsigned_abs() / 1000,
        ),
    }
}

/// The same value as text.
fn text(value: &mut Sql) {
    let text = match value {
        Sql::Int(number) => number.to_string(),
        Sql::Double(number) => format!("{number:?}"),
        Sql::Date(..) => value.as_sql(false).trim_matches('\'').to_owned(),
        _ => return,
    };
    *value = Sql::Bytes(text.into_bytes());
}

/// Bytes of a row on the wire, at most.
pub(super) fn size(row: &[Sql]) -> usize {
    row.iter()
        .map(|value| match value {
            // Each byte escaped, in quotes: the longer of both ways to send it.
            Sql::Bytes(bytes) => 2 * bytes.len() + 12,
            _ => 32,
        })
        .sum()
}

/// Appends a row as literals: `(1,'door',NULL)`.
pub(super) fn literals(out: &mut String, row: &[Sql]) {
    for (at, value) in row.iter().enumerate() {
        out.push(if at == 0 { '(' } else { ',' });
        write_literal(out, value);
    }
    out.push(')');
}

/// A value as it stands in a statement.
pub(super) fn literal(value: &Sql) -> String {
    let mut out = String::new();
    write_literal(&mut out, value);
    out
}

fn write_literal(out: &mut String, value: &Sql) {
    use std::fmt::Write;
    let _infallible = match value {
        // With an exponent: as a decimal number a double would be cut.
        Sql::Double(number) => write!(out, "{number:e}"),
        Sql::Int(number) => write!(out, "{number}"),
        Sql::Date(year, month, day, hour, minute, second, micros) => {
            write!(out, "'{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}'")
        }
        Sql::Bytes(bytes) if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\')) => {
            out.push('\'');
            out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
            out.push('\'');
            Ok(())
        }
        other => {
            out.push_str(&other.as_sql(false));
            Ok(())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::sink::{Kind, TargetColumn};
    use crate::feed::value::Place;
    use crate::fleet::data::{FeedTable, Zone};

    fn carry() -> Carry {
        let column = |name: &str, kind| TargetColumn { name: name.into(), declared: "x".into(), kind };
        Carry {
            table: FeedTable {
                name: "t".into(),
                key: vec!["k".into()],
                cursor: None,
                columns: Vec::new(),
                into: None,
                changes: None,
                lag_by: None,
            },
            columns: vec!["k".into(), "v".into()],
            target: vec![column("k", Kind::Integer), column("v", Kind::Other)],
            key: vec![0],
            left_out: Vec::new(),
        }
    }

    fn rows(values: &[(Value, Value)]) -> Result<Batch, SinkError> {
        let row = |(k, v): &(Value, Value)| Row { at: Place::Number(1), values: [k.clone(), v.clone()].into() };
        let rows: Vec<Row> = values.iter().map(row).collect();
        batch(&carry(), &rows, &Times::new(&Zone::Utc).unwrap())
    }

    #[test]
    fn a_column_has_one_type_in_a_batch() {
        let same = rows(&[(1.into(), 2.into()), (2.into(), Value::Null), (3.into(), 4.into())]).unwrap();
        assert_eq!(
            same.rows.iter().map(|row| row[1].clone()).collect::<Vec<_>>(),
            [Sql::Int(2), Sql::NULL, Sql::Int(4)]
        );
        let mixed = rows(&[(1.into(), 2.into()), (2.into(), "a".into()), (3.into(), Value::Real(0.5))]).unwrap();
        let text = |text: &str| Sql::Bytes(text.as_bytes().to_vec());
        assert_eq!(
            mixed.rows.iter().map(|row| row[1].clone()).collect::<Vec<_>>(),
            [text("2"), text("a"), text("0.5")]
        );
        assert!(
            matches!(rows(&[(1.into(), 1.into()), (Value::Null, 1.into())]), Err(SinkError::Row { index: 1, what })
            if what.contains("`k` of the key is NULL"))
        );
    }

    #[test]
    fn literals_hold_whatever_is_in_a_value() {
        let mut out = String::new();
        let nasty = Sql::Bytes("a'b\\c\0\u{1f6aa}".into());
        literals(&mut out, &[Sql::Int(-1), Sql::Double(1e300), Sql::NULL, nasty, Sql::Bytes(vec![0xff, 0x27])]);
        assert_eq!(out, "(-1,1e300,NULL,'a\\'b\\\\c\\0\u{1f6aa}',0xFF27)");
    }
}
