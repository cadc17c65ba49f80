//! A side that is a folder on this computer, or on a share that is mounted to it.

use std::path::Path;
use std::time::Duration;

use super::watched::Watch;
use super::{CopyWish, Look, Lost, Owner, Scan, Side, Standing, Undone, VerifyWish};
use crate::clock::Timestamp;
use crate::fleet::data::{Destination, Store};
use crate::fleet::disk;
use crate::reach::mounts::{Mount, Mounts};
use crate::session::copy::{self, Copied, CopyError, ReadBack};
use crate::session::destination::{Open, PATIENCE, Place};
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::listing::{Listing, shown};
use crate::session::manifest::{Manifest, sums_file};
use crate::session::root::Root;
use crate::session::tree::{self, ListError};
use crate::session::verify::{self, Outcome, VerifyError};
use crate::session::view::SideState;
use crate::session::{beneath, scan};
use crate::work::steer::Steer;

/// How long one session may take to be listed.
const LISTING: Duration = Duration::from_secs(30);
/// Nothing moved for so long in the middle of a copy or of a verification: is somebody there?
const QUIET: Duration = Duration::from_secs(5);
/// How long a share may be silent in the middle of a copy or of a verification.
const SILENCE: Duration = Duration::from_secs(30);
/// The same of a disk: a slow one that writes down much may answer nothing else meanwhile.
const BUSY: Duration = Duration::from_secs(600);

/// A folder with its layout.
#[derive(Debug, Clone)]
pub struct Folder {
    place: Place,
    layout: Layout,
    filter: Filter,
}

impl Folder {
    /// Where a store's sessions are recorded.
    pub fn source(store: &Store, filter: &Filter) -> Self {
        let place = Place { path: store.source.clone(), mount: None, marked: false };
        Self { place, layout: Layout::new(&store.layout), filter: filter.clone() }
    }

    /// Where copies of them go.
    pub fn destination(destination: &Destination, filter: &Filter) -> Self {
        let place = Place { path: destination.path.clone(), mount: destination.mount.clone(), marked: true };
        Self { place, layout: Layout::new(&destination.layout), filter: filter.clone() }
    }

    /// The folder, proven to be the one that carries this marker.
    fn root(&self, kept: Option<&str>) -> Result<Root, Lost> {
        self.place.prove(kept).map_err(Lost::Trouble)
    }

    /// The folder, wherever it lies on the declared mount.
    fn as_it_is(&self) -> Result<Root, Lost> {
        let unmarked = Place { marked: false, ..self.place.clone() };
        unmarked.prove(None).map_err(Lost::Trouble)
    }

    /// Does work on a session and its copy that may hang, and gives it up when either side does not answer any more.
    fn watched<T: Send + 'static>(
        &self,
        (root, below): (&Root, &Path),
        kept: Option<&str>,
        source: &Path,
        steer: &dyn Steer,
        work: impl FnOnce(&dyn Steer) -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let silent = || {
            let there = self.place.stand(kept);
            let here = Place { path: source.to_owned(), mount: None, marked: false };
            let lost = [(!there.readable).then_some(there.state), Some(here.stand(None).state).filter(stale)];
            let lost = lost.into_iter().flatten().next()?;
            Some(Lost::Trouble(lost).to_string())
        };
        let mounts = Mounts::read().ok();
        let far = |path: &Path| mounts.as_ref().and_then(|mounts| mounts.holding(path)).is_some_and(Mount::is_far);
        let patience = if far(&self.place.path) || far(source) { SILENCE } else { BUSY };
        let subject = (root.device, root.path.join(below));
        let watch = Watch { subject, steer, silent: &silent, quiet: QUIET, patience };
        watch.work(move |relay| work(relay)).map_err(Undone::Failed)
    }

    /// Asks about what lies below the folder, from a thread that can be left behind.
    fn ask<T: Send + 'static>(
        &self,
        below: &Path,
        time: Duration,
        question: impl FnOnce(&Self, &Open, &Path) -> Result<T, Lost> + Send + 'static,
    ) -> Result<T, Lost> {
        let this = self.clone();
        let asked = disk::ask(&self.place.path.join(below), time, move |path| {
            let open = this.place.open().map_err(Lost::Trouble)?;
            question(&this, &open, path)
        });
        asked.unwrap_or_else(|| Err(Lost::Trouble(self.place.stale())))
    }
}

