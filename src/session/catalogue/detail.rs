//! Everything known of one session, file by file.

use std::collections::BTreeMap;
use std::path::Path;

use super::shop::Shop;
use crate::session::key::Key;
use crate::session::listing::{Listing, shown};
use crate::session::view::{Detail, FileLine, MOST_FILES};

impl Shop {
    /// Everything known of one session, all sides listed now. Blocking, each side within its deadline.
    pub(super) fn detail(&self, key: &Key) -> Result<Detail, String> {
        let looked = self.look(key);
        let row = self.row(key).ok_or_else(|| self.unknown(&self.stock.lock(), key))?;
        let source = looked.source.ok().flatten();
        let copies: Vec<Option<Listing>> = looked.copies.into_iter().map(|copy| copy.ok().flatten()).collect();
        let there: Vec<Option<&Listing>> = copies.iter().map(Option::as_ref).collect();
        let (files, more) = files(source.as_ref(), &there);
        let mut places = self.sides.iter().map(|side| side.place(key));
        Ok(Detail {
            store: self.name().to_owned(),
            row,
            source: places.next().unwrap_or_default(),
            copies: places.collect(),
            files,
            more,
            odd: source.map(|listing| listing.odd).unwrap_or_default(),
        })
    }
}

/// The files of all sides in the order of paths; where there are too many, those that differ first, and how many are left
/// out. A side that is `None` says nothing: nothing there, or not known.
fn files(source: Option<&Listing>, copies: &[Option<&Listing>]) -> (Vec<FileLine>, u64) {
    let mut sizes: BTreeMap<&Path, Vec<Option<u64>>> = BTreeMap::new();
    for (side, listing) in std::iter::once(&source).chain(copies).enumerate() {
        for file in listing.iter().flat_map(|listing| &listing.files) {
            let line = sizes.entry(&file.path).or_insert_with(|| vec![None; copies.len() + 1]);
            if let Some(size) = line.get_mut(side) {
                *size = Some(file.size);
            }
        }
    }
    let all = sizes.len();
    let mut lines: Vec<FileLine> = sizes
        .into_iter()
        .map(|(path, sizes)| {
            let here = sizes.first().copied().flatten();
            let there = sizes.get(1..).unwrap_or_default().to_vec();
            let known = there.iter().zip(copies).filter(|(_, listing)| listing.is_some()).map(|(size, _)| *size);
            let problem = source.and(problem(here, known));
            FileLine { path: shown(path), here, there, problem: problem.map(ToOwned::to_owned) }
        })
        .collect();
    if all > MOST_FILES {
        lines.sort_by_key(|line| line.problem.is_none());
        lines.truncate(MOST_FILES);
    }
    (lines, all.saturating_sub(MOST_FILES) as u64)
}

fn problem(here: Option<u64>, there: impl Iterator<Item = Option<u64>>) -> Option<&'static str> {
    let mut worst = None;
    for size in there {
        let problem = match (here, size) {
            (Some(_), None) => return Some("missing"),
            (Some(here), Some(there)) if here != there => "size",
            (None, Some(_)) => "extra",
            _ => continue,
        };
        worst = worst.or(Some(problem));
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::session::listing::File;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let file = |(path, size): &(&str, u64)| File {
            path: path.into(),
            size: *size,
            modified: Timestamp::UNIX_EPOCH,
            changed: None,
            mode: 0o644,
            shared: None,
        };
        Listing { files: files.iter().map(file).collect(), ..Listing::default() }
    }

    #[test]
    fn each_file_says_what_is_wrong_with_it() {
        let source = listing(&[("a", 1), ("b", 2), ("c", 3)]);
        let copy = listing(&[("a", 1), ("b", 9), ("z", 4)]);
        let (lines, more) = files(Some(&source), &[Some(&copy), None]);
        let said: Vec<_> = lines.iter().map(|line| (line.path.as_str(), line.problem.as_deref())).collect();
        assert_eq!(said, [("a", None), ("b", Some("size")), ("c", Some("missing")), ("z", Some("extra"))]);
        assert_eq!(lines[1].there, [Some(9), None], "nothing is said of a side that is not known");
        assert_eq!(more, 0);
        let (lines, _) = files(None, &[Some(&copy)]);
        assert!(lines.iter().all(|line| line.problem.is_none()), "without a source there is nothing to compare with");
    }

    #[test]
    fn of_too_many_files_those_that_differ_are_shown() {
        let names: Vec<String> = (0..MOST_FILES + 10).map(|number| format!("{number:05}")).collect();
        let all: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let source = listing(&all);
        let copy = listing(&all[..all.len() - 1]);
        let (lines, more) = files(Some(&source), &[Some(&copy)]);
        assert_eq!((lines.len(), more), (MOST_FILES, 10));
        assert_eq!(lines[0].problem.as_deref(), Some("missing"));
    }
}
