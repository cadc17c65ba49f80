//! The document of `hotspare demo --headless-for --json`.

use serde::Serialize;

use crate::demo::counts::Outage;
use crate::demo::races::{self, Summary};
use crate::demo::share::Hang;
use crate::demo::stage::Outcome;
use crate::demo::studio;
use crate::dump::view::DrillView;

/// What `demo --headless-for --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) ok: bool,
    pub(super) scenes: Vec<Scene>,
    pub(super) sessions: Vec<Session>,
    pub(super) feeds: Vec<Feed>,
    pub(super) dumps: Vec<Dump>,
    pub(super) shares: Vec<Share>,
}

/// One time that the share hung.
#[derive(Debug, Serialize)]
pub(super) struct Share {
    what: String,
    stale_after: Option<f64>,
    ready_after: Option<f64>,
    ok: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Session {
    key: String,
    what: String,
    ok: bool,
}

/// One time that the target of the feed was away.
#[derive(Debug, Serialize)]
pub(super) struct Feed {
    what: String,
    rows_waited: u64,
    seconds: Option<f64>,
    ok: bool,
}

/// The dump of the races: empty where it has not begun.
#[derive(Debug, Serialize)]
pub(super) struct Dump {
    name: &'static str,
    rounds: u32,
    kits: u32,
    drill: Option<DrillView>,
    events: Vec<Said>,
}

#[derive(Debug, Serialize)]
pub(super) struct Said {
    what: String,
    ok: bool,
}

impl Dump {
    pub(super) fn of(summary: &Summary, events: &[races::Event]) -> Self {
        let Summary { dump, rounds, kits, drill } = summary.clone();
        let events = events.iter().map(|event| Said { what: event.what.clone(), ok: event.ok });
        Self { name: dump, rounds, kits, drill, events: events.collect() }
    }
}

impl From<&Outage> for Feed {
    fn from(outage: &Outage) -> Self {
        let seconds = outage.took.map(|took| took.as_secs_f64());
        Self { what: outage.line(), rows_waited: outage.waited, seconds, ok: outage.ok() }
    }
}

impl From<&Hang> for Share {
    fn from(hang: &Hang) -> Self {
        let (stale_after, ready_after) = (hang.seen, hang.ready);
        let seconds = |span: Option<std::time::Duration>| span.map(|span| span.as_secs_f64());
        Self { what: hang.line(), stale_after: seconds(stale_after), ready_after: seconds(ready_after), ok: hang.ok() }
    }
}

impl From<&studio::Event> for Session {
    fn from(event: &studio::Event) -> Self {
        Self { key: event.session.clone(), what: event.what.clone(), ok: event.ok }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Scene {
    host: &'static str,
    story: &'static str,
    expected: &'static str,
    seconds: Option<f64>,
    earliest: f64,
    latest: f64,
    as_announced: bool,
}

impl From<&Outcome> for Scene {
    fn from(outcome: &Outcome) -> Self {
        Self {
            host: outcome.scene.machine,
            story: outcome.scene.story,
            expected: outcome.scene.expect.word(),
            seconds: outcome.took.map(|took| took.as_secs_f64()),
            earliest: outcome.scene.earliest.as_secs_f64(),
            latest: outcome.scene.latest.as_secs_f64(),
            as_announced: outcome.as_announced(),
        }
    }
}
