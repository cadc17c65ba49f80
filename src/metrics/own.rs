//! Families of the engine's own process, under the names that Prometheus' own libraries give them. Where there is no `/proc`
//! they are left out.

use super::page::{Page, alone, count, number};

pub(super) fn put(page: &mut Page) {
    page.gauge("process_resident_memory_bytes", "Resident memory.", resident().map(count).into_iter().flat_map(alone));
    page.gauge("process_open_fds", "Open file descriptors.", descriptors().map(number).into_iter().flat_map(alone));
}

/// The second number of `/proc/self/statm`, in pages.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Without the one that lists them.
fn descriptors() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}
