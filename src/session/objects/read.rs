//! Reads objects back and hashes them: what the store gives is what it holds.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use object_store::path::Path as Name;
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use super::door::{Door, Task};
use super::fault::Fault;
use crate::session::stream::{Hand, lock};

/// Bytes of one request.
const PIECE: u64 = 8 << 20;
/// Requests for one object at once.
const AHEAD: usize = 2;

/// Work on files at once where nobody says: a store answers many at the time of one.
const LANES: usize = 6;

/// How many files are worked on at once.
pub(super) fn lanes(parallel: u32) -> usize {
    match usize::try_from(parallel).unwrap_or(LANES) {
        0 => LANES,
        parallel => parallel.min(32),
    }
}

/// Does work on each item, several at once. `None`: the hand ended it before.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    lanes: usize,
    hand: &Hand<'_>,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let done: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let lane = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(place)) = (items.get(at), done.get(at)) else { return };
            if !hand.go_on() {
                return;
            }
            let result = work(item);
            *lock(place) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..lanes.min(items.len()) {
            // A lane that cannot be had is done without: the first one is this thread.
            let _lane = std::thread::Builder::new().name("objects".into()).spawn_scoped(scope, lane);
        }
        lane();
    });
    done.into_iter().map(|place| place.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)).collect()
}

/// The sum of an object of so many bytes, as the store holds it. `tag`: of the one that was listed.
pub(super) fn sum(
    door: &Door,
    name: &Name,
    size: u64,
    tag: Option<&str>,
    hand: &Hand<'_>,
) -> Result<blake3::Hash, Fault> {
    let mut hasher = blake3::Hasher::new();
    if size == 0 {
        let (store, name) = (door.patient()?, name.clone());
        let found = door.wait(hand, async move { store.head(&name).await })?;
        return if found.size == 0 { Ok(hasher.finalize()) } else { Err(Fault::Changed) };
    }
    let mut under_way: VecDeque<(u64, Task<Bytes>)> = VecDeque::new();
    let (mut asked, mut read) = (0, 0);
    while read < size {
        while asked < size && under_way.len() < AHEAD {
            let length = PIECE.min(size - asked);
            hand.pass(length);
            under_way.push_back((length, get(door, name, asked..asked + length, tag)?));
            asked += length;
        }
        let Some((length, mut task)) = under_way.pop_front() else { break };
        let bytes = door.join(hand, &mut task)?;
        if bytes.len() as u64 != length {
            return Err(Fault::Changed);
        }
        hasher.update(&bytes);
        hand.advance(length);
        read += length;
    }
    Ok(hasher.finalize())
}

fn get(door: &Door, name: &Name, range: std::ops::Range<u64>, tag: Option<&str>) -> Result<Task<Bytes>, Fault> {
    let (store, name) = (door.patient()?, name.clone());
    let options =
        GetOptions { range: Some(GetRange::Bounded(range)), if_match: tag.map(str::to_owned), ..GetOptions::default() };
    Ok(Task(door.runtime.spawn(async move {
        use object_store::ObjectStore;
        store.get_opts(&name, options).await?.bytes().await
    })))
}
