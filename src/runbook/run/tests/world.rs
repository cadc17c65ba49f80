//! A world in which steps are only noted down, and what every play needs.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// What a part of a step answers with, by `part step`; what is not named goes well. Each answer is used once.
pub(super) type Answers = BTreeMap<&'static str, Vec<Trouble>>;

#[derive(Default)]
pub(super) struct World {
    /// Everything that happened, in order.
    pub(super) log: Mutex<Vec<String>>,
    pub(super) answers: Mutex<Answers>,
    /// Which steps have taken effect.
    pub(super) done: Mutex<BTreeSet<String>>,
    /// What was kept last.
    pub(super) kept: Mutex<Option<RunRecord>>,
    /// Answers of the wire, one a look; then silence.
    pub(super) wire: Mutex<Vec<String>>,
    /// Half a second passes with each look at the wire.
    pub(super) clock: Option<Clock>,
    /// From this event on the right is lost.
    pub(super) lost_from: Option<usize>,
    /// From this event on nothing can be kept.
    pub(super) full_from: Option<usize>,
    /// At this event everything stops for ever.
    pub(super) crash_at: Option<usize>,
    pub(super) events: AtomicUsize,
}

impl World {
    pub(super) async fn event(&self, what: String) -> usize {
        let number = self.events.fetch_add(1, Ordering::SeqCst);
        if self.crash_at.is_some_and(|at| number >= at) {
            std::future::pending::<()>().await;
        }
        self.log.lock().expect("no panic").push(what);
        number
    }

    pub(super) fn answer(&self, key: &str) -> Result<(), Trouble> {
        let mut answers = self.answers.lock().expect("no panic");
        match answers.iter_mut().find(|(name, _)| **name == key) {
            Some((_, left)) if !left.is_empty() => Err(left.remove(0)),
            _ => Ok(()),
        }
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().expect("no panic").clone()
    }

    pub(super) fn done(&self) -> Vec<String> {
        self.done.lock().expect("no panic").iter().cloned().collect()
    }

    pub(super) fn kept(&self) -> Option<RunRecord> {
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

pub(super) fn step(name: &str, undo: bool) -> Step {
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

pub(super) fn take() -> Step {
    let kind = StepKind::Address { take: Some("{failed.service}".into()), drop: None, device: "eth0".into() };
    Step { kind, ..step("take", false) }
}

pub(super) fn machine(name: &str) -> Machine {
    Machine { name: name.into(), address: "192.0.2.1".into(), ssh: name.into(), service: Some("192.0.2.9/24".into()) }
}

pub(super) fn record(steps: Vec<Step>, fence: Fence) -> RunRecord {
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

pub(super) fn abc() -> RunRecord {
    record(vec![step("a", true), step("b", true), step("c", true)], Fence::None)
}

pub(super) fn hand() -> (Hand, mpsc::Sender<Wish>, watch::Receiver<Arc<RunView>>) {
    let (view, watching) = watch::channel(Arc::new(abc().view));
    let (wish, wishes) = mpsc::channel(4);
    (Hand { view, wishes }, wish, watching)
}

pub(super) async fn go(world: &World, record: RunRecord, way: Way) -> RunRecord {
    let (hand, _wish, _watching) = hand();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let running = execute(record, way, world, &clock, world, world, hand);
    tokio::time::timeout(Duration::from_secs(3600), running).await.expect("every wait has an end")
}

pub(super) fn states(record: &RunRecord) -> Vec<StepState> {
    record.view.steps.iter().map(|step| step.state).collect()
}

pub(super) fn answers<const N: usize>(answers: [(&'static str, Vec<Trouble>); N]) -> World {
    World { answers: Mutex::new(Answers::from(answers)), ..World::default() }
}

pub(super) fn failed() -> Trouble {
    Trouble::Failed("no".into())
}
