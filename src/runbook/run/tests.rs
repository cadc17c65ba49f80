//! The executor over steps that are only noted down: order, retries, undo, and a crash between any two events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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

mod owed;

/// What a part of a step answers with, by `part step`; what is not named goes well. Each answer is used once.
type Answers = BTreeMap<&'static str, Vec<Trouble>>;

#[derive(Default)]
struct World {
    /// Everything that happened, in order.
    log: Mutex<Vec<String>>,
    answers: Mutex<Answers>,
    /// Which steps have taken effect.
    done: Mutex<BTreeSet<String>>,
    /// What was kept last.
    kept: Mutex<Option<RunRecord>>,
    /// Answers of the wire, one a look; then silence.
    wire: Mutex<Vec<String>>,
    /// Half a second passes with each look at the wire.
    clock: Option<Clock>,
    /// From this event on the right is lost.
    lost_from: Option<usize>,
    /// From this event on nothing can be kept.
    full_from: Option<usize>,
    /// At this event everything stops for ever.
    crash_at: Option<usize>,
    events: AtomicUsize,
}

impl World {
    async fn event(&self, what: String) -> usize {
        let number = self.events.fetch_add(1, Ordering::SeqCst);
        if self.crash_at.is_some_and(|at| number >= at) {
            std::future::pending::<()>().await;
        }
        self.log.lock().expect("no panic").push(what);
        number
    }

    fn answer(&self, key: &str) -> Result<(), Trouble> {
        let mut answers = self.answers.lock().expect("no panic");
        match answers.iter_mut().find(|(name, _)| **name == key) {
            Some((_, left)) if !left.is_empty() => Err(left.remove(0)),
            _ => Ok(()),
        }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().expect("no panic").clone()
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().expect("no panic").iter().cloned().collect()
    }

    fn kept(&self) -> Option<RunRecord> {
        self.kept.lock().expect("no panic").clone()
    }
}

impl Deeds for World {
    fn check<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Found, Trouble>> {
        Box::pin(async move {
            self.event(format!("check {}", bit.step.name)).await;
            if bit.step.name == "tell" {
                let looks = self.log().iter().filter(|what| *what == "check tell").count();
                bit.live.tell(Told::Line(format!("look {looks} at tell")));
            }
            self.answer(&format!("check {}", bit.step.name))?;
            if bit.look == Look::Again && self.done().contains(&bit.step.name) {
                return Ok(Found::There("was done".into()));
            }
            Ok(Found::ToDo { note: None, keep: (bit.step.name == "b").then(|| "before".into()) })
        })
    }

    fn act<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(async move {
            self.event(format!("act {}", bit.step.name)).await;
            bit.live.tell(Told::Line(format!("at {}", bit.step.name)));
            let answer = self.answer(&format!("act {}", bit.step.name));
            if answer.is_ok() || matches!(answer, Err(Trouble::Unknown(_))) {
                self.done.lock().expect("no panic").insert(bit.step.name.clone());
            }
            // Between an effect and its answer.
            self.event(format!("acted {}", bit.step.name)).await;
            answer.map(|()| None)
        })
    }

    fn verify<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(async move {
            self.event(format!("verify {}", bit.step.name)).await;
            self.answer(&format!("verify {}", bit.step.name)).map(|()| None)
        })
    }

    fn undo<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(async move {
            self.event(format!("undo {}", bit.step.name)).await;
            self.answer(&format!("undo {}", bit.step.name))?;
            self.done.lock().expect("no panic").remove(&bit.step.name);
            Ok(None)
        })
    }

    fn silent<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            self.event(format!("wire {}", bit.step.name)).await;
            if let Some(clock) = &self.clock {
                clock.advance(Duration::from_millis(500));
            }
            let mut wire = self.wire.lock().expect("no panic");
            if wire.is_empty() { Ok("both are silent".into()) } else { Err(wire.remove(0)) }
        })
    }
}

impl Right for World {
    fn may(&self) -> Result<(), String> {
        let now = self.events.load(Ordering::SeqCst);
        if self.lost_from.is_some_and(|from| now >= from) { Err("the lease is lost".into()) } else { Ok(()) }
    }
}

impl Ledger for World {
    fn keep<'a>(&'a self, record: &'a RunRecord, note: Option<Note>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let what = note.map_or_else(
                || "keep".to_owned(),
                |note| {
                    format!(
                        "keep {} {}",
                        note.about["step"].as_str().unwrap_or("run"),
                        note.about["state"].as_str().unwrap_or_default()
                    )
                },
            );
            let number = self.event(what).await;
            if self.full_from.is_some_and(|from| number >= from) {
                return Err("disk full".into());
            }
            *self.kept.lock().expect("no panic") = Some(record.clone());
            Ok(())
        })
    }
}

