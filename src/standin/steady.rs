//! Steady time: timestamps that can be kept on disk and yet do not jump.
//!
//! Dwell, cool-down and hold-down outlive the engine, so they cannot be counted in the [`Tick`]s of one process; and the
//! wall clock may jump. Within one engine, steady time is the wall clock as it was when the engine began, plus what its
//! monotonic clock has counted since. Between two engines only their wall clocks connect them:
//! [`Book::restore`](super::book::Book::restore) says what becomes of a time that lies in the future.

use std::time::Duration;

use crate::clock::{Clock, Tick, Timestamp};

/// Where this engine's monotonic clock lies on the wall clock. Taken once, when the engine begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steady {
    tick: Tick,
    wall: Timestamp,
}

impl Steady {
    /// As the clocks stand now.
    pub fn begin(clock: &Clock) -> Self {
        Self { tick: clock.tick(), wall: clock.now() }
    }

    /// The steady time of a tick of the same clock.
    pub fn at(self, tick: Tick) -> Timestamp {
        let after = tick.since(self.tick);
        let before = self.tick.since(tick);
        let time = self.wall.saturating_add(after).unwrap_or(self.wall);
        time.saturating_sub(before).unwrap_or(time)
    }
}

/// How long after `earlier` this is; zero where it is before.
pub fn since(now: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_clock_does_not_move_it() {
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        let steady = Steady::begin(&clock);
        clock.advance(Duration::from_secs(10));
        clock.jump(Timestamp::from_second(1_000_000).unwrap());
        let now = steady.at(clock.tick());
        assert_eq!(now.as_second(), 15);
        assert_eq!(since(now, steady.at(Tick::default())), Duration::from_secs(15));
        assert_eq!(since(steady.at(Tick::default()), now), Duration::ZERO);
    }
}
