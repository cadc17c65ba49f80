//! Watches the user's folder of themes and keymaps, also where it is not there yet.
//!
//! Folders are watched, not files: an editor that saves by renaming leaves a watch on the file behind. Several events
//! of one saving become one wake.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::library::Kind;

/// Events within this time are one saving.
const QUIET: Duration = Duration::from_millis(150);
/// Folders above the user's own that may have to be made before it.
const ABOVE: usize = 3;

/// A watch on a folder. Dropping it ends it.
pub(super) struct FolderWatch {
    /// `None`: nothing can be watched here.
    watched: Option<Watched>,
    events: mpsc::Receiver<()>,
    /// Something has changed that was not told of yet.
    dirty: bool,
}

/// The folder that is meant, and the folders that are watched for it.
struct Watched {
    watcher: RecommendedWatcher,
    folder: PathBuf,
    on: Vec<PathBuf>,
}

impl FolderWatch {
    /// Watches this folder, or for its coming; where nothing can be watched it never wakes.
    pub(super) fn begin(folder: Option<&Path>) -> Self {
        let (send, events) = mpsc::channel(1);
        let notices = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Full means that a wake is on its way already.
                let _on_its_way = send.try_send(());
            }
        });
        let watched = folder.zip(notices.ok()).map(|(folder, watcher)| {
            let mut follower = Watched { watcher, folder: folder.to_owned(), on: Vec::new() };
            follower.follow();
            follower
        });
        Self { watched, events, dirty: false }
    }

    /// Waits until something has changed and it has been quiet since. Loses nothing where it is dropped meanwhile.
    pub(super) async fn changed(&mut self) {
        let Some(watched) = &mut self.watched else { return std::future::pending().await };
        loop {
            if !self.dirty && self.events.recv().await.is_none() {
                return std::future::pending().await;
            }
            self.dirty = true;
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
            let before = watched.on.clone();
            watched.follow();
            self.dirty = false;
            // What goes on above the folder matters only when it is there.
            if watched.folder.is_dir() || before != watched.on {
                return;
            }
        }
    }
}

impl Watched {
    /// Watches what is there now: the folder with its parts, or the nearest folder above it that is.
    fn follow(&mut self) {
        let wanted = self.wanted();
        for gone in self.on.iter().filter(|on| !wanted.contains(on)) {
            // The watch on a folder that was removed has ended with it.
            let _ended = self.watcher.unwatch(gone);
        }
        let watcher = &mut self.watcher;
        self.on = wanted
            .into_iter()
            .filter(|path| self.on.contains(path) || watcher.watch(path, RecursiveMode::NonRecursive).is_ok())
            .collect();
    }

    fn wanted(&self) -> Vec<PathBuf> {
        if self.folder.is_dir() {
            let parts = [Kind::Theme, Kind::Keymap].map(|kind| self.folder.join(kind.folder()));
            let there = parts.into_iter().filter(|part| part.is_dir());
            return std::iter::once(self.folder.clone()).chain(there).collect();
        }
        self.folder
            .ancestors()
            .skip(1)
            .take(ABOVE)
            .find(|above| above.is_dir())
            .map(Path::to_owned)
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wakes(watch: &mut FolderWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn a_saving_by_rename_wakes_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        let mut watch = FolderWatch::begin(Some(folder.path()));
        std::fs::write(folder.path().join("themes/.mine.tmp"), "a").unwrap();
        std::fs::rename(folder.path().join("themes/.mine.tmp"), folder.path().join("themes/mine.toml")).unwrap();
        assert!(wakes(&mut watch).await);
        assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn a_saving_is_not_lost_where_a_key_comes_before_it_is_quiet() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        let mut watch = FolderWatch::begin(Some(folder.path()));
        std::fs::write(folder.path().join("themes/mine.toml"), "a").unwrap();
        // The event is taken, and its quiet time is not over, when something else is done.
        while !watch.dirty {
            let _key = tokio::time::timeout(QUIET / 3, watch.changed()).await;
        }
        assert!(wakes(&mut watch).await);
    }

    #[tokio::test]
    async fn a_folder_that_comes_later_is_noticed_and_so_is_what_is_saved_in_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("config/hotspare");
        let mut watch = FolderWatch::begin(Some(&folder));
        std::fs::create_dir_all(folder.join("keymaps")).unwrap();
        std::fs::write(folder.join("keymaps/mine.toml"), "a").unwrap();
        assert!(wakes(&mut watch).await);
        std::fs::write(folder.join("keymaps/mine.toml"), "b").unwrap();
        assert!(wakes(&mut watch).await);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(wakes(&mut watch).await);
        std::fs::create_dir_all(folder.join("themes")).unwrap();
        std::fs::write(folder.join("themes/mine.toml"), "a").unwrap();
        assert!(wakes(&mut watch).await);
    }
}
