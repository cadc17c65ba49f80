//! What the journal's thread says of itself.

use super::super::aside::SetAside;
use super::super::entry::Weight;
use super::super::store::Draft;
use super::thread::BACKLOG;
use crate::clock::{Clock, Timestamp};

/// That a file was set aside.
pub(super) fn told(aside: &SetAside, clock: &Clock) -> Draft {
    Draft {
        time: clock.now(),
        who: "engine".into(),
        what: aside.sentence(),
        why: aside.why.clone(),
        about: serde_json::json!({ "state": "set_aside", "path": aside.path }),
        weight: Weight::Alarm,
    }
}

/// That entries found no room in memory while the disk took none.
pub(super) fn lost_ones(lost: u64, now: Timestamp) -> Draft {
    Draft {
        time: now,
        who: "engine".into(),
        what: format!("{lost} journal entries were lost"),
        why: format!("state.db could not be written and more than {BACKLOG} entries waited"),
        about: serde_json::json!({ "lost": lost }),
        weight: Weight::Alarm,
    }
}

/// Why nothing is written, and what becomes of it.
pub(super) fn trouble(why: &str, waiting: usize, lost: u64) -> String {
    let waits = match waiting {
        0 => "new entries will be kept in memory".to_owned(),
        1 => "1 entry is kept in memory".to_owned(),
        count => format!("{count} entries are kept in memory"),
    };
    let lost = if lost == 0 { String::new() } else { format!(", {lost} more are lost") };
    format!("state.db cannot be written ({why}): {waits}{lost}; free or repair the disk of the state folder")
}
