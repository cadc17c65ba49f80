//! The note that lies beside a session in the trash: where it came from and what of it may be removed.
//!
//! A line of JSON, then one entry a file, each ended by a NUL since names may hold anything else, then `end`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::session::key::Key;

/// What may be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct List {
    /// Files with their size and last modification.
    pub(super) files: BTreeMap<PathBuf, (u64, Timestamp)>,
    pub(super) folders: BTreeSet<PathBuf>,
    /// Files that the store excludes.
    pub(super) excluded: BTreeSet<PathBuf>,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) key: Key,
    /// Folder below the source.
    pub(super) folder: PathBuf,
}

const END: &[u8] = b"end";

pub(super) fn render(head: &Head, list: &List) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(head)?;
    bytes.push(b'\n');
    let mut entry = |what: String, path: &Path| {
        bytes.extend_from_slice(what.as_bytes());
        bytes.extend_from_slice(path.as_os_str().as_bytes());
        bytes.push(0);
    };
    for (path, (size, modified)) in &list.files {
        entry(format!("f {size} {} ", modified.as_nanosecond()), path);
    }
    list.folders.iter().for_each(|path| entry("d ".into(), path));
    list.excluded.iter().for_each(|path| entry("x ".into(), path));
    bytes.extend_from_slice(END);
    Ok(bytes)
}

/// `None`: it is torn, or nothing that [`render`] wrote.
pub(super) fn parse(bytes: &[u8]) -> Option<(Head, List)> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = bytes.split_at_checked(at)?;
    let head = serde_json::from_slice(head).ok()?;
    let mut list = List::default();
    let mut entries = rest.get(1..)?.split(|byte| *byte == 0).peekable();
    while let Some(entry) = entries.next() {
        if entries.peek().is_none() {
            return (entry == END).then_some((head, list));
        }
        let (kind, rest) = entry.split_at_checked(2)?;
        match kind {
            b"f " => {
                let mut parts = rest.splitn(3, |byte| *byte == b' ');
                let size = number(parts.next()?)?;
                let modified = Timestamp::from_nanosecond(number(parts.next()?)?).ok()?;
                list.files.insert(path(parts.next()?), (size, modified));
            }
            b"d " => drop(list.folders.insert(path(rest))),
            b"x " => drop(list.excluded.insert(path(rest))),
            _ => return None,
        }
    }
    None
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn path(bytes: &[u8]) -> PathBuf {
    std::ffi::OsString::from_vec(bytes.to_vec()).into()
}

/// For the door of lists: what is read is read again as it was.
#[cfg(any(test, fuzzing))]
pub(in crate::session) fn foreign(bytes: &[u8]) {
    if let Some((head, list)) = parse(bytes) {
        let again = render(&head, &list).ok().and_then(|bytes| parse(&bytes));
        assert_eq!(again, Some((head, list)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = PathBuf> {
        prop::collection::vec(1_u8.., 1..20).prop_map(|bytes| path(&bytes))
    }

    proptest! {
        #[test]
        fn what_is_noted_is_read_again_and_nothing_torn(
            files in prop::collection::btree_map(name(), (any::<u64>(), -1_000_000_i64..2_000_000_000), 0..5),
            folders in prop::collection::btree_set(name(), 0..4),
            excluded in prop::collection::btree_set(name(), 0..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let files = files.into_iter().map(|(path, (size, at))| (path, (size, Timestamp::from_second(at).unwrap())));
            let list = List { files: files.collect(), folders, excluded };
            let head = Head { key: Key::new("p 1", "20250104").unwrap(), folder: "p 1/20250104".into() };
            let bytes = render(&head, &list).unwrap();
            prop_assert_eq!(parse(&bytes), Some((head, list)));
            prop_assert_eq!(parse(&bytes[..cut.index(bytes.len())]), None);
        }
    }
}
