//! The executor over steps that are only noted down: order, retries, undo, and a crash between any two events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::clock::{Tick, Timestamp};
use crate::fleet::pool::Fence;
use crate::fleet::runbook::{OnError, Place, Runbook, Step, StepKind};
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::fence::Strength;
use crate::runbook::plan::plan;
use crate::runbook::record::{Glance, Oath, Orders};
use crate::runbook::view::{RunId, RunState, StepState, UNDO};

mod fence;
mod owed;
mod persons;
mod world;

use self::world::*;

#[tokio::test(start_paused = true)]
async fn the_intent_is_kept_before_each_step_and_what_was_before_is_kept_before_it_acts() {
    let world = World::default();
    let ended = go(&world, abc(), Way::Begin).await;
    assert_eq!(ended.view.state, RunState::Done);
    assert_eq!(
        world.log(),
        [
            "keep a checking",
            "check a",
            "act a",
            "acted a",
            "verify a",
            "keep a done",
            "keep b checking",
            "check b",
            "keep",
            "act b",
            "acted b",
            "verify b",
            "keep b done",
            "keep c checking",
            "check c",
            "act c",
            "acted c",
            "verify c",
            "keep c done",
            "keep run done",
        ]
    );
    assert_eq!(ended.view.steps[0].output, ["at a"]);
    assert_eq!(ended.memory[1].kept, Some("before".into()));
    assert_eq!(world.kept().expect("kept").view, ended.view);
    let text = serde_json::to_string(&ended).expect("a record is kept as text");
    assert_eq!(serde_json::from_str::<RunRecord>(&text).expect("and read back"), ended);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_tried_again_as_often_as_it_says() {
    let mut steps = vec![step("a", true)];
    steps[0].retries = 2;
    let world = answers([("act a", vec![failed(), failed()])]);
    let ended = go(&world, record(steps.clone(), Fence::None), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.steps[0].attempt), (RunState::Done, 3));
    let world = answers([("act a", vec![failed(), failed(), failed()])]);
    let ended = go(&world, record(steps, Fence::None), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.steps[0].attempt), (RunState::Failed, 3));
    assert!(ended.view.next.expect("what to do").contains("step a: no; look at it"));
}

