//! A side in an object store that speaks S3: copies lie below a prefix of a bucket, one object a file.
//!
//! There are no renames there and no folders: objects appear one by one, each whole. So the manifest is written last, and
//! a copy whose manifest is not there, or is not of these files, is not whole. Nothing is ever deleted from a copy. What
//! was begun and not ended is given up, also after the engine was killed: see [`uploads`]. All functions block and belong
//! on a thread of their own.

mod copy;
mod door;
mod fault;
mod list;
mod names;
mod read;
mod send;
mod uploads;
mod verify;

use std::path::Path;

use tokio::runtime::Handle;

use self::door::Door;
use self::fault::Fault;
use super::copy::Copied;
use super::destination::Marker;
use super::filter::Filter;
use super::key::Key;
use super::layout::Layout;
use super::listing::Listing;
use super::manifest::{Manifest, sizes_file, sums_file};
use super::side::{CopyWish, Look, Lost, Owner, Scan, Side, Standing, Undone, VerifyWish, trouble};
use super::verify::Outcome;
use super::view::SideState;
use crate::clock::Timestamp;
use crate::fleet::bucket::Bucket;
use crate::reach::secret::Secrets;

/// Name of the marker below the prefix.
const MARKER: &str = ".hotspare/store.json";
/// A marker or a note is never longer, bytes.
const SHORT: u64 = 16 << 10;
/// A manifest is never longer, bytes.
const LONG: u64 = 100 << 20;

/// A folder of an object store, with its layout.
#[derive(Debug)]
pub struct Objects {
    door: Door,
    layout: Layout,
    filter: Filter,
}

impl Objects {
    /// `runtime`: on which its connections live; `secrets`: who reads the key's secret when it is needed.
    pub fn new(bucket: Bucket, layout: &str, filter: &Filter, secrets: Secrets, runtime: Handle) -> Self {
        Self { door: Door::new(bucket, secrets, runtime), layout: Layout::new(layout), filter: filter.clone() }
    }

    /// The identity of the place; `None`: it has none yet. The error says that it is not the one it was.
    fn marker(&self, kept: Option<&str>) -> Result<Option<String>, Fault> {
        let key = names::own(&self.door.bucket.prefix, MARKER)?;
        let Some(bytes) = self.door.small(&key, SHORT)? else {
            // Some stores say of an object in no bucket only that it is not there.
            list::own(&self.door, ".hotspare")?;
            return kept.map_or(Ok(None), |_kept| Err(self.replaced("it has no marker")));
        };
        match serde_json::from_slice::<Marker>(&bytes) {
            Ok(marker) if kept.is_none_or(|kept| kept == marker.id) => Ok(Some(marker.id)),
            Ok(_) => Err(self.replaced("its marker is another one")),
            Err(error) => Err(self.replaced(&format!("its marker is none: {error}"))),
        }
    }

    /// That it is the one that is meant, now: before anything is written, and before a copy is called whole.
    fn prove(&self, kept: Option<&str>) -> Result<(), Fault> {
        match self.marker(kept)? {
            Some(_) => Ok(()),
            None => Err(self.replaced("it has no marker yet")),
        }
    }

    fn replaced(&self, how: &str) -> Fault {
        let why = format!("{} is not the destination that copies went to before: {how}", self.door.place());
        let remedy = "correct `path` and `endpoint`; if this one is to take its place for good, give the destination \
                      another `name`";
        Fault::Side(trouble("replaced", why, remedy))
    }

    fn leave(&self, owner: &Owner, now: Timestamp) -> Result<(), Fault> {
        let mut text = serde_json::to_vec_pretty(&Marker::new(owner, now))
            .map_err(|error| Fault::Other(format!("the marker cannot be written: {error}")))?;
        text.push(b'\n');
        self.door.put_new(&names::own(&self.door.bucket.prefix, MARKER)?, text)
    }

    /// The sums beside a copy; `None`: it has none.
    fn sums(&self, relative: &Path) -> Result<Option<Manifest>, Fault> {
        let prefix = &self.door.bucket.prefix;
        let get = |file: &Path| {
            let key = names::key(prefix, file).map_err(Fault::Other)?;
            self.door.small(&key, LONG)
        };
        let Some(sums) = get(&sums_file(relative))? else { return Ok(None) };
        let sizes = get(&sizes_file(relative))?;
        let read = Manifest::parse(&sums, sizes.as_deref(), relative);
        read.map(Some).map_err(|error| {
            let why = format!("{}: {error}", self.door.place());
            Fault::Side(trouble("damaged manifest", why, "copy the session again"))
        })
    }
}

fn standing(marker: Result<Option<String>, Fault>) -> Standing {
    match marker {
        Ok(marker) => Standing { state: SideState::Ready, readable: true, marker, free: None, size: None },
        Err(fault) => Standing::lost(fault.state()),
    }
}

impl Side for Objects {
    fn place(&self, key: &Key) -> String {
        format!("{}/{}", self.door.place(), self.layout.render(key).display())
    }

    fn stand(&self, kept: Option<&str>) -> Standing {
        standing(self.marker(kept))
    }

    fn prepare(&self, kept: Option<&str>, owner: &Owner, now: Timestamp) -> Standing {
        let marker = self.marker(kept).and_then(|marker| match marker {
            Some(marker) => Ok(Some(marker)),
            // Who comes later adopts what is there: it is read again.
            None => self.leave(owner, now).and_then(|()| self.marker(None)),
        });
        standing(marker)
    }

    fn scan(&self, _: &Look, go_on: &dyn Fn() -> bool) -> Result<Scan, Lost> {
        list::scan(&self.door, &self.layout, &self.filter, go_on).map_err(Fault::lost)
    }

    fn list(&self, key: &Key) -> Result<Option<Listing>, Lost> {
        let relative = self.layout.render(key);
        let found = list::one(&self.door, &relative, &|path| self.filter.excluded(path)).map_err(Fault::lost)?;
        Ok(found.map(|found| found.listing))
    }

    fn manifest(&self, key: &Key) -> Result<Option<Manifest>, Lost> {
        self.sums(&self.layout.render(key)).map_err(Fault::lost)
    }

    fn copy(&self, wish: &CopyWish<'_>) -> Result<Copied, Undone> {
        copy::copy(self, wish)
    }

    fn verify(&self, wish: &VerifyWish<'_>) -> Result<Outcome, Undone> {
        verify::verify(self, wish)
    }
}
