//! What a round, a drill and a restore work with: the machine's programs, its clock, secrets, and patience.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::reach::secret::Secrets;

/// What the work is done with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Knows the time.
    pub clock: Clock,
    /// Knows passwords.
    pub secrets: Secrets,
    /// A folder that only the engine's user may enter, for option files and throw-away servers; made where it is not there.
    pub folder: PathBuf,
    /// Where programs are looked for; `None`: as the environment says.
    pub path: Option<OsString>,
    /// How long is waited for what.
    pub patience: Patience,
}

/// How long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a login, and for an answer to a question about databases.
    pub answer: Duration,
    /// For a lock on tables that the server keeps for somebody else.
    pub lock: Duration,
    /// For the next bytes of a dump, or of what is restored.
    pub flow: Duration,
    /// For the medium to take or to give the next bytes.
    pub medium: Duration,
    /// For a throw-away server to answer.
    pub server: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            lock: Duration::from_secs(10),
            flow: Duration::from_secs(60),
            medium: Duration::from_secs(60),
            server: Duration::from_secs(60),
        }
    }
}

impl Tools {
    /// With the programs that the environment names, and the usual patience.
    pub fn new(clock: Clock, secrets: Secrets, folder: PathBuf) -> Self {
        Self { clock, secrets, folder, path: None, patience: Patience::default() }
    }
}
