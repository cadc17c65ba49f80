//! What lies below the prefix, as far as this engine knows: from one question, then from changes. Pure.

mod mark;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Owner;
use super::message::{Event, Found, KeyValue};
use super::seal::Seal;
use crate::clock::Timestamp;
use crate::standin::lease::book::{Book, Books};
use crate::standin::lease::opinion::{Others, Sights};
pub(super) use mark::Mark;
use place::Place;

/// What the key of the lease says of its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The engine's name.
    pub(super) engine: String,
    /// Since when, by its wall clock.
    pub(super) since: Timestamp,
}

/// Who holds the lease where what says so is not believed.
const STRANGER: &str = "an engine that nobody knows";

/// Everything below the prefix at one revision. What was not changed is not read again: with many engines and pools, a change
/// of one key comes many times a second.
#[derive(Default)]
pub(super) struct Picture {
    prefix: String,
    /// This engine, which does not hear itself.
    who: String,
    revision: u64,
    /// All keys as they were found: with other signing keys, all of them are read again.
    keys: BTreeMap<String, KeyValue>,
    /// Keys of books that were deleted since they are known.
    remade: BTreeSet<String>,
    /// What was asked of what was read, or why nothing can be believed: then what was read before stands.
    seal: Option<Result<Seal, String>>,
    /// What is wrong with keys that are not believed.
    wrong: BTreeMap<String, String>,
    /// Pools whose books are to be signed anew.
    stale: BTreeSet<String>,
    owner: Owner,
    holder: Option<String>,
    books: Arc<Books>,
    others: Arc<Others>,
}

impl Picture {
    /// Of what lies below `prefix`, as `who` sees it: nothing yet.
    pub(super) fn new(prefix: &str, who: &str) -> Self {
        Self { prefix: format!("{prefix}/"), who: who.to_owned(), ..Self::default() }
    }

    /// What is asked of values from now on, or why the signing key cannot be had. Where it is something else than before, all
    /// of them are read again. `known`: the books as everybody in this process is shown them, here and below.
    pub(super) fn judge(&mut self, seal: Result<Seal, String>, known: &Books) {
        if self.seal.as_ref() == Some(&seal) {
            return;
        }
        self.seal = Some(seal);
        if self.seal().is_none() {
            self.holder = (self.owner.generation > 0).then(|| STRANGER.to_owned());
            return;
        }
        let (books, others) = (Arc::clone(&self.books), std::mem::take(&mut self.others));
        self.wrong.clear();
        self.stale.clear();
        let keys = std::mem::take(&mut self.keys);
        for kv in keys.values() {
            self.read(kv, known);
        }
        for key in self.remade.clone().iter().filter(|key| !keys.contains_key(*key)) {
            self.miss(key, self.revision, known);
        }
        self.keys = keys;
        // Who looks at them compares no more than he must.
        if self.books == books {
            self.books = books;
        }
        if self.others == others {
            self.others = others;
        }
    }

    /// Takes over all that was found, which may be long after what is known.
    pub(super) fn find(&mut self, found: Found, known: &Books) {
        self.revision = found.header.revision;
        let mut gone: BTreeSet<String> = self.keys.keys().cloned().collect();
        for kv in found.kvs {
            gone.remove(&kv.key);
            if self.keys.get(&kv.key) != Some(&kv) {
                self.put(kv, known);
            }
        }
        for key in &gone {
            self.remove(key, self.revision, known);
        }
    }

    /// Takes changes over.
    pub(super) fn change(&mut self, revision: u64, events: Vec<Event>, known: &Books) {
        for event in events {
            let newer = self.keys.get(&event.kv.key).is_none_or(|known| known.mod_revision < event.kv.mod_revision);
            match (event.deletes(), newer) {
                (true, true) => self.remove(&event.kv.key, event.kv.mod_revision, known),
                (false, true) => self.put(event.kv, known),
                // It was found with what became of it since.
                (true, false) => self.found_remade(&event.kv.key, known),
                (false, false) => {}
            }
        }
        self.revision = self.revision.max(revision);
    }

    fn put(&mut self, mut kv: KeyValue, known: &Books) {
        let before = self.keys.get(&kv.key).map(|before| before.create_revision);
        match Place::of(&self.prefix, &kv.key) {
            Place::Book(_) if before.is_some_and(|before| before != kv.create_revision) => {
                self.remade.insert(kv.key.clone());
            }
            Place::Other => kv.value = String::new(),
            _ => {}
        }
        self.read(&kv, known);
        self.keys.insert(kv.key.clone(), kv);
    }

    fn remove(&mut self, key: &str, revision: u64, known: &Books) {
        self.keys.remove(key);
        if matches!(Place::of(&self.prefix, key), Place::Book(_)) {
            self.remade.insert(key.to_owned());
        }
        self.miss(key, revision, known);
    }

    /// A book that is there was deleted before it was made.
    fn found_remade(&mut self, key: &str, known: &Books) {
        if !matches!(Place::of(&self.prefix, key), Place::Book(_)) {
            return;
        }
        self.remade.insert(key.to_owned());
        if let Some(kv) = self.keys.get(key).cloned() {
            self.read(&kv, known);
        }
    }

