//! What lies in the folder of one session, on one side, and what is counted of it. Pure.
//!
//! The digest of a listing stands for all names and sizes: two sides with the same digest hold the same files as far as
//! names and sizes tell. Content is another matter, and only a verification by content knows it.

use std::cmp::Ordering;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A regular file of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the session's folder; any bytes but `/` and NUL in its parts.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last modification.
    pub modified: Timestamp,
    /// Last change of its inode; cannot be set by a program, so it tells of writers that hide. `None`: not told by this side.
    pub changed: Option<Timestamp>,
    /// Permission bits.
    pub mode: u32,
    /// Device and inode, where it has more than one name: names with the same pair are one file.
    pub shared: Option<(u64, u64)>,
}

/// Something in a session's folder that is not copied and never followed, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// Path below the session's folder, as [`shown`].
    pub path: String,
    /// What it is: "a symbolic link", "a fifo", "on another file system", "not readable: Permission denied".
    pub what: String,
}

/// All that lies in a session's folder, in the order of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Regular files that belong to the session.
    pub files: Vec<File>,
    /// Folders below the session's own, also empty ones, with their permission bits and times.
    pub folders: Vec<(PathBuf, u32, Timestamp)>,
    /// What is left out by rule.
    pub odd: Vec<Odd>,
    /// Files that the store's `exclude` leaves out: counted, because a deletion takes them too.
    pub excluded: Vec<PathBuf>,
    /// Newest modification or change of one of those: a file that grows under a name that is left out is written to as well.
    pub excluded_changed: Option<Timestamp>,
    /// Device and inode of the session's own folder; `None`: not told by this side.
    pub identity: Option<(u64, u64)>,
}

/// What is counted of a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Files that the store's `count` matches.
    pub videos: u32,
    /// Files in all.
    pub files: u32,
    /// Bytes in all.
    pub bytes: u64,
    /// Newest modification or change of a file or folder, those included that are left out.
    pub changed: Option<Timestamp>,
    /// Stands for all paths and sizes: the first 16 bytes of a BLAKE3 hash.
    pub digest: [u8; 16],
    /// Stands for paths, sizes and times of modification: when it differs, the side was written to.
    pub state: [u8; 16],
    /// Things left out by rule.
    pub odd: u32,
}

impl Listing {
    /// The same without the files that do not belong to the session.
    #[must_use]
    pub fn without(mut self, excluded: impl Fn(&Path) -> bool) -> Self {
        for file in self.files.extract_if(.., |file| excluded(&file.path)) {
            self.excluded_changed = self.excluded_changed.max(Some(file.modified)).max(file.changed);
            self.excluded.push(file.path);
        }
        self
    }

    /// Whether both are of one and the same folder, whatever the paths that led to it.
    pub fn same_folder(&self, other: &Self) -> bool {
        self.identity.is_some() && self.identity == other.identity
    }

    /// Counts it; `video` says which files the Videos column counts.
    pub fn facts(&self, video: impl Fn(&Path) -> bool) -> Facts {
        let (mut names, mut states) = (Sum::default(), Sum::default());
        let mut order: Vec<&File> = self.files.iter().collect();
        order.sort_unstable_by(|one, other| by_path(&one.path, &other.path));
        let mut facts = Facts {
            files: count(self.files.len()),
            odd: count(self.odd.len()),
            changed: self.folders.iter().map(|(_, _, modified)| *modified).max().max(self.excluded_changed),
            ..Facts::default()
        };
        for file in order {
            // The length goes first, so that no two lists of names run into the same bytes.
            for sum in [&mut names, &mut states] {
                let path = file.path.as_os_str().as_bytes();
                sum.add(&(path.len() as u64).to_le_bytes());
                sum.add(path);
                sum.add(&file.size.to_le_bytes());
            }
            states.add(&file.modified.as_nanosecond().to_le_bytes());
            facts.videos += u32::from(video(&file.path));
            facts.bytes += file.size;
            facts.changed = facts.changed.max(Some(file.modified)).max(file.changed);
        }
        facts.digest = names.half();
        facts.state = states.half();
        facts
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A hash of many small pieces, which are gathered: BLAKE3 is quick with large ones.
#[derive(Default)]
struct Sum {
    hasher: blake3::Hasher,
    held: Vec<u8>,
}

impl Sum {
    const MOST: usize = 16 << 10;

    fn add(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
        if self.held.len() >= Self::MOST {
            self.hasher.update(&self.held);
            self.held.clear();
        }
    }

    fn half(mut self) -> [u8; 16] {
        self.hasher.update(&self.held);
        let mut out = [0; 16];
        self.hasher.finalize_xof().fill(&mut out);
        out
    }
}

/// The order of paths, which is that of their parts; names by themselves are compared at once.
pub(super) fn by_path(one: &Path, other: &Path) -> Ordering {
    let (name, next) = (one.as_os_str().as_bytes(), other.as_os_str().as_bytes());
    if name.contains(&b'/') || next.contains(&b'/') { one.cmp(other) } else { name.cmp(next) }
}

/// A path as screens, reports and JSON name it: UTF-8 as it is, other bytes as `\xNN`.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _a_string_takes_all = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size: u64) -> File {
        File { path: path.into(), size, modified: Timestamp::UNIX_EPOCH, changed: None, mode: 0o644, shared: None }
    }

    fn digest(files: &[(&str, u64)]) -> [u8; 16] {
        let files = files.iter().map(|(path, size)| file(path, *size)).collect();
        Listing { files, ..Listing::default() }.facts(|_| false).digest
    }

    #[test]
    fn the_digest_tells_names_and_sizes_apart_whatever_the_order() {
        assert_eq!(digest(&[("a", 1), ("b", 2)]), digest(&[("b", 2), ("a", 1)]));
        assert_ne!(digest(&[("a", 1), ("b", 2)]), digest(&[("a", 2), ("b", 1)]));
        assert_ne!(digest(&[("a", 1)]), digest(&[("c", 1)]), "same number and bytes under another name");
        assert_ne!(digest(&[]), digest(&[("a", 0)]));
    }

    #[test]
    fn foreign_bytes_are_shown_and_told_apart() {
        use std::ffi::OsStr;
        let path = Path::new(OsStr::from_bytes(b"a\xff\xc3\xa9"));
        assert_eq!(shown(path), "a\\xffé");
    }
}
