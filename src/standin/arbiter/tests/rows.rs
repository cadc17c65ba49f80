//! Every row of the table is reached by a case that means it, and by no other way decided.

use std::collections::BTreeSet;

use super::*;
use crate::standin::arbiter::table::{TABLE, Then};
use crate::standin::view::{Pause, Stand};

/// A case: the host that is judged, and the row that it is to reach, told by its conditions.
struct Case {
    host: &'static str,
    row: &'static [Cond],
    pool: Pool,
    desk: Desk,
    scene: Scene,
}

fn case(host: &'static str, row: &'static [Cond], desk: Desk, scene: Scene) -> Case {
    Case { host, row, pool: pool(), desk, scene }
}

fn with(mut case: Case, change: impl FnOnce(&mut Pool)) -> Case {
    change(&mut case.pool);
    case
}

fn begun(act: Act, interrupted: bool) -> Desk {
    let mut desk = Desk::default();
    if act != Act::Takeover {
        desk = desk.serving("a", "s", 0);
    }
    let run = desk.begin(&wanted(act, "a", "s"), 0);
    if interrupted {
        desk.book.ended(run, RunState::Interrupted, None, at(0)).unwrap();
    }
    desk
}

fn failed() -> Desk {
    let mut desk = Desk::default();
    desk.run(Act::Takeover, "a", "s", 0, RunState::Failed);
    desk.book.rest = None;
    desk
}

fn frozen(mut scene: Scene) -> Scene {
    scene.frozen = Some("the clock jumped".into());
    scene
}

fn one_spare(pool: &mut Pool) {
    pool.spares = vec!["s".into()];
}

fn auto_giveback(pool: &mut Pool) {
    pool.giveback_mode = GivebackMode::Auto;
}

fn cases() -> Vec<Case> {
    use Cond::*;
    let new = Desk::default;
    let serving = || new().serving("a", "s", 0);
    let minor = || new().serving("c", "s", 900);
    let gone = || scene(1000).gone("a");
    let believed = |health, witnesses: &[(&str, Option<bool>)]| {
        let mut scene = scene(1000).down("a", witnesses);
        scene.see("a").health = health;
        scene
    };
    let maintained = |mut scene: Scene| {
        scene.see("a").maintenance = Some("ana: new disk".into());
        scene
    };
    let resting = |mut desk: Desk| {
        desk.book.rest = Some(at(900));
        desk
    };
    let mut planned = new();
    let moved = Decision { planned: true, ..wanted(Act::Takeover, "a", "s") };
    let run = planned.begin(&moved, 0);
    planned.book.ended(run, RunState::Done, None, at(0)).unwrap();
    let mut undone = serving();
    undone.run(Act::Giveback, "a", "s", 10, RunState::Undone);
    let mut tried = new();
    tried.run(Act::Takeover, "a", "s", 0, RunState::Undone);
    let mut hardly_back = scene(1000);
    hardly_back.see("a").passing_since = Some(at(990));
    let mut degraded = scene(1000);
    degraded.see("a").health = Health::Degraded;
    let mut outvoted = gone();
    outvoted.see("a").engines = Some(Engines { living: 2, say_down: 1 });
    let mut answers = gone();
    answers.see("a").passing_since = Some(at(999));
    let mut drifted = scene(1000).gone("a").spare_down("t");
    drifted.spare_seen("s").unready = vec!["VERSION differs".into()];
    vec![
        case("a", &[Activating, Interrupted], begun(Act::Takeover, true), gone()),
        case("a", &[Activating], begun(Act::Takeover, false), gone()),
        case("a", &[Releasing, Interrupted], begun(Act::Giveback, true), scene(1000)),
        case("a", &[Releasing, Up], begun(Act::Giveback, false), scene(1000)),
        case("a", &[Releasing], begun(Act::Release, false), gone()),
        case("a", &[Failed, Up], failed(), scene(1000)),
        case("a", &[Failed], failed(), gone()),
        case("a", &[Active, SpareDown, Clear], serving(), gone().spare_down("s")),
        case("a", &[Active, SpareDown], serving(), frozen(gone().spare_down("s"))),
        case("a", &[Active, Planned], planned, scene(1000)),
        with(case("a", &[Active, Up, GivebackAuto, Maintenance], serving(), maintained(scene(1000))), auto_giveback),
        with(case("a", &[Active, Up, GivebackAuto, Degraded], serving(), degraded), auto_giveback),
        with(case("a", &[Active, Up, GivebackAuto, Back, Tried], undone, scene(1000)), auto_giveback),
        with(case("a", &[Active, Up, GivebackAuto, Back, Held], serving(), frozen(scene(1000))), auto_giveback),
        with(case("a", &[Active, Up, GivebackAuto, Back, NotAuto], serving(), scene(1000)), |pool| {
            auto_giveback(pool);
            pool.mode = Mode::Observe;
        }),
        with(case("a", &[Active, Up, GivebackAuto, Back], serving(), scene(1000)), auto_giveback),
        with(case("a", &[Active, Up, GivebackAuto], serving(), hardly_back), auto_giveback),
        case("a", &[Active, Up], serving(), scene(1000)),
        case("a", &[Active], serving(), gone()),
        case("a", &[Maintenance, Up], new(), maintained(scene(1000))),
        case("a", &[Maintenance], new(), maintained(gone())),
        case("a", &[Up], new(), scene(1000)),
        case("a", &[Unknown], new(), believed(Health::Unknown, &[])),
        case("a", &[Suspect], new(), believed(Health::Suspect, &[("s", Some(false))])),
        case("a", &[Unwitnessed], new(), believed(Health::Down, &[("s", None), ("a", Some(false))])),
        case("a", &[Reached], new(), believed(Health::Down, &[("s", Some(false)), ("t", Some(true))])),
        case("a", &[Outvoted], new(), outvoted),
        case("a", &[Gone, Passing], new(), answers),
        case("a", &[Gone, Tried], tried, gone()),
        case("a", &[Gone, Free, Held], new(), frozen(gone())),
        case("a", &[Gone, Free, Resting], resting(new()), gone()),
        with(case("a", &[Gone, Free, NotAuto], new(), gone()), |pool| pool.mode = Mode::Manual),
        case("a", &[Gone, Free], new(), gone()),
        with(case("a", &[Gone, Victim, Held], minor(), frozen(gone())), one_spare),
        with(case("a", &[Gone, Victim, Resting], resting(minor()), gone()), one_spare),
        with(case("a", &[Gone, Victim, Dwelling], new().serving("c", "s", 990), gone()), one_spare),
        with(case("a", &[Gone, Victim, NotAuto], minor(), gone()), |pool| {
            one_spare(pool);
            pool.mode = Mode::Observe;
        }),
        with(case("a", &[Gone, Victim], minor(), gone()), one_spare),
        case("a", &[Gone, Unready], new(), drifted),
        with(case("b", &[], new().serving("a", "s", 0), gone().gone("b")), one_spare),
    ]
}

