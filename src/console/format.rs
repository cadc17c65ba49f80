//! Numbers and times as people read them, in few columns.
//!
//! Ages change each second in their first minute and each minute after it, so that a screen on which nothing happens
//! stays as it is.

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::reach::plain::bytes;
pub use crate::reach::plain::size;
use crate::work::view::Unit;

/// How long since `then`: `42 s`, `12 min`, `3 h 10`, `12 d 4 h`. At most eight columns.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    span(now.as_second().saturating_sub(then.as_second()).max(0))
}

/// How long until `then`, rounded up; the same words.
pub fn left(then: Timestamp, now: Timestamp) -> String {
    let seconds = then.as_second().saturating_sub(now.as_second()).max(0);
    span(if seconds > 60 { seconds.saturating_add(59) } else { seconds })
}

/// A number of seconds in words.
pub fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {:02}", minutes % 60),
        (..100, ..) => format!("{days} d {:02} h", hours % 24),
        _ => format!("{days} d"),
    }
}

/// A latency in seconds: `0.4 ms`, `12 ms`, `1.31 s`. At most seven columns.
pub fn latency(seconds: f64) -> String {
    let ms = seconds * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if seconds < 100.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.0} s")
    }
}

/// The remaining time of a job: `0:42`, `5:10`, `1:02:03`, and `3 d` where nobody waits for it.
pub fn remaining(seconds: f64) -> Option<String> {
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "finite, not negative, and a float saturates")]
    let all = seconds.round() as i64;
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    Some(match hours {
        0 => format!("{minutes}:{rest:02}"),
        1..48 => format!("{hours}:{minutes:02}:{rest:02}"),
        _ => format!("{} d", hours / 24),
    })
}

/// A rate: `118 MB/s`, `35/s`.
pub fn rate(per_second: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{}/s", bytes(per_second)),
        Unit::Rows | Unit::Items if per_second >= 10_000.0 => format!("{:.0} k/s", per_second / 1000.0),
        Unit::Rows | Unit::Items if per_second >= 10.0 => format!("{per_second:.0}/s"),
        Unit::Rows | Unit::Items => format!("{per_second:.1}/s"),
    }
}

/// An amount of so much of so much: `7 of 41`, `12.9 of 14.2 GB`.
pub fn amount(done: u64, total: Option<u64>, unit: Unit) -> String {
    let one = |count: u64| match unit {
        Unit::Bytes => size(count),
        Unit::Rows | Unit::Items => count.to_string(),
    };
    match total {
        Some(total) => format!("{} of {}", one(done), one(total)),
        None => one(done),
    }
}

/// A time ago, in one unit: `now`, `12 min ago`, `3 h ago`, `1 d ago`. It changes each minute at most.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match coarse(then, now) {
        span if span == "now" => span,
        span => format!("{span} ago"),
    }
}

/// How long since, in one unit: `now`, `12 min`, `3 h`, `1 d`.
pub fn coarse(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.as_second().saturating_sub(then.as_second()).max(0) / 60;
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, 0) => "now".into(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (days @ ..1000, ..) => format!("{days} d"),
        (days, ..) => format!("{} y", days / 365),
    }
}

/// A number with its thousands apart: `100 000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let head = digits.len() % 3;
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == head {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Time of day, to the minute.
pub fn minute(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// Time of day, to the second.
pub fn second(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// Day and time: only the time where it is today.
pub fn moment(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (time, now) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if time.date() == now.date() {
        return time.strftime("%H:%M:%S").to_string();
    }
    time.strftime("%d %b %H:%M").to_string()
}

/// Day and time to the minute: only the time where it is today.
pub fn day_and_minute(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (there, here) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if there.date() == here.date() { minute(time, zone) } else { moment(time, now, zone) }
}

/// One of something, several of something: `1 host`, `6 hosts`.
pub fn several(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(3599, "59 min")]
    #[case(11_400, "3 h 10")]
    #[case(1_051_200, "12 d 04 h")]
    #[case(86_400 * 400, "400 d")]
    fn ages_are_short(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(span(seconds), expected);
        assert!(expected.len() <= 9);
    }

    #[rstest]
    #[case(0.000_42, "0.4 ms")]
    #[case(0.0124, "12 ms")]
    #[case(1.309, "1.31 s")]
    #[case(250.0, "250 s")]
    fn latencies_are_short(#[case] seconds: f64, #[case] expected: &str) {
        assert_eq!(latency(seconds), expected);
    }

    #[rstest]
    #[case(42.4, Some("0:42"))]
    #[case(310.0, Some("5:10"))]
    #[case(3723.0, Some("1:02:03"))]
    #[case(1e300, Some("106751991167300 d"))]
    #[case(f64::NAN, None)]
    #[case(-1.0, None)]
    fn remaining_times_are_short(#[case] seconds: f64, #[case] expected: Option<&str>) {
        assert_eq!(remaining(seconds).as_deref(), expected);
    }

    #[rstest]
    #[case(59, "now")]
    #[case(60, "1 min ago")]
    #[case(11_400, "3 h ago")]
    #[case(86_400 * 999, "999 d ago")]
    #[case(86_400 * 1000, "2 y ago")]
    fn times_ago_have_one_unit(#[case] seconds: i64, #[case] expected: &str) {
        let then = Timestamp::UNIX_EPOCH;
        assert_eq!(ago(then, Timestamp::from_second(seconds).unwrap()), expected);
    }

    #[rstest]
    #[case(0, "0")]
    #[case(999, "999")]
    #[case(1000, "1 000")]
    #[case(1_234_567, "1 234 567")]
    fn thousands_stand_apart(#[case] number: u64, #[case] expected: &str) {
        assert_eq!(count(number), expected);
    }

    #[test]
    fn amounts_carry_their_unit() {
        assert_eq!(amount(7, Some(41), Unit::Items), "7 of 41");
        assert_eq!(amount(12_900_000_000, Some(14_200_000_000), Unit::Bytes), "12.9 GB of 14.2 GB");
        assert_eq!(rate(118_000_000.0, Unit::Bytes), "118 MB/s");
        assert_eq!(rate(35.0, Unit::Rows), "35/s");
    }
}