fn step(name: &str, undo: bool) -> Step {
    Step {
        name: name.into(),
        kind: StepKind::Command { run: format!("do {name}") },
        on: Some(Place::Spare),
        fence: false,
        timeout: Duration::from_secs(30),
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        cleanup: false,
        each: None,
        undo: undo.then(|| format!("undo {name}")),
    }
}

fn take() -> Step {
    let kind = StepKind::Address { take: Some("{failed.service}".into()), drop: None, device: "eth0".into() };
    Step { kind, ..step("take", false) }
}

fn machine(name: &str) -> Machine {
    Machine { name: name.into(), address: "192.0.2.1".into(), ssh: name.into(), service: Some("192.0.2.9/24".into()) }
}

fn record(steps: Vec<Step>, fence: Fence) -> RunRecord {
    let cast = Cast {
        pool: Some("p".into()),
        failed: Some(machine("f")),
        spare: Some(machine("s")),
        token: "1".into(),
        ..Cast::default()
    };
    let plan = plan(&Runbook::plain("r", steps), Purpose::Takeover, &cast).expect("a plan");
    let orders = Orders {
        who: "ana".into(),
        why: "test".into(),
        generation: 7,
        fence,
        oath: None,
        before: Vec::new(),
        since: None,
    };
    RunRecord::new(RunId(1), plan, orders, &Clock::held(Timestamp::UNIX_EPOCH))
}

fn abc() -> RunRecord {
    record(vec![step("a", true), step("b", true), step("c", true)], Fence::None)
}

fn hand() -> (Hand, mpsc::Sender<Wish>, watch::Receiver<Arc<RunView>>) {
    let (view, watching) = watch::channel(Arc::new(abc().view));
    let (wish, wishes) = mpsc::channel(4);
    (Hand { view, wishes }, wish, watching)
}

