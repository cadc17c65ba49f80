//! Which participants belong to a store, and which files to its sessions. Pure.

use std::path::Path;

use globset::{GlobSet, GlobSetBuilder};

use crate::fleet::data::Store;
use crate::fleet::glob::glob;

/// The rules of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Filter {
    prefixes: std::sync::Arc<[String]>,
    exclude: GlobSet,
    /// A set of one: it knows `*.mp4` by its ending, where a matcher by itself would run an expression.
    count: GlobSet,
}

impl Filter {
    /// The rules of this store. Globs that cannot be read match nothing; the fleet file was refused for them.
    pub fn new(store: &Store) -> Self {
        Self {
            prefixes: store.participants.clone().into(),
            exclude: set(&store.exclude),
            count: set(std::slice::from_ref(&store.count)),
        }
    }

    /// Whether sessions of this participant belong to the store.
    pub fn participant(&self, name: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether a file, by its path below the session's folder, is none of the session's.
    pub fn excluded(&self, path: &Path) -> bool {
        self.exclude.is_match(path)
    }

    /// Whether the Videos column counts a file, by its path below the session's folder.
    pub fn video(&self, path: &Path) -> bool {
        self.count.is_match(path)
    }

    /// What leaves files out.
    pub const fn exclude(&self) -> &GlobSet {
        &self.exclude
    }
}

fn set(globs: &[String]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    globs.iter().filter_map(|text| glob(text).ok()).for_each(|glob| {
        builder.add(glob);
    });
    builder.build().unwrap_or_else(|_too_large| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn filter(exclude: &[&str], count: &str) -> Filter {
        let exclude: Vec<String> = exclude.iter().map(|glob| (*glob).to_owned()).collect();
        Filter {
            prefixes: ["p", "TF"].map(str::to_owned).to_vec().into(),
            exclude: set(&exclude),
            count: set(&[count.to_owned()]),
        }
    }

    #[test]
    fn participants_are_known_by_their_prefix() {
        let filter = filter(&[], "*");
        assert!(filter.participant("p001") && filter.participant("TF47") && filter.participant("p"));
        assert!(!filter.participant("T47") && !filter.participant("lost+found") && !filter.participant(""));
    }

    #[test]
    fn a_glob_without_a_slash_matches_names_at_any_depth() {
        let filter = filter(&["*.tmp", "cache/*", "raw/**/x"], "*.mp4");
        for out in ["a.tmp", "deep/er/a.tmp", ".tmp", "cache/a", "raw/x", "raw/a/b/x"] {
            assert!(filter.excluded(Path::new(out)), "{out}");
        }
        for kept in ["a.tmp.mp4", "tmp", "deep/cache/a", "cache/a/b", "x"] {
            assert!(!filter.excluded(Path::new(kept)), "{kept}");
        }
        assert!(filter.video(Path::new("images/a.mp4")) && !filter.video(Path::new("a.MP4")));
    }

    #[test]
    fn names_need_not_be_utf8() {
        let filter = filter(&["*.tmp", "?b"], "*.mp4");
        assert!(filter.excluded(Path::new(OsStr::from_bytes(b"deep/\xff.tmp"))));
        assert!(filter.excluded(Path::new(OsStr::from_bytes(b"\xffb"))));
        assert!(filter.video(Path::new(OsStr::from_bytes(b"\xff\n.mp4"))));
        assert!(!filter.excluded(Path::new(OsStr::from_bytes(b"\xff.mp4"))));
    }
}
