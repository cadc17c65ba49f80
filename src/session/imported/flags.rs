//! What queries of one's own say: rows of participant, date and perhaps imported. Pure.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use crate::reach::plain;
use crate::session::key::{self, Key};
use crate::session::view::Imported;

/// One value of a row, from whichever database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    /// Something that means nothing here: a fraction, bytes.
    Other,
}

/// What a query returned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// What one query says of one session. In the order of what counts where rows contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flag {
    Yes,
    /// Neither, with the reason.
    Unknown(String),
    No,
}

/// What one query says, by session.
pub(super) type Flags = HashMap<Key, Flag>;

/// Where participant, date and imported stand in a row.
struct Columns {
    participant: usize,
    date: usize,
    imported: Option<usize>,
}

impl Columns {
    /// By name where the query names them so, else by position.
    fn of(names: &[String], flag_needed: bool) -> Result<Self, String> {
        let find = |name: &str| names.iter().position(|column| column.eq_ignore_ascii_case(name));
        let imported = find("imported");
        if let (Some(participant), Some(date)) = (find("participant"), find("date"))
            && (imported.is_some() || !flag_needed)
        {
            return Ok(Self { participant, date, imported });
        }
        match names.len() {
            2 if !flag_needed => Ok(Self { participant: 0, date: 1, imported: None }),
            3.. => Ok(Self { participant: 0, date: 1, imported: Some(2) }),
            count => {
                let wanted = if flag_needed { "participant, date and imported" } else { "participant and date" };
                Err(format!("returns {count} columns; {wanted} are needed"))
            }
        }
    }
}

/// Reads what a query returned; `flag_needed`: a row alone is no yes. Rows without a participant or a day are about no
/// session; a day that is none is an error, because then the query returns something else than it should.
pub(super) fn read(table: &Table, flag_needed: bool) -> Result<Flags, String> {
    let columns = Columns::of(&table.columns, flag_needed)?;
    let mut flags = Flags::new();
    for (number, row) in table.rows.iter().enumerate() {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Null);
        let participant = match cell(columns.participant) {
            Cell::Text(text) => text.clone(),
            Cell::Integer(number) => number.to_string(),
            Cell::Null | Cell::Other => continue,
        };
        let date = match cell(columns.date) {
            Cell::Null => continue,
            Cell::Text(text) => day(text),
            Cell::Integer(number) => day(&number.to_string()),
            Cell::Other => None,
        };
        let Some(date) = date else {
            let shown = match cell(columns.date) {
                Cell::Text(text) => plain::line(text, 40),
                Cell::Integer(number) => number.to_string(),
                Cell::Null | Cell::Other => "its value".into(),
            };
            return Err(format!("row {}: {shown} is not a day such as 20250104 or 2025-01-04", number + 1));
        };
        if key::participant(&participant).is_err() {
            continue;
        }
        let flag = columns.imported.map_or(Flag::Yes, |at| flag(cell(at)));
        let known = flags.entry(Key { date, participant }).or_insert_with(|| flag.clone());
        // Rows that contradict each other are no yes.
        if flag > *known {
            *known = flag;
        }
    }
    Ok(flags)
}

/// A day in either spelling, perhaps with a time behind it.
pub(super) fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = match (text.get(..10), text.as_bytes().get(10)) {
        (Some(day), Some(b' ' | b'T')) => day,
        _ => text,
    };
    key::date(day).ok()
}

fn flag(cell: &Cell) -> Flag {
    let neither = |what: String| Flag::Unknown(format!("{what} is neither yes nor no"));
    match cell {
        Cell::Null => neither("NULL".into()),
        Cell::Other => neither("the value".into()),
        Cell::Integer(0) => Flag::No,
        Cell::Integer(1..) => Flag::Yes,
        Cell::Integer(number) => neither(number.to_string()),
        Cell::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            // The last of each is a bit, as MySQL returns it.
            "1" | "true" | "t" | "yes" | "y" | "\u{1}" => Flag::Yes,
            "0" | "false" | "f" | "no" | "n" | "\0" => Flag::No,
            other => match other.parse::<u32>() {
                Ok(0) => Flag::No,
                Ok(_) => Flag::Yes,
                Err(_) => neither(format!("`{}`", plain::line(text, 40))),
            },
        },
    }
}

/// Judges every session on the disk or in the acquisition's database: imported where its query and every named one say so.
pub(super) fn judge<'a>(
    acquisition: &'a Flags,
    named: &[(String, Flags)],
    local: impl Iterator<Item = &'a Key>,
) -> HashMap<Key, Imported> {
    let keys: HashSet<&Key> = acquisition.keys().chain(local).collect();
    keys.into_iter().map(|key| (key.clone(), one(key, acquisition, named))).collect()
}

fn one(key: &Key, acquisition: &Flags, named: &[(String, Flags)]) -> Imported {
    let (mut lacking, mut why, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    let acquisition = (None, "the acquisition's database".to_owned(), acquisition);
    let named = named.iter().map(|(name, flags)| (Some(name.as_str()), format!("`{name}`"), flags));
    for (name, what, flags) in std::iter::once(acquisition).chain(named) {
        match flags.get(key) {
            Some(Flag::Yes) => continue,
            Some(Flag::Unknown(reason)) => {
                unknown.push(format!("{what}: {reason}"));
                continue;
            }
            Some(Flag::No) => why.push(format!("{what} says that it was not imported")),
            None => why.push(format!("{what} has no row for it")),
        }
        lacking.extend(name);
    }
    if !why.is_empty() {
        let short = if lacking.is_empty() { "no".to_owned() } else { format!("not in {}", lacking.join(", ")) };
        return Imported::No { short, why };
    }
    if unknown.is_empty() { Imported::Yes } else { Imported::Unknown { why: unknown.join("; ") } }
}

#[cfg(test)]
mod tests;
