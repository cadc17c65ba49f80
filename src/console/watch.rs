//! Watches the user's folder of themes and keymaps.
//!
//! The folder is watched, not its files: an editor that saves by renaming leaves a watch on the file behind. Several
//! events of one saving become one wake.

use std::path::Path;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Events within this time are one saving.
const QUIET: Duration = Duration::from_millis(150);

/// A watch on a folder. Dropping it ends it.
pub(super) struct FolderWatch {
    /// Kept alive; `None`: there is no folder to watch.
    watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<()>,
}

impl FolderWatch {
    /// Watches this folder, where it is there and can be watched; else it never wakes.
    pub(super) fn begin(folder: Option<&Path>) -> Self {
        let (send, events) = mpsc::channel(1);
        let watcher = folder.filter(|folder| folder.is_dir()).and_then(|folder| {
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if event.is_ok_and(|event| !event.kind.is_access()) {
                    // Full means that a wake is on its way already.
                    let _on_its_way = send.try_send(());
                }
            })
            .ok()?;
            watcher.watch(folder, RecursiveMode::Recursive).ok()?;
            Some(watcher)
        });
        Self { watcher, events }
    }

    /// Waits until something has changed and it has been quiet since.
    pub(super) async fn changed(&mut self) {
        if self.watcher.is_none() || self.events.recv().await.is_none() {
            return std::future::pending().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_saving_by_rename_wakes_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        let mut watch = FolderWatch::begin(Some(folder.path()));
        std::fs::write(folder.path().join("themes/.mine.tmp"), "a").unwrap();
        std::fs::rename(folder.path().join("themes/.mine.tmp"), folder.path().join("themes/mine.toml")).unwrap();
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.expect("wakes");
        assert!(tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err());
    }
}
