//! The folder on a source's own disk through which sessions go: in by one rename, and back the same way.
//!
//! A session `X` in it has a note beside it, whose name says how far the deletion is: `X.intent` while nothing of it is
//! removed, `X.approved` once it was found as approved and is being removed. On a disk so full that no note can be written,
//! it is a link whose target names the folder; that needs no room. Such a link is read, never followed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::approve::Approved;
use super::note::{self, Head, List};
use super::place::Place;
use super::remove::Removal;
use crate::session::beneath::{self, FOLDER, Rights};
use crate::session::lock::TRASH;
use crate::session::{lock, tree};

/// Ending of a note as long as nothing of the session is removed.
pub(super) const INTENT: &str = ".intent";
/// Ending of a note of a session that is being removed.
pub(super) const APPROVED: &str = ".approved";
/// Ending of a note that is being written.
pub(super) const DRAFT: &str = ".draft";
/// A longer participant is cut in the names of the trash.
const LONGEST: usize = 180;

/// The folder, held open.
#[derive(Debug)]
pub(super) struct Trash {
    pub(super) folder: OwnedFd,
    path: PathBuf,
}

/// A session in it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Its note holds no list.
    pub(super) bare: bool,
}

/// What a note says.
#[derive(Debug)]
pub(super) enum Note {
    /// All of it.
    Whole(Head, List),
    /// Only the folder from which it came.
    Bare(PathBuf),
}

impl Trash {
    /// Opens it, and makes it where it is not there.
    pub(super) fn open(source: &OwnedFd, shown: &Path) -> Result<Self, String> {
        let path = shown.join(TRASH);
        match lock::own(source.as_fd(), TRASH) {
            Ok(folder) => Ok(Self { folder, path }),
            Err(error) => Err(format!("{} cannot be used: {}", path.display(), lock::remedy(&error))),
        }
    }

