//! A side that is a folder on another machine, reached over ssh.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::gather::{changed, gather};
use super::{CopyWish, Depth, Look, Lost, Owner, Scan, Side, Standing, Undone, VerifyWish, Ways, trouble};
use crate::clock::{Clock, Tick, Timestamp};
use crate::fleet::data::Destination;
use crate::fleet::share::SshFolder;
use crate::session::copy::Copied;
use crate::session::destination::Marker;
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::listing::Listing;
use crate::session::lock::Who;
use crate::session::manifest::Manifest;
use crate::session::remote::{Order, Question, Remote, RemoteError, Seen};
use crate::session::verify::Outcome;
use crate::session::view::SideState;

/// So few sessions are asked for by name, also where that is most of them.
const MANY: usize = 100;
/// A machine that was just found to be out of reach is tried again by the next look, but not more often than this.
const REST: Duration = Duration::from_secs(10);

/// How long a look may take, connecting included: as long as one at a share.
const GLANCE: Duration = Duration::from_secs(4);
/// How long one may take before a copy.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder there with its layout.
#[derive(Debug)]
pub struct Ssh {
    remote: Remote,
    layout: Layout,
    filter: Filter,
    clock: Clock,
    woken: Mutex<Option<Tick>>,
}

impl Ssh {
    /// Where copies of a store's sessions go: `folder` is what the destination names.
    pub fn destination(destination: &Destination, folder: SshFolder, filter: &Filter, ways: &Ways) -> Self {
        Self {
            remote: Remote::new(ways.ssh.clone(), ways.runtime.clone(), folder),
            layout: Layout::new(&destination.layout),
            filter: filter.clone(),
            clock: ways.clock.clone(),
            woken: Mutex::default(),
        }
    }

    fn look(&self, within: Duration) -> Result<Seen, RemoteError> {
        let now = self.clock.tick();
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.is_none_or(|last| now.since(last) >= REST) {
            *woken = Some(now);
            self.remote.wake();
        }
        drop(woken);
        self.remote.look(within)
    }

    fn standing(&self, seen: &Seen, kept: Option<&str>) -> Standing {
        let place = self.remote.place();
        let there = seen.marker.as_deref().map(Marker::parse).transpose();
        let marker = match (there, kept) {
            (Ok(Some(marker)), None) => Some(marker.id),
            (Ok(Some(marker)), Some(kept)) if marker.id == kept => Some(marker.id),
            (Ok(Some(_)), Some(_)) => return Standing::lost(self.replaced("its marker is another one")),
            (Ok(None), Some(_)) => return Standing::lost(self.replaced("it has no marker")),
            (Ok(None), None) => None,
            (Err(why), _) => return Standing::lost(self.replaced(&format!("its marker is none: {why}"))),
        };
        let state = match seen.free {
            _ if !seen.writable => trouble(
                "read-only",
                format!("nothing can be written to {place}"),
                "give the user that logs in there rights, or mount it rw",
            ),
            Some(0) => trouble("full", format!("{place} has no room left"), "make room there"),
            _ => SideState::Ready,
        };
        Standing { state, readable: true, marker, free: seen.free, size: seen.size }
    }

    /// It cannot be looked at. A folder that was there once and is not now is not a new one.
    fn lost(&self, error: RemoteError, kept: Option<&str>) -> Standing {
        Standing::lost(match lost(error) {
            Lost::Trouble(SideState::Trouble { word, .. }) if word == "no folder" && kept.is_some() => {
                self.replaced("it is not there")
            }
            Lost::Trouble(state) => state,
            Lost::Cancelled => SideState::Unknown,
        })
    }

    fn replaced(&self, how: &str) -> SideState {
        trouble(
            "replaced",
            format!("{} is not the destination that copies went to before: {how}", self.remote.place()),
            "mount the right one there; if this one is to take its place for good, give the destination another `name`",
        )
    }
}

impl Side for Ssh {
    fn place(&self, key: &Key) -> String {
        format!("{}/{}", self.remote.place(), self.layout.render(key).display())
    }

