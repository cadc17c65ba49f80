//! What a round, a drill and a restore work with: the machine's programs, its clock, secrets, and patience.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Pid;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::reach::secret::Secrets;

/// How the names of our own temporary folders begin; the number of the process follows.
const PREFIX: &str = "dump-";

/// The rights of a temporary folder: the library's own are open to everybody.
pub(super) fn owner_only() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

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
    /// For the next bytes of a dump.
    pub flow: Duration,
    /// For a server to take the next bytes of what is restored: it may build an index meanwhile.
    pub load: Duration,
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
            load: Duration::from_secs(1800),
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

    /// A folder of our own that goes when it is dropped, and with [`Tools::sweep`] when we were killed.
    pub(super) fn room(&self, what: &str) -> std::io::Result<TempDir> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let prefix = format!("{PREFIX}{what}-{}-", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).permissions(owner_only()).tempdir_in(&self.folder)
    }

    /// Removes what processes left that were killed.
    pub fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').nth(1));
            let Some(id) = id.and_then(|id| id.parse().ok()).and_then(Pid::from_raw) else { continue };
            if rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH) {
                let _tried_again_next_time = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Where a program is, by the first of these names that is there. Servers are often kept where users do not look.
    pub fn program(&self, names: &[&str]) -> Option<PathBuf> {
        const MORE: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/local/mysql/bin"];
        let path = self.path.clone().or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let more: &[&str] = if self.path.is_some() { &[] } else { &MORE };
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(more.iter().map(PathBuf::from)).collect();
        let found = |name: &&str| {
            folders
                .iter()
                .map(|folder| folder.join(name))
                .find(|file| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok())
        };
        names.iter().find_map(found)
    }
}
