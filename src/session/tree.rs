//! What lies in the folder of one session: a walk by folder descriptors.
//!
//! No link is followed, no other file system entered, and names may be any bytes. Whatever is neither a file nor a folder
//! is named as [`Odd`].

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;

use super::beneath::{self, Kind};
use super::listing::{File, Listing, Odd, by_path};

/// Folders in folders; deeper ones are named as odd. Each level holds one descriptor.
const DEEPEST: usize = 100;
/// How many questions are asked at once of a file system that takes its time.
const LANES: usize = 16;

/// Why a folder cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// There is nothing of that name.
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
    /// There is something else: a file, a symbolic link.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It cannot be read, or its disk or share failed on the way.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// Folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// All that lies in the folder of a session; `exclude` says which paths below it do not belong to the session.
///
/// Blocks as long as its file system does. Questions to a share are asked sixteen at once.
pub fn list(root: &Path, exclude: &dyn Fn(&Path) -> bool) -> Result<Listing, ListError> {
    list_in(&open(root)?, root, exclude)
}

/// Opens the folder of a session.
pub(super) fn open(root: &Path) -> Result<OwnedFd, ListError> {
    beneath::session(root).map_err(|error| unreadable(root, &error))
}

/// As [`list`], of a folder that is held open already and is called `shown` in errors.
pub(super) fn list_in(root: impl AsFd, shown: &Path, exclude: &dyn Fn(&Path) -> bool) -> Result<Listing, ListError> {
    let wrong = |error: &io::Error| unreadable(shown, error);
    let far = beneath::kind(&root).map_err(|error| wrong(&error))? == Kind::Other;
    // Whoever holds it may have read in it.
    let root = beneath::open(root, Path::new(""), beneath::FOLDER, Mode::empty()).map_err(|error| wrong(&error))?;
    let own = rustix::fs::fstat(&root).map_err(|error| wrong(&error.into()))?;
    let listing = list_with(&root, own.st_dev, shown, exclude, if far { LANES } else { 1 })?;
    Ok(Listing { identity: Some((own.st_dev, own.st_ino)), ..listing })
}

/// As [`list_in`], of a folder on this device that was just opened, with so many questions at once: for whoever lists many
/// sessions at the same time.
pub(super) fn list_with(
    root: &OwnedFd,
    device: u64,
    shown: &Path,
    exclude: &dyn Fn(&Path) -> bool,
    lanes: usize,
) -> Result<Listing, ListError> {
    let mut walk = Walk { listing: Listing::default(), device, exclude, lanes };
    walk.folder(root, Path::new(""), 0).map_err(|error| unreadable(shown, &error))?;
    let mut listing = walk.listing;
    listing.files.sort_unstable_by(|one, other| by_path(&one.path, &other.path));
    listing.folders.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    listing.odd.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    listing.excluded.sort_unstable();
    Ok(listing)
}

fn unreadable(path: &Path, error: &io::Error) -> ListError {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => ListError::Missing(path.to_owned()),
        Some(Errno::NOTDIR | Errno::LOOP) => ListError::NotAFolder(path.to_owned()),
        _ => ListError::Unreadable { path: path.to_owned(), why: error.to_string() },
    }
}

