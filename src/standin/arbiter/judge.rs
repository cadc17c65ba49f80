//! Judge: walks the table for every host of a pool, and picks the one thing that is done.

use super::evidence::{Belief, hear};
use super::facts::{Cond, Facts};
use super::holds::Holds;
use super::spares::{Spares, unfit};
use super::table::{self, Row, Then};
use super::{Act, Decision, HostJudged, Judgement, Refusal, Scene, SpareJudged};
use crate::fleet::pool::{Mode, Pool};
use crate::health::view::Health;
use crate::standin::book::{Book, Note, Phase};
use crate::standin::view::{SpareState, Stand};

/// What is to be believed and done now.
pub fn decide(pool: &Pool, book: &Book, scene: &Scene) -> Judgement {
    let holds = Holds::of(pool, book, scene);
    let mut spares = Spares::new(pool, book, scene);
    let mut judgement = Judgement { held_back: held_back(&holds), ..Judgement::default() };
    let mut wanted: Vec<Decision> = Vec::new();
    for name in &pool.protects {
        let facts = Facts::of(name, &spares, &holds, hear(scene.host(name), scene.now));
        let (at, row) = table::find(&facts);
        judgement.hosts.push(host(&facts, at, row, &spares));
        judgement.refusals.extend(refusal(&facts, row));
        wanted.extend(decision(&facts, row));
        judgement.notes.extend(note(&facts, row));
        let chosen = match claim(row) {
            Some(Cond::Free) => facts.free,
            Some(_victim) => facts.victim.map(|victim| victim.spare),
            None => None,
        };
        if let Some(spare) = chosen {
            spares.claim(name, spare);
        }
    }
    judgement.spares = pool.spares.iter().map(|name| spare(name, book, scene)).collect();
    judgement.notes.extend(outages(pool, book, scene, &holds));
    judgement.notes.extend(holds.brakes.iter().map(|why| Note::Brake { why: why.clone() }));
    judgement.alarms = alarms(pool, book, scene, &judgement);
    wanted.sort_by_key(|decision| decision.act);
    let first = wanted.into_iter().next().filter(|_| judgement.notes.is_empty());
    if pool.mode == Mode::Auto {
        judgement.decision = first;
    } else {
        judgement.would = first;
    }
    judgement
}

/// Which kind of spare a row is about: it is kept for the host, even while something holds the pool back.
fn claim(row: &Row) -> Option<Cond> {
    row.when.iter().copied().find(|cond| matches!(cond, Cond::Free | Cond::Victim))
}

fn held_back(holds: &Holds) -> Vec<String> {
    let mut all = holds.all.clone();
    all.extend(holds.rest.map(|left| {
        format!("cools down after its last run: no takeover by itself for {}", super::facts::whole_seconds(left))
    }));
    all
}

fn host(facts: &Facts<'_>, at: usize, row: &Row, spares: &Spares<'_>) -> HostJudged {
    let seen = facts.seen.map_or(facts.scene.now, |host| host.since);
    let planned = match row.then {
        Then::Takeover => facts.free,
        Then::Release => facts.victim.map(|victim| victim.spare),
        _ => None,
    };
    let needs = Some(facts.say(row.needs)).filter(|needs| !needs.is_empty());
    HostJudged {
        name: facts.name.to_owned(),
        stand: row.stand,
        since: facts.assigned.filter(|_| row.stand == Stand::StoodIn).map_or(seen, |(_spare, of)| of.since),
        row: at,
        spare: facts.assigned.map(|(spare, _)| spare).or(planned).map(str::to_owned),
        why: facts.say(row.why),
        needs,
        if_it_dies: if_it_dies(facts, row, spares),
    }
}

/// The same table, as if it had died.
fn if_it_dies(facts: &Facts<'_>, row: &Row, spares: &Spares<'_>) -> String {
    if !row.dies.is_empty() {
        return facts.say(row.dies);
    }
    let mut testimony = hear(facts.seen, facts.scene.now);
    testimony.belief = Belief::Gone;
    let dead = Facts::of(facts.name, spares, facts.holds, testimony);
    dead.say(table::find(&dead).1.dies)
}

fn refusal(facts: &Facts<'_>, row: &Row) -> Option<Refusal> {
    let back = row.stand == Stand::Returned;
    (row.then == Then::Refuse).then(|| Refusal {
        what: format!("{} of {}", if back { Act::Giveback } else { Act::Takeover }.word(), facts.name),
        why: facts.say(row.why),
        needs: facts.say(row.needs),
        overridable: false,
    })
}

