//! The looks themselves: at all sessions of a side, and what the database of imports is asked. Blocking.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::changes::{self, Changes};
use super::eyes;
use super::lock;
use super::shop::Shop;
use crate::clock::Timestamp;
use crate::fleet::data;
use crate::session::imported::{Answer, Local};
use crate::session::key::Key;
use crate::session::listing::{Listing, shown};
use crate::session::side::{Depth, Known, Look, Lost, Scan, Standing};
use crate::session::view::SideState;

impl Shop {
    /// Looks at all sessions of a side and takes in what is there. A side that does not answer keeps its rows and says why.
    pub(super) fn scan(&self, side: usize, depth: Depth) {
        {
            let mut stock = self.stock.lock();
            stock.looking += 1;
            self.publish(&mut stock);
        }
        let began = self.clock.now();
        let standing = self.stand(side);
        let found = if standing.readable { Some(self.scan_now(side, depth)) } else { None };
        let _writing = Writing::new(self);
        let taken = match found {
            Some(Ok(scan)) => {
                for (path, why) in scan.blind.iter().take(10) {
                    tracing::warn!(store = self.name(), "{} cannot be looked into: {why}", path.display());
                }
                Some(self.take_scan(side, scan, began))
            }
            Some(Err(Lost::Trouble(state))) => {
                self.stock.lock().stands(side, Standing::lost(state));
                None
            }
            Some(Err(Lost::Cancelled)) | None => None,
        };
        self.renew();
        let mut stock = self.stock.lock();
        stock.looking -= 1;
        // Only now: whoever waits for this look reads the lines next.
        if let Some(half) = stock.half_mut(side) {
            half.tried = Some(began);
        }
        self.publish(&mut stock);
        drop(stock);
        let Some((known, changes)) = taken else { return };
        self.keep_side(side);
        self.index.keep_facts(self.at(side), &known, &changes.put, &changes.gone);
        drop(known);
        self.forget(side, began);
        self.catch_up();
        if side == 0 {
            let first = *self.news.borrow() == 0;
            if first || !changes.put.is_empty() || !changes.gone.is_empty() {
                self.news.send_modify(|count| *count += 1);
            }
        }
    }

    /// Takes in what a look at all sessions of a side found: what is known of it now, and what changed, for the index.
    fn take_scan(&self, side: usize, scan: Scan, began: Timestamp) -> (Arc<Known>, Changes) {
        let known = || self.stock.lock().half(side).map(|half| Arc::clone(&half.found)).unwrap_or_default();
        let mut before = known();
        let found = Arc::new(changes::complete(scan, &before, &self.layout_of(side)));
        loop {
            // A hundred thousand sessions are compared while nobody waits for it.
            let changes = Changes::between(&before, &found);
            let mut stock = self.stock.lock();
            if stock.half(side).is_none_or(|half| Arc::ptr_eq(&half.found, &before)) {
                stock.scanned(side, Arc::clone(&found), &changes, began);
                drop(stock);
                return (found, changes);
            }
            drop(stock);
            before = known();
        }
    }

    /// Keeps everything once more where something may be missing in `state.db`.
    fn catch_up(&self) {
        let breaks = self.index.breaks();
        if self.kept.load(Ordering::Relaxed) == breaks {
            return;
        }
        for side in 0..self.sides.len() {
            self.keep_side(side);
            let stock = self.stock.lock();
            let Some(half) = stock.half(side) else { continue };
            let (known, verified) = (Arc::clone(&half.found), Arc::clone(&half.verified));
            drop(stock);
            let mut keys: Vec<Key> = known.keys().cloned().collect();
            keys.sort_unstable_by(|one, other| other.cmp(one));
            self.index.keep_facts(self.at(side), &known, &keys, &[]);
            self.index.keep_verified(self.at(side), verified.iter());
        }
        let stock = self.stock.lock();
        let (deleted, imported) = (stock.deleted.clone(), Arc::clone(&stock.imported));
        drop(stock);
        self.index.keep_deleted(self.name(), &deleted);
        let imported: Vec<_> = imported.iter().collect();
        self.index.keep_imported(self.name(), &imported, &[]);
        // Where it failed again, the number is another one by now.
        self.kept.store(breaks, Ordering::Relaxed);
        // Whether what is known is kept is shown, too.
        self.publish(&mut self.stock.lock());
    }

    fn scan_now(&self, side: usize, depth: Depth) -> Result<Scan, Lost> {
        let known = self.stock.lock().half(side).map(|half| Arc::clone(&half.found)).unwrap_or_default();
        let look = Look { known, depth, now: self.clock.now() };
        let Some(at) = self.sides.get(side) else { return Err(Lost::Cancelled) };
        at.scan(&look, &|| !self.stop.is_cancelled())
    }

