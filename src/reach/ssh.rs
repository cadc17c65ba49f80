//! ssh through the operator's own client: config, agent, jump hosts, known hosts and hardware keys are all honoured.
//!
//! One multiplexed connection a destination is kept warm; commands travel over it, several at once. A destination that
//! does not answer is left alone for a while that doubles, and whoever asks meanwhile gets the same error at once.

mod error;
mod folder;
mod master;
mod remote;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

#[cfg(any(test, fuzzing))]
pub(crate) use error::told_by_client;
pub use error::{SshError, SshErrorKind};
use folder::Folder;
use master::Master;
pub use remote::{Output, Remote};

use crate::clock::{Clock, Tick};

/// Commands over one connection at once. sshd refuses an eleventh session by default (`MaxSessions 10`), and the
/// operator may have sessions of their own over a shared `ControlMaster`.
const SESSIONS: usize = 6;
/// How long a late command keeps its place at most.
const ABANDON: Duration = Duration::from_secs(60);
/// First rest after a failed connection; doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
/// Longest rest after a failed connection.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The same where a person is asked to accept the host's key, does so in another window, and looks here right afterwards. No login
/// is tried meanwhile, which a host might count.
const LONGEST_REST_WITHOUT_KEY: Duration = Duration::from_secs(4);

/// How the ssh client is started.
#[derive(Debug, Clone)]
pub struct SshOptions {
    /// The client.
    pub program: PathBuf,
    /// Another configuration file (`-F`) instead of the operator's.
    pub config: Option<PathBuf>,
    /// More options (`-o`), each as `Name=value`. They come before ours, so that they win.
    pub options: Vec<String>,
    /// Longest wait for a connection, login included.
    pub connect_timeout: Duration,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self { program: "ssh".into(), config: None, options: Vec::new(), connect_timeout: Duration::from_secs(5) }
    }
}

/// Warm connections to any number of destinations. Cheap to clone; the clones share the connections.
#[derive(Debug, Clone)]
pub struct SshPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    options: SshOptions,
    clock: Clock,
    folder: Arc<Folder>,
    hosts: Mutex<HashMap<String, Arc<Destination>>>,
}

/// What is known of one destination.
#[derive(Debug)]
struct Destination {
    name: String,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    identity: Mutex<Option<String>>,
}

#[derive(Debug)]
enum State {
    Closed,
    Opening(watch::Receiver<Option<Opened>>),
    Open(Arc<Master>),
    Resting { until: Tick, rest: Duration, error: SshError },
}

/// How an attempt to connect ended, for everybody who waited for it.
type Opened = Result<Arc<Master>, SshError>;

impl SshPool {
    /// A pool without connections.
    pub fn new(options: SshOptions, clock: Clock) -> Self {
        Self(Arc::new(Pool { options, clock, folder: Arc::new(Folder::new()), hosts: Mutex::default() }))
    }

    /// Runs a command on a destination, connecting first where needed. Ends within the command's time-out, whatever
    /// happens. A command that is late keeps its place among the [`SESSIONS`] until it has ended on the host, or for
    /// [`ABANDON`]: a host too slow for its checks is not given more of them than it can end.
    pub async fn run(&self, destination: &str, remote: &Remote) -> Result<Output, SshError> {
        let host = self.destination(destination);
        let reached = AtomicU8::new(NOTHING);
        let work = async {
            let slot = host.slots.clone().acquire_owned().await.map_err(|_closed| SshError::lost(destination))?;
            reached.store(SLOT, Ordering::Relaxed);
            let master = self.open(&host).await?;
            reached.store(MASTER, Ordering::Relaxed);
            let (slot, ended) = held(slot, master, remote.clone()).await?;
            match ended {
                // The connection had died unnoticed and the command never began: once more over a fresh one.
                Err(error) if error.kind == SshErrorKind::NotBegun => {
                    let fresh = self.open(&host).await?;
                    held(slot, fresh, remote.clone()).await?.1
                }
                ended => ended,
            }
        };
        match tokio::time::timeout(remote.timeout, work).await {
            Ok(ended) => ended,
            Err(_late) => Err(match reached.into_inner() {
                NOTHING => SshError::busy(destination, SESSIONS),
                SLOT => SshError::no_connection(destination, remote.timeout),
                _ => SshError::no_answer(destination, remote.timeout),
            }),
        }
    }

    /// Program and arguments of an ssh client that travels over the warm connection to a destination, for programs that
    /// start one by themselves, such as rsync: whatever host they name, they reach this one, or nothing.
    pub async fn client(&self, destination: &str) -> Result<Vec<OsString>, SshError> {
        Ok(self.open(&self.destination(destination)).await?.client())
    }

    /// Fingerprint (`SHA256:…`) of the host key that this destination showed last, by which machines are told apart.
    pub fn identity(&self, destination: &str) -> Option<String> {
        let hosts = lock(&self.0.hosts);
        hosts.get(destination).and_then(|host| lock(&host.identity).clone())
    }

