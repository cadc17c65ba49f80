//! What changed from one snapshot to a later one: over the socket go changes, not whole pictures.
//!
//! Parts that are the same `Arc` are not looked at, so a delta of a quiet fleet costs next to nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::snapshot::{Head, JournalView, Snapshot};
use crate::clock::Timestamp;
use crate::dump::view::DumpView;
use crate::feed::view::FeedView;
use crate::health::view::HostView;
use crate::journal::entry::{Chain, Entry};
use crate::runbook::view::RunView;
use crate::service::view::ServiceView;
use crate::session::view::StoreView;
use crate::standin::view::PoolView;
use crate::work::view::{JobId, JobView};

/// All that leads from one snapshot to a later one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    seq: u64,
    taken: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Arc<Head>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<Rows<String, HostView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pools: Option<Rows<String, PoolView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feeds: Option<Rows<String, FeedView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dumps: Option<Rows<String, DumpView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Rows<String, RunView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Rows<String, ServiceView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stores: Option<Rows<String, StoreView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<Rows<JobId, JobView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<Tail>,
}

/// Changed rows, and the order of all where that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rows<K, V> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Vec<K>>,
    changed: Vec<Arc<V>>,
}

/// The journal's tail: `kept` entries of the old one after its first `gone`, then `added`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tail {
    length: u64,
    chain: Chain,
    gone: usize,
    kept: usize,
    added: Vec<Arc<Entry>>,
}

/// A delta does not fit the snapshot it is applied to: a defect of the sender, cured by a whole snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change of the snapshot does not fit the one before")]
pub struct Misfit;

trait Keyed {
    type Key: Clone + Eq + Hash;
    fn key(&self) -> Self::Key;