#[tokio::test(start_paused = true)]
async fn what_happens_when_a_step_fails_is_its_own_choice() {
    let mut steps = vec![step("a", true), step("b", false), step("c", true), step("d", true)];
    for (on_error, state, done) in [
        (OnError::Stop, RunState::Failed, vec!["a", "b"]),
        (OnError::Continue, RunState::Done, vec!["a", "b", "d"]),
        (OnError::Undo, RunState::Undone, vec!["b"]),
    ] {
        steps[2].on_error = on_error;
        let world = answers([("act c", vec![failed()])]);
        let ended = go(&world, record(steps.clone(), Fence::None), Way::Begin).await;
        assert_eq!(
            (ended.view.state, world.done()),
            (state, done.iter().map(|name| (*name).to_owned()).collect()),
            "{on_error:?}"
        );
        if on_error == OnError::Undo {
            let undone: Vec<String> = world.log().into_iter().filter(|line| line.starts_with("undo ")).collect();
            assert_eq!(undone, ["undo c", "undo a"], "last first, what may be half done too, and not what has no undo");
            assert_eq!(ended.view.steps[1].note.as_deref(), Some("was done, and has no undo"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_undone_and_never_gone_on_from() {
    let mut steps = vec![step("a", true), step("b", true), step("c", true)];
    steps[1].on_error = OnError::Continue;
    let world = answers([("check b", vec![Trouble::Refused("taken".into())])]);
    let ended = go(&world, record(steps, Fence::None), Way::Begin).await;
    assert_eq!(states(&ended), [StepState::Done, StepState::Refused, StepState::Waiting]);
    let world = World { done: Mutex::new(["a".to_owned()].into()), ..World::default() };
    let undone = go(&world, ended, Way::Abandon).await;
    assert_eq!((undone.view.state, world.done().len()), (RunState::Undone, 0));
    assert!(!world.log().contains(&"undo b".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_a_look_or_is_unknown() {
    let lost = || Trouble::Unknown("the connection was lost".into());
    let world = answers([("act b", vec![lost()])]);
    assert_eq!(go(&world, abc(), Way::Begin).await.view.state, RunState::Done, "the look saw it");
    let world = answers([("act b", vec![lost()]), ("verify b", vec![failed()])]);
    assert_eq!(go(&world, abc(), Way::Begin).await.view.state, RunState::Failed);
    let world = answers([("act b", vec![lost()]), ("verify b", vec![lost()])]);
    let ended = go(&world, abc(), Way::Begin).await;
    assert_eq!((ended.view.state, states(&ended)[1]), (RunState::Unknown, StepState::Unknown));
    assert!(ended.waits());
    let ended = go(&world, ended, Way::Resume).await;
    assert_eq!((ended.view.state, world.done().len()), (RunState::Done, 3));
    let acts = world.log().iter().filter(|line| *line == "act b").count();
    assert_eq!(acts, 1, "it was done, and was not done again");
}

#[tokio::test(start_paused = true)]
async fn whoever_resumes_an_unknown_step_has_it_done_again() {
    let lost = || Trouble::Unknown("nobody knows".into());
    let world = answers([("act b", vec![lost()]), ("verify b", vec![lost()]), ("check b", vec![])]);
    let ended = go(&world, abc(), Way::Begin).await;
    world.answers.lock().expect("no panic").insert("check b", vec![lost()]);
    let ended = go(&world, ended, Way::Resume).await;
    assert_eq!(ended.view.state, RunState::Done);
    assert_eq!(world.log().iter().filter(|line| *line == "act b").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_at_work_is_not_begun_beside_itself_however_often_somebody_resumes() {
    let lost = || Trouble::Unknown("nobody knows".into());
    let world = answers([("act b", vec![lost()]), ("verify b", vec![lost()])]);
    let mut ended = go(&world, abc(), Way::Begin).await;
    for _time in 0..3 {
        world.answers.lock().expect("no panic").insert("check b", vec![Trouble::Busy("it is still at work".into())]);
        ended = go(&world, ended, Way::Resume).await;
        assert_eq!((ended.view.state, ended.view.steps[1].state), (RunState::Unknown, StepState::Unknown));
    }
    assert_eq!(world.log().iter().filter(|line| *line == "act b").count(), 1);
    // It has ended meanwhile.
    assert_eq!(go(&world, ended, Way::Resume).await.view.state, RunState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_never_ends_is_given_up() {
    struct Hangs(World);
    impl Deeds for Hangs {
        fn check<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Found, Trouble>> {
            self.0.check(bit)
        }
        fn act<'a>(&'a self, _: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            Box::pin(std::future::pending())
        }
        fn verify<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            Box::pin(async move {
                assert!(bit.lost, "the answer of the act is missing");
                Err(Trouble::Unknown("cannot tell".into()))
            })
        }
        fn undo<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            self.0.undo(bit)
        }
        fn silent<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<String, String>> {
            self.0.silent(bit)
        }
    }
    let world = Hangs(World::default());
    let (hand, _wish, _watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(abc(), Way::Begin, &world, &clock, &world.0, &world.0, hand);
    let ended = tokio::time::timeout(Duration::from_secs(40), running).await.expect("within its time-out");
    assert_eq!(ended.view.state, RunState::Unknown);
    assert!(ended.view.next.expect("words").contains("no end within 30 s"));
}

#[tokio::test(start_paused = true)]
async fn without_the_right_or_a_disk_nothing_is_begun() {
    let whole = World::default();
    go(&whole, abc(), Way::Begin).await;
    let events = whole.log().len();
    for at in 0..events {
        for (lost_from, full_from) in [(Some(at), None), (None, Some(at))] {
            let world = World { lost_from, full_from, ..World::default() };
            let ended = go(&world, abc(), Way::Begin).await;
            let log = world.log();
            let fatal = log.iter().enumerate().skip(at + 1).filter(|(_, line)| line.starts_with("act "));
            for (number, line) in fatal {
                let name = line.trim_start_matches("act ");
                let begun = log.iter().take(at).any(|line| line == &format!("keep {name} checking"));
                assert!(begun, "{line} (event {number}) was begun after event {at}: {log:?}");
            }
            // Asked before the intent, which is nobody's without the right, and again after it, which may have taken long.
            let late = |line: &String| line.ends_with(" checking") || line.starts_with("check ");
            assert!(lost_from.is_none() || !log.iter().skip(at).any(late), "{at}: {log:?}");
            // What was begun with the right and on disk is finished.
            let expected = if log.contains(&"check c".to_owned()) { RunState::Done } else { RunState::Interrupted };
            assert_eq!(ended.view.state, expected, "{at}: {log:?}");
            if expected == RunState::Interrupted {
                assert!(ended.view.next.is_some_and(|next| next.contains("resume or abandon")), "{at}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_needs_the_right_too() {
    let world = answers([("act c", vec![failed()])]);
    let ended = go(&world, abc(), Way::Begin).await;
    let world =
        World { lost_from: Some(0), done: Mutex::new(["a".to_owned(), "b".to_owned()].into()), ..World::default() };
    let ended = go(&world, ended, Way::Abandon).await;
    assert_eq!((ended.view.state, world.done().len()), (RunState::Interrupted, 2));
    let ended = go(
        &World { done: Mutex::new(["a".to_owned(), "b".to_owned()].into()), ..World::default() },
        ended,
        Way::Abandon,
    )
    .await;
    assert_eq!(ended.view.state, RunState::Undone);
}

/// Runs until the crash, and answers with what is on disk and the world as it was left.
async fn crashed(
    at: usize,
    first: RunRecord,
    way: Way,
    done: BTreeSet<String>,
) -> (Option<RunRecord>, BTreeSet<String>, Vec<String>) {
    let world = World { crash_at: Some(at), kept: Mutex::new(None), done: Mutex::new(done), ..World::default() };
    let (hand, _wish, _watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(first, way, &world, &clock, &world, &world, hand);
    let _crashed = tokio::time::timeout(Duration::from_millis(1), running).await;
    (world.kept(), world.done.lock().expect("no panic").clone(), world.log())
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_anywhere_a_run_is_gone_on_with_or_undone() {
    let whole = World::default();
    go(&whole, abc(), Way::Begin).await;
    for at in 0..=whole.log().len() {
        let (kept, done, log) = crashed(at, abc(), Way::Begin, BTreeSet::new()).await;
        let Some(kept) = kept else {
            assert!(done.is_empty(), "nothing is done before anything is kept");
            continue;
        };
        let kept = kept.interrupted();
        assert!(kept.waits() || kept.view.state == RunState::Done, "{at}");
        for name in &done {
            let index = ["a", "b", "c"].iter().position(|known| known == name).expect("known");
            assert!(kept.memory[index].begun, "{at}: {name} is done and the disk knows that it may be");
        }

        let world = World { done: Mutex::new(done.clone()), ..World::default() };
        let resumed = go(&world, kept.clone(), Way::Resume).await;
        assert_eq!(
            (resumed.view.state, world.done()),
            (RunState::Done, vec!["a".into(), "b".into(), "c".into()]),
            "{at}"
        );
        for name in ["a", "b", "c"] {
            let effect = log.contains(&format!("acted {name}")) || done.contains(name);
            let again = world.log().contains(&format!("act {name}"));
            assert!(!(effect && again), "{at}: {name} was done twice");
        }

        // Abandoned, and the engine dies again anywhere in that, and it is abandoned again.
        for second in 0..12 {
            let (left, done, _) = crashed(second, kept.clone(), Way::Abandon, done.clone()).await;
            let world = World { done: Mutex::new(done), ..World::default() };
            let undone = go(&world, left.unwrap_or_else(|| kept.clone()).interrupted(), Way::Abandon).await;
            assert_eq!((undone.view.state, world.done().len()), (RunState::Undone, 0), "{at}, {second}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_being_undone_is_undone_further() {
    let world = answers([("act c", vec![failed()])]);
    let failed = go(&world, abc(), Way::Begin).await;
    let (kept, done, _) = crashed(2, failed, Way::Abandon, ["a".to_owned(), "b".to_owned()].into()).await;
    let world = World { done: Mutex::new(done), ..World::default() };
    let ended = go(&world, kept.expect("kept").interrupted(), Way::Resume).await;
    assert_eq!((ended.view.state, world.done().len()), (RunState::Undone, 0));
}

#[tokio::test(start_paused = true)]
async fn the_timeline_has_no_gap_and_tells_claim_from_announce() {
    struct Announces(World);
    impl Deeds for Announces {
        fn check<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Found, Trouble>> {
            self.0.check(bit)
        }
        fn act<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            bit.live.tell(Told::Phase("announce".into()));
            self.0.act(bit)
        }
        fn verify<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            self.0.verify(bit)
        }
        fn undo<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
            self.0.undo(bit)
        }
        fn silent<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<String, String>> {
            self.0.silent(bit)
        }
    }
    let world = Announces(World::default());
    let (hand, _wish, _watching) = hand();
    let clock = Clock::real();
    let ended = execute(record(vec![take()], Fence::None), Way::Begin, &world, &clock, &world.0, &world.0, hand).await;
    let names: Vec<&str> = ended.view.timeline.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["claim", "announce"]);
    for pair in ended.view.timeline.windows(2) {
        assert!((pair[0].at + pair[0].seconds - pair[1].at).abs() < 1e-9);
    }
}

/// Three steps with an undo, and one that fails when it is asked to.
fn practice() -> RunRecord {
    let mut record = abc();
    record.plan.purpose = Purpose::Drill;
    record.view.purpose = Purpose::Drill;
    record
}

#[tokio::test(start_paused = true)]
async fn a_drill_leaves_nothing_behind_and_measures_only_the_way_there() {
    let world = World::default();
    let ended = go(&world, practice(), Way::Begin).await;
    assert_eq!((ended.view.state, ended.view.next.as_deref()), (RunState::Done, None));
    assert_eq!(world.done(), Vec::<String>::new(), "{:?}", world.log());
    let undone = ended.view.timeline.iter().position(|phase| phase.name.starts_with(UNDO)).expect("it was undone");
    let there: f64 = ended.view.timeline.iter().take(undone).map(|phase| phase.seconds).sum();
    assert!((ended.view.to_service() - there).abs() < 1e-9);

    // However it ends.
    let world = answers([("act c", vec![failed()])]);
    let ended = go(&world, practice(), Way::Begin).await;
    assert_eq!(ended.view.state, RunState::Undone);
    let next = ended.view.next.expect("what happened");
    assert!(next.ends_with("everything that the drill began is undone"), "{next}");
    assert_eq!(world.done(), Vec::<String>::new(), "{:?}", world.log());

    // What cannot be undone is left to a person.
    let world = answers([("undo b", vec![failed()])]);
    let ended = go(&world, practice(), Way::Begin).await;
    assert_eq!(ended.view.state, RunState::Failed);
    let next = ended.view.next.expect("what happened");
    assert!(next.starts_with("every step was done, and what the drill began is not all undone"), "{next}");
    assert_eq!(world.done(), ["b"]);
}
