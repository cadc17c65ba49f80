//! The thread that has the file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;

use super::error::tell;
use crate::feed::sink::SinkError;
use crate::reach::plain;

/// How long a lock of another program is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Between two looks at whether anybody still waits, in steps of `SQLite`'s machine.
const STEPS: i32 = 10_000;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;
/// Work, and whom to tell where there is no file to do it with.
type Job = (Work, Box<dyn FnOnce(SinkError) + Send>);

/// A thread with an open file. Ends when it is dropped, once what it does is done.
pub(super) struct Worker {
    work: mpsc::Sender<Job>,
    given_up: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread; the file is opened with the first work.
    pub(super) fn start(path: &Path) -> Result<Self, SinkError> {
        let (work, todo) = mpsc::channel::<Job>();
        let given_up = Arc::new(AtomicBool::new(false));
        let (stop, path) = (Arc::clone(&given_up), path.to_owned());
        let thread = std::thread::Builder::new().name("feed-sqlite".into()).spawn(move || {
            let mut file: Option<(Connection, Option<(u64, u64)>)> = None;
            while let Ok((work, refuse)) = todo.recv() {
                let opened = match file.take() {
                    // Rows must not go into a file that was replaced, as when an older state is put back.
                    Some((file, which)) if which.is_some() && which == inode(&path) => Ok(file),
                    _ => open(&path, &stop),
                };
                match opened {
                    Ok(mut opened) => {
                        let which = inode(&path);
                        work(&mut opened);
                        file = Some((opened, which));
                    }
                    Err(error) => refuse(tell(&error)),
                }
            }
        });
        thread.map_err(|why| SinkError::Away(format!("no thread for the target could be started: {why}")))?;
        Ok(Self { work, given_up })
    }

    /// Has this done, and waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Connection) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let answer = Arc::new(std::sync::Mutex::new(Some(answer)));
        let say = {
            move |said: Result<T, SinkError>| {
                let waiting = answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                // Whoever asked may have given up.
                let _heard = waiting.map(|waiting| waiting.send(said));
            }
        };
        let refuse = say.clone();
        let job: Work = Box::new(move |file| say(work(file)));
        let gone = || SinkError::Away("the thread of the target has ended".into());
        self.work.send((job, Box::new(move |error| refuse(Err(error))))).map_err(|_ended| gone())?;
        match tokio::time::timeout(patience, answered).await {
            Ok(answer) => answer.map_err(|_ended| gone())?,
            Err(_late) => Err(SinkError::Away(format!("no answer in {}", plain::time(patience)))),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

/// Which file lies there now.
fn inode(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn open(path: &Path, stop: &Arc<AtomicBool>) -> rusqlite::Result<Connection> {
    let mut file = Connection::open(path)?;
    file.busy_timeout(BUSY)?;
    let stop = Arc::clone(stop);
    file.progress_handler(STEPS, Some(move || stop.load(Ordering::Relaxed)))?;
    Ok(file)
}
