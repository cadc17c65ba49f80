//! What the faces see of services: their modules, who holds the locks of their pid files, and what came of work on them.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// One service, in the order of the fleet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Name.
    pub name: String,
    /// The host it runs on.
    pub host: String,
    /// The hold of all its locks that this engine has, or takes.
    pub hold: Option<HoldView>,
    /// One for each pid file, in the order of the fleet file.
    pub modules: Vec<ModuleView>,
    /// When its modules and locks were looked at.
    pub looked: Option<Timestamp>,
    /// Why they could not be looked at the last time.
    pub trouble: Option<String>,
}

impl ServiceView {
    /// Who holds locks of it, be it this engine, another one, or a stranger: each holder once.
    pub fn holders(&self) -> Vec<&HolderView> {
        let mut all: Vec<&HolderView> = Vec::new();
        for holder in self.modules.iter().filter_map(|module| module.lock.holder()) {
            if !all.iter().any(|known| known.pid == holder.pid) {
                all.push(holder);
            }
        }
        all
    }
}

/// All locks of a service in the hands of a person, through this engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Grows with each hold: who asks about an older one is told that it is over.
    pub generation: u64,
    /// How far it is.
    pub state: HoldState,
    /// Who asked for it: `ana (command line)`.
    pub owner: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When the host itself ends it.
    pub until: Timestamp,
}

/// How far a hold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// The locks are being taken.
    Taking,
    /// All are held.
    Held,
    /// They are being given back.
    Releasing,
}

/// A pid file, the process it names, and who holds its lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleView {
    /// The name of the pid file without its folder and ending: `main`.
    pub name: String,
    /// The pid file.
    pub pid_file: String,
    /// The process that it names.
    pub pid: Option<u32>,
    /// What became of that process.
    pub state: ModuleState,
    /// Its command line, where it lives.
    pub command: String,
    /// Who holds its lock.
    pub lock: LockView,
}

/// What became of the process that a pid file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// Not looked at yet.
    Unknown,
    /// It lives.
    Running,
    /// It is gone.
    Dead,
    /// Another process has its number: it began after the pid file was written.
    Recycled,
    /// The pid file holds no number, or that of the first process of all.
    NoPid,
    /// There is no such pid file.
    Missing,
}

impl ModuleState {
    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "not known",
            Self::Running => "running",
            Self::Dead => "dead",
            Self::Recycled => "recycled",
            Self::NoPid => "no pid",
            Self::Missing => "no pid file",
        }
    }
}

/// Whether the lock of a pid file is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lock")]
pub enum LockView {
    /// Not looked at yet.
    Unknown,
    /// Nobody holds it.
    Free,
    /// Somebody does.
    Held {
        /// Who.
        by: Box<HolderView>,
    },
}

impl LockView {
    /// Who holds it.
    pub fn holder(&self) -> Option<&HolderView> {
        match self {
            Self::Held { by } => Some(by),
            Self::Unknown | Self::Free => None,
        }
    }
}

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderView {
    /// Its number on the host.
    pub pid: u32,
    /// Whose it is there.
    pub user: String,
    /// Its command line.
    pub command: String,
    /// When it began.
    pub began: Option<Timestamp>,
    /// What it says of itself, where a hotspare started it.
    pub mark: Option<Mark>,
    /// Whether its own open file was seen to have the lock; otherwise only its number stands beside the lock.
    pub proven: bool,
}

impl HolderView {
    /// Who, for whom, until when, why; or the process where that is all that is known.
    pub fn said(&self) -> String {
        match &self.mark {
            Some(mark) => format!("{} until {:.0}: {} (pid {})", mark.by, mark.until, mark.why, self.pid),
            None => format!("pid {} of {}: {}", self.pid, self.user, self.command),
        }
    }
}

/// What a holder that hotspare started says of itself, in its command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The service.
    pub service: String,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When it was taken, by the engine's clock.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Known to nobody but the engine that took it.
    pub token: String,
}

/// What `hotspare maintain` is told when all locks are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The service.
    pub service: String,
    /// Its host.
    pub host: String,
    /// The destination for the ssh client.
    pub ssh: String,
    /// The hold.
    pub hold: HoldView,
    /// Its modules, as they were seen when the locks were held.
    pub modules: Vec<ModuleView>,
}

/// What came of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The service.
    pub service: String,
    /// Its host.
    pub host: String,
    /// Whether it was read back that no lock is held by what was released; `None`: the host could not be asked.
    pub free: Option<bool>,
    /// Who holds locks of it now.
    pub holders: Vec<HolderView>,
    /// The processes that were ended for it, where it was forced.
    pub ended: Vec<HolderView>,
    /// What became of a command of the hold that was still there.
    pub left: Left,
}

/// What became of a command that was begun with a hold and was still there when its person was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Nothing was left of it, or nobody looked.
    #[default]
    Nothing,
    /// Its process group went when it was told to (SIGTERM).
    Ended,
    /// Its process group did not go for 10 s, and was killed (SIGKILL).
    Killed,
    /// It could not be ended, or was not seen to be gone.
    Alive,
}

impl Left {
    /// In words; `None`: there is nothing to say.
    pub const fn words(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Ended => Some("the command that was begun there was ended, and is gone"),
            Self::Killed => Some("the command that was begun there did not end for 10 s, was killed, and is gone"),
            Self::Alive => Some("the command that was begun there lives on: look for it before anybody else begins"),
        }
    }
}

/// What came of stopping modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The service.
    pub service: String,
    /// Its host.
    pub host: String,
    /// Module by module.
    pub modules: Vec<StoppedModule>,
}

/// What came of stopping one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedModule {
    /// Its name.
    pub name: String,
    /// The process.
    pub pid: Option<u32>,
    /// Whether it is gone, verified.
    pub gone: bool,
    /// How it went.
    pub said: String,
}
