//! Recovery cards: written to the state folder, and where the fleet file wants one, whenever something changes on them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::card;
use super::super::desk::Desk;
use super::Pools;
use crate::clock::Timestamp;

/// A file that is slower than this is given up for this round: it may lie on a share or a stick.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether a card says what is so; and between two attempts to write one that could not be.
const ROUND: Duration = Duration::from_secs(10);

impl Pools {
    pub(super) async fn write_cards(&self, desk: &Arc<Desk>) {
        let pool = desk.pool();
        let own = self.0.parts.cards.join(format!("{}.txt", pool.name));
        let places: Vec<PathBuf> = std::iter::once(own).chain(pool.card.clone()).collect();
        let mut written = String::new();
        let mut views = self.seen();
        loop {
            views.mark_unchanged();
            let (fleet, view) = (self.fleet(), desk.view());
            // The time alone is no news.
            let text = card::card(&fleet, pool, &view, Timestamp::UNIX_EPOCH);
            if text != written {
                let dated = card::card(&fleet, pool, &view, self.0.parts.clock.now());
                let mut whole = true;
                let mut trouble = None;
                for place in &places {
                    if let Err(why) = write(place, &dated).await {
                        whole = false;
                        trouble = Some(format!("the recovery card {} cannot be written: {why}", place.display()));
                    }
                }
                if whole {
                    written = text;
                }
                let shown = {
                    let mut kept = desk.kept();
                    kept.uncarded = trouble;
                    desk.show(&mut kept)
                };
                if shown {
                    self.bump();
                }
            }
            let _either = tokio::time::timeout(ROUND, async {
                let _ended = views.changed().await;
                // Many views change together.
                tokio::time::sleep(Duration::from_secs(1)).await;
            })
            .await;
        }
    }
}

/// Whole or not at all; a disk that never answers is left behind with its thread.
async fn write(place: &Path, text: &str) -> Result<(), String> {
    let (path, text) = (place.to_owned(), text.to_owned());
    let writing = tokio::task::spawn_blocking(move || put(&path, &text));
    match tokio::time::timeout(PATIENCE, writing).await {
        Ok(Ok(done)) => done.map_err(|error| error.to_string()),
        Ok(Err(_panicked)) => Err("it could not be tried".into()),
        Err(_late) => Err(format!("no answer within {} s: is its disk or share there?", PATIENCE.as_secs())),
    }
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Only the folder in the state folder is made: a missing medium must not become a folder of this disk.
    if folder.file_name().is_some_and(|name| name == "cards") {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = tempfile::Builder::new().prefix(".card").tempfile_in(folder)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // A file system that knows no folders to sync has nothing to add.
    let _not_everywhere = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_whole_and_a_missing_medium_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let cards = folder.path().join("cards/p.txt");
        put(&cards, "one").unwrap();
        put(&cards, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&cards).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path().join("cards")).unwrap().count(), 1, "no rest");
        let missing = folder.path().join("usb/CARD.txt");
        assert!(put(&missing, "x").is_err());
        assert!(!folder.path().join("usb").exists());
    }
}
