//! A side that is a folder on this computer, or on a share that is mounted to it.

use std::time::Duration;

use super::{Look, Lost, Owner, Scan, Side, Standing};
use crate::clock::Timestamp;
use crate::fleet::data::{Destination, Store};
use crate::fleet::disk;
use crate::session::destination::Place;
use crate::session::filter::Filter;
use crate::session::key::Key;
use crate::session::layout::Layout;
use crate::session::listing::{Listing, shown};
use crate::session::tree::{self, ListError};
use crate::session::{beneath, scan};

/// How long one session may take to be listed.
const LISTING: Duration = Duration::from_secs(30);

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
        let (this, below) = (self.clone(), self.layout.render(key));
        let path = self.place.path.join(&below);
        let listed = disk::ask(&path, LISTING, move |path| {
            let open = this.place.open().map_err(Lost::Trouble)?;
            let folder = match beneath::open(&open.folder, &below, beneath::FOLDER, rustix::fs::Mode::empty()) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(|error| this.place.lost(&error))?,
            };
            match tree::list_in(&folder, path, &|path| this.filter.excluded(path)) {
                Ok(listing) => Ok(Some(listing)),
                Err(ListError::Missing(_)) => Ok(None),
                Err(error) => Err(Lost::trouble("unreadable", error.to_string(), "see what its disk or server says")),
            }
        });
        listed.unwrap_or_else(|| Err(Lost::Trouble(self.place.stale())))
    }
}
