//! What a person may do, may insist on, and may never do.

use super::*;

fn wish(act: Act, host: &str, spare: Option<&str>) -> Wish {
    Wish { act, host: host.into(), spare: spare.map(str::to_owned), insists: false }
}

/// Who is refused, and whether each refusal may be insisted on; then whether insisting helps.
fn asked(desk: &Desk, scene: &Scene, wish: &Wish) -> (Vec<(String, bool)>, bool) {
    let refusals = by_hand(&pool(), &desk.book, scene, wish).err().unwrap_or_default();
    let insisting = Wish { insists: true, ..wish.clone() };
    let granted = by_hand(&pool(), &desk.book, scene, &insisting).is_ok();
    (refusals.into_iter().map(|refusal| (refusal.why, refusal.overridable)).collect(), granted)
}

#[test]
fn a_person_acts_where_automation_is_held() {
    let mut desk = Desk::default();
    desk.run(Act::Takeover, "a", "s", 0, RunState::Undone);
    desk.book.note(&crate::standin::book::Note::Brake { why: "2 hosts".into() }, at(0));
    let mut scene = scene(1).gone("a");
    scene.frozen = Some("the clock jumped".into());
    assert_eq!(decide(&pool(), &desk.book, &scene).decision, None);
    let decision = by_hand(&pool(), &desk.book, &scene, &wish(Act::Takeover, "a", None)).unwrap();
    assert_eq!((decision.spare.as_str(), decision.planned), ("s", false));
}

#[test]
fn a_live_host_is_moved_only_by_who_insists() {
    let (refusals, insisting) = asked(&Desk::default(), &scene(9), &wish(Act::Takeover, "a", Some("t")));
    assert_eq!((refusals, insisting), (vec![("a is up and answers".into(), true)], true));
    let insists = Wish { insists: true, ..wish(Act::Takeover, "a", Some("t")) };
    let decision = by_hand(&pool(), &Book::default(), &scene(9), &insists).unwrap();
    assert!(decision.planned && decision.spare == "t");
    let doubtful = scene(9).down("a", &[("s", Some(true))]);
    let (refusals, insisting) = asked(&Desk::default(), &doubtful, &wish(Act::Takeover, "a", None));
    assert_eq!(refusals[0].0, "a is not known to be down: ping: no answer; reached by s");
    assert!(insisting);
}

#[test]
fn what_nobody_may_insist_on() {
    let mut lost = scene(9).gone("a");
    lost.lease = Err("engine 2 has it".into());
    let mut busy = Desk::default();
    busy.begin(&wanted(Act::Takeover, "c", "t"), 0);
    let mut interrupted = Desk::default();
    interrupted.begin(&wanted(Act::Takeover, "c", "t"), 0);
    interrupted.book.restore(at(0));
    let serving = || Desk::default().serving("a", "s", 0);
    let mut half = Desk::default();
    half.run(Act::Takeover, "a", "s", 0, RunState::Failed);
    let take = |host, spare| wish(Act::Takeover, host, spare);
    let gone = || scene(9).gone("a");
    let full = serving().serving("b", "t", 0);
    for (desk, scene, wish, why) in [
        (Desk::default(), lost, take("a", None), "this engine does not hold the lease: engine 2 has it"),
        (busy, gone(), take("a", None), "run 1 (takeover of c with t) is under way"),
        (interrupted, gone(), take("a", None), "run 1 (takeover of c with t) was interrupted"),
        (serving(), gone().gone("b"), take("b", Some("s")), "s is taken for a"),
        (serving(), gone(), take("a", Some("t")), "s is taken for a already"),
        (half, gone(), take("a", Some("t")), "s failed in place of a and may still hold its address"),
        (full, gone().gone("c"), take("c", None), "no spare is free: s serves in place of a; t serves in place of b"),
        (Desk::default(), gone(), take("z", None), "z is not protected by the pool p"),
        (Desk::default(), gone(), take("a", Some("b")), "b is no spare of the pool p"),
        (Desk::default(), scene(9), wish(Act::Giveback, "a", None), "no spare serves in place of a"),
        (serving(), gone(), wish(Act::Giveback, "a", None), "a is not up: ping: no answer; not reached by s, t"),
        (serving(), scene(9), wish(Act::Giveback, "a", Some("t")), "it is s that serves in place of a"),
        (
            Desk::default(),
            gone(),
            wish(Act::Drill, "a", None),
            "a is not up (ping: no answer; not reached by s, t): it may need the spare",
        ),
    ] {
        let (refusals, insisting) = asked(&desk, &scene, &wish);
        assert!(refusals.contains(&(why.to_owned(), false)), "{wish:?}: {refusals:?}, not {why}");
        assert!(!insisting, "{wish:?}");
    }
    let without = Pool { giveback: None, drill: None, ..pool() };
    for act in [Act::Giveback, Act::Drill] {
        let insists = Wish { insists: true, ..wish(act, "a", None) };
        assert!(by_hand(&without, &serving().book, &scene(9), &insists).is_err(), "{act:?} without a runbook");
    }
}

