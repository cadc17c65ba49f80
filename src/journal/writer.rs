//! The journal's own thread: entries go in over a bounded queue, and what waits for the disk waits in memory.
//!
//! On a full or read-only disk nobody is stopped: entries are kept in order, the trouble is told, and all of them are
//! written when the disk is back. Whoever must not act before an entry is durable looks at [`Recorded::durable`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::database::{self, OpenError, SetAside};
use super::entry::{Chain, Entry, Weight};
use super::store::{self, Draft, Store, Window};
use crate::clock::Clock;

/// Requests that wait for the thread.
const QUEUE: usize = 4_096;
/// Entries that wait for the disk.
const BACKLOG: usize = 10_000;
/// How long after a failure the disk is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Entries of the tail.
const TAIL: usize = 200;

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
}

/// The way to the journal. Cheap to clone; the thread ends when the last one is gone.
#[derive(Debug, Clone)]
pub struct Journal {
    queue: SyncSender<Request>,
    tail: watch::Receiver<Arc<Tail>>,
    folder: PathBuf,
    clock: Clock,
}

enum Request {
    Append { draft: Draft, done: oneshot::Sender<Recorded> },
    Keep { key: String, value: String },
    Kept { key: String, answer: oneshot::Sender<Option<String>> },
    Read { window: Window, answer: oneshot::Sender<Result<Vec<Arc<Entry>>, JournalError>> },
    Flush { done: oneshot::Sender<()> },
}

/// A fresh journal and what was found when it was opened.
#[derive(Debug)]
pub struct Started {
    /// The way to it.
    pub journal: Journal,
    /// A corrupt `state.db` was set aside.
    pub set_aside: Option<SetAside>,
}

impl Journal {
    /// Opens `state.db` in this folder and starts the thread. A disk that cannot be written is not an error here: it is
    /// told in [`Tail::trouble`] and tried again.
    pub fn start(folder: &Path, clock: &Clock) -> Result<Started, OpenError> {
        let (store, set_aside, refused) = match open(folder, clock) {
            Ok((store, set_aside)) => (Some(store), set_aside, None),
            Err(OpenError::Unusable { error, .. }) => (None, None, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let entries = store.as_ref().map(|store| store.read(last_ones())).transpose().unwrap_or_default();
        let mut tail = Tail {
            length: store.as_ref().map_or(0, Store::length),
            entries: entries.unwrap_or_default(),
            trouble: None,
        };
        tail.trouble = refused.map(|why| trouble(&why, 0, 0));
        let (queue, requests) = sync_channel(QUEUE);
        let (publish, watching) = watch::channel(Arc::new(tail.clone()));
        let writer = Writer {
            store,
            tail,
            publish,
            waiting: VecDeque::new(),
            keep: Vec::new(),
            lost: 0,
            folder: folder.to_owned(),
            clock: clock.clone(),
        };
        let spawned = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(&requests));
        if let Err(error) = spawned {
            return Err(OpenError::Stuck {
                path: folder.join(database::FILE),
                why: "no thread can be started for it".into(),
                error,
            });
        }
        let journal = Self { queue, tail: watching, folder: folder.to_owned(), clock: clock.clone() };
        if let Some(aside) = &set_aside {
            let _on_disk = journal.append(Draft {
                time: clock.now(),
                who: "engine".into(),
                what: format!("a corrupt state.db was set aside as {}", aside.path.display()),
                why: aside.why.clone(),
                about: serde_json::json!({ "state": "set_aside", "path": aside.path }),
                weight: Weight::Alarm,
            });
        }
        Ok(Started { journal, set_aside })
    }

    /// Asks for an entry; its place in the order is taken at once. The receiver tells when it is durable.
    pub fn append(&self, draft: Draft) -> Result<oneshot::Receiver<Recorded>, JournalError> {
        let (done, recorded) = oneshot::channel();
        self.send(Request::Append { draft, done })?;
        Ok(recorded)
    }

    /// Keeps a small value that outlives the process, in order with the entries.
    pub fn keep(&self, key: &str, value: String) -> Result<(), JournalError> {
        self.send(Request::Keep { key: key.to_owned(), value })
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

    /// Waits until everything asked for so far is on disk or is known not to get there.
    pub async fn flush(&self) -> Result<(), JournalError> {
        let (done, flushed) = oneshot::channel();
        self.send(Request::Flush { done })?;
        flushed.await.map_err(|_closed| JournalError::Closed)
    }

    /// The end of the journal; changes wake the receiver.
    pub fn tail(&self) -> watch::Receiver<Arc<Tail>> {
        self.tail.clone()
    }

    /// Checks the whole chain over a connection of its own, so that appending goes on. Blocking. `progress` is told how
    /// many of how many entries are checked and says whether to go on.
    pub fn verify(&self, progress: impl FnMut(u64, u64) -> bool) -> Result<Option<Chain>, JournalError> {
        let unreadable = |error: &dyn std::fmt::Display| JournalError::Unreadable(error.to_string());
        let mut connection = database::open_read_only(&self.folder).map_err(|error| unreadable(&error))?;
        store::verify(&mut connection, progress).map_err(|error| unreadable(&error))
    }

    /// The time of an entry that is made now.
    pub fn now(&self) -> crate::clock::Timestamp {
        self.clock.now()
    }

    fn send(&self, request: Request) -> Result<(), JournalError> {
        self.queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => JournalError::Busy,
            TrySendError::Disconnected(_) => JournalError::Closed,
        })
    }
}

fn open(folder: &Path, clock: &Clock) -> Result<(Store, Option<SetAside>), OpenError> {
    let opened = database::open(folder, clock.now())?;
    let store = Store::new(opened.connection)
        .map_err(|error| OpenError::Unusable { path: folder.join(database::FILE), error })?;
    Ok((store, opened.set_aside))
}

