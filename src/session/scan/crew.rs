//! The threads of a scan and what they share: a stack of folders to look into. Deeper folders are taken first, so that few
//! are open at a time.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FileType, Mode};
use rustix::io::Errno;

use super::stamp;
use crate::session::destination::{Place, is_own};
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::{Layout, Told};
use crate::session::listing::Facts;
use crate::session::side::{Depth, Found, Look, Stamp};
use crate::session::view::SideState;
use crate::session::{beneath, tree};

/// Sessions that one thread takes at a time.
const PIECE: usize = 32;

/// How nice a thread is: a tenth of what others get, where there is not enough for all.
const BEHIND: i32 = 10;

/// What the threads tell.
pub(super) enum News {
    /// The place is open.
    Opened { far: bool },
    /// The place cannot be used.
    Lost(SideState),
    /// Sessions, and whether each was looked into.
    Found(Vec<(Key, Found, bool)>),
    /// A folder that could not be looked into.
    Blind(PathBuf, String),
    /// Folders that hold no session.
    Strays(u64),
}

/// A piece of work.
enum Task {
    /// Look for the folders of one level.
    Level { folder: Arc<OwnedFd>, path: PathBuf, depth: usize, told: Told },
    /// Open a folder, then look for those of the level below.
    Into { parent: Arc<OwnedFd>, name: OsString, path: PathBuf, depth: usize, told: Told },
    /// Count what lies in these sessions.
    Sessions { parent: Arc<OwnedFd>, path: PathBuf, sessions: Vec<(OsString, Key)> },
}

#[derive(Default)]
struct Stack {
    tasks: Vec<Task>,
    /// Tasks that are on the stack or being worked on.
    open: usize,
    begun: bool,
}

pub(super) struct Crew {
    place: Place,
    layout: Layout,
    filter: Filter,
    look: Look,
    stack: Mutex<Stack>,
    grown: Condvar,
    /// Counts every answer of the place.
    beats: AtomicU64,
    over: AtomicBool,
}

impl Crew {
    pub(super) fn new(place: Place, layout: Layout, filter: Filter, look: Look) -> Self {
        let (stack, grown) = (Mutex::default(), Condvar::new());
        Self { place, layout, filter, look, stack, grown, beats: AtomicU64::new(0), over: AtomicBool::new(false) }
    }

    /// How often the place has answered.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Ends the work as soon as the place lets go of it.
    pub(super) fn end(&self) {
        // Under the lock: nobody may be between looking and waiting.
        let stack = self.stack();
        self.over.store(true, Ordering::Relaxed);
        drop(stack);
        self.grown.notify_all();
    }

    /// Whether everything was looked into.
    pub(super) fn done(&self) -> bool {
        let stack = self.stack();
        stack.begun && stack.open == 0
    }

    /// Opens the place and works.
    pub(super) fn begin(&self, tell: &Sender<News>) {
        let open = match self.place.open() {
            Ok(open) => open,
            Err(state) => {
                let _nobody_waits = tell.send(News::Lost(state));
                return;
            }
        };
        let root = Task::Level { folder: Arc::new(open.folder), path: PathBuf::new(), depth: 0, told: Told::default() };
        self.push(vec![root]);
        self.beat();
        let _nobody_waits = tell.send(News::Opened { far: open.far });
        self.work(tell);
    }

    /// Works until nothing is left, and lets others go first: many threads at once would keep whoever asks for rows waiting.
    pub(super) fn work(&self, tell: &Sender<News>) {
        let _as_before = rustix::process::setpriority_process(None, BEHIND);
        while let Some(task) = self.take() {
            let _finished = Finished(self);
            match task {
                Task::Level { folder, path, depth, told } => self.level(&folder, &path, depth, &told, tell),
                Task::Into { parent, name, path, depth, told } => {
                    let opened = beneath::open(&parent, Path::new(&name), beneath::FOLDER, Mode::empty());
                    self.beat();
                    match opened {
                        Ok(folder) => self.level(&Arc::new(folder), &path, depth, &told, tell),
                        Err(error) => say_blind(path, &error, tell),
                    }
                }
                Task::Sessions { parent, path, sessions } => self.sessions(&parent, &path, sessions, tell),
            }
        }
    }

