//! The looks themselves: from the index, at all sessions of a side, and what the database of imports is asked. Blocking.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::eyes;
use super::lock;
use super::shop::Shop;
use crate::clock::Timestamp;
use crate::fleet::data;
use crate::session::imported::{Answer, Local};
use crate::session::key::Key;
use crate::session::listing::{Listing, shown};
use crate::session::side::{Depth, Known, Look, Lost, Standing};
use crate::session::view::{Imported, SideState};

/// Sessions of a side that are loaded from the index before the first picture.
const FIRST: usize = 2_000;

impl Shop {
    /// Takes in what the index knows: the newest sessions first, so that there is a picture at once.
    pub(super) fn load(&self) {
        let kept = self.index.store(self.name());
        if self.index.trouble().is_none() {
            self.kept.store(self.index.breaks(), Ordering::Relaxed);
        }
        let mut known: Vec<Known> = Vec::new();
        for side in 0..self.sides.len() {
            let mut found = Known::new();
            let stored = self.index.side(self.at(side), &self.place(side));
            if stored.is_some() {
                self.index.facts(self.at(side), &mut |key, one| {
                    found.insert(key, one);
                    found.len() < FIRST
                });
            }
            let mut stock = lock(&self.stock);
            if let (Some(half), Some(stored)) = (stock.half_mut(side), stored) {
                (half.scanned, half.marker) = (stored.scanned, stored.marker);
                half.found = Arc::new(found.clone());
            }
            known.push(found);
        }
        let mut stock = lock(&self.stock);
        for half in &mut stock.copies {
            half.verified = kept.verified.get(&half.name).cloned().unwrap_or_default();
        }
        (stock.deleted, stock.imported) = (kept.deleted, kept.imported);
        stock.rebuild(self.clock.now());
        self.publish(&mut stock);
        drop(stock);
        if known.iter().all(|found| found.len() < FIRST) {
            return;
        }
        for (side, found) in known.iter_mut().enumerate().filter(|(_, found)| found.len() >= FIRST) {
            self.index.facts(self.at(side), &mut |key, one| {
                found.entry(key).or_insert(one);
                true
            });
            if let Some(half) = lock(&self.stock).half_mut(side) {
                half.found = Arc::new(std::mem::take(found));
            }
        }
        let mut stock = lock(&self.stock);
        stock.rebuild(self.clock.now());
        self.publish(&mut stock);
    }

    /// Looks at all sessions of a side and takes in what is there. A side that does not answer keeps its rows and says why.
    pub(super) fn scan(&self, side: usize, depth: Depth) {
        {
            let mut stock = lock(&self.stock);
            stock.looking += 1;
            self.publish(&mut stock);
        }
        let began = self.clock.now();
        let standing = self.stand(side);
        let found = if standing.readable { Some(self.scan_now(side, depth)) } else { None };
        let mut stock = lock(&self.stock);
        stock.looking -= 1;
        let changes = match found {
            Some(Ok(scan)) => {
                let layout = self.layout_of(side);
                for (path, why) in scan.blind.iter().take(10) {
                    tracing::warn!(store = self.name(), "{} cannot be looked into: {why}", path.display());
                }
                Some(stock.scanned(side, scan, began, &layout))
            }
            Some(Err(Lost::Trouble(state))) => {
                stock.stands(side, Standing::lost(state), began);
                None
            }
            Some(Err(Lost::Cancelled)) | None => None,
        };
        if let Some(half) = stock.half_mut(side) {
            half.tried = Some(began);
        }
        let _writing = Writing::new(self);
        self.publish(&mut stock);
        let known = stock.half(side).map(|half| Arc::clone(&half.found)).unwrap_or_default();
        drop(stock);
        let Some(changes) = changes else { return };
        self.keep_side(side);
        self.index.keep_facts(self.at(side), &known, &changes.put, &changes.gone);
        self.catch_up();
        if side == 0 {
            let first = *self.news.borrow() == 0;
            if first || !changes.put.is_empty() || !changes.gone.is_empty() {
                self.news.send_modify(|count| *count += 1);
            }
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
            let stock = lock(&self.stock);
            let Some(half) = stock.half(side) else { continue };
            let (known, verified) = (Arc::clone(&half.found), half.verified.clone());
            drop(stock);
            let keys: Vec<Key> = known.keys().cloned().collect();
            self.index.keep_facts(self.at(side), &known, &keys, &[]);
            self.index.keep_verified(self.at(side), &verified);
        }
        let stock = lock(&self.stock);
        let (deleted, imported) = (stock.deleted.clone(), stock.imported.clone());
        drop(stock);
        self.index.keep_deleted(self.name(), &deleted);
        let imported: Vec<_> = imported.iter().collect();
        self.index.keep_imported(self.name(), &imported, &[]);
        // Where it failed again, the number is another one by now.
        self.kept.store(breaks, Ordering::Relaxed);
        // Whether what is known is kept is shown, too.
        self.publish(&mut lock(&self.stock));
    }

    fn scan_now(&self, side: usize, depth: Depth) -> Result<crate::session::side::Scan, Lost> {
        let known = lock(&self.stock).half(side).map(|half| Arc::clone(&half.found)).unwrap_or_default();
        let look = Look { known, depth, now: self.clock.now() };
        let Some(at) = self.sides.get(side) else { return Err(Lost::Cancelled) };
        at.scan(&look, &|| !self.stop.is_cancelled())
    }

    /// Looks whether a destination that could not be used can be used again.
    pub(super) fn came_back(&self, side: usize) -> bool {
        let lost = lock(&self.stock).half(side).is_some_and(|half| !half.standing.readable);
        self.stand(side).readable && lost
    }

    /// Looks at these sessions on the source.
    pub(super) fn look_at_source(&self, keys: &HashSet<Key>) {
        for key in keys.iter().filter(|key| self.filter.participant(&key.participant)) {
            if let Err(lost) = self.look_at(0, key) {
                tracing::debug!(store = self.name(), %key, "the source was not looked at: {lost}");
            }
        }
        self.publish(&mut lock(&self.stock));
        self.news.send_modify(|count| *count += 1);
    }

    /// The folders of the source in which something new is to be expected.
    pub(super) fn folders_to_watch(&self) -> HashSet<PathBuf> {
        eyes::folders(&lock(&self.stock), &self.layout(), self.clock.now())
    }

    /// Takes in what time alone has changed.
    pub(super) fn settle(&self) {
        let mut stock = lock(&self.stock);
        if stock.settle(self.clock.now()) {
            self.publish(&mut stock);
        }
    }

    /// What lies on the source, for whoever knows of imports; `None`: it cannot be said.
    pub(super) fn local_sessions(&self) -> Option<Vec<Local>> {
        let stock = lock(&self.stock);
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
        let now = self.clock.now();
        let mut stock = lock(&self.stock);
        stock.asked = looked;
        let Some(answer) = answer else { return self.publish(&mut stock) };
        let (state, fresh) = match answer {
            Answer::Known(fresh) => (SideState::Ready, Some(fresh)),
            unknown @ Answer::Unknown(_) => (unknown.side(), None),
        };
        let before: HashMap<Key, Imported> = match fresh {
            Some(fresh) => std::mem::replace(&mut stock.imported, fresh),
            None => stock.imported.clone(),
        };
        let turned = stock.imports.as_ref() != Some(&state) || before != stock.imported;
        stock.imports = Some(state);
        if !turned {
            return self.publish(&mut stock);
        }
        stock.rebuild(now);
        self.publish(&mut stock);
        let after = stock.imported.clone();
        drop(stock);
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
