//! Deletes sessions from this computer, each only after everything that must hold was looked at again.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Cancelled, Site};
use crate::fleet::data::Store;
use crate::session::batch::Batch;
use crate::session::delete::{self, Approved, Order, Recovered, Seen, Witness};
use crate::session::key::Key;
use crate::session::report::{DeleteReport, Refused};
use crate::session::view::{Imported, SideState};

/// Writes down what is going to be deleted, and returns when that would survive a power cut.
pub type Record<'a> = &'a (dyn Fn(&Approved) -> Result<(), String> + Sync);

/// Asks the database of imports about one session, now.
pub type AskImported<'a> = &'a (dyn Fn(&Key) -> Imported + Sync);

/// Deletes these sessions one after the other; with `dry_run` only says what would be deleted. What interrupted deletions
/// left is dealt with first, and told through `recovered`.
pub fn delete(
    site: &Site<'_>,
    keys: &[Key],
    dry_run: bool,
    record: Record<'_>,
    imported: AskImported<'_>,
    recovered: &dyn Fn(&Recovered),
) -> Result<DeleteReport, Cancelled> {
    let store = site.shop.declared();
    if !dry_run && site.shop.source_state().ready() {
        for found in delete::recover(&store.source, site.clock, &|key| site.shop.witness(key)) {
            recovered(&found);
        }
    }
    let mut report = DeleteReport { dry_run, declared: declared(store), ..DeleteReport::default() };
    let batch = Batch::new(site.steer, keys.len(), keys.len() as u64);
    for key in keys {
        site.go_on()?;
        let piece = batch.piece(key.to_string(), if dry_run { "checking" } else { "deleting" }, 1);
        let site = &Site { steer: &piece, ..*site };
        let busy = if dry_run { Ok(None) } else { site.shop.busy(key, "being deleted").map(Some) };
        let ended = match &busy {
            Err(why) => Err(vec![why.clone()]),
            Ok(_) => one(site, key, dry_run, record, imported),
        };
        match ended {
            Ok(deleted) => {
                report.bytes_freed += deleted.report.bytes;
                if !dry_run {
                    site.shop.record_deleted(key);
                }
                report.deleted.push(deleted.report);
            }
            Err(reasons) => report.refused.push(Refused { key: key.clone(), reasons }),
        }
        drop(busy);
        if !dry_run {
            site.look(key);
        }
    }
    Ok(report)
}

/// Stands for where the sessions of a store lie and where their copies go, as the fleet file says: what a person was shown
/// holds only as long as this is the same.
pub fn declared(store: &Store) -> String {
    let mut sum = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        // The length goes first, so that no two lists of parts run into the same bytes.
        sum.update(&(part.len() as u64).to_le_bytes()).update(part);
    };
    for part in [store.name.as_bytes(), store.source.as_os_str().as_bytes(), store.layout.as_bytes()] {
        add(part);
    }
    for to in &store.destinations {
        let mount = to.mount.as_deref().unwrap_or(Path::new("")).as_os_str().as_bytes();
        let endpoint = to.access.endpoint.as_deref().unwrap_or_default().as_bytes();
        for part in [to.name.as_bytes(), to.path.as_os_str().as_bytes(), to.layout.as_bytes(), mount, endpoint] {
            add(part);
        }
    }
    sum.finalize().to_hex().to_string()
}

fn one(
    site: &Site<'_>,
    key: &Key,
    dry_run: bool,
    record: Record<'_>,
    imported: AskImported<'_>,
) -> Result<delete::Deleted, Vec<String>> {
    let store = site.shop.declared();
    let folder = site.shop.layout().render(key);
    let witness = World { site, key, record, imported };
    delete::delete(&Order {
        source: &store.source,
        key,
        folder: &folder,
        settle: store.settle,
        dry_run,
        clock: site.clock,
        steer: site.steer,
        witness: &witness,
    })
}

/// Everything that is asked about one session.
struct World<'a> {
    site: &'a Site<'a>,
    key: &'a Key,
    record: Record<'a>,
    imported: AskImported<'a>,
}

impl Witness for World<'_> {
    fn source(&self) -> SideState {
        self.site.shop.source_state()
    }

    fn excluded(&self, path: &Path) -> bool {
        self.site.shop.filter().excluded(path)
    }

    fn imported(&self) -> Imported {
        (self.imported)(self.key)
    }

    fn copies(&self) -> Vec<Seen> {
        self.site.shop.witness(self.key)
    }

    fn busy(&self) -> Vec<String> {
        self.site.shop.busy_with_others(self.key, "being deleted")
    }

    fn record(&self, approved: &Approved) -> Result<(), String> {
        (self.record)(approved)
    }
}