    /// Opens it where it is there.
    pub(super) fn existing(source: &OwnedFd, shown: &Path) -> io::Result<Option<Self>> {
        match beneath::open(source, Path::new(TRASH), FOLDER, Mode::empty()) {
            Ok(folder) => Ok(Some(Self { folder, path: shown.join(TRASH) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where a session lies in it, for people.
    pub(super) fn shown(&self, entry: &Entry) -> String {
        self.path.join(&entry.name).display().to_string()
    }

    /// Notes durably what is about to come.
    pub(super) fn intend(&self, approved: &Approved) -> Result<Entry, String> {
        let participant = &approved.key.participant;
        let participant = participant.get(..participant.floor_char_boundary(LONGEST)).unwrap_or_default();
        let mut entry =
            Entry { name: format!("{}_{participant}_{:016x}", approved.key.day(), fastrand::u64(..)), bare: false };
        match self.write(&entry, approved, INTENT) {
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOSPC | Errno::DQUOT)) => {
                entry.bare = true;
                let link = rustix::fs::symlinkat(&approved.folder, &self.folder, note_name(&entry, INTENT));
                link.map_err(io::Error::from).and_then(|()| self.sync())
            }
            written => written,
        }
        .map(|()| entry)
        .map_err(|error| format!("{} cannot be written to: {}", self.path.display(), lock::remedy(&error)))
    }

    /// Gives a bare entry its list, once there is room for it.
    pub(super) fn complete(&self, entry: &Entry, approved: &Approved) -> io::Result<()> {
        self.write(entry, approved, APPROVED)
    }

    fn write(&self, entry: &Entry, approved: &Approved, ending: &str) -> io::Result<()> {
        let head = Head { key: approved.key.clone(), folder: approved.folder.clone() };
        let bytes = note::render(&head, &approved.list())?;
        let draft = note_name(entry, DRAFT);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let written = beneath::open(&self.folder, Path::new(&draft), flags, Mode::from_raw_mode(0o600))
            .and_then(|file| {
                let mut file = std::fs::File::from(file);
                io::Write::write_all(&mut file, &bytes)?;
                file.sync_all()
            })
            .and_then(|()| {
                rustix::fs::renameat(&self.folder, &draft, &self.folder, note_name(entry, ending))?;
                self.sync()
            });
        if written.is_err() {
            let _left_for_recovery = rustix::fs::unlinkat(&self.folder, &draft, AtFlags::empty());
        }
        written
    }

    /// Moves the session in. An error means that it was not moved.
    pub(super) fn take(&self, place: &Place, entry: &Entry) -> Result<(), String> {
        let whole = place
            .is(&place.parent, &place.name)
            .map_err(|error| format!("its folder was moved away while it was looked at: {}", tree::plain(&error)))?;
        if !whole {
            return Err("its folder was replaced by something else while it was looked at; look into it".into());
        }
        rename(&place.parent, Path::new(&place.name), &self.folder, Path::new(&entry.name)).map_err(|error| {
            let remedy = match Errno::from_io_error(&error) {
                Some(Errno::BUSY) => "something is mounted on it; unmount it".into(),
                Some(Errno::XDEV) => "it lies on another file system than its source; unmount or move it".into(),
                _ => lock::remedy(&error),
            };
            format!("it cannot be moved into {}: {remedy}", self.path.display())
        })
    }

    /// Makes sure that what was moved in is the session and stays where it is.
    pub(super) fn settle(&self, place: &Place, entry: &Entry) -> Result<(), String> {
        let said = |error: io::Error| format!("the trash cannot be made durable: {}", tree::plain(&error));
        if !place.is(&self.folder, &entry.name).map_err(said)? {
            return Err("its folder was replaced by something else in the last moment; look into it".into());
        }
        beneath::sync_folder(&place.parent).map_err(said)?;
        self.sync().map_err(said)
    }

    /// From here on it is removed.
    pub(super) fn approve(&self, entry: &Entry) -> Result<(), String> {
        self.turn(entry, INTENT, APPROVED)
    }

    /// Nothing was removed, and nothing will be: however this ends, it is to be put back.
    pub(super) fn withdraw(&self, entry: &Entry) -> Result<(), String> {
        self.turn(entry, APPROVED, INTENT)
    }

    fn turn(&self, entry: &Entry, from: &str, to: &str) -> Result<(), String> {
        rename(&self.folder, note_name(entry, from).as_ref(), &self.folder, note_name(entry, to).as_ref())
            .and_then(|()| self.sync())
            .map_err(|error| format!("the trash cannot be written to: {}", lock::remedy(&error)))
    }

    /// Takes the notes of an entry away.
    pub(super) fn forget(&self, entry: &Entry) -> Result<(), String> {
        for ending in [DRAFT, INTENT, APPROVED] {
            match rustix::fs::unlinkat(&self.folder, note_name(entry, ending), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => {
                    let path = self.path.join(note_name(entry, ending));
                    return Err(format!("{} cannot be removed: {error}", path.display()));
                }
            }
        }
        self.sync().map_err(|error| format!("{} cannot be made durable: {}", self.path.display(), tree::plain(&error)))
    }

    /// Moves a session back to where it was. Never onto anything else.
    pub(super) fn put_back(&self, source: &OwnedFd, entry: &Entry, folder: &Path) -> Result<(), String> {
        let lies = self.shown(entry);
        let said = |error: io::Error| match Errno::from_io_error(&error) {
            Some(Errno::EXIST | Errno::NOTEMPTY) => format!(
                "{} has appeared again meanwhile, so both are kept: what was there before lies in {lies}; bring them \
                 together by hand",
                folder.display()
            ),
            _ => format!(
                "it could not be put back to {}: {}; it lies in {lies}, and the next start tries again",
                folder.display(),
                lock::remedy(&error)
            ),
        };
        let name = folder.file_name().ok_or_else(|| said(Errno::INVAL.into()))?;
        let above = folder.parent().unwrap_or(Path::new(""));
        let parent = beneath::make(source, above, Rights::AsAbove, true).map_err(said)?;
        rename(&self.folder, entry.name.as_ref(), &parent, Path::new(name)).map_err(said)?;
        beneath::sync_folder(&parent).map_err(said)?;
        self.sync().map_err(said)?;
        self.forget(entry)
    }

    /// Ends a removal. What was not listed goes back to where it was; what could not be removed stays.
    pub(super) fn end(
        &self,
        source: &OwnedFd,
        entry: &Entry,
        folder: &Path,
        removal: &Removal,
    ) -> Result<Vec<String>, String> {
        if removal.failed > 0 {
            return Err(format!(
                "{} files of it were removed and {} things could not be ({}); the rest lies in {}, and the next \
                 deletion or start of the engine goes on with it",
                removal.files,
                removal.failed,
                removal.failures.join(", "),
                self.shown(entry),
            ));
        }
        match rustix::fs::unlinkat(&self.folder, &entry.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {
                self.sync().map_err(|error| tree::plain(&error))?;
                self.forget(entry)?;
                Ok(Vec::new())
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                let kept = if removal.strangers.is_empty() { "something".into() } else { removal.strangers.join(", ") };
                self.put_back(source, entry, folder)?;
                Ok(vec![format!("{kept} was written during the deletion and is kept in {}", folder.display())])
            }
            Err(error) => Err(format!("{} is empty and cannot be removed: {error}", self.shown(entry))),
        }
    }

    /// The note of an entry; `None`: there is none, or it is torn.
    pub(super) fn note(&self, entry: &Entry, ending: &str) -> Option<Note> {
        let name = note_name(entry, ending);
        match beneath::open(&self.folder, Path::new(&name), OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
            Ok(file) => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes).ok()?;
                note::parse(&bytes).map(|(head, list)| Note::Whole(head, list))
            }
            Err(_link) => {
                use std::os::unix::ffi::OsStringExt;
                let target = rustix::fs::readlinkat(&self.folder, &name, Vec::new()).ok()?;
                Some(Note::Bare(std::ffi::OsString::from_vec(target.into_bytes()).into()))
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        beneath::sync_folder(&self.folder)
    }
}

/// `X.intent`.
fn note_name(entry: &Entry, ending: &str) -> String {
    format!("{}{ending}", entry.name)
}

/// Renames without ever replacing anything but, where the file system cannot promise more, an empty folder.
fn rename(from: &OwnedFd, name: &Path, to: &OwnedFd, new: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST.into()),
                // A folder moved onto a folder with anything in it is refused by every file system.
                Err(Errno::NOENT) => Ok(rustix::fs::renameat(from, name, to, new)?),
                Err(error) => Err(error.into()),
            }
        }
        renamed => Ok(renamed?),
    }
}
