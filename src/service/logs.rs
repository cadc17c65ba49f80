//! Logs of services: files and docker logs of a host, several at once as one, followed as long as somebody reads.
//!
//! A log is one stream in the engine, however many readers there are; it begins with the first question and ends when nobody
//! has asked for [`UNREAD`]. Lines are kept in a bounded number of bytes, and readers ask for windows of them: who is slower
//! than the log is told how many lines went by. Nothing of a log is ever written down here.

mod docker;
mod files;
mod filter;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod frames;
mod intake;
mod lines;
mod merge;
mod program;
mod ring;
mod stream;
pub mod target;
mod time;
pub mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::reach::ssh::SshPool;
use docker::Docker;
use files::Files;
use program::Way;
use stream::Stream;
use target::{Source, Unknown};
use view::{Ask, Window};

/// A log ends when nobody has asked for it for so long.
const UNREAD: Duration = Duration::from_secs(15);
/// How often lines are looked at whose turn comes by time alone.
const PULSE: Duration = Duration::from_millis(100);
/// Logs that are read at once. Each may keep 10 MB.
const STREAMS: usize = 12;
/// Between two tries to read a log that could not be read, at first.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The same, at most.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// Longest wait for a line, milliseconds.
const LONGEST_WAIT: u32 = 8_000;

/// Whether a line has the words of a filter, and none of those after a `!`.
pub fn filter_passes(filter: &str, line: &str) -> bool {
    filter::Filter::new(filter).passes(line.as_bytes())
}

/// Every log that is being read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fleet: Mutex<Arc<Fleet>>,
    ssh: SshPool,
    clock: Clock,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
    tasks: TaskTracker,
}

impl Logs {
    /// None is read yet.
    pub fn new(fleet: &Arc<Fleet>, ssh: SshPool, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            fleet: Mutex::new(Arc::clone(fleet)),
            ssh,
            clock,
            streams: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Another fleet file is in force: logs that are others now end.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        *lock(&self.0.fleet) = Arc::clone(fleet);
        lock(&self.0.streams).retain(|of, stream| {
            let same = target::find(fleet, of).is_ok_and(|target| target == stream.target);
            if !same {
                stream.stop.cancel();
            }
            same
        });
    }

    /// A window of a log, which is read from now on if it was not. Ends within 9 s.
    pub async fn read(&self, mut ask: Ask) -> Result<Window, Unknown> {
        ask.wait = ask.wait.min(LONGEST_WAIT);
        let stream = self.stream(&ask.of)?;
        Ok(stream.window(&ask).await)
    }

    /// Every log ends. Returns when nothing of it runs any more.
    pub async fn shutdown(&self) {
        for (_, stream) in std::mem::take(&mut *lock(&self.0.streams)) {
            stream.stop.cancel();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn stream(&self, of: &str) -> Result<Arc<Stream>, Unknown> {
        let mut streams = lock(&self.0.streams);
        if let Some(stream) = streams.get(of) {
            return Ok(Arc::clone(stream));
        }
        let target = target::find(&lock(&self.0.fleet), of)?;
        if streams.len() >= STREAMS {
            let hint = format!("close one; a log ends {} s after its last reader", UNREAD.as_secs());
            return Err(Unknown { what: format!("{STREAMS} logs are being read already"), hint });
        }
        let way = Way::Ssh(self.0.ssh.clone(), target.ssh.clone());
        let stream = Stream::new(target, &self.0.clock);
        streams.insert(of.to_owned(), Arc::clone(&stream));
        self.0.tasks.spawn(live(Arc::downgrade(&self.0), of.to_owned(), Arc::clone(&stream), way));
        Ok(stream)
    }
}

/// Reads a log as long as somebody asks for it.
async fn live(shared: std::sync::Weak<Shared>, of: String, stream: Arc<Stream>, way: Way) {
    let readers = TaskTracker::new();
    for reader in all(&stream) {
        let reading = follow(reader, way.clone(), stream.clock().clone());
        readers.spawn(stream.stop.clone().run_until_cancelled_owned(reading));
    }
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stream.stop.is_cancelled() && stream.unread() < UNREAD {
        tokio::select! {
            _ = pulse.tick() => stream.pulse(),
            () = stream.stop.cancelled() => {}
        }
    }
    if let Some(shared) = shared.upgrade() {
        let mut streams = lock(&shared.streams);
        if streams.get(&of).is_some_and(|there| Arc::ptr_eq(there, &stream)) {
            streams.remove(&of);
        }
    }
    stream.stop.cancel();
    readers.close();
    readers.wait().await;
}

/// What reads a part of a log.
enum Reader {
    Files(Files),
    Docker(Docker),
}

/// All files of a log are read by one script, each docker log by one of its own.
fn all(stream: &Arc<Stream>) -> Vec<Reader> {
    let (mut files, mut readers) = (Vec::new(), Vec::new());
    for (source, place) in stream.target.places.iter().enumerate() {
        match &place.source {
            Source::File(path) => files.push((source, path.clone())),
            Source::Docker(name) => {
                readers.push(Reader::Docker(Docker::new(Arc::clone(stream), source, name.clone())));
            }
        }
    }
    if !files.is_empty() {
        readers.push(Reader::Files(Files::new(Arc::clone(stream), files)));
    }
    readers
}

/// Reads on and on. After a failure it waits, longer each time.
async fn follow(mut reader: Reader, way: Way, clock: Clock) {
    let mut rest = FIRST_REST;
    loop {
        let began = clock.tick();
        let why = match &mut reader {
            Reader::Files(files) => files.read(&way).await,
            Reader::Docker(docker) => docker.read(&way).await,
        };
        match &mut reader {
            Reader::Files(files) => files.lost(&why),
            Reader::Docker(docker) => docker.lost(&why),
        }
        if clock.tick().since(began) > LONGEST_REST {
            rest = FIRST_REST;
        }
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(LONGEST_REST);
    }
}

/// What lies behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