#[test]
fn a_spare_that_is_not_ready_may_be_insisted_on() {
    let mut scene = scene(9).gone("a").spare_down("t");
    scene.spare_seen("s").unready = vec!["VERSION differs".into()];
    let (refusals, insisting) = asked(&Desk::default(), &scene, &wish(Act::Takeover, "a", None));
    assert_eq!((refusals, insisting), (vec![("s is not ready: VERSION differs".into(), true)], true));
}

#[test]
fn a_failed_takeover_is_repeated_on_the_same_spare_or_released() {
    let mut desk = Desk::default();
    desk.run(Act::Takeover, "a", "s", 0, RunState::Failed);
    let scene = scene(9).gone("a");
    for act in [Act::Takeover, Act::Release] {
        let decision = by_hand(&pool(), &desk.book, &scene, &wish(act, "a", None)).unwrap();
        assert_eq!(decision.spare, "s");
        desk.book.clone().begin(&decision, "ana", false, RunId(9), at(9)).unwrap();
    }
}

#[test]
fn what_a_person_releases_is_not_taken_again_by_itself() {
    let mut desk = Desk::default().serving("a", "s", 0);
    let scene = scene(1000).gone("a");
    let decision = by_hand(&pool(), &desk.book, &scene, &wish(Act::Release, "a", None)).unwrap();
    desk.book.begin(&decision, "ana", false, RunId(7), at(1000)).unwrap();
    desk.book.ended(RunId(7), RunState::Done, None, at(1001)).unwrap();
    let judged = decide(&pool(), &desk.book, &scene);
    assert_eq!(judged.decision, None);
    assert_eq!(stand(&judged, "a").why, "run 7: ana released s from it; nothing more is tried by itself");
}

#[test]
fn a_planned_switchover_is_not_given_back_by_itself() {
    let pool = Pool { giveback_mode: GivebackMode::Auto, ..pool() };
    let mut desk = Desk::default();
    let insists = Wish { insists: true, ..wish(Act::Takeover, "a", None) };
    let decision = by_hand(&pool, &desk.book, &scene(500), &insists).unwrap();
    desk.book.begin(&decision, "ana", false, RunId(1), at(500)).unwrap();
    desk.book.ended(RunId(1), RunState::Done, None, at(501)).unwrap();
    let judged = decide(&pool, &desk.book, &scene(1000));
    assert_eq!((chosen(&judged), stand(&judged, "a").why.as_str()), (None, "its work was moved to s by ana"));
    assert!(by_hand(&pool, &desk.book, &scene(1000), &wish(Act::Giveback, "a", None)).is_ok());
}

#[test]
fn practice_changes_nothing_for_the_host() {
    let mut desk = Desk::default();
    desk.begin(&wanted(Act::Drill, "a", "s"), 0);
    let stand = |scene: &Scene| {
        let judged = decide(&pool(), &desk.book, scene);
        assert_eq!(judged.decision, None, "one run at a time");
        judged.hosts.into_iter().find(|host| host.name == "a").unwrap().stand
    };
    assert_eq!(stand(&scene(1)), Stand::Serving);
    assert_eq!(stand(&scene(1).gone("a")), Stand::Waiting);
}
