//! What is kept of one check beyond its verdict: its last runs and its latency.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::health::observation::{Observation, Outcome};
use crate::health::view::{Point, TREND_BUCKETS};

/// Runs kept of each check: two minutes of one a second.
const KEPT: usize = 120;
/// Latencies kept within one span of the trend; a median of more would be no better.
const SAMPLES: usize = 128;
/// Weight of the newest run in the smoothed latency.
const NEWEST: f64 = 0.2;

/// The last runs of a check.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    runs: VecDeque<Run>,
    latency: Option<f64>,
    behind: Option<f64>,
    found: Option<String>,
}

/// One run, in 40 bytes: there are hundreds of thousands of them.
#[derive(Debug, Clone)]
struct Run {
    at: Timestamp,
    latency: Option<f32>,
    outcome: Outcome,
    reason: Option<Arc<str>>,
}

impl Trace {
    pub(super) fn push(&mut self, seen: &Observation) {
        self.behind = seen.behind.map(|behind| behind.as_secs_f64());
        self.found.clone_from(&seen.found);
        let latency = seen.latency.map(|latency| latency.as_secs_f64());
        if seen.outcome == Outcome::Pass
            && let Some(latency) = latency
        {
            self.latency = Some(self.latency.map_or(latency, |smooth| smooth + NEWEST * (latency - smooth)));
        }
        // A check that fails says the same thing over and over.
        let last = self.runs.back().and_then(|run| run.reason.clone());
        let reason =
            seen.reason.as_deref().map(|reason| last.filter(|last| **last == *reason).unwrap_or_else(|| reason.into()));
        if self.runs.len() == KEPT {
            self.runs.pop_front();
        }
        #[expect(clippy::cast_possible_truncation, reason = "seven digits of a latency are plenty")]
        let latency = latency.map(|latency| latency as f32);
        self.runs.push_back(Run { at: seen.wall, latency, outcome: seen.outcome, reason });
    }

    /// Smoothed latency of passing runs, seconds.
    pub(super) fn latency(&self) -> Option<f64> {
        self.latency
    }

    /// How far a replica was behind at its last run, seconds.
    pub(super) fn behind(&self) -> Option<f64> {
        self.behind
    }

    /// What is worth knowing of its last run.
    pub(super) fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// When it last ran.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.runs.back().map(|run| run.at)
    }

    pub(super) fn points(&self) -> Vec<Point> {
        let point = |run: &Run| Point {
            at: run.at,
            outcome: run.outcome,
            latency: run.latency.map(f64::from),
            reason: run.reason.as_deref().map(str::to_owned),
        };
        self.runs.iter().map(point).collect()
    }
}

/// Median latencies of the last spans, and the samples of the one that runs.
#[derive(Debug, Clone)]
pub(super) struct Trend {
    span: u64,
    samples: Vec<f64>,
    medians: VecDeque<Option<f64>>,
}

impl Trend {
    pub(super) fn new(span: u64) -> Self {
        Self { span, samples: Vec::new(), medians: VecDeque::from(vec![None; TREND_BUCKETS]) }
    }

    pub(super) fn push(&mut self, latency: Duration) {
        if self.samples.len() < SAMPLES {
            self.samples.push(latency.as_secs_f64());
        }
    }

    /// Goes on to `span`, a number that grows with time; `true` when it is a new one.
    pub(super) fn turn(&mut self, span: u64) -> bool {
        if span <= self.span {
            return false;
        }
        for _missed in 0..(span - self.span).min(TREND_BUCKETS as u64) {
            self.medians.pop_front();
            self.medians.push_back(median(&mut self.samples));
            self.samples.clear();
        }
        self.span = span;
        true
    }

    pub(super) fn medians(&self) -> Vec<Option<f64>> {
        self.medians.iter().copied().collect()
    }
}

fn median(samples: &mut [f64]) -> Option<f64> {
    let middle = samples.len() / 2;
    samples.sort_by(f64::total_cmp);
    samples.get(middle).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trend_turns_by_spans_and_shows_gaps() {
        let mut trend = Trend::new(10);
        for millis in [3, 1, 2] {
            trend.push(Duration::from_millis(millis));
        }
        assert!(!trend.turn(10));
        assert!(trend.turn(12));
        let shown = trend.medians();
        assert_eq!(shown.len(), TREND_BUCKETS);
        assert_eq!(shown[TREND_BUCKETS - 2..], [Some(0.002), None]);
        assert!(!trend.turn(5), "a clock that goes back turns nothing");
        assert!(trend.turn(u64::MAX));
        assert!(trend.medians().iter().all(Option::is_none));
    }

    #[test]
    fn only_the_last_runs_are_kept() {
        let mut trace = Trace::default();
        for _run in 0..KEPT + 5 {
            trace.push(&Observation {
                outcome: Outcome::Fail,
                latency: None,
                reason: Some("connection refused".into()),
                behind: None,
                found: None,
                at: crate::clock::Tick::default(),
                wall: Timestamp::UNIX_EPOCH,
            });
        }
        assert_eq!(trace.points().len(), KEPT);
        assert_eq!(trace.latency(), None);
    }
}
