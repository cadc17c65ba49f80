//! Which rows of the window were carried. Pure.

use std::collections::{BTreeMap, HashSet};

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::read;
use crate::feed::value::{Place, Row, Value};

/// So many rows are remembered.
const MOST: usize = 500_000;

/// Rows that are at the target for good, by their times, each digested.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: BTreeMap<DateTime, HashSet<[u8; 16]>>,
    count: usize,
    /// Those before this were too many to be remembered.
    begins: Option<DateTime>,
}

impl Seen {
    /// These are at the target.
    pub(super) fn add(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(time) = time(row) else { continue };
            if self.rows.entry(time).or_default().insert(digest(row)) {
                self.count += 1;
            }
        }
        while self.count > MOST
            && let Some((oldest, rows)) = self.rows.pop_first()
        {
            self.count -= rows.len();
            self.begins = oldest.checked_add(SignedDuration::from_secs(1)).ok();
        }
    }

    /// Whether it is at the target.
    pub(super) fn has(&self, row: &Row) -> bool {
        time(row).and_then(|time| self.rows.get(&time)).is_some_and(|rows| rows.contains(&digest(row)))
    }

    /// Rows before this time do not come again.
    pub(super) fn forget(&mut self, before: DateTime) {
        self.rows = self.rows.split_off(&before);
        self.count = self.rows.values().map(HashSet::len).sum();
        self.begins = self.begins.filter(|begins| *begins > before);
    }

    /// All are forgotten.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// From when on rows are remembered, where that is not all of them.
    pub(super) const fn begins(&self) -> Option<DateTime> {
        self.begins
    }
}

fn time(row: &Row) -> Option<DateTime> {
    match &row.at {
        Place::Text(text) => read::time(text),
        Place::Number(_) => None,
    }
}

/// Each value with its kind and length, so that no two rows look the same.
fn digest(row: &Row) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&bytes.len().to_le_bytes());
        hasher.update(bytes);
    };
    for value in &row.values {
        match value {
            Value::Null => part(0, &[]),
            Value::Int(number) => part(1, &number.to_le_bytes()),
            Value::Real(number) => part(2, &number.to_bits().to_le_bytes()),
            Value::Text(text) => part(3, text),
            Value::Blob(bytes) => part(4, bytes),
        }
    }
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: usize, count: i64) -> Row {
        let at = format!("2026-11-21 {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
        Row { at: Place::Text(at), values: Box::new([Value::Int(count)]) }
    }

    #[test]
    fn rows_are_remembered_up_to_a_bound() {
        let mut seen = Seen::default();
        seen.add(&[row(1, 1), row(2, 1), row(2, 1)]);
        assert!(seen.has(&row(2, 1)) && !seen.has(&row(2, 2)) && !seen.has(&row(3, 1)));
        seen.forget(time(&row(2, 0)).unwrap());
        assert!(!seen.has(&row(1, 1)) && seen.has(&row(2, 1)) && seen.count == 1);
        let many: Vec<Row> = (0..MOST).map(|number| row(10 + number / 100, i64::try_from(number).unwrap())).collect();
        seen.add(&many);
        assert!(seen.count <= MOST && seen.begins == time(&row(3, 0)));
        assert!(seen.has(&many[0]));
    }
}
