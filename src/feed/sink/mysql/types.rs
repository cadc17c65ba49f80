//! Which type a column of SQLite gets at the server. Pure.

use crate::feed::source::Column;
use crate::feed::value::Value;
use crate::feed::zone::{self, Written};

/// What a column of a new table is made as: `BIGINT NOT NULL`.
///
/// What a column was declared as at the source says what SQLite makes of its values, not what they are; so what some rows
/// hold (`sample`) counts first.
pub(super) fn declared<'a>(column: &Column, key: bool, sample: impl Iterator<Item = &'a Value>) -> String {
    let sample: Vec<&Value> = sample.filter(|value| !matches!(value, Value::Null)).collect();
    let null = if key || column.not_null { " NOT NULL" } else { "" };
    format!("{}{null}", kind(column, key, &sample))
}

fn kind(column: &Column, key: bool, sample: &[&Value]) -> String {
    if let Some(time) = time(&column.declared, sample) {
        return time;
    }
    let declared = column.declared.to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let seen = !sample.is_empty();
    let whole = seen && sample.iter().all(|value| matches!(value, Value::Int(_)));
    let number = sample.iter().all(|value| matches!(value, Value::Int(_) | Value::Real(_)));
    let (text, bytes) = if key {
        ("VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "VARBINARY(255)")
    } else {
        ("LONGTEXT CHARACTER SET utf8mb4", "LONGBLOB")
    };
    // In the order in which SQLite reads them: https://www.sqlite.org/datatype3.html, 3.1.
    let kind = if has(&["INT", "BOOL"]) && (whole || !seen) || whole && has(&["DATE", "TIME"]) {
        "BIGINT"
    } else if has(&["CHAR", "CLOB", "TEXT", "DATE", "TIME"]) {
        text
    } else if has(&["BLOB"]) || !number {
        bytes
    } else if whole && !has(&["REAL", "FLOA", "DOUB"]) {
        "BIGINT"
    } else if declared.is_empty() && !seen {
        bytes
    } else {
        "DOUBLE"
    };
    kind.into()
}

/// The type for times, where the column has nothing else.
fn time(declared: &str, sample: &[&Value]) -> Option<String> {
    let declared = declared.to_uppercase();
    if sample.is_empty() {
        return (declared.contains("DATETIME") || declared.contains("TIMESTAMP")).then(|| "DATETIME(6)".into());
    }
    let mut fraction = false;
    let mut of_day = false;
    let times = sample.iter().all(|value| {
        let text = value.text().unwrap_or_default();
        of_day |= text.len() > 10;
        fraction |= text.contains('.');
        matches!(zone::read(text), Some(Written::Naive(_) | Written::Moment(_)))
    });
    let time = if fraction {
        "DATETIME(6)"
    } else if of_day {
        "DATETIME"
    } else {
        "DATE"
    };
    times.then(|| time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, key: bool, sample: &[Value]) -> String {
        declared(&Column { name: "c".into(), declared: text.into(), not_null: false }, key, sample.iter())
    }

    #[test]
    fn types_of_the_people_count_table() {
        assert_eq!(made("INTEGER", false, &[3.into()]), "BIGINT");
        assert_eq!(made("TEXT", true, &["2026-11-21 08:00:00".into()]), "DATETIME NOT NULL");
        let text = "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
        assert_eq!(made("TEXT", true, &["door".into()]), text);
        assert_eq!(made("TEXT", true, &[]), text);
        assert_eq!(made("TEXT", false, &[Value::Null]), "LONGTEXT CHARACTER SET utf8mb4");
    }

    #[test]
    fn what_rows_hold_counts_before_what_was_declared() {
        assert_eq!(made("INTEGER", false, &[Value::Real(0.5)]), "DOUBLE");
        assert_eq!(made("INTEGER", false, &["x".into()]), "LONGBLOB");
        assert_eq!(made("", false, &[1.into()]), "BIGINT");
        assert_eq!(made("", false, &[]), "LONGBLOB");
        assert_eq!(made("NUMERIC", false, &[1.into(), Value::Real(1.5)]), "DOUBLE");
        assert_eq!(made("REAL", false, &[1.into()]), "DOUBLE");
        assert_eq!(made("BOOLEAN", false, &[]), "BIGINT");
        assert_eq!(made("DATETIME", false, &[]), "DATETIME(6)");
        assert_eq!(made("DATETIME", false, &["2026-11-21 08:00:00.000000".into()]), "DATETIME(6)");
        assert_eq!(made("DATE", false, &["2026-11-21".into()]), "DATE");
        assert_eq!(made("DATE", false, &["lunch".into()]), "LONGTEXT CHARACTER SET utf8mb4");
        assert_eq!(made("BLOB", true, &[]), "VARBINARY(255) NOT NULL");
    }
}
