//! Holds: what keeps automation from acting in a pool, whatever its hosts do.

use std::time::Duration;

use super::evidence::isolated;
use super::scene::Scene;
use crate::fleet::pool::Pool;
use crate::standin::book::{Book, Underway};
use crate::standin::steady::since;

/// Failures within this time count together for the brake.
pub const TOGETHER: Duration = Duration::from_secs(60);

/// What keeps automation from acting.
pub(super) struct Holds {
    /// Each in words; empty: nothing.
    pub(super) all: Vec<String>,
    /// What is left of the cool-down, which holds takeovers only.
    pub(super) rest: Option<Duration>,
    /// Whether this engine may believe what it sees and write down what it finds.
    pub(super) clear: bool,
    /// Why the brake is to be tripped now.
    pub(super) brakes: Option<String>,
}

impl Holds {
    pub(super) fn of(pool: &Pool, book: &Book, scene: &Scene) -> Self {
        let mut all = Vec::new();
        if let Err(why) = &scene.lease {
            all.push(format!("this engine does not hold the lease: {why}"));
        }
        if let Some(why) = &scene.frozen {
            all.push(format!("automation is frozen: {why}"));
        }
        all.extend(isolated(scene));
        let clear = all.is_empty();
        let brakes = brakes(pool, book, scene).filter(|_| clear);
        if let Some(brake) = &book.brake {
            all.push(format!("the brake is tripped: {}", brake.why));
        }
        all.extend(brakes.iter().cloned());
        let paused = book.paused.as_ref().filter(|pause| pause.until.is_none_or(|until| scene.now < until));
        if let Some(pause) = paused {
            all.push(format!("paused by {}: {}", pause.owner, pause.why));
        }
        all.extend(book.run.as_ref().map(under_way));
        // Whatever is done next, a client may end up at either of them.
        all.extend(
            scene.contested.iter().map(|why| format!("{why}; find out which is the wrong one and switch it off")),
        );
        let rested = book.rest.map(|ended| since(scene.now, ended));
        let rest = rested.and_then(|time| pool.cooldown.checked_sub(time)).filter(|left| !left.is_zero());
        Self { all, rest, clear, brakes }
    }
}

/// A run that has not ended, in words.
pub(super) fn under_way(run: &Underway) -> String {
    let Underway { id, decision, .. } = run;
    let state = if run.interrupted { "was interrupted" } else { "is under way" };
    format!("run {id} ({} of {} with {}) {state}", decision.act.word(), decision.host, decision.spare)
}

/// Why the brake is to be tripped; nothing where it is already.
fn brakes(pool: &Pool, book: &Book, scene: &Scene) -> Option<String> {
    if pool.brake == 0 || book.brake.is_some() {
        return None;
    }
    let counts = |at: &&crate::clock::Timestamp| {
        since(scene.now, **at) < TOGETHER && book.armed.is_none_or(|armed| **at > armed)
    };
    let failed = scene.failures.iter().filter(counts).count();
    let most = usize::try_from(pool.brake).unwrap_or(usize::MAX);
    (failed >= most).then(|| format!("{failed} hosts failed within {} s", TOGETHER.as_secs()))
}
