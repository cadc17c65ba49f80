//! A value of SQLite as a column of the target takes it, or why it cannot. Pure.
//!
//! What the target would change without a word (1.5 in a column of whole numbers, digits of a second that it does not keep)
//! is refused here: a row is carried as it is, or a person hears of it.

use jiff::civil::DateTime;

use super::sink::{Kind, TargetColumn};
use super::value::Value;
use super::zone::Times;

/// What a server gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// Text or bytes.
    Bytes(Vec<u8>),
    /// A date and time: naive as it is, or a moment in UTC.
    Time(DateTime),
}

/// The value as this column takes it.
pub fn cell(value: &Value, column: &TargetColumn, times: &Times) -> Result<Cell, String> {
    let name = &column.name;
    match (column.kind, value) {
        (_, Value::Null) => Ok(Cell::Null),
        (Kind::Integer, value) => integer(value).ok_or_else(|| {
            format!("column `{name}`: {} is no whole number, and `{name}` is {} there", shown(value), column.declared)
        }),
        (Kind::Naive | Kind::Moment, Value::Text(bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            let read = if column.kind == Kind::Moment {
                times.moment(&text).map(|moment| jiff::tz::TimeZone::UTC.to_datetime(moment))
            } else {
                times.naive(&text)
            };
            let time = read.map_err(|why| format!("column `{name}`: {why}"))?;
            fits(time, column).map(Cell::Time)
        }
        (Kind::Naive | Kind::Moment, value) => Err(format!(
            "column `{name}`: {} is no time that can be read, and `{name}` is {} there (BIGINT would take it)",
            shown(value),
            column.declared
        )),
        (Kind::Bytes | Kind::Text, Value::Int(number)) => Ok(Cell::Bytes(number.to_string().into_bytes())),
        (Kind::Bytes | Kind::Text, Value::Real(number)) => Ok(Cell::Bytes(format!("{number:?}").into_bytes())),
        (_, Value::Int(number)) => Ok(Cell::Int(*number)),
        (_, Value::Real(number)) => Ok(Cell::Real(*number)),
        (_, Value::Text(bytes) | Value::Blob(bytes)) => Ok(Cell::Bytes(bytes.clone())),
    }
}

/// A whole number, in whatever type it is written.
fn integer(value: &Value) -> Option<Cell> {
    match value {
        Value::Int(number) => Some(Cell::Int(*number)),
        // Exact up to here: 2^53.
        Value::Real(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
            Some(Cell::Int(*number as i64))
        }
        Value::Text(_) => {
            let text = value.text()?.trim();
            if let Ok(number) = text.parse() {
                return Some(Cell::Int(number));
            }
            text.parse::<u64>().ok().map(|number| Cell::Bytes(number.to_string().into_bytes()))
        }
        _ => None,
    }
}

/// Digits of a second that a column of this type keeps: `datetime(3)`.
pub fn digits(declared: &str) -> u32 {
    let inner = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inner.and_then(|(digits, _)| digits.trim().parse().ok()).unwrap_or(0).min(6)
}

fn fits(time: DateTime, column: &TargetColumn) -> Result<DateTime, String> {
    let kept = digits(&column.declared);
    let grain = 10_i32.pow(9 - kept);
    if time.subsec_nanosecond() % grain == 0 {
        return Ok(time);
    }
    let name = &column.name;
    Err(format!(
        "column `{name}`: {time} has parts of a second that {} does not keep: make it {}(6)",
        column.declared,
        column.declared.split('(').next().unwrap_or_default()
    ))
}

/// A value for a person, short.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(bytes) => crate::reach::plain::line(&String::from_utf8_lossy(bytes), 60),
        Value::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

/// The key of a row for a person: `camera_name=door, timestamp=2026-11-21 08:00:00`.
pub fn key(carry: &super::sink::Carry, values: &[Value]) -> String {
    let parts = carry.key.iter().filter_map(|at| Some((carry.columns.get(*at)?, values.get(*at)?)));
    parts.map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::data::Zone;

    fn column(kind: Kind, declared: &str) -> TargetColumn {
        TargetColumn { name: "c".into(), declared: declared.into(), kind }
    }

    fn to(kind: Kind, declared: &str, value: impl Into<Value>) -> Result<Cell, String> {
        cell(&value.into(), &column(kind, declared), &Times::new(&Zone::Named("Europe/Berlin".into())).unwrap())
    }

    fn bytes(text: &str) -> Cell {
        Cell::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn whole_numbers_stay_what_they_are_or_are_refused() {
        let int = |value: Value| to(Kind::Integer, "bigint(20)", value);
        assert_eq!(int(Value::Int(i64::MIN)), Ok(Cell::Int(i64::MIN)));
        assert_eq!(int(Value::Real(3.0)), Ok(Cell::Int(3)));
        assert_eq!(int(" -7 ".into()), Ok(Cell::Int(-7)));
        assert_eq!(int("18446744073709551615".into()), Ok(bytes("18446744073709551615")));
        for refused in
            [Value::Real(1.5), Value::Real(1e18), "1.5".into(), "12abc".into(), "".into(), Value::Blob(vec![1])]
        {
            assert!(int(refused.clone()).unwrap_err().contains("no whole number"), "{refused:?}");
        }
        assert_eq!(int(Value::Null), Ok(Cell::Null));
    }

    #[test]
    fn times_are_naive_or_moments() {
        let text = "2026-07-01 12:00:00";
        assert_eq!(to(Kind::Naive, "datetime", text), Ok(Cell::Time("2026-07-01T12:00:00".parse().unwrap())));
        assert_eq!(to(Kind::Moment, "timestamp", text), Ok(Cell::Time("2026-07-01T10:00:00".parse().unwrap())));
        assert!(to(Kind::Moment, "timestamp", 1_700_000_000).unwrap_err().contains("BIGINT"));
        let fine = "2026-07-01 12:00:00.125";
        assert!(to(Kind::Naive, "datetime", fine).unwrap_err().ends_with("make it datetime(6)"));
        assert!(to(Kind::Naive, "datetime(2)", fine).is_err());
        assert!(to(Kind::Naive, "datetime(3)", fine).is_ok());
    }

    #[test]
    fn text_and_bytes_take_anything() {
        assert_eq!(to(Kind::Text, "text", 12), Ok(bytes("12")));
        assert_eq!(to(Kind::Text, "text", Value::Real(1.0)), Ok(bytes("1.0")));
        assert_eq!(to(Kind::Bytes, "blob", Value::Blob(vec![0, 255])), Ok(Cell::Bytes(vec![0, 255])));
        assert_eq!(to(Kind::Number, "double", Value::Real(0.1)), Ok(Cell::Real(0.1)));
    }
}
