//! Who copies a session to a share that several computers have mounted: a file there, which all of them see.
//!
//! Locks of the kernel do not reach from one computer to another on every share; that a name is made only once does. The
//! file says who holds it and is touched while the work runs. One that was not touched for long, as the share's own clock
//! tells, or whose process on this computer is gone, counts for nothing. Nobody ever waits for it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::beneath::{self, Rights};
use super::key::Key;
use super::lock::{self, OWN};
use super::{manifest, tree};
use crate::reach::plain;

/// How often it is touched.
const TOUCH: Duration = Duration::from_secs(60);
/// Not touched for so many seconds, it counts for nothing: its computer is off, or the share out of its reach.
const ABANDONED: i64 = 600;

/// What this process holds. Its file may outlive that, where the share was gone when it ended.
static OURS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Who holds it, as they wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Who {
    /// Told apart from every other attempt.
    id: String,
    machine: String,
    /// Changes with each start of that computer.
    boot: String,
    pid: u32,
    host: String,
}

/// Why it is not ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum HoldError {
    /// Somebody else copies.
    #[error("{0}")]
    Held(String),
    /// The share does not let itself be asked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Held as long as this lives.
pub(super) struct Hold {
    file: Arc<File>,
    /// Its end is the end of the touching.
    _touching: Sender<()>,
}

/// The file at the share.
struct File {
    folder: OwnedFd,
    name: OsString,
    who: Who,
}

impl Hold {
    /// Takes the session below the folder of a destination, or says who has it.
    pub(super) fn take(root: &OwnedFd, key: &Key) -> Result<Self, HoldError> {
        let folder = beneath::make(root, &Path::new(OWN).join("held"), Rights::AsAbove, false)?;
        let file = File { folder, name: lock::name(key), who: Who::us() };
        ours().insert(file.who.id.clone());
        file.take().inspect_err(|_| {
            ours().remove(&file.who.id);
        })?;
        let file = Arc::new(file);
        let (touching, ended) = channel::<()>();
        let theirs = Arc::clone(&file);
        // Never waited for: the share may be gone.
        let touch = move || {
            while ended.recv_timeout(TOUCH) == Err(RecvTimeoutError::Timeout) && theirs.ours() {
                let _next_time = theirs.touch();
            }
        };
        std::thread::Builder::new().name("hold".into()).spawn(touch)?;
        Ok(Self { file, _touching: touching })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        ours().remove(&self.file.who.id);
        // What nobody can read is ours on a share that does not hold what is written to it.
        let found = self.file.read(Path::new(&self.file.name));
        if found.is_none_or(|who| who.id == self.file.who.id) {
            let _left_behind = rustix::fs::unlinkat(&self.file.folder, &self.file.name, AtFlags::empty());
        }
    }
}

impl File {
    fn own(&self, what: &str) -> PathBuf {
        format!("{what}-{}", self.who.id).into()
    }

    /// Under a name of its own first: whoever sees the file sees it whole.
    fn take(&self) -> Result<(), HoldError> {
        let mine = self.own("new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = beneath::open(&self.folder, &mine, flags, Mode::from_raw_mode(0o666))?;
        let mut file = std::fs::File::from(file);
        let taken = serde_json::to_vec(&self.who)
            .map_err(io::Error::from)
            .and_then(|words| file.write_all(&words))
            .map_err(HoldError::from)
            .and_then(|()| self.name_it(&mine));
        let _named_or_not = rustix::fs::unlinkat(&self.folder, &mine, AtFlags::empty());
        taken
    }

    fn name_it(&self, mine: &Path) -> Result<(), HoldError> {
        let now = self.touched(mine)?.unwrap_or_default();
        // Once more after what counts for nothing was taken away.
        for last in [false, true] {
            match self.link(mine) {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) if self.ours() => return Ok(()),
                Err(Errno::EXIST) => {}
                // The share stumbled, or did it and its answer was lost.
                Err(Errno::IO | Errno::STALE | Errno::NOENT) if !last => {
                    if self.ours() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(io::Error::from(error).into()),
            }
            let (who, touched) = (self.read(Path::new(&self.name)), self.touched(Path::new(&self.name))?);
            // It ended just now.
            let Some(touched) = touched else { continue };
            let gone = now - touched > ABANDONED || who.as_ref().is_some_and(Who::ended);
            if last || !gone {
                return Err(HoldError::Held(words(who.as_ref(), now - touched)));
            }
            self.take_away(who.as_ref())?;
        }
        Err(HoldError::Held(words(None, 0)))
    }

    /// Gives it the name, if nothing has it. FAT and some shares know no second names, but a rename that replaces nothing.
    fn link(&self, mine: &Path) -> Result<(), Errno> {
        match rustix::fs::linkat(&self.folder, mine, &self.folder, &self.name, AtFlags::empty()) {
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                rustix::fs::renameat_with(&self.folder, mine, &self.folder, &self.name, RenameFlags::NOREPLACE)
            }
            linked => linked,
        }
    }

