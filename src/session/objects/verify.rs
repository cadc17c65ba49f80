//! Whether a copy in an object store is what it should be.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;

use super::copy::READ;
use super::fault::Fault;
use super::list::{self, Copy};
use super::read::{each, lanes, sum};
use super::{Objects, names};
use crate::session::listing::{Listing, shown};
use crate::session::manifest::{Manifest, sums_file};
use crate::session::report::Different;
use crate::session::side::{Undone, VerifyWish};
use crate::session::stream::Hand;
use crate::session::tree::{self, ListError};
use crate::session::verify::comparison::Comparison;
use crate::session::verify::{self, Outcome};
use crate::session::view::Level;
use crate::work::progress::Event;

/// Compares a copy with the source, or where that is gone with the manifest. A copy without a manifest of just these files
/// is not whole.
pub(super) fn verify(objects: &Objects, wish: &VerifyWish<'_>) -> Result<Outcome, Undone> {
    let (door, relative) = (&objects.door, objects.layout.render(wish.key));
    let exclude = |path: &Path| objects.filter.excluded(path);
    objects.prove(wish.kept).map_err(Fault::undone)?;
    let unlisted = |error: ListError| Undone::Failed(error.to_string());
    let source = match tree::open(wish.source) {
        Ok(folder) => {
            let listing = tree::list_in(&folder, wish.source, &exclude).map_err(unlisted)?;
            Some((folder, listing))
        }
        Err(ListError::Missing(_)) => None,
        Err(error) => return Err(unlisted(error)),
    };
    let quick = matches!(wish.level, Some(Level::Count | Level::Sizes)) && source.is_some();
    let manifest = if quick { None } else { objects.sums(&relative).map_err(Fault::undone)? };
    let level = wish.level.unwrap_or(if manifest.is_some() { Level::Content } else { Level::Sizes });
    if source.is_none() && manifest.is_none() {
        let place = crate::session::side::Side::place(objects, wish.key);
        return Err(Undone::Failed(format!(
            "there is nothing to compare {place} with: the session is not on this computer, and no manifest lies beside \
             the copy"
        )));
    }
    let copy = list::one(door, &relative, &exclude).map_err(Fault::undone)?;
    let Copy { listing, tags } =
        copy.unwrap_or_else(|| Copy { listing: Listing::default(), tags: std::collections::HashMap::new() });
    let lacks_manifest = !quick && manifest.is_none();
    let manifest = manifest.unwrap_or_default();
    let here = source.as_ref().map(|(_, listing)| listing);
    let mut comparison = Comparison::of(here, &manifest, &listing, level);
    if level == Level::Content {
        let hand = Hand::new(wish.steer, Some(wish.throttle));
        wish.steer.event(Event::Total(comparison.bytes_to_read()));
        if let Some((folder, _)) = &source {
            let lanes = verify::lanes(wish.parallel, verify::kind(folder));
            comparison.read_source(folder.as_fd(), lanes, &hand);
        }
        let wanted = comparison.wanted();
        let heard = each(&wanted, lanes(wish.parallel), &hand, |(file, _)| {
            let name = names::key(&door.bucket.prefix, &relative.join(&file.path)).map_err(Fault::Other)?;
            let tag = tags.get(&file.path).map(String::as_str);
            let read = sum(door, &name, file.size, tag, &hand);
            if read.as_ref().is_err_and(Fault::whole_store) {
                hand.end();
            }
            read
        });
        let mut wrong = BTreeMap::new();
        let mut cancelled = false;
        for ((file, hash), read) in wanted.into_iter().zip(heard) {
            let reason = match read {
                Some(Ok(read)) if read == hash => stale(&manifest, &file.path, hash),
                Some(Ok(_)) => Some("content".to_owned()),
                Some(Err(Fault::Cancelled)) | None => {
                    cancelled = true;
                    None
                }
                Some(Err(fault)) if fault.whole_store() => return Err(fault.undone()),
                Some(Err(fault)) => Some(format!("unreadable: {}", fault.words())),
            };
            wrong.extend(reason.map(|reason| (file.path.as_path(), reason)));
        }
        if cancelled || !hand.go_on() {
            return Err(Undone::Cancelled);
        }
        comparison.differs(wrong);
    }
    let mut outcome = comparison.outcome(level, None, here, &listing);
    if level == Level::Content {
        (outcome.read, outcome.from_storage) = (Some(READ), true);
    }
    if lacks_manifest {
        let name = sums_file(&relative).file_name().map(|name| shown(Path::new(name))).unwrap_or_default();
        let reason = "the copy has no manifest, so it is not whole: copy the session again".to_owned();
        outcome.different.push(Different { path: name, reason });
    }
    Ok(outcome)
}

/// What is wrong with the manifest of a file whose copy is right.
fn stale(manifest: &Manifest, path: &Path, hash: blake3::Hash) -> Option<String> {
    let right = manifest.sums.get(path).is_some_and(|sum| sum.hash == hash);
    (!right).then(|| "the manifest is older than the file: copy the session again".to_owned())
}
