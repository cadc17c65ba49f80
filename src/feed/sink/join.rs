//! What the fleet file, the source and the target say of one table, joined. Pure.

use std::collections::BTreeSet;

use super::{Carry, SinkError, TargetColumn};
use crate::feed::source::Shape;
use crate::fleet::data::FeedTable;

/// A table at the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetTable {
    /// Its columns.
    pub columns: Vec<TargetField>,
    /// Its unique indexes over whole columns, and over them alone.
    pub uniques: Vec<Unique>,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether it holds whole columns; one over a part of a text, or over an expression, takes rows for the same that are not.
    pub whole: bool,
}

/// A column at the target, with what matters when a row does not name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetField {
    /// The column.
    pub column: TargetColumn,
    /// Whether a row without it is taken: NULL is allowed, or it has a default.
    pub optional: bool,
    /// Whether the target numbers its rows with it.
    pub numbers: bool,
    /// Whether it is computed from others.
    pub computed: bool,
    /// Whether its text is compared without case.
    pub caseless: bool,
}

impl TargetTable {
    /// The column of this name, without case as both ends do it.
    pub fn column(&self, name: &str) -> Option<&TargetField> {
        self.columns.iter().find(|field| same(&field.column.name, name))
    }

    /// Whether a unique index has exactly these columns.
    pub fn is_unique(&self, key: &[String]) -> bool {
        self.uniques.iter().any(|unique| unique.whole && set(&unique.columns) == set(key))
    }
}

/// Whether two names mean the same column.
pub fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn set(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

/// The name of a table at the target.
pub fn into(table: &FeedTable) -> &str {
    table.into.as_deref().unwrap_or(&table.name)
}

/// Which columns are carried, how and where to.
pub fn join(table: &FeedTable, shape: &Shape, target: &TargetTable, feed: &str) -> Result<Carry, SinkError> {
    let into = into(table);
    let mut carry =
        Carry { table: table.clone(), columns: Vec::new(), target: Vec::new(), key: Vec::new(), left_out: Vec::new() };
    let named =
        |name: &str| table.columns.iter().chain(&table.key).chain(&table.changes).any(|wanted| same(wanted, name));
    for wanted in table.columns.iter().chain(&table.key) {
        if !shape.columns.iter().any(|column| same(&column.name, wanted)) {
            return Err(SinkError::Refused(format!(
                "the table `{}` of the source has no column `{wanted}`; it has {}",
                table.name,
                list(shape.columns.iter().map(|column| column.name.as_str()))
            )));
        }
    }
    for column in &shape.columns {
        let wanted = named(&column.name);
        if !table.columns.is_empty() && !wanted {
            continue;
        }
        match target.column(&column.name) {
            Some(field) if field.computed && wanted => {
                return Err(SinkError::Refused(format!(
                    "the column `{}` of `{into}` is computed by the target: leave it out of `columns`",
                    field.column.name
                )));
            }
            // The number of a row at the target is its own: two machines would give the same one to two rows.
            Some(field) if !field.computed && (wanted || !field.numbers) => {
                carry.columns.push(column.name.clone());
                carry.target.push(field.column.clone());
            }
            None if wanted => {
                return Err(SinkError::Refused(format!(
                    "the table `{into}` of the target has no column `{}`: ALTER TABLE {into} ADD COLUMN {} …, or leave it \
                     out of `columns`",
                    column.name, column.name
                )));
            }
            _ => carry.left_out.push(column.name.clone()),
        }
    }
    for field in &target.columns {
        let carried = carry.target.iter().any(|column| same(&column.name, &field.column.name));
        if !carried && !field.optional && !field.numbers && !field.computed {
            return Err(SinkError::Refused(format!(
                "the column `{name}` of `{into}` has to have a value there, and the source does not carry one: give it a \
                 default, or allow NULL",
                name = field.column.name
            )));
        }
    }
    if !target.is_unique(&table.key) {
        return Err(SinkError::Unprepared(format!(
            "`{into}` has no unique index over {}: run `hotspare feed prepare {feed}`",
            list(table.key.iter().map(String::as_str))
        )));
    }
    rivals(table, target, &carry, into)?;
    // In the order in which the fleet file names them.
    carry.key = table.key.iter().filter_map(|key| carry.columns.iter().position(|name| same(name, key))).collect();
    Ok(carry)
}

/// Another unique index could take a row for one that has another key, and overwrite it.
fn rivals(table: &FeedTable, target: &TargetTable, carry: &Carry, into: &str) -> Result<(), SinkError> {
    let key = set(&table.key);
    let numbers = |name: &str| {
        target.column(name).is_some_and(|field| field.numbers)
            && !carry.target.iter().any(|column| same(&column.name, name))
    };
    for unique in &target.uniques {
        let columns = set(&unique.columns);
        let harmless = unique.whole && columns.is_superset(&key) || unique.columns.iter().any(|name| numbers(name));
        if !harmless {
            return Err(SinkError::Refused(format!(
                "`{into}` has another unique index, `{}` over {}: rows with another key could overwrite each other there. \
                 Drop it, or make it the feed's `key`",
                unique.name,
                list(unique.columns.iter().map(String::as_str))
            )));
        }
    }
    Ok(())
}

/// Names in a row: `a, b, c`.
pub fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
