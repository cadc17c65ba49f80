//! The hour that a clock change repeats: which of two moments a time means.

use super::known::Table;
use crate::feed::sink::Kind;
use crate::feed::source::{Source, SourceError};
use crate::feed::value::{Row, Value};
use crate::feed::zone::Times;

/// Says of each row whose time means two moments, because a clock change repeats the hour, which of them it is: the first row
/// of its key is of the first passage. Rows whose target keeps times as they are written stay as they are. Whether any row was
/// changed.
pub(super) async fn tell_apart(
    source: &mut dyn Source,
    times: &Times,
    table: &Table,
    rows: &mut [Row],
) -> Result<bool, SourceError> {
    let carry = &table.carry;
    let moments = moments(table);
    let mut changed = false;
    for row in rows {
        if !moments.iter().any(|column| twofold(times, row, *column)) {
            continue;
        }
        let key: Vec<(String, Value)> = carry
            .key
            .iter()
            .filter_map(|column| Some((carry.columns.get(*column)?.clone(), row.values.get(*column)?.clone())))
            .collect();
        let passage = source.before(&table.ask(1), &key, &row.at).await?;
        for column in &moments {
            if let Some(value) = row.values.get_mut(*column)
                && let Some(text) = value.text().and_then(|text| times.passage(text, passage))
            {
                *value = Value::Text(text.into_bytes());
                changed = true;
            }
        }
    }
    Ok(changed)
}

impl Table {
    /// Whether the time of any row means two moments.
    pub(super) fn may_be_twofold(&self, times: &Times, rows: &[Row]) -> bool {
        let moments = moments(self);
        rows.iter().any(|row| moments.iter().any(|column| twofold(times, row, *column)))
    }
}

/// Columns that the target keeps as moments.
fn moments(table: &Table) -> Vec<usize> {
    let target = table.carry.target.iter().enumerate();
    target.filter(|(_, target)| target.kind == Kind::Moment).map(|(column, _)| column).collect()
}

fn twofold(times: &Times, row: &Row, column: usize) -> bool {
    row.values.get(column).and_then(Value::text).is_some_and(|text| times.is_twofold(text))
}
