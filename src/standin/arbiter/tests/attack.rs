//! Random pools, books and scenes against what must hold for every one of them. The books come about as real ones do: by
//! their own methods.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::standin::book::{Note, Phase};
use crate::standin::view::Pause;

/// What happens to a book.
#[derive(Debug, Clone)]
enum Turn {
    Begin(Act, usize, usize, bool),
    End(RunState),
    Restore,
    Resume,
    Abandon,
    Note(usize),
    Acknowledge,
    Swear(usize),
    Clear(usize),
    Pause(bool),
    Rearm,
}

fn turn() -> impl Strategy<Value = Turn> {
    let acts = select(vec![Act::Takeover, Act::Takeover, Act::Release, Act::Giveback, Act::Drill]);
    let ends = select(vec![
        RunState::Done,
        RunState::Done,
        RunState::Failed,
        RunState::Unknown,
        RunState::Undone,
        RunState::Interrupted,
        RunState::Asking,
    ]);
    prop_oneof![
        6 => (acts, 0..3_usize, 0..2_usize, any::<bool>()).prop_map(|(act, host, spare, auto)| Turn::Begin(act, host, spare, auto)),
        6 => ends.prop_map(Turn::End),
        1 => Just(Turn::Restore),
        1 => Just(Turn::Resume),
        1 => Just(Turn::Abandon),
        1 => (0..4_usize).prop_map(Turn::Note),
        1 => Just(Turn::Acknowledge),
        1 => (0..3_usize).prop_map(Turn::Swear),
        1 => (0..2_usize).prop_map(Turn::Clear),
        1 => any::<bool>().prop_map(Turn::Pause),
        1 => Just(Turn::Rearm),
    ]
}

const HOSTS: [&str; 3] = ["a", "b", "c"];
const SPARES: [&str; 2] = ["s", "t"];

/// Does what the book allows; what it refuses must leave it as it was.
fn apply(book: &mut Book, turn: &Turn, runs: &mut u64, now: Timestamp) {
    let before = book.clone();
    let under_way = book.run.as_ref().map_or(RunId(0), |run| run.id);
    let done = match turn {
        Turn::Begin(act, host, spare, automatic) => {
            *runs += 1;
            let decision = wanted(*act, HOSTS[*host], SPARES[*spare]);
            book.begin(&decision, "ana", *automatic, RunId(*runs), now).map(drop)
        }
        Turn::End(state) => book.ended(under_way, *state, None, now),
        Turn::Resume => book.resume(under_way).map(drop),
        Turn::Abandon => book.abandon(under_way, "ana", now),
        Turn::Clear(spare) => book.clear(SPARES[*spare]).map(drop),
        Turn::Rearm => book.rearm(now),
        always => {
            say(book, always, now);
            Ok(())
        }
    };
    if done.is_err() {
        assert_eq!(&before, book, "refused, and yet changed");
    }
    assert_only_grows(&before, book);
    assert_one_to_one(book);
}

/// What no book refuses.
fn say(book: &mut Book, turn: &Turn, now: Timestamp) {
    match turn {
        Turn::Restore => book.restore(now),
        Turn::Acknowledge => book.acknowledge(),
        Turn::Swear(host) => book.swear(HOSTS[*host], "ana", now),
        Turn::Pause(true) => {
            book.pause(Pause { owner: "ana".into(), why: "work".into(), since: now, until: None });
        }
        Turn::Pause(false) => drop(book.unpause()),
        Turn::Note(0) => book.note(&Note::Brake { why: "2 hosts".into() }, now),
        Turn::Note(1) => book.note(&Note::Lost { spare: "s".into(), why: "dead".into() }, now),
        Turn::Note(2) => book.note(&Note::Recovered { host: "a".into() }, now),
        _ => book.note(&Note::Forsworn { host: "b".into(), why: "ping".into() }, now),
    }
}

fn assert_only_grows(before: &Book, after: &Book) {
    assert!(after.generation >= before.generation);
    for (machine, generation) in &before.generations {
        assert!(after.generation_of(machine) >= *generation, "{machine}");
    }
    let changed = |spare: &str| {
        let owner = |book: &Book| book.spares.get(spare).map(|of| of.host.clone());
        owner(after).is_some() && owner(before) != owner(after)
    };
    for spare in SPARES.into_iter().filter(|spare| changed(spare)) {
        assert!(after.generation_of(spare) > before.generation_of(spare), "{spare} has another owner");
    }
}

