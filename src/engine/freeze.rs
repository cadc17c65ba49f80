//! When the engine cannot trust its own eyes: a late tick or a wall clock that jumped suspends automatic decisions.
//!
//! After Redis Sentinel's TILT mode. Time is passed in.

use std::time::Duration;

use super::snapshot::Freeze;
use crate::clock::{Tick, Timestamp};

/// Between two pulses of the engine.
pub const PULSE: Duration = Duration::from_millis(500);
/// A pulse later than this, or a wall clock that is off by more, is not trusted.
const TOLERANCE: Duration = Duration::from_secs(2);
/// How long decisions stay suspended after the last such event.
const SUSPENSION: Duration = Duration::from_secs(30);

/// Watches the pulse.
#[derive(Debug, Clone)]
pub struct Watchdog {
    last: (Tick, Timestamp),
    frozen: Option<(Tick, Freeze)>,
}

/// What a pulse changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Decisions are suspended, or go on being so for a new reason.
    Frozen(Freeze),
    /// They may be taken again.
    Thawed,
}

impl Watchdog {
    /// Starts now.
    pub const fn new(tick: Tick, wall: Timestamp) -> Self {
        Self { last: (tick, wall), frozen: None }
    }

    /// A pulse. Expected each [`PULSE`].
    pub fn pulse(&mut self, tick: Tick, wall: Timestamp) -> Option<Change> {
        let (last_tick, last_wall) = std::mem::replace(&mut self.last, (tick, wall));
        let elapsed = tick.since(last_tick);
        let late = elapsed.saturating_sub(PULSE);
        let elapsed_seconds = elapsed.as_secs_f64();
        let jumped = (wall - last_wall).total(jiff::Unit::Second).unwrap_or(f64::MAX) - elapsed_seconds;
        let why = if jumped.abs() > TOLERANCE.as_secs_f64() {
            let direction = if jumped > 0.0 { "forward" } else { "back" };
            Some(format!("the wall clock jumped {direction} by {:.0} s", jumped.abs()))
        } else if late > TOLERANCE {
            Some(format!("the engine's own pulse came {:.1} s late", late.as_secs_f64()))
        } else {
            None
        };
        if let Some(why) = why {
            let until = wall.saturating_add(SUSPENSION).unwrap_or(wall);
            let freeze = Freeze { why, until };
            self.frozen = Some((tick + SUSPENSION, freeze.clone()));
            return Some(Change::Frozen(freeze));
        }
        if self.frozen.as_ref().is_some_and(|(until, _)| tick >= *until) {
            self.frozen = None;
            return Some(Change::Thawed);
        }
        None
    }

    /// The suspension in force.
    pub fn frozen(&self) -> Option<&Freeze> {
        self.frozen.as_ref().map(|(_, freeze)| freeze)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn begin() -> (Clock, Watchdog) {
        let clock = Clock::held(Timestamp::from_second(1_000_000).unwrap());
        let watchdog = Watchdog::new(clock.tick(), clock.now());
        (clock, watchdog)
    }

    fn pulse(clock: &Clock, watchdog: &mut Watchdog, after: Duration) -> Option<Change> {
        clock.advance(after);
        watchdog.pulse(clock.tick(), clock.now())
    }

    #[test]
    fn a_steady_pulse_changes_nothing() {
        let (clock, mut watchdog) = begin();
        for _ in 0..100 {
            assert_eq!(pulse(&clock, &mut watchdog, PULSE), None);
        }
        assert_eq!(pulse(&clock, &mut watchdog, PULSE + Duration::from_millis(1_900)), None);
    }

    #[test]
    fn a_late_pulse_suspends_for_thirty_seconds() {
        let (clock, mut watchdog) = begin();
        let change = pulse(&clock, &mut watchdog, Duration::from_secs(3));
        assert!(matches!(&change, Some(Change::Frozen(freeze)) if freeze.why.contains("2.5 s late")), "{change:?}");
        for _ in 0..59 {
            assert_eq!(pulse(&clock, &mut watchdog, PULSE), None);
            assert!(watchdog.frozen().is_some());
        }
        assert_eq!(pulse(&clock, &mut watchdog, PULSE), Some(Change::Thawed));
        assert!(watchdog.frozen().is_none());
    }

    #[test]
    fn a_jump_of_the_wall_clock_suspends_in_both_directions() {
        for (seconds, word) in [(3_600, "forward by 3600 s"), (-90, "back by 90 s")] {
            let (clock, mut watchdog) = begin();
            clock.jump(Timestamp::from_second(1_000_000 + seconds).unwrap());
            let change = pulse(&clock, &mut watchdog, PULSE);
            assert!(matches!(&change, Some(Change::Frozen(freeze)) if freeze.why.ends_with(word)), "{change:?}");
        }
    }

    #[test]
    fn a_second_event_starts_the_thirty_seconds_anew() {
        let (clock, mut watchdog) = begin();
        pulse(&clock, &mut watchdog, Duration::from_secs(3));
        for _ in 0..40 {
            pulse(&clock, &mut watchdog, PULSE);
        }
        assert!(matches!(pulse(&clock, &mut watchdog, Duration::from_secs(4)), Some(Change::Frozen(_))));
        for _ in 0..59 {
            assert_eq!(pulse(&clock, &mut watchdog, PULSE), None);
        }
        assert_eq!(pulse(&clock, &mut watchdog, PULSE), Some(Change::Thawed));
    }
}
