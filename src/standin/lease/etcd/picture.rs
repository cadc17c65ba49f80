//! What lies below the prefix, as far as this engine knows: from one question, then from changes. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Owner;
use super::message::{Event, Found, KeyValue};
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
}

impl Picture {
    /// All that was found below `prefix`.
    pub(super) fn new(prefix: &str, found: Found) -> Self {
        let skip = prefix.len() + 1;
        let keys = found.kvs.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
        Self { skip, revision: found.header.revision, keys }
    }

    /// Takes changes over.
    pub(super) fn change(&mut self, revision: u64, events: Vec<Event>) {
        for event in events {
            if event.deletes() {
                self.keys.remove(&event.kv.key);
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

    /// The name of the holder.
    pub(super) fn holder(&self) -> Option<String> {
        let value = &self.lease()?.value;
        let read: Result<Holder, _> = serde_json::from_str(value);
        Some(read.map_or_else(|_foreign| value.clone(), |holder| holder.engine))
    }

    pub(super) fn books(&self) -> Books {
        let book = |kv: &KeyValue| Book { text: kv.value.as_str().into(), version: kv.mod_revision };
        self.names().filter_map(|(name, kv)| Some((name.strip_prefix("book/")?.to_owned(), book(kv)))).collect()
    }

    /// What the engines besides `who` see. One whose words cannot be read lives, and says nothing.
    pub(super) fn others(&self, who: &str) -> Others {
        let seen = |kv: &KeyValue| serde_json::from_str::<Sights>(&kv.value).unwrap_or_default();
        let engines = self.names().filter_map(|(name, kv)| Some((name.strip_prefix("seen/")?, kv)));
        engines.filter(|(engine, _)| *engine != who).map(|(engine, kv)| (engine.to_owned(), seen(kv))).collect()
    }
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
        KeyValue { key, value, create_revision: create, mod_revision: modified, session: 9 }
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
        assert_eq!(picture.holder().as_deref(), Some("a:1"));
        assert_eq!(picture.books(), Books::from([("mocap".into(), Book { text: "text".into(), version: 11 })]));
        let others = picture.others("b:2");
        assert_eq!(others.len(), 1);
        assert!(others["a:1"].contains_key("studio-1"));
        assert!(picture.others("a:1")["b:2"].is_empty(), "it lives, though nobody understands it");
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
        assert!(!picture.lags(&newer) && picture.owner() == Owner::default() && picture.holder().is_none());
        newer.kvs.iter_mut().for_each(|kv| kv.mod_revision += 1);
        assert!(picture.lags(&newer));
        newer.header.revision = 12;
        assert!(!picture.lags(&newer), "an older answer says nothing");
    }
}