struct Walk<'a> {
    listing: Listing,
    device: u64,
    exclude: &'a dyn Fn(&Path) -> bool,
    lanes: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &OwnedFd, path: &Path, depth: usize) -> io::Result<()> {
        let names = beneath::names(folder)?;
        let stats = stats(folder.as_fd(), &names, self.lanes);
        let mut inner = Vec::new();
        for ((name, _), stat) in names.into_iter().zip(stats) {
            // Most files lie right in the session's folder.
            let path = if depth == 0 { PathBuf::from(name) } else { path.join(name) };
            match stat {
                Ok(stat) if is_folder(&stat) => inner.push(path),
                Ok(stat) if (self.exclude)(&path) => self.excluded(path, &stat),
                Ok(stat) => self.entry(path, &stat),
                // It was removed since its name was read.
                Err(Errno::NOENT) => {}
                Err(error) => self.refused(&path, error.into())?,
            }
        }
        for path in inner {
            let name = path.file_name().unwrap_or_default();
            if name.as_bytes().starts_with(b".hotspare") {
                self.odd(&path, "a folder of hotspare's own");
            } else if depth == DEEPEST {
                self.odd(&path, "too many folders in folders");
            } else {
                match beneath::open(folder, Path::new(name), beneath::FOLDER, Mode::empty()) {
                    Ok(opened) => self.inner(&opened, path, depth)?,
                    Err(error) => self.refused(&path, error)?,
                }
            }
        }
        Ok(())
    }

    fn inner(&mut self, folder: &OwnedFd, path: PathBuf, depth: usize) -> io::Result<()> {
        let stat = rustix::fs::fstat(folder)?;
        if stat.st_dev != self.device {
            self.odd(&path, "on another file system");
            return Ok(());
        }
        if let Err(error) = self.folder(folder, &path, depth + 1) {
            self.refused(&path, error)?;
        }
        self.listing.folders.push((path, stat.st_mode & 0o7777, modified(&stat)));
        Ok(())
    }

    fn excluded(&mut self, path: PathBuf, stat: &Stat) {
        let file = file(path, stat);
        let newest = self.listing.excluded_changed.max(Some(file.modified)).max(file.changed);
        self.listing.excluded_changed = newest;
        self.listing.excluded.push(file.path);
    }

    fn entry(&mut self, path: PathBuf, stat: &Stat) {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_dev == self.device => self.listing.files.push(file(path, stat)),
            FileType::RegularFile => self.odd(&path, "on another file system"),
            FileType::Symlink => self.odd(&path, "a symbolic link"),
            FileType::Fifo => self.odd(&path, "a fifo"),
            FileType::Socket => self.odd(&path, "a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => self.odd(&path, "a device"),
            FileType::Directory | FileType::Unknown => self.odd(&path, "of an unknown kind"),
        }
    }

    /// What cannot be read is named and left out; a disk or share that fails ends the walk, because what it does not
    /// tell must not count as not there.
    fn refused(&mut self, path: &Path, error: io::Error) -> io::Result<()> {
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => {}
            Some(Errno::XDEV) => self.odd(path, "on another file system"),
            Some(Errno::LOOP | Errno::NOTDIR) => self.odd(path, "something else by the time it was looked into"),
            Some(Errno::ACCESS | Errno::PERM | Errno::IO | Errno::NAMETOOLONG) => {
                self.odd(path, &format!("not readable: {}", plain(&error)));
            }
            _ => return Err(error),
        }
        Ok(())
    }

    fn odd(&mut self, path: &Path, what: &str) {
        self.listing.odd.push(Odd { path: super::listing::shown(path), what: what.to_owned() });
    }
}

/// An error's words without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// What is kept of a file.
pub(super) fn file(path: PathBuf, stat: &Stat) -> File {
    File {
        path,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: modified(stat),
        changed: Some(timestamp(stat.st_ctime, stat.st_ctime_nsec)),
        mode: stat.st_mode & 0o7777,
        shared: (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
    }
}

/// Last modification, to the nanosecond.
pub(super) fn modified(stat: &Stat) -> Timestamp {
    timestamp(stat.st_mtime, stat.st_mtime_nsec)
}

fn timestamp(seconds: i64, nanoseconds: u64) -> Timestamp {
    let beyond = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or(0)).unwrap_or(beyond)
}

type Found = Result<Stat, Errno>;

