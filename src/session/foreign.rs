//! Files that lie beside sessions and their copies, read as what anybody may have put there.

use std::path::{Component, Path};

use super::destination::Marker;
use super::imported::foreign as imported;
use super::lock::Who;
use super::manifest::{self, Manifest};
use super::{delete, key, lock};
use crate::foreign::assert_plain;
use crate::session::key::Key;

/// Both files of a manifest, with a NUL between them: what is read leads nowhere else, and is read again as it was.
pub(crate) fn manifest(bytes: &[u8]) {
    let copy = Path::new("/mnt/nas/p001");
    let (sums, sizes) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    let mut first = manifest::first_line(sums).into_bytes();
    first.extend_from_slice(sizes.get(1..).unwrap_or_default());
    for sizes in [None, Some(first.as_slice())] {
        match Manifest::parse(sums, sizes, copy) {
            Ok(manifest) => {
                assert!(manifest.sums.keys().all(|path| below(path)));
                let (sums, sizes) = manifest.render("p001");
                assert_eq!(Manifest::parse(&sums, Some(&sizes), copy).ok(), Some(manifest));
            }
            Err(error) => assert_plain(&error.to_string()),
        }
    }
}

/// One line of a manifest's sizes and of the journal of a copy.
pub(crate) fn line(bytes: &[u8]) {
    if let Ok(line) = manifest::read_facts(bytes) {
        assert!(below(&line.path));
        let written = manifest::facts(&line.path, line.seen, line.hash);
        assert_eq!(manifest::read_facts(written.strip_suffix(b"\n").unwrap_or(&written)).as_ref(), Ok(&line));
    }
}

/// The note of a deletion, which says what may be removed.
pub(crate) fn note(bytes: &[u8]) {
    delete::foreign(bytes);
}

/// Markers, holders of locks, what a database says of imports, names of sessions.
pub(crate) fn marks(bytes: &[u8]) {
    if let Ok(marker) = Marker::parse(bytes) {
        assert_eq!(Marker::parse(&marker.text()), Ok(marker));
    }
    if let Ok(who) = serde_json::from_slice::<Who>(bytes) {
        assert_plain(&who.to_string());
    }
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Ok(date) = key::date(line) {
            assert_eq!(key::date(&key::compact(date)), Ok(date));
        }
        let (participant, date) = line.rsplit_once(' ').unwrap_or((line, "20250104"));
        if let Ok(key) = Key::new(participant, date) {
            assert_plain_name(&key);
        }
    }
    imported::enter(&text);
}

/// A participant's name is one part of a path, and so is that of its lock.
fn assert_plain_name(key: &Key) {
    for name in [Path::new(&key.participant), Path::new(&lock::name(key))] {
        let mut parts = name.components();
        assert!(matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)), "{}", name.display());
        assert!(name.as_os_str().len() <= 255, "{}", name.display());
    }
}

fn below(path: &Path) -> bool {
    !path.as_os_str().is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)))
}
