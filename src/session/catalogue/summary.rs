//! A store in short, as a snapshot carries it. Pure.

use super::stock::Stock;
use crate::clock::Timestamp;
use crate::session::listing::shown;
use crate::session::view::{DestinationView, StoreView};

/// The pace of recordings is taken over so many days.
const PACE: i32 = 14;

/// The store in short.
pub(super) fn summary(stock: &Stock, version: u64, limit: Option<u64>, now: Timestamp) -> StoreView {
    let destinations = stock.store.destinations.iter().zip(&stock.copies).map(|(to, half)| DestinationView {
        name: to.name.clone(),
        path: shown(&to.path),
        state: half.standing.state.clone(),
        free: half.standing.free,
    });
    StoreView {
        name: stock.store.name.clone(),
        version,
        source: stock.source.standing.state.clone(),
        free: stock.source.standing.free,
        days_left: days_left(stock, now),
        destinations: destinations.collect(),
        imported: stock.imports.clone(),
        scanned: stock.looked(),
        scanning: stock.looking > 0,
        reading: stock.reading,
        totals: stock.totals(),
        limit,
    }
}

/// Days until the source is full, at the pace of the last days' sessions, those included that were deleted here since.
fn days_left(stock: &Stock, now: Timestamp) -> Option<f64> {
    let free = stock.source.standing.free?;
    let today = now.to_zoned(jiff::tz::TimeZone::system()).date();
    let first = today.checked_sub(jiff::Span::new().days(PACE)).ok()?;
    let (lines, _) = stock.lines();
    let recorded: u64 = lines
        .iter()
        .rev()
        .take_while(|line| line.key.date > first)
        .filter(|line| line.key.date <= today)
        .map(|line| line.bytes)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (free, pace) = (free as f64, recorded as f64 / f64::from(PACE));
    (pace > 0.0).then(|| free / pace)
}
