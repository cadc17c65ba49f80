//! What a look at all sessions of a side changes. Pure.

use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::side::{Known, Scan};

/// What a look at all sessions changed, the newest first: they are what is wanted first of an index that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New ones, and those that are not as before.
    pub(super) put: Vec<Key>,
    /// Those that are gone.
    pub(super) gone: Vec<Key>,
}

/// Keeps of what was known before what could not be looked into now.
pub(super) fn complete(scan: Scan, before: &Known, layout: &Layout) -> Known {
    let Scan { mut found, blind, .. } = scan;
    if !blind.is_empty() {
        for (key, old) in before {
            let path = layout.render(key);
            if !found.contains_key(key) && blind.iter().any(|(blind, _)| path.starts_with(blind)) {
                found.insert(key.clone(), old.clone());
            }
        }
    }
    found
}

impl Changes {
    /// Those from one state to another.
    pub(super) fn between(before: &Known, after: &Known) -> Self {
        let differs = |(key, found): &(&Key, _)| before.get(*key) != Some(*found);
        let mut put: Vec<Key> = after.iter().filter(differs).map(|(key, _)| key.clone()).collect();
        let mut gone: Vec<Key> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
        for keys in [&mut put, &mut gone] {
            keys.sort_unstable_by(|one, other| other.cmp(one));
        }
        Self { put, gone }
    }
}
