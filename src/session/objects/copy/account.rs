//! What is accounted for, and what went wrong how often.

use std::path::Path;

use super::Run;
use super::still_written;
use crate::session::listing::{File, shown};
use crate::session::manifest::Sum;
use crate::session::side::Undone;
use crate::session::stream::seen;

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
        match self.tries.entry(path.to_owned()).or_default().changed() {
            None => Ok(()),
            Some(_) => Err(still_written(path)),
        }
    }

    pub(super) fn wrong(&mut self, path: &Path, why: String) {
        self.forget(path);
        if self.tries.entry(path.to_owned()).or_default().failed() {
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
        if let Some(why) = self.tries.entry(path.to_owned()).or_default().corrupt(what) {
            self.failed.insert(path.to_owned(), why);
        }
    }
}
