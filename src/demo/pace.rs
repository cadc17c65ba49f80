//! How fast the demo plays: as it is watched, or so many times faster, for a play of hours that stands for days.
//!
//! Nothing is pretended: clocks, sockets and processes are real, only the pauses between what happens are shorter.

use std::time::Duration;

/// So many times faster than the demo is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(u32);

impl Pace {
    /// As it is watched.
    pub const WATCHED: Self = Self(1);

    /// So many times faster; never slower.
    pub const fn times(times: u32) -> Self {
        Self(if times == 0 { 1 } else { times })
    }

    /// Whether nobody watches.
    pub const fn hurried(self) -> bool {
        self.0 > 1
    }

    /// A pause of the demo at this pace.
    pub fn of(self, pause: Duration) -> Duration {
        pause / self.0
    }

    /// A pause at this pace, but not shorter than what it waits for takes; one that is shorter anyway stays as it is.
    pub fn not_below(self, pause: Duration, floor: Duration) -> Duration {
        self.of(pause).max(floor.min(pause))
    }

    /// So many things at this pace: whoever comes more often brings less each time.
    pub fn share(self, amount: usize) -> usize {
        (amount / self.0 as usize).max(1)
    }

    /// A pause at this pace as the fleet file writes it.
    pub(super) fn written(self, pause: Duration, floor: Duration) -> String {
        let pause = self.not_below(pause, floor);
        if pause.subsec_millis() == 0 { format!("{}s", pause.as_secs()) } else { format!("{}ms", pause.as_millis()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_never_makes_a_pause_longer_than_it_is_watched() {
        let second = Duration::from_secs(1);
        assert_eq!(Pace::times(20).not_below(second * 5, second), second);
        assert_eq!(Pace::times(20).not_below(second / 2, second), second / 2);
        assert_eq!(Pace::times(2).written(second * 5, Duration::ZERO), "2500ms");
        assert_eq!(Pace::WATCHED.written(second * 5, Duration::ZERO), "5s");
        assert_eq!(Pace::times(0), Pace::WATCHED);
    }
}
