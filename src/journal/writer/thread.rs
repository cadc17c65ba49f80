//! The journal's thread: it owns the file, and what waits for the disk.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::words::{lost_ones, told, trouble};
use super::{JournalError, QUEUE, Recorded, Request, Tail};
use crate::clock::{Clock, Tick};
use crate::journal::aside::{self, Cause, Identity, SetAside};
use crate::journal::database::{self, OpenError};
use crate::journal::entry::Entry;
use crate::journal::soundness::Look;
use crate::journal::store::{Draft, Store, Window};

/// Entries that wait for the disk.
pub(super) const BACKLOG: usize = 10_000;
/// How long after a failure the disk is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Entries of the tail.
pub(super) const TAIL: usize = 200;

/// What the thread owns.
pub(super) struct Writer {
    store: Option<Store>,
    /// The journal was long, and not looked at before it was used.
    unseen: bool,
    /// The file behind the store.
    identity: Option<Identity>,
    tail: Tail,
    publish: watch::Sender<Arc<Tail>>,
    waiting: VecDeque<Draft>,
    keep: Vec<(String, String)>,
    lost: u64,
    /// How many entries are kept; `None`: all.
    limit: Option<u64>,
    folder: PathBuf,
    clock: Clock,
    busy: Busy,
}

/// Since when the thread has been waiting for the disk; `None`: it is not.
pub(super) type Busy = Arc<Mutex<Option<Tick>>>;

impl Writer {
    /// Opens the file. A disk that cannot be written is not an error: it is told in the tail and tried again.
    pub(super) fn open(folder: &Path, clock: &Clock) -> Result<Self, OpenError> {
        let mut writer = Self {
            store: None,
            unseen: false,
            identity: None,
            tail: Tail::default(),
            publish: watch::channel(Arc::default()).0,
            waiting: VecDeque::new(),
            keep: Vec::new(),
            lost: 0,
            limit: None,
            folder: folder.to_owned(),
            clock: clock.clone(),
            busy: Busy::default(),
        };
        // An engine that starts is waited for; later nobody waits for a look at all of it.
        if let Err(error) = writer.take_up(Look::Quick)
            && !matches!(error, OpenError::Unusable { .. })
        {
            return Err(error);
        }
        writer.write();
        Ok(writer)
    }

    /// Whether somebody is to look through the file beside the work.
    pub(super) fn unseen(&self) -> bool {
        self.unseen
    }

    /// Tells since when the disk is waited for.
    pub(super) fn busy(&self) -> Busy {
        Arc::clone(&self.busy)
    }

    /// The end of the journal; changes wake the receiver.
    pub(super) fn tail(&self) -> watch::Receiver<Arc<Tail>> {
        self.publish.subscribe()
    }

    /// Opens the file and reads its end; a corrupt one that was set aside is told first of all.
    fn take_up(&mut self, look: Look) -> Result<(), OpenError> {
        let unusable = |error| OpenError::Unusable { path: self.folder.join(database::FILE), error };
        let opened = database::open_after(&self.folder, self.clock.now(), look)?;
        let store = Store::new(opened.connection).map_err(unusable)?;
        self.tail.length = store.length();
        self.tail.entries = store.read(last_ones()).map_err(unusable)?;
        self.store = Some(store);
        self.unseen = opened.unseen;
        self.identity = aside::identity(&self.folder);
        if let Some(aside) = opened.set_aside {
            self.waiting.push_front(told(&aside, &self.clock));
            self.tail.set_aside = Some(aside);
        }
        Ok(())
    }

    /// Notices that the file has lost its name, in which nobody would ever find what is written from now on: keeps what it
    /// holds, and begins with the file that has the name.
    fn let_go(&mut self) -> Result<(), String> {
        let Some(store) = &self.store else { return Ok(()) };
        if aside::identity(&self.folder) == self.identity {
            return Ok(());
        }
        let now = self.clock.now();
        let aside = aside::rescue(store.connection(), &self.folder, now)
            .map_err(|error| format!("it was removed or replaced, and what it held cannot be kept: {error}"))?;
        self.began_anew(aside);
        Ok(())
    }

