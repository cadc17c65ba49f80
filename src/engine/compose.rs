//! Composing a snapshot so that unchanged parts stay the same `Arc`. Pure.

use std::sync::Arc;

use super::snapshot::{JournalView, Snapshot};
use crate::journal::entry::Chain;
use crate::journal::writer::Tail;

/// The old `Arc` where the value did not change.
pub(super) fn shared<T: PartialEq>(before: &Arc<T>, now: T) -> Arc<T> {
    if **before == now { Arc::clone(before) } else { Arc::new(now) }
}

/// The rows with the old `Arc` where the value did not change.
pub(super) fn shared_rows<T: PartialEq>(before: &[Arc<T>], now: Vec<T>) -> Vec<Arc<T>> {
    let same = |at: usize, row: &T| before.get(at).filter(|old| ***old == *row).map(Arc::clone);
    now.into_iter().enumerate().map(|(at, row)| same(at, &row).unwrap_or_else(|| Arc::new(row))).collect()
}

/// The old list where every row is the same `Arc`.
pub(super) fn shared_list<T>(before: &Arc<Vec<Arc<T>>>, now: Vec<Arc<T>>) -> Arc<Vec<Arc<T>>> {
    let same = before.len() == now.len() && before.iter().zip(&now).all(|(old, new)| Arc::ptr_eq(old, new));
    if same { Arc::clone(before) } else { Arc::new(now) }
}

/// Whether any part of two snapshots is another `Arc`.
pub(super) fn differ(one: &Snapshot, other: &Snapshot) -> bool {
    // Named one by one, so that a part that is added later is not forgotten here.
    let Snapshot { seq: _, taken: _, head, hosts, pools, feeds, dumps, runs, services, stores, jobs, journal } = one;
    !(Arc::ptr_eq(head, &other.head)
        && Arc::ptr_eq(hosts, &other.hosts)
        && Arc::ptr_eq(pools, &other.pools)
        && Arc::ptr_eq(feeds, &other.feeds)
        && Arc::ptr_eq(dumps, &other.dumps)
        && Arc::ptr_eq(runs, &other.runs)
        && Arc::ptr_eq(services, &other.services)
        && Arc::ptr_eq(stores, &other.stores)
        && Arc::ptr_eq(jobs, &other.jobs)
        && Arc::ptr_eq(journal, &other.journal))
}

/// The end of the journal as faces see it.
pub(super) fn journal(tail: &Tail, chain: &Chain) -> JournalView {
    JournalView { length: tail.length, tail: tail.entries.clone(), chain: chain.clone() }
}
