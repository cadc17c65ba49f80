//! Sessions out of one long list of everything that lies at a side. Pure.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Found, Look, Scan, Stamp};
use crate::clock::Timestamp;
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::{Layout, Told};
use crate::session::listing::{File, Listing, Odd};
use crate::session::remote::CLOSED;

/// Sessions that changed so lately, in seconds, are always looked into: files that are being written change no folder, and the
/// other machine's clock may be wrong.
const LATELY: i64 = 3600;

/// What a path is by the layout.
enum Fit<'a> {
    /// It is the folder of a session, or lies in it, with this path below it.
    Session(Key, &'a Path),
    /// It leads to where sessions may lie.
    Way,
    /// A folder that holds no session.
    Stray,
    /// Something of no interest.
    Other,
}

/// Tells the sessions apart in a listing of all that lies at a side, with paths below its folder.
pub(super) fn gather(listing: Listing, layout: &Layout, filter: &Filter) -> Scan {
    let mut scan = Scan::default();
    let mut sessions: HashMap<Key, Listing> = HashMap::new();
    let mut own: HashMap<Key, Timestamp> = HashMap::new();
    for (path, mode, modified) in listing.folders {
        match fit(&path, layout, filter) {
            Fit::Session(key, below) => {
                if below.as_os_str().is_empty() {
                    own.insert(key.clone(), modified);
                    sessions.entry(key).or_default();
                } else {
                    sessions.entry(key).or_default().folders.push((below.to_owned(), mode, modified));
                }
            }
            Fit::Stray => scan.strays += 1,
            Fit::Way | Fit::Other => {}
        }
    }
    for odd in listing.odd {
        let path = PathBuf::from(&odd.path);
        let closed = odd.what == CLOSED;
        match fit(&path, layout, filter) {
            // A session whose folder may not be looked into is an odd thing as a whole; what is no folder is none.
            Fit::Session(_, below) if below.as_os_str().is_empty() && !closed => {}
            Fit::Session(key, below) => {
                let odd = Odd { path: below.display().to_string(), what: odd.what };
                sessions.entry(key).or_default().odd.push(odd);
            }
            Fit::Way if closed => scan.blind.push((path, odd.what)),
            Fit::Stray if closed => scan.strays += 1,
            Fit::Way | Fit::Stray | Fit::Other => {}
        }
    }
    for file in listing.files {
        if let Fit::Session(key, below) = fit(&file.path, layout, filter)
            && !below.as_os_str().is_empty()
            && !filter.excluded(below)
        {
            sessions.entry(key).or_default().files.push(File { path: below.to_owned(), ..file });
        }
    }
    scan.looked = sessions.len() as u64;
    let count = |listing: &Listing| listing.facts(|path| filter.video(path));
    let found = |(key, listing)| {
        let stamp = own.get(&key).map(|own| stamp(*own, &listing)).unwrap_or_default();
        (key, Found { facts: count(&listing), stamp })
    };
    scan.found = sessions.into_iter().map(found).collect();
    scan
}

/// Which of the sessions whose folders were just listed may hold something else than what is known of them; the others are
/// taken over as they are.
pub(super) fn changed(folders: &mut Scan, look: &Look) -> Vec<Key> {
    let mut wanted = Vec::new();
    for (key, found) in &mut folders.found {
        match look.known.get(key).filter(|known| is_as_before(found, known, look.now)) {
            Some(known) => *found = known.clone(),
            None => wanted.push(key.clone()),
        }
    }
    folders.looked = 0;
    wanted
}

fn is_as_before(found: &Found, known: &Found, now: Timestamp) -> bool {
    let quiet = |changed: Timestamp| now.as_second().saturating_sub(changed.as_second()) > LATELY;
    found.stamp.folders.is_some() && found.stamp == known.stamp && known.facts.changed.is_none_or(quiet)
}

fn stamp(own: Timestamp, listing: &Listing) -> Stamp {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&own.as_nanosecond().to_le_bytes());
    for (path, _, modified) in &listing.folders {
        hasher.update(path.as_os_str().as_bytes());
        hasher.update(&[0]);
        hasher.update(&modified.as_nanosecond().to_le_bytes());
    }
    let mut half = [0; 16];
    hasher.finalize_xof().fill(&mut half);
    Stamp { folders: Some(half), below: Box::default() }
}

