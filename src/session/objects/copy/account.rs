//! What is accounted for, and what went wrong how often.

use std::path::Path;

use super::Run;
use super::still_written;
use crate::session::listing::{File, shown};
use crate::session::manifest::Sum;
use crate::session::side::Undone;
use crate::session::stream::seen;

/// A file that changed so often while it was copied is still being written.
const CHANGES: u32 = 5;
/// A file that could not be read or sent so often is given up.
const ERRORS: u32 = 2;
/// A file that was not what had been sent so often is given up.
const CORRUPTIONS: u32 = 3;

/// How often what went wrong with a file.
#[derive(Default)]
pub(super) struct Tries {
    changed: u32,
    errors: u32,
    corrupt: u32,
}

impl Run<'_> {
    pub(super) fn account(&mut self, file: &File, hash: blake3::Hash) {
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen(file)) });
        self.unproven.insert(file.path.clone());
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.sums.remove(path);
        self.unproven.remove(path);
    }

    pub(super) fn changed(&mut self, path: &Path) -> Result<(), Undone> {
        self.forget(path);
        // Whatever was sent of it is not what it is now.
        self.suspect.insert(path.to_owned());
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.changed += 1;
        if tries.changed < CHANGES { Ok(()) } else { Err(still_written(path)) }
    }

    pub(super) fn wrong(&mut self, path: &Path, why: String) {
        self.forget(path);
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.errors += 1;
        if tries.errors >= ERRORS {
            self.failed.insert(path.to_owned(), why);
        }
    }

    pub(super) fn corrupt(&mut self, path: &Path, what: &str) {
        self.forget(path);
        self.suspect.insert(path.to_owned());
        let name = shown(path);
        if !self.out.repaired.contains(&name) {
            self.out.repaired.push(name);
        }
        let tries = self.tries.entry(path.to_owned()).or_default();
        tries.corrupt += 1;
        if tries.corrupt >= CORRUPTIONS {
            let times = tries.corrupt;
            self.failed
                .insert(path.to_owned(), format!("it was wrong each of {times} times it was read back ({what})"));
        }
    }
}
