//! What work on a blocking thread is steered by, whatever kind of job it belongs to.

use super::progress::Event;
use super::view::Part;

/// The hand on a piece of work: holds it, ends it, hears how far it is.
pub trait Steer: Send + Sync {
    /// Waits while the work is held. `false`: it is to end as soon as it is whole.
    fn go_on(&self) -> bool;

    /// Something has moved.
    fn event(&self, event: Event);

    /// What is worked on now, among several pieces.
    fn part(&self, part: Option<Part>);

    /// What is done now, in one line.
    fn note(&self, note: &str);
}

/// Nobody looks on: the work runs to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Steer for Alone {
    fn go_on(&self) -> bool {
        true
    }

    fn event(&self, _: Event) {}

    fn part(&self, _: Option<Part>) {}

    fn note(&self, _: &str) {}
}
