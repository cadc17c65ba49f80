//! The journal's own thread: entries go in over a bounded queue, and what waits for the disk waits in memory.
//!
//! On a full or read-only disk nobody is stopped: entries are kept in order, the trouble is told, and all of them are
//! written when the disk is back. Whoever must not act before an entry is durable looks at [`Recorded::durable`].

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::aside::SetAside;
use super::database::{self, OpenError};
use super::entry::{Chain, Entry};
use super::soundness::look_through;
use super::store::{self, Draft, Window};
use crate::clock::Clock;

mod thread;
mod words;

use thread::{Busy, Writer};

/// A disk that has not answered for so long hangs.
const HANGS: Duration = Duration::from_secs(10);
/// Requests that wait for the thread.
const QUEUE: usize = 4_096;

/// What became of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its number; provisional until it is durable.
    pub seq: u64,
    /// It would survive a power cut. Otherwise it waits in memory for the disk.
    pub durable: bool,
}

/// Why the journal could not serve a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// More requests than it can take.
    #[error("the journal cannot keep up: {QUEUE} requests wait; the disk of the state folder may be hanging")]
    Busy,
    /// The thread has ended.
    #[error("the journal is closed")]
    Closed,
    /// The file cannot be read.
    #[error("state.db cannot be read: {0}")]
    Unreadable(String),
}

/// The end of the journal, as it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tail {
    /// How many entries there are in all, those in memory included.
    pub length: u64,
    /// The last ones, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Entries cannot be written: why, and what becomes of them.
    pub trouble: Option<String>,
    /// A corrupt `state.db` was set aside, and this journal began anew.
    pub set_aside: Option<SetAside>,
}

/// The way to the journal. Cheap to clone; the thread ends when the last one is gone.
#[derive(Debug, Clone)]
pub struct Journal {
    queue: SyncSender<Request>,
    tail: watch::Receiver<Arc<Tail>>,
    busy: Busy,
    clock: Clock,
    folder: PathBuf,
}

enum Request {
    Append { draft: Draft, done: oneshot::Sender<Recorded> },
    Keep { key: String, value: String, done: Option<oneshot::Sender<bool>> },
    Kept { key: String, answer: oneshot::Sender<Option<String>> },
    Read { window: Window, answer: oneshot::Sender<Result<Vec<Arc<Entry>>, JournalError>> },
    Flush { done: oneshot::Sender<()> },
    Limit { entries: u64 },
    Corrupt { why: String },
    Close { done: oneshot::Sender<()> },
}

impl Journal {
    /// Opens `state.db` in this folder and starts the thread. A disk that cannot be written is not an error here: it is
    /// told in [`Tail::trouble`] and tried again.
    pub fn start(folder: &Path, clock: &Clock) -> Result<Self, OpenError> {
        let writer = Writer::open(folder, clock)?;
        let (tail, busy, unseen) = (writer.tail(), writer.busy(), writer.unseen());
        let (queue, requests) = sync_channel(QUEUE);
        let unspawned = |error| OpenError::Stuck {
            path: folder.join(database::FILE),
            why: "no thread can be started for it".into(),
            error,
        };
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        named("journal").spawn(move || writer.run(&requests)).map_err(unspawned)?;
        if unseen {
            let (queue, folder) = (queue.clone(), folder.to_owned());
            let look = move || {
                if let Some(why) = look_through(&folder) {
                    let _closed_meanwhile = queue.send(Request::Corrupt { why });
                }
            };
            named("journal-look").spawn(look).map_err(unspawned)?;
        }
        Ok(Self { queue, tail, busy, clock: clock.clone(), folder: folder.to_owned() })
    }

    /// Asks for an entry; its place in the order is taken at once. The receiver tells when it is durable.
    pub fn append(&self, draft: Draft) -> Result<oneshot::Receiver<Recorded>, JournalError> {
        let (done, recorded) = oneshot::channel();
        self.send(Request::Append { draft, done })?;
        Ok(recorded)
    }

    /// Keeps a small value that outlives the process, in order with the entries.
    pub fn keep(&self, key: &str, value: String) -> Result<(), JournalError> {
        self.send(Request::Keep { key: key.to_owned(), value, done: None })
    }

    /// As [`Journal::keep`]; answers whether it would survive a power cut. What would not is kept in memory for the disk.
    pub async fn keep_durably(&self, key: &str, value: String) -> Result<bool, JournalError> {
        let (done, durable) = oneshot::channel();
        self.send(Request::Keep { key: key.to_owned(), value, done: Some(done) })?;
        durable.await.map_err(|_closed| JournalError::Closed)
    }

    /// A value that was kept.
    pub async fn kept(&self, key: &str) -> Result<Option<String>, JournalError> {
        let (answer, value) = oneshot::channel();
        self.send(Request::Kept { key: key.to_owned(), answer })?;
        value.await.map_err(|_closed| JournalError::Closed)
    }

    /// Entries, oldest first, those that still wait for the disk included.
    pub async fn read(&self, window: Window) -> Result<Vec<Arc<Entry>>, JournalError> {
        let (answer, entries) = oneshot::channel();
        self.send(Request::Read { window, answer })?;
        entries.await.map_err(|_closed| JournalError::Closed)?
    }

    /// From now on it keeps about so many entries, the newest.
    pub fn limit(&self, entries: u64) -> Result<(), JournalError> {
        self.send(Request::Limit { entries })
    }

    /// Waits until everything asked for so far is on disk or is known not to get there.
    pub async fn flush(&self) -> Result<(), JournalError> {
        let (done, flushed) = oneshot::channel();
        self.send(Request::Flush { done })?;
        flushed.await.map_err(|_closed| JournalError::Closed)
    }

    /// Writes what waits, closes the file and ends the thread: a process that ends after this leaves `state.db` whole in
    /// one file. Whoever asks for anything later is told that the journal is closed.
    pub async fn close(&self) -> Result<(), JournalError> {
        let (done, closed) = oneshot::channel();
        self.send(Request::Close { done })?;
        closed.await.map_err(|_closed| JournalError::Closed)
    }

    /// The end of the journal; changes wake the receiver.
    pub fn tail(&self) -> watch::Receiver<Arc<Tail>> {
        self.tail.clone()
    }

    /// Why nothing is written although nothing has failed: the disk does not answer. `None` as long as it does.
    pub fn hangs(&self) -> Option<String> {
        let since = (*self.busy.lock().unwrap_or_else(PoisonError::into_inner))?;
        let time = self.clock.tick().since(since);
        (time >= HANGS).then(|| {
            format!(
                "the disk of the state folder, {}, has not answered for {} s: nothing that is done can be written down; repair it",
                self.folder.display(),
                time.as_secs()
            )
        })
    }

    /// Checks the whole chain over a connection of its own, so that appending goes on. Blocking. `progress` is told how
    /// many of how many entries are checked and says whether to go on.
    pub fn verify(&self, progress: impl FnMut(u64, u64) -> bool) -> Result<Option<Chain>, JournalError> {
        let unreadable = |error: &dyn std::fmt::Display| JournalError::Unreadable(error.to_string());
        let mut connection = database::open_read_only(&self.folder).map_err(|error| unreadable(&error))?;
        store::verify(&mut connection, progress).map_err(|error| unreadable(&error))
    }

    fn send(&self, request: Request) -> Result<(), JournalError> {
        self.queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => JournalError::Busy,
            TrySendError::Disconnected(_) => JournalError::Closed,
        })
    }
}

#[cfg(test)]
mod tests;