    /// Looks whether a destination that could not be used can be used again.
    pub(super) fn came_back(&self, side: usize) -> bool {
        let lost = self.stock.lock().half(side).is_some_and(|half| !half.standing.readable);
        self.stand(side).readable && lost
    }

    /// Looks at these sessions on the source.
    pub(super) fn look_at_source(&self, keys: &HashSet<Key>) {
        for key in keys.iter().filter(|key| self.filter.participant(&key.participant)) {
            if let Err(lost) = self.look_at(0, key) {
                tracing::debug!(store = self.name(), %key, "the source was not looked at: {lost}");
            }
        }
        self.publish(&mut self.stock.lock());
        self.news.send_modify(|count| *count += 1);
    }

    /// The folders of the source in which something new is to be expected.
    pub(super) fn folders_to_watch(&self) -> HashSet<PathBuf> {
        let found = Arc::clone(&self.stock.lock().source.found);
        eyes::folders(&self.store.source, &found, &self.layout(), self.clock.now())
    }

    /// Takes in what time alone has changed.
    pub(super) fn settle(&self) {
        let mut stock = self.stock.lock();
        if stock.settle(self.clock.now()) {
            self.publish(&mut stock);
        }
    }

    /// What lies on the source, for whoever knows of imports; `None`: it cannot be said.
    pub(super) fn local_sessions(&self) -> Option<Vec<Local>> {
        let stock = self.stock.lock();
        if !stock.source.speaks() {
            return None;
        }
        let found = Arc::clone(&stock.source.found);
        drop(stock);
        let mut locals = std::mem::take(&mut *lock(&self.locals));
        // Only what changed since the last question is listed again.
        locals.retain(|key, (state, _)| found.get(key).is_some_and(|found| found.facts.state == *state));
        for (key, found) in found.iter().filter(|(key, _)| !locals.contains_key(key)).collect::<Vec<_>>() {
            if self.stop.is_cancelled() {
                return None;
            }
            if let Some(local) = self.local(key) {
                locals.insert(key.clone(), (found.facts.state, local));
            }
        }
        let all = locals.values().map(|(_, local)| local.clone()).collect();
        *lock(&self.locals) = locals;
        Some(all)
    }

    /// A session on this computer, for whoever knows whether it was imported; `None`: it is not there or cannot be listed.
    pub fn local(&self, key: &Key) -> Option<Local> {
        let named = matches!(self.declared().imported, Some(data::Imported::Datajoint { .. }));
        let listing = if named { self.sides.first()?.list(key).ok()?? } else { Listing::default() };
        let videos = listing.files.iter().filter(|file| self.filter.video(&file.path));
        Some(Local { key: key.clone(), videos: videos.map(|file| (shown(&file.path), file.size)).collect() })
    }

    /// Takes in what the database of imports says of what was there when the source was `looked` at; `None`: it could not be
    /// asked, because nobody knows what lies there.
    pub(super) fn take_imports(&self, answer: Option<Answer>, looked: Option<Timestamp>) {
        let (before, imports) = {
            let stock = self.stock.lock();
            (Arc::clone(&stock.imported), stock.imports.clone())
        };
        let (state, after) = match answer {
            Some(Answer::Known(fresh)) => (Some(SideState::Ready), Arc::new(fresh)),
            Some(unknown @ Answer::Unknown(_)) => (Some(unknown.side()), Arc::clone(&before)),
            None => (imports.clone(), Arc::clone(&before)),
        };
        let turned = imports != state || *before != *after;
        let mut stock = self.stock.lock();
        (stock.imports, stock.imported) = (state, Arc::clone(&after));
        stock.wanted += u64::from(turned);
        drop(stock);
        self.renew();
        let mut stock = self.stock.lock();
        stock.asked = looked;
        self.publish(&mut stock);
        drop(stock);
        if !turned {
            return;
        }
        let put: Vec<_> = after.iter().filter(|(key, imported)| before.get(*key) != Some(imported)).collect();
        let gone: Vec<&Key> = before.keys().filter(|key| !after.contains_key(*key)).collect();
        self.index.keep_imported(self.name(), &put, &gone);
    }
}

/// Something is to be written into the index, as long as this lives: the engine's end waits for it, a little.
struct Writing<'a>(&'a Shop);

impl<'a> Writing<'a> {
    fn new(shop: &'a Shop) -> Self {
        shop.writing.send_modify(|count| *count += 1);
        Self(shop)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.send_modify(|count| *count -= 1);
    }
}
