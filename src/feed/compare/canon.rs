//! One way to write each value, the same for both ends, and digests of it. Pure.
//!
//! A row is written as its values one after the other, each with its length before it, so that no two rows are written the
//! same: `n` for NULL, `3:abc` for a text. The servers can do that too (see `sink::mysql::digest`), so that rows which are the
//! same at both ends need not travel. A digest is the first 64 bits of SHA-256: digests of many rows are put together by
//! exclusive or, which a CRC would not survive (two wrong rows could hide each other, since CRCs are linear).

use sha2::{Digest, Sha256};

use crate::feed::convert::{self, Cell};
use crate::feed::sink::{Carry, Kind, TargetColumn};
use crate::feed::value::Value;
use crate::feed::zone::Times;

/// How many buckets rows are put into by their keys.
pub const BUCKETS: usize = 1024;

/// Digits behind the point that are compared at most: servers keep 38, SQLite lets anybody declare any number of them.
const DIGITS: usize = 60;

/// Digests of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hashed {
    /// Of its key.
    pub key: u64,
    /// Of all its values.
    pub row: u64,
}

impl Hashed {
    /// The bucket that it belongs to.
    pub fn bucket(self) -> usize {
        usize::try_from(self.key & (BUCKETS as u64 - 1)).unwrap_or(0)
    }
}

/// Digests of a row of the source, as the target would have it.
pub fn source(carry: &Carry, values: &[Value], times: &Times) -> Hashed {
    let texts: Vec<Option<Vec<u8>>> =
        values.iter().zip(&carry.target).map(|(value, column)| written(value, column, times)).collect();
    hashed(carry, &texts)
}

/// Digests of a row whose values are already written in the one way.
pub fn hashed(carry: &Carry, texts: &[Option<Vec<u8>>]) -> Hashed {
    let key = carry.key.iter().map(|at| texts.get(*at).and_then(Option::as_deref));
    Hashed { key: digest(key), row: digest(texts.iter().map(Option::as_deref)) }
}

/// The key of a row whose values are written in the one way, for a person.
pub fn key(carry: &Carry, texts: &[Option<Vec<u8>>]) -> String {
    let parts = carry.key.iter().filter_map(|at| {
        let (column, text) = (carry.target.get(*at)?, texts.get(*at)?.as_ref()?);
        let zone = if column.kind == Kind::Moment { " UTC" } else { "" };
        Some(format!("{}={}{zone}", column.name, String::from_utf8_lossy(text)))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn digest<'a>(parts: impl Iterator<Item = Option<&'a [u8]>>) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        match part {
            None => hasher.update(b"n"),
            Some(text) => {
                hasher.update(text.len().to_string());
                hasher.update(b":");
                hasher.update(text);
            }
        }
    }
    first(&hasher.finalize())
}

fn first(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Whether values of this column may be so long that they stand in a row as their own digest: a server puts a row together
/// only up to its `max_allowed_packet`.
pub fn is_long(column: &TargetColumn) -> bool {
    let declared = column.declared.to_lowercase();
    matches!(column.kind, Kind::Text | Kind::Bytes) && (declared.contains("text") || declared.contains("blob"))
}

/// A value of the source in the one way to write it in this column. One that the column cannot take is written as nothing that
/// is there.
pub fn written(value: &Value, column: &TargetColumn, times: &Times) -> Option<Vec<u8>> {
    match convert::cell(value, column, times) {
        Ok(cell) => text(cell, column),
        Err(_refused) => Some(b"\xffrefused".to_vec()),
    }
}

fn text(cell: Cell, column: &TargetColumn) -> Option<Vec<u8>> {
    Some(match cell {
        Cell::Null => return None,
        #[expect(clippy::cast_precision_loss, reason = "as a column of such numbers has it")]
        Cell::Int(whole) if column.kind == Kind::Number => number(whole as f64, column),
        Cell::Int(whole) => whole.to_string().into_bytes(),
        Cell::Real(real) => number(real, column),
        Cell::Time(time) => time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string().into_bytes(),
        Cell::Bytes(bytes) => return said(bytes, column),
    })
}

/// What a target says of a value, in the one way to write it.
pub fn said(bytes: Vec<u8>, column: &TargetColumn) -> Option<Vec<u8>> {
    let parsed = || std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse::<f64>().ok());
    Some(match column.kind {
        Kind::Number => parsed().map_or_else(|| bytes.clone(), |real| number(real, column)),
        Kind::Other if column.declared.to_lowercase().starts_with("json") => {
            let read = serde_json::from_slice::<serde_json::Value>(&bytes);
            read.map_or_else(|_no_json| bytes.clone(), |json| json.to_string().into_bytes())
        }
        // SQLite turns text into numbers and back, as its columns are declared.
        Kind::Any => match std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<i64>().ok()) {
            None => parsed().map_or_else(|| bytes.clone(), |real| number(real, column)),
            Some(_whole) => bytes,
        },
        _ if is_long(column) => {
            use std::fmt::Write;
            let hex = Sha256::digest(&bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
                let _infallible = write!(hex, "{byte:02x}");
                hex
            });
            hex.into_bytes()
        }
        _ => bytes,
    })
}

