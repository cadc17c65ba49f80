//! Runbooks: named lists of steps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::check::Check;
use super::secret::DatabaseUrl;

/// `[runbooks.*]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// The hosts over which its steps are spread, one host after the other.
    pub each: Option<Each>,
    /// What must hold before the first of them and after each.
    pub gate: Gate,
    /// Steps, in order.
    pub steps: Vec<Step>,
}

impl Runbook {
    /// A runbook whose steps are done once, in order.
    pub fn plain(name: impl Into<String>, steps: Vec<Step>) -> Self {
        Self { name: name.into(), each: None, gate: Gate::default(), steps }
    }
}

/// The hosts over which the steps of a runbook are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Each {
    /// These, in this order.
    Named(Vec<String>),
    /// Every host, in the order of the fleet file.
    Hosts,
    /// Those that carry all of these labels, in the order of the fleet file.
    Labels(BTreeMap<String, String>),
}

/// What must hold between two hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// How long the vital checks of all hosts may take until they pass.
    pub within: Duration,
    /// The service whose replicas must all run and be healthy besides: a name of `[services.*]`.
    pub service: Option<String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { within: Duration::from_secs(120), service: None }
    }
}

/// One step of a runbook. Texts may hold placeholders such as `{failed.name}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name, unique in its runbook.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
    /// Where it runs; `None` for kinds that have no place.
    pub on: Option<Place>,
    /// Is this the fence?
    pub fence: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Does it run in a drill?
    pub drill: bool,
    /// How it is undone: a shell command, or the word of the kind (`down` for compose).
    pub undo: Option<String>,
    /// Must it be done before the run may end, also when the run is abandoned?
    pub cleanup: bool,
    /// The host for which it is done, where the steps of a runbook were spread over several.
    pub each: Option<String>,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the spare.
    Spare,
    /// On the failed host.
    Failed,
    /// Beside the engine.
    Console,
    /// On the host whose turn it is, in a runbook with `each`.
    Each,
    /// On the host of this name.
    Host(String),
}

/// What happens when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OnError {
    /// The run stops there.
    Stop,
    /// The run goes on.
    Continue,
    /// What was done is undone.
    Undo,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// A shell command.
    Command {
        /// The command.
        run: String,
    },
    /// Takes or drops an address.
    Address {
        /// Address to take.
        take: Option<String>,
        /// Address to drop.
        drop: Option<String>,
        /// Network device.
        device: String,
    },
    /// Brings a compose stack up.
    Compose {
        /// Folder of the stack.
        folder: String,
    },
    /// Changes a DNS record by RFC 2136.
    Dns {
        /// Name server with port.
        server: String,
        /// Zone.
        zone: String,
        /// Record name.
        record: String,
        /// New address.
        address: String,
        /// Time to live, seconds.
        ttl: u32,
        /// Key that signs the update.
        tsig: Option<Tsig>,
    },
    /// An HTTP request.
    Http {
        /// Method.
        method: String,
        /// Url.
        url: String,
        /// JSON body.
        json: Option<serde_json::Value>,
        /// Expected status.
        status: u16,
    },
    /// Makes a replica writable.
    MysqlPromote {
        /// Server.
        url: DatabaseUrl,
    },
    /// Waits until a check passes.
    Wait {
        /// The check.
        check: Box<Check>,
        /// Where the check runs, for kinds over ssh.
        check_on: Option<Place>,
        /// Longest wait.
        within: Duration,
    },
    /// Asks the operator.
    Ask {
        /// The question.
        text: String,
        /// A command whose output is shown with it.
        show: Option<String>,
    },
    /// Scales a service, one by one.
    Scale {
        /// Docker service.
        service: String,
        /// Target count.
        to: u32,
        /// Between two changes, and how far they may go.
        pace: ScalePace,
    },
    /// The vital checks of hosts pass, all at once. Stands in no file: it comes between the hosts of `each`.
    Gate {
        /// Names of the hosts.
        hosts: Vec<String>,
        /// How long that may take.
        within: Duration,
        /// Docker service whose replicas must all run and be healthy, its host, and how many of them it needs.
        service: Option<(String, String, Option<u32>)>,
    },
}

/// How fast a service is scaled, and how far down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ScalePace {
    /// Between two changes.
    pub interval: Duration,
    /// The least time between two steps down.
    pub shrink: Duration,
    /// It never has fewer healthy replicas than this by a step of ours.
    pub quorum: Option<u32>,
    /// How long one replica may take until it runs and is healthy.
    pub within: Duration,
}

impl ScalePace {
    /// Between two changes in this direction.
    pub fn between(&self, down: bool) -> Duration {
        if down { self.interval.max(self.shrink) } else { self.interval }
    }
}

/// Key for signed DNS updates.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tsig {
    /// Key name.
    pub name: String,
    /// File that holds the secret.
    pub secret_file: PathBuf,
}
