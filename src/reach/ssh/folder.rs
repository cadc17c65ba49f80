//! The folder of the control sockets.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::{SshError, SshErrorKind};
use crate::reach::temporary;

/// First part of the folder's name.
const PREFIX: &str = "hs-";
/// Clients that are started in the same moment. An engine with hundreds of spares begins by looking at all of them, and starting
/// a program holds up the thread that does it for milliseconds.
const STARTS: usize = 2;

/// A private folder for control sockets, removed when dropped, with the turns of the clients that make them.
///
/// The path of a Unix socket holds about 100 bytes, of which ssh uses 17 for a temporary name: it must be short, whatever
/// the state folder is called.
#[derive(Debug)]
pub(super) struct Folder {
    made: Mutex<Made>,
    next: AtomicU64,
    starts: Semaphore,
}

#[derive(Debug)]
enum Made {
    NotYet,
    Here(TempDir),
    /// Nobody connects any more.
    Gone,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self { made: Mutex::new(Made::NotYet), next: AtomicU64::new(1), starts: Semaphore::new(STARTS) }
    }

    /// A turn to start a client, of which only few are at a time.
    /// `None` never comes: nobody closes it.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.starts.acquire().await.ok()
    }

    /// A path for the next socket. The folder is made with the first: who never connects leaves nothing behind.
    pub(super) fn socket(&self) -> Result<PathBuf, SshError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever keeps temporary folders clean removes one in which nothing lay for days: no host was up.
        if matches!(&*made, Made::NotYet) || matches!(&*made, Made::Here(folder) if !folder.path().is_dir()) {
            *made = Made::Here(make()?);
        } else if let Made::Here(folder) = &*made
            && let Some(place) = folder.path().parent()
        {
            // The clients of an engine that was killed a moment before this one began leave later than it did.
            sweep(place);
        }
        match &*made {
            Made::Here(folder) => Ok(folder.path().join(self.next.fetch_add(1, Ordering::Relaxed).to_string())),
            Made::NotYet | Made::Gone => Err(SshError::new(
                SshErrorKind::Client,
                "no connection over ssh is made any more",
                "the engine is ending",
            )),
        }
    }

    /// Removes the folder, for good. A process that ends does not wait for all of its tasks, any of which may hold this.
    pub(super) fn remove(&self) {
        let made = std::mem::replace(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner), Made::Gone);
        if let Made::Here(folder) = made {
            if let Some(place) = folder.path().parent() {
                sweep(place);
            }
            // Whatever a client puts there meanwhile goes with the next engine.
            let _left = folder.close();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

fn make() -> Result<TempDir, SshError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let short = |path: &PathBuf| path.is_absolute() && path.as_os_str().len() <= 40;
    let places = runtime.into_iter().chain([std::env::temp_dir(), "/tmp".into()]).filter(short);
    let mut failure = None;
    for place in places {
        sweep(&place);
        match temporary::make(&place, PREFIX) {
            Ok(folder) => return Ok(folder),
            Err(error) => failure = Some(format!("{}: {error}", place.display())),
        }
    }
    Err(SshError::new(
        SshErrorKind::Client,
        format!("no folder for ssh control sockets: {}", failure.unwrap_or_else(|| "no short path".into())),
        "let XDG_RUNTIME_DIR or TMPDIR name a short, writable folder",
    ))
}

/// Removes what engines that were killed left behind.
fn sweep(place: &Path) {
    for folder in temporary::abandoned(place, PREFIX) {
        // Not empty: a client has not left yet.
        let _left = std::fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_killed_engine_goes_once_its_clients_have_left() {
        let place = tempfile::tempdir().unwrap();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let gone = dead.id();
        dead.wait().unwrap();
        let folder = |name: String| place.path().join(name);
        let (left, busy) = (folder(format!("hs-{gone}-a")), folder(format!("hs-{gone}-b")));
        let living = folder(format!("hs-{}-c", std::process::id()));
        for path in [&left, &busy, &living] {
            std::fs::create_dir(path).unwrap();
        }
        std::fs::write(busy.join("1"), "").unwrap();
        sweep(place.path());
        assert_eq!([&left, &busy, &living].map(|path| path.exists()), [false, true, true]);
    }

    #[test]
    fn a_folder_that_was_cleaned_away_is_made_again() {
        let folder = Folder::new();
        let first = folder.socket().unwrap();
        std::fs::remove_dir_all(first.parent().unwrap()).unwrap();
        let second = folder.socket().unwrap();
        assert!(second.parent().unwrap().is_dir() && first.parent() != second.parent());
        folder.remove();
        assert!(!second.parent().unwrap().exists());
    }

    #[test]
    fn only_few_clients_are_started_in_one_moment() {
        use futures_util::FutureExt;
        let folder = Folder::new();
        let first: Vec<_> = (0..STARTS).map(|_| folder.turn().now_or_never().flatten()).collect();
        assert!(STARTS <= 4 && first.iter().all(Option::is_some));
        assert!(folder.turn().now_or_never().is_none(), "the next one waits");
        drop(first);
        assert!(folder.turn().now_or_never().flatten().is_some());
    }

    #[test]
    fn the_folder_goes_when_it_is_told_to_and_does_not_come_again() {
        let folder = Folder::new();
        let socket = folder.socket().unwrap();
        let place = socket.parent().unwrap();
        std::fs::write(&socket, "").unwrap();
        assert!(place.exists() && folder.socket().unwrap() != socket);
        folder.remove();
        assert!(!place.exists());
        assert!(folder.socket().unwrap_err().to_string().contains("any more"));
        assert!(!place.exists());
    }
}
