//! Everything that needs a person, in words: for the lines across the screen and for reading in full.

use super::action::Action;
use super::format;
use super::pane::sessions::sides;
use super::pane::{hosts, lag};
use super::theme::Meaning;
use super::theme::glyphs::{Glyphs, UNICODE};
use super::world::World;
use crate::engine::client::Link;
use crate::health::view::Health;
use crate::journal::entry::Chain;
use crate::standin::view::{SpareState, Stand};

/// One problem of the whole, not of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub meaning: Meaning,
    /// In one line.
    pub line: String,
    /// The rest of it, a line each.
    pub more: Vec<String>,
    /// What can be done about it, for its line, and what that does.
    pub way: Option<(Action, &'static str)>,
}

impl Problem {
    fn new(meaning: Meaning, line: String) -> Self {
        Self { meaning, line, more: Vec::new(), way: None }
    }
}

/// The problems of the whole: no engine, who works on a service, then worst first.
pub fn of(world: &World) -> Vec<Problem> {
    let head = &world.newest.head;
    let mut all = Vec::new();
    if let Link::Lost { why } = &world.link {
        let taken = format::second(world.newest.taken, &world.zone);
        all.push(Problem::new(Meaning::Bad, format!("engine gone: {why}; picture of {taken}")));
    }
    // Who works on what matters to everybody who is about to do something; it is lost below many alarms.
    all.extend(holds(world));
    all.extend(head.alarms.iter().map(|alarm| Problem::new(Meaning::Bad, alarm.clone())));
    if let Chain::Broken { at, why } = &world.newest.journal.chain {
        all.push(Problem::new(Meaning::Bad, format!("the journal's chain is broken at entry {at}: {why}")));
    }
    if let Some(first) = head.file.refused.first() {
        let count = format::several(head.file.refused.len(), "error");
        let line = format!("fleet file refused, the last good one stays in force; {count}: {first}");
        all.push(Problem { more: head.file.refused.clone(), ..Problem::new(Meaning::Bad, line) });
    }
    let ours = env!("CARGO_PKG_VERSION");
    if head.engine.version != ours {
        let line = format!(
            "the engine is of version {}, this console of {ours}: `hotspare engine restart` makes them one",
            head.engine.version
        );
        all.push(Problem::new(Meaning::Info, line));
    }
    if let Some(freeze) = &head.engine.frozen {
        let until = format::second(freeze.until, &world.zone);
        all.push(Problem::new(
            Meaning::Warn,
            format!("automatic decisions are suspended until {until}: {}", freeze.why),
        ));
    }
    if !head.lease.held {
        let why = match (&head.lease.why, &head.lease.by) {
            // Most often the reason is who holds it.
            (Some(why), Some(by)) if !why.contains(by.as_str()) => format!(": {why}; {by} holds it"),
            (Some(why), _) => format!(": {why}"),
            (None, Some(by)) => format!(": held by {by}"),
            (None, None) => String::new(),
        };
        all.push(Problem::new(Meaning::Warn, format!("the lease is not held here{why}; this engine only watches")));
    }
    if let Some(since) = world.frozen {
        let since = format::second(since, &world.zone);
        let line = format!("frozen by you at {since}: the picture stands still, watching goes on");
        let way = Some((Action::Freeze, "lets it go on"));
        all.push(Problem { way, ..Problem::new(Meaning::Info, line) });
    }
    all
}

/// Services that somebody works on, here or through another engine: for the others to see.
fn holds(world: &World) -> Vec<Problem> {
    let time = |at| format::minute(at, &world.zone);
    let mut all = Vec::new();
    for service in world.newest.services.iter() {
        let mut say = |who: &str, why: &str, since, until| {
            let (name, host) = (&service.name, &service.host);
            let (since, until) = (time(since), time(until));
            let line = format!("{name} on {host} is held until {until} by {who}: {why} (since {since})");
            let way = Some((Action::Services, "shows it"));
            all.push(Problem { way, ..Problem::new(Meaning::Info, line) });
        };
        match &service.hold {
            Some(hold) => say(&hold.owner, &hold.why, hold.since, hold.until),
            None => {
                for mark in service.holders().into_iter().filter_map(|holder| holder.mark.as_ref()) {
                    say(&mark.by, &mark.why, mark.since, mark.until);
                }
            }
        }
    }
    all
}

/// What is wrong with pools: told in their pane, and not across the screen.
fn of_pools(world: &World) -> Vec<Problem> {
    let mut all = Vec::new();
    for pool in world.newest.pools.iter() {
        let say = |meaning, text: String| Problem::new(meaning, format!("{}: {text}", pool.name));
        all.extend(pool.alarms.iter().map(|alarm| say(Meaning::Bad, alarm.clone())));
        for host in &pool.hosts {
            let (meaning, called) = match host.stand {
                Stand::Waiting => (Meaning::Bad, "waits"),
                Stand::Returned => (Meaning::Warn, "has returned"),
                _ => continue,
            };
            let line = format!("{} {called}", host.name);
            all.push(Problem { more: vec![host.why.clone()], ..say(meaning, line) });
        }
        for spare in &pool.spares {
            let called = match spare.state {
                SpareState::Failed => "has failed",
                SpareState::Unready => "is not ready",
                _ => continue,
            };
            let line = format!("{} {called}", spare.name);
            all.push(Problem { more: spare.reasons.clone(), ..say(Meaning::Bad, line) });
        }
        if let Some(run) = pool.run.as_ref().filter(|run| run.state.needs_a_person()) {
            let more = run.question.iter().map(|question| question.text.clone()).chain(run.next.clone()).collect();
            let line = format!("the {} is {}", run.purpose.word(), run.state.word());
            all.push(Problem { more, ..say(Meaning::Bad, line) });
        }
    }
    all
}

