//! Probes: asking, one file a kind. Each answers in time, with a reason a person can act on; none judges a host.

mod cluster;
mod command;
mod disk;
mod docker;
mod etcd;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod http;
pub mod icmp;
mod members;
mod mongo;
mod mysql;
mod ping;
mod rtmp;
mod rtsp;
mod tcp;

use std::time::Duration;

use super::ask::Ask;
use super::observation::{Observation, Outcome};
use crate::clock::Clock;
use crate::fleet::check::CheckKind;
use crate::reach::dial::DialError;
use crate::reach::http::HttpClient;
use crate::reach::plain;
use crate::reach::secret::Secrets;
use crate::reach::ssh::{Output, Remote, SshError, SshErrorKind, SshPool};

/// Longest text of another machine within a reason, characters.
const QUOTED: usize = 120;
/// What a probe gets beyond its time-out before it is cut off, so that its own, better worded time-out comes first.
const GRACE: Duration = Duration::from_millis(20);

/// How a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    outcome: Outcome,
    reason: Option<String>,
    /// Whether the host said anything.
    answered: bool,
    /// How far a replica is behind.
    behind: Option<Duration>,
    /// What is worth knowing although all is well.
    found: Option<String>,
}

impl Answer {
    const fn pass() -> Self {
        Self { outcome: Outcome::Pass, reason: None, answered: true, behind: None, found: None }
    }

    /// It answered, but not what was wanted.
    fn wrong(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail, reason: Some(reason.into()), answered: true, behind: None, found: None }
    }

    /// No answer came.
    fn silent(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail, reason: Some(reason.into()), answered: false, behind: None, found: None }
    }

    fn late(timeout: Duration) -> Self {
        Self::silent(format!("no answer in {}", plain::time(timeout)))
    }

    /// It could not be asked.
    fn unknown(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unknown, reason: Some(reason.into()), answered: false, behind: None, found: None }
    }

    /// The same of a replica that is so far behind.
    fn behind(self, behind: Option<Duration>) -> Self {
        Self { behind, ..self }
    }

    /// The same with what is worth knowing.
    fn found(self, found: String) -> Self {
        Self { found: Some(found), ..self }
    }
}

impl From<DialError> for Answer {
    fn from(error: DialError) -> Self {
        Self::silent(error.to_string())
    }
}

/// Asks. Cheap to clone; the clones share connections and sockets.
#[derive(Debug, Clone)]
pub struct Prober {
    clock: Clock,
    ssh: SshPool,
    http: HttpClient,
    pinger: icmp::Pinger,
    secrets: Secrets,
}

impl Prober {
    /// A prober over these connections.
    pub fn new(clock: Clock, ssh: SshPool, http: HttpClient) -> Self {
        let secrets = Secrets::new(clock.clone());
        Self { clock, ssh, http, pinger: icmp::Pinger::default(), secrets }
    }

    /// The connections over ssh that it uses.
    pub const fn ssh(&self) -> &SshPool {
        &self.ssh
    }

    /// The secrets that it remembers for a short while.
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// How pings are sent, once the first one was.
    pub fn ping_way(&self) -> Option<icmp::Way> {
        self.pinger.way()
    }

    /// Runs a check once. Ends within `timeout` and a moment.
    pub async fn run(&self, ask: &Ask, timeout: Duration) -> Observation {
        let began = self.clock.tick();
        let answer = match tokio::time::timeout(timeout.saturating_add(GRACE), self.ask(ask, timeout)).await {
            Ok(answer) => answer,
            Err(_late) => Answer::late(timeout),
        };
        let at = self.clock.tick();
        Observation {
            outcome: answer.outcome,
            latency: answer.answered.then(|| at.since(began)),
            reason: answer.reason,
            behind: answer.behind,
            found: answer.found,
            at,
            wall: self.clock.now(),
        }
    }

    async fn ask(&self, ask: &Ask, timeout: Duration) -> Answer {
        match &ask.kind {
            CheckKind::Ping => ping::ask(&self.pinger, &ask.address, timeout).await,
            CheckKind::Tcp { port } => within(timeout, tcp::ask(&ask.address, *port)).await,
            CheckKind::Http { url, status, contains } => {
                http::ask(&self.http, url, *status, contains.as_deref(), timeout).await
            }
            CheckKind::Rtmp { port } => within(timeout, rtmp::ask(&ask.address, *port)).await,
            CheckKind::Rtsp { port } => within(timeout, rtsp::ask(&ask.address, *port)).await,
            CheckKind::Mysql { url, query } => within(timeout, mysql::ask(&self.secrets, url, query, timeout)).await,
            CheckKind::MysqlReplica { url, max_lag } => {
                within(timeout, mysql::ask_replica(&self.secrets, url, *max_lag, timeout)).await
            }
            CheckKind::MongoReplica { url, max_lag, margin, ssh } => {
                let shell = ssh.then_some(self.shell(ask, timeout));
                mongo::ask(&self.secrets, url, mongo::Wanted { max_lag: *max_lag, margin: *margin }, shell, timeout)
                    .await
            }
            CheckKind::Etcd { url, v2, margin } => {
                within(timeout, etcd::ask(&self.http, url, *v2, *margin, timeout)).await
            }
            CheckKind::Members(members) => members::ask(&self.http, members, self.clock.now(), timeout).await,
            CheckKind::Command { run, contains } => {
                command::ask(self.shell(ask, timeout), run, contains.as_deref()).await
            }
            CheckKind::Docker { containers } => docker::ask(self.shell(ask, timeout), containers).await,
            CheckKind::Disk { path, min_free } => disk::ask(self.shell(ask, timeout), path, *min_free).await,
        }
    }

    fn shell<'a>(&'a self, ask: &'a Ask, timeout: Duration) -> Shell<'a> {
        Shell { pool: &self.ssh, ask, timeout }
    }
}

async fn within(timeout: Duration, asking: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_late| Answer::late(timeout))
}

/// A shell on the host that is asked.
#[derive(Clone, Copy)]
struct Shell<'a> {
    pool: &'a SshPool,
    ask: &'a Ask,
    timeout: Duration,
}

impl Shell<'_> {
    /// Runs a command there; the error is already an answer.
    async fn run(&self, script: String) -> Result<Output, Answer> {
        self.send(Remote::new(script, self.timeout)).await
    }

    async fn send(&self, remote: Remote) -> Result<Output, Answer> {
        self.pool.run(&self.ask.ssh, &remote).await.map_err(|error| self.words(&error))
    }

    /// No connection is no answer about what was asked. But where the check is vital, a host that gives no sign of life
    /// over ssh fails it; otherwise such a host could never be down.
    fn words(&self, error: &SshError) -> Answer {
        match error.kind {
            SshErrorKind::NoAnswer => Answer::silent(error.what.clone()),
            SshErrorKind::TooMuch | SshErrorKind::Killed => Answer::wrong(error.what.clone()),
            kind if kind.silent() && self.ask.vital => Answer::silent(error.what.clone()),
            _ => Answer::unknown(error.what.clone()),
        }
    }
}