#[test]
fn every_row_is_reached_by_the_case_that_means_it() {
    let mut reached = BTreeSet::new();
    for Case { host, row, pool, desk, scene } in cases() {
        let judged = decide(&pool, &desk.book, &scene);
        let stand = stand(&judged, host);
        assert_eq!(TABLE[stand.row].when, row, "{host}: {}", stand.why);
        for text in [&stand.why, &stand.if_it_dies, stand.needs.as_ref().unwrap_or(&stand.why)] {
            assert!(!text.is_empty() && !text.contains(['{', '}']), "{row:?} says: {text}");
        }
        reached.insert(stand.row);
    }
    let missed: Vec<_> = (0..TABLE.len()).filter(|row| !reached.contains(row)).map(|row| TABLE[row].when).collect();
    assert!(missed.is_empty(), "no case reaches {missed:?}");
}

#[test]
fn only_rows_without_a_hold_act() {
    for row in TABLE.iter().filter(|row| matches!(row.then, Then::Takeover | Then::Release | Then::Giveback)) {
        let (at, _) = TABLE.iter().enumerate().find(|(_, other)| std::ptr::eq(*other, row)).unwrap();
        let kind: Vec<Cond> = row.when.iter().copied().filter(|cond| *cond != Cond::NotAuto).collect();
        let mut held = kind;
        held.push(Cond::Held);
        assert!(
            TABLE[..at].iter().any(|earlier| earlier.when == held),
            "{:?} acts although the pool is held",
            row.when
        );
        assert!(row.stand != Stand::Serving);
    }
}

#[test]
fn a_pause_holds_until_it_ends() {
    let pause = |until| Pause { owner: "ana".into(), why: "cabling".into(), since: at(0), until };
    let mut desk = Desk::default();
    let scene = scene(1000).gone("a");
    for (until, acts) in [(None, false), (Some(at(1001)), false), (Some(at(1000)), true)] {
        desk.book.pause(pause(until));
        assert_eq!(decide(&pool(), &desk.book, &scene).decision.is_some(), acts, "{until:?}");
    }
    desk.book.pause(pause(None));
    assert_eq!(decide(&pool(), &desk.book, &scene).held_back, ["paused by ana: cabling"]);
    assert!(desk.book.unpause().is_some());
    assert!(decide(&pool(), &desk.book, &scene).decision.is_some());
}

/// The documents print the table: they must not tell of another one.
#[test]
fn the_documents_show_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/safety.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = crate::standin::arbiter::table::markdown();
    assert!(text.contains(&table), "docs/safety.md is out of date; the table is now\n\n{table}");
}
