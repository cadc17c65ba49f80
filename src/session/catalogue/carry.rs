//! What jobs have done at a destination: copies, comparisons, and what is to be known of them before a deletion.

use std::path::PathBuf;

use super::shop::Shop;
use crate::session::copy::Copied;
use crate::session::delete::Seen;
use crate::session::key::Key;
use crate::session::side::{CopyWish, Side, Undone, VerifyWish};
use crate::session::verify::Outcome;
use crate::session::view::{Level, SideState};
use crate::work::steer::Steer;

impl Shop {
    /// Folder of a session on this computer.
    pub fn folder(&self, key: &Key) -> PathBuf {
        self.store.source.join(self.layout().render(key))
    }

    /// Copies a session to a destination. Blocks as long as it takes.
    pub fn copy(&self, destination: &str, key: &Key, steer: &dyn Steer, dry_run: bool) -> Result<Copied, Undone> {
        let (side, kept) = self.known(destination)?;
        side.copy(&CopyWish {
            key,
            source: &self.folder(key),
            kept: kept.as_deref(),
            parallel: self.store.parallel,
            throttle: self.throttle(),
            steer,
            dry_run,
        })
    }

    /// Whether so many files have their sums beside the copy of a session: one that was made by other means has none, and
    /// without them nothing is deleted. Blocking, within its deadline.
    pub fn has_sums(&self, destination: &str, key: &Key, files: u32) -> bool {
        let manifest = self.known(destination).ok().and_then(|(side, _)| side.manifest(key).ok().flatten());
        manifest.is_some_and(|manifest| manifest.sums.len() >= files as usize)
    }

    /// Compares the copy of a session at a destination. Blocks as long as it takes.
    pub fn verify(
        &self,
        destination: &str,
        key: &Key,
        level: Option<Level>,
        steer: &dyn Steer,
    ) -> Result<Outcome, Undone> {
        let (side, kept) = self.known(destination)?;
        side.verify(&VerifyWish {
            key,
            source: &self.folder(key),
            kept: kept.as_deref(),
            level,
            parallel: self.store.parallel,
            throttle: self.throttle(),
            steer,
        })
    }

    /// What each destination holds of a session, looked up now, with the sums beside it. The source is not asked: in the
    /// middle of a deletion nothing lies there. Blocking, within deadlines.
    pub fn witness(&self, key: &Key) -> Vec<Seen> {
        let copies = self.look_at_all(1..self.sides.len(), key);
        let row = self.row(key);
        let mut seen = Vec::new();
        let destinations = self.store.destinations.iter().zip(self.sides.iter().skip(1)).zip(copies);
        for (number, ((to, side), listing)) in destinations.enumerate() {
            let proof = self.stock.lock().half(number + 1).map_or(SideState::Unknown, |half| half.proof.clone());
            let manifest = if proof.ready() { side.manifest(key) } else { Ok(None) };
            seen.push(Seen {
                name: to.name.clone(),
                folder: side.place(key),
                state: proof,
                listing: listing.map_err(|lost| lost.to_string()),
                manifest: manifest.map_err(|lost| lost.to_string()),
                verified: row.as_ref().and_then(|row| row.copies.get(number)).and_then(|copy| copy.verified.clone()),
            });
        }
        seen
    }

    /// A destination, and the identity that it had.
    fn known(&self, destination: &str) -> Result<(&dyn Side, Option<String>), Undone> {
        let number = self.side(destination).map_err(Undone::Failed)?;
        let side = self.sides.get(number).ok_or_else(|| Undone::Failed("it has left the fleet file".into()))?;
        Ok((side.as_ref(), self.stock.lock().half(number).and_then(|half| half.marker.clone())))
    }
}
