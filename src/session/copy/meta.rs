//! What files and folders have besides their bytes.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::session::beneath;
use crate::session::stream::times;

/// Permission bits that this process takes from what it makes.
pub(super) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    // Where it is not told, every file is given its bits expressly.
    mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o777)
}

/// Gives a file or folder its permission bits and time. What the file system has no room for is left out.
pub(super) fn set(folder: impl AsFd, path: &Path, mode: u32, modified: Timestamp) -> io::Result<()> {
    let file = beneath::open(folder, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if stat.st_mode & 0o777 != mode & 0o777 {
        kept(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777)))?;
    }
    kept(rustix::fs::futimens(&file, &times(modified)))
}

fn kept(result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