/// What waits for a person among the runs that no pool asked for.
fn of_runs(world: &World) -> Vec<Problem> {
    let waits = world.newest.runs.iter().filter(|run| !run.well());
    waits
        .map(|run| {
            let meaning = if run.needs_a_person() { Meaning::Bad } else { Meaning::Warn };
            let asked = run.question.iter().map(|question| question.text.clone());
            let more = asked.chain(run.next.clone()).collect();
            let line = format!("run {} of {} ({}) is {}", run.id, run.runbook, run.who, run.state.word());
            Problem { more, ..Problem::new(meaning, line) }
        })
        .collect()
}

/// What is wrong with stores of sessions: told above their rows, and not across the screen.
fn of_stores(world: &World) -> Vec<Problem> {
    let mut all = Vec::new();
    for store in world.shown.stores.iter() {
        for trouble in sides::in_trouble(store) {
            let line = format!("{}: {}: {}", store.name, trouble.name, trouble.word);
            let more = vec![trouble.why.to_owned(), trouble.remedy.to_owned()];
            all.push(Problem { more, ..Problem::new(Meaning::Bad, line) });
        }
        // As long as only some are known, nobody knows how many.
        if store.totals.wrong > 0 && !store.reading {
            let count = usize::try_from(store.totals.wrong).unwrap_or(usize::MAX);
            let verb = if count == 1 { "needs" } else { "need" };
            let line = format!("{}: {} {verb} a person", store.name, format::several(count, "session"));
            let more =
                vec!["a copy that differs, or one without a source: they stand first in the pane Sessions".into()];
            all.push(Problem { more, ..Problem::new(Meaning::Warn, line) });
        }
    }
    all
}

/// What is wrong with feeds: told in their pane, and not across the screen.
fn of_feeds(world: &World) -> Vec<Problem> {
    let mut all = Vec::new();
    for feed in world.newest.feeds.iter() {
        let say = |meaning, text: &str| Problem::new(meaning, format!("{}: {text}", feed.name));
        if !feed.well() {
            let meaning = lag::words::state(feed.state, feed.late, &UNICODE).meaning;
            all.push(Problem { more: feed.why.iter().cloned().collect(), ..say(meaning, &lag::words::short(feed)) });
        }
        all.extend(lag::words::warnings(feed).map(|warning| say(Meaning::Warn, warning)));
    }
    all
}

/// What is wrong with dumps: told in their pane, and not across the screen.
fn of_dumps(world: &World) -> Vec<Problem> {
    let mut all = Vec::new();
    for dump in world.newest.dumps.iter() {
        let say = |meaning, text: &str| Problem::new(meaning, format!("dump {}: {text}", dump.name));
        if !dump.well() {
            let said = lag::dumps::said(dump, &UNICODE);
            let kit = lag::dumps::kit(dump, world.reference());
            let more = dump.why.iter().cloned().chain([kit]).collect();
            all.push(Problem { more, ..say(said.meaning, said.word) });
        }
        all.extend(lag::dumps::warnings(dump).map(|warning| say(Meaning::Warn, &warning)));
    }
    all
}

/// How many problems there are, beside hosts that are not up and the person's own freeze.
pub fn count(world: &World) -> usize {
    of(world)
        .iter()
        .chain(&of_pools(world))
        .chain(&of_feeds(world))
        .chain(&of_dumps(world))
        .chain(&of_runs(world))
        .chain(&of_stores(world))
        .filter(|problem| problem.meaning != Meaning::Info)
        .count()
}

/// All of it for reading: the whole first, then each host that is not up.
pub fn paragraphs(world: &World, glyphs: &Glyphs) -> Vec<(Meaning, String)> {
    let mut text = Vec::new();
    let all = of(world)
        .into_iter()
        .chain(of_pools(world))
        .chain(of_feeds(world))
        .chain(of_dumps(world))
        .chain(of_runs(world))
        .chain(of_stores(world));
    for problem in all {
        // The first of several stands in the line across the screen already.
        let more = problem.more.into_iter().filter(|more| !problem.line.ends_with(more.as_str()));
        let more: Vec<String> = more.map(|line| format!("  {line}")).collect();
        text.push((problem.meaning, problem.line));
        text.extend(more.into_iter().map(|line| (Meaning::Text, line)));
    }
    let mut wrong: Vec<_> = world.shown.hosts.iter().filter(|host| host.health != Health::Up).collect();
    wrong.sort_by_key(|host| host.health);
    if !text.is_empty() && !wrong.is_empty() {
        text.push((Meaning::Text, String::new()));
    }
    for host in wrong {
        let age = format::age(host.since, world.reference());
        let sign = glyphs.health(host.health);
        let line = format!("{sign} {} {} for {age}", host.name, host.health.word());
        text.push((hosts::meaning(host.health), line));
        text.extend(host.why.iter().map(|why| (Meaning::Text, format!("    {why}"))));
        text.extend(host.next.iter().map(|next| (Meaning::Dim, format!("    {next}"))));
    }
    if text.is_empty() {
        text.push((Meaning::Good, format!("{} nothing is wrong", glyphs.good)));
    }
    text
}