    /// Takes away a file that counts for nothing. Should somebody else have put theirs there meanwhile, it goes back.
    fn take_away(&self, judged: Option<&Who>) -> Result<(), HoldError> {
        let old = self.own("old");
        match rustix::fs::renameat(&self.folder, &self.name, &self.folder, &old) {
            Err(Errno::NOENT) => return Ok(()),
            moved => moved.map_err(io::Error::from)?,
        }
        let found = self.read(&old);
        if found.as_ref() != judged {
            let _theirs =
                rustix::fs::renameat_with(&self.folder, &old, &self.folder, &self.name, RenameFlags::NOREPLACE);
            return Err(HoldError::Held(words(found.as_ref(), 0)));
        }
        Ok(rustix::fs::unlinkat(&self.folder, &old, AtFlags::empty()).map_err(io::Error::from)?)
    }

    fn read(&self, path: &Path) -> Option<Who> {
        serde_json::from_slice(&manifest::content(&self.folder, path).ok()?).ok()
    }

    /// Whether it still is the file that we put there.
    fn ours(&self) -> bool {
        self.read(Path::new(&self.name)).is_some_and(|who| who.id == self.who.id)
    }

    fn touch(&self) -> io::Result<()> {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
        Ok(rustix::fs::utimensat(&self.folder, &self.name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// When it was last touched, seconds since 1970 by the share's clock; `None`: it is not there.
    fn touched(&self, path: &Path) -> io::Result<Option<i64>> {
        Ok(beneath::stat(&self.folder, path)?.map(|stat| tree::modified(&stat).as_second()))
    }
}

fn words(who: Option<&Who>, age: i64) -> String {
    let who = who.map_or_else(
        || "another computer".to_owned(),
        |who| format!("process {} on {}", who.pid, plain::line(&who.host, 60)),
    );
    let ago = plain::time(Duration::from_secs(u64::try_from(age).unwrap_or(0)));
    format!(
        "it is being copied there by {who}, which was last heard of {ago} ago; wait until that has ended, then repeat"
    )
}

impl Who {
    fn us() -> Self {
        let line = |path| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        Self {
            id: format!("{:032x}", fastrand::u128(..)),
            machine: line("/etc/machine-id"),
            boot: line("/proc/sys/kernel/random/boot_id"),
            pid: std::process::id(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }

    /// Whether it was on this computer and is no more.
    fn ended(&self) -> bool {
        let us = Self::us();
        let here = !us.machine.is_empty() && us.machine == self.machine && us.host == self.host;
        let runs = || runs(self.pid);
        let lives = || if self.pid == us.pid { ours().contains(&self.id) } else { runs() };
        here && (us.boot != self.boot || !lives())
    }
}

/// Whether a process of this computer runs. One that was killed and that nobody has asked after yet does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name, which is in brackets and may hold brackets too: proc(5).
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn ours() -> MutexGuard<'static, HashSet<String>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("p001", "20250104").unwrap()
    }

    /// A share, held by somebody with these differences from us.
    fn held(change: impl FnOnce(&mut Who)) -> (tempfile::TempDir, OwnedFd, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = beneath::root(folder.path()).unwrap();
        let hold = Hold::take(&root, &key()).unwrap();
        let mut who = Who { id: "theirs".into(), ..hold.file.who.clone() };
        change(&mut who);
        let path = folder.path().join(OWN).join("held").join(lock::name(&key()));
        drop(hold);
        std::fs::write(&path, serde_json::to_vec(&who).unwrap()).unwrap();
        (folder, root, path)
    }

    #[test]
    fn one_at_a_time_and_free_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let root = beneath::root(folder.path()).unwrap();
        let first = Hold::take(&root, &key()).unwrap();
        let refused = Hold::take(&root, &key()).err().unwrap().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        drop(Hold::take(&root, &key()).unwrap());
        assert_eq!(std::fs::read_dir(folder.path().join(OWN).join("held")).unwrap().count(), 0);
    }

    #[test]
    fn another_computer_that_touched_it_lately_has_it() {
        let (_folder, root, path) = held(|who| who.machine = "another".into());
        assert!(matches!(Hold::take(&root, &key()), Err(HoldError::Held(_))));
        let long_ago = std::fs::metadata(&path).unwrap().modified().unwrap() - Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        drop(Hold::take(&root, &key()).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_process_of_this_computer_that_is_gone_has_nothing() {
        let (_folder, root, _path) = held(|who| who.pid = u32::MAX);
        drop(Hold::take(&root, &key()).unwrap());
        // We ourselves, in a copy whose share was gone when it ended.
        let (_folder, root, _path) = held(|_| {});
        drop(Hold::take(&root, &key()).unwrap());
        let (_folder, root, _path) = held(|who| who.boot = "an earlier one".into());
        drop(Hold::take(&root, &key()).unwrap());
    }

    #[test]
    fn what_another_took_over_is_not_removed_by_its_first_holder() {
        let folder = tempfile::tempdir().unwrap();
        let root = beneath::root(folder.path()).unwrap();
        let hold = Hold::take(&root, &key()).unwrap();
        let path = folder.path().join(OWN).join("held").join(lock::name(&key()));
        let theirs = Who { id: "theirs".into(), ..hold.file.who.clone() };
        std::fs::write(&path, serde_json::to_vec(&theirs).unwrap()).unwrap();
        drop(hold);
        assert!(path.exists());
    }
}