    /// Reads one key. A book that is not taken stands as it was, with the version that is there: whoever reads it hears why.
    /// Who says what cannot be read, or is not signed, lives and says nothing: it helps nobody to believe that a host is down.
    fn read(&mut self, kv: &KeyValue, known: &Books) {
        let place = Place::of(&self.prefix, &kv.key);
        if matches!(place, Place::Lease) {
            self.owner = Owner::of(kv);
            self.holder = Some(STRANGER.to_owned());
        }
        if matches!(place, Place::Other) || matches!(place, Place::Seen(engine) if engine == self.who) {
            return;
        }
        let Some(Ok(seal)) = &self.seal else { return };
        let remade = seal.signs() && self.remade.contains(&kv.key);
        let name = kv.key.strip_prefix(&self.prefix).unwrap_or_default();
        let opened =
            if remade { Err(told(name, &Remade)) } else { seal.open(kv).map_err(|foreign| told(name, &foreign)) };
        match place {
            Place::Lease => {
                if let Ok(opened) = &opened {
                    let read: Result<Holder, _> = serde_json::from_str(opened.text);
                    self.holder = Some(read.map_or_else(|_foreign| opened.text.to_owned(), |holder| holder.engine));
                }
            }
            Place::Book(pool) => {
                let text = match &opened {
                    Ok(opened) => opened.text.into(),
                    Err(_) => stood(pool, &self.books, known).unwrap_or_default(),
                };
                if opened.as_ref().is_ok_and(|opened| opened.stale) {
                    self.stale.insert(pool.to_owned());
                } else {
                    self.stale.remove(pool);
                }
                Arc::make_mut(&mut self.books).insert(pool.to_owned(), Book { text, version: kv.mod_revision });
            }
            Place::Seen(engine) => {
                let seen: Option<Sights> =
                    opened.as_ref().ok().and_then(|opened| serde_json::from_str(opened.text).ok());
                Arc::make_mut(&mut self.others).insert(engine.to_owned(), Arc::new(seen.unwrap_or_default()));
            }
            Place::Other => {}
        }
        match opened {
            Ok(_) => drop(self.wrong.remove(&kv.key)),
            Err(why) => drop(self.wrong.insert(kv.key.clone(), why)),
        }
    }

    /// A key is not there any more, since this revision.
    fn miss(&mut self, key: &str, revision: u64, known: &Books) {
        let place = Place::of(&self.prefix, key);
        if matches!(place, Place::Lease) {
            (self.owner, self.holder) = (Owner::default(), None);
        }
        let Some(signs) = self.seal().map(Seal::signs) else { return };
        self.wrong.remove(key);
        match place {
            Place::Book(pool) => {
                self.stale.remove(pool);
                let stood = stood(pool, &self.books, known).filter(|_| signs);
                let books = Arc::make_mut(&mut self.books);
                match stood {
                    Some(text) => books.insert(pool.to_owned(), Book { text, version: revision }),
                    None => books.remove(pool),
                };
                if signs {
                    let name = key.strip_prefix(&self.prefix).unwrap_or_default();
                    self.wrong.insert(key.to_owned(), told(name, &Remade));
                }
            }
            Place::Seen(engine) => drop(Arc::make_mut(&mut self.others).remove(engine)),
            Place::Lease | Place::Other => {}
        }
    }

    fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()?.as_ref().ok()
    }

    /// How far it is.
    pub(super) fn mark(&self) -> Mark {
        Mark { revision: self.revision, count: self.keys.len(), judged: self.seal().is_some() }
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whose the lease is.
    pub(super) const fn owner(&self) -> Owner {
        self.owner
    }

    /// The name of the holder.
    pub(super) fn holder(&self) -> Option<String> {
        self.holder.clone()
    }

    pub(super) fn books(&self) -> Arc<Books> {
        Arc::clone(&self.books)
    }

    /// What the other engines see.
    pub(super) fn others(&self) -> Arc<Others> {
        Arc::clone(&self.others)
    }

    /// What is not believed and why, a line each.
    pub(super) fn wrong(&self) -> Vec<String> {
        match &self.seal {
            Some(Err(why)) => vec![why.clone()],
            _ => self.wrong.values().cloned().collect(),
        }
    }

    /// The names and texts of the books that are to be signed anew, with their versions.
    pub(super) fn stale(&self) -> Vec<(String, Book)> {
        self.stale.iter().filter_map(|pool| Some((pool.clone(), self.books.get(pool)?.clone()))).collect()
    }

    /// Whether a book that was just read is the one that is known here: none of its like was ever deleted.
    pub(super) fn is_same(&self, seal: &Seal, key: &str, found: Option<&KeyValue>) -> Result<(), Remade> {
        if !seal.signs() {
            return Ok(());
        }
        let known = self.keys.get(key).map(|kv| kv.create_revision);
        let same = known.is_none_or(|known| found.is_some_and(|found| found.create_revision == known));
        if same && !self.remade.contains(key) { Ok(()) } else { Err(Remade) }
    }
}

/// The text that a book had: the newer of what was read and what everybody in this process is shown.
fn stood(pool: &str, read: &Books, known: &Books) -> Option<Arc<str>> {
    let newest = [read.get(pool), known.get(pool)].into_iter().flatten().max_by_key(|book| book.version);
    newest.map(|book| Arc::clone(&book.text))
}

/// A book was deleted since this engine knows it. None of ours does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("was deleted, which no engine does")]
pub(super) struct Remade;

/// What a person is told of a value that is not taken.
pub(super) fn told(name: &str, why: &dyn std::fmt::Display) -> String {
    format!(
        "{name} in etcd {why}: somebody else writes there, and nothing is done with it; docs/leases.md says what to do"
    )
}

impl Owner {
    /// Read from the key of the lease.
    pub(super) const fn of(kv: &KeyValue) -> Self {
        Self { generation: kv.create_revision, session: kv.session }
    }
}

#[cfg(test)]
mod tests;
