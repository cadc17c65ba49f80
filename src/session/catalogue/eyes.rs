//! The watch on the folders of the source: what is recorded is seen within seconds, without looking at everything.
//!
//! Only folders in which something new is to be expected are watched: those on the way to the sessions, and those of the
//! sessions that changed lately. So their number is bounded, whatever else lies on the disk; the rest is left to the looks
//! that come anyway, as everything is where the system cannot watch.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::lock;
use crate::clock::Timestamp;
use crate::session::destination::is_own;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::side::Known;

/// The most folders that are watched; the kernel's own limit is for all programs of a user together.
const MOST: usize = 4_000;
/// Sessions that changed within so many days are watched.
const LATELY: i64 = 7;
/// From so many sessions on, all are looked at.
const MANY: usize = 64;

/// What has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moved {
    /// Something in these sessions.
    Sessions(HashSet<Key>),
    /// Something anywhere.
    Anything,
}

/// How the watch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tended {
    /// All folders are watched, and were before.
    Same,
    /// All folders are watched, some only from now on: what moved in them since the last look was not seen.
    More,
    /// Not all folders are watched.
    Blind,
}

/// The watch.
pub(super) struct Eyes {
    source: PathBuf,
    layout: Layout,
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    seen: Arc<Seen>,
}

struct Seen {
    moved: Mutex<Option<Moved>>,
    stirred: Notify,
}

impl Eyes {
    pub(super) fn new(source: &Path, layout: Layout) -> Self {
        let seen = Arc::new(Seen { moved: Mutex::default(), stirred: Notify::new() });
        Self { source: source.to_owned(), layout, watcher: None, watched: HashSet::new(), seen }
    }

    /// Waits until something moves.
    pub(super) async fn stirred(&self) {
        // Whoever waited before may have been called away between the waking and the look.
        if lock(&self.seen.moved).is_none() {
            self.seen.stirred.notified().await;
        }
    }

    /// What has moved since this was last asked.
    pub(super) fn moved(&self) -> Option<Moved> {
        lock(&self.seen.moved).take()
    }

    /// Watches these folders from now on, and no others. Blocking.
    pub(super) fn tend(&mut self, wanted: HashSet<PathBuf>) -> Tended {
        if wanted.len() > MOST {
            (self.watcher, self.watched) = (None, HashSet::new());
            return Tended::Blind;
        }
        let mut more = false;
        if self.watcher.is_none() {
            let (seen, source, layout) = (Arc::clone(&self.seen), self.source.clone(), self.layout.clone());
            self.watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if let Some(moved) = told(event, &source, &layout) {
                    seen.add(moved);
                }
            })
            .ok();
        }
        let Some(watcher) = &mut self.watcher else { return Tended::Blind };
        for old in self.watched.difference(&wanted) {
            let _it_may_be_gone = watcher.unwatch(old);
        }
        self.watched.retain(|path| wanted.contains(path));
        for path in wanted {
            // One that vanished was seen to vanish in the folder above it.
            if !self.watched.contains(&path) && watcher.watch(&path, RecursiveMode::NonRecursive).is_ok() {
                self.watched.insert(path);
                more = true;
            } else if !self.watched.contains(&path) && path.is_dir() {
                return Tended::Blind;
            }
        }
        if more { Tended::More } else { Tended::Same }
    }
}

impl Seen {
    fn add(&self, moved: Moved) {
        let mut all = lock(&self.moved);
        *all = Some(match (all.take(), moved) {
            (Some(Moved::Sessions(mut known)), Moved::Sessions(more)) => {
                known.extend(more);
                if known.len() > MANY { Moved::Anything } else { Moved::Sessions(known) }
            }
            (None, moved) => moved,
            _ => Moved::Anything,
        });
        drop(all);
        self.stirred.notify_one();
    }
}

