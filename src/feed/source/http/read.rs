//! Rows as the web server writes them. Pure.
//!
//! An object for each row. `/counting-results` says `in`, `out` and `camera_id` where the table, and `/get_last_result`, have
//! `in_count`, `out_count` and `camera_name`. A time is text, `2026-11-21 08:00:00`, or what Flask makes of a time of MySQL's,
//! `Sat, 21 Nov 2026 08:00:00 GMT`, which is the local time whatever it says. `id` is the server's own number and left out.

use jiff::civil::DateTime;
use serde_json::{Map, Value as Json};

use crate::feed::value::{Place, Row, Value};
use crate::feed::zone::{self, Written};

/// The column of times, which are the places here.
pub(super) const TIME: &str = "timestamp";

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) time: DateTime,
    values: Vec<(String, Value)>,
}

impl Known {
    /// A row; `None`: it has no time.
    pub(super) fn read(object: &Map<String, Json>) -> Option<Self> {
        let time = time(object.get(TIME)?.as_str()?)?;
        let column = |name: &str| match name {
            "in" => "in_count".to_owned(),
            "out" => "out_count".to_owned(),
            "camera_id" => "camera_name".to_owned(),
            other => other.to_owned(),
        };
        let mut values: Vec<(String, Value)> = object
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), TIME | "id"))
            .map(|(name, said)| (column(name), value(said)))
            .collect();
        values.push((TIME.to_owned(), Value::from(text(time).as_str())));
        values.sort_by(|one, other| one.0.cmp(&other.0));
        Some(Self { time, values })
    }

    /// The value of a column; NULL where there is none.
    pub(super) fn value(&self, column: &str) -> Value {
        let found = self.values.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
        found.map_or(Value::Null, |(_, value)| value.clone())
    }

    /// The row with these columns.
    pub(super) fn row(&self, columns: &[String]) -> Row {
        let values = columns.iter().map(|column| self.value(column)).collect();
        Row { at: Place::Text(text(self.time)), values }
    }

    /// Its columns and their types.
    pub(super) fn columns(&self) -> Vec<(String, String)> {
        let kind = |value: &Value| match value {
            Value::Int(_) => "INTEGER",
            Value::Real(_) => "REAL",
            _ => "TEXT",
        };
        self.values.iter().map(|(name, value)| (name.clone(), kind(value).to_owned())).collect()
    }
}

/// What a server is taken to have that has no row yet.
pub(super) fn usual() -> Vec<(String, String)> {
    let columns = [("camera_name", "TEXT"), ("in_count", "INTEGER"), ("out_count", "INTEGER"), (TIME, "TEXT")];
    columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec()
}

fn value(said: &Json) -> Value {
    match said {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Int(i64::from(*flag)),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Real(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        other => Value::from(other.to_string().as_str()),
    }
}

/// A time, without its zone.
pub(super) fn time(text: &str) -> Option<DateTime> {
    match zone::read(text) {
        Some(Written::Naive(time)) => Some(time),
        // With a `Z` that means nothing: the server keeps local times.
        Some(Written::Moment(moment)) => Some(jiff::tz::TimeZone::UTC.to_datetime(moment)),
        None => jiff::fmt::rfc2822::parse(text).ok().map(|time| time.datetime()),
    }
}

/// A time as SQLite has it.
pub(super) fn text(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_row_are_one() {
        let read = |text: &str| Known::read(serde_json::from_str::<Json>(text).unwrap().as_object().unwrap());
        let plain = r#"{"timestamp": "2026-11-21 08:00:10", "in_count": 3, "out_count": 1, "camera_name": "east"}"#;
        let flask =
            r#"{"id": 7, "timestamp": "Sat, 21 Nov 2026 08:00:10 GMT", "in": 3, "out": 1, "camera_id": "east"}"#;
        assert_eq!(read(plain), read(flask));
        let row = read(flask).unwrap().row(&["camera_name", "in_count", "gone", "timestamp"].map(str::to_owned));
        assert_eq!(row.at, Place::Text("2026-11-21 08:00:10".into()));
        assert_eq!(*row.values, ["east".into(), 3.into(), Value::Null, "2026-11-21 08:00:10".into()]);
        assert_eq!(read(r#"{"in": 3}"#), None);
        assert_eq!(time("2026-11-21T08:00:10Z"), time("2026-11-21 08:00:10"));
    }
}