fn fit<'a>(path: &'a Path, layout: &Layout, filter: &Filter) -> Fit<'a> {
    let mut told = Told::default();
    let mut parts = path.components();
    for level in layout.levels() {
        let Some(part) = parts.next() else { return Fit::Way };
        let read = level.read(part.as_os_str(), told);
        match read.filter(|told| told.participant().is_none_or(|name| filter.participant(name))) {
            Some(read) => told = read,
            None if parts.as_path().as_os_str().is_empty() => return Fit::Stray,
            None => return Fit::Other,
        }
    }
    told.key().map_or(Fit::Stray, |key| Fit::Session(key, parts.as_path()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::side::Depth;
    use crate::session::side::tests::store;

    #[test]
    fn only_what_changed_is_looked_into_again() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let gathered = |inner: i64| {
            let folders = [("p001/20250104", 100), ("p001/20250104/in", inner), ("p002/20250104", 100)];
            let folders = folders.map(|(path, second)| (PathBuf::from(path), 0o755, at(second))).to_vec();
            let listing = Listing { folders, ..Listing::default() };
            gather(listing, &Layout::new("{participant}/{date}"), &Filter::new(&store()))
        };
        let key = |participant| Key::new(participant, "20250104").unwrap();
        let mut known = gathered(100).found;
        known.get_mut(&key("p002")).unwrap().facts.files = 7;
        let known = Arc::new(known);
        let look = |now: i64| Look { known: Arc::clone(&known), depth: Depth::Changed, now: at(now) };
        let mut later = gathered(200);
        assert_eq!(changed(&mut later, &look(10_000)), [key("p001")]);
        assert_eq!(later.found[&key("p002")].facts.files, 7, "what is known of the other stands");
        assert_eq!(
            changed(&mut gathered(100), &look(1_000)),
            [key("p001")],
            "what changed lately is looked into anyway"
        );
        assert!(changed(&mut gathered(100), &look(10_000)).is_empty());
    }

    #[test]
    fn sessions_are_told_apart_and_the_rest_is_counted_or_named() {
        let file = |path: &str| File {
            path: path.into(),
            size: 5,
            modified: Timestamp::UNIX_EPOCH,
            changed: None,
            mode: 0o644,
            shared: None,
        };
        let folder = |path: &str| (PathBuf::from(path), 0o755, Timestamp::UNIX_EPOCH);
        let odd = |path: &str, what: &str| Odd { path: path.into(), what: what.into() };
        let listing = Listing {
            files: [
                "20250104/p001/a.mp4",
                "20250104/p001/in/b.json",
                "20250104/p001/half.tmp",
                "20250104/p001.b3",
                "20250104/x9/a.mp4",
                "readme",
            ]
            .map(file)
            .to_vec(),
            folders: [
                "20250104",
                "20250104/p001",
                "20250104/p001/in",
                "20250104/p002",
                "20250104/x9",
                "other",
                "other/p1",
            ]
            .map(folder)
            .to_vec(),
            odd: vec![
                odd("20250104/p001/link", "a symbolic link"),
                odd("20250104/p003", CLOSED),
                odd("20250104/p004", "a symbolic link"),
                odd("20250105", CLOSED),
                odd("lost+found", CLOSED),
            ],
            ..Listing::default()
        };
        let scan = gather(listing, &Layout::new("{date}/{participant}"), &Filter::new(&store()));
        let of = |participant| scan.found.get(&Key::new(participant, "20250104").unwrap()).map(|found| found.facts);
        let first = of("p001").unwrap();
        assert_eq!((first.files, first.videos, first.bytes, first.odd), (2, 1, 10, 1));
        assert_eq!(of("p002").unwrap().files, 0, "an empty folder is a session without files");
        assert_eq!(of("p003").unwrap().odd, 1, "what may not be looked into is odd as a whole");
        assert_eq!(scan.found.len(), 3, "a link is no session, nor is one of another store");
        assert_eq!(scan.blind, [(PathBuf::from("20250105"), CLOSED.to_owned())]);
        assert_eq!(scan.strays, 3);
    }

    proptest::proptest! {
        #[test]
        fn a_session_is_found_where_the_layout_puts_it(day in 1_u8..29, file in "[a-z]{1,8}") {
            for text in ["{date}/{participant}", "{participant}/{date}", "all/{participant}_{date}"] {
                let (layout, filter) = (Layout::new(text), Filter::new(&store()));
                let key = Key::new("p001", &format!("202501{day:02}")).unwrap();
                let path = layout.render(&key).join(&file);
                proptest::prop_assert!(matches!(
                    fit(&path, &layout, &filter), Fit::Session(found, below) if found == key && below == Path::new(&file)
                ));
            }
        }
    }
}
