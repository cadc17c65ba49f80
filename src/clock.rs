//! The only way to know the time.
//!
//! Rules of a domain never ask for the time: it is passed to them. Workers ask a [`Clock`], which a test can hold still.
//! Two times are kept apart: [`Tick`] is monotonic and decides; [`Timestamp`] is the wall clock and is only shown.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

pub use jiff::Timestamp;

/// A monotonic time: nanoseconds since this clock began. Only differences mean anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(Duration);

impl Tick {
    /// The beginning of this clock, moved by so much.
    pub const fn at(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after `earlier` this is; zero where it is before.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Time since the clock began.
    pub const fn since_start(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl Sub<Duration> for Tick {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(earlier))
    }
}

/// Knows the time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Real { start: Duration },
    Held(Arc<Mutex<(Tick, Timestamp)>>),
    Timers { start: tokio::time::Instant, wall: Timestamp },
}

impl Clock {
    /// The machine's own clocks.
    pub fn real() -> Self {
        Self(Source::Real { start: running() })
    }

    /// A clock that stands still at `wall` until it is moved: for tests.
    pub fn held(wall: Timestamp) -> Self {
        Self(Source::Held(Arc::new(Mutex::new((Tick::default(), wall)))))
    }

    /// The clock of the runtime's timers, which begins at `wall`: for tests that pause them, so that hours pass in a moment.
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    pub fn of_timers(wall: Timestamp) -> Self {
        Self(Source::Timers { start: tokio::time::Instant::now(), wall })
    }

    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    pub fn tick(&self) -> Tick {
        match &self.0 {
            Source::Real { start } => Tick(running().saturating_sub(*start)),
            Source::Held(held) => lock(held).0,
            Source::Timers { start, .. } => Tick(tokio::time::Instant::now().duration_since(*start)),
        }
    }

    /// Wall clock time.
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Real { .. } => Timestamp::now(),
            Source::Held(held) => lock(held).1,
            Source::Timers { wall, .. } => wall.saturating_add(self.tick().since_start()).unwrap_or(*wall),
        }
    }

    /// Moves a held clock on, both times together. A real clock moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(held) = &self.0 {
            let mut both = lock(held);
            both.0 = both.0 + by;
            both.1 = both.1.saturating_add(by).unwrap_or(both.1);
        }
    }

    /// Moves only the wall clock of a held clock, as a wrong NTP step does.
    pub fn jump(&self, to: Timestamp) {
        if let Source::Held(held) = &self.0 {
            lock(held).1 = to;
        }
    }
}

/// How long the machine runs, the time that it slept included: `Instant` leaves that out on Linux, and whoever wakes up must
/// know that a right has ended meanwhile.
fn running() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = rustix::time::ClockId::Boottime;
    // Elsewhere this one goes on while the machine sleeps.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A poisoned lock still holds two plain numbers.
fn lock(held: &Mutex<(Tick, Timestamp)>) -> std::sync::MutexGuard<'_, (Tick, Timestamp)> {
    held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_real_clock_goes_on_while_the_machine_sleeps() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
        // The kernel counts sleep in its uptime.
        assert!((running().as_secs_f64() - uptime).abs() < 5.0);
        let clock = Clock::real();
        let first = clock.tick();
        assert!(first.since_start() < Duration::from_secs(5) && clock.tick() >= first);
    }

    #[test]
    fn a_held_clock_moves_when_it_is_told() {
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.tick().since_start(), Duration::from_secs(3));
        assert_eq!(clock.now().as_second(), 3);
        clock.jump(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.tick().since_start(), Duration::from_secs(3));
        assert_eq!(clock.now().as_second(), 0);
    }
}
