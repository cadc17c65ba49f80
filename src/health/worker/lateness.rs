//! How late checks start: a histogram that costs one addition a check.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets: four to each power of two of microseconds, so that a quantile is off by less than a fifth.
const BUCKETS: usize = 128;

/// Counts how late checks started.
#[derive(Debug)]
pub struct Lateness {
    counts: [AtomicU64; BUCKETS],
    longest: AtomicU64,
    skipped: AtomicU64,
}

/// What a [`Lateness`] has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatenessView {
    /// Checks started.
    pub started: u64,
    /// Checks left out because their run before had not ended, or because a whole period was missed.
    pub skipped: u64,
    /// Half of the checks started no later than this.
    pub p50: Duration,
    /// 99 of 100 checks started no later than this.
    pub p99: Duration,
    /// The latest.
    pub longest: Duration,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], longest: AtomicU64::new(0), skipped: AtomicU64::new(0) }
    }
}

impl Lateness {
    /// A check started so late.
    pub fn record(&self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get(bucket(micros)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.longest.fetch_max(micros, Ordering::Relaxed);
    }

    /// Checks were left out.
    pub fn skip(&self, count: u64) {
        self.skipped.fetch_add(count, Ordering::Relaxed);
    }

    /// What has been counted.
    pub fn view(&self) -> LatenessView {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let started = counts.iter().sum();
        let longest = Duration::from_micros(self.longest.load(Ordering::Relaxed));
        LatenessView {
            started,
            skipped: self.skipped.load(Ordering::Relaxed),
            p50: quantile(&counts, started.div_ceil(2)).min(longest),
            p99: quantile(&counts, started - started / 100).min(longest),
            longest,
        }
    }
}

/// 0 to 3 for themselves, then four a power of two.
fn bucket(micros: u64) -> usize {
    let Some(power) = micros.checked_ilog2().filter(|power| *power >= 2) else {
        return usize::try_from(micros).unwrap_or(0);
    };
    let quarter = (micros >> (power - 2)) & 3;
    let index = u64::from(power - 1) * 4 + quarter;
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// Upper bound of the bucket in which the value of this rank (from 1) lies.
fn quantile(counts: &[u64], rank: u64) -> Duration {
    let mut below = 0_u64;
    for (index, count) in counts.iter().enumerate() {
        below = below.saturating_add(*count);
        if below >= rank && rank > 0 {
            return Duration::from_micros(upper(index));
        }
    }
    Duration::ZERO
}

fn upper(index: usize) -> u64 {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    if index < 4 {
        return u64::from(index);
    }
    let (power, quarter) = (index / 4 + 1, index % 4);
    (u64::from(quarter) + 5).checked_shl(power - 2).unwrap_or(u64::MAX).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close() {
        let lateness = Lateness::default();
        for millis in 1..=1000 {
            lateness.record(Duration::from_millis(millis));
        }
        let view = lateness.view();
        assert_eq!((view.started, view.longest), (1000, Duration::from_secs(1)));
        assert!((500..600).contains(&view.p50.as_millis()), "{view:?}");
        assert!((990..=1000).contains(&view.p99.as_millis()), "{view:?}");
        assert_eq!(Lateness::default().view().p99, Duration::ZERO);
    }

    proptest::proptest! {
        #[test]
        fn each_value_lies_below_the_bound_of_its_bucket(micros in 0_u64..1 << 33) {
            let bound = upper(bucket(micros));
            assert!(bound >= micros && bound <= micros + micros / 4 + 1, "{micros} {bound}");
        }
    }
}