    /// Sets a file aside in which somebody who looked through it found something wrong. What is in no table any more is
    /// asked of those who know it, as after a start.
    fn set_aside(&mut self, why: String) {
        // Another one has its name since.
        if self.store.is_none() || aside::identity(&self.folder) != self.identity {
            return;
        }
        match aside::move_aside(&self.folder.join(database::FILE), self.clock.now()) {
            Ok(path) => self.began_anew(SetAside { cause: Cause::Corrupt, path, why }),
            Err(error) => tracing::error!(%error, %why, "state.db is corrupt and cannot be moved aside"),
        }
    }

    fn began_anew(&mut self, aside: SetAside) {
        self.waiting.push_front(told(&aside, &self.clock));
        self.tail.set_aside = Some(aside);
        self.store = None;
    }

    /// Serves until the last way to the journal is gone.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
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
            let closing = self.serve(first.into_iter().chain(requests.try_iter().take(QUEUE)));
            if !closing.is_empty() {
                drop(self.store.take());
                for done in closing {
                    let _nobody_waits = done.send(());
                }
                return;
            }
        }
        self.write();
    }

    fn behind(&self) -> bool {
        self.store.is_none() || !self.waiting.is_empty() || !self.keep.is_empty()
    }

    /// Returns whom to tell when the file is closed; nobody: it stays open.
    fn serve(&mut self, requests: impl Iterator<Item = Request>) -> Vec<oneshot::Sender<()>> {
        let mut closing = Vec::new();
        let mut appended = Vec::new();
        let mut kept = Vec::new();
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
                Request::Keep { key, value, done } => {
                    self.keep.retain(|(kept, _)| *kept != key);
                    self.keep.push((key, value));
                    kept.extend(done);
                }
                Request::Limit { entries } => self.limit = Some(entries),
                Request::Corrupt { why } => self.set_aside(why),
                Request::Close { done } => closing.push(done),
                other => after.push(other),
            }
        }
        let durable = self.write();
        for (seq, done) in appended {
            let _nobody_waits = done.send(Recorded { seq, durable });
        }
        for done in kept {
            let _nobody_waits = done.send(durable);
        }
        for request in after {
            self.answer(request);
        }
        closing
    }

    /// Writes what waits. Returns whether nothing waits any more.
    fn write(&mut self) -> bool {
        self.waits(Some(self.clock.tick()));
        let written = self.try_write();
        self.waits(None);
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

    fn waits(&self, since: Option<Tick>) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn try_write(&mut self) -> Result<(), String> {
        self.let_go()?;
        if self.store.is_none() {
            self.take_up(Look::Whole).map_err(|error| error.to_string())?;
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        if self.waiting.is_empty() && self.keep.is_empty() {
            return Ok(());
        }
        let lost = self.lost;
        // The newest were lost: what memory took is older.
        self.waiting.extend((lost > 0).then(|| lost_ones(lost, self.clock.now())));
        let written = store.append(self.waiting.make_contiguous(), &self.keep);
        if written.is_err() && lost > 0 {
            let _counted_still = self.waiting.pop_back();
        }
        let entries = written.map_err(|error| error.to_string())?;
        self.lost = 0;
        self.waiting.clear();
        self.keep.clear();
        self.tail.length = store.length();
        self.tail.entries.extend(entries);
        self.let_go_of_the_oldest();
        let surplus = self.tail.entries.len().saturating_sub(TAIL);
        self.tail.entries.drain(..surplus);
        Ok(())
    }

    /// Drops the oldest entries where there are more than are to be kept. What fails here is tried again with the next entry:
    /// the journal itself is written.
    fn let_go_of_the_oldest(&mut self) {
        let (Some(store), Some(limit)) = (&mut self.store, self.limit) else { return };
        match store.drop_old(limit, self.clock.now()) {
            Ok(Some(dropped)) => {
                self.tail.length = store.length();
                self.tail.entries.push(dropped.told);
                for file in dropped.files.iter().filter(|file| plain_name(file)) {
                    let _gone_already = std::fs::remove_file(self.folder.join(file));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the journal cannot let go of its oldest entries"),
        }
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
                if let Some(store) = &self.store {
                    database::settle(store.connection());
                }
                let _nobody_waits = done.send(());
            }
            Request::Append { .. }
            | Request::Keep { .. }
            | Request::Limit { .. }
            | Request::Corrupt { .. }
            | Request::Close { .. } => {}
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

/// Whether it names a file below the state folder, and nothing above it.
fn plain_name(file: &str) -> bool {
    Path::new(file).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn last_ones() -> Window {
    Window { since: None, before: None, limit: u32::try_from(TAIL).unwrap_or(u32::MAX) }
}
