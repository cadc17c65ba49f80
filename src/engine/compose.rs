//! Composing a snapshot so that unchanged parts stay the same `Arc`. Pure.

use std::sync::Arc;

use super::snapshot::{JournalView, Snapshot};
use crate::journal::entry::Chain;
use crate::journal::writer::Tail;

/// The old `Arc` where the value did not change.
pub(super) fn shared<T: PartialEq>(before: &Arc<T>, now: T) -> Arc<T> {
    if **before == now { Arc::clone(before) } else { Arc::new(now) }
}

/// The old list where every row is the same `Arc`.
pub(super) fn shared_list<T>(before: &Arc<Vec<Arc<T>>>, now: Vec<Arc<T>>) -> Arc<Vec<Arc<T>>> {
    let same = before.len() == now.len() && before.iter().zip(&now).all(|(old, new)| Arc::ptr_eq(old, new));
    if same { Arc::clone(before) } else { Arc::new(now) }
}

/// Whether any part of two snapshots is another `Arc`.
pub(super) fn differ(one: &Snapshot, other: &Snapshot) -> bool {
    !(Arc::ptr_eq(&one.head, &other.head)
        && Arc::ptr_eq(&one.hosts, &other.hosts)
        && Arc::ptr_eq(&one.pools, &other.pools)
        && Arc::ptr_eq(&one.feeds, &other.feeds)
        && Arc::ptr_eq(&one.dumps, &other.dumps)
        && Arc::ptr_eq(&one.runs, &other.runs)
        && Arc::ptr_eq(&one.stores, &other.stores)
        && Arc::ptr_eq(&one.jobs, &other.jobs)
        && Arc::ptr_eq(&one.journal, &other.journal))
}

/// The end of the journal as faces see it.
pub(super) fn journal(tail: &Tail, chain: &Chain) -> JournalView {
    JournalView { length: tail.length, tail: tail.entries.clone(), chain: chain.clone() }
}
