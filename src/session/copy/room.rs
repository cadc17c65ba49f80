//! Whether what is to be written will fit.

use std::os::fd::AsFd;

use super::{CopyError, Order};
use crate::session::beneath;
use crate::session::listing::File;

/// What a file system takes for a file at least.
const BLOCK: u64 = 4096;
/// Room for folders, names and the manifest.
const MARGIN: u64 = 1 << 20;

/// Refuses what would not fit.
pub(super) fn foresee(order: &Order<'_>, source: impl AsFd, root: impl AsFd, files: &[&File]) -> Result<(), CopyError> {
    let Ok(stat) = rustix::fs::fstatvfs(root) else { return Ok(()) };
    if stat.f_blocks == 0 {
        // Some shares do not say.
        return Ok(());
    }
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let need = |sizes: u64| sizes.saturating_add(sizes / 128).saturating_add(MARGIN);
    let full: u64 = files.iter().map(|file| file.size.next_multiple_of(BLOCK)).sum();
    if need(full) <= free {
        return Ok(());
    }
    // Files with holes take less than their size.
    let stored: u64 = files
        .iter()
        .map(|file| match beneath::stat(&source, &file.path) {
            Ok(Some(stat)) => (u64::try_from(stat.st_blocks).unwrap_or(0) * 512).min(file.size.next_multiple_of(BLOCK)),
            _ => file.size,
        })
        .sum();
    let need = need(stored);
    if need <= free { Ok(()) } else { Err(CopyError::Room { path: order.root.path.clone(), need, free }) }
}