/// The folders in which something new is to be expected.
pub(super) fn folders(source: &Path, found: &Known, layout: &Layout, now: Timestamp) -> HashSet<PathBuf> {
    let mut wanted = HashSet::from([source.to_owned()]);
    let lately = now.checked_sub(jiff::SignedDuration::from_hours(24 * LATELY)).unwrap_or(Timestamp::MIN);
    for (key, found) in found {
        let below = layout.render(key);
        let above = below.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
        wanted.extend(above.map(|path| source.join(path)));
        if found.facts.changed.is_none_or(|changed| changed > lately) {
            use std::os::unix::ffi::OsStrExt;
            let folder = source.join(&below);
            let inner = found.stamp.below.split(|byte| *byte == 0).filter(|path| !path.is_empty());
            wanted.extend(inner.map(|path| folder.join(std::ffi::OsStr::from_bytes(path))));
            wanted.insert(folder);
        }
    }
    wanted
}

/// What an event tells of; `None`: nothing. Reading is no news, least of all our own.
fn told(event: notify::Result<notify::Event>, source: &Path, layout: &Layout) -> Option<Moved> {
    let Ok(event) = event else { return Some(Moved::Anything) };
    match event.kind {
        _ if event.need_rescan() => return Some(Moved::Anything),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return None,
        _ => {}
    }
    let mut sessions = HashSet::new();
    for path in &event.paths {
        let Ok(below) = path.strip_prefix(source) else { return Some(Moved::Anything) };
        let parts: Vec<_> = below.components().collect();
        if parts.first().is_some_and(|first| is_own(Path::new(first))) {
            continue;
        }
        let folder: PathBuf = parts.iter().take(layout.levels().len()).collect();
        match layout.parse(&folder) {
            // The session's own folder came, went, or was renamed: others may have, with it.
            Some(key) if parts.len() > layout.levels().len() => drop(sessions.insert(key)),
            _ if parts.len() > layout.levels().len() => {}
            _ => return Some(Moved::Anything),
        }
    }
    (!sessions.is_empty()).then_some(Moved::Sessions(sessions))
}

#[cfg(test)]
mod tests {
    use notify::Event;
    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    fn say(kind: EventKind, paths: &[&str]) -> Option<Moved> {
        let mut event = Event::new(kind);
        event.paths = paths.iter().map(PathBuf::from).collect();
        told(Ok(event), Path::new("/data"), &Layout::new("{participant}/{date}"))
    }

    #[test]
    fn an_event_tells_which_session_moved() {
        let written = EventKind::Modify(ModifyKind::Any);
        let p001 = Moved::Sessions(HashSet::from([Key::new("p001", "20250104").unwrap()]));
        assert_eq!(say(written, &["/data/p001/20250104/a.mp4"]), Some(p001.clone()));
        assert_eq!(say(written, &["/data/p001/20250104/images/a.png"]), Some(p001));
        let made = EventKind::Create(CreateKind::Folder);
        assert_eq!(say(made, &["/data/p001/20250104"]), Some(Moved::Anything));
        assert_eq!(say(made, &["/data/p002"]), Some(Moved::Anything));
        assert_eq!(say(written, &["/elsewhere"]), Some(Moved::Anything));
    }

    #[tokio::test]
    async fn what_moved_is_not_lost_where_who_waited_was_called_away() {
        let eyes = Eyes::new(Path::new("/data"), Layout::new("{participant}/{date}"));
        eyes.seen.add(Moved::Anything);
        // Woken, and called away before it has asked what moved.
        eyes.stirred().await;
        let _gone = futures_util::FutureExt::now_or_never(eyes.seen.stirred.notified());
        tokio::time::timeout(std::time::Duration::from_secs(5), eyes.stirred())
            .await
            .expect("it is still to be looked at");
        assert_eq!(eyes.moved(), Some(Moved::Anything));
    }

    #[test]
    fn reading_and_our_own_work_are_no_news() {
        assert_eq!(say(EventKind::Access(AccessKind::Open(AccessMode::Any)), &["/data/p001/20250104/a.mp4"]), None);
        let made = EventKind::Create(CreateKind::File);
        assert_eq!(say(made, &["/data/.hotspare/locks/p001_20250104"]), None);
        assert_eq!(say(made, &["/data/p001/notes/a.txt"]), None, "no session lies there");
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(say(closed, &["/data/p001/20250104/a.mp4"]).is_some());
    }
}
