//! Recovery cards: in the state folder, and where the fleet file wants one. They are written whenever something changes on
//! them, and again where they are missing or older: a medium may be pulled out and plugged in again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::card;
use super::super::desk::Desk;
use super::Pools;
use crate::clock::Timestamp;
use crate::durable;
use crate::fleet::disk;

/// A file that is slower than this is given up for this round: it may lie on a share or a stick.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether the cards say what is so.
const ROUND: Duration = Duration::from_secs(10);
/// Many things change together, and one card tells of all of them.
const TOGETHER: Duration = Duration::from_secs(1);

impl Pools {
    pub(super) async fn write_cards(&self, desk: &Arc<Desk>) {
        let pool = desk.pool();
        let own = self.0.parts.cards.join(format!("{}.txt", pool.name));
        let (mut says, mut dated) = (String::new(), Arc::<str>::from(""));
        let mut views = self.seen();
        loop {
            views.mark_unchanged();
            let (fleet, view) = (self.fleet(), desk.view());
            // The time alone is no news.
            let now_says = card::card(&fleet, pool, &view, Timestamp::UNIX_EPOCH);
            if now_says != says {
                says = now_says;
                dated = card::card(&fleet, pool, &view, self.0.parts.clock.now()).into();
            }
            // Only this folder is made: a missing medium must not become a folder of this disk.
            let mut trouble = renew(&own, &dated, true).await.err();
            if let Some(place) = &pool.card {
                trouble = trouble.or(renew(place, &dated, false).await.err());
            }
            let shown = {
                let mut kept = desk.kept();
                kept.uncarded = trouble;
                desk.show(&mut kept)
            };
            if shown {
                self.bump();
            }
            let _either = tokio::time::timeout(ROUND, views.changed()).await;
            tokio::time::sleep(TOGETHER).await;
        }
    }
}

/// Has the card say this; otherwise why it does not, and what to do. A disk that never answers holds one thread.
async fn renew(place: &Path, text: &Arc<str>, make_folder: bool) -> Result<(), String> {
    let (path, text): (PathBuf, Arc<str>) = (place.to_owned(), Arc::clone(text));
    let working =
        tokio::task::spawn_blocking(move || disk::ask(&path, PATIENCE, move |path| put(path, &text, make_folder)));
    let why = match working.await {
        Ok(Some(Ok(()))) => return Ok(()),
        Ok(Some(Err(error))) => error.to_string(),
        Ok(None) => format!("no answer within {} s", PATIENCE.as_secs()),
        Err(broken) => broken.to_string(),
    };
    let cure = if make_folder { "free or repair its disk" } else { "plug its medium in, or change `card`" };
    Err(format!("the recovery card {} cannot be written: {why}; {cure}", place.display()))
}

/// Whole or not at all, and only where it says something else.
fn put(path: &Path, text: &str, make_folder: bool) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    if make_folder {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    durable::put(path, text.as_bytes(), 0o644)?;
    // Whoever needs it may be anybody, whatever the umask of the engine. FAT knows no modes and lets anybody read.
    let _not_everywhere = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_whole_and_a_missing_medium_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let card = folder.path().join("state/p.txt");
        put(&card, "one", true).unwrap();
        put(&card, "two", true).unwrap();
        assert_eq!(std::fs::read_to_string(&card).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path().join("state")).unwrap().count(), 1, "no rest");
        for missing in ["usb/CARD.txt", "cards/CARD.txt"] {
            let missing = folder.path().join(missing);
            assert!(put(&missing, "x", false).is_err());
            assert!(!missing.parent().unwrap().exists());
        }
    }

    #[test]
    fn what_says_so_already_is_left_alone() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let card = folder.path().join("p.txt");
        put(&card, "one", false).unwrap();
        let before = std::fs::metadata(&card).unwrap().ino();
        put(&card, "one", false).unwrap();
        assert_eq!(std::fs::metadata(&card).unwrap().ino(), before);
    }
}
