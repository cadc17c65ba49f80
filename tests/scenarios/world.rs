//! The world: machines, one book, an engine that judges every half second and does one run at a time.

use std::time::Duration;

use hotspare::clock::Timestamp;
use hotspare::fleet::pool::{Mode, Pool};
use hotspare::runbook::view::{RunId, RunState};
use hotspare::standin::arbiter::{Decision, Judgement, Wish, by_hand, decide};
use hotspare::standin::book::{Book, Phase};

use crate::fleet::Machines;
use crate::runner::{Exec, Fate, act};

/// Between two judgements, milliseconds.
const TICK: u64 = 500;
/// A step that hangs is given up after this, milliseconds.
const TIMEOUT: u64 = 10_000;

pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) machines: Machines,
    pub(crate) book: Book,
    pub(crate) now: u64,
    pub(crate) exec: Option<Exec>,
    /// What became of steps whose answer never came: done later, perhaps.
    pub(crate) late: Vec<(crate::runner::Step, u64)>,
    /// How long a step takes, milliseconds.
    pub(crate) pace: u64,
    /// How the next steps end, first first; then all is well.
    pub(crate) fates: Vec<Fate>,
    pub(crate) engine: bool,
    pub(crate) lease: bool,
    pub(crate) frozen: bool,
    pub(crate) anchors: bool,
    pub(crate) log: Vec<String>,
    /// Addresses that had one owner or none, until a step of ours gave them a second.
    pub(crate) double_owners: u32,
    runs: u64,
    shown: Vec<String>,
    would: Option<String>,
}

impl World {
    pub(crate) fn new(pool: Pool, pace: u64) -> Self {
        let machines = Machines::new(&pool.protects, &pool.spares);
        let shown = pool.protects.iter().map(|_| "serving".to_owned()).collect();
        Self {
            pool,
            machines,
            book: Book::default(),
            now: 0,
            exec: None,
            late: Vec::new(),
            pace,
            fates: Vec::new(),
            engine: true,
            lease: true,
            frozen: false,
            anchors: true,
            log: Vec::new(),
            double_owners: 0,
            runs: 0,
            shown,
            would: None,
        }
    }

    pub(crate) fn time(&self) -> Timestamp {
        at(self.now)
    }

    pub(crate) fn say(&mut self, what: impl std::fmt::Display) {
        self.log.push(format!("{}s {what}", seconds(self.now)));
    }

    /// Half a second passes.
    pub(crate) fn tick(&mut self) {
        let up_after = u64::try_from(self.pool.up_after.as_millis()).unwrap();
        self.machines.look(self.now, up_after);
        if self.engine {
            self.work();
            let judged = decide(&self.pool, &self.book, &self.scene());
            self.obey(&judged);
            self.show(&judged);
        }
        self.now += TICK;
    }

    fn obey(&mut self, judged: &Judgement) {
        for note in &judged.notes {
            self.book.note(note, self.time());
            self.say(format!("noted: {note:?}"));
        }
        if let Some(decision) = &judged.decision {
            assert!(self.pool.mode == Mode::Auto && self.exec.is_none(), "a second run");
            self.begin(decision, "engine", true);
        }
        let would = judged.would.as_ref().map(|would| format!("would begin a {}", words(would)));
        if would != self.would && would.is_some() {
            self.say(would.clone().unwrap());
        }
        self.would = would;
    }

    fn show(&mut self, judged: &Judgement) {
        for (at, host) in judged.hosts.iter().enumerate() {
            let stand = host.stand.word().to_owned();
            if self.shown[at] != stand {
                self.say(format!("{} is {stand}: {}", host.name, host.why));
                self.shown[at] = stand;
            }
        }
    }

    pub(crate) fn begin(&mut self, decision: &Decision, by: &str, automatic: bool) {
        self.runs += 1;
        let run = RunId(self.runs);
        let begun = self.book.begin(decision, by, automatic, run, self.time()).unwrap();
        self.say(format!("{by} begins a {}, generation {}", words(decision), begun.generation));
        self.exec = Some(Exec::new(run, begun.generation, decision, self.now + self.pace));
    }

    /// A person wishes something.
    pub(crate) fn wish(&mut self, wish: &Wish) {
        match by_hand(&self.pool, &self.book, &self.scene(), wish) {
            Ok(decision) => self.begin(&decision, "ana", false),
            Err(refusals) => {
                for refusal in refusals {
                    self.say(format!("refused: {}: {}", refusal.what, refusal.why));
                }
            }
        }
    }

