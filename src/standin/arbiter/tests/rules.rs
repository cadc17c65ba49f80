//! The rules, each with the case in which it matters.

use super::*;
use crate::standin::book::{Note, Phase};
use crate::standin::view::{SpareState, Stand};

#[test]
fn the_failed_host_is_not_its_own_witness_and_nobody_speaks_twice() {
    let alone = [("a", Some(false))];
    assert_eq!(decide(&pool(), &Book::default(), &scene(9).down("a", &alone)).decision, None);
    let twice = [("s", Some(true)), ("t", Some(false)), ("t", Some(false))];
    assert_eq!(decide(&pool(), &Book::default(), &scene(9).down("a", &twice)).decision, None);
}

#[test]
fn what_a_witness_said_long_ago_is_not_evidence() {
    let mut scene = scene(1000).gone("a");
    for sighting in &mut scene.see("a").witnesses {
        sighting.at = at(989);
    }
    let judged = decide(&pool(), &Book::default(), &scene);
    assert_eq!((judged.decision, stand(&decide(&pool(), &Book::default(), &scene), "a").stand), (None, Stand::Suspect));
}

#[test]
fn a_silent_witness_is_neither_for_nor_against() {
    let scene = scene(9).down("a", &[("s", None), ("t", Some(false))]);
    let judged = decide(&pool(), &Book::default(), &scene);
    assert_eq!(chosen(&judged), Some((Act::Takeover, "a", "s")));
    let evidence = &judged.decision.unwrap().evidence;
    assert_eq!(evidence, "ping: no answer; not reached by t; not asked: s");
}

#[test]
fn an_oath_and_the_engines_do_not_replace_the_witnesses() {
    let mut desk = Desk::default();
    desk.book.swear("a", "ana", at(0));
    let mut scene = scene(9).down("a", &[("s", None)]);
    scene.see("a").engines = Some(Engines { living: 3, say_down: 3 });
    assert_eq!(decide(&pool(), &desk.book, &scene).decision, None);
}

#[test]
fn more_than_half_of_the_engines_must_say_so() {
    let cases = [(1, 1, true), (2, 1, false), (2, 2, true), (3, 1, false), (3, 2, true), (4, 2, false), (5, 3, true)];
    for (living, say_down, agreed) in cases {
        let mut scene = scene(9).gone("a");
        scene.see("a").engines = Some(Engines { living, say_down });
        let judged = decide(&pool(), &Book::default(), &scene);
        assert_eq!(judged.decision.is_some(), agreed, "{say_down} of {living}: {judged:?}");
    }
}

#[test]
fn all_fail_together_and_the_most_important_is_served_at_once() {
    let mut pool = pool();
    pool.spares = vec!["s".into()];
    let scene = scene(9).gone("c").gone("b").gone("a");
    let judged = decide(&pool, &Book::default(), &scene);
    assert_eq!(chosen(&judged), Some((Act::Takeover, "a", "s")));
    assert_eq!(stand(&judged, "b").why, "no spare is free: s goes to a");
}

#[test]
fn without_anchors_the_machines_of_the_pool_are_the_anchors() {
    let mut scene = scene(9).gone("a").gone("b").gone("c");
    scene.anchors = Anchors::default();
    assert!(decide(&pool(), &Book::default(), &scene).decision.is_some(), "the spares answer");
    let scene = scene.spare_down("s").spare_down("t");
    let judged = decide(&pool(), &Book::default(), &scene);
    assert!(judged.decision.is_none() && judged.held_back[0].contains("cut off"), "{judged:?}");
}

#[test]
fn a_machine_that_looks_at_itself_sees_nothing_of_the_network() {
    let mut scene = scene(9).gone("a").gone("b").gone("c").spare_down("t");
    scene.anchors = Anchors::default();
    assert!(decide(&pool(), &Book::default(), &scene).decision.is_some(), "s answers");
    scene.own.insert("s".into());
    let judged = decide(&pool(), &Book::default(), &scene);
    assert!(
        judged.decision.is_none() && judged.held_back[0].contains("besides s, on which this engine runs"),
        "{judged:?}"
    );
    scene.anchors = Anchors { declared: 1, answering: 1 };
    assert!(decide(&pool(), &Book::default(), &scene).decision.is_some(), "an anchor is somebody else");
}

#[test]
fn two_owners_of_an_address_stop_automation_and_no_person() {
    let mut scene = scene(1000).gone("a");
    scene.contested = vec!["192.0.2.100 has 2 owners: b (bb) and cc".into()];
    let judged = decide(&pool(), &Book::default(), &scene);
    assert_eq!(judged.decision, None);
    assert!(judged.held_back.iter().any(|why| why.contains("b (bb) and cc; find out which")), "{judged:?}");
    assert!(judged.refusals.iter().any(|refusal| refusal.why.contains("has 2 owners")), "{judged:?}");
    let wish = Wish { act: Act::Takeover, host: "a".into(), spare: None, insists: false };
    assert!(by_hand(&pool(), &Book::default(), &scene, &wish).is_ok());
    scene.contested.clear();
    assert!(decide(&pool(), &Book::default(), &scene).decision.is_some());
}

