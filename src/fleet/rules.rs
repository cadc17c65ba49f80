//! What several places of a fleet file must agree on. Takes the typed fleet, in which a value that is wrong in itself
//! is a default; says nothing of what `shape` has said.

mod data;
mod hosts;
mod pools;
mod runbooks;
mod settings;

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Fleet;
use super::report::Report;

/// Says everything that is wrong between the parts of the file.
pub(super) fn check(fleet: &Fleet, root: &DeTable<'_>, report: &mut Report) {
    let places = Places { root };
    settings::check(fleet, &places, report);
    hosts::check(fleet, &places, report);
    pools::check(fleet, &places, report);
    runbooks::check(fleet, &places, report);
    data::check(fleet, &places, report);
}

/// One step of the way to a value.
#[derive(Debug, Clone, Copy)]
enum At<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> From<&'a str> for At<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for At<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for At<'_> {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

/// The way to a value: `way!["pools", &pool.name, "spares", 2]`.
macro_rules! way {
    ($($at:expr),+ $(,)?) => { &[$($crate::fleet::rules::At::from($at)),+] };
}
use way;

/// Finds where in the file a value is written.
struct Places<'a> {
    root: &'a DeTable<'a>,
}

impl Places<'_> {
    /// The place of a value, or of the nearest table around it where it is not written.
    fn of(&self, way: &[At<'_>]) -> Range<usize> {
        self.walk(way).0
    }

    /// Whether a value is written at all.
    fn has(&self, way: &[At<'_>]) -> bool {
        self.walk(way).1
    }

    fn walk(&self, way: &[At<'_>]) -> (Range<usize>, bool) {
        let mut nearest = 0..0;
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for at in way {
            let next = match (value.map(Spanned::get_ref), at) {
                (None, At::Key(key)) => self.root.get(*key),
                (Some(DeValue::Table(table)), At::Key(key)) => table.get(*key),
                (Some(DeValue::Array(items)), At::Item(item)) => items.get(*item),
                _ => None,
            };
            let Some(next) = next else { return (nearest, false) };
            nearest = next.span();
            value = Some(next);
        }
        (nearest, true)
    }
}

/// The places of those that were there before, with the first of them.
fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let mut seen = HashMap::new();
    let mut again = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        // A value that is wrong in itself has become an empty text.
        if !name.is_empty() && seen.insert(name, at).is_some() {
            again.push((at, name));
        }
    }
    again
}
