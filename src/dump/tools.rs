//! What a round, a drill and a restore work with: the machine's programs, its clock, secrets, and patience.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::Clock;
use crate::reach::secret::Secrets;
use crate::reach::temporary;

/// How the names of our own temporary folders begin.
const ROOM: &str = "dump-";
/// The same of those that hold a socket.
const DOOR: &str = "hotspare-";

/// What the work is done with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Knows the time.
    pub clock: Clock,
    /// Knows passwords.
    pub secrets: Secrets,
    /// A folder that only the engine's user may enter, for option files and throw-away servers; made where it is not there.
    pub folder: PathBuf,
    /// Where folders for sockets of throw-away servers are made: the path of a socket holds about 100 bytes.
    pub doors: PathBuf,
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
        Self { clock, secrets, folder, doors: std::env::temp_dir(), path: None, patience: Patience::default() }
    }

    /// A folder of our own that goes when it is dropped, and with [`Tools::sweep`] when we were killed.
    pub(super) fn room(&self) -> std::io::Result<TempDir> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        temporary::make(&self.folder, ROOM)
    }

    /// The same for a socket, in a place with a short name.
    pub(super) fn door(&self) -> std::io::Result<TempDir> {
        self.sweep();
        temporary::make(&self.doors, DOOR)
    }

    /// Removes what processes left that were killed.
    pub fn sweep(&self) {
        for folder in temporary::abandoned(&self.folder, ROOM).iter().chain(&temporary::abandoned(&self.doors, DOOR)) {
            let _tried_again_next_time = std::fs::remove_dir_all(folder);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let (clock, folder) = (Clock::real(), place.path().join("dump"));
        let doors = place.path().join("t");
        let tools = Tools { doors: doors.clone(), ..Tools::new(clock.clone(), Secrets::new(clock), folder.clone()) };
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let gone = ended.id();
        ended.wait().unwrap();
        let here = std::process::id();
        let left = [folder.join(format!("dump-{gone}-a")), doors.join(format!("hotspare-{gone}-a"))];
        let stay = [folder.join(format!("dump-{here}-a")), doors.join(format!("hotspare-{here}-a"))];
        for path in left.iter().chain(&stay) {
            std::fs::create_dir_all(path.join("deep")).unwrap();
        }
        std::fs::write(left[1].join("s"), "").unwrap();
        let own = tools.door().unwrap();
        assert!(!left.iter().any(|path| path.exists()) && stay.iter().all(|path| path.exists()));
        assert!(own.path().file_name().unwrap().to_str().unwrap().starts_with(&format!("hotspare-{here}-")));
    }
}
