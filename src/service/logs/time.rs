//! The time that a line of a log says, as far as it is one of those that are common. Pure.
//!
//! Found are RFC 3339 (`2026-11-21T14:02:11.5+01:00`), the same with a space or slashes (`2026/11/21 14:02:11`), with a comma
//! before the fraction as Python writes it, each within the first [`HEAD`] bytes of the line, so that `INFO`, a bracket or
//! the beginning of a JSON object may stand before it; and at the beginning of the line that of syslog (`Nov 21 14:02:11`).

/// How far into a line a time is looked for, bytes.
const HEAD: usize = 64;
/// Bytes of `2026-11-21T14:02:11`.
const WHOLE: usize = 19;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What a time without a zone or without a year is read by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Zone {
    /// How far the host's own time is ahead of UTC, milliseconds.
    pub(super) ahead: i64,
    /// Now, in milliseconds since 1970, UTC.
    pub(super) now: i64,
}

/// The time that a line says, in milliseconds since 1970, UTC.
pub(super) fn of(line: &[u8], zone: Zone) -> Option<i64> {
    let head = line.get(..line.len().min(HEAD + WHOLE)).unwrap_or_default();
    let starts = head.len().saturating_sub(WHOLE - 1);
    for at in 0..starts {
        let rest = head.get(at..)?;
        // `20` or `19`: years of other centuries are numbers of something else.
        if matches!(rest, [b'2', b'0', ..] | [b'1', b'9', ..])
            && let Some(time) = dated(line.get(at..)?, zone)
        {
            return Some(time);
        }
    }
    syslog(line, zone)
}

/// `2026-11-21T14:02:11` with what follows it.
fn dated(text: &[u8], zone: Zone) -> Option<i64> {
    let (year, first, month, second) = (digits(text, 0, 4)?, *text.get(4)?, digits(text, 5, 2)?, *text.get(7)?);
    let day = digits(text, 8, 2)?;
    if first != second || !matches!(first, b'-' | b'/') || !matches!(text.get(10)?, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let clock = clock(text, 11)?;
    let days = days(year, month, day)?;
    let (fraction, used) = fraction(text.get(WHOLE..)?);
    let ahead = offset(text.get(WHOLE + used..)?).unwrap_or(zone.ahead);
    Some(days * DAY + clock + fraction - ahead)
}

/// `Nov 21 14:02:11`, of the host's own time, in the year in which it lies closest before now.
fn syslog(line: &[u8], zone: Zone) -> Option<i64> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = line.get(..3)?;
    let month = MONTHS.chunks(3).position(|month| month == name)?;
    let month = i64::try_from(month).ok()? + 1;
    if *line.get(3)? != b' ' {
        return None;
    }
    let day = match line.get(4)? {
        b' ' => digits(line, 5, 1)?,
        _ => digits(line, 4, 2)?,
    };
    let clock = clock(line, 7)?;
    let year = year_of(zone.now + zone.ahead);
    let at = |year| Some(days(year, month, day)? * DAY + clock - zone.ahead);
    // A line of the last December that is read in January.
    at(year).filter(|time| *time <= zone.now + DAY).or_else(|| at(year - 1))
}

