//! The HTTP interface of a people-count web server.
//!
//! It knows only times: rows between two of them, and the newest. So the place of a row is its time, and what a late row looks
//! like is found by asking again for the last while, `window`, and leaving out what was carried. That much is compared each
//! round as long as it is little; where it is much, as often as it costs a tenth of the time, and the last minute between.
//!
//! Two rows of one camera at one time are one row here. In the hour that a clock change repeats they cannot be told apart:
//! a feed that must not lose it reads the file itself.

mod client;
#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod read;
mod seen;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

use super::groups::{Found, Newest};
use super::{Ask, Column, Group, Look, Shape, Source, SourceError, Times};
use crate::clock::{Clock, Tick};
use crate::feed::value::{Place, Row, Value};
use client::{Client, Slice};
use read::{Known, TIME};
use seen::Seen;

pub use client::Server;

/// As often as a tenth of the time the whole window is compared; so much of its end each round.
const SHORT: SignedDuration = SignedDuration::from_secs(60);
/// The whole window is compared each round where it is so many rows or fewer.
const LITTLE: usize = 2_000;
/// Where a table is read from its beginning before it is known where that is.
const BEGINNING: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);
/// Requests in one look.
const MOST: usize = 64;
/// The longest slice of time that is asked for at once.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 100);

/// The HTTP interface of a people-count web server.
pub struct HttpSource {
    client: Client,
    clock: Clock,
    window: SignedDuration,
    /// No row is before this; it moves when the server deletes.
    earliest: Option<DateTime>,
    /// What was carried, of the window.
    seen: Seen,
    /// So much time is asked for at once.
    slice: SignedDuration,
    /// When the whole window was compared, how long that took, and how many rows it had.
    compared: Option<(Tick, Duration, usize)>,
    newest: HashMap<String, Newest>,
}

/// What was found after a time.
struct Span {
    /// By their times; those that were carried are left out.
    rows: Vec<(Known, Row)>,
    /// How many there were with them.
    asked: usize,
    /// Up to here it was asked.
    until: DateTime,
}

impl HttpSource {
    /// A source that compares the last `window` again each round.
    pub fn new(server: Server, window: Duration, clock: Clock) -> Self {
        let window = SignedDuration::try_from(window).unwrap_or(LONGEST).min(LONGEST);
        Self {
            client: Client::new(server),
            clock,
            window,
            earliest: None,
            seen: Seen::default(),
            slice: window.max(SHORT),
            compared: None,
            newest: HashMap::new(),
        }
    }

    async fn looking(&mut self, ask: &Ask) -> Result<Look, SourceError> {
        own_cursor(ask.cursor.as_deref())?;
        let at = self.clock.now();
        let Some(newest) = self.client.newest().await? else {
            self.seen.clear();
            let groups = BTreeMap::new();
            let (rows, changed) = (Vec::new(), Vec::new());
            return Ok(Look {
                tail: None,
                span: None,
                waiting: 0,
                counted: true,
                rows,
                changed,
                times: None,
                groups,
                at,
            });
        };
        let mark = match &ask.after {
            Some(Place::Text(text)) => read::time(text),
            Some(Place::Number(_)) | None => None,
        };
        let (from, whole, began) = self.from(mark, newest);
        let limit = usize::try_from(ask.limit).unwrap_or(usize::MAX).max(1);
        let found = self.ask(from, newest, limit, &ask.columns).await?;
        if whole && found.until == newest {
            let now = self.clock.tick();
            self.compared = Some((now, now.since(began), found.asked));
        }
        let groups = self.groups(ask, &found.rows);
        let (waiting, counted) = waiting(&found, from, newest);
        let first = found.rows.first().map(|(known, _)| known.time);
        let oldest = self.earliest.or(first).unwrap_or(newest).min(newest);
        let times = Times { first: written(oldest), last: written(newest), waiting: first.map(written) };
        // Those of one time belong together.
        let last = found.rows.get(limit - 1).map(|(known, _)| known.time);
        let kept = found.rows.into_iter().take_while(|(known, _)| last.is_none_or(|last| known.time <= last));
        let rows = if ask.limit == 0 { Vec::new() } else { kept.map(|(_, row)| row).collect() };
        let span = Some((Place::Text(read::text(oldest)), Place::Text(read::text(newest))));
        Ok(Look { tail: None, span, waiting, counted, rows, changed: Vec::new(), times: Some(times), groups, at })
    }

    /// From when rows are asked for, whether that is the whole window, and when it began.
    fn from(&mut self, mark: Option<DateTime>, newest: DateTime) -> (DateTime, bool, Tick) {
        let now = self.clock.tick();
        let Some(mark) = mark else {
            self.seen.clear();
            return (self.earliest.unwrap_or(BEGINNING).min(newest), false, now);
        };
        let back = |by: SignedDuration| mark.checked_sub(by).unwrap_or(BEGINNING);
        let window = back(self.window);
        self.seen.forget(window);
        let due = self.compared.is_none_or(|(when, took, rows)| rows <= LITTLE || now.since(when) >= took * 10);
        let from = if due { window } else { back(SHORT.min(self.window)) };
        // What would be too much to be remembered is not compared again.
        let from = self.seen.begins().map_or(from, |begins| from.max(begins));
        (self.earliest.map_or(from, |earliest| from.max(earliest)).min(newest), due, now)
    }

