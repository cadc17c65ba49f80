//! What the demo tells of its dump.

use std::time::Duration;

use super::DUMP;
use crate::dump::view::DrillView;

/// What was announced about the dump, and whether it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What came, or did not.
    pub what: String,
    /// Whether it came in time.
    pub ok: bool,
}

impl Event {
    /// Whether something came within this time, and when.
    pub(super) fn of(what: &str, took: Option<Duration>, within: Duration) -> Self {
        let what = match took {
            Some(took) => format!("{DUMP}: {what} after {:.1} s", took.as_secs_f64()),
            None => format!("{DUMP}: it did not come within {} s that {what}", within.as_secs()),
        };
        Self { what, ok: took.is_some() }
    }
}

/// What has come of the dump so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Name of the dump.
    pub dump: &'static str,
    /// Good rounds.
    pub rounds: u32,
    /// Kits on the stick.
    pub kits: u32,
    /// The restore for practice.
    pub drill: Option<DrillView>,
}

impl Summary {
    /// One line for people.
    pub fn line(&self) -> String {
        let drilled = match &self.drill {
            Some(drill) => format!("drilled in {:.1} s: {}", drill.seconds, drill.said),
            None => "not drilled yet".into(),
        };
        format!("{}: {} good rounds, {} kits on the stick, {drilled}", self.dump, self.rounds, self.kits)
    }
}
