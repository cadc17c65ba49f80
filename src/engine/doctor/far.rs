//! Destinations on other machines: whether they are reached, what they lack, whose copies they hold, and how much room is left.

use std::time::Duration;

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::fleet::share::SshFolder;
use crate::session::destination::Marker;
use crate::session::remote::{Remote, RemoteError, Seen};
use crate::session::view::SideState;

/// How long one may take to answer, connecting included.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let destinations = bag.fleet.sessions.iter().flat_map(|store| &store.destinations);
    let mut folders: Vec<SshFolder> = Vec::new();
    for folder in destinations.filter_map(|to| to.ssh(&bag.fleet.hosts)) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let pool = bag.prober.ssh();
    let examination = |folder: SshFolder| {
        let subject = format!("destination {}:{}", folder.destination, folder.path);
        let pool = pool.clone();
        Examination::new(subject.clone(), async move {
            let remote = Remote::new(pool, tokio::runtime::Handle::current(), folder.clone());
            let looked = tokio::task::spawn_blocking(move || remote.look(PATIENCE)).await;
            vec![match looked {
                Ok(looked) => finding(&subject, &folder, looked),
                Err(error) => risk(&subject, format!("the look at it broke: {error}"), "try it by hand"),
            }]
        })
    };
    folders.into_iter().map(examination).collect()
}

fn finding(subject: &str, folder: &SshFolder, looked: Result<Seen, RemoteError>) -> Finding {
    let seen = match looked {
        Ok(seen) => seen,
        Err(error) => {
            return match error.side() {
                Some(SideState::Trouble { why, remedy, .. }) => bad(subject, why, remedy),
                _ => bad(subject, error.to_string(), "try it by hand"),
            };
        }
    };
    let holds = match seen.marker.as_deref().map(Marker::parse) {
        None => "no marker yet: the first sync leaves one".to_owned(),
        Some(Ok(marker)) => format!("holds copies of {} of {}", marker.store, marker.fleet),
        Some(Err(why)) => {
            let remedy = "is the right disk mounted there? if so, put the marker back from a backup";
            return bad(subject, format!("its marker .hotspare/store.json is none: {why}"), remedy);
        }
    };
    if !seen.writable {
        return bad(subject, "nothing can be written there", "give the user that logs in there rights, or mount it rw");
    }
    if seen.free == Some(0) {
        return bad(subject, "no room is left there", "make room there");
    }
    if !seen.has_b3sum() {
        let found = "it has no b3sum: a copy cannot be verified there once the source is gone";
        return risk(subject, found, format!("install b3sum on {}", folder.destination));
    }
    let free = seen.free.map(|free| format!(", {:.1} GiB free", super::gibibytes(free))).unwrap_or_default();
    good(subject, format!("{holds}{free}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Grade;

    #[test]
    fn what_is_wrong_with_it_is_said_with_a_remedy() {
        let folder = SshFolder { destination: "nas".into(), path: "/srv".into() };
        let seen = Seen { writable: true, free: Some(3 << 30), ..Seen::default() };
        let judged = |seen: Seen| finding("destination nas:/srv", &folder, Ok(seen));
        let no_b3sum = judged(seen.clone());
        assert_eq!((no_b3sum.grade, no_b3sum.remedy.as_str()), (Grade::Risk, "install b3sum on nas"));
        for wrong in [
            Seen { writable: false, ..seen.clone() },
            Seen { free: Some(0), ..seen.clone() },
            Seen { marker: Some(b"{".to_vec()), ..seen },
        ] {
            let found = judged(wrong);
            assert!(found.grade == Grade::Bad && !found.remedy.is_empty(), "{found:?}");
        }
    }
}
