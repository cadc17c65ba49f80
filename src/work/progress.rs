//! How far a job is: a small value that events move on, with a smoothed rate and the time that remains.

use std::time::Duration;

use crate::clock::Tick;

/// The rate forgets what is older than about this.
const MEMORY: Duration = Duration::from_secs(5);
/// The rate is measured over spans of at least this.
const SPAN: Duration = Duration::from_millis(200);
/// Nothing has moved for so long: the job is stalled.
pub const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Something that moves a job on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// There is so much to do.
    Total(u64),
    /// So much more is done.
    Advance(u64),
    /// So much is done in all.
    Reached(u64),
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    done: u64,
    total: Option<u64>,
    rate: Option<f64>,
    moved: Tick,
    sampled: Tick,
    sampled_done: u64,
}

impl Progress {
    /// Nothing is done yet.
    pub const fn start(at: Tick) -> Self {
        Self { done: 0, total: None, rate: None, moved: at, sampled: at, sampled_done: 0 }
    }

    /// What this progress becomes by an event.
    #[must_use]
    pub fn reduce(mut self, event: Event, at: Tick) -> Self {
        let before = self.done;
        match event {
            Event::Total(total) => self.total = Some(total),
            Event::Advance(more) => self.done = self.done.saturating_add(more),
            Event::Reached(done) => self.done = self.done.max(done),
        }
        if self.done != before {
            self.moved = at;
        }
        self.settle(at)
    }

    /// What it becomes by time alone: the rate of a job that stands still falls.
    #[must_use]
    pub fn settle(mut self, at: Tick) -> Self {
        let span = at.since(self.sampled);
        if span < SPAN {
            return self;
        }
        let moved = self.done - self.sampled_done;
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
        let now = moved as f64 / span.as_secs_f64();
        // Exponentially weighted by time, not by count: spans differ in length.
        let weight = 1.0 - (-span.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.rate = match self.rate {
            None if moved == 0 => None,
            None => Some(now),
            Some(rate) => Some(rate + weight * (now - rate)),
        };
        self.sampled = at;
        self.sampled_done = self.done;
        self
    }

    /// Units done.
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// Units in all; never less than what is done.
    pub fn total(&self) -> Option<u64> {
        self.total.map(|total| total.max(self.done))
    }

    /// Smoothed units a second.
    pub const fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Expected remaining seconds; `None` while unknown or when nothing moves.
    pub fn eta(&self) -> Option<f64> {
        let left = self.total?.saturating_sub(self.done);
        let rate = self.rate.filter(|rate| *rate > f64::EPSILON)?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = left as f64 / rate;
        // Beyond a hundred days it is not an estimate but a way of saying that nothing moves.
        (seconds < 8.64e6).then_some(seconds)
    }

    /// Whether nothing has moved for [`STALLED_AFTER`].
    pub fn stalled(&self, at: Tick) -> bool {
        at.since(self.moved) >= STALLED_AFTER
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "a test compares with room to spare")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_steady_job_shows_its_rate_and_what_remains() {
        let mut progress = Progress::start(at(0)).reduce(Event::Total(1_000), at(0));
        for step in 1..=40 {
            progress = progress.reduce(Event::Advance(10), at(step * 250));
        }
        assert!((progress.rate().unwrap() - 40.0).abs() < 1e-6);
        assert!((progress.eta().unwrap() - 15.0).abs() < 1e-6);
    }

    #[test]
    fn a_rate_that_changes_is_followed_within_seconds() {
        let mut progress = Progress::start(at(0));
        for step in 1..=20 {
            progress = progress.reduce(Event::Advance(100), at(step * 1_000));
        }
        for step in 21..=40 {
            progress = progress.reduce(Event::Advance(10), at(step * 1_000));
        }
        let rate = progress.rate().unwrap();
        assert!((10.0..15.0).contains(&rate), "{rate}");
    }

    #[test]
    fn standing_still_is_stalled_and_the_estimate_goes() {
        let mut progress =
            Progress::start(at(0)).reduce(Event::Total(100), at(0)).reduce(Event::Advance(50), at(1_000));
        assert!(!progress.stalled(at(5_999)));
        assert!(progress.stalled(at(6_000)));
        for second in 2..200 {
            progress = progress.settle(at(second * 1_000));
        }
        assert_eq!(progress.eta(), None);
        assert!(!progress.reduce(Event::Advance(1), at(200_000)).stalled(at(200_001)));
    }

    fn event() -> impl Strategy<Value = (Event, u64)> {
        let amount = prop_oneof![0u64..1_000, Just(u64::MAX)];
        let event = prop_oneof![
            amount.clone().prop_map(Event::Total),
            amount.clone().prop_map(Event::Advance),
            amount.prop_map(Event::Reached),
        ];
        (event, 0u64..5_000)
    }

    proptest! {
        #[test]
        fn whatever_comes_progress_never_goes_back_and_numbers_stay_sane(events in proptest::collection::vec(event(), 0..60)) {
            let mut now = 0;
            let mut progress = Progress::start(at(0));
            for (event, later) in events {
                now += later;
                let next = progress.reduce(event, at(now));
                prop_assert!(next.done() >= progress.done());
                prop_assert!(next.total().is_none_or(|total| total >= next.done()));
                prop_assert!(next.rate().is_none_or(|rate| rate.is_finite() && rate >= 0.0));
                prop_assert!(next.eta().is_none_or(|eta| eta.is_finite() && eta >= 0.0));
                progress = next;
            }
        }

        #[test]
        fn the_rate_lies_between_the_slowest_and_the_fastest_span(steps in proptest::collection::vec(1u64..10_000, 2..50)) {
            let mut progress = Progress::start(at(0));
            for (number, step) in steps.iter().enumerate() {
                progress = progress.reduce(Event::Advance(*step), at((number as u64 + 1) * 1_000));
            }
            let (low, high) = (*steps.iter().min().unwrap() as f64, *steps.iter().max().unwrap() as f64);
            let rate = progress.rate().unwrap();
            prop_assert!(rate >= low - 1e-6 && rate <= high + 1e-6, "{rate} not in {low}..{high}");
        }
    }
}
