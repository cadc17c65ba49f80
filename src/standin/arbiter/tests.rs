//! What the arbiter decides, and what it must never decide.

mod attack;
mod hand;
mod rows;
mod rules;

use std::time::Duration;

use super::*;
use crate::clock::Timestamp;
use crate::fleet::pool::{Fence, GivebackMode, Mode, Pace, Pool};
use crate::health::view::Health;
use crate::runbook::view::{RunId, RunState};
use crate::standin::book::Book;

/// A moment, in seconds.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Hosts `a`, `b`, `c`, the most important first; spares `s` and `t`; everything automatic.
pub(super) fn pool() -> Pool {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Pool {
        name: "p".into(),
        protects: names(&["a", "b", "c"]),
        spares: names(&["s", "t"]),
        mode: Mode::Auto,
        probe: Pace::NORMAL,
        down_after: None,
        up_after: Duration::from_secs(60),
        escalate: true,
        giveback_mode: GivebackMode::Manual,
        cooldown: Duration::from_secs(300),
        witnesses: names(&["s", "t"]),
        anchors: names(&["192.0.2.1"]),
        fence: Fence::Required,
        brake: 0,
        dwell: Duration::from_secs(60),
        target: Duration::from_secs(180),
        takeover: "take".into(),
        giveback: Some("give".into()),
        drill: Some("drill".into()),
        drill_every: None,
        card: None,
        drift: Vec::new(),
    }
}

/// All is well, since the beginning.
pub(super) fn scene(now: i64) -> Scene {
    let host = |name: &str| HostSeen {
        name: name.into(),
        health: Health::Up,
        maintenance: None,
        since: at(0),
        fault: None,
        passing_since: Some(at(0)),
        why: None,
        next: None,
        witnesses: Vec::new(),
        engines: None,
    };
    let spare =
        |name: &str| SpareSeen { name: name.into(), health: Health::Up, maintenance: None, unready: Vec::new() };
    Scene {
        now: at(now),
        hosts: ["a", "b", "c"].map(host).into(),
        spares: ["s", "t"].map(spare).into(),
        contested: Vec::new(),
        frozen: None,
        anchors: Anchors { declared: 1, answering: 1 },
        own: std::collections::BTreeSet::new(),
        lease: Ok(()),
        failures: Vec::new(),
    }
}

impl Scene {
    fn see(&mut self, name: &str) -> &mut HostSeen {
        self.hosts.iter_mut().find(|host| host.name == name).unwrap()
    }

    fn spare_seen(&mut self, name: &str) -> &mut SpareSeen {
        self.spares.iter_mut().find(|spare| spare.name == name).unwrap()
    }

    /// Down by its checks, and the witnesses say this.
    fn down(mut self, name: &str, witnesses: &[(&str, Option<bool>)]) -> Self {
        let now = self.now;
        let host = self.see(name);
        host.health = Health::Down;
        host.since = now;
        host.fault = Some(now);
        host.passing_since = None;
        host.why = Some("ping: no answer".into());
        host.witnesses = witnesses
            .iter()
            .map(|(witness, reaches)| Sighting { witness: (*witness).into(), reaches: *reaches, at: now })
            .collect();
        self
    }

    /// Down by everybody.
    fn gone(self, name: &str) -> Self {
        self.down(name, &[("s", Some(false)), ("t", Some(false))])
    }

    fn spare_down(mut self, name: &str) -> Self {
        self.spare_seen(name).health = Health::Down;
        self
    }
}

/// A book and its runs, driven as the engine does.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) book: Book,
    runs: u64,
}

impl Desk {
    /// Begins a run and leaves it under way.
    fn begin(&mut self, decision: &Decision, now: i64) -> RunId {
        self.runs += 1;
        let run = RunId(self.runs);
        self.book.begin(decision, "engine", true, run, at(now)).unwrap();
        run
    }

    /// A run from begin to end.
    fn run(&mut self, act: Act, host: &str, spare: &str, now: i64, end: RunState) -> RunId {
        let run = self.begin(&wanted(act, host, spare), now);
        self.book.ended(run, end, Some("a step failed".into()), at(now)).unwrap();
        run
    }

    /// `spare` has served in place of `host` since then, and the cool-down is over.
    fn serving(mut self, host: &str, spare: &str, since: i64) -> Self {
        self.run(Act::Takeover, host, spare, since, RunState::Done);
        self.book.rest = None;
        self
    }
}

fn wanted(act: Act, host: &str, spare: &str) -> Decision {
    let (host, spare) = (host.to_owned(), spare.to_owned());
    Decision { act, host, spare, for_host: None, fault: None, planned: false, evidence: "a test".into() }
}

fn chosen(judgement: &Judgement) -> Option<(Act, &str, &str)> {
    judgement.decision.as_ref().map(|done| (done.act, done.host.as_str(), done.spare.as_str()))
}

fn stand<'a>(judgement: &'a Judgement, host: &str) -> &'a HostJudged {
    judgement.hosts.iter().find(|judged| judged.name == host).unwrap()
}
