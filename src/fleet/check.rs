//! Checks: one way of asking a host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::data::Zone;
use super::secret::DatabaseUrl;
use super::units::Room;

/// One check of a host, as written; what is not written is resolved by the methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, unique on its host. Default: the kind, with a number from the second of that kind on (`tcp`, `tcp-2`).
    pub name: String,
    /// What is asked.
    pub kind: CheckKind,
    /// `every` as written.
    pub every: Option<Duration>,
    /// `timeout` as written.
    pub timeout: Option<Duration>,
    /// `vital` as written.
    pub vital: Option<bool>,
}

impl Check {
    /// How often it runs where no pool sets the pace: 1 s, 5 s over ssh and for those that start a program.
    pub fn every(&self) -> Duration {
        self.every.unwrap_or(if self.kind.starts_a_program() { Duration::from_secs(5) } else { Duration::from_secs(1) })
    }

    /// How long one run may take: 800 ms, 4 s over ssh and for those that start a program.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(if self.kind.starts_a_program() {
            Duration::from_secs(4)
        } else {
            Duration::from_millis(800)
        })
    }

    /// Whether it decides between up and down (the others only between up and degraded).
    pub fn vital(&self) -> bool {
        self.vital.unwrap_or(matches!(self.kind, CheckKind::Ping | CheckKind::Tcp { .. } | CheckKind::Http { .. }))
    }
}

/// What a check asks. Texts may hold `{address}` and `{name}` of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CheckKind {
    /// ICMP echo.
    Ping,
    /// A TCP connection is accepted.
    Tcp {
        /// Port.
        port: u16,
    },
    /// An HTTP or HTTPS answer.
    Http {
        /// Url.
        url: String,
        /// Expected status; default 200.
        status: u16,
        /// Text that the body must hold.
        contains: Option<String>,
    },
    /// A real RTMP handshake.
    Rtmp {
        /// Port; default 1935.
        port: u16,
    },
    /// RTSP `OPTIONS` answered.
    Rtsp {
        /// Port; default 554.
        port: u16,
    },
    /// A query to a MySQL or MariaDB server.
    Mysql {
        /// Server.
        url: DatabaseUrl,
        /// Query that must return without an error; default `SELECT 1`.
        query: String,
    },
    /// Replication of a MySQL or MariaDB server.
    MysqlReplica {
        /// Server.
        url: DatabaseUrl,
        /// Largest lag that passes.
        max_lag: Duration,
    },
    /// Membership and lag in a MongoDB replica set.
    MongoReplica {
        /// Server.
        url: DatabaseUrl,
        /// Largest lag that passes.
        max_lag: Duration,
        /// So many more members must be able to fail.
        margin: u32,
        /// Where `mongosh` or `mongo` runs: on the host over ssh (`true`) or beside the engine.
        ssh: bool,
    },
    /// The members of an etcd cluster, and who leads it.
    Etcd {
        /// Client url of the member on this host.
        url: String,
        /// The API of etcd 2 is asked.
        v2: bool,
        /// So many more members must be able to fail.
        margin: u32,
    },
    /// A list of members that a service tells over HTTP, as JSON.
    Members(Members),
    /// A command on the host, over ssh; passes with exit 0.
    Command {
        /// Shell command.
        run: String,
        /// Text that the output must hold.
        contains: Option<String>,
    },
    /// Containers that must be running (and healthy, where they say), over ssh.
    Docker {
        /// Names.
        containers: Vec<String>,
    },
    /// Free space, over ssh.
    Disk {
        /// A path on the disk.
        path: String,
        /// The least that must be free.
        min_free: Room,
    },
}

/// What a check of the kind `members` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Url of the list.
    pub url: String,
    /// Key of a member's name, where members are objects.
    pub name: String,
    /// Key of the time at which a member was last heard of; members without it are there because they are listed.
    pub seen: String,
    /// Zone of such a time that names none.
    pub zone: Zone,
    /// Who was last heard of longer ago does not count.
    pub max_age: Duration,
    /// How many there should be; 0: those that are listed.
    pub members: u32,
    /// How many must be there for the cluster to work; 0: a majority.
    pub needed: u32,
    /// So many more must be able to fail.
    pub margin: u32,
}

impl CheckKind {
    /// The word of the fleet file.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Tcp { .. } => "tcp",
            Self::Http { .. } => "http",
            Self::Rtmp { .. } => "rtmp",
            Self::Rtsp { .. } => "rtsp",
            Self::Mysql { .. } => "mysql",
            Self::MysqlReplica { .. } => "mysql-replica",
            Self::MongoReplica { .. } => "mongo-replica",
            Self::Etcd { .. } => "etcd",
            Self::Members(_) => "members",
            Self::Command { .. } => "command",
            Self::Docker { .. } => "docker",
            Self::Disk { .. } => "disk",
        }
    }

    /// Whether it runs on the host, over ssh.
    pub const fn over_ssh(&self) -> bool {
        matches!(
            self,
            Self::Command { .. } | Self::Docker { .. } | Self::Disk { .. } | Self::MongoReplica { ssh: true, .. }
        )
    }

    /// Whether a run starts a program, here or on the host, and so needs seconds: `mongosh` alone takes one to begin.
    pub const fn starts_a_program(&self) -> bool {
        self.over_ssh() || matches!(self, Self::MongoReplica { .. })
    }
}
