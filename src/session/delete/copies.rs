//! The copies that a deletion counts on: none of them is the session itself, and each outlives its move into the trash.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Seen;
use super::note::List;
use crate::session::listing::{Listing, shown};
use crate::session::root::RootError;
use crate::session::safety::{Reason, Wrong};

/// Why what lies at a destination is no copy: the session's own folder, by another path.
pub(super) fn itself(source: &Listing, seen: &Seen) -> Option<String> {
    let Ok(Some(copy)) = &seen.listing else { return None };
    let same = copy.same_folder(source);
    same.then(|| format!("{}: {}", seen.name, RootError::Itself(PathBuf::from(&seen.folder))))
}

/// Which copies are one and the same: what remains in both remains once.
pub(super) fn twice(copies: &[Seen]) -> Vec<String> {
    let identity = |seen: &Seen| seen.listing.as_ref().ok().and_then(|listing| listing.as_ref()?.identity);
    let pairs =
        copies.iter().enumerate().flat_map(|(at, one)| copies.iter().skip(at + 1).map(move |other| (one, other)));
    let same = pairs.filter(|(one, other)| identity(one).is_some() && identity(one) == identity(other));
    let told = same.map(|(one, other)| {
        let (one, folder, other) = (&one.name, &other.folder, &other.name);
        format!("{one} and {other} are one and the same folder, {folder}: take one of them out of the fleet file")
    });
    told.collect()
}

/// Why the copies that were counted on are not what they were. One that went when the session was moved was the session
/// itself, also where device and inode did not tell: a share of this computer's own disk has others.
pub(super) fn lost(before: &[Seen], now: &[Seen]) -> Vec<String> {
    before.iter().filter_map(|seen| gone(seen, now.iter().find(|now| now.name == seen.name))).collect()
}

/// Why these copies do not hold all of a session of which some is removed already; `None`: they do.
pub(super) fn short(copies: &[Seen], list: &List) -> Option<String> {
    if copies.is_empty() {
        return Some("the store has no destination".into());
    }
    copies.iter().find_map(|seen| {
        let name = &seen.name;
        let wrong = |wrong: Wrong<'_>| Some(Reason::Copy(name, wrong).to_string());
        let listing = match &seen.listing {
            _ if !seen.state.ready() => return wrong(Wrong::Destination(&seen.state)),
            Err(why) => return wrong(Wrong::Unknown(why)),
            Ok(None) => return wrong(Wrong::None),
            Ok(Some(listing)) => listing,
        };
        let there: BTreeMap<_, _> = listing.files.iter().map(|file| (&file.path, file.size)).collect();
        let missing = list.files.iter().find(|(path, (size, _))| there.get(path) != Some(size));
        missing.map(|(path, _)| format!("{name}: {} is not there as it was", shown(path)))
    })
}

fn gone(before: &Seen, now: Option<&Seen>) -> Option<String> {
    let (name, folder) = (&before.name, &before.folder);
    let wrong = |wrong: Wrong<'_>| Some(Reason::Copy(name, wrong).to_string());
    let changed = |what: &str| Some(format!("{name}: {what} a moment ago; verify again"));
    let state = |listing: &Listing| listing.facts(|_| false).state;
    match now.map(|now| (now, &now.listing)) {
        Some((now, _)) if !now.state.ready() => wrong(Wrong::Destination(&now.state)),
        Some((_, Err(why))) => wrong(Wrong::Unknown(why)),
        None | Some((_, Ok(None))) => Some(format!(
            "{name}: {folder} went when the session was moved out of its place: it leads to the session itself, or \
             somebody removed the copy; look where `path` of the destination leads"
        )),
        Some((now, Ok(Some(listing)))) => match &before.listing {
            Ok(Some(before)) if state(before) != state(listing) => changed("the copy changed"),
            _ if before.manifest != now.manifest => changed("the manifest beside the copy changed"),
            _ => None,
        },
    }
}
