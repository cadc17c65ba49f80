//! What lies below the prefix, as far as this engine knows: from one question, then from changes. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Owner;
use super::message::{Event, Found, KeyValue};
use super::seal::{Opened, Seal};
use crate::clock::Timestamp;
use crate::standin::lease::book::{Book, Books};
use crate::standin::lease::opinion::{Others, Sights};

/// What the key of the lease says of its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The engine's name.
    pub(super) engine: String,
    /// Since when, by its wall clock.
    pub(super) since: Timestamp,
}

/// Everything below the prefix at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Picture {
    /// Length of the prefix and its slash.
    skip: usize,
    pub(super) revision: u64,
    keys: BTreeMap<String, KeyValue>,
    /// Keys of books that were deleted since they are known.
    remade: BTreeSet<String>,
}

impl Picture {
    /// All that was found below `prefix`.
    pub(super) fn new(prefix: &str, found: Found) -> Self {
        let skip = prefix.len() + 1;
        let keys = found.kvs.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
        Self { skip, revision: found.header.revision, keys, remade: BTreeSet::new() }
    }

    /// Goes on from what was known `before`, which may be of long ago.
    pub(super) fn following(mut self, before: &Self) -> Self {
        let same = |kv: &KeyValue| self.keys.get(&kv.key).is_some_and(|now| now.create_revision == kv.create_revision);
        let gone = before.names().filter(|(name, kv)| name.starts_with("book/") && !same(kv));
        let gone: Vec<String> = gone.map(|(_name, kv)| kv.key.clone()).collect();
        self.remade = before.remade.iter().cloned().chain(gone).collect();
        self
    }

    /// Takes changes over.
    pub(super) fn change(&mut self, revision: u64, events: Vec<Event>) {
        for event in events {
            if event.deletes() {
                self.keys.remove(&event.kv.key);
                if event.kv.key.get(self.skip..).is_some_and(|name| name.starts_with("book/")) {
                    self.remade.insert(event.kv.key);
                }
            } else {
                self.keys.insert(event.kv.key.clone(), event.kv);
            }
        }
        self.revision = self.revision.max(revision);
    }

    /// Whether something that another, newer answer shows is missing here.
    pub(super) fn lags(&self, newer: &Found) -> bool {
        let changed = |kv: &KeyValue| self.keys.get(&kv.key).is_none_or(|known| known.mod_revision < kv.mod_revision);
        let gone = |known: &KeyValue| {
            known.mod_revision <= newer.header.revision && newer.kvs.iter().all(|kv| kv.key != known.key)
        };
        newer.header.revision >= self.revision && (newer.kvs.iter().any(changed) || self.keys.values().any(gone))
    }

    fn names(&self) -> impl Iterator<Item = (&str, &KeyValue)> {
        self.keys.iter().filter_map(|(key, kv)| Some((key.get(self.skip..)?, kv)))
    }

    fn lease(&self) -> Option<&KeyValue> {
        self.names().find_map(|(name, kv)| (name == "lease").then_some(kv))
    }

    /// Whose the lease is.
    pub(super) fn owner(&self) -> Owner {
        self.lease().map_or_else(Owner::default, Owner::of)
    }

    /// The name of the holder, and what is wrong with what says so.
    pub(super) fn holder(&self, seal: &Seal) -> (Option<String>, Vec<String>) {
        let Some(lease) = self.lease() else { return (None, Vec::new()) };
        match seal.open(lease) {
            Ok(Opened { text, .. }) => {
                let read: Result<Holder, _> = serde_json::from_str(text);
                (Some(read.map_or_else(|_foreign| text.to_owned(), |holder| holder.engine)), Vec::new())
            }
            Err(foreign) => (Some("an engine that nobody knows".into()), vec![told("lease", &foreign)]),
        }
    }