/// `14:02:11` as milliseconds.
fn clock(text: &[u8], at: usize) -> Option<i64> {
    let (hour, minute, second) = (digits(text, at, 2)?, digits(text, at + 3, 2)?, digits(text, at + 6, 2)?);
    let apart = *text.get(at + 2)? == b':' && *text.get(at + 5)? == b':';
    // 60: a leap second.
    (apart && hour < 24 && minute < 60 && second <= 60).then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

/// `.123456` or `,123` as milliseconds, and how many bytes that takes.
fn fraction(text: &[u8]) -> (i64, usize) {
    let Some((b'.' | b',', rest)) = text.split_first() else { return (0, 0) };
    let count = rest.iter().take_while(|digit| digit.is_ascii_digit()).count();
    if count == 0 {
        return (0, 0);
    }
    let milliseconds = rest.iter().take(count.min(3)).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let scale = [1, 100, 10, 1].get(count.min(3)).copied().unwrap_or(1);
    (milliseconds * scale, count + 1)
}

/// `Z`, `+01:00` or `-0100`, with or without a space before it, as milliseconds ahead of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let sign = match text.first()? {
        b'Z' | b'z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let minutes = digits(text, 3, 2).or_else(|| digits(text, 4, 2))?;
    let hours = digits(text, 1, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = text.get(at..at + count)?;
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Days since 1970 of a day of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year of so many milliseconds since 1970 (the same source, `civil_from_days`).
fn year_of(time: i64) -> i64 {
    let shifted = time.div_euclid(DAY) + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    years + shifted.div_euclid(146_097) * 400 + i64::from((5 * of_year + 2) / 153 >= 10)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn zone() -> Zone {
        Zone { ahead: 3_600_000, now: at("2026-11-21T14:00:00Z") }
    }

    #[rstest]
    #[case("2026-11-21T14:02:11Z started", "2026-11-21T14:02:11Z")]
    #[case("2026-11-21T14:02:11.123456789Z started", "2026-11-21T14:02:11.123Z")]
    #[case("2026-11-21T14:02:11+01:00 x", "2026-11-21T13:02:11Z")]
    #[case("2026-11-21T14:02:11.5-0230 x", "2026-11-21T16:32:11.5Z")]
    #[case("2026-11-21 14:02:11,042 - INFO - x", "2026-11-21T13:02:11.042Z")]
    #[case("2026-11-21 14:02:11.42 x", "2026-11-21T13:02:11.42Z")]
    #[case("2026/11/21 14:02:11 [error] x", "2026-11-21T13:02:11Z")]
    #[case("[2026-11-21 14:02:11 +0000] [7] [INFO] x", "2026-11-21T14:02:11Z")]
    #[case("INFO 2026-11-21 14:02:11 x", "2026-11-21T13:02:11Z")]
    #[case("{\"t\":{\"$date\":\"2026-11-21T14:02:11.000+00:00\"},\"s\":\"I\"}", "2026-11-21T14:02:11Z")]
    #[case("Nov 21 14:02:11 kv-1 cron[7]: x", "2026-11-21T13:02:11Z")]
    #[case("Nov  1 14:02:11 kv-1 cron[7]: x", "2026-11-01T13:02:11Z")]
    #[case("Dec 31 23:59:59 kv-1 cron[7]: x", "2025-12-31T22:59:59Z")]
    fn a_common_time_is_found(#[case] line: &str, #[case] time: &str) {
        assert_eq!(of(line.as_bytes(), zone()), Some(at(time)));
    }

    #[rstest]
    #[case("")]
    #[case("  File \"main.py\", line 2026, in run")]
    #[case("2026-13-21 14:02:11")]
    #[case("2026-11-21 25:02:11")]
    #[case("2026-11-21 14:02")]
    #[case("2026-11/21 14:02:11")]
    #[case("Nov 21 kv-1")]
    #[case("November 21 14:02:11")]
    fn what_is_no_time_is_none(#[case] line: &str) {
        assert_eq!(of(line.as_bytes(), zone()), None);
    }

    proptest::proptest! {
        #[test]
        fn every_moment_is_read_as_it_was_written(seconds in 946_684_800_i64..4_102_444_799) {
            let time = Timestamp::from_second(seconds).unwrap();
            proptest::prop_assert_eq!(of(time.to_string().as_bytes(), Zone::default()), Some(time.as_millisecond()));
            proptest::prop_assert_eq!(year_of(time.as_millisecond()), i64::from(time.to_zoned(jiff::tz::TimeZone::UTC).year()));
        }

        #[test]
        fn nothing_panics(line in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let _whatever_it_is = of(&line, zone());
        }
    }
}
