//! Which rows are at both ends. Pure.

use std::collections::{HashMap, HashSet};

use super::EXAMPLES;
use super::canon::{BUCKETS, Hashed};

/// How many rows each bucket has, and what their digests come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Buckets(Vec<(u64, u64)>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![(0, 0); BUCKETS])
    }
}

impl Buckets {
    /// Adds rows to a bucket.
    pub(super) fn add(&mut self, bucket: usize, rows: u64, digest: u64) {
        if let Some((count, all)) = self.0.get_mut(bucket) {
            *count += rows;
            *all ^= digest;
        }
    }

    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.0.iter().map(|(count, _)| count).sum()
    }

    /// Buckets that are not the same, a few at a time, in order: so many that not more than `held` rows are in them.
    pub(super) fn differing(&self, other: &Self, held: u64) -> Vec<Vec<usize>> {
        let (mut groups, mut group, mut rows) = (Vec::new(), Vec::new(), 0);
        for (bucket, (ours, theirs)) in self.0.iter().zip(&other.0).enumerate().filter(|(_, (a, b))| a != b) {
            let size = ours.0.max(theirs.0);
            if rows + size > held && !group.is_empty() {
                groups.push(std::mem::take(&mut group));
                rows = 0;
            }
            group.push(bucket);
            rows += size;
        }
        if !group.is_empty() {
            groups.push(group);
        }
        groups
    }
}

/// What is known of one row of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// No source has it.
    Nowhere,
    /// This source has its key, with other values.
    Differs(u16),
    /// A source has it.
    Same,
}

/// Rows of some buckets.
#[derive(Debug)]
pub(super) struct Tally {
    target: Vec<Hashed>,
    /// What is known of each.
    seen: Vec<Seen>,
    /// What the source that is read now says of each; of two rows with one key the last one counts.
    now: Vec<Seen>,
    missing: HashMap<u64, u16>,
    examples: Vec<(u64, u16, bool, String)>,
}

/// What is wrong with the rows of one source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Rows that the target does not have.
    pub(super) missing: u64,
    /// Rows that have other values there.
    pub(super) different: u64,
    /// Their keys' digests.
    pub(super) keys: HashSet<u64>,
    /// A few, written out.
    pub(super) examples: Vec<String>,
}

impl Tally {
    /// The rows of the target.
    pub(super) fn new(mut rows: Vec<Hashed>) -> Self {
        rows.sort_unstable();
        let nothing = vec![Seen::Nowhere; rows.len()];
        Self { target: rows, seen: nothing.clone(), now: nothing, missing: HashMap::new(), examples: Vec::new() }
    }

    /// A row of a source, in the order of its places. Where it is not `wanted`, the target may have it or not.
    pub(super) fn see(&mut self, source: usize, row: Hashed, wanted: bool, key: impl FnOnce() -> String) {
        let source = u16::try_from(source).unwrap_or(u16::MAX);
        let Ok(at) = self.target.binary_search_by_key(&row.key, |known| known.key) else {
            if wanted && self.missing.insert(row.key, source).is_none() {
                self.example(row.key, source, true, key);
            }
            return;
        };
        let same = self.target.get(at).is_some_and(|known| known.row == row.row);
        let seen = if same || !wanted { Seen::Same } else { Seen::Differs(source) };
        if seen != Seen::Same {
            self.example(row.key, source, false, key);
        }
        if let Some(now) = self.now.get_mut(at) {
            *now = seen;
        }
    }

    fn example(&mut self, row: u64, source: u16, missing: bool, key: impl FnOnce() -> String) {
        if self.examples.iter().filter(|(_, of, kind, _)| (*of, *kind) == (source, missing)).count() < 4 * EXAMPLES {
            self.examples.push((row, source, missing, key()));
        }
    }

    /// The source has no more rows.
    pub(super) fn end(&mut self) {
        for (seen, now) in self.seen.iter_mut().zip(&mut self.now) {
            *seen = (*seen).max(std::mem::replace(now, Seen::Nowhere));
        }
    }

    /// The digests of the keys of which this is known.
    fn keys(&self, what: Seen) -> impl Iterator<Item = u64> {
        self.target.iter().zip(&self.seen).filter(move |(_, seen)| **seen == what).map(|(row, _)| row.key)
    }

    /// The digests of the keys that no source has.
    pub(super) fn extra(&self) -> Vec<u64> {
        self.keys(Seen::Nowhere).collect()
    }

    /// What is wrong with the rows of a source.
    pub(super) fn wrong(&self, source: usize) -> Wrong {
        let source = u16::try_from(source).unwrap_or(u16::MAX);
        let missing: HashSet<u64> = self.missing.iter().filter(|(_, of)| **of == source).map(|(key, _)| *key).collect();
        let different: HashSet<u64> = self.keys(Seen::Differs(source)).collect();
        let few = |kind: bool, word: &str, keys: &HashSet<u64>| {
            let of = self.examples.iter().filter(|(key, of, is, _)| *of == source && *is == kind && keys.contains(key));
            let mut texts: Vec<String> = of.map(|(_, _, _, text)| format!("{word}: {text}")).collect();
            texts.dedup();
            texts.truncate(EXAMPLES);
            texts
        };
        let mut examples = few(true, "missing", &missing);
        examples.extend(few(false, "different", &different));
        Wrong {
            missing: u64::try_from(missing.len()).unwrap_or(u64::MAX),
            different: u64::try_from(different.len()).unwrap_or(u64::MAX),
            keys: missing.into_iter().chain(different).collect(),
            examples,
        }
    }
}