    fn level(&self, folder: &Arc<OwnedFd>, path: &Path, depth: usize, told: &Told, tell: &Sender<News>) {
        let Some(level) = self.layout.levels().get(depth) else { return };
        let names = match level.fixed() {
            Some(name) => Ok(vec![(OsString::from(name), FileType::Unknown)]),
            None => beneath::names(folder),
        };
        self.beat();
        let names = match names {
            Ok(names) => names,
            Err(error) => return say_blind(path.to_owned(), &error, tell),
        };
        let (mut sessions, mut below, mut strays) = (Vec::new(), Vec::new(), 0);
        for (name, kind) in names {
            if !matches!(kind, FileType::Directory | FileType::Unknown) || is_own(Path::new(&name)) {
                continue;
            }
            let fits = level.read(&name, told.clone());
            let ours = fits.filter(|told| told.participant().is_none_or(|name| self.filter.participant(name)));
            match ours {
                None => strays += 1,
                Some(told) if depth + 1 == self.layout.levels().len() => {
                    sessions.extend(told.key().map(|key| (name, key)));
                }
                Some(told) => {
                    let path = path.join(&name);
                    below.push(Task::Into { parent: Arc::clone(folder), name, path, depth: depth + 1, told });
                }
            }
        }
        while !sessions.is_empty() {
            let piece = sessions.split_off(sessions.len().saturating_sub(PIECE));
            below.push(Task::Sessions { parent: Arc::clone(folder), path: path.to_owned(), sessions: piece });
        }
        self.push(below);
        if strays > 0 {
            let _nobody_waits = tell.send(News::Strays(strays));
        }
    }

    fn sessions(&self, parent: &OwnedFd, path: &Path, sessions: Vec<(OsString, Key)>, tell: &Sender<News>) {
        let mut found = Vec::with_capacity(sessions.len());
        for (name, key) in sessions {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            match self.session(parent, path, &name, &key) {
                Ok(Some((session, looked))) => found.push((key, session, looked)),
                Ok(None) => {}
                Err(why) => {
                    let _nobody_waits = tell.send(News::Blind(path.join(&name), why));
                }
            }
            self.beat();
        }
        let _nobody_waits = tell.send(News::Found(found));
    }

    /// What lies in a session, and whether it was looked into; `None`: nothing, or no folder.
    fn session(
        &self,
        parent: &OwnedFd,
        path: &Path,
        name: &OsString,
        key: &Key,
    ) -> Result<Option<(Found, bool)>, String> {
        use std::os::fd::AsFd;
        let now = self.look.now;
        if self.look.depth == Depth::Changed
            && let Some(known) = self.look.known.get(key)
            && stamp::unchanged(parent.as_fd(), name, known, now) == Ok(true)
        {
            return Ok(Some((known.clone(), false)));
        }
        let folder = match beneath::open(parent, Path::new(name), beneath::FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
                    // It is there, and nobody can say what lies in it: an odd thing as a whole.
                    Some(Errno::ACCESS | Errno::PERM | Errno::XDEV) => Ok(Some((closed(), true))),
                    _ => Err(tree::plain(&error)),
                };
            }
        };
        let root = rustix::fs::fstat(&folder).map_err(|error| tree::plain(&error.into()))?;
        let excluded = |path: &Path| {
            // Each file is an answer too: a session may hold a hundred thousand.
            self.beat();
            self.filter.excluded(path)
        };
        let listing =
            tree::list_with(&folder, root.st_dev, &path.join(name), &excluded, 1).map_err(|error| error.to_string())?;
        let facts = listing.facts(|path| self.filter.video(path));
        Ok(Some((Found { facts, stamp: stamp::of(&root, &listing, now) }, true)))
    }

    fn push(&self, tasks: Vec<Task>) {
        let mut stack = self.stack();
        stack.begun = true;
        stack.open += tasks.len();
        stack.tasks.extend(tasks);
        drop(stack);
        self.grown.notify_all();
    }

    /// The next piece; `None`: there will be none.
    fn take(&self) -> Option<Task> {
        let mut stack = self.stack();
        loop {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(task) = stack.tasks.pop() {
                return Some(task);
            }
            if stack.open == 0 {
                return None;
            }
            stack = self.grown.wait(stack).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    fn stack(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a piece as done, however its work ends.
struct Finished<'a>(&'a Crew);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        let mut stack = self.0.stack();
        stack.open -= 1;
        if stack.open == 0 {
            drop(stack);
            self.0.grown.notify_all();
        }
    }
}

fn say_blind(path: PathBuf, error: &std::io::Error, tell: &Sender<News>) {
    // What vanished since its name was read, or is no folder, holds no session.
    if !matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) {
        let _nobody_waits = tell.send(News::Blind(path, tree::plain(error)));
    }
}

/// A session whose folder cannot be looked into.
fn closed() -> Found {
    Found { facts: Facts { odd: 1, ..Facts::default() }, stamp: Stamp::default() }
}
