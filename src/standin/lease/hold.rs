//! How long the lease may be used: the arithmetic of the margin. Pure; time is passed in.
//!
//! Whoever keeps the lease counts the time to live from a moment not earlier than the one at which the holder sent its
//! renewal. The holder counts from that sending, and only [`usable`]: four fifths. So its right has ended before anybody
//! can take the lease, as long as the two clocks, each counting the same seconds, differ by less than a fifth: real ones
//! differ by less than a thousandth. The argument is that of C. Gray and D. Cheriton, "Leases" (1989).

use std::time::Duration;

use crate::clock::Tick;

/// The right to act, at the moment when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The number to send with each remote step.
    pub generation: u64,
    /// It lasts so long without a further renewal; `None`: as long as this process lives.
    pub left: Option<Duration>,
}

/// What is known of a lease that is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The number of this ownership.
    pub generation: u64,
    /// Not before this moment: one before us may still act until then.
    pub from: Tick,
    /// Not from this moment on; `None`: the kernel takes it back when the process ends.
    pub until: Option<Tick>,
}

impl Hold {
    /// A hold that was renewed by something sent at `sent`.
    pub fn renewed(generation: u64, from: Tick, sent: Tick, ttl: Duration) -> Self {
        Self { generation, from, until: Some(sent + usable(ttl)) }
    }

    /// The right at this moment.
    pub fn at(&self, now: Tick) -> Option<Right> {
        let ended = self.until.is_some_and(|until| now >= until);
        let left = self.until.map(|until| until.since(now));
        (now >= self.from && !ended).then_some(Right { generation: self.generation, left })
    }
}

/// So much of a time to live the holder uses.
pub fn usable(ttl: Duration) -> Duration {
    ttl.saturating_sub(margin(ttl))
}

/// So much of a time to live is left for clocks that differ.
pub fn margin(ttl: Duration) -> Duration {
    ttl / 5
}

/// Between two renewals: three may fail in a row before the right ends.
pub fn between_renewals(ttl: Duration) -> Duration {
    ttl / 6
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Tick {
        Tick::at(Duration::from_secs(seconds))
    }

    #[test]
    fn the_right_ends_a_fifth_before_others_can_have_it() {
        let hold = Hold::renewed(7, at(0), at(100), TTL);
        assert_eq!(hold.at(at(100)), Some(Right { generation: 7, left: Some(Duration::from_secs(8)) }));
        let last = Tick::at(Duration::from_millis(107_999));
        assert_eq!(hold.at(last).and_then(|right| right.left), Some(Duration::from_millis(1)));
        assert_eq!(hold.at(at(108)), None);
        assert_eq!(hold.at(at(1_000_000)), None, "however late somebody wakes");
    }

    #[test]
    fn nobody_acts_before_the_one_before_has_noticed() {
        let hold = Hold::renewed(7, at(102), at(100), TTL);
        assert_eq!(hold.at(at(101)), None);
        assert!(hold.at(at(102)).is_some());
        assert!(between_renewals(TTL) < margin(TTL));
    }

    #[test]
    fn clocks_may_differ_by_less_than_the_margin() {
        for seconds in [1, 2, 5, 10, 60] {
            let ttl = Duration::from_secs(seconds);
            // The holder's clock is slow by nineteen hundredths: it believes that less time went by than did.
            let really = usable(ttl).mul_f64(1.0 / 0.81);
            assert!(really < ttl, "{ttl:?}: {really:?}");
            assert!(between_renewals(ttl) * 4 < usable(ttl));
        }
    }

    #[test]
    fn what_the_kernel_keeps_does_not_end() {
        let hold = Hold { generation: 3, from: at(0), until: None };
        assert_eq!(hold.at(at(1_000_000)), Some(Right { generation: 3, left: None }));
    }
}
