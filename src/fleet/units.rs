//! Durations, sizes, rates and shares as people write them: `"800ms"`, `"10GiB"`, `"80MiB/s"`, `"10%"`.

use std::time::Duration;

/// A quantity of disk: so many bytes, or a share of the whole.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Room {
    /// Bytes.
    Bytes(u64),
    /// Percent of the whole, 0 to 100.
    Percent(f64),
}

/// Why a quantity could not be read; the text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub String);

/// Reads `"800ms"`, `"15s"`, `"5m"`, `"24h"`, `"2d"`. A bare number has no unit and is refused.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split(text);
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(UnitError("a duration is a number with ms, s, m, h or d, such as \"800ms\" or \"5m\"".into())),
    };
    let seconds =
        parse_number(number).ok_or_else(|| UnitError("a duration starts with a number, such as \"15s\"".into()))?;
    Duration::try_from_secs_f64(seconds * scale)
        .map_err(|_error| UnitError("this duration is too long to count".into()))
}

/// Reads `"10GiB"`, `"500MB"`, `"4096B"`; powers of 1024 for KiB…, of 1000 for kB….
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text);
    let scale: f64 = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => {
            return Err(UnitError(
                "a size is a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \"10GiB\"".into(),
            ));
        }
    };
    let number =
        parse_number(number).ok_or_else(|| UnitError("a size starts with a number, such as \"10GiB\"".into()))?;
    let value = number * scale;
    if value >= 9.2e18 {
        return Err(UnitError("this size is larger than any disk".into()));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 ≤ value < 2^63")]
    Ok(value.round() as u64)
}

/// Reads a rate such as `"80MiB/s"` as bytes a second.
pub fn rate(text: &str) -> Result<u64, UnitError> {
    let size = text
        .trim()
        .strip_suffix("/s")
        .ok_or_else(|| UnitError("a rate is a size with /s, such as \"80MiB/s\"".into()))?;
    bytes(size)
}

/// Reads a share `"10%"` or a size `"5GiB"`.
pub fn room(text: &str) -> Result<Room, UnitError> {
    match text.trim().strip_suffix('%') {
        Some(number) => match parse_number(number.trim()) {
            Some(percent) if percent <= 100.0 => Ok(Room::Percent(percent)),
            _ => Err(UnitError("a share lies between 0% and 100%".into())),
        },
        None => bytes(text)
            .map(Room::Bytes)
            .map_err(|_error| UnitError("a share such as \"10%\", or a size such as \"5GiB\"".into())),
    }
}

/// Splits `"15s"` into `("15", "s")`.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number, unit.trim())
}

/// A finite number, zero or more.
fn parse_number(text: &str) -> Option<f64> {
    text.replace('_', "").parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("800ms"), Ok(Duration::from_millis(800)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration(" 5 m "), Ok(Duration::from_secs(300)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86400)));
        for bad in ["", "5", "s", "-1s", "5 parsecs", "1e400s", "99999999999999999999d", "1..2s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_shares_and_rates() {
        assert_eq!(bytes("10GiB"), Ok(10 << 30));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(rate("80MiB/s"), Ok(80 << 20));
        assert_eq!(room("10%"), Ok(Room::Percent(10.0)));
        assert_eq!(room("5GiB"), Ok(Room::Bytes(5 << 30)));
        for bad in ["", "GiB", "10", "-1B", "9e99B", "99999999TiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        assert!(room("101%").is_err());
        assert!(rate("80MiB").is_err());
    }
}
