//! Starting an engine, and the handle to one that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::command::{Accepted, Answer, Command, Query, Refusal, RefusalKind};
use super::core::{Ask, Core};
use super::door::Door;
use super::file;
use super::guest::{Guest, Presence, Present, Who};
use super::lock::{Lock, LockError};
use super::outlet::Outlet;
use super::server;
use super::sessions::Sessions;
use super::snapshot::Snapshot;
use super::state::{StateError, StateFolder};
use super::{dumps, feeds, hosts::Hosts, limits, log, pools, services};
use crate::clock::Clock;
use crate::configs::Configs;
use crate::fleet::diagnostic::Diagnostic;
use crate::fleet::{self, Fleet};
use crate::journal::database::OpenError;
use crate::journal::writer::Journal;
use crate::reach::http::HttpClient;
use crate::reach::ssh::SshOptions;
use crate::service::logs::Logs;

/// Requests that wait for the engine.
const QUEUE: usize = 256;
/// No command or query takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What an engine is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The fleet file.
    pub fleet: PathBuf,
    /// `--state`; `None`: the folder that belongs to the fleet's name.
    pub state: Option<PathBuf>,
    /// Started by a face for its own use, so that any guest's leaving counts for `linger`.
    pub detached: bool,
    /// It does nothing that nobody has asked for: no takeover, no drill, no row is carried and nothing dumped by itself. For one command where
    /// no engine runs.
    pub quiet: bool,
    /// The time.
    pub clock: Clock,
    /// How the ssh client is started.
    pub ssh: SshOptions,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The fleet file has errors.
    #[error("{}", file::all(.0))]
    Fleet(Vec<Diagnostic>),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another engine runs, or the lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// `state.db` cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The socket cannot be made.
    #[error("the socket {} cannot be made: {error}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl StartError {
    /// What to do now.
    pub fn hint(&self) -> &str {
        match self {
            Self::Fleet(errors) => file::remedy(errors),
            Self::Lock(LockError::Held { .. }) => {
                "join it with `hotspare`, or stop it with `hotspare engine stop` and start again"
            }
            Self::State(_) | Self::Lock(_) | Self::Socket { .. } => {
                "make the folder writable or free its disk, or use another with --state DIR"
            }
            Self::Database(_) => "keep a copy of state.db, then start a version that can read it or move it away",
        }
    }
}

