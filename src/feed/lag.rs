//! How far behind: in rows, in seconds, and at what pace. Pure, with the time passed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::value::Place;
use super::view::{HISTORY_SLICE_SECONDS, HISTORY_SLICES};
use crate::clock::Tick;

/// Places that are remembered, with the time when they were first seen. Where more would be needed, every second one goes.
const REMEMBERED: usize = 512;

/// When rows were first seen to wait.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    /// The last place that a look found, when it was first found there, and how long it had waited then; by place.
    seen: VecDeque<(Place, Tick, Duration)>,
    looked: bool,
}

impl Waits {
    /// A look found this last place while rows wait. `age`: of the first row that waits, by its own time, which counts for
    /// the first look alone: later ones know it from here.
    pub fn looked(&mut self, at: Tick, last: &Place, age: Option<Duration>) {
        let had_waited = age.filter(|_| !self.looked).unwrap_or_default();
        self.looked = true;
        if self.seen.back().is_some_and(|(place, ..)| place >= last) {
            return;
        }
        if self.seen.len() == REMEMBERED {
            let mut number = 0;
            self.seen.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        self.seen.push_back((last.clone(), at, had_waited));
    }

    /// Rows up to this place were carried.
    pub fn carried(&mut self, mark: &Place) {
        while self.seen.front().is_some_and(|(place, ..)| place <= mark) {
            self.seen.pop_front();
        }
    }

    /// Nothing waits.
    pub fn empty(&mut self) {
        self.looked = true;
        self.seen.clear();
    }

    /// How long the oldest row that waits has waited.
    pub fn longest(&self, now: Tick) -> Duration {
        self.seen.front().map_or(Duration::ZERO, |(_, since, had)| now.since(*since) + *had)
    }
}

/// Length of a time slice.
const SLICE: Duration = Duration::from_secs(HISTORY_SLICE_SECONDS);
/// Slices that are kept: the whole ones, and the one that goes on.
const SLICES: usize = HISTORY_SLICES + 1;
/// Slices of which a rate is made.
const RATED: usize = 2;

/// Rows that came in and that were carried, by time slices.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    /// Number of the newest slice.
    newest: u64,
    /// Came in and carried, newest last.
    slices: VecDeque<(u64, u64)>,
}

impl Rates {
    /// Adds rows.
    pub fn add(&mut self, at: Tick, came_in: u64, carried: u64) {
        self.turn(at);
        if let Some(slice) = self.slices.back_mut() {
            slice.0 += came_in;
            slice.1 += carried;
        }
    }

    /// Makes empty slices of the time since the last addition.
    pub fn turn(&mut self, at: Tick) {
        let number = u64::try_from(at.since_start().as_millis() / SLICE.as_millis()).unwrap_or(u64::MAX);
        if self.slices.is_empty() {
            self.newest = number;
            self.slices.push_back((0, 0));
        }
        let missing = number.saturating_sub(self.newest);
        for _slice in 0..missing.min(SLICES as u64) {
            if self.slices.len() == SLICES {
                self.slices.pop_front();
            }
            self.slices.push_back((0, 0));
        }
        self.newest = self.newest.max(number);
    }

    /// Rows a second that came in and that were carried, of the last whole slices.
    pub fn rates(&self) -> (f64, f64) {
        let whole = self.slices.iter().rev().skip(1).take(RATED);
        let (mut came_in, mut carried, mut slices) = (0, 0, 0_u32);
        for (one, other) in whole {
            came_in += one;
            carried += other;
            slices += 1;
        }
        if slices == 0 {
            return (0.0, 0.0);
        }
        let seconds = f64::from(slices) * SLICE.as_secs_f64();
        (real(came_in) / seconds, real(carried) / seconds)
    }

    /// Rows carried in each whole slice, oldest first.
    pub fn history(&self) -> Vec<u32> {
        let whole = self.slices.len().saturating_sub(1);
        self.slices.iter().take(whole).map(|(_, carried)| u32::try_from(*carried).unwrap_or(u32::MAX)).collect()
    }
}

/// Seconds until nothing waits; `None`: it does not become less.
pub fn catches_up_in(waiting: u64, came_in: f64, carried: f64) -> Option<f64> {
    let gained = carried - came_in;
    (waiting > 0 && gained > 0.1).then(|| real(waiting) / gained)
}

#[expect(clippy::cast_precision_loss, reason = "rows to be shown")]
fn real(rows: u64) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::at(Duration::from_secs(seconds))
    }

    fn place(number: i64) -> Place {
        Place::Number(number)
    }

    #[test]
    fn the_oldest_row_is_as_old_as_when_it_was_first_seen() {
        let mut waits = Waits::default();
        waits.looked(at(100), &place(10), Some(Duration::from_secs(40_000)));
        assert_eq!(waits.longest(at(101)).as_secs(), 40_001, "the first look goes by the row's own time");
        waits.looked(at(105), &place(20), Some(Duration::from_secs(3600)));
        waits.carried(&place(5));
        assert_eq!(waits.longest(at(106)).as_secs(), 40_006);
        waits.carried(&place(12));
        assert_eq!(waits.longest(at(110)).as_secs(), 5, "what is left was first seen at 105");
        waits.carried(&place(20));
        assert_eq!(waits.longest(at(110)), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_kept_about_right() {
        let mut waits = Waits::default();
        for number in 0..5000 {
            waits.looked(at(1000 + number), &place(i64::try_from(number).unwrap()), None);
        }
        assert!(waits.seen.len() <= REMEMBERED);
        assert!(waits.longest(at(6000)).as_secs() >= 4000, "{:?}", waits.longest(at(6000)));
    }

    #[test]
    fn rates_are_of_whole_slices_and_fade() {
        let mut rates = Rates::default();
        for second in 100..110 {
            rates.add(at(second), 50, 100);
        }
        rates.turn(at(110));
        assert_eq!(rates.rates(), (50.0, 100.0));
        assert_eq!(rates.history(), [500; 2]);
        rates.turn(at(130));
        assert_eq!(rates.rates(), (0.0, 0.0));
        rates.turn(at(100_000));
        assert_eq!(rates.history(), [0; SLICES - 1]);
        assert_eq!(catches_up_in(1000, 50.0, 100.0), Some(20.0));
        assert_eq!(catches_up_in(1000, 100.0, 100.0), None);
        assert_eq!(catches_up_in(0, 0.0, 100.0), None);
    }
}
