//! How many rows are asked for at once, so that an answer stays short in bytes and in time. Pure.

use std::collections::HashMap;
use std::time::Duration;

/// An answer is never longer, bytes.
pub(super) const ANSWER: usize = 8 << 20;
/// What is aimed at, below it.
const AIM: f64 = 6_000_000.0;
/// How long an answer may take as a rule, seconds.
const TIME: f64 = 2.0;
/// Of a slow link at least so much is asked at once, bytes.
const LEAST: f64 = 64_000.0;
/// What a row is taken to weigh before any was seen, bytes.
const UNKNOWN: f64 = 1_000.0;

/// What the last answers were like.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bytes of a row, by table.
    weights: HashMap<String, f64>,
    /// Bytes a second; `None`: not known.
    rate: Option<f64>,
}

impl Pace {
    /// How many rows of a table are asked for, where so many are wanted and the answer has so many parts.
    pub(super) fn limit(&self, table: &str, wanted: u32, parts: usize) -> u32 {
        if wanted == 0 {
            return 0;
        }
        let room = self.rate.map_or(AIM, |rate| (rate * TIME).clamp(LEAST, AIM));
        #[expect(clippy::cast_precision_loss, reason = "a few tables")]
        let share = room / parts.max(1) as f64;
        let rows = share / self.weights.get(table).copied().unwrap_or(UNKNOWN).max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded on both sides")]
        let rows = rows.clamp(1.0, f64::from(wanted)) as u32;
        rows
    }

    /// An answer of so many bytes took so long. Short ones tell nothing of the link.
    pub(super) fn heard(&mut self, bytes: usize, time: Duration) {
        if bytes > 50_000 {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let rate = bytes as f64 / time.as_secs_f64().max(0.001);
            self.rate = Some(self.rate.map_or(rate, |known| f64::midpoint(known, rate)));
        }
    }

    /// So many rows of a table took so many bytes.
    pub(super) fn weighed(&mut self, table: &str, rows: usize, bytes: usize) {
        if rows > 0 {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let weight = bytes as f64 / rows as f64;
            self.weights.insert(table.to_owned(), weight);
        }
    }

    /// The answer would have been too long.
    pub(super) fn too_much(&mut self, table: &str) {
        let weight = self.weights.entry(table.to_owned()).or_insert(UNKNOWN);
        *weight *= 8.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_to_their_room_and_time() {
        let mut pace = Pace::default();
        assert_eq!(pace.limit("t", 20_000, 1), 6_000);
        pace.weighed("t", 100, 10_000);
        assert_eq!(pace.limit("t", 20_000, 1), 20_000, "never more than is wanted");
        pace.heard(1_000_000, Duration::from_secs(10));
        assert_eq!(pace.limit("t", 20_000, 1), 2_000, "a slow link");
        assert_eq!(pace.limit("t", 20_000, 2), 1_000);
        pace.too_much("t");
        assert_eq!(pace.limit("t", 20_000, 1), 250);
        for _one in 0..20 {
            pace.too_much("t");
        }
        assert_eq!((pace.limit("t", 20_000, 1), pace.limit("t", 0, 1)), (1, 0));
    }
}