/// An engine that runs in this process. Cheap to clone; it runs until it is stopped.
#[derive(Debug, Clone)]
pub struct Engine {
    asks: mpsc::Sender<Ask>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    presence: Presence,
    folder: StateFolder,
    door: Door,
    outlet: Outlet,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Engine {
    /// Reads the fleet file, takes the lock, opens the journal, begins to watch, opens the socket.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // What an engine writes is for its owner alone.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        limits::raise();
        let path = std::path::absolute(&config.fleet).unwrap_or_else(|_error| config.fleet.clone());
        let contents = fleet::read(&path);
        let fleet = file::parse(&contents, &path).map_err(StartError::Fleet)?;
        let folder = StateFolder::locate(config.state.as_deref(), &fleet.name)?;
        folder.prepare()?;
        let lock = Lock::take(&folder.lock())?;
        let ring = log::start(&folder.log(), &config.clock);
        let journal = Journal::start(folder.path(), &config.clock)?;
        let socket =
            server::bind(&folder.socket()).map_err(|error| StartError::Socket { path: folder.socket(), error })?;

        let door = Door::new(&folder, &config.clock, &fleet.engine.groups);

        let known = journal.kept(feeds::KNOWN).await.ok().flatten();
        let media = journal.kept(dumps::KNOWN).await.ok().flatten();
        let fleet: Arc<Fleet> = Arc::new(fleet);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let presence = Presence::new();
        let outlet = Outlet::new(fleet.engine.metrics);
        let http = HttpClient::new();
        let (hosts, host_changes) = Hosts::start(&fleet, &config.clock, config.ssh, http.clone());
        let sessions = Sessions::start(&fleet, folder.path(), &config.clock, hosts.prober());
        let (pools, lease, pool_news) =
            pools::start(&pools::calm(&fleet, config.quiet), &config.clock, &hosts, http.clone(), &journal, &folder);
        let feeds = feeds::start(&fleet, &config.clock, &hosts, http.clone(), known.as_deref(), !config.quiet);
        let dumps = dumps::start(&fleet, &config.clock, &hosts, &folder, media.as_deref(), !config.quiet);
        let (services, service_news) = services::start(&fleet, &config.clock, &hosts, !config.quiet);
        let ssh = hosts.prober().ssh().clone();
        let logs = Logs::new(&fleet, ssh.clone(), config.clock.clone());
        let (configs, config_news) = Configs::start(&fleet, ssh, config.clock.clone(), folder.path(), !config.quiet);
        let changes = file::watch(path.clone(), contents, stop.clone());
        let (asks, asked) = mpsc::channel(QUEUE);
        let core = Core::new(super::core::Parts {
            clock: config.clock,
            detached: config.detached,
            folder: folder.clone(),
            file: path,
            fleet,
            hosts,
            host_changes,
            sessions,
            pools,
            feeds,
            dumps,
            services,
            service_news,
            logs,
            configs,
            config_news,
            quiet: config.quiet,
            lease,
            pool_news,
            http,
            journal,
            ring,
            presence: presence.clone(),
            door: door.clone(),
            outlet: outlet.clone(),
            stop: stop.clone(),
        })
        .await;
        let snapshots = core.snapshots();
        let engine = Self { asks, snapshots, presence, folder, door, outlet, stop, ended: ended.clone() };
        let serving = tokio::spawn(server::serve(socket, engine.clone(), server::TAKES_WITHIN));
        tokio::spawn(async move {
            core.run(asked, changes).await;
            // Guests are told and the socket is gone before the lock is: who takes it next finds neither.
            let _served = serving.await;
            drop(lock);
            ended.cancel();
        });
        Ok(engine)
    }

    /// The newest snapshot, always; changes wake the receiver.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks to change something. Ends within 10 s.
    pub async fn command(&self, who: Who, command: Command) -> Result<Accepted, Refusal> {
        self.ask(|answer| Ask::Command { who, command, answer }).await
    }

    /// Asks to see something. Ends within 10 s.
    pub async fn query(&self, query: Query) -> Result<Answer, Refusal> {
        self.ask(|answer| Ask::Query { query, answer }).await
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it as `hotspare engine stop --force` does: jobs are cancelled, the journal is closed, the socket removed.
    pub async fn stop(&self, who: &str) {
        let stopped = Ask::Stop { who: who.to_owned() };
        if self.asks.send(stopped).await.is_ok() {
            self.ended().await;
        }
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Where it meets the face that serves its metrics.
    pub const fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// Counts this guest as long as the value lives.
    pub(super) fn enter(&self, guest: &Guest) -> Present {
        self.presence.enter(guest)
    }

    /// The door of its socket.
    pub(super) const fn door(&self) -> &Door {
        &self.door
    }

    /// Journals that somebody was not let in.
    pub(super) async fn turned_away(&self, who: String, why: String) {
        let _engine_ends = self.asks.send(Ask::TurnedAway { who, why }).await;
    }

    /// Cancelled when the engine begins to stop.
    pub(super) const fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Ask) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            self.asks.send(ask(answer)).await.map_err(|_closed| gone())?;
            answered.await.map_err(|_closed| gone())?
        };
        tokio::time::timeout(ANSWER_WITHIN, asking).await.unwrap_or_else(|_late| {
            Err(Refusal {
                kind: RefusalKind::Failed,
                what: format!("the engine did not answer within {} s", ANSWER_WITHIN.as_secs()),
                hint: Some(
                    "look at its log: the machine may be overloaded or the disk of the state folder hang".into(),
                ),
            })
        })
    }
}

fn gone() -> Refusal {
    Refusal {
        kind: RefusalKind::Gone,
        what: "the engine has stopped".into(),
        hint: Some("start it again with `hotspare`".into()),
    }
}