fn stats(folder: BorrowedFd<'_>, names: &[(OsString, FileType)], lanes: usize) -> Vec<Found> {
    let one = |(name, _): &(OsString, FileType)| rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    let share = names.len().div_ceil(lanes).max(4);
    if names.len() <= share {
        return names.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = names
            .chunks(share)
            .map(|part| (part, scope.spawn(move || part.iter().map(one).collect::<Vec<Found>>())))
            .collect();
        let joined = parts.into_iter().map(|(part, lane)| match lane.join() {
            Ok(found) => found,
            Err(_panicked) => part.iter().map(one).collect(),
        });
        joined.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(listing: &Listing) -> Vec<&str> {
        listing.files.iter().map(|file| file.path.to_str().unwrap()).collect()
    }

    #[test]
    fn everything_is_listed_in_order_and_nothing_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("session");
        std::fs::create_dir_all(root.join("b/c")).unwrap();
        std::fs::create_dir_all(root.join(".hotspare-trash/x")).unwrap();
        for name in ["a", "b/z", "b/c/y", "b.tmp", "b/lock.tmp"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        symlink(&root, root.join("b/up")).unwrap();
        std::fs::hard_link(root.join("a"), root.join("b/a")).unwrap();
        let listing = list(&root, &|path| path.extension().is_some_and(|ending| ending == "tmp")).unwrap();
        assert_eq!(names(&listing), ["a", "b/a", "b/c/y", "b/z"]);
        assert_eq!(listing.excluded, [PathBuf::from("b/lock.tmp"), PathBuf::from("b.tmp")]);
        let folders: Vec<_> = listing.folders.iter().map(|(path, _, _)| path.to_str().unwrap()).collect();
        assert_eq!(folders, ["b", "b/c"]);
        let odd: Vec<_> = listing.odd.iter().map(|odd| (odd.path.as_str(), odd.what.as_str())).collect();
        assert_eq!(odd, [(".hotspare-trash", "a folder of hotspare's own"), ("b/up", "a symbolic link")]);
        assert!(listing.files[0].shared.is_some() && listing.files[0].shared == listing.files[1].shared);
        assert!(listing.files[2].shared.is_none() && listing.files[2].changed.is_some());
    }

    #[test]
    fn what_is_left_out_is_seen_when_it_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, growing) = (folder.path().join("a.mp4"), folder.path().join("a.mp4.tmp"));
        std::fs::write(&plain, "whole").unwrap();
        std::fs::write(&growing, "half").unwrap();
        let listed = || list(folder.path(), &|path| path.extension().is_some_and(|ending| ending == "tmp")).unwrap();
        let before = listed();
        assert_eq!((before.files.len(), before.excluded.len()), (1, 1));
        let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        std::fs::File::options().append(true).open(&growing).unwrap().set_modified(later).unwrap();
        let after = listed();
        assert_ne!(before, after, "a look before and one after differ");
        let at = Timestamp::from_second(4_000_000_000).ok();
        assert_eq!((after.excluded_changed, after.facts(|_| false).changed), (at, at));
        let whole = list(folder.path(), &|_| false).unwrap().without(|path| path == Path::new("a.mp4.tmp"));
        assert_eq!(whole.facts(|_| false).changed, at, "also where it is left out later");
    }

    #[test]
    fn what_is_no_folder_is_told_apart_from_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        symlink("/", at("link")).unwrap();
        assert_eq!(list(&at("none"), &|_| false), Err(ListError::Missing(at("none"))));
        assert_eq!(list(&at("file"), &|_| false), Err(ListError::NotAFolder(at("file"))));
        assert_eq!(list(&at("link"), &|_| false), Err(ListError::NotAFolder(at("link"))));
    }

    #[test]
    fn a_folder_that_is_too_deep_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let deep: PathBuf = std::iter::repeat_n("d", DEEPEST + 5).collect();
        std::fs::create_dir_all(folder.path().join(deep)).unwrap();
        let listing = list(folder.path(), &|_| false).unwrap();
        assert_eq!((listing.folders.len(), listing.odd.len()), (DEEPEST, 1));
    }

    #[test]
    fn many_names_are_asked_for_by_several_lanes_with_the_same_answer() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..300 {
            std::fs::write(folder.path().join(number.to_string()), "x".repeat(number)).unwrap();
        }
        let opened = open(folder.path()).unwrap();
        let names = beneath::names(&opened).unwrap();
        let sizes = |lanes| stats(opened.as_fd(), &names, lanes).into_iter().map(|stat| stat.unwrap().st_size);
        assert!(sizes(1).eq(sizes(16)));
    }
}
