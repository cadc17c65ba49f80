//! The progress of several sessions in one job: the whole in bytes, and the session that is worked on now.
//!
//! A piece of work knows only its own bytes. Here they become those of the job, and what a piece turned out not to need is
//! counted as done when it ends, so that the whole never jumps back and never ends early. What was cancelled did not end.
//! Of several pieces under way at once the one that was begun first is told of.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::view::Part;

/// The job's parts are told anew after so many bytes, or when the step changes: each telling wakes every face.
const TELL_EVERY: u64 = 4 << 20;

/// Several pieces under one job.
pub struct Batch<'a> {
    job: &'a dyn Steer,
    pieces: u64,
    standing: Mutex<Standing>,
}

/// Which pieces are begun, and which are behind.
#[derive(Default)]
struct Standing {
    begun: u64,
    behind: u64,
    under_way: BTreeSet<u64>,
}

impl<'a> Batch<'a> {
    /// So many pieces, and so many units in all as far as it is known beforehand.
    pub fn new(job: &'a dyn Steer, pieces: usize, total: u64) -> Self {
        job.event(Event::Total(total));
        Self { job, pieces: pieces as u64, standing: Mutex::default() }
    }

    /// The next piece, which is expected to take so many units.
    pub fn piece(&self, key: String, step: &'static str, expected: u64) -> Piece<'_> {
        let mut standing = self.standing();
        let number = standing.begun;
        standing.begun += 1;
        standing.under_way.insert(number);
        drop(standing);
        let part = Part { key, step: step.into(), before: 0, pieces: self.pieces, done: 0, total: expected };
        let cancelled = AtomicBool::new(false);
        let (done, told) = (AtomicU64::new(0), AtomicU64::new(0));
        let piece = Piece { batch: self, number, part, expected, done, told, cancelled };
        piece.tell(0);
        piece
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One piece. When it is dropped, the job has moved by all that was expected of it, unless it was told to end.
pub struct Piece<'a> {
    batch: &'a Batch<'a>,
    number: u64,
    part: Part,
    expected: u64,
    done: AtomicU64,
    told: AtomicU64,
    cancelled: AtomicBool,
}

impl Piece<'_> {
    fn tell(&self, done: u64) {
        self.told.store(done, Ordering::Relaxed);
        let standing = self.batch.standing();
        if standing.under_way.first() == Some(&self.number) {
            let part = Part { done: done.min(self.expected), before: standing.behind, ..self.part.clone() };
            self.batch.job.part(Some(part));
        }
    }
}

impl Steer for Piece<'_> {
    fn go_on(&self) -> bool {
        let go_on = self.batch.job.go_on();
        self.cancelled.fetch_or(!go_on, Ordering::Relaxed);
        go_on
    }

    fn event(&self, event: Event) {
        // More than was expected, such as a file that was copied twice, does not count: another piece's share begins there.
        let moved = |done: u64| match event {
            Event::Total(_) => None,
            Event::Advance(more) => Some(done.saturating_add(more).min(self.expected)),
            Event::Reached(reached) => Some(reached.min(self.expected).max(done)),
        };
        let Ok(before) = self.done.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved) else { return };
        let done = moved(before).unwrap_or(before);
        self.batch.job.event(Event::Advance(done - before));
        if done.saturating_sub(self.told.load(Ordering::Relaxed)) >= TELL_EVERY.min(self.expected / 50) {
            self.tell(done);
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, note: &str) {
        self.batch.job.note(note);
    }
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        if !self.cancelled.load(Ordering::Relaxed) {
            self.end();
        }
        let mut standing = self.batch.standing();
        standing.behind += 1;
        standing.under_way.remove(&self.number);
    }
}

impl Piece<'_> {
    /// What it turned out not to need is behind it too.
    fn end(&self) {
        let rest = self.expected.saturating_sub(self.done.load(Ordering::Relaxed));
        self.batch.job.event(Event::Advance(rest));
        self.tell(self.expected);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Seen {
        cancelled: bool,
        done: AtomicU64,
        parts: Mutex<Vec<Part>>,
    }

    impl Steer for Seen {
        fn go_on(&self) -> bool {
            !self.cancelled
        }

        fn event(&self, event: Event) {
            if let Event::Advance(more) = event {
                self.done.fetch_add(more, Ordering::Relaxed);
            }
        }

        fn part(&self, part: Option<Part>) {
            self.parts.lock().unwrap().extend(part);
        }

        fn note(&self, _: &str) {}
    }

    #[test]
    fn what_was_cancelled_is_as_far_as_it_came() {
        let seen = Seen { cancelled: true, ..Seen::default() };
        let batch = Batch::new(&seen, 1, 100);
        let piece = batch.piece("p001/20250104".into(), "copying", 100);
        piece.event(Event::Advance(15));
        assert!(!piece.go_on());
        drop(piece);
        assert_eq!(seen.done.load(Ordering::Relaxed), 15);
    }

    #[test]
    fn of_several_at_once_the_first_is_told_of() {
        let seen = Seen::default();
        let batch = Batch::new(&seen, 3, 300);
        let pieces: Vec<_> = ["a", "b", "c"].map(|key| batch.piece(key.into(), "copying", 100)).into();
        pieces.iter().rev().for_each(|piece| piece.event(Event::Advance(50)));
        drop(pieces);
        let told: Vec<_> =
            seen.parts.lock().unwrap().iter().map(|part| (part.key.clone(), part.before, part.done)).collect();
        let told: Vec<_> = told.iter().map(|(key, before, done)| (key.as_str(), *before, *done)).collect();
        assert_eq!(told, [("a", 0, 0), ("a", 0, 50), ("a", 0, 100), ("b", 1, 100), ("c", 2, 100)]);
        assert_eq!(seen.done.load(Ordering::Relaxed), 300);
    }

    proptest::proptest! {
        /// Whatever the pieces report, the job ends exactly at its total.
        #[test]
        fn the_whole_is_the_sum_of_what_was_expected(
            pieces in proptest::collection::vec((0u64..1000, proptest::collection::vec(0u64..700, 0..5)), 1..6),
        ) {
            let seen = Seen::default();
            let total = pieces.iter().map(|(expected, _)| expected).sum();
            let batch = Batch::new(&seen, pieces.len(), total);
            let mut behind = 0;
            for (before, (expected, steps)) in pieces.iter().enumerate() {
                let piece = batch.piece(before.to_string(), "copying", *expected);
                for step in steps {
                    piece.event(Event::Advance(*step));
                    proptest::prop_assert!(seen.done.load(Ordering::Relaxed) <= behind + expected);
                }
                drop(piece);
                behind += expected;
                proptest::prop_assert_eq!(seen.done.load(Ordering::Relaxed), behind);
            }
            let parts = seen.parts.lock().unwrap();
            proptest::prop_assert!(parts.iter().all(|part| part.done <= part.total));
        }
    }
}