impl Side for Folder {
    fn place(&self, key: &Key) -> String {
        shown(&self.place.path.join(self.layout.render(key)))
    }

    fn stand(&self, kept: Option<&str>) -> Standing {
        self.place.stand(kept)
    }

    fn prepare(&self, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing {
        self.place.prepare(kept, owner, now)
    }

    fn scan(&self, look: &Look, go_on: &dyn Fn() -> bool) -> Result<Scan, Lost> {
        scan::scan(&self.place, &self.layout, &self.filter, look, go_on)
    }

    fn list(&self, key: &Key) -> Result<Option<Listing>, Lost> {
        let below = self.layout.render(key);
        self.ask(&below.clone(), LISTING, move |this, open, path| {
            // A share answers for names out of its memory, but not for a folder that is opened: what has just been moved
            // away from the folder above is then no longer found there.
            let none = rustix::fs::Mode::empty();
            let above = below.parent().unwrap_or(Path::new(""));
            let name = Path::new(below.file_name().unwrap_or_default());
            let opened = beneath::open(&open.folder, above, beneath::FOLDER, none)
                .and_then(|above| beneath::open(above, name, beneath::FOLDER, none));
            let folder = match opened {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(|error| this.place.lost(&error))?,
            };
            match tree::list_in(&folder, path, &|path| this.filter.excluded(path)) {
                Ok(listing) => Ok(Some(listing)),
                Err(ListError::Missing(_)) => Ok(None),
                Err(error) => Err(Lost::trouble("unreadable", error.to_string(), "see what its disk or server says")),
            }
        })
    }

    fn manifest(&self, key: &Key) -> Result<Option<Manifest>, Lost> {
        let below = self.layout.render(key);
        // A thread of its own kind: one that lists may still be at it.
        self.ask(&sums_file(&below), PATIENCE, move |this, open, _sums| {
            let copy = this.place.path.join(&below);
            Manifest::read(&open.folder, &below, &copy)
                .map_err(|error| Lost::trouble("manifest", error.to_string(), "see what its disk or server says"))
        })
    }

    fn copy(&self, wish: &CopyWish<'_>) -> Result<Copied, Undone> {
        // A rehearsal leaves no marker, and needs none where there never was one.
        let root = if wish.dry_run && wish.kept.is_none() { self.as_it_is() } else { self.root(wish.kept) }?;
        let relative = self.layout.render(wish.key);
        let (this, key, source, throttle) =
            (self.clone(), wish.key.clone(), wish.source.to_owned(), wish.throttle.clone());
        let (parallel, dry_run) = (wish.parallel, wish.dry_run);
        let (held, below) = (root.clone(), relative.clone());
        let copied = self.watched((&root, &relative), wish.kept, wish.source, wish.steer, move |steer| {
            copy::copy(&copy::Order {
                key: &key,
                source: &source,
                root: &held,
                relative: &below,
                exclude: &|path| this.filter.excluded(path),
                parallel,
                throttle: Some(&throttle),
                steer,
                read_back: ReadBack::Everything,
                dry_run,
            })
        });
        copied?.map_err(|error| match error {
            CopyError::Cancelled => Undone::Cancelled,
            error => Undone::Failed(error.to_string()),
        })
    }

    fn verify(&self, wish: &VerifyWish<'_>) -> Result<Outcome, Undone> {
        let root = self.root(wish.kept)?;
        let relative = self.layout.render(wish.key);
        let (this, source, throttle) = (self.clone(), wish.source.to_owned(), wish.throttle.clone());
        let (level, parallel) = (wish.level, wish.parallel);
        let (held, below) = (root.clone(), relative.clone());
        let verified = self.watched((&root, &relative), wish.kept, wish.source, wish.steer, move |steer| {
            verify::verify(&verify::Question {
                root: &held,
                relative: &below,
                source: Some(&source),
                exclude: &|path| this.filter.excluded(path),
                level,
                parallel,
                throttle: Some(&throttle),
                steer,
            })
        });
        verified?.map_err(|error| match error {
            VerifyError::Cancelled => Undone::Cancelled,
            error => Undone::Failed(error.to_string()),
        })
    }
}

fn stale(state: &SideState) -> bool {
    matches!(state, SideState::Trouble { word, .. } if word == "stale")
}
