//! How many rows at once, and how long to wait. Pure.

use std::time::Duration;

/// A batch that is written faster than this may grow: then most of its time is the way there and back.
const SHORT: Duration = Duration::from_millis(60);
/// One that takes longer shrinks: whoever else wants the target waits meanwhile.
const LONG: Duration = Duration::from_millis(500);
/// A batch grows to so many times what the fleet file says.
const GROWS: u32 = 4;
/// And shrinks to this.
const LEAST: u32 = 100;

/// How many rows are written at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    declared: u32,
    now: u32,
}

impl Batch {
    /// Begins with what the fleet file says.
    pub const fn new(declared: u32) -> Self {
        Self { declared, now: declared }
    }

    /// Rows.
    pub const fn rows(self) -> u32 {
        self.now
    }

    /// So many rows were written in this time. Only full batches say something.
    pub fn wrote(&mut self, rows: usize, took: Duration) {
        if took > LONG {
            self.now = (self.now / 2).max(LEAST.min(self.declared));
        } else if took < SHORT && rows >= usize::try_from(self.now).unwrap_or(usize::MAX) {
            self.now = self.now.saturating_mul(2).min(self.declared.saturating_mul(GROWS));
        }
    }
}

/// First pause after a failure.
const FIRST: Duration = Duration::from_millis(250);
/// Longest one.
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses after failures, each twice as long as the one before, up to five seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff(u32);

impl Backoff {
    /// The next pause. `dice` from 0 to 1 makes it up to a quarter shorter or longer, so that many do not come back at once.
    pub fn pause(&mut self, dice: f64) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.0.min(16)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        whole.mul_f64(0.75 + 0.5 * dice.clamp(0.0, 1.0))
    }

    /// It went well.
    pub const fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_the_way_there_and_back() {
        let mut batch = Batch::new(5000);
        batch.wrote(4999, Duration::from_millis(1));
        assert_eq!(batch.rows(), 5000, "one that was not full says nothing");
        for _round in 0..5 {
            batch.wrote(20_000, Duration::from_millis(10));
        }
        assert_eq!(batch.rows(), 20_000);
        for _round in 0..20 {
            batch.wrote(20_000, Duration::from_secs(1));
        }
        assert_eq!(batch.rows(), 100);
        let mut small = Batch::new(7);
        small.wrote(7, Duration::from_secs(1));
        assert_eq!(small.rows(), 7, "never below what was declared as less");
    }

    #[test]
    fn pauses_grow_to_five_seconds_and_begin_anew() {
        let mut pauses = Backoff::default();
        let whole: Vec<u128> = (0..8).map(|_| pauses.pause(0.5).as_millis()).collect();
        assert_eq!(whole, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
        assert_eq!(pauses.pause(1.0).as_millis(), 6250);
        assert_eq!(pauses.pause(0.0).as_millis(), 3750);
        pauses.reset();
        assert_eq!(pauses.pause(0.5).as_millis(), 250);
    }
}
