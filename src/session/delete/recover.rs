//! What an interrupted deletion left in the trash: put back as long as no file of it is gone, finished otherwise.
//!
//! What approved it may be long ago. A session that lies whole in the trash is not removed on that word: it goes back, and
//! a deletion that is asked for again looks at its copies again. Of one that is partly removed, the rest is removed only while
//! each copy holds all of it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};

use super::note::{Head, List};
use super::trash::{APPROVED, DRAFT, Entry, INTENT, Note, Trash};
use super::{Seen, copies, remove};
use crate::clock::Clock;
use crate::session::beneath::{self, FOLDER};
use crate::session::key::Key;
use crate::session::lock::{self, Lock, LockError};
use crate::session::tree;

/// What became of something in the trash. Its text is for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// An approved deletion was finished.
    Finished {
        /// Which session.
        key: Key,
        /// Bytes of disk that became free now.
        freed: u64,
        /// What was not approved and is kept.
        notes: Vec<String>,
    },
    /// It lies again where it was recorded.
    PutBack {
        /// Which session.
        key: Key,
        /// Its folder below the source.
        folder: PathBuf,
    },
    /// It lies in the trash still.
    Left {
        /// Where.
        path: String,
        /// Why, and what to do.
        why: String,
    },
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished { key, notes, .. } => {
                write!(f, "the interrupted deletion of {key} was finished")?;
                notes.iter().try_for_each(|note| write!(f, "; {note}"))
            }
            Self::PutBack { folder, .. } => {
                write!(f, "the deletion of {} was interrupted before its end: it was put back", folder.display())
            }
            Self::Left { path, why } => write!(f, "{path} is left over from a deletion: {why}"),
        }
    }
}

/// Deals with everything that interrupted deletions left at this source. Deletions that still run, here or in another
/// engine, are not touched. To be called when an engine starts and before a deletion; costs next to nothing where
/// nothing was left. Blocks as long as the source's disk does, and where something was left as long as `copies`, which looks
/// at the copies of a session now.
pub fn recover(source: &Path, clock: &Clock, copies: &dyn Fn(&Key) -> Vec<Seen>) -> Vec<Recovered> {
    let left = |why: String| vec![Recovered::Left { path: source.join(super::TRASH).display().to_string(), why }];
    // A source that is not there is told by everything else.
    let Ok(folder) = lock::open_source(source) else { return Vec::new() };
    let trash = match Trash::existing(&folder, source) {
        Ok(Some(trash)) => trash,
        Ok(None) => return Vec::new(),
        Err(error) => return left(lock::remedy(&error)),
    };
    let names = match beneath::names(&trash.folder) {
        Ok(names) => names,
        Err(error) => return left(tree::plain(&error)),
    };
    let bases: BTreeSet<Option<String>> = names.iter().map(|(name, _)| name.to_str().map(base)).collect();
    let one = |name: Option<String>| match name {
        Some(name) => {
            Case { source, folder: &folder, trash: &trash, entry: Entry { name, bare: false }, copies }.deal(clock)
        }
        None => Some(Recovered::Left { path: source.join(super::TRASH).display().to_string(), why: FOREIGN.into() }),
    };
    bases.into_iter().filter_map(one).collect()
}

const FOREIGN: &str = "hotspare has no note of it; look into it, and move it where it belongs";

/// `X` of `X.intent`.
fn base(name: &str) -> String {
    let ending = [INTENT, APPROVED, DRAFT].into_iter().find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(name).to_owned()
}

/// The session of `20250104_p001_0123456789abcdef`.
fn key_of(name: &str) -> Option<Key> {
    let (day, rest) = name.split_once('_')?;
    let (participant, _) = rest.rsplit_once('_')?;
    Key::new(participant, day).ok()
}

struct Case<'a> {
    source: &'a Path,
    folder: &'a OwnedFd,
    trash: &'a Trash,
    entry: Entry,
    copies: &'a dyn Fn(&Key) -> Vec<Seen>,
}

impl Case<'_> {
    fn deal(&self, clock: &Clock) -> Option<Recovered> {
        let told = [INTENT, APPROVED].into_iter().find_map(|ending| match self.trash.note(&self.entry, ending)? {
            Note::Whole(head, _) => Some(head.key),
            Note::Bare(_) => None,
        });
        let Some(key) = told.or_else(|| key_of(&self.entry.name)) else { return Some(self.left(FOREIGN.into())) };
        // Whoever deletes it holds its lock; all that was read before it was ours may be old.
        let what = "being recovered from an interrupted deletion";
        let _lock = match Lock::take(self.source, &key, what, clock.now()) {
            Ok(lock) => lock,
            Err(LockError::Held(_)) => return None,
            Err(error) => return self.there().then(|| self.left(error.to_string())),
        };
        let approved = self.trash.note(&self.entry, APPROVED);
        let intent = self.trash.note(&self.entry, INTENT);
        if !self.there() {
            let forgotten = self.trash.forget(&self.entry);
            return match (approved, forgotten) {
                (_, Err(why)) => Some(self.left(why)),
                (Some(_), Ok(())) => Some(Recovered::Finished { key, freed: 0, notes: Vec::new() }),
                (None, Ok(())) => None,
            };
        }
        Some(match (approved, intent) {
            (Some(Note::Whole(head, list)), _) => self.approved(head, &list),
            (Some(Note::Bare(folder)), _) => self.left(format!(
                "{} was approved for deletion when the disk was too full to note its files; see that its copies are still \
                 there, then remove the rest by hand",
                folder.display()
            )),
            (None, Some(note)) => {
                let folder = match note {
                    Note::Whole(head, _) => head.folder,
                    Note::Bare(folder) => folder,
                };
                self.put_back(key, folder)
            }
            (None, None) => self.left(FOREIGN.into()),
        })
    }

    fn approved(&self, head: Head, list: &List) -> Recovered {
        let session = beneath::open(&self.trash.folder, self.entry.name.as_ref(), FOLDER, Mode::empty());
        let looked = session.and_then(|session| whole(&session, list).map(|whole| (session, whole)));
        match looked {
            Ok((_, true)) => match self.trash.withdraw(&self.entry) {
                Ok(()) => self.put_back(head.key, head.folder),
                Err(why) => self.left(why),
            },
            Ok((session, false)) => match copies::short(&(self.copies)(&head.key), list) {
                None => self.finish(&session, head, list),
                Some(why) => self.left(format!(
                    "some of its files are removed already, and the rest stays until its copies can be counted on: {why}"
                )),
            },
            Err(error) => self.left(tree::plain(&error)),
        }
    }

    fn finish(&self, session: &OwnedFd, head: Head, list: &List) -> Recovered {
        let removal = remove::remove(session, list, &mut |_| {});
        match self.trash.end(self.folder, &self.entry, &head.folder, &removal) {
            Ok(kept) => Recovered::Finished { key: head.key, freed: removal.freed, notes: kept },
            Err(why) => self.left(why),
        }
    }

    fn put_back(&self, key: Key, folder: PathBuf) -> Recovered {
        match self.trash.put_back(self.folder, &self.entry, &folder) {
            Ok(()) => Recovered::PutBack { key, folder },
            Err(why) => self.left(why),
        }
    }

    fn there(&self) -> bool {
        rustix::fs::statat(&self.trash.folder, &self.entry.name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    fn left(&self, why: String) -> Recovered {
        Recovered::Left { path: self.trash.shown(&self.entry), why }
    }
}

/// Whether each listed file is still there.
fn whole(session: &OwnedFd, list: &List) -> io::Result<bool> {
    for path in list.files.keys() {
        if beneath::stat(session, path)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
