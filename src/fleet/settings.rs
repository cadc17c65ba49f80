//! The settings of the program itself: console, engine, lease and notifications.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::secret::SecretSource;

/// `[console]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// `auto`, a shipped theme, or a file of the user's themes folder.
    pub theme: String,
    /// A shipped keymap or a file of the user's keymaps folder.
    pub keymap: String,
    /// Draw without Unicode symbols.
    pub ascii: bool,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self { theme: "auto".into(), keymap: "default".into(), ascii: false }
    }
}

/// `[engine]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Where Prometheus text is served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Does the engine outlive the last console?
    pub linger: Linger,
    /// How many entries the journal keeps.
    pub journal: u64,
    /// Who of the other users of this machine may join.
    pub groups: Groups,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { metrics: None, linger: Linger::Auto, journal: 1_000_000, groups: Groups::default() }
    }
}

/// The unix groups of those who may join besides the engine's own user and root, by name or number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// Their members may do everything.
    pub operators: Vec<String>,
    /// Their members may look, and change nothing.
    pub viewers: Vec<String>,
}

impl Groups {
    /// Whether nobody else may join.
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty() && self.viewers.is_empty()
    }

    /// All of them, each with the key that names it.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let operators = self.operators.iter().map(|group| ("operators", group.as_str()));
        operators.chain(self.viewers.iter().map(|group| ("viewers", group.as_str())))
    }
}

/// Whether the engine stays when the last console leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Linger {
    /// It stays whenever it has something to look after: any host, feed, dump, store or job; the demo's does not.
    #[default]
    Auto,
    /// It always stays.
    Always,
    /// It stops when the last console leaves and no job runs.
    Never,
}

/// `[lease]`: where the right to act is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseSettings {
    /// Where the lease lives.
    pub kind: LeaseKind,
    /// etcd endpoints, as urls.
    pub endpoints: Vec<String>,
    /// Prefix of every key in etcd.
    pub prefix: String,
    /// Time to live of the lease.
    pub ttl: Duration,
    /// etcd user.
    pub user: Option<String>,
    /// Where the password of `user` comes from.
    pub password: SecretSource,
    /// Certificate authority for etcd's TLS.
    pub ca: Option<PathBuf>,
    /// Client certificate.
    pub cert: Option<PathBuf>,
    /// Key of the client certificate.
    pub key: Option<PathBuf>,
    /// What the values in etcd are signed with; none: they are not signed.
    pub signing_key: SecretSource,
    /// Whether values that nobody signed are taken as well.
    pub accept_unsigned: bool,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self {
            kind: LeaseKind::Embedded,
            endpoints: Vec::new(),
            prefix: "/hotspare".into(),
            ttl: Duration::from_secs(10),
            user: None,
            password: SecretSource::None,
            ca: None,
            cert: None,
            key: None,
            signing_key: SecretSource::None,
            accept_unsigned: false,
        }
    }
}

/// Where the lease lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseKind {
    /// A lock in the state folder.
    Embedded,
    /// An etcd lease.
    Etcd,
}

/// One `[[notify]]`: which events, and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The events that are told.
    pub on: Vec<Event>,
    /// A program that gets one JSON event on its standard input.
    pub command: Vec<String>,
    /// A url that gets the same JSON by POST.
    pub webhook: Option<String>,
    /// What the POST is signed with; none: it is not signed.
    pub secret: SecretSource,
}

/// Something worth telling somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A spare took a host's place.
    Takeover,
    /// The work went back.
    Giveback,
    /// A host is down.
    HostDown,
    /// A host is up again.
    HostUp,
    /// A feed is further behind than its `max_lag`.
    Lag,
    /// A dump failed.
    DumpFailed,
    /// A job failed.
    JobFailed,
    /// A drill ended.
    Drill,
    /// A run of a runbook waits for a person: it asks, it failed, or it owes its clean-up.
    RunWaits,
}

impl Event {
    /// Every event, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Takeover,
        Self::Giveback,
        Self::HostDown,
        Self::HostUp,
        Self::Lag,
        Self::DumpFailed,
        Self::JobFailed,
        Self::Drill,
        Self::RunWaits,
    ];

    /// The word of the fleet file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Giveback => "giveback",
            Self::HostDown => "host-down",
            Self::HostUp => "host-up",
            Self::Lag => "lag",
            Self::DumpFailed => "dump-failed",
            Self::JobFailed => "job-failed",
            Self::Drill => "drill",
            Self::RunWaits => "run-waits",
        }
    }
}
