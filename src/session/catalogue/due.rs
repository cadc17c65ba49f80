//! Which copy is to be verified next in the background. Pure.

use super::half::Half;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::view::Level;

/// A copy is verified by content again after so many days.
const AGAIN: i64 = 30;

/// The copy that was verified by content longest ago: when, at which destination, of which session. Only whole
/// copies at a destination that is ready, of sessions at rest; what failed waits for a person, not for another try.
pub(super) fn next(stock: &Stock, now: Timestamp) -> Option<(Timestamp, String, Key)> {
    let due = now.checked_sub(jiff::SignedDuration::from_hours(24 * AGAIN)).ok()?;
    let mut oldest: Option<(Timestamp, &str, &Key)> = None;
    for half in stock.copies.iter().filter(|half| half.standing.state.ready() && half.judged().ready()) {
        for (key, verified) in half.verified.iter() {
            if verified.level != Level::Content || !verified.ok || verified.at > due {
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