    /// Rows from a time on, by their times: until there are so many that were not carried, or up to the newest.
    async fn ask(
        &mut self,
        from: DateTime,
        newest: DateTime,
        limit: usize,
        columns: &[String],
    ) -> Result<Span, SourceError> {
        let (mut span, mut from) = (Span { rows: Vec::new(), asked: 0, until: from }, from);
        for _request in 0..MOST {
            let until = from.checked_add(self.slice).map_or(newest, |until| until.min(newest));
            match self.client.between(from, until).await? {
                Slice::Rows(rows) => {
                    let many = rows.len() > limit.saturating_mul(2);
                    span.asked += rows.len();
                    span.until = until;
                    let rows = rows.into_iter().map(|known| (known.row(columns), known));
                    let fresh = rows.filter(|(row, _)| !self.seen.has(row));
                    span.rows.extend(fresh.map(|(row, known)| (known, row)));
                    if many {
                        self.slice = (self.slice / 2).max(SignedDuration::from_secs(1));
                    }
                    if until == newest || span.rows.len() >= limit {
                        break;
                    }
                    if !many {
                        self.slice = self.slice.checked_mul(2).map_or(LONGEST, |slice| slice.min(LONGEST));
                    }
                    from = until.checked_add(SignedDuration::from_secs(1)).map_or(newest, |next| next.min(newest));
                }
                Slice::TooMuch if self.slice <= SignedDuration::from_secs(1) => return Err(self.client.too_many(from)),
                Slice::TooMuch => self.slice = (self.slice / 2).max(SignedDuration::from_secs(1)),
                // It begins later than that.
                Slice::Outside => {
                    let earliest = self.begins(from, newest).await?;
                    self.earliest = Some(earliest);
                    (from, span.until) = (earliest, earliest);
                }
            }
        }
        span.rows.sort_by_key(|(known, _)| known.time);
        Ok(span)
    }

    /// The first time for which the server answers, between one for which it does not and the newest.
    async fn begins(&self, outside: DateTime, newest: DateTime) -> Result<DateTime, SourceError> {
        let (mut outside, mut inside) = (outside, newest);
        for _request in 0..MOST {
            let gap = inside.duration_since(outside);
            if gap <= SignedDuration::from_secs(1) {
                break;
            }
            let middle = outside.checked_add(gap / 2).unwrap_or(inside);
            let middle = middle.with().subsec_nanosecond(0).build().unwrap_or(middle);
            if middle <= outside {
                break;
            }
            // One second of it says as much as all the rest.
            match self.client.between(middle, middle).await? {
                Slice::Outside => outside = middle,
                Slice::Rows(_) | Slice::TooMuch => inside = middle,
            }
        }
        Ok(inside)
    }

    fn groups(&mut self, ask: &Ask, waiting: &[(Known, Row)]) -> BTreeMap<String, Group> {
        let Some((group, _time)) = &ask.group else { return BTreeMap::new() };
        let found = |(known, _): &(Known, Row)| -> Found { (known.value(group), 1, written(known.time)) };
        let newest = self.newest.entry(ask.table.clone()).or_default();
        let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        newest.take_waiting(waiting.iter().map(found).collect(), count, self.clock.tick());
        newest.known()
    }

    async fn shaping(&self, cursor: Option<&str>) -> Result<Arc<Shape>, SourceError> {
        own_cursor(cursor)?;
        let rows = match self.client.newest().await? {
            Some(newest) => match self.client.between(newest, newest).await? {
                Slice::Rows(rows) => rows,
                Slice::TooMuch | Slice::Outside => Vec::new(),
            },
            None => Vec::new(),
        };
        let columns = rows.first().map_or_else(read::usual, Known::columns);
        let columns = columns.into_iter().map(|(name, declared)| Column { name, declared, not_null: false });
        Ok(Arc::new(Shape { columns: columns.collect(), unique: false }))
    }
}

impl Source for HttpSource {
    fn shape<'a>(&'a mut self, _: &'a str, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Arc<Shape>, SourceError>> {
        Box::pin(self.shaping(cursor))
    }

    fn look<'a>(&'a mut self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Look>, SourceError>> {
        Box::pin(async move {
            let mut looks = Vec::with_capacity(asks.len());
            for ask in asks {
                looks.push(self.looking(ask).await?);
            }
            Ok(looks)
        })
    }

    fn before<'a>(
        &'a mut self,
        _: &'a Ask,
        _: &'a [(String, Value)],
        _: &'a Place,
    ) -> BoxFuture<'a, Result<u64, SourceError>> {
        // Rows of one key and one time are one row here.
        Box::pin(std::future::ready(Ok(0)))
    }

    fn carried(&mut self, _table: &str, rows: &[Row]) {
        self.seen.add(rows);
    }
}

/// Rows that wait: those found, and where not all time was asked about as many more as it had.
fn waiting(found: &Span, from: DateTime, newest: DateTime) -> (u64, bool) {
    let count = u64::try_from(found.rows.len()).unwrap_or(u64::MAX);
    if found.until >= newest {
        return (count, true);
    }
    let seconds = |from: DateTime, to: DateTime| u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0);
    let asked = u64::try_from(found.asked).unwrap_or(u64::MAX);
    let more = asked.saturating_mul(seconds(found.until, newest)) / seconds(from, found.until).max(1);
    (count.saturating_add(more), false)
}

fn written(time: DateTime) -> Value {
    Value::from(read::text(time).as_str())
}

fn own_cursor(cursor: Option<&str>) -> Result<(), SourceError> {
    match cursor {
        None => Ok(()),
        Some(column) if column.eq_ignore_ascii_case(TIME) => Ok(()),
        Some(column) => Err(SourceError::Refused(format!(
            "an http source only knows times: `cursor = \"{column}\"` cannot be had there; leave `cursor` out"
        ))),
    }
}

#[cfg(test)]
mod tests;
