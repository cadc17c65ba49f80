//! How a mark goes on: what is to be written after a look at a source. Pure.

use std::collections::HashSet;

use super::mark::{Mark, Role};
use super::source::Look;
use super::value::{Place, Row, Value};
use super::view::Part;

/// What follows from a look.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// Nothing waits.
    Nothing,
    /// The source is not the one that the mark was made for, or was put back: it is carried from its beginning again, which
    /// changes nothing of rows that are there.
    Again {
        /// The mark to go on with.
        mark: Mark,
        /// What was noticed.
        why: String,
    },
    /// Rows, and the mark that goes with them; without rows the mark alone.
    Write {
        /// Rows by their places, then those that changed.
        rows: Vec<Row>,
        /// The mark after it.
        mark: Mark,
    },
}

/// Rows at the mark itself that were carried: where a cursor or the column of changes is not unique, a look begins with them
/// again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    at: HashSet<[u8; 16]>,
    changed: HashSet<[u8; 16]>,
}

/// What a look is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The mark; `None`: there is none yet.
    pub mark: Option<&'a Mark>,
    /// What the machine did when the look began.
    pub part: Part,
    /// Indexes of the key's columns.
    pub key: &'a [usize],
    /// Index of the column that tells of changes.
    pub changes: Option<usize>,
    /// Whether places are unique.
    pub unique: bool,
}

/// Judges a look. `ties` is what the look before left, and becomes what this one leaves; it counts once the rows are written.
pub fn advance(given: Given<'_>, look: Look, ties: &mut Ties) -> Advance {
    let was = given.mark.cloned().unwrap_or_default();
    if let Some(why) = other_source(&was, &look, given) {
        *ties = Ties::default();
        let role = role(given, look.waiting.max(1));
        let mark = Mark { turn: was.turn + 1, rows: was.rows, role, ..Mark::default() };
        return Advance::Again { mark, why };
    }
    let mut mark = Mark { role: role(given, look.waiting), ..was.clone() };
    let mut rows = look.rows;
    if !given.unique {
        rows.retain(|row| Some(&row.at) != was.at.as_ref() || !ties.at.contains(&digest(row)));
    }
    let newest = rows.iter().map(|row| &row.at).max().cloned();
    let forward = newest.filter(|newest| was.at.as_ref().is_none_or(|at| newest > at));
    if forward.is_some() {
        ties.at.clear();
        mark.at = forward;
        mark.tail = rows.last().filter(|_| given.unique).map(|last| tail(last, given.key));
    }
    if !given.unique {
        ties.at.extend(rows.iter().filter(|row| Some(&row.at) == mark.at.as_ref()).map(digest));
    }
    if let Some(column) = given.changes {
        let mut changed = look.changed;
        let value = |row: &Row| row.values.get(column).and_then(place);
        changed.retain(|row| value(row) != was.changed || !ties.changed.contains(&digest(row)));
        if let Some(newest) =
            changed.iter().filter_map(value).max().filter(|newest| Some(newest) > was.changed.as_ref())
        {
            ties.changed.clear();
            mark.changed = Some(newest);
        }
        ties.changed.extend(changed.iter().filter(|row| value(row) == mark.changed).map(digest));
        rows.extend(changed);
    }
    if mark.role == Role::PassedOver {
        rows.clear();
    }
    if rows.is_empty() && given.mark == Some(&mark) {
        return Advance::Nothing;
    }
    mark.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
    mark.turn += 1;
    Advance::Write { rows, mark }
}

/// What the machine's rows are worth: what a spare writes while it stands in for nobody is passed over, once everything is
/// carried that it wrote while it did.
const fn role(given: Given<'_>, waiting: u64) -> Role {
    let was = match given.mark {
        Some(mark) => mark.role,
        None => Role::PassedOver,
    };
    match (given.part, was) {
        (Part::Idle, Role::Carried) if waiting == 0 => Role::PassedOver,
        (Part::Idle, was) => was,
        _ => Role::Carried,
    }
}

/// What shows that the mark was made for other rows than those that are there.
fn other_source(was: &Mark, look: &Look, given: Given<'_>) -> Option<String> {
    let (at, (first, last)) = (was.at.as_ref()?, look.span.as_ref()?);
    if last < at {
        return Some(format!(
            "its last row stands at {last}, and rows up to {at} were carried: it was put back or replaced"
        ));
    }
    let known = was.tail.as_ref().filter(|_| given.unique)?;
    match &look.tail {
        Some(row) if tail(row, given.key) == *known => None,
        Some(_) => {
            Some(format!("at {at} stands another row than the one that was carried: it was put back or replaced"))
        }
        // What was carried was deleted, as retention does: what is left begins after it.
        None if first > at => None,
        None => Some(format!("the row at {at} is gone, and rows before it are there")),
    }
}

/// The value of a column as a place; NULL and bytes have none.
fn place(value: &Value) -> Option<Place> {
    match value {
        Value::Int(number) => Some(Place::Number(*number)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it saturates, and rows of one place are told apart anyway"
        )]
        Value::Real(number) => Some(Place::Number(number.floor() as i64)),
        Value::Text(text) => Some(Place::Text(String::from_utf8_lossy(text).into_owned())),
        Value::Null | Value::Blob(_) => None,
    }
}

/// What a mark remembers of the key of its last row.
fn tail(row: &Row, key: &[usize]) -> String {
    let mut hasher = blake3::Hasher::new();
    key.iter().filter_map(|column| row.values.get(*column)).for_each(|value| hash(&mut hasher, value));
    hasher.finalize().to_hex().chars().take(32).collect()
}

fn digest(row: &Row) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    row.values.iter().for_each(|value| hash(&mut hasher, value));
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// Each value with its kind and length, so that no two lists of values look the same.
fn hash(hasher: &mut blake3::Hasher, value: &Value) {
    let mut part = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&bytes.len().to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        Value::Null => part(0, &[]),
        Value::Int(number) => part(1, &number.to_le_bytes()),
        Value::Real(number) => part(2, &number.to_bits().to_le_bytes()),
        Value::Text(text) => part(3, text),
        Value::Blob(bytes) => part(4, bytes),
    }
}

#[cfg(test)]
mod tests;
