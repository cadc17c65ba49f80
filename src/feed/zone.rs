//! Times without a zone: which moments they mean where the source stands. Pure.
//!
//! SQLite has no type for times; they are text such as `2026-10-25 02:30:00`, as a rule in local time. When a clock change
//! repeats an hour, such a text means two moments, and when it skips one it means none.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::fleet::data::Zone;

/// How the naive times of a source are read.
#[derive(Debug, Clone)]
pub struct Times {
    zone: TimeZone,
}

/// A time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Without a zone.
    Naive(DateTime),
    /// With its offset: a moment.
    Moment(Timestamp),
}

/// The time in a text: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS[.fraction]]`, also with a `T`, also with an offset or `Z` behind.
pub fn read(text: &str) -> Option<Written> {
    let text = text.trim();
    if let Ok(naive) = text.parse::<DateTime>()
        && !text.ends_with(['Z', 'z'])
        && !has_offset(text)
    {
        return Some(Written::Naive(naive));
    }
    text.parse::<Timestamp>().ok().map(Written::Moment)
}

/// Whether an offset stands behind the time of the day.
fn has_offset(text: &str) -> bool {
    text.get(11..).is_some_and(|time| time.contains(['+', '-']))
}

/// As much of a text as a person reads: what stands in the place of a time may be a whole book.
fn short(text: &str) -> String {
    crate::reach::plain::line(text, 60)
}

impl Times {
    /// Reads times in this zone.
    pub fn new(zone: &Zone) -> Result<Self, String> {
        let zone = match zone {
            Zone::Utc => TimeZone::UTC,
            Zone::Local => TimeZone::try_system().map_err(|why| {
                format!("the time zone of this machine is not known ({why}): name `zone` of the feed")
            })?,
            Zone::Named(name) => TimeZone::get(name)
                .map_err(|why| format!("the time zone `{name}` is not known on this machine ({why})"))?,
        };
        Ok(Self { zone })
    }

    /// Whether this text means two moments, in the hour that a clock change repeats.
    pub fn is_twofold(&self, text: &str) -> bool {
        matches!(read(text), Some(Written::Naive(naive))
            if matches!(self.zone.to_ambiguous_timestamp(naive).offset(), AmbiguousOffset::Fold { .. }))
    }

    /// The same time with the offset that it has the `passage`th time (from 0; the last where there are not so many): what a
    /// sink takes for that moment. `None` where the text does not mean two.
    pub fn passage(&self, text: &str, passage: u64) -> Option<String> {
        let Some(Written::Naive(naive)) = read(text) else { return None };
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(naive).offset() else {
            return None;
        };
        let offset = if passage == 0 { before } else { after };
        let seconds = offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
        Some(format!("{naive}{sign}{hours:02}:{minutes:02}"))
    }

    /// The moment that this text means; of two the first.
    pub fn moment(&self, text: &str) -> Result<Timestamp, String> {
        match read(text) {
            None => Err(format!("{:?} is no time", short(text))),
            Some(Written::Moment(moment)) => Ok(moment),
            Some(Written::Naive(naive)) => {
                let means = self.zone.to_ambiguous_timestamp(naive);
                let zone = self.zone.iana_name().unwrap_or("the local zone");
                match means.offset() {
                    AmbiguousOffset::Gap { .. } => Err(format!(
                        "{:?} does not exist in {zone}: a clock change skips it (check `zone` of the feed)",
                        short(text)
                    )),
                    AmbiguousOffset::Fold { .. } | AmbiguousOffset::Unambiguous { .. } => {
                        means.earlier().map_err(|why| format!("{:?} is no time in {zone}: {why}", short(text)))
                    }
                }
            }
        }
    }

    /// The naive time of this text where the source stands.
    pub fn naive(&self, text: &str) -> Result<DateTime, String> {
        match read(text) {
            None => Err(format!("{:?} is no time", short(text))),
            Some(Written::Naive(naive)) => Ok(naive),
            Some(Written::Moment(moment)) => Ok(self.zone.to_datetime(moment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Times {
        Times::new(&Zone::Named("Europe/Berlin".into())).unwrap()
    }

    #[test]
    fn both_clock_changes() {
        let moment = |text: &str| berlin().moment(text).map(|moment| moment.to_string());
        assert_eq!(moment("2026-10-25 01:59:59").unwrap(), "2026-10-24T23:59:59Z");
        assert_eq!(moment("2026-10-25 02:30:00").unwrap(), "2026-10-25T00:30:00Z");
        assert_eq!(moment("2026-10-25 03:00:00").unwrap(), "2026-10-25T02:00:00Z");
        assert_eq!(moment("2026-03-29 01:59:59").unwrap(), "2026-03-29T00:59:59Z");
        assert!(moment("2026-03-29 02:30:00").unwrap_err().contains("does not exist in Europe/Berlin"));
        assert_eq!(moment("2026-03-29 03:00:00").unwrap(), "2026-03-29T01:00:00Z");
    }

    #[test]
    fn each_passage_of_the_hour_that_is_repeated() {
        let times = berlin();
        assert!(times.is_twofold("2026-10-25 02:00:00") && times.is_twofold("2026-10-25 02:59:59.5"));
        assert!(!times.is_twofold("2026-10-25 03:00:00") && !times.is_twofold("2026-03-29 02:30:00"));
        assert!(!times.is_twofold("2026-10-25 02:30:00+01:00") && !times.is_twofold("lunch"));
        let moment = |passage| {
            let text = times.passage("2026-10-25 02:30:00", passage).unwrap();
            times.moment(&text).unwrap().to_string()
        };
        assert_eq!(
            [moment(0), moment(1), moment(2)],
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"]
        );
        assert_eq!(times.passage("2026-10-25 12:00:00", 1), None);
        let text = times.passage("2026-10-25 02:30:00", 1).unwrap();
        assert_eq!(times.naive(&text).unwrap().to_string(), "2026-10-25T02:30:00");
    }

    #[test]
    fn ways_to_write_a_time() {
        let times = berlin();
        for text in [
            "2026-07-01 12:00:00",
            "2026-07-01T12:00:00",
            "2026-07-01 12:00",
            "2026-07-01T10:00:00Z",
            "2026-07-01 10:00:00Z",
            "2026-07-01 12:00:00+02:00",
            "2026-07-01 12:00:00.000",
        ] {
            assert_eq!(times.moment(text).map(|m| m.to_string()), Ok("2026-07-01T10:00:00Z".into()), "{text}");
        }
        assert_eq!(times.moment("2026-07-01").map(|m| m.to_string()), Ok("2026-06-30T22:00:00Z".into()));
        for text in ["", "12:00:00", "2026-13-01 00:00:00", "2026-02-30 00:00:00", "1700000000", "now"] {
            assert!(times.moment(text).is_err(), "{text}");
        }
        assert!(Times::new(&Zone::Named("Europe/Nowhere".into())).unwrap_err().contains("Europe/Nowhere"));
    }

    #[test]
    fn a_book_in_the_place_of_a_time_is_told_in_a_line() {
        let why = Times { zone: TimeZone::UTC }.moment(&"\0 ".repeat(1 << 20)).unwrap_err();
        assert!(why.len() < 200, "{why}");
    }
}