    /// Ends the rest of a destination that did not answer: somebody wants to know now.
    pub fn wake(&self, destination: &str) {
        if let Some(host) = lock(&self.0.hosts).get(destination) {
            let mut state = lock(&host.state);
            if matches!(*state, State::Resting { .. }) {
                *state = State::Closed;
            }
        }
    }

    /// Closes the connections to all destinations for which `keep` says no.
    pub async fn retain(&self, keep: impl Fn(&str) -> bool) {
        let gone: Vec<Arc<Destination>> = {
            let mut hosts = lock(&self.0.hosts);
            hosts.extract_if(|name, _host| !keep(name)).map(|(_name, host)| host).collect()
        };
        let closing =
            gone.into_iter().filter_map(|host| match std::mem::replace(&mut *lock(&host.state), State::Closed) {
                State::Open(master) => Some(async move { master.close().await }),
                _ => None,
            });
        futures_util::future::join_all(closing).await;
    }

    /// Closes every connection, for good. Ends within 2 s.
    pub async fn shutdown(&self) {
        self.retain(|_name| false).await;
        self.0.folder.remove();
    }

    fn destination(&self, name: &str) -> Arc<Destination> {
        let mut hosts = lock(&self.0.hosts);
        if let Some(host) = hosts.get(name) {
            return host.clone();
        }
        let host = Arc::new(Destination {
            name: name.to_owned(),
            slots: Arc::new(Semaphore::new(SESSIONS)),
            state: Mutex::new(State::Closed),
            identity: Mutex::default(),
        });
        hosts.insert(name.to_owned(), host.clone());
        host
    }

    /// The connection, after waiting for it where one is being made. The attempt belongs to nobody who waits, so that a
    /// command that gives up does not end it for the others.
    async fn open(&self, host: &Arc<Destination>) -> Opened {
        let mut opening = {
            let mut state = lock(&host.state);
            let mut rest = FIRST_REST;
            match &*state {
                State::Open(master) if master.alive() => return Ok(master.clone()),
                State::Opening(opening) => opening.clone(),
                State::Resting { until, error, .. } if self.0.clock.tick() < *until => return Err(error.clone()),
                State::Closed | State::Open(_) | State::Resting { .. } => {
                    if let State::Resting { rest: last, error, .. } = &*state {
                        rest = (*last * 2).min(longest_rest(error.kind));
                    }
                    let opening = self.start(host.clone(), rest);
                    *state = State::Opening(opening.clone());
                    opening
                }
            }
        };
        let opened = opening.wait_for(Option::is_some).await.map_err(|_dropped| SshError::lost(&host.name))?.clone();
        opened.unwrap_or_else(|| Err(SshError::lost(&host.name)))
    }

    fn start(&self, host: Arc<Destination>, rest: Duration) -> watch::Receiver<Option<Opened>> {
        let (tell, opening) = watch::channel(None);
        let pool = self.0.clone();
        tokio::spawn(async move {
            let opened = Master::open(&host.name, &pool.options, &pool.folder).await.map(Arc::new);
            match &opened {
                Ok(master) => {
                    *lock(&host.identity) = master.identity().map(str::to_owned);
                    *lock(&host.state) = State::Open(master.clone());
                    tracing::debug!(destination = host.name, "ssh connected");
                }
                Err(error) => {
                    // A few per cent of chance, so that hosts that failed together do not come back together.
                    let until = pool.clock.tick() + rest.mul_f64(0.9 + 0.2 * fastrand::f64());
                    *lock(&host.state) = State::Resting { until, rest, error: error.clone() };
                    tracing::debug!(destination = host.name, %error, "ssh does not connect");
                }
            }
            tell.send_replace(Some(opened));
        });
        opening
    }
}

const fn longest_rest(after: SshErrorKind) -> Duration {
    match after {
        SshErrorKind::HostKeyUnknown => LONGEST_REST_WITHOUT_KEY,
        _ => LONGEST_REST,
    }
}

/// How far a command came before its time was over: it waited for a place, had one, had a connection.
const NOTHING: u8 = 0;
const SLOT: u8 = 1;
const MASTER: u8 = 2;

/// Runs the command in a task of its own, which keeps the place also when nobody waits any more: closing the channel would
/// not end the process on the host.
async fn held(
    slot: OwnedSemaphorePermit,
    master: Arc<Master>,
    remote: Remote,
) -> Result<(OwnedSemaphorePermit, Result<Output, SshError>), SshError> {
    let destination = master.destination().to_owned();
    let running = tokio::spawn(async move {
        let ended = tokio::time::timeout(remote.timeout + ABANDON, remote.over(&master)).await;
        (slot, ended.unwrap_or_else(|_late| Err(SshError::no_answer(master.destination(), remote.timeout))))
    });
    running.await.map_err(|_panicked| SshError::lost(&destination))
}

/// What lies behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
