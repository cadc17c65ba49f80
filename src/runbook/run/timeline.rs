//! Timeline: the phases of a run, each beginning exactly where the one before it ended.

use crate::clock::Tick;
use crate::runbook::view::Phase;

/// Writes the phases while they pass.
#[derive(Debug)]
pub(super) struct Timeline {
    /// The time of this clock at which the timeline stood at zero, and how much had passed before this clock counts.
    from: Tick,
    offset: f64,
    open: bool,
}

impl Timeline {
    /// Goes on after phases that have passed, the last of which ended at `since`.
    pub(super) fn after(phases: &[Phase], since: Tick) -> Self {
        Self { from: since, offset: phases.last().map_or(0.0, |last| last.at + last.seconds), open: false }
    }

    /// A phase begins now, and the one before it ends.
    pub(super) fn begin(&mut self, phases: &mut Vec<Phase>, name: &str, now: Tick) {
        let at =
            if self.open { self.close(phases, now) } else { phases.last().map_or(0.0, |last| last.at + last.seconds) };
        phases.push(Phase { name: name.to_owned(), at, seconds: (self.place(now) - at).max(0.0) });
        self.open = true;
    }

    /// The open phase has lasted until now; answers with where that is.
    pub(super) fn close(&mut self, phases: &mut [Phase], now: Tick) -> f64 {
        let here = self.place(now);
        match phases.last_mut() {
            Some(last) if self.open => {
                last.seconds = (here - last.at).max(0.0);
                last.at + last.seconds
            }
            Some(last) => last.at + last.seconds,
            None => here,
        }
    }

    fn place(&self, now: Tick) -> f64 {
        self.offset + now.since(self.from).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_phase_leaves_a_gap() {
        let tick = |millis| Tick::at(Duration::from_millis(millis));
        let mut phases = vec![Phase { name: "detect".into(), at: 0.0, seconds: 2.5 }];
        let mut timeline = Timeline::after(&phases, tick(100));
        timeline.begin(&mut phases, "fence", tick(130));
        timeline.begin(&mut phases, "claim", tick(400));
        timeline.begin(&mut phases, "announce", tick(450));
        timeline.close(&mut phases, tick(500));
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["detect", "fence", "claim", "announce"]);
        for pair in phases.windows(2) {
            assert!((pair[0].at + pair[0].seconds - pair[1].at).abs() < 1e-9, "{pair:?}");
        }
        let last = phases.last().expect("one");
        assert!((last.at + last.seconds - 2.9).abs() < 1e-9, "{last:?}");
        assert!((phases[1].seconds - 0.3).abs() < 1e-9, "what passed before its step is part of the first phase");
    }
}
