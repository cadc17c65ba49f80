//! What lies in an object store: all sessions, or one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use jiff::Timestamp;
use object_store::path::Path as Name;
use object_store::{ObjectMeta, ObjectStore};

use super::door::{Door, PATIENCE};
use super::fault::Fault;
use super::names;
use crate::session::destination::is_own;
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::listing::{File, Listing};
use crate::session::side::{Found, Scan, Stamp};

/// Objects between two questions whether it is to go on.
const PIECE: u64 = 1000;

/// The copy of one session.
pub(super) struct Copy {
    pub(super) listing: Listing,
    /// What tells an object from one that takes its place.
    pub(super) tags: HashMap<PathBuf, String>,
}

/// All sessions below the prefix.
pub(super) fn scan(door: &Door, layout: &Layout, filter: &Filter, go_on: &dyn Fn() -> bool) -> Result<Scan, Fault> {
    let mut found: HashMap<Key, Listing> = HashMap::new();
    let mut strays: HashSet<PathBuf> = HashSet::new();
    let depth = layout.levels().len();
    each(door, "", go_on, |below, meta| {
        let path = Path::new(below);
        if path.components().next().is_some_and(|first| is_own(Path::new(first.as_os_str()))) {
            return;
        }
        let folder: PathBuf = path.components().take(depth).collect();
        let Ok(file) = path.strip_prefix(&folder) else { return };
        if file.as_os_str().is_empty() {
            return;
        }
        match layout.parse(&folder).filter(|key| filter.participant(&key.participant)) {
            Some(key) => add(found.entry(key).or_default(), file, &meta, &|path| filter.excluded(path)),
            None => drop(strays.insert(folder)),
        }
    })?;
    let mut scan = Scan { strays: strays.len() as u64, looked: found.len() as u64, ..Scan::default() };
    for (key, mut listing) in found {
        tidy(&mut listing);
        let facts = listing.facts(|path| filter.video(path));
        scan.found.insert(key, Found { facts, stamp: Stamp::default() });
    }
    Ok(scan)
}

/// The copy of one session, `relative` to the prefix; `None`: nothing of it is there.
pub(super) fn one(door: &Door, relative: &Path, exclude: &dyn Fn(&Path) -> bool) -> Result<Option<Copy>, Fault> {
    let relative = relative.to_str().ok_or_else(|| Fault::Other("the layout makes a name that is no text".into()))?;
    let mut copy = Copy { listing: Listing::default(), tags: HashMap::new() };
    each(door, relative, &|| true, |below, meta| {
        add(&mut copy.listing, Path::new(below), &meta, exclude);
        if let Some(tag) = meta.e_tag {
            copy.tags.insert(below.into(), tag);
        }
    })?;
    tidy(&mut copy.listing);
    let nothing = copy.listing.files.is_empty() && copy.listing.excluded.is_empty();
    Ok((!nothing).then_some(copy))
}

/// Names of objects of our own below a folder of our own.
pub(super) fn own(door: &Door, folder: &str) -> Result<Vec<Name>, Fault> {
    let mut names = Vec::new();
    each(door, folder, &|| true, |_below, meta| names.push(meta.location))?;
    Ok(names)
}

/// Hears of every object below a folder that is below the prefix, with the rest of its name.
fn each(
    door: &Door,
    folder: &str,
    go_on: &dyn Fn() -> bool,
    mut hear: impl FnMut(&str, ObjectMeta),
) -> Result<(), Fault> {
    let prefix = match (door.bucket.prefix.as_str(), folder) {
        ("", folder) => folder.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, folder) => format!("{prefix}/{folder}"),
    };
    let name = names::key("", Path::new(&prefix)).map_err(Fault::Other)?;
    let mut objects = door.quick()?.list(Some(&name).filter(|_| !prefix.is_empty()));
    let mut heard = 0_u64;
    loop {
        let next = door.runtime.block_on(async { tokio::time::timeout(PATIENCE, objects.next()).await });
        let Some(meta) = next.map_err(|_late| door.late())? else { return Ok(()) };
        let meta = meta.map_err(|error| door.fault(&error))?;
        if let Some(below) = names::below(&prefix, &meta.location).map(str::to_owned) {
            hear(&below, meta);
        }
        heard += 1;
        if heard.is_multiple_of(PIECE) && !go_on() {
            return Err(Fault::Cancelled);
        }
    }
}

fn add(listing: &mut Listing, path: &Path, meta: &ObjectMeta, exclude: &dyn Fn(&Path) -> bool) {
    if exclude(path) {
        listing.excluded.push(path.to_owned());
        return;
    }
    let (seconds, rest) = (meta.last_modified.timestamp(), meta.last_modified.timestamp_subsec_nanos());
    let modified = Timestamp::new(seconds, i32::try_from(rest).unwrap_or(0)).unwrap_or_default();
    listing.files.push(File {
        path: path.to_owned(),
        size: meta.size,
        modified,
        changed: None,
        mode: 0o644,
        shared: None,
    });
}

/// Takes out the empty objects that other programs leave in place of folders, and sorts.
fn tidy(listing: &mut Listing) {
    let mut folders: HashSet<PathBuf> = HashSet::new();
    for file in &listing.files {
        let above = file.path.ancestors().skip(1).take_while(|path| !path.as_os_str().is_empty());
        folders.extend(above.map(Path::to_owned));
    }
    listing.files.retain(|file| file.size > 0 || !folders.contains(&file.path));
    listing.files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
}
