//! What is accounted for, what went wrong how often, and what is still to do.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::CopyError;
use super::run::Run;
use super::target::Known;
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::Sum;
use crate::session::stream::seen;
use crate::session::tree::{self, plain};

/// What a round has to do.
#[derive(Default)]
pub(super) struct Todo<'l> {
    /// Files whose copies may be right: their contents are compared.
    pub(super) check: Vec<&'l File>,
    /// Files to copy.
    pub(super) copy: Vec<&'l File>,
    /// Names of a file that another name in the session has too: the first one, and this one.
    pub(super) link: Vec<(&'l File, &'l File)>,
}

impl Todo<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.check.is_empty() && self.copy.is_empty() && self.link.is_empty()
    }
}

impl Run<'_> {
    /// Which files are not accounted for.
    pub(super) fn todo<'l>(&mut self, listing: &'l Listing) -> Result<Todo<'l>, CopyError> {
        let (target, manifest) = (self.target.clone(), Arc::clone(&self.manifest));
        let known = Known::new(target.as_deref(), &manifest, self.kind);
        let mut todo = Todo::default();
        let mut firsts: HashMap<(u64, u64), &File> = HashMap::new();
        for file in &listing.files {
            if self.failed.contains_key(&file.path) {
                continue;
            }
            let first = match file.shared.filter(|_| !self.unlinked) {
                Some(inode) => *firsts.entry(inode).or_insert(file),
                None => file,
            };
            match self.sums.get(&file.path) {
                Some(sum) if sum.seen == Some(seen(file)) => continue,
                Some(_) => {
                    // It was accounted for and is another one now.
                    self.forget(&file.path);
                    self.changed(&file.path)?;
                }
                None => {}
            }
            let trusted = !self.suspect.contains(&file.path);
            match known.whole(file).filter(|_| trusted) {
                Some(sum) => drop(self.sums.insert(file.path.clone(), sum.clone())),
                None if trusted && known.like(file).is_some() => todo.check.push(file),
                None if first.path == file.path => todo.copy.push(file),
                None => todo.link.push((first, file)),
            }
        }
        Ok(todo)
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.sums.remove(path);
        if self.staged.remove(path) {
            self.litter.insert(path.to_owned());
        }
        self.unproven.remove(path);
        self.proven.remove(path);
    }

    pub(super) fn changed(&mut self, path: &Path) -> Result<(), CopyError> {
        match self.tries.entry(path.to_owned()).or_default().changed() {
            None => Ok(()),
            Some(times) => Err(CopyError::StillWritten { file: shown(path), times }),
        }
    }

    /// Something went wrong with a file: tried again, or given up.
    pub(super) fn wrong(&mut self, path: &Path, what: &str, error: &io::Error) {
        self.forget(path);
        if self.tries.entry(path.to_owned()).or_default().failed() {
            self.failed.insert(path.to_owned(), format!("{what}: {}", plain(error)));
        }
    }

    pub(super) fn corrupt(&mut self, path: &Path, what: &str) {
        self.forget(path);
        self.suspect.insert(path.to_owned());
        let name = shown(path);
        if !self.report.repaired.contains(&name) {
            self.report.repaired.push(name);
        }
        if let Some(why) = self.tries.entry(path.to_owned()).or_default().corrupt(what) {
            self.failed.insert(path.to_owned(), why);
        }
    }

    /// The copy of a file is whole as it lies there.
    pub(super) fn account(&mut self, file: &File, hash: blake3::Hash) {
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen(file)) });
    }

    /// Lists the source again: what changed is no longer accounted for, what vanished is named.
    pub(super) fn list_again(&mut self) -> Result<(), CopyError> {
        let listing = Arc::new(tree::list_in(&self.source, self.order.source, self.order.exclude)?);
        let before = std::mem::replace(&mut self.listing, Arc::clone(&listing));
        let now: BTreeSet<&Path> = listing.files.iter().map(|file| file.path.as_path()).collect();
        for path in before.files.iter().map(|file| &file.path).filter(|path| !now.contains(path.as_path())) {
            self.report.vanished.push(shown(path));
            self.forget(path);
        }
        self.failed.retain(|path, _| now.contains(path.as_path()));
        Ok(())
    }
}