    /// Whether the other row is of the same thing.
    fn is(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Keyed for HostView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for PoolView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for FeedView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for DumpView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for RunView {
    /// Engines that share an etcd number their runs each for itself.
    type Key = String;
    fn key(&self) -> String {
        self.runbook.clone()
    }
}

impl Keyed for ServiceView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for StoreView {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Keyed for JobView {
    type Key = JobId;
    fn key(&self) -> JobId {
        self.id
    }
}

impl Delta {
    /// What leads from `old` to `new`.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let differs = |same: bool, equal: &dyn Fn() -> bool| !same && !equal();
        Self {
            seq: new.seq,
            taken: new.taken,
            head: differs(Arc::ptr_eq(&old.head, &new.head), &|| old.head == new.head).then(|| new.head.clone()),
            hosts: (!Arc::ptr_eq(&old.hosts, &new.hosts)).then(|| rows(&old.hosts, &new.hosts)).flatten(),
            pools: (!Arc::ptr_eq(&old.pools, &new.pools)).then(|| rows(&old.pools, &new.pools)).flatten(),
            feeds: (!Arc::ptr_eq(&old.feeds, &new.feeds)).then(|| rows(&old.feeds, &new.feeds)).flatten(),
            dumps: (!Arc::ptr_eq(&old.dumps, &new.dumps)).then(|| rows(&old.dumps, &new.dumps)).flatten(),
            runs: (!Arc::ptr_eq(&old.runs, &new.runs)).then(|| rows(&old.runs, &new.runs)).flatten(),
            services: (!Arc::ptr_eq(&old.services, &new.services))
                .then(|| rows(&old.services, &new.services))
                .flatten(),
            stores: (!Arc::ptr_eq(&old.stores, &new.stores)).then(|| rows(&old.stores, &new.stores)).flatten(),
            jobs: (!Arc::ptr_eq(&old.jobs, &new.jobs)).then(|| rows(&old.jobs, &new.jobs)).flatten(),
            journal: differs(Arc::ptr_eq(&old.journal, &new.journal), &|| old.journal == new.journal)
                .then(|| tail(&old.journal, &new.journal)),
        }
    }

    /// The later snapshot.
    pub fn apply(self, old: &Snapshot) -> Result<Snapshot, Misfit> {
        Ok(Snapshot {
            seq: self.seq,
            taken: self.taken,
            head: self.head.unwrap_or_else(|| Arc::clone(&old.head)),
            hosts: self.hosts.map_or_else(|| Ok(Arc::clone(&old.hosts)), |rows| merge(&old.hosts, rows))?,
            pools: self.pools.map_or_else(|| Ok(Arc::clone(&old.pools)), |rows| merge(&old.pools, rows))?,
            feeds: self.feeds.map_or_else(|| Ok(Arc::clone(&old.feeds)), |rows| merge(&old.feeds, rows))?,
            dumps: self.dumps.map_or_else(|| Ok(Arc::clone(&old.dumps)), |rows| merge(&old.dumps, rows))?,
            runs: self.runs.map_or_else(|| Ok(Arc::clone(&old.runs)), |rows| merge(&old.runs, rows))?,
            services: self.services.map_or_else(|| Ok(Arc::clone(&old.services)), |rows| merge(&old.services, rows))?,
            stores: self.stores.map_or_else(|| Ok(Arc::clone(&old.stores)), |rows| merge(&old.stores, rows))?,
            jobs: self.jobs.map_or_else(|| Ok(Arc::clone(&old.jobs)), |rows| merge(&old.jobs, rows))?,
            journal: self.journal.map_or_else(|| Ok(Arc::clone(&old.journal)), |tail| extend(&old.journal, tail))?,
        })
    }
}

fn rows<V: Keyed + PartialEq>(old: &[Arc<V>], new: &[Arc<V>]) -> Option<Rows<V::Key, V>> {
    // Almost always the rows are the same ones in the same order: then none has to be looked for, and ten thousand of them cost
    // as many looks at an address.
    let pairs = || old.iter().zip(new);
    if old.len() == new.len() && pairs().all(|(old, new)| Arc::ptr_eq(old, new) || old.is(new)) {
        let differ = pairs().filter(|(old, new)| !Arc::ptr_eq(old, new) && old != new);
        let changed: Vec<Arc<V>> = differ.map(|(_, new)| Arc::clone(new)).collect();
        return (!changed.is_empty()).then_some(Rows { order: None, changed });
    }
    let before: HashMap<V::Key, &Arc<V>> = old.iter().map(|row| (row.key(), row)).collect();
    let same = |row: &Arc<V>| before.get(&row.key()).is_some_and(|old| Arc::ptr_eq(old, row) || *old == row);
    let changed: Vec<Arc<V>> = new.iter().filter(|row| !same(row)).cloned().collect();
    Some(Rows { order: Some(new.iter().map(|row| row.key()).collect()), changed })
}

fn merge<V: Keyed>(old: &[Arc<V>], rows: Rows<V::Key, V>) -> Result<Arc<Vec<Arc<V>>>, Misfit> {
    let Some(order) = rows.order else { return replace(old, rows.changed) };
    let mut now: HashMap<V::Key, &Arc<V>> = old.iter().map(|row| (row.key(), row)).collect();
    now.extend(rows.changed.iter().map(|row| (row.key(), row)));
    let all: Option<Vec<Arc<V>>> = order.iter().map(|key| now.get(key).map(|row| Arc::clone(row))).collect();
    all.map(Arc::new).ok_or(Misfit)
}

/// The same rows in the same order, some of them anew.
fn replace<V: Keyed>(old: &[Arc<V>], changed: Vec<Arc<V>>) -> Result<Arc<Vec<Arc<V>>>, Misfit> {
    let mut changed: HashMap<V::Key, Arc<V>> = changed.into_iter().map(|row| (row.key(), row)).collect();
    let mut all = old.to_vec();
    for row in &mut all {
        if changed.is_empty() {
            break;
        }
        if let Some(new) = changed.remove(&row.key()) {
            *row = new;
        }
    }
    if changed.is_empty() { Ok(Arc::new(all)) } else { Err(Misfit) }
}

fn tail(old: &JournalView, new: &JournalView) -> Tail {
    let same = |old: &[Arc<Entry>], new: &[Arc<Entry>]| {
        old.len() <= new.len() && old.iter().zip(new).all(|(old, new)| Arc::ptr_eq(old, new) || old == new)
    };
    let first = new.tail.first().map(|entry| entry.seq);
    let gone = old.tail.iter().position(|entry| Some(entry.seq) == first).unwrap_or(old.tail.len());
    let (gone, kept) = match old.tail.get(gone..) {
        Some(rest) if same(rest, &new.tail) => (gone, rest.len()),
        _ => (old.tail.len(), 0),
    };
    let added = new.tail.iter().skip(kept).cloned().collect();
    Tail { length: new.length, chain: new.chain.clone(), gone, kept, added }
}

fn extend(old: &JournalView, tail: Tail) -> Result<Arc<JournalView>, Misfit> {
    let end = tail.gone.checked_add(tail.kept).ok_or(Misfit)?;
    let mut entries = old.tail.get(tail.gone..end).ok_or(Misfit)?.to_vec();
    entries.extend(tail.added);
    Ok(Arc::new(JournalView { length: tail.length, tail: entries, chain: tail.chain }))
}

#[cfg(test)]
mod tests;
