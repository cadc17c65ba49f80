//! What a round, a drill and a restore work with: the machine's programs, its clock, secrets, and patience.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::reach::secret::Secrets;

/// How the names of our own temporary folders begin; what it is for and the number of the process follow.
const PREFIX: &str = "dump-";
/// The same of those that hold a socket; the number of the process follows.
const DOOR: &str = "hotspare-";

/// The rights of a temporary folder: the library's own are open to everybody.
fn owner_only() -> std::fs::Permissions {
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
    pub(super) fn room(&self, what: &str) -> std::io::Result<TempDir> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let prefix = format!("{PREFIX}{what}-{}-", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).permissions(owner_only()).tempdir_in(&self.folder)
    }

    /// The same for a socket, in a place with a short name.
    pub(super) fn door(&self) -> std::io::Result<TempDir> {
        self.sweep();
        let prefix = format!("{DOOR}{}-", std::process::id());
        tempfile::Builder::new().prefix(&prefix).permissions(owner_only()).tempdir_in(&self.doors)
    }

    /// Removes what processes left that were killed.
    pub fn sweep(&self) {
        remove_left(&self.folder, |name| name.strip_prefix(PREFIX)?.split('-').nth(1));
        remove_left(&self.doors, |name| Some(name.strip_prefix(DOOR)?.split_once('-')?.0));
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

/// Removes folders of our user whose names tell of a process that is no more.
fn remove_left(place: &Path, owner: fn(&str) -> Option<&str>) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    let us = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(owner).and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        let gone = id.is_some_and(|id| rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH));
        // Of the entry itself, not of what a link names: anybody may put something into a folder for temporary files.
        let ours = || entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == us);
        if gone && ours() {
            let _tried_again_next_time = std::fs::remove_dir_all(entry.path());
        }
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
        for folder in
            [format!("dump/dump-drill-{gone}-a"), format!("t/hotspare-{gone}-a"), format!("t/hotspare-{gone}-b")]
        {
            std::fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        std::fs::write(doors.join(format!("hotspare-{gone}-b/s")), "").unwrap();
        let stay = [
            folder.join(format!("dump-drill-{here}-a")),
            doors.join(format!("hotspare-{here}-a")),
            // Of other things with our name, and of strangers.
            doors.join("hotspare-demo-a"),
            doors.join(format!("hotspare-{gone}")),
            doors.join(format!("else-{gone}-a")),
        ];
        for path in &stay {
            std::fs::create_dir_all(path).unwrap();
        }
        let link = doors.join(format!("hotspare-{gone}-link"));
        std::os::unix::fs::symlink(&stay[2], &link).unwrap();
        let own = tools.door().unwrap();
        let mut left: Vec<_> = [&folder, &doors]
            .into_iter()
            .flat_map(|place| std::fs::read_dir(place).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        let mut expected: Vec<_> = stay.into_iter().chain([link, own.path().to_owned()]).collect();
        left.sort();
        expected.sort();
        assert_eq!(left, expected);
        assert!(own.path().file_name().unwrap().to_str().unwrap().starts_with(&format!("hotspare-{here}-")));
    }
}
