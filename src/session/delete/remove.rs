//! Removes what a list allows from a folder that is held open, and nothing else.
//!
//! No link is followed and no other mount entered. What is not as it is listed stays.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;

use super::note::List;
use crate::session::beneath::{self, FOLDER};
use crate::session::listing::shown;
use crate::session::tree;

/// The most failures that are named.
const NAMED: usize = 5;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Removal {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Bytes of disk that are free now.
    pub(super) freed: u64,
    /// What lies there and was not listed, or not as it is now.
    pub(super) strangers: Vec<String>,
    /// Why listed things could not be removed, and how many.
    pub(super) failures: Vec<String>,
    pub(super) failed: u64,
}

/// Removes what is listed below this folder; `removed` hears the size of each file that is gone.
pub(super) fn remove(folder: &OwnedFd, list: &List, removed: &mut dyn FnMut(u64)) -> Removal {
    let mut walk = Walk { list, removed, removal: Removal::default() };
    walk.folder(folder, Path::new(""));
    walk.removal
}

struct Walk<'a> {
    list: &'a List,
    removed: &'a mut dyn FnMut(u64),
    removal: Removal,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &OwnedFd, path: &Path) {
        let names = match beneath::names(folder) {
            Ok(names) => names,
            Err(error) => return self.failed(path, &error),
        };
        for (name, _) in names {
            let path = path.join(&name);
            if let Err(error) = self.entry(folder, Path::new(&name), &path) {
                self.failed(&path, &error);
            }
        }
    }

    fn entry(&mut self, folder: &OwnedFd, name: &Path, path: &Path) -> std::io::Result<()> {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Somebody was faster.
            Err(Errno::NOENT) => return Ok(()),
            found => found?,
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return self.inner(folder, name, path);
        }
        if !self.listed(path, &stat) {
            self.removal.strangers.push(shown(path));
            return Ok(());
        }
        rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.removal.files += 1;
        self.removal.bytes += size;
        if stat.st_nlink == 1 {
            self.removal.freed += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        }
        (self.removed)(size);
        Ok(())
    }

    fn inner(&mut self, folder: &OwnedFd, name: &Path, path: &Path) -> std::io::Result<()> {
        if !self.list.folders.contains(path) {
            self.removal.strangers.push(shown(path));
            return Ok(());
        }
        let inner = beneath::open(folder, name, FOLDER, Mode::empty())?;
        self.folder(&inner, path);
        match rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR) {
            // What is still in it was said.
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn listed(&self, path: &Path, stat: &Stat) -> bool {
        if self.list.excluded.contains(path) {
            return true;
        }
        let file = tree::file(path.to_owned(), stat);
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && self.list.files.get(path) == Some(&(file.size, file.modified))
    }

    fn failed(&mut self, path: &Path, error: &std::io::Error) {
        self.removal.failed += 1;
        if self.removal.failures.len() < NAMED {
            let path = if path.as_os_str().is_empty() { "its folder".into() } else { shown(path) };
            self.removal.failures.push(format!("{path}: {}", tree::plain(error)));
        }
    }
}
