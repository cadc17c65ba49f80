//! What the index knows, taken in when the engine starts: the newest days at once, so that there is a picture, the rest
//! behind it. Blocking.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::civil::Date;

use super::shop::Shop;
use crate::session::key::Key;
use crate::session::side::Known;
use crate::session::view::{Imported, Verified};

/// Sessions of a side that the first picture is made of, and the rest of their oldest day.
const FIRST: usize = 500;

/// What is kept of a store.
pub(super) struct Kept {
    /// The source at 0, then the destinations.
    pub(super) sides: Vec<(Known, HashMap<Key, Verified>)>,
    imported: HashMap<Key, Imported>,
}

impl Shop {
    /// Takes in what the index knows.
    pub(super) fn load(&self) {
        let believed = self.load_sides();
        let (newest, since) = self.newest(&believed);
        let deleted = self.index.deleted(self.name());
        if self.index.trouble().is_none() {
            self.kept.store(self.index.breaks(), Ordering::Relaxed);
        }
        self.stock.lock().deleted.extend(deleted);
        self.take_kept(newest, since.is_some());
        if since.is_some() {
            self.take_kept(self.all_kept(&believed), false);
        }
    }

    /// How each side was when it was last looked at; whether what is kept of it is of the same place.
    fn load_sides(&self) -> Vec<bool> {
        let load = |side| {
            let Some(kept) = self.index.side(self.at(side), &self.place(side)) else { return false };
            let mut stock = self.stock.lock();
            let Some(half) = stock.half_mut(side) else { return false };
            (half.scanned, half.marker) = (kept.scanned, kept.marker);
            true
        };
        (0..self.sides.len()).map(load).collect()
    }

    /// The newest days, and the first of them; `None`: these are all. Every side is read down to the same day: what is not
    /// read of one must not look as if it were not there.
    pub(super) fn newest(&self, believed: &[bool]) -> (Kept, Option<Date>) {
        let mut since: Option<Date> = None;
        let mut sides = Vec::new();
        for (side, believed) in believed.iter().enumerate() {
            let (mut found, mut last) = (Known::new(), None);
            if *believed {
                self.index.facts(self.at(side), &mut |key, one| {
                    if found.len() >= FIRST && last != Some(key.date) {
                        since = since.max(last);
                        return false;
                    }
                    last = Some(key.date);
                    found.insert(key, one);
                    true
                });
            }
            sides.push(found);
        }
        let sides = sides.into_iter().enumerate().map(|(side, mut found)| {
            found.retain(|key, _| since.is_none_or(|since| key.date >= since));
            (found, self.index.verified(self.at(side), since))
        });
        (Kept { sides: sides.collect(), imported: self.index.imported(self.name(), since) }, since)
    }

    fn all_kept(&self, believed: &[bool]) -> Kept {
        let sides = believed.iter().enumerate().map(|(side, believed)| {
            let mut found = Known::new();
            if *believed {
                self.index.facts(self.at(side), &mut |key, one| {
                    found.insert(key, one);
                    true
                });
            }
            (found, self.index.verified(self.at(side), None))
        });
        Kept { sides: sides.collect(), imported: self.index.imported(self.name(), None) }
    }

    /// What was learnt since the start is newer than what was kept.
    fn take_kept(&self, kept: Kept, more: bool) {
        let mut stock = self.stock.lock();
        for (side, (mut found, mut verified)) in kept.sides.into_iter().enumerate() {
            let Some(half) = stock.half_mut(side) else { continue };
            found.extend(half.found.iter().map(|(key, found)| (key.clone(), found.clone())));
            verified.extend(half.verified.iter().map(|(key, verified)| (key.clone(), verified.clone())));
            (half.found, half.verified) = (Arc::new(found), Arc::new(verified));
        }
        stock.imported = Arc::new(kept.imported);
        stock.wanted += 1;
        drop(stock);
        self.renew();
        let mut stock = self.stock.lock();
        stock.reading = more;
        self.publish(&mut stock);
    }
}
