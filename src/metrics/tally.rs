//! Journal entries since the engine started, by weight, counted from one snapshot to the next.

use crate::engine::snapshot::Snapshot;
use crate::journal::entry::Weight;

/// Every weight.
const WEIGHTS: [Weight; 5] = [Weight::Note, Weight::Good, Weight::Warning, Weight::Alarm, Weight::Refusal];

/// How many of each.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    seen: [u64; WEIGHTS.len()],
    /// Number of the last entry that was counted; `None`: none was.
    last: Option<u64>,
}

impl Tally {
    /// Counts what is new in this snapshot. A snapshot has the last 200 entries: what was written and pushed out between two
    /// of them is not counted, which takes 2,000 entries a second. A journal that began anew is counted from its beginning.
    pub fn count(&mut self, snapshot: &Snapshot) {
        let journal = &snapshot.journal;
        let last = self.last.filter(|last| *last <= journal.length);
        let started = snapshot.head.engine.started;
        let new = |seq: u64, time| last.map_or(time >= started, |last| seq > last);
        for entry in journal.tail.iter().filter(|entry| new(entry.seq, entry.time)) {
            for (weight, seen) in WEIGHTS.iter().zip(&mut self.seen) {
                *seen += u64::from(*weight == entry.weight);
            }
        }
        self.last = Some(journal.length);
    }

    /// Each weight with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (Weight, u64)> {
        WEIGHTS.into_iter().zip(self.seen)
    }
}
