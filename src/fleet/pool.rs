//! Pools: who stands in for whom.

use std::path::PathBuf;
use std::time::Duration;

/// `[pools.*]`: hosts that share spares.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Protected hosts, most important first.
    pub protects: Vec<String>,
    /// Spares.
    pub spares: Vec<String>,
    /// Whether decisions are taken automatically.
    pub mode: Mode,
    /// Pace of the vital checks of its hosts.
    pub probe: Pace,
    /// Instead of counting: vital checks failing this long without one success.
    pub down_after: Option<Duration>,
    /// Passing this long before `up` again.
    pub up_after: Duration,
    /// Take the spare from a less important host.
    pub escalate: bool,
    /// What happens when the host is back.
    pub giveback_mode: GivebackMode,
    /// No second automatic takeover before this.
    pub cooldown: Duration,
    /// Hosts asked over ssh whether they reach a failed host. Default: all spares.
    pub witnesses: Vec<String>,
    /// Addresses that prove that the console itself is connected.
    pub anchors: Vec<String>,
    /// Must the fence step succeed?
    pub fence: Fence,
    /// So many hosts failing within 60 s stop automation; 0: never.
    pub brake: u32,
    /// Least time a stand-in serves before escalation may take it away.
    pub dwell: Duration,
    /// Promised time to service.
    pub target: Duration,
    /// Runbook of a takeover.
    pub takeover: String,
    /// Runbook of a giveback.
    pub giveback: Option<String>,
    /// Runbook of a drill.
    pub drill: Option<String>,
    /// A drill is begun by itself when the last one is so long ago; `None`: drills are begun by hand.
    pub drill_every: Option<Duration>,
    /// Where the recovery card is written besides the state folder.
    pub card: Option<PathBuf>,
    /// Commands that must print the same on spare and protected host.
    pub drift: Vec<Drift>,
}

/// Who decides in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The arbiter.
    Auto,
    /// The operator.
    Manual,
    /// The operator; what the arbiter would have done is journalled.
    Observe,
}

impl Mode {
    /// The word of the fleet file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Observe => "observe",
        }
    }
}

/// How fast vital checks run and how many failures in a row make a host suspect of being down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two runs of one check.
    pub every: Duration,
    /// Failures in a row of every vital check.
    pub failures: u32,
}

impl Pace {
    /// `probe = "normal"`.
    pub const NORMAL: Self = Self { every: Duration::from_millis(500), failures: 5 };
    /// `probe = "fast"`.
    pub const FAST: Self = Self { every: Duration::from_millis(200), failures: 5 };
}

/// What happens when a protected host is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivebackMode {
    /// The operator decides.
    Manual,
    /// Given back after a hold-down.
    Auto,
}

/// Must the fence step of a takeover succeed?
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Fence {
    /// Without a verified fence nothing is taken over.
    Required,
    /// It is tried.
    BestEffort,
    /// It is not tried.
    None,
}

/// One command whose output must be the same on a spare and on the hosts it protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Shell command.
    pub run: String,
}