    fn stand(&self, kept: Option<&str>) -> Standing {
        match self.look(GLANCE) {
            Ok(seen) => self.standing(&seen, kept),
            Err(error) => self.lost(error, kept),
        }
    }

    fn prepare(&self, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing {
        let mut seen = match self.look(PATIENCE) {
            Ok(seen) => seen,
            Err(error) => return self.lost(error, kept),
        };
        if kept.is_none() && seen.marker.is_none() && seen.writable {
            let marker = Marker::new(owner, now);
            match self.remote.leave(&marker.text(), &marker.id) {
                Ok(left) => seen.marker = Some(left),
                Err(error) => return Standing { readable: true, ..self.lost(error, kept) },
            }
        }
        self.standing(&seen, kept)
    }

    fn scan(&self, look: &Look, go_on: &dyn Fn() -> bool) -> Result<Scan, Lost> {
        let gathered = |listing| gather(listing, &self.layout, &self.filter);
        if look.depth == Depth::Changed && !look.known.is_empty() {
            let mut scan = gathered(self.remote.list_folders(go_on).map_err(lost)?);
            let wanted = changed(&mut scan, look);
            if wanted.is_empty() {
                return Ok(scan);
            }
            if wanted.len() * 2 < scan.found.len() + MANY {
                let folders: Vec<_> = wanted.iter().map(|key| self.layout.render(key)).collect();
                let fresh = gathered(self.remote.list_some(&folders, go_on).map_err(lost)?);
                for key in &wanted {
                    scan.found.remove(key);
                }
                scan.found.extend(fresh.found);
                scan.looked = fresh.looked;
                return Ok(scan);
            }
        }
        Ok(gathered(self.remote.list_all(go_on).map_err(lost)?))
    }

    fn list(&self, key: &Key) -> Result<Option<Listing>, Lost> {
        let listing = self.remote.list(&self.layout.render(key)).map_err(lost)?;
        Ok(listing.map(|listing| listing.without(|path| self.filter.excluded(path))))
    }

    fn manifest(&self, key: &Key) -> Result<Option<Manifest>, Lost> {
        self.remote.manifest(&self.layout.render(key)).map_err(lost)
    }

    fn copy(&self, wish: &CopyWish<'_>) -> Result<Copied, Undone> {
        let marker = match wish.kept {
            Some(marker) => marker,
            // Nothing is written: it can be said before there is one.
            None if wish.dry_run => "",
            None => {
                let why = format!("{} does not carry hotspare's marker yet", self.remote.place());
                return Err(Lost::trouble("no marker", why, "sync a session: that leaves one").into());
            }
        };
        let order = Order {
            key: wish.key,
            source: wish.source,
            relative: &self.layout.render(wish.key),
            marker,
            who: &Who::us("being copied", self.clock.now()),
            exclude: &|path| self.filter.excluded(path),
            throttle: Some(wish.throttle),
            steer: wish.steer,
            dry_run: wish.dry_run,
        };
        self.remote.copy(&order).map_err(undone)
    }

    fn verify(&self, wish: &VerifyWish<'_>) -> Result<Outcome, Undone> {
        let standing = self.stand(wish.kept);
        if !standing.readable {
            return Err(Lost::Trouble(standing.state).into());
        }
        let question = Question {
            relative: &self.layout.render(wish.key),
            source: Some(wish.source),
            exclude: &|path| self.filter.excluded(path),
            level: wish.level,
            throttle: Some(wish.throttle),
            steer: wish.steer,
        };
        self.remote.verify(&question).map_err(undone)
    }
}

fn lost(error: RemoteError) -> Lost {
    match error {
        RemoteError::Trouble { word, why, remedy } => Lost::trouble(word, why, remedy),
        RemoteError::Cancelled => Lost::Cancelled,
        error => Lost::trouble("error", error.to_string(), "then look again"),
    }
}

fn undone(error: RemoteError) -> Undone {
    match error {
        RemoteError::Cancelled => Undone::Cancelled,
        error => Undone::Failed(error.to_string()),
    }
}