fn last_ones() -> Window {
    Window { since: None, before: None, limit: u32::try_from(TAIL).unwrap_or(u32::MAX) }
}

fn trouble(why: &str, waiting: usize, lost: u64) -> String {
    let waits = match waiting {
        0 => "new entries will be kept in memory".to_owned(),
        1 => "1 entry is kept in memory".to_owned(),
        count => format!("{count} entries are kept in memory"),
    };
    let lost = if lost == 0 { String::new() } else { format!(", {lost} more are lost") };
    format!("state.db cannot be written ({why}): {waits}{lost}; free or repair the disk of the state folder")
}

/// What the thread owns.
struct Writer {
    store: Option<Store>,
    tail: Tail,
    publish: watch::Sender<Arc<Tail>>,
    waiting: VecDeque<Draft>,
    keep: Vec<(String, String)>,
    lost: u64,
    folder: PathBuf,
    clock: Clock,
}

impl Writer {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let first = if self.behind() {
                match requests.recv_timeout(RETRY) {
                    Ok(request) => Some(request),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            } else {
                match requests.recv() {
                    Ok(request) => Some(request),
                    Err(_all_gone) => break,
                }
            };
            // Whatever else has come in shares one transaction, and so one wait for the disk.
            self.serve(first.into_iter().chain(requests.try_iter().take(QUEUE)));
        }
        self.write();
    }

    fn behind(&self) -> bool {
        self.store.is_none() || !self.waiting.is_empty() || !self.keep.is_empty()
    }

    fn serve(&mut self, requests: impl Iterator<Item = Request>) {
        let mut appended = Vec::new();
        let mut after = Vec::new();
        for request in requests {
            match request {
                Request::Append { draft, done } => {
                    if self.waiting.len() < BACKLOG {
                        self.waiting.push_back(draft);
                        appended.push((self.tail.length + self.waiting.len() as u64, done));
                    } else {
                        self.lost += 1;
                    }
                }
                Request::Keep { key, value } => {
                    self.keep.retain(|(kept, _)| *kept != key);
                    self.keep.push((key, value));
                }
                other => after.push(other),
            }
        }
        let durable = self.write();
        for (seq, done) in appended {
            let _nobody_waits = done.send(Recorded { seq, durable });
        }
        for request in after {
            self.answer(request);
        }
    }

    /// Writes what waits. Returns whether nothing waits any more.
    fn write(&mut self) -> bool {
        let written = self.try_write();
        let before = Arc::clone(&self.publish.borrow());
        let mut now = self.tail.clone();
        now.trouble = written.as_ref().err().map(|why| trouble(why, self.waiting.len(), self.lost));
        // Entries that wait are shown too: the last thing a person wants is a journal that stops in the worst moment.
        for draft in &self.waiting {
            now.length += 1;
            now.entries.push(Arc::new(draft.at(now.length)));
        }
        let surplus = now.entries.len().saturating_sub(TAIL);
        now.entries.drain(..surplus);
        if *before != now {
            self.publish.send_replace(Arc::new(now));
        }
        written.is_ok()
    }

    fn try_write(&mut self) -> Result<(), String> {
        if self.store.is_none() {
            let (store, _) = open(&self.folder, &self.clock).map_err(|error| error.to_string())?;
            self.tail.length = store.length();
            self.tail.entries = store.read(last_ones()).map_err(|error| error.to_string())?;
            self.store = Some(store);
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        if self.waiting.is_empty() && self.keep.is_empty() {
            return Ok(());
        }
        if self.lost > 0 {
            let lost = self.lost;
            let note = Draft {
                time: self.clock.now(),
                who: "engine".into(),
                what: format!("{lost} journal entries were lost"),
                why: format!("state.db could not be written and more than {BACKLOG} entries waited"),
                about: serde_json::json!({ "lost": lost }),
                weight: Weight::Alarm,
            };
            store.append(&[note], &[]).map_err(|error| error.to_string())?;
            self.lost = 0;
            self.tail.length = store.length();
        }
        let drafts = self.waiting.make_contiguous();
        let entries = store.append(drafts, &self.keep).map_err(|error| error.to_string())?;
        self.waiting.clear();
        self.keep.clear();
        self.tail.length = store.length();
        self.tail.entries.extend(entries);
        let surplus = self.tail.entries.len().saturating_sub(TAIL);
        self.tail.entries.drain(..surplus);
        Ok(())
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Kept { key, answer } => {
                let waiting = self.keep.iter().find(|(kept, _)| *kept == key).map(|(_, value)| value.clone());
                let stored = || self.store.as_ref().and_then(|store| store.kept(&key).ok().flatten());
                let _nobody_waits = answer.send(waiting.or_else(stored));
            }
            Request::Read { window, answer } => {
                let _nobody_waits = answer.send(self.read(window));
            }
            Request::Flush { done } => {
                let _nobody_waits = done.send(());
            }
            Request::Append { .. } | Request::Keep { .. } => {}
        }
    }

    fn read(&self, window: Window) -> Result<Vec<Arc<Entry>>, JournalError> {
        let mut entries = match &self.store {
            Some(store) => store.read(window).map_err(|error| JournalError::Unreadable(error.to_string()))?,
            None => Vec::new(),
        };
        let pending = self.waiting.iter().zip(self.tail.length + 1..).map(|(draft, seq)| draft.at(seq));
        entries.extend(
            pending
                .filter(|entry| window.since.is_none_or(|since| entry.time >= since))
                .filter(|entry| window.before.is_none_or(|before| entry.seq < before))
                .map(Arc::new),
        );
        let surplus = entries.len().saturating_sub(window.limit as usize);
        entries.drain(..surplus);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests;
