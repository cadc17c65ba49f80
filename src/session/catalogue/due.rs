//! Which copy is to be verified next in the background. Pure.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::half::Half;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::view::Level;

/// A copy is verified by content again after so many days.
const AGAIN: i64 = 30;

/// A copy that could not be read is tried again after so many days; its destination, whose other copies may fail alike, rests for
/// an hour first, and for twice as long each time, up to a day.
const AFTER_ERROR: i64 = 7;
const REST: SignedDuration = SignedDuration::from_hours(1);
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(24);

/// Copies of one destination that are not to be verified again yet although their last verification is old: otherwise the first
/// one that cannot be read, or says less than is known already, would be tried for ever and no other one at all.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Not before.
    copies: HashMap<Key, Timestamp>,
    /// Of none of them.
    rests: Option<Timestamp>,
    /// How often in a row one could not be read.
    errors: u32,
}

impl Deferred {
    /// A copy could not be verified.
    pub(super) fn failed(&mut self, key: &Key, now: Timestamp) {
        let rest = REST.saturating_mul(1 << self.errors.min(8)).min(LONGEST_REST);
        self.errors = self.errors.saturating_add(1);
        self.rests = now.checked_add(rest).ok();
        self.copies
            .extend(now.checked_add(SignedDuration::from_hours(24 * AFTER_ERROR)).ok().map(|at| (key.clone(), at)));
    }

    /// It was verified; whether that says more than was known.
    pub(super) fn verified(&mut self, key: &Key, now: Timestamp, more: bool) {
        (self.rests, self.errors) = (None, 0);
        self.copies.remove(key);
        if !more {
            self.copies
                .extend(now.checked_add(SignedDuration::from_hours(24 * AGAIN)).ok().map(|at| (key.clone(), at)));
        }
    }

    /// Forgets copies that are of no interest any more.
    pub(super) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.copies.retain(|key, _| keep(key));
    }

    fn until(&self, key: &Key) -> Option<Timestamp> {
        self.copies.get(key).copied()
    }
}

/// The copy that was verified by content longest ago: when, at which destination, of which session. Only whole
/// copies at a destination that is ready, of sessions at rest; what was found wrong waits for a person, not for another try.
pub(super) fn next(stock: &Stock, now: Timestamp) -> Option<(Timestamp, String, Key)> {
    let due = now.checked_sub(jiff::SignedDuration::from_hours(24 * AGAIN)).ok()?;
    let mut oldest: Option<(Timestamp, &str, &Key)> = None;
    let ready = |half: &&Half| half.standing.state.ready() && half.judged().ready();
    for half in stock.copies.iter().filter(ready).filter(|half| half.deferred.rests.is_none_or(|until| now >= until)) {
        for (key, verified) in half.verified.iter() {
            if verified.level != Level::Content || !verified.ok || verified.at > due {
                continue;
            }
            if half.deferred.until(key).is_some_and(|until| now < until) {
                continue;
            }
            let at = verified.at;
            if oldest.is_none_or(|(then, _, first)| (at, key) < (then, first)) && at_rest(stock, half, key, now) {
                oldest = Some((at, &half.name, key));
            }
        }
    }
    oldest.map(|(at, name, key)| (at, name.to_owned(), key.clone()))
}

fn at_rest(stock: &Stock, half: &Half, key: &Key, now: Timestamp) -> bool {
    let Some(copy) = half.found.get(key).map(|found| &found.facts) else { return false };
    let whole = stock.source.believed(key).is_none_or(|source| {
        let quiet = source.facts.changed.is_some_and(|changed| {
            let settle = jiff::SignedDuration::try_from(stock.store.settle).unwrap_or(jiff::SignedDuration::MAX);
            now.duration_since(changed) >= settle
        });
        quiet && source.facts.digest == copy.digest
    });
    whole && copy.files > 0 && !stock.busy.contains_key(key)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::listing::Facts;
    use crate::session::side::tests::store;
    use crate::session::side::{Found, Stamp, Standing};
    use crate::session::view::{SideState, Verified};

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
    }

    /// Copies at one destination, verified on these days of January 2025's sessions.
    fn stock(verified: &[i64]) -> Stock {
        let mut stock = Stock::new(Arc::new(store()));
        let mut half = Half::new("NAS");
        half.set_standing(Standing {
            state: SideState::Ready,
            readable: true,
            marker: Some("m".into()),
            ..Standing::unknown()
        });
        half.fresh = true;
        for (session, at) in verified.iter().enumerate() {
            let key = Key::new("p001", &format!("202501{:02}", session + 1)).unwrap();
            let facts = Facts { files: 1, ..Facts::default() };
            Arc::make_mut(&mut half.found).insert(key.clone(), Found { facts, stamp: Stamp::default() });
            let verified = Verified {
                level: Level::Content,
                at: day(*at),
                ok: true,
                read: None,
                from_storage: true,
                problems: 0,
                source: None,
                copy: [0; 16],
            };
            Arc::make_mut(&mut half.verified).insert(key, verified);
        }
        stock.copies = vec![half];
        stock
    }

    fn due(stock: &Stock, now: Timestamp) -> Option<String> {
        next(stock, now).map(|(_, _, key)| key.day())
    }

    #[test]
    fn a_copy_that_cannot_be_read_keeps_no_other_one_from_being_verified() {
        let mut stock = stock(&[0, 1]);
        let (first, second) = (Key::new("p001", "20250101").unwrap(), Key::new("p001", "20250102").unwrap());
        assert_eq!(due(&stock, day(40)).as_deref(), Some("20250101"));
        stock.copies[0].deferred.failed(&first, day(40));
        assert_eq!(due(&stock, day(40)), None, "the destination rests first");
        assert_eq!(due(&stock, day(40) + REST).as_deref(), Some("20250102"));
        stock.copies[0].deferred.failed(&second, day(40) + REST);
        assert_eq!(due(&stock, day(40) + REST * 2), None, "for longer each time");
        assert_eq!(due(&stock, day(48)).as_deref(), Some("20250101"), "and each is tried again");
        for _ in 0..100 {
            stock.copies[0].deferred.failed(&first, day(48));
        }
        assert_eq!(due(&stock, day(49)).as_deref(), Some("20250102"), "no rest is longer than a day");
        stock.copies[0].deferred.verified(&second, day(49), true);
        stock.copies[0].deferred.failed(&first, day(49));
        assert_eq!(due(&stock, day(49) + REST).as_deref(), Some("20250102"), "what went well counts anew");
        stock.copies[0].deferred.retain(|_| false);
        assert_eq!(due(&stock, day(49) + REST).as_deref(), Some("20250101"));
    }

    #[test]
    fn a_verification_that_says_nothing_new_is_not_repeated_at_once() {
        let mut stock = stock(&[0]);
        let key = Key::new("p001", "20250101").unwrap();
        stock.copies[0].deferred.verified(&key, day(40), false);
        assert_eq!((due(&stock, day(69)), due(&stock, day(70)).as_deref()), (None, Some("20250101")));
    }
}
