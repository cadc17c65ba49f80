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

/// What kinds of values a column of a batch has.
#[derive(Clone, Copy, Default)]
struct Has {
    int: bool,
    real: bool,
    bytes: bool,
    time: bool,
}

impl Has {
    fn see(&mut self, cell: &Cell) {
        match cell {
            Cell::Null => {}
            Cell::Int(_) => self.int = true,
            Cell::Real(_) => self.real = true,
            Cell::Bytes(_) => self.bytes = true,
            Cell::Time(_) => self.time = true,
        }
    }

    fn mixed(self) -> bool {
        u8::from(self.int) + u8::from(self.real) + u8::from(self.bytes) + u8::from(self.time) > 1
    }
}

/// Converts rows; names the first that cannot be.
pub(super) fn batch(carry: &Carry, rows: &[Row], times: &Times) -> Result<Batch, SinkError> {
    let mut has = vec![Has::default(); carry.target.len()];
    let mut cells = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let converted = one(carry, row, times).map_err(|why| SinkError::Row {
            index,
            what: format!("the row {} cannot be carried: {why}", convert::key(carry, &row.values)),
        })?;
        for (has, cell) in has.iter_mut().zip(&converted) {
            has.see(cell);
        }
        cells.push(converted);
    }
    let mixed: Vec<bool> = has.into_iter().map(Has::mixed).collect();
    let sql = |row: Vec<Cell>| row.into_iter().zip(&mixed).map(|(cell, mixed)| sql(cell, *mixed)).collect();
    Ok(Batch { rows: cells.into_iter().map(sql).collect() })
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

/// A value as the client library has it; as text where its column has values of several kinds.
pub(super) fn sql(cell: Cell, text: bool) -> Sql {
    match cell {
        Cell::Null => Sql::NULL,
        Cell::Int(number) if text => Sql::Bytes(number.to_string().into_bytes()),
        Cell::Real(number) if text => Sql::Bytes(format!("{number:?}").into_bytes()),
        Cell::Time(time) if text => Sql::Bytes(time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string().into_bytes()),
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
