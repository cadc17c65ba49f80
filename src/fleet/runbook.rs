//! Runbooks: named lists of steps.

use std::path::PathBuf;
use std::time::Duration;

use super::check::Check;
use super::secret::DatabaseUrl;

/// `[runbooks.*]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// Steps, in order.
    pub steps: Vec<Step>,
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
    },
    /// Scales a service, one by one.
    Scale {
        /// Docker service.
        service: String,
        /// Target count.
        to: u32,
        /// Between two changes.
        interval: Duration,
    },
}

impl StepKind {
    /// The word of the fleet file.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command",
            Self::Address { .. } => "address",
            Self::Compose { .. } => "compose",
            Self::Dns { .. } => "dns",
            Self::Http { .. } => "http",
            Self::MysqlPromote { .. } => "mysql-promote",
            Self::Wait { .. } => "wait",
            Self::Ask { .. } => "ask",
            Self::Scale { .. } => "scale",
        }
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
