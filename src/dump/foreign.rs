//! The doors for what lies on a medium: dumps of MySQL servers, archives of MongoDB, what kits say of themselves.

use std::collections::BTreeSet;

use super::load::foreign as load;
use super::medium::foreign as medium;
use super::mongo::archive;
use super::record::Kit;
use super::shape::{self, Shape};
use super::stream::Reads;
use super::view::KitView;
use super::{keep, name, recovery};
use crate::fleet::data::Keep;
use crate::foreign::cuts;

/// A dump: the same is read of it however it is cut, and nothing of it is lost or done twice when it is sorted.
pub(crate) fn dump(bytes: &[u8]) {
    let _head = shape::surplus(bytes);
    let whole = same(bytes, shape::Reader::default);
    assert_eq!(whole.plain, bytes.len() as u64);
    load::sorted(bytes, &whole.tables);
}

/// An archive.
pub(crate) fn archive(bytes: &[u8]) {
    let whole = same(bytes, archive::Reader::default);
    assert_eq!(whole.plain, bytes.len() as u64);
}

fn same<R: Reads>(bytes: &[u8], new: impl Fn() -> R) -> Shape {
    let read = |pieces: std::slice::Chunks<'_, u8>| {
        let mut reader = new();
        pieces.for_each(|piece| reader.read(piece));
        reader.end()
    };
    let mut ways = cuts(bytes).map(read);
    let whole = ways.next();
    ways.for_each(|cut| assert_eq!(Some(&cut), whole.as_ref()));
    whole.unwrap_or_else(|| new().end())
}

/// What kits say of themselves, a line each: each can be shown, chosen and written about, and is read again as it was.
pub(crate) fn kit(bytes: &[u8]) {
    medium::marker(bytes);
    let mut kits: Vec<Kit> = bytes.split(|byte| *byte == b'\n').filter_map(|line| medium::kit(line).ok()).collect();
    kits.sort_by(|one, other| (other.number, &other.name).cmp(&(one.number, &one.name)));
    for kit in &kits {
        let again = serde_json::to_vec(kit).ok().and_then(|text| medium::kit(&text).ok());
        assert_eq!(again.as_ref(), Some(kit));
        let _shown = (KitView::of(kit), kit.bytes(), super::kit::foreign(kit));
    }
    let keep = Keep { last: 2, hourly: 1, daily: 1 };
    let (chosen, safe, needed) = (keep::chosen(&kits, keep), keep::safe(&kits), keep::needed(kits.iter()));
    assert!(safe.iter().all(|name| chosen.contains(name) && needed.contains(name)));
    let text = recovery::foreign(&kits);
    text.split('\n').for_each(crate::foreign::assert_plain);
    let mut taken = BTreeSet::new();
    // No server has more databases whose names become one; each tries all numbers from 2 on.
    for line in String::from_utf8_lossy(bytes).lines().take(300) {
        let name = name::unique(line, &mut taken);
        assert!(
            !name.is_empty() && name.len() <= 160 && !name.starts_with(['.', '-']) && !name.contains('/'),
            "{name:?}"
        );
        assert!(name.starts_with(&name::safe(line)), "{name:?}");
    }
}
