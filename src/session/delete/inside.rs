//! What the kernel knows of a session's files besides names and sizes: who has them open, whether they may be removed,
//! and what room they take.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, FileType, Mode};

use crate::clock::Clock;
use crate::reach::plain;
use crate::session::beneath::{self, FOLDER};
use crate::session::listing::{Listing, shown};
use crate::session::tree;

/// How long the processes of this computer are asked what they have open.
const PATIENCE: Duration = Duration::from_secs(5);
/// After which it is looked whether they still have it open.
const AGAIN: Duration = Duration::from_millis(100);
/// The most open files that are named.
const NAMED: usize = 5;

/// Of every file of a session.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// Bytes of disk that will be free when all its names are gone.
    pub(super) allocated: u64,
    /// Names with their inodes.
    names: HashMap<OsString, HashSet<u64>>,
    /// Why folders cannot be emptied.
    locked: Vec<String>,
}

impl Inside {
    /// Looks at the session's folder and all folders in its listing.
    pub(super) fn look(session: &OwnedFd, listing: &Listing) -> io::Result<Self> {
        let mut inside = Self::default();
        let mut shared = HashMap::new();
        let folders = listing.folders.iter().map(|(path, ..)| path.as_path());
        for path in std::iter::once(Path::new("")).chain(folders) {
            let folder = beneath::open(session, path, FOLDER, Mode::empty())?;
            if let Err(error) = rustix::fs::accessat(&folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
            {
                let path = if path.as_os_str().is_empty() { "the session's folder".into() } else { shown(path) };
                let error = io::Error::from(error);
                inside.locked.push(format!(
                    "{path} may not be emptied: {}; run the engine as somebody who may",
                    tree::plain(&error)
                ));
            }
            for (name, _) in beneath::names(&folder)? {
                let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    continue;
                }
                let bytes = u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
                if stat.st_nlink > 1 {
                    let seen = shared.entry(stat.st_ino).or_insert((0, bytes));
                    seen.0 += 1;
                    if seen.0 == stat.st_nlink {
                        inside.allocated += bytes;
                    }
                } else {
                    inside.allocated += bytes;
                }
                inside.names.entry(name).or_default().insert(stat.st_ino);
            }
        }
        Ok(inside)
    }

    /// Why it could not be removed.
    pub(super) fn locked(&self) -> Vec<String> {
        self.locked.clone()
    }

    /// Says who has any of the files open, as far as this person may see: a deletion would tear it away, and whoever
    /// writes goes on writing into a file without a name.
    pub(super) fn unused(&self, clock: &Clock) -> Result<(), Vec<String>> {
        if self.users(clock)?.is_empty() {
            return Ok(());
        }
        // A process that another thread of ours is about to start has, for a moment, all that we have open.
        std::thread::park_timeout(AGAIN);
        let users = self.users(clock)?;
        if users.is_empty() {
            return Ok(());
        }
        let more = users.len().saturating_sub(NAMED);
        let mut reasons: Vec<String> = users.into_iter().take(NAMED).collect();
        if more > 0 {
            reasons.push(format!("{more} more of its files are open"));
        }
        Err(reasons)
    }

    fn users(&self, clock: &Clock) -> Result<Vec<String>, Vec<String>> {
        let started = clock.tick();
        let mut users = Vec::new();
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = process.file_name();
            if pid.to_str().is_none_or(|pid| pid.parse::<u32>().is_err()) {
                continue;
            }
            if clock.tick().since(started) > PATIENCE {
                let patience = plain::time(PATIENCE);
                return Err(vec![format!(
                    "it cannot be made sure in {patience} that nobody has its files open; try again"
                )]);
            }
            if let Some(name) = self.open(&process.path()) {
                let (pid, command) = (pid.to_string_lossy(), command(&process.path()));
                users.push(format!("process {pid} ({command}) has {name} open; end it or wait"));
            }
        }
        Ok(users)
    }

    /// One of our files that this process has open.
    fn open(&self, process: &Path) -> Option<String> {
        let descriptors = std::fs::read_dir(process.join("fd")).ok()?;
        descriptors.flatten().find_map(|descriptor| {
            // Neither the link nor fdinfo asks the file system on which the file lies, which may be dead.
            let target = std::fs::read_link(descriptor.path()).ok()?;
            let name = target.file_name()?;
            let ours = self.names.get(name)?;
            let inode = inode(&process.join("fdinfo").join(descriptor.file_name()))?;
            ours.contains(&inode).then(|| shown(Path::new(name)))
        })
    }
}

/// `ino:` of an open file.
fn inode(info: &Path) -> Option<u64> {
    let info = std::fs::read_to_string(info).ok()?;
    info.lines().find_map(|line| line.strip_prefix("ino:")?.trim().parse().ok())
}

fn command(process: &Path) -> String {
    let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
    plain::line(&name, 40)
}
