//! All lines made anew, where what changed concerns every session: how a side stands, what the database of imports says.
//!
//! It takes a while for a hundred thousand sessions, and nobody who asks for rows waits for it: the lines are made in
//! pieces, and the old ones stand until the new ones are whole.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::lock;
use super::shop::Shop;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::select::Line;
use crate::session::side::Known;
use crate::session::view::{Imported, Totals};

/// Lines made at a time: whoever waits for the store waits no longer than for so many.
const PIECE: usize = 500;

/// What says which sessions there are.
pub(super) struct Begun {
    of: u64,
    sides: Vec<Arc<Known>>,
    imported: Arc<std::collections::HashMap<Key, Imported>>,
}

impl Begun {
    /// Every session once, in the order of keys.
    fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<&Key> =
            self.sides.iter().flat_map(|known| known.keys()).chain(self.imported.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().cloned().collect()
    }
}

impl Stock {
    /// Begins to make all lines anew; `None`: they are as they should be.
    fn begin(&mut self) -> Option<Begun> {
        if self.made == self.wanted {
            return None;
        }
        self.meanwhile = Some(HashSet::new());
        let sides = std::iter::once(&self.source).chain(&self.copies).map(|half| Arc::clone(&half.found)).collect();
        Some(Begun { of: self.wanted, sides, imported: Arc::clone(&self.imported) })
    }

    /// Puts the new lines in the place of the old ones, which are returned.
    fn finish(&mut self, of: u64, lines: Vec<Arc<Line>>, totals: Totals, now: Timestamp) -> Arc<Vec<Arc<Line>>> {
        let old = std::mem::replace(&mut self.lines, Arc::new(lines));
        (self.totals, self.made, self.turned) = (totals, of, true);
        let meanwhile = self.meanwhile.take().unwrap_or_default();
        self.touch(&meanwhile, now);
        old
    }
}

impl Shop {
    /// Makes all lines anew, where that is due, and returns when they are.
    pub(super) fn renew(&self) {
        let _one_after_the_other = lock(&self.renewing);
        loop {
            let Some(begun) = self.stock.lock().begin() else { return };
            let (of, keys) = (begun.of, begun.keys());
            // Whoever changes a side while somebody else holds on to it has to copy it.
            drop(begun);
            let now = self.clock.now();
            let (mut lines, mut totals) = (Vec::with_capacity(keys.len()), Totals::default());
            let mut stock = self.stock.lock();
            for piece in keys.chunks(PIECE) {
                for line in piece.iter().filter_map(|key| stock.line(key, now)) {
                    line.add_to(&mut totals);
                    lines.push(Arc::new(line));
                }
                MutexGuard::bump(&mut stock);
            }
            let old = stock.finish(of, lines, totals, now);
            drop(stock);
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::listing::Facts;
    use crate::session::side::tests::store;
    use crate::session::side::{Found, Stamp};

    #[test]
    fn what_changes_while_lines_are_made_is_in_the_new_ones() {
        let now = Timestamp::UNIX_EPOCH;
        let mut stock = Stock::new(Arc::new(store()));
        stock.source.scanned = Some(now);
        stock.wanted += 1;
        let begun = stock.begin().unwrap();
        assert_eq!(begun.keys(), []);
        let key = Key::new("p001", "20250104").unwrap();
        let found = Found { facts: Facts::default(), stamp: Stamp::default() };
        stock.found(0, &key, Some(found), now);
        stock.finish(begun.of, Vec::new(), Totals::default(), now);
        assert_eq!((stock.lines().0.len(), stock.totals().sessions), (1, 1));
        assert!(stock.begin().is_none(), "once is enough");
        stock.wanted += 1;
        let begun = stock.begin().unwrap();
        stock.wanted += 1;
        stock.finish(begun.of, Vec::new(), Totals::default(), now);
        assert!(stock.begin().is_some(), "what changed all lines once more is not forgotten");
    }
}
