//! What the jobs on sessions do: lock, look, copy or verify or delete, write down, look again.
//!
//! Each goes through its sessions one after the other on a thread that may block, and leaves a line in its report for every
//! one of them, also for those that it could not deal with.

pub mod delete;
pub mod sync;
pub mod verify;

use std::sync::Arc;

use super::catalogue::{Busy, Shop};
use super::key::Key;
use super::lock::{Lock, LockError};
use super::view::{SessionRow, SideState};
use crate::clock::Clock;
use crate::fleet::data::Destination;
use crate::work::steer::Steer;

/// The job was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Where a job works, and who steers it.
pub struct Site<'a> {
    /// The store.
    pub shop: &'a Arc<Shop>,
    /// The time.
    pub clock: &'a Clock,
    /// The job.
    pub steer: &'a dyn Steer,
}

/// That a session is worked on: every console sees it, and another engine on the same disk is kept out.
pub(super) struct Held {
    _busy: Busy,
    _lock: Option<Lock>,
}

impl Site<'_> {
    fn go_on(&self) -> Result<(), Cancelled> {
        if self.steer.go_on() { Ok(()) } else { Err(Cancelled) }
    }

    /// Takes a session, or says who has it. On a source that cannot be written a copy goes on without the lock: nobody can
    /// delete there either.
    fn hold(&self, key: &Key, what: &'static str) -> Result<Held, String> {
        let busy = self.shop.busy(key, what)?;
        let lock = match Lock::take(&self.shop.declared().source, key, what, self.clock.now()) {
            Ok(lock) => Some(lock),
            Err(error @ LockError::Held(_)) => return Err(error.to_string()),
            Err(LockError::Unsure { .. }) => None,
        };
        Ok(Held { _busy: busy, _lock: lock })
    }

    /// How a session stands now: every side is looked at.
    fn look(&self, key: &Key) -> Option<SessionRow> {
        self.shop.look(key);
        self.shop.row(key)
    }

    /// A destination of the fleet file, by its number.
    fn destination(&self, number: usize) -> Option<&Destination> {
        self.shop.declared().destinations.get(number)
    }

    fn destinations(&self) -> usize {
        self.shop.declared().destinations.len()
    }

    /// Bytes of these sessions on this computer, as far as they are known.
    fn bytes(&self, keys: &[Key]) -> u64 {
        keys.iter().map(|key| self.size(key)).sum()
    }

    fn size(&self, key: &Key) -> u64 {
        self.shop.row(key).and_then(|row| row.source).map_or(0, |facts| facts.bytes)
    }
}

/// Words of troubles in which writing would harm: what lies there is not the destination that was declared.
const UNSAFE: [&str; 3] = ["not mounted", "replaced", "unknown mount"];

/// Whether a side is one that nothing may be written to, rather than one that fails.
fn harms(state: &SideState) -> bool {
    matches!(state, SideState::Trouble { word, .. } if UNSAFE.contains(&word.as_str()))
}

/// Why a side cannot be used; `None`: it can.
fn trouble(state: &SideState) -> Option<String> {
    match state {
        SideState::Ready => None,
        SideState::Unknown => Some("it was not looked at yet; repeat".into()),
        SideState::Trouble { word, why, remedy } => Some(format!("{word}: {why}; {remedy}")),
    }
}

/// At most so many paths are named in one line.
const NAMED: usize = 5;

/// `a, b and 3 more`.
fn listed(paths: &[String]) -> String {
    let named = paths.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_names_a_few() {
        let paths: Vec<String> = (0..8).map(|number| format!("f{number}")).collect();
        assert_eq!(listed(&paths), "f0, f1, f2, f3, f4 and 3 more");
        assert_eq!(listed(&paths[..2]), "f0, f1");
    }
}