#[test]
fn the_brake_holds_until_it_is_armed_again() {
    let mut pool = pool();
    pool.brake = 2;
    let mut desk = Desk::default();
    let mut scene = scene(1000).gone("a").gone("b");
    scene.failures = vec![at(940), at(999)];
    assert!(decide(&pool, &desk.book, &scene).decision.is_some(), "not within 60 s");
    scene.failures = vec![at(941), at(999)];
    let judged = decide(&pool, &desk.book, &scene);
    assert_eq!(judged.decision, None);
    assert_eq!(judged.notes, [Note::Brake { why: "2 hosts failed within 60 s".into() }]);
    desk.book.note(&judged.notes[0], scene.now);
    scene.now = at(5000);
    let judged = decide(&pool, &desk.book, &scene);
    assert!(judged.decision.is_none() && judged.notes.is_empty() && judged.alarms.len() == 1, "{judged:?}");
    desk.book.rearm(at(1000)).unwrap();
    scene.now = at(1000);
    assert_eq!(decide(&pool, &desk.book, &scene).notes, [], "what failed before counts no more");
    assert!(desk.book.rearm(at(1000)).is_err());
}

#[test]
fn one_attempt_then_a_person() {
    for end in [RunState::Failed, RunState::Unknown, RunState::Undone] {
        let mut desk = Desk::default();
        desk.run(Act::Takeover, "a", "s", 10, end);
        let judged = decide(&pool(), &desk.book, &scene(9000).gone("a"));
        assert_eq!(judged.decision, None, "{end:?}, although t is free");
        let another = decide(&pool(), &desk.book, &scene(9000).gone("a").gone("b"));
        assert_eq!(chosen(&another).map(|it| (it.0, it.1)), Some((Act::Takeover, "b")), "{end:?}");
    }
    let mut desk = Desk::default();
    desk.run(Act::Takeover, "a", "s", 10, RunState::Undone);
    let back = decide(&pool(), &desk.book, &scene(9000));
    assert_eq!(back.notes, [Note::Recovered { host: "a".into() }], "up again: the next outage is another one");
    desk.book.acknowledge();
    assert!(decide(&pool(), &desk.book, &scene(11).gone("a")).decision.is_some(), "and so is an acknowledgement");
}

#[test]
fn the_cool_down_counts_from_the_end_of_the_run() {
    let mut desk = Desk::default();
    let run = desk.begin(&wanted(Act::Takeover, "c", "t"), 0);
    desk.book.ended(run, RunState::Done, None, at(100)).unwrap();
    let decision = |now| decide(&pool(), &desk.book, &scene(now).gone("a")).decision;
    assert_eq!((decision(399).is_some(), decision(400).is_some()), (false, true));
    let judged = decide(&pool(), &desk.book, &scene(399).gone("a"));
    assert_eq!(stand(&judged, "a").needs.as_deref(), Some("1 s more, an acknowledgement, or a takeover by hand"));
}

#[test]
fn escalation_stops_the_first_cleanly_and_is_not_stopped_by_its_own_cool_down() {
    let mut pool = pool();
    pool.spares = vec!["s".into()];
    let mut desk = Desk::default().serving("c", "s", 0);
    let scene = scene(100).gone("c").gone("a");
    let judged = decide(&pool, &desk.book, &scene);
    assert_eq!(chosen(&judged), Some((Act::Release, "c", "s")));
    let decision = judged.decision.unwrap();
    assert_eq!(decision.for_host.as_deref(), Some("a"));
    assert!(decision.evidence.contains("c is less important"), "rule 16: the loser is named: {}", decision.evidence);
    let run = desk.begin(&decision, 100);
    assert_eq!(decide(&pool, &desk.book, &scene).decision, None, "the second half waits for the first");
    desk.book.ended(run, RunState::Done, None, at(103)).unwrap();
    let judged = decide(&pool, &desk.book, &scene);
    assert_eq!(chosen(&judged), Some((Act::Takeover, "a", "s")));
    let run = desk.begin(&judged.decision.unwrap(), 103);
    desk.book.ended(run, RunState::Done, None, at(105)).unwrap();
    let judged = decide(&pool, &desk.book, &scene);
    assert_eq!(stand(&judged, "c").stand, Stand::Waiting);
    pool.escalate = false;
    let desk = Desk::default().serving("c", "s", 0);
    assert_eq!(decide(&pool, &desk.book, &scene).decision, None);
}

