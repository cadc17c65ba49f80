//! What need not be remembered any longer: what was learnt of sessions that lie nowhere by now. Copies are rotated away by
//! hand after years; without this, each of them would be remembered for ever.

use std::sync::Arc;

use super::shop::Shop;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::view::SideState;

impl Shop {
    /// Forgets what nobody can use any more, after a look at this side that began then. Blocking.
    pub(super) fn forget(&self, side: usize, began: Timestamp) {
        self.forget_verified(side, began);
        self.forget_deleted(began);
    }

    /// Verifications of copies that are gone, of sessions that are gone from the source, too. As long as the session lies
    /// there, they stay: a destination whose folder or layout is wrong for an hour would have to be read again as a whole.
    fn forget_verified(&self, side: usize, began: Timestamp) {
        let stock = self.stock.lock();
        if side == 0 || !stock.surely(0) || !stock.surely(side) {
            return;
        }
        let Some(half) = stock.half(side) else { return };
        let (verified, found) = (half.verified.clone(), half.found.clone());
        let source = stock.source.found.clone();
        drop(stock);
        // A hundred thousand are looked through while nobody waits for it.
        let mut gone: Vec<Key> = verified
            .iter()
            // What was verified since the look began was copied since, perhaps.
            .filter(|(key, verified)| verified.at < began && !found.contains_key(*key) && !source.contains_key(*key))
            // Another fleet file may want them again.
            .filter(|(key, _)| self.filter.participant(&key.participant))
            .map(|(key, _)| key.clone())
            .collect();
        drop((verified, found, source));
        if gone.is_empty() {
            return;
        }
        let mut stock = self.stock.lock();
        if let Some(half) = stock.half_mut(side) {
            half.deferred.retain(|key| half.verified.contains_key(key));
        }
        gone.retain(|key| stock.gone(0, key) && stock.gone(side, key) && !stock.busy.contains_key(key));
        if let Some(half) = stock.half_mut(side) {
            let kept = Arc::make_mut(&mut half.verified);
            gone.retain(|key| kept.get(key).is_some_and(|verified| verified.at < began));
            for key in &gone {
                kept.remove(key);
            }
        }
        stock.touch(&gone, self.clock.now());
        self.publish(&mut stock);
        drop(stock);
        self.index.forget_verified(self.at(side), &gone);
    }

    /// Deletions made here of sessions of which no side holds a copy any more: there is none that could look like an orphan.
    fn forget_deleted(&self, began: Timestamp) {
        let mut stock = self.stock.lock();
        let sides = 0..self.sides.len();
        if stock.deleted.is_empty() || !sides.clone().all(|side| stock.surely(side)) {
            return;
        }
        let gone = |key: &Key| sides.clone().all(|side| stock.gone(side, key)) && !stock.busy.contains_key(key);
        let gone: Vec<Key> =
            stock.deleted.iter().filter(|(key, at)| **at < began && gone(key)).map(|(key, _)| key.clone()).collect();
        for key in &gone {
            stock.deleted.remove(key);
        }
        drop(stock);
        self.index.forget_deleted(self.name(), &gone);
    }
}

impl Stock {
    /// Whether a side is what it should be and was looked at: what it does not hold then is surely not there.
    fn surely(&self, side: usize) -> bool {
        self.half(side).is_some_and(|half| half.speaks() && *half.judged() == SideState::Ready)
    }

    fn gone(&self, side: usize, key: &Key) -> bool {
        self.half(side).is_some_and(|half| !half.found.contains_key(key))
    }
}
