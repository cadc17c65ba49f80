//! What comes over the engine's socket, either way.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use bytes::BytesMut;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::codec::{Decoder, Encoder};

use super::{cuts, kind};
use crate::engine::delta::Delta;
use crate::engine::snapshot::Snapshot;
use crate::engine::wire::{Codec, Hello, LARGEST_REPLY, LARGEST_REQUEST, ToEngine, ToGuest};

/// From a guest: a greeting, then requests.
pub(super) fn to_engine(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    if first % 2 == 0 {
        if let Some(hello) = message::<Hello>(rest, LARGEST_REQUEST) {
            let _either = hello.check("this program", "the running engine");
        }
        return;
    }
    message::<ToEngine>(rest, LARGEST_REQUEST);
    frames::<ToEngine>(rest, LARGEST_REQUEST);
}

/// From an engine: pictures and changes, which lead from one picture to the next.
pub(super) fn to_guest(bytes: &[u8]) {
    frames::<ToGuest>(bytes, LARGEST_REPLY);
    let mut before: Option<Arc<Snapshot>> = None;
    // Each line one message, as it stands in a frame.
    for line in bytes.split(|byte| *byte == b'\n') {
        match message::<ToGuest>(line, LARGEST_REPLY) {
            Some(ToGuest::Full(now)) => {
                if let Some(before) = &before {
                    leads(before, &now);
                    leads(&now, before);
                }
                before = Some(now);
            }
            Some(ToGuest::Delta(delta)) => {
                let Some(known) = &before else { continue };
                if let Ok(now) = delta.apply(known) {
                    leads(known, &now);
                    before = Some(Arc::new(now));
                }
            }
            _ => {}
        }
    }
}

/// What changed from one picture to another, sent and applied, makes the other. Engines name nothing twice.
fn leads(from: &Snapshot, to: &Snapshot) {
    if !(named_once(from) && named_once(to)) {
        return;
    }
    let sent = serde_json::to_string(&Delta::between(from, to)).ok();
    let came = sent.and_then(|text| serde_json::from_str::<Delta>(&text).ok());
    let applied = came.and_then(|delta| delta.apply(from).ok());
    assert_eq!(applied.as_ref(), Some(to));
}

fn named_once(snapshot: &Snapshot) -> bool {
    fn once<V, K: Hash + Eq>(rows: &[Arc<V>], key: impl Fn(&V) -> K) -> bool {
        let mut seen = HashSet::new();
        rows.iter().all(|row| seen.insert(key(row)))
    }
    once(&snapshot.hosts, |row| row.name.clone())
        && once(&snapshot.pools, |row| row.name.clone())
        && once(&snapshot.feeds, |row| row.name.clone())
        && once(&snapshot.dumps, |row| row.name.clone())
        && once(&snapshot.runs, |row| row.runbook.clone())
        && once(&snapshot.services, |row| row.name.clone())
        && once(&snapshot.stores, |row| row.name.clone())
        && once(&snapshot.jobs, |row| row.id)
}

/// One message; what is understood comes out again as it is, over a connection that cuts it anywhere.
fn message<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(json: &[u8], largest: usize) -> Option<T> {
    let read: T = serde_json::from_slice(json).ok()?;
    let mut framed = BytesMut::new();
    let written = Codec::<T, T>::new(largest).encode(&read, &mut framed);
    assert!(written.is_ok(), "{written:?}");
    for pieces in cuts(&framed) {
        let (mut codec, mut come, mut found) = (Codec::<T, T>::new(LARGEST_REPLY), BytesMut::new(), Vec::new());
        for piece in pieces {
            come.extend_from_slice(piece);
            while let Ok(Some(message)) = codec.decode(&mut come) {
                found.push(message);
            }
        }
        assert_eq!(found.as_slice(), std::slice::from_ref(&read));
    }
    Some(read)
}

/// Frames as they come: an error, a message, or waiting for more, wherever the connection cuts them.
fn frames<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8], largest: usize) {
    let read = |pieces: std::slice::Chunks<'_, u8>| {
        let (mut codec, mut come, mut found) = (Codec::<T, T>::new(largest), BytesMut::new(), Vec::new());
        for piece in pieces {
            come.extend_from_slice(piece);
            loop {
                match codec.decode(&mut come) {
                    Ok(Some(message)) => found.push(message),
                    Ok(None) => break,
                    Err(_over) => return (found, false),
                }
            }
        }
        (found, true)
    };
    let mut ways = cuts(bytes).map(read);
    let whole = ways.next();
    assert!(ways.all(|cut| Some(&cut) == whole.as_ref()));
}
