//! Data on the move: feeds, dumps, recording sessions, services and config backups.

use std::path::PathBuf;
use std::time::Duration;

use super::bucket::Access;
use super::host::Host;
use super::secret::{DatabaseUrl, SecretSource};

/// `[feeds.*]`: rows from SQLite to MySQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Where rows come from.
    pub from: FeedSource,
    /// Where rows go.
    pub to: FeedSink,
    /// What is carried.
    pub tables: Vec<FeedTable>,
    /// How naive times of the source are read.
    pub zone: Zone,
    /// Between two rounds.
    pub every: Duration,
    /// Rows in one batch.
    pub batch: u32,
    /// How far back an HTTP source is compared again.
    pub window: Duration,
    /// Past it the feed is late.
    pub max_lag: Duration,
    /// Pool whose serving host is read.
    pub follow: Option<String>,
}

/// Where a feed's rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedSource {
    /// A SQLite file, here or on a host.
    Sqlite {
        /// Path.
        path: PathBuf,
        /// Host that has it; `None`: this machine.
        host: Option<String>,
    },
    /// The HTTP interface of a host.
    Http {
        /// Url, with `{address}`.
        url: String,
        /// Host.
        host: String,
        /// Bearer token.
        token: SecretSource,
    },
}

/// Where a feed's rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedSink {
    /// A MySQL or MariaDB database.
    Mysql(DatabaseUrl),
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// One table of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedTable {
    /// Its name at the source.
    pub name: String,
    /// Columns that make a row the same row at both ends.
    pub key: Vec<String>,
    /// Column that only grows with insertion; `None`: rowid.
    pub cursor: Option<String>,
    /// Columns carried; empty: those that both ends have.
    pub columns: Vec<String>,
    /// Its name at the target; `None`: the same.
    pub into: Option<String>,
    /// Column that tells of updates.
    pub changes: Option<String>,
    /// Column by whose values the lag is shown too.
    pub lag_by: Option<String>,
}

/// How times without a zone are read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Zone {
    /// The zone of the machine that runs the engine.
    Local,
    /// UTC.
    Utc,
    /// A zone of the time zone database.
    Named(String),
}

impl Zone {
    /// The zone of a word of the fleet file.
    pub fn of(word: &str) -> Self {
        match word {
            "local" => Self::Local,
            "utc" => Self::Utc,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// `[dumps.*]`: MySQL dumps on removable media.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    /// Its name.
    pub name: String,
    /// Server.
    pub server: DatabaseUrl,
    /// What is dumped.
    pub databases: Vec<DumpDatabases>,
    /// Between two dumps.
    pub every: Duration,
    /// The medium.
    pub to: PathBuf,
    /// Whether `to` must be a mount point.
    pub mount: bool,
    /// What is kept.
    pub keep: Keep,
    /// Where drills restore.
    pub scratch: Scratch,
}

/// Which databases a dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpDatabases {
    /// One, by name.
    Named(String),
    /// Those a query returns.
    Query {
        /// The query; its first column is the name.
        query: String,
        /// A column whose text is shown beside the name.
        label: Option<String>,
    },
}

/// How many kits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The newest.
    pub last: u32,
    /// One an hour.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { last: 60, hourly: 48, daily: 30 }
    }
}

/// Where drills restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scratch {
    /// A private throw-away server.
    Auto,
    /// A server.
    Server(DatabaseUrl),
}

/// `[sessions.*]`: a store of recording sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// Where sessions are recorded.
    pub source: PathBuf,
    /// Path of a session below `source`, with `{participant}` and `{date}`.
    pub layout: String,
    /// Prefixes of participants; empty: all.
    pub participants: Vec<String>,
    /// Globs of files that are not part of a session.
    pub exclude: Vec<String>,
    /// Glob of what the Videos column counts.
    pub count: String,
    /// A session quiet for less than this is still being recorded.
    pub settle: Duration,
    /// Where copies go.
    pub destinations: Vec<Destination>,
    /// Files copied at once; 0: measured.
    pub parallel: u32,
    /// Bytes a second; `None`: no limit.
    pub limit: Option<u64>,
    /// How it is known that a session was imported.
    pub imported: Option<Imported>,
}

/// Where a session's copy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name on screens.
    pub name: String,
    /// Mount point that must be mounted; `None`: a plain folder.
    pub mount: Option<PathBuf>,
    /// Folder below which copies lie; the url of a folder elsewhere as it was written, see [`Destination::ssh`] and
    /// [`Destination::bucket`].
    pub path: PathBuf,
    /// Path of a session below `path`.
    pub layout: String,
    /// How an object store is reached.
    pub access: Access,
}

/// How it is known that a session was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// The tables of the `DataJoint` pipeline.
    Datajoint {
        /// The acquisition's SQLite file.
        sqlite: PathBuf,
        /// The pipeline's server.
        mysql: DatabaseUrl,
    },
    /// Queries of one's own.
    Query {
        /// SQLite file asked by `query`.
        sqlite: PathBuf,
        /// Returns participant, date, imported.
        query: String,
        /// Optional second server, asked by `queries`.
        mysql: Option<DatabaseUrl>,
        /// Named queries; each must hold for a session to count as imported.
        queries: Vec<(String, String)>,
    },
}

/// `[services.*]`: something with pid files and logs on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Host it runs on.
    pub host: String,
    /// Its pid files.
    pub pid_files: Vec<String>,
    /// Its logs.
    pub logs: Option<Logs>,
    /// The docker service that it is, as written.
    pub docker: Option<String>,
    /// How many of its replicas must live for it to serve.
    pub quorum: Option<u32>,
    /// The least time between two steps down.
    pub shrink_interval: Duration,
}

impl Service {
    /// The docker service that is scaled: as written, else that of its logs, else its own name.
    pub fn docker_name(&self) -> &str {
        match (&self.docker, &self.logs) {
            (Some(name), _) | (None, Some(Logs::Docker(name))) => name,
            _ => &self.name,
        }
    }
}

/// Where a service's logs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logs {
    /// Files on the host.
    Files(Vec<String>),
    /// A docker container or service.
    Docker(String),
}

/// `[configs.*]`: configuration files of hosts, kept version by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Hosts they lie on.
    pub hosts: Hosts,
    /// Paths and patterns on each host.
    pub files: Vec<String>,
    /// Between two looks.
    pub every: Duration,
}

/// Which hosts something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// These.
    Named(Vec<String>),
    /// Every host of the fleet.
    All,
    /// Those that have all of these labels.
    Labelled(Vec<(String, String)>),
}

impl Hosts {
    /// Whether this host is one of them.
    pub fn holds(&self, host: &Host) -> bool {
        match self {
            Self::Named(names) => names.contains(&host.name),
            Self::All => true,
            Self::Labelled(labels) => labels.iter().all(|(name, value)| host.labels.get(name) == Some(value)),
        }
    }
}