    /// The step that is due is done, or fails.
    fn work(&mut self) {
        while let Some(mut exec) = self.exec.take() {
            // The lease is gone: a step in flight finishes, none is begun.
            if exec.until > self.now {
                self.exec = Some(exec);
                return;
            }
            let Some(step) = exec.steps.get(exec.at).cloned() else {
                self.end(exec.run, RunState::Done, None);
                return;
            };
            let fate = if self.fates.is_empty() { Fate::Well } else { self.fates.remove(0) };
            let done = match fate {
                Fate::Well => self.audited(&step, exec.generation),
                Fate::Fails => Err("it failed".into()),
                Fate::Hangs => {
                    self.late.push((step.clone(), exec.generation));
                    exec.until += TIMEOUT;
                    exec.steps.truncate(exec.at);
                    exec.steps.push(crate::runner::Step::Announce);
                    self.fates.insert(0, Fate::Fails);
                    self.exec = Some(exec);
                    continue;
                }
            };
            match done {
                Err(why) => {
                    let hung = self.late.iter().any(|(_step, generation)| *generation == exec.generation);
                    self.end(exec.run, if hung { RunState::Unknown } else { RunState::Failed }, Some(why));
                    return;
                }
                Ok(()) if !self.lease && exec.at + 1 < exec.steps.len() => {
                    self.end(exec.run, RunState::Interrupted, None);
                    return;
                }
                Ok(()) => {
                    exec.at += 1;
                    exec.until = if exec.at < exec.steps.len() { exec.until + self.pace } else { exec.until };
                    self.exec = Some(exec);
                }
            }
        }
    }

    fn end(&mut self, run: RunId, state: RunState, why: Option<String>) {
        let told = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        self.say(format!("run {run} ends {}{told}", state.word()));
        self.book.ended(run, state, why, self.time()).unwrap();
    }

    /// A step, with the question afterwards whether it gave an address a second owner.
    fn audited(&mut self, step: &crate::runner::Step, generation: u64) -> Result<(), String> {
        let count = |machines: &Machines, hosts: &[String]| -> Vec<usize> {
            hosts.iter().map(|host| machines.owners(host).len()).collect()
        };
        let before = count(&self.machines, &self.pool.protects);
        let done = act(&mut self.machines, step, generation);
        let after = count(&self.machines, &self.pool.protects);
        let doubled = before.iter().zip(&after).filter(|(before, after)| **after > 1 && after > before).count();
        self.double_owners += u32::try_from(doubled).unwrap();
        done
    }

    /// A command that hung is done at last.
    pub(crate) fn arrive_late(&mut self) {
        if let Some((step, generation)) = self.late.pop() {
            let done = self.audited(&step, generation);
            self.say(format!("late: {step:?}: {done:?}"));
        }
    }

    pub(crate) fn engine_dies(&mut self) {
        self.engine = false;
        if let Some(exec) = self.exec.take() {
            // The command that was on its way may still arrive.
            self.late.extend(exec.steps.get(exec.at).map(|step| (step.clone(), exec.generation)));
        }
    }

    pub(crate) fn engine_starts(&mut self) {
        self.engine = true;
        self.lease = true;
        self.book.restore(self.time());
    }

    /// The interrupted run, its steps from the first on: each looks whether it is done already.
    pub(crate) fn resume(&mut self) {
        if !self.lease || !self.engine {
            self.say("refused: no lease");
            return;
        }
        let Some(run) = self.book.run.clone().filter(|run| run.interrupted && self.exec.is_none()) else { return };
        let begun = self.book.resume(run.id).unwrap();
        self.say(format!("ana resumes run {}, generation {}", run.id, begun.generation));
        self.exec = Some(Exec::new(run.id, begun.generation, &run.decision, self.now + self.pace));
    }

    pub(crate) fn abandon(&mut self) {
        let Some(run) = self.book.run.clone().filter(|run| run.interrupted && self.lease) else { return };
        self.book.abandon(run.id, "ana", self.time()).unwrap();
        self.exec = None;
        self.say(format!("ana abandons run {}", run.id));
    }

    /// A person clears what failed: by word, after taking away what it may hold.
    pub(crate) fn clear(&mut self, spare: &str) {
        if let Ok(begun) = self.book.clear(spare) {
            let machine = self.machines.get(spare);
            machine.holds.clear();
            machine.guard = begun.generation;
            self.say(format!("ana clears {spare}"));
        }
    }

    pub(crate) fn failed_spares(&self) -> Vec<String> {
        let failed = self.book.spares.iter().filter(|(_, of)| of.phase == Phase::Failed);
        failed.map(|(spare, _)| spare.clone()).collect()
    }
}

fn words(decision: &Decision) -> String {
    let of = format!("{} of {} with {}", decision.act.word(), decision.host, decision.spare);
    decision.for_host.as_ref().map_or(of.clone(), |next| format!("{of} for {next}"))
}

pub(crate) fn at(milliseconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100);
    text.trim_end_matches(".0").to_owned()
}