/// A number with the digits that its column keeps.
fn number(real: f64, column: &TargetColumn) -> Vec<u8> {
    let declared = column.declared.to_lowercase();
    // Positive and negative zero are one.
    let real = real + 0.0;
    let text = if declared.starts_with("float") {
        // A server writes it out with six digits.
        format!("{real:.5e}")
    } else if declared.starts_with("decimal") || declared.starts_with("numeric") {
        let scale = declared.split_once(',').and_then(|(_, rest)| rest.split(')').next()?.trim().parse().ok());
        format!("{real:.*}", scale.unwrap_or(0_usize).min(DIGITS))
    } else {
        format!("{real}")
    };
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::data::Zone;

    fn column(kind: Kind, declared: &str) -> TargetColumn {
        TargetColumn { name: "c".into(), declared: declared.into(), kind }
    }

    fn way(kind: Kind, declared: &str, value: impl Into<Value>) -> String {
        let times = Times::new(&Zone::Named("Europe/Berlin".into())).unwrap();
        let text = written(&value.into(), &column(kind, declared), &times);
        text.map_or("NULL".into(), |text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn one_way_to_write_each_value() {
        assert_eq!(way(Kind::Integer, "int", "007"), "7");
        assert_eq!(way(Kind::Moment, "timestamp", "2026-07-01 12:00:00"), "2026-07-01 10:00:00.000000");
        assert_eq!(way(Kind::Naive, "datetime(6)", "2026-07-01T12:00:00.5"), "2026-07-01 12:00:00.500000");
        assert_eq!(way(Kind::Number, "double", 3), way(Kind::Number, "double", "3.0"));
        assert_eq!(way(Kind::Number, "decimal(10,2)", Value::Real(1.5)), "1.50");
        assert_eq!(way(Kind::Any, "TEXT", 12), way(Kind::Any, "TEXT", "12"));
        assert_eq!(way(Kind::Any, "TEXT", Value::Real(0.5)), way(Kind::Any, "TEXT", "0.5"));
        assert_eq!(way(Kind::Text, "text", "").len(), 64);
        assert_eq!(way(Kind::Other, "json", "{\"b\": 1,  \"a\":2}"), "{\"a\":2,\"b\":1}");
        assert!(way(Kind::Integer, "int", "x").contains("refused"));
    }

    #[test]
    fn no_two_rows_are_written_the_same() {
        let parts = |parts: &[Option<&str>]| digest(parts.iter().map(|part| part.map(str::as_bytes)));
        assert_ne!(parts(&[Some("ab"), Some("c")]), parts(&[Some("a"), Some("bc")]));
        assert_ne!(parts(&[None, Some("")]), parts(&[Some(""), None]));
        assert_ne!(parts(&[Some("n")]), parts(&[None]));
        // As `SELECT CONV(LEFT(SHA2('1:a', 256), 16), 16, 10)` says it.
        assert_eq!(digest([Some(&b"a"[..])].into_iter()), first(&Sha256::digest(b"1:a")));
    }
}