fn assert_one_to_one(book: &Book) {
    let hosts: BTreeSet<&str> = book.spares.values().map(|of| of.host.as_str()).collect();
    assert_eq!(hosts.len(), book.spares.len(), "two spares for one host: {:?}", book.spares);
    let moving = book.spares.values().filter(|of| matches!(of.phase, Phase::Activating | Phase::Releasing)).count();
    assert_eq!(moving, usize::from(book.run.is_some()), "something moves without a run, or the reverse");
}

fn a_scene() -> impl Strategy<Value = Scene> {
    let health =
        || select(vec![Health::Down, Health::Down, Health::Up, Health::Degraded, Health::Suspect, Health::Unknown]);
    let says = || select(vec![Some(false), Some(false), Some(true), None]);
    let host = (
        health(),
        says(),
        says(),
        0..20_i64,
        any::<bool>(),
        prop::option::weighted(0.2, (1..4_u32, 0..4_u32)),
        0..200_i64,
    );
    let spare = (
        select(vec![Health::Up, Health::Up, Health::Down, Health::Unknown]),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let twice = prop::bool::weighted(0.1);
    let pool = (
        prop::bool::weighted(0.15),
        twice,
        0..3_u32,
        prop::bool::weighted(0.15),
        prop::collection::vec(800..1000_i64, 0..4),
    );
    (prop::collection::vec(host, 3), prop::collection::vec(spare, 2), pool).prop_map(|(hosts, spares, pool)| {
        let mut made = scene(1000);
        for (seen, (health, first, second, age, maintained, engines, passing)) in made.hosts.iter_mut().zip(hosts) {
            seen.health = health;
            seen.maintenance = (maintained && age < 4).then(|| "ana: work".into());
            seen.engines = engines.map(|(living, say_down)| Engines { living, say_down });
            seen.passing_since = (health == Health::Up).then(|| at(1000 - passing));
            seen.witnesses = [("s", first), ("t", second)]
                .map(|(witness, reaches)| Sighting { witness: witness.into(), reaches, at: at(1000 - age) })
                .into();
        }
        for (seen, (health, maintained, drifted)) in made.spares.iter_mut().zip(spares) {
            seen.health = health;
            seen.maintenance = maintained.then(|| "ana: work".into());
            seen.unready = drifted.then(|| "drift".into()).into_iter().collect();
        }
        let (frozen, twice, answering, leaseless, failures) = pool;
        made.contested = twice.then(|| "192.0.2.100 has 2 owners".into()).into_iter().collect();
        made.frozen = frozen.then(|| "late".into());
        made.anchors = Anchors { declared: 2, answering };
        made.lease = if leaseless { Err("engine 2 has it".into()) } else { Ok(()) };
        made.failures = failures.into_iter().map(at).collect();
        made
    })
}

fn a_pool() -> impl Strategy<Value = Pool> {
    let modes = select(vec![Mode::Auto, Mode::Auto, Mode::Auto, Mode::Manual, Mode::Observe]);
    (modes, any::<bool>(), any::<bool>(), select(vec![0, 300]), 0..3_u32).prop_map(
        |(mode, escalate, auto, cooldown, brake)| Pool {
            mode,
            escalate,
            giveback_mode: if auto { GivebackMode::Auto } else { GivebackMode::Manual },
            cooldown: Duration::from_secs(cooldown),
            brake: if brake == 1 { 0 } else { brake },
            ..pool()
        },
    )
}

/// Rule 1, in other words than the code's.
fn is_gone(seen: &HostSeen, now: Timestamp) -> bool {
    let fresh = |sighting: &&Sighting| now.duration_since(sighting.at).as_secs() <= 10;
    let heard: BTreeMap<&str, bool> =
        seen.witnesses.iter().filter(fresh).filter_map(|it| Some((it.witness.as_str(), it.reaches?))).collect();
    let lost = heard.values().filter(|reaches| !**reaches).count();
    seen.health == Health::Down
        && lost * 2 > heard.len()
        && seen.engines.is_none_or(|engines| engines.say_down * 2 > engines.living)
}

fn fit(scene: &Scene, spare: &str) -> bool {
    let seen = scene.spare(spare).unwrap();
    matches!(seen.health, Health::Up | Health::Degraded) && seen.maintenance.is_none() && seen.unready.is_empty()
}

fn assert_it_may_be_done(pool: &Pool, book: &Book, scene: &Scene, decision: &Decision) {
    assert!(scene.lease.is_ok() && scene.frozen.is_none() && scene.anchors.answering > 0, "acts although it may not");
    assert!(scene.contested.is_empty(), "acts although an address has two owners");
    assert!(book.run.is_none() && book.paused.is_none() && book.brake.is_none(), "acts although it is held");
    let needy = decision.for_host.as_ref().unwrap_or(&decision.host);
    let seen = scene.host(needy).unwrap();
    if decision.act == Act::Giveback {
        assert!(seen.health == Health::Up && pool.giveback_mode == GivebackMode::Auto && seen.maintenance.is_none());
        return;
    }
    assert!(is_gone(seen, scene.now), "{needy} is not gone");
    assert!(seen.maintenance.is_none(), "{needy} is in maintenance");
    assert!(book.outages.get(needy).is_none_or(|outage| outage.tried.is_none()), "{needy}: a second attempt");
    assert!(fit(scene, &decision.spare), "{} is not ready", decision.spare);
    let completes = book.freed.as_ref() == Some(&decision.spare);
    assert!(pool.cooldown.is_zero() || book.rest.is_none() || completes, "the pool cools down");
    if decision.act == Act::Release {
        let rank = |name: &str| pool.protects.iter().position(|host| host == name);
        assert!(pool.escalate && rank(needy) < rank(&decision.host));
        assert!(SPARES.iter().all(|spare| book.spares.contains_key(*spare) || !fit(scene, spare)), "a spare was free");
    }
}

/// No failed host waits while a spare is free and ready and nothing forbids it.
fn assert_nobody_waits_for_nothing(pool: &Pool, book: &Book, scene: &Scene, judged: &Judgement) {
    let held = !judged.held_back.is_empty() || !judged.notes.is_empty();
    let free = SPARES.iter().any(|spare| !book.spares.contains_key(*spare) && fit(scene, spare));
    let needy = pool.protects.iter().find(|host| {
        let seen = scene.host(host).unwrap();
        is_gone(seen, scene.now)
            && seen.maintenance.is_none()
            && book.serving(host).is_none()
            && book.outages.get(*host).is_none_or(|outage| outage.tried.is_none())
    });
    let Some(needy) = needy.filter(|_| free && !held) else { return };
    let decision = judged.decision.as_ref().or(judged.would.as_ref()).unwrap();
    assert_eq!((decision.act, &decision.host), (Act::Takeover, needy), "the most important one is served first");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_decided_that_may_not_be_done(pool in a_pool(), turns in prop::collection::vec(turn(), 0..25), scene in a_scene()) {
        let mut book = Book::default();
        let mut runs = 0;
        for (second, turn) in (700..).zip(&turns) {
            apply(&mut book, turn, &mut runs, at(second));
        }
        let judged = decide(&pool, &book, &scene);
        prop_assert_eq!(&judged, &decide(&pool, &book, &scene));
        for decision in judged.decision.iter().chain(&judged.would) {
            assert_it_may_be_done(&pool, &book, &scene, decision);
            let began = book.clone().begin(decision, "engine", true, RunId(999), scene.now);
            prop_assert!(began.is_ok(), "{decision:?}: {began:?}");
        }
        prop_assert!(judged.decision.is_none() || pool.mode == Mode::Auto);
        prop_assert!(judged.notes.is_empty() || scene.lease.is_ok());
        assert_nobody_waits_for_nothing(&pool, &book, &scene, &judged);
        let mut noted = book.clone();
        for note in &judged.notes {
            noted.note(note, scene.now);
        }
        let again = decide(&pool, &noted, &scene);
        prop_assert!(!again.notes.iter().any(|note| judged.notes.contains(note)), "noted, and noted again: {:?}", again.notes);
        let kept: Book = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
        prop_assert_eq!(kept, book);
    }

    #[test]
    fn what_a_person_is_granted_the_book_allows(
        turns in prop::collection::vec(turn(), 0..25),
        scene in a_scene(),
        act in select(vec![Act::Takeover, Act::Release, Act::Giveback, Act::Drill]),
        host in 0..3_usize,
        spare in prop::option::of(0..2_usize),
        insists in any::<bool>(),
    ) {
        let mut book = Book::default();
        let mut runs = 0;
        for (second, turn) in (700..).zip(&turns) {
            apply(&mut book, turn, &mut runs, at(second));
        }
        let wish = Wish { act, host: HOSTS[host].into(), spare: spare.map(|spare| SPARES[spare].into()), insists };
        match by_hand(&pool(), &book, &scene, &wish) {
            Ok(decision) => {
                prop_assert!(scene.lease.is_ok());
                let began = book.clone().begin(&decision, "ana", false, RunId(999), scene.now);
                prop_assert!(began.is_ok(), "{decision:?}: {began:?}");
            }
            Err(refusals) => prop_assert!(!refusals.is_empty(), "refused without a reason: {wish:?}"),
        }
    }
}