    /// The books, and what is wrong with some. One that is not taken stands as it was `before`, with the version that is
    /// there: whoever reads it hears why.
    pub(super) fn books(&self, seal: &Seal, before: &Books) -> (Books, Vec<String>) {
        let (mut books, mut wrong) = (Books::new(), Vec::new());
        for (name, kv) in self.names() {
            let Some(pool) = name.strip_prefix("book/") else { continue };
            let opened = match self.remade.contains(&kv.key) && seal.signs() {
                true => Err(told(name, &Remade)),
                false => seal.open(kv).map_err(|foreign| told(name, &foreign)),
            };
            let text = match opened {
                Ok(opened) => opened.text.into(),
                Err(why) => {
                    wrong.push(why);
                    before.get(pool).map(|book| Arc::clone(&book.text)).unwrap_or_default()
                }
            };
            books.insert(pool.to_owned(), Book { text, version: kv.mod_revision });
        }
        let gone = self.remade.iter().filter(|key| seal.signs() && !self.keys.contains_key(*key));
        for name in gone.filter_map(|key| key.get(self.skip..)) {
            wrong.push(told(name, &Remade));
            if let Some((pool, book)) = name.strip_prefix("book/").and_then(|pool| Some((pool, before.get(pool)?))) {
                books.insert(pool.to_owned(), Book { text: Arc::clone(&book.text), version: self.revision });
            }
        }
        (books, wrong)
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

    /// The names and texts of the books that are to be signed anew, with their versions.
    pub(super) fn stale(&self, seal: &Seal) -> Vec<(String, Book)> {
        let books = self.names().filter_map(|(name, kv)| Some((name.strip_prefix("book/")?, kv)));
        let stale = books.filter_map(|(pool, kv)| {
            let opened = seal.open(kv).ok().filter(|opened| opened.stale && !self.remade.contains(&kv.key))?;
            Some((pool.to_owned(), Book { text: opened.text.into(), version: kv.mod_revision }))
        });
        stale.collect()
    }

    /// What the engines besides `who` see, and what is wrong with some. One whose words cannot be read, or are not signed,
    /// lives, and says nothing: it helps nobody to believe that a host is down.
    pub(super) fn others(&self, seal: &Seal, who: &str) -> (Others, Vec<String>) {
        let (mut others, mut wrong) = (Others::new(), Vec::new());
        for (name, kv) in self.names() {
            let Some(engine) = name.strip_prefix("seen/").filter(|engine| *engine != who) else { continue };
            let seen = match seal.open(kv) {
                Ok(opened) => serde_json::from_str::<Sights>(opened.text).unwrap_or_default(),
                Err(foreign) => {
                    wrong.push(told(name, &foreign));
                    Sights::new()
                }
            };
            others.insert(engine.to_owned(), seen);
        }
        (others, wrong)
    }
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
mod tests {
    use super::*;

    fn kv(key: &str, value: &str, create: u64, modified: u64) -> KeyValue {
        let (key, value) = (key.into(), value.into());
        KeyValue { key, value, create_revision: create, mod_revision: modified, version: 1, session: 9 }
    }

    fn picture() -> Picture {
        let mut found = Found::default();
        found.header.revision = 12;
        found.kvs = vec![
            kv("/p/lease", r#"{"engine":"a:1","since":"2026-01-01T00:00:00Z"}"#, 7, 7),
            kv("/p/book/mocap", "text", 8, 11),
            kv("/p/seen/a:1", r#"{"studio-1":{"health":"down","since":"2026-01-01T00:00:00Z"}}"#, 5, 12),
            kv("/p/seen/b:2", "newer words", 6, 6),
            kv("/p/whatever", "x", 1, 1),
        ];
        Picture::new("/p", found)
    }

    fn event(text: &str) -> Vec<Event> {
        vec![serde_json::from_str(text).unwrap()]
    }

    #[test]
    fn it_is_read_by_names() {
        let picture = picture();
        assert_eq!(picture.owner(), Owner { generation: 7, session: 9 });
        let seal = Seal::default();
        assert_eq!(picture.holder(&seal), (Some("a:1".into()), Vec::new()));
        let books = Books::from([("mocap".into(), Book { text: "text".into(), version: 11 })]);
        assert_eq!(picture.books(&seal, &Books::new()), (books, Vec::new()));
        let others = picture.others(&seal, "b:2").0;
        assert_eq!(others.len(), 1);
        assert!(others["a:1"].contains_key("studio-1"));
        assert!(picture.others(&seal, "a:1").0["b:2"].is_empty(), "it lives, though nobody understands it");
    }

    #[test]
    fn changes_are_followed_and_a_lag_is_noticed() {
        let mut picture = picture();
        let mut newer = Found::default();
        newer.header.revision = 13;
        newer.kvs = picture.keys.values().cloned().collect();
        assert!(!picture.lags(&newer));
        newer.kvs.retain(|kv| kv.key != "/p/lease");
        assert!(picture.lags(&newer), "the lease is gone there");
        // "/p/lease"
        picture.change(13, event(r#"{"type":"DELETE","kv":{"key":"L3AvbGVhc2U=","mod_revision":"13"}}"#));
        assert!(
            !picture.lags(&newer)
                && picture.owner() == Owner::default()
                && picture.holder(&Seal::default()).0.is_none()
        );
        newer.kvs.iter_mut().for_each(|kv| kv.mod_revision += 1);
        assert!(picture.lags(&newer));
        newer.header.revision = 12;
        assert!(!picture.lags(&newer), "an older answer says nothing");
    }
}