async fn go(world: &World, record: RunRecord, way: Way) -> RunRecord {
    let (hand, _wish, _watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(record, way, world, &clock, world, world, hand);
    tokio::time::timeout(Duration::from_secs(3600), running).await.expect("every wait has an end")
}

fn states(record: &RunRecord) -> Vec<StepState> {
    record.view.steps.iter().map(|step| step.state).collect()
}

fn answers<const N: usize>(answers: [(&'static str, Vec<Trouble>); N]) -> World {
    World { answers: Mutex::new(Answers::from(answers)), ..World::default() }
}

fn failed() -> Trouble {
    Trouble::Failed("no".into())
}

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
async fn a_question_waits_for_its_answer_and_not_for_ever() {
    let ask = Step {
        kind: StepKind::Ask { text: "Sure, {failed.name}?".into(), show: None },
        on: None,
        ..step("tell", false)
    };
    for (answer, state) in [(Some(true), RunState::Done), (Some(false), RunState::Failed), (None, RunState::Failed)] {
        let world = World::default();
        let (hand, wish, mut watching) = hand();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let running = execute(
            record(vec![ask.clone(), step("a", false)], Fence::None),
            Way::Begin,
            &world,
            &clock,
            &world,
            &world,
            hand,
        );
        let person = async {
            let asked = watching.wait_for(|view| view.question.is_some()).await.expect("it asks").clone();
            assert_eq!(asked.state, RunState::Asking);
            assert_eq!(asked.question.as_ref().expect("a question").text, "Sure, f?");
            if let Some(yes) = answer {
                let other = Wish::Answer { step: "other".into(), yes: !yes, who: "bo".into() };
                wish.send(other).await.expect("heard");
                wish.send(Wish::Answer { step: "tell".into(), yes, who: "ana".into() }).await.expect("heard");
            }
        };
        let (ended, ()) = tokio::join!(running, person);
        assert_eq!((ended.view.state, ended.view.question), (state, None), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_answered_with_no_stands_so_after_everything_was_undone() {
    let ask = Step { kind: StepKind::Ask { text: "?".into(), show: None }, on: None, ..step("tell", false) };
    let world = World::default();
    let (hand, wish, mut watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let steps = vec![step("a", true), step("b", false), ask];
    let running = execute(record(steps, Fence::None), Way::Begin, &world, &clock, &world, &world, hand);
    let answering = async {
        watching.wait_for(|view| view.question.is_some()).await.expect("it asks");
        clock.advance(Duration::from_secs(4));
        let no = Wish::Answer { step: "tell".into(), yes: false, who: "bob".into() };
        wish.send(no).await.expect("heard");
    };
    let (ended, ()) = tokio::join!(running, answering);
    assert_eq!(ended.view.state, RunState::Failed);
    let asked = ended.view.steps[2].clone();
    assert_eq!(
        (asked.state, asked.note.as_deref(), asked.seconds),
        (StepState::Failed, Some("bob said no"), Some(4.0))
    );
    clock.advance(Duration::from_secs(100));
    let (again, _wish, _watching) = super::tests::hand();
    let undone = execute(ended, Way::Abandon, &world, &clock, &world, &world, again).await;
    assert_eq!(undone.view.state, RunState::Undone);
    assert_eq!(undone.view.steps[2], asked, "it has changed nothing, and stands as it ended");
    let left = &undone.view.steps[1];
    assert_eq!(
        (left.state, left.seconds),
        (StepState::Done, Some(0.0)),
        "what has no undo is as it was, and took as long"
    );
    assert_eq!(left.note.as_deref(), Some("was done, and has no undo"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_waiting_at_once_and_undoes_on_request() {
    let ask = Step { kind: StepKind::Ask { text: "?".into(), show: None }, on: None, ..step("tell", false) };
    for (undo, state, left) in [(false, RunState::Failed, 1), (true, RunState::Undone, 0)] {
        let world = World::default();
        let (hand, wish, mut watching) = hand();
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let steps = vec![step("a", true), ask.clone(), step("b", true)];
        let running = execute(record(steps, Fence::None), Way::Begin, &world, &clock, &world, &world, hand);
        let person = async {
            watching.wait_for(|view| view.question.is_some()).await.expect("it asks");
            wish.send(Wish::Stop { undo, who: "ana".into() }).await.expect("heard");
        };
        let (ended, ()) = tokio::join!(running, person);
        assert_eq!((ended.view.state, world.done().len()), (state, left));
    }
}

fn fencing() -> Vec<Step> {
    vec![Step { fence: true, on: Some(Place::Failed), timeout: Duration::from_secs(3), ..step("fence", false) }, take()]
}

#[tokio::test(start_paused = true)]
async fn a_look_at_the_wire_that_was_taken_before_the_run_counts_for_a_moment() {
    let mut glanced = record(fencing(), Fence::Required);
    glanced.glance = Some(Glance { words: "both were silent".into(), asked: Tick::default() });
    for (ago, looks) in [(1000, 0), (1001, 1)] {
        let (world, clock) = (World::default(), Clock::held(Timestamp::UNIX_EPOCH));
        clock.advance(Duration::from_millis(ago));
        let (hand, _wish, _watching) = hand();
        let done = execute(glanced.clone(), Way::Begin, &world, &clock, &world, &world, hand).await;
        assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Verified)));
        let looked = world.log().iter().filter(|event| *event == "wire fence").count();
        assert_eq!(looked, looks, "a look at the wire counts for a second, and this one is {ago} ms old");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_is_taken_only_behind_a_fence_that_holds() {
    let answering = || (0..100).map(|_| "192.0.2.1 is answered by 02:00".to_owned()).collect::<Vec<_>>();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let world = World { wire: Mutex::new(answering()), clock: Some(clock.clone()), ..World::default() };
    let (hand, _wish, _watching) = hand();
    let ended = execute(record(fencing(), Fence::Required), Way::Begin, &world, &clock, &world, &world, hand).await;
    assert_eq!((ended.view.state, states(&ended)), (RunState::Failed, vec![StepState::Failed, StepState::Waiting]));
    assert_eq!(ended.memory[0].strength, Some(Strength::Sent));

    let mut sworn = ended.clone();
    sworn.orders.oath = Some(Oath { by: "ana".into(), at: Timestamp::UNIX_EPOCH });
    let done = go(&world, sworn, Way::Resume).await;
    assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Sworn)));

    let silent = World::default();
    let done = go(&silent, record(fencing(), Fence::Required), Way::Begin).await;
    assert_eq!((done.view.state, done.memory[0].strength), (RunState::Done, Some(Strength::Verified)));
    assert!(!silent.log().contains(&"act fence".to_owned()), "what is silent already needs no command");

    let dying = World {
        wire: Mutex::new(vec!["it answers".into()]),
        answers: Mutex::new(Answers::from([("act fence", vec![failed()])])),
        ..World::default()
    };
    let done = go(&dying, record(fencing(), Fence::Required), Way::Begin).await;
    assert_eq!(done.memory[0].strength, Some(Strength::Verified), "silence counts although the command failed");
    assert_eq!(done.view.state, RunState::Done);

    let unfenced = go(&World::default(), record(vec![take()], Fence::Required), Way::Begin).await;
    assert_eq!((unfenced.view.state, states(&unfenced)), (RunState::Failed, vec![StepState::Refused]));
    for fence in [Fence::None, Fence::BestEffort] {
        assert_eq!(go(&World::default(), record(vec![take()], fence), Way::Begin).await.view.state, RunState::Done);
    }
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
