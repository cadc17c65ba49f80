//! One engine a state folder: a lock that the kernel takes back when the process ends, however it ends.
//!
//! The same lock is the embedded lease: who holds it has the right to act.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The lock, held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine has it.
    #[error("an engine {}already runs for this state folder ({})", pid.map(|pid| format!("(pid {pid}) ")).unwrap_or_default(), path.display())]
    Held {
        /// The state folder.
        path: PathBuf,
        /// Process id of the other engine, where it could write it.
        pid: Option<u32>,
    },
    /// The file cannot be made or locked.
    #[error("{} cannot be locked: {error}", path.display())]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock or says who has it. Never waits.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let unusable = |error| LockError::Unusable { path: path.to_owned(), error };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = path.parent().unwrap_or(path).to_owned();
                return Err(LockError::Held { path: folder, pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // The number is for people; on a full disk the lock holds without it.
        let _for_people = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }

    /// Whether somebody holds the lock, and who.
    pub fn holder(path: &Path) -> Option<Option<u32>> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_pid(&mut file)),
            _ => None,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a program that begins in this moment has the file open too, until it is the program.
        let _closed_then = self.file.unlock();
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.lock");
        assert_eq!(Lock::holder(&path), None);
        let first = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert!(matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
        assert_eq!(Lock::holder(&path), Some(Some(std::process::id())));
        // As a child has it between its fork and its exec.
        let forked = first.file.try_clone().unwrap();
        drop(first);
        assert_eq!(Lock::holder(&path), None);
        Lock::take(&path).unwrap();
        drop(forked);
    }
}