#[test]
fn a_free_spare_comes_before_escalation_and_nothing_moves_for_balance() {
    let desk = Desk::default().serving("c", "s", 0);
    let judged = decide(&pool(), &desk.book, &scene(1000).gone("a"));
    assert_eq!(chosen(&judged), Some((Act::Takeover, "a", "t")));
    let desk = desk.serving("b", "t", 0);
    let judged = decide(&pool(), &desk.book, &scene(1000).gone("b").gone("c"));
    assert_eq!(judged.decision, None);
    let judged = decide(&pool(), &desk.book, &scene(1000).gone("a").gone("b").gone("c"));
    assert_eq!(chosen(&judged), Some((Act::Release, "c", "s")), "the least important one loses it");
}

#[test]
fn a_spare_that_died_while_standing_in_is_left_to_a_person() {
    let mut desk = Desk::default().serving("a", "s", 0);
    let scene = scene(1000).gone("a").spare_down("s");
    let judged = decide(&pool(), &desk.book, &scene);
    assert_eq!(judged.spares[0].state, SpareState::Failed);
    assert!(judged.alarms[0].contains("s failed in place of a"), "{:?}", judged.alarms);
    desk.book.note(&judged.notes[0], scene.now);
    assert_eq!(desk.book.spares["s"].phase, Phase::Failed);
    let judged = decide(&pool(), &desk.book, &scene);
    assert_eq!((judged.decision, judged.notes), (None, Vec::new()), "never away from a spare by itself");
}

#[test]
fn an_oath_ends_when_the_host_answers() {
    let mut desk = Desk::default();
    desk.book.swear("a", "ana", at(0));
    let scene = scene(1000).down("a", &[("s", Some(true)), ("t", Some(false))]);
    let judged = decide(&pool(), &desk.book, &scene);
    assert!(matches!(&judged.notes[..], [Note::Forsworn { host, .. }] if host == "a"));
    desk.book.note(&judged.notes[0], scene.now);
    assert!(desk.book.outages.is_empty());
}

#[test]
fn a_spare_in_maintenance_or_without_proof_is_not_chosen() {
    let mut scene = scene(9).gone("a");
    scene.spare_seen("s").maintenance = Some("ben: cabling".into());
    scene.spare_seen("t").unready = vec!["VERSION differs".into(), "disk: 2 % free".into()];
    let judged = decide(&pool(), &Book::default(), &scene);
    assert_eq!(judged.decision, None);
    assert_eq!(
        stand(&judged, "a").why,
        "no spare is ready: s (in maintenance: ben: cabling); t (VERSION differs, disk: 2 % free)"
    );
    scene.spares.pop();
    let judged = decide(&pool(), &Book::default(), &scene);
    assert!(stand(&judged, "a").why.ends_with("t (it is not watched)"));
}

#[test]
fn what_would_be_done_is_told_beforehand() {
    let told = |pool: &Pool, desk: &Desk, scene: &Scene, host| {
        stand(&decide(pool, &desk.book, scene), host).if_it_dies.clone()
    };
    let (all_well, desk) = (scene(1000), Desk::default());
    assert_eq!(told(&pool(), &desk, &all_well, "a"), "takes s");
    assert_eq!(told(&pool(), &desk.serving("b", "s", 0), &all_well, "c"), "takes t");
    let mut small = pool();
    small.spares = vec!["s".into()];
    let desk = Desk::default().serving("b", "s", 0);
    assert_eq!(told(&small, &desk, &scene(1000).gone("b"), "a"), "takes s from b");
    assert_eq!(told(&small, &desk, &scene(1000).gone("b"), "c"), "waits: no spare is free: s serves in place of b");
    small.mode = Mode::Observe;
    assert_eq!(
        told(&small, &Desk::default(), &all_well, "c"),
        "waits for a person: s is free".replace("free", "ready")
    );
}

#[test]
fn observe_says_what_it_would_do_and_does_nothing() {
    let mut pool = pool();
    pool.mode = Mode::Observe;
    let judged = decide(&pool, &Book::default(), &scene(9).gone("a"));
    assert_eq!(judged.decision, None);
    let would = judged.would.unwrap();
    assert_eq!((would.act, would.host.as_str(), would.spare.as_str()), (Act::Takeover, "a", "s"));
    assert_eq!(would.evidence, "ping: no answer; not reached by s, t");
}

#[test]
fn an_assignment_that_the_fleet_file_no_longer_knows_is_an_alarm() {
    let mut pool = pool();
    let desk = Desk::default().serving("a", "s", 0);
    pool.spares = vec!["t".into()];
    let judged = decide(&pool, &desk.book, &scene(9));
    assert!(
        judged.alarms[0].starts_with("s is taken for a, and the fleet file no longer says so"),
        "{:?}",
        judged.alarms
    );
}