fn decision(facts: &Facts<'_>, row: &Row) -> Option<Decision> {
    let (act, spare, host, for_host) = match row.then {
        Then::Takeover => (Act::Takeover, facts.free?, facts.name, None),
        Then::Release => {
            let victim = facts.victim?;
            (Act::Release, victim.spare, victim.host, Some(facts.name.to_owned()))
        }
        Then::Giveback => (Act::Giveback, facts.assigned?.0, facts.name, None),
        Then::Rest | Then::Refuse | Then::Lose => return None,
    };
    let fault = facts.seen.filter(|_| act != Act::Giveback).and_then(|host| host.fault);
    let evidence = match row.then {
        Then::Giveback => facts.say(row.why),
        Then::Release => format!("{} is gone: {}; {host} is less important", facts.name, facts.testimony.evidence),
        _ => facts.testimony.evidence.clone(),
    };
    let (host, spare) = (host.to_owned(), spare.to_owned());
    Some(Decision { act, host, spare, for_host, fault, planned: false, evidence })
}

fn note(facts: &Facts<'_>, row: &Row) -> Option<Note> {
    let (spare, _of) = facts.assigned.filter(|_| row.then == Then::Lose)?;
    Some(Note::Lost { spare: spare.to_owned(), why: facts.say(row.why) })
}

/// Outages that are over, and oaths that are broken. Only who sees clearly says so.
fn outages(pool: &Pool, book: &Book, scene: &Scene, holds: &Holds) -> Vec<Note> {
    let mut notes = Vec::new();
    let Some(remembered) = holds.clear.then_some(&book.outages) else { return notes };
    for (name, outage) in remembered {
        let Some(seen) = scene.host(name) else { continue };
        let heard = hear(Some(seen), scene.now);
        let passing = seen.passing_since.map(|from| crate::standin::steady::since(scene.now, from));
        // While a spare is taken for it, its outage is not over, however well it feels.
        let over = book.serving(name).is_none() && heard.belief == Belief::Up;
        if over && passing.is_some_and(|passing| passing >= pool.up_after) {
            notes.push(Note::Recovered { host: name.clone() });
        } else if outage.oath.is_some() && (heard.belief == Belief::Up || !heard.reach.is_empty()) {
            notes.push(Note::Forsworn { host: name.clone(), why: heard.evidence });
        }
    }
    notes
}

fn spare(name: &str, book: &Book, scene: &Scene) -> SpareJudged {
    let mut reasons = unfit(scene.spare(name));
    let assigned = book.spares.get(name);
    let down = scene.spare(name).is_some_and(|spare| spare.health == Health::Down);
    let state = match assigned.map(|of| of.phase) {
        Some(Phase::Activating) => SpareState::Activating,
        Some(Phase::Active) if down => SpareState::Failed,
        Some(Phase::Active) => SpareState::Active,
        Some(Phase::Releasing) => SpareState::Releasing,
        Some(Phase::Failed) => SpareState::Failed,
        None if reasons.is_empty() => SpareState::Ready,
        None => SpareState::Unready,
    };
    reasons.splice(0..0, assigned.and_then(|of| of.why.clone()));
    SpareJudged { name: name.to_owned(), state, standing_in_for: assigned.map(|of| of.host.clone()), reasons }
}

/// What needs a person.
fn alarms(pool: &Pool, book: &Book, scene: &Scene, judged: &Judgement) -> Vec<String> {
    let mut alarms = Vec::new();
    alarms.extend(
        book.brake.as_ref().map(|brake| format!("the brake is tripped: {}; re-arm it when it is clear why", brake.why)),
    );
    alarms.extend(
        book.run
            .as_ref()
            .filter(|run| run.interrupted)
            .map(|run| format!("{}: resume, undo or abandon it", super::holds::under_way(run))),
    );
    for spare in judged.spares.iter().filter(|spare| spare.state == SpareState::Failed) {
        let host = spare.standing_in_for.as_deref().unwrap_or_default();
        alarms.push(format!("{} failed in place of {host}: {}", spare.name, spare.reasons.join(", ")));
    }
    for (spare, of) in &book.spares {
        if !pool.spares.contains(spare) || !pool.protects.contains(&of.host) {
            alarms.push(format!(
                "{spare} is taken for {}, and the fleet file no longer says so: give it back or clear it",
                of.host
            ));
        }
    }
    let tried = book.outages.iter().filter(|(host, outage)| outage.tried.is_some() && scene.host(host).is_some());
    alarms.extend(tried.map(|(host, outage)| {
        format!("{host}: {}; a person decides", outage.tried.as_ref().map_or("", |tried| tried.why.as_str()))
    }));
    alarms
}
