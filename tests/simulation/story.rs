//! A story: what happens when to a fleet, played to its end, and what came of it. What happens comes from the seed alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::standin::book::Book;
use rustix::time::{ClockId, clock_gettime};

use crate::Guard;
use crate::board::Board;
use crate::engine::{Engine, Start, prefix};
use crate::server::{Etcd, Pace, Path, Way};
use crate::store::Tally;
use crate::world::{Filter, Layout, POOL, SPARES, Site, World};

/// Between two looks at the rules.
const STEP: Duration = Duration::from_millis(100);
pub(crate) const TTL: Duration = Duration::from_secs(10);
/// A host that can have a stand-in has one decided within this, as long as nothing else is wrong: 2.5 s until it is down.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// After the last trouble it may take so long until all is as usual: twice the time to live, and a moment.
const SETTLED: Duration = Duration::from_secs(2 * 10 + 5);
/// How long a machine that came back is not trusted.
const UP_AFTER: Duration = Duration::from_secs(10);

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Power(Vec<usize>, bool),
    /// An engine dies; on an empty state folder or its own, it begins again.
    Kill(usize),
    Begin(usize, bool),
    /// Whoever holds the lease of the first site dies.
    KillHolder,
    /// Engines and the network between them and etcd.
    Network(Vec<usize>, Way),
    EtcdLeaves,
    EtcdReturns,
    Pace(Pace),
    Filter(Option<Filter>),
}

#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) layout: Layout,
    pub(crate) faults: Vec<(Duration, Fault)>,
    /// Marks in time, each with the name of what is measured from there on.
    pub(crate) phases: Vec<(Duration, &'static str)>,
    pub(crate) until: Duration,
    /// What is taken away, to see what it is good for.
    pub(crate) without: Option<Guard>,
}

/// What was measured in one phase.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "`examples/scale.rs` prints it")]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) lasted: Duration,
    pub(crate) tally: Tally,
    pub(crate) bytes: usize,
    /// From death to decision, shortest first.
    pub(crate) decided: Vec<Duration>,
    /// Of the processor, for everything.
    pub(crate) cpu: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) broken: Vec<String>,
    pub(crate) decided: Vec<Duration>,
    pub(crate) takeovers: u32,
    pub(crate) givebacks: u32,
    pub(crate) interrupted: u32,
    /// From etcd's return until somebody may act.
    pub(crate) held_again: Vec<Duration>,
    /// The longest that a host waited for a decision while nothing else was wrong.
    pub(crate) longest: Duration,
    pub(crate) owners: u64,
    pub(crate) phases: Vec<Phase>,
}

struct Stage {
    story: Story,
    world: World,
    etcd: Etcd,
    site: Arc<Site>,
    paths: Vec<Path>,
    boards: Vec<Board>,
    engines: Vec<Option<Engine>>,
    lives: u32,
    /// When all is well again; `None`: not as things stand.
    settled: Option<Duration>,
    trouble: BTreeSet<String>,
    waits: BTreeMap<usize, Duration>,
    returned: BTreeMap<usize, Duration>,
    missing: BTreeSet<usize>,
    holders: BTreeMap<usize, u64>,
    outcome: Outcome,
    mark: (Duration, Tally, usize, Duration),
}

/// Plays it.
pub(crate) fn play(story: &Story) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // Where the lease throws dice, it does so in this thread.
    fastrand::seed(story.seed);
    let site = Arc::new(Site::new(story.layout.per_site()));
    runtime.block_on(async {
        let clock = Clock::of_timers(Timestamp::from_second(1_790_000_000).unwrap());
        let mut stage = Stage::set(story.clone(), site, clock);
        stage.play().await;
        stage.outcome
    })
}

impl Stage {
    fn set(story: Story, site: Arc<Site>, clock: Clock) -> Self {
        let world = World::new(story.layout, clock.clone());
        let etcd = Etcd::start(story.seed, clock);
        let count = story.layout.engines;
        let mut stage = Self {
            paths: (0..count).map(|_| etcd.path()).collect(),
            boards: vec![Board::default(); count],
            engines: vec![None; count],
            lives: 0,
            settled: Some(SETTLED),
            trouble: BTreeSet::new(),
            waits: BTreeMap::new(),
            returned: BTreeMap::new(),
            missing: BTreeSet::new(),
            holders: BTreeMap::new(),
            outcome: Outcome::default(),
            mark: (Duration::ZERO, Tally::default(), 0, cpu()),
            story,
            world,
            etcd,
            site,
        };
        for engine in 0..count {
            stage.boards[engine] = Board::default();
            stage.begin(engine);
        }
        stage
    }

    fn begin(&mut self, number: usize) {
        self.lives += 1;
        let start = Start {
            number,
            world: self.world.clone(),
            site: Arc::clone(&self.site),
            path: self.paths[number].clone(),
            ttl: TTL,
            without: self.story.without,
        };
        self.engines[number] = Some(Engine::begin(start, &self.boards[number], self.lives));
    }

    async fn play(&mut self) {
        let mut faults = std::mem::take(&mut self.story.faults);
        faults.sort_by_key(|(at, _)| *at);
        let mut faults = faults.into_iter().peekable();
        let mut phases = self.story.phases.clone().into_iter().peekable();
        let mut phase = "all of it";
        let mut looks = 0_u32;
        while self.world.now() < self.story.until && self.outcome.broken.is_empty() {
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= self.world.now()) {
                self.happen(fault);
            }
            if let Some((_, next)) = phases.next_if(|(at, _)| *at <= self.world.now()) {
                self.measure(std::mem::replace(&mut phase, next));
            }
            self.look();
            if looks.is_multiple_of(50) {
                self.look_at_promises();
            }
            looks += 1;
            tokio::time::sleep(STEP).await;
        }
        self.measure(phase);
        let state = self.world.state();
        self.outcome.decided.clone_from(&state.decided);
        self.outcome.decided.sort();
        (self.outcome.takeovers, self.outcome.givebacks) = (state.takeovers, state.givebacks);
        self.outcome.interrupted = state.interrupted;
        self.outcome.broken.clone_from(&state.broken);
        drop(state);
        for engine in self.engines.drain(..).flatten() {
            engine.kill();
        }
    }

    fn happen(&mut self, fault: Fault) {
        let now = self.world.now();
        let mut name = |what: String, begins: bool| {
            if begins {
                self.trouble.insert(what);
                self.settled = None;
            } else {
                self.trouble.remove(&what);
                if self.trouble.is_empty() {
                    self.settled = Some(now + SETTLED);
                }
            }
        };
        match &fault {
            Fault::Kill(engine) => name(format!("engine {engine}"), false),
            Fault::Begin(..) | Fault::KillHolder => name("a change of engines".into(), false),
            Fault::Network(engines, way) => name(format!("network {engines:?}"), *way != Way::Open),
            Fault::EtcdLeaves => name("etcd".into(), true),
            Fault::EtcdReturns => name("etcd".into(), false),
            Fault::Pace(pace) => name("pace".into(), pace.half > Pace::QUICK.half),
            Fault::Filter(filter) => name("filter".into(), filter.is_some()),
            Fault::Power(..) => {}
        }
        match fault {
            Fault::Power(machines, on) => machines.into_iter().for_each(|machine| self.world.power(machine, on)),
            Fault::Kill(engine) => self.kill(engine),
            Fault::KillHolder => {
                let holder = (0..self.engines.len()).find(|engine| self.may_act(*engine));
                if let Some(engine) = holder {
                    self.kill(engine);
                }
            }
            Fault::Begin(engine, same_folder) => {
                if self.engines[engine].is_none() {
                    if !same_folder {
                        self.boards[engine] = Board::default();
                    }
                    self.begin(engine);
                }
            }
            Fault::Network(engines, way) => engines.into_iter().for_each(|engine| self.paths[engine].set(way)),
            Fault::EtcdLeaves => self.etcd.leave(),
            Fault::EtcdReturns => {
                self.etcd.come_back();
                self.returned = (0..self.story.layout.sites).map(|site| (site, now)).collect();
            }
            Fault::Pace(pace) => self.etcd.pace(pace),
            Fault::Filter(filter) => self.world.filter(filter),
        }
    }

    fn kill(&mut self, engine: usize) {
        if let Some(engine) = self.engines[engine].take() {
            engine.kill();
        }
    }

    fn may_act(&self, engine: usize) -> bool {
        self.engines[engine].as_ref().is_some_and(|engine| engine.lease.may_act().is_ok())
    }

    /// Whether every rule holds at this moment.
    fn look(&mut self) {
        let now = self.world.now();
        for site in 0..self.story.layout.sites {
            let holders: Vec<usize> =
                self.story.layout.engines_of(site).filter(|engine| self.may_act(*engine)).collect();
            if holders.len() > 1 {
                self.world.break_rule(&format!("engines {holders:?} may act at one time"));
            }
            if let [holder] = holders[..] {
                let engine = self.engines[holder].as_ref().unwrap();
                let generation = engine.lease.may_act().map_or(0, |right| right.generation);
                if self.holders.insert(site, generation) != Some(generation) {
                    self.outcome.owners += 1;
                }
                if let Some(since) = self.returned.remove(&site) {
                    self.outcome.held_again.push(now - since);
                }
            }
        }
        self.look_for_waiting(now);
        self.outcome.broken.clone_from(&self.world.state().broken);
    }

    /// A host that is gone, in a pool that could help: it waits.
    fn look_for_waiting(&mut self, now: Duration) {
        let calm = self.settled.is_some_and(|settled| now >= settled);
        let dead: Vec<usize> = {
            let state = self.world.state();
            let open = |(host, machine): (usize, &crate::world::Machine)| {
                (!machine.alive && !machine.answered && host % POOL < POOL - SPARES).then_some(host)
            };
            state.machines.iter().enumerate().filter_map(open).collect()
        };
        let waiting: Vec<usize> = dead.into_iter().filter(|host| calm && self.could_be_helped(*host, now)).collect();
        self.waits.retain(|host, _| waiting.contains(host));
        for host in waiting {
            let since = *self.waits.entry(host).or_insert(now);
            self.outcome.longest = self.outcome.longest.max(now - since);
            if now - since > ANSWER {
                let per_site = self.story.layout.per_site();
                let book = self.book(host / per_site, host % per_site / POOL);
                self.world.break_rule(&format!("h{host} waits for {ANSWER:?}, and a spare is free: {book:?}"));
            }
        }
    }

    fn could_be_helped(&self, host: usize, now: Duration) -> bool {
        let per_site = self.story.layout.per_site();
        let (site, inside) = (host / per_site, host % per_site);
        let book = self.book(site, inside / POOL);
        if !self.story.layout.engines_of(site).any(|engine| self.engines[engine].is_some()) {
            return false;
        }
        let tried = book.outages.get(&format!("h{inside:05}")).is_some_and(|outage| outage.tried.is_some());
        // A spare that failed for it may still hold its address: a person clears that first.
        if book.run.is_some() || tried || book.serving(&format!("h{inside:05}")).is_some() {
            return false;
        }
        let first = host / POOL * POOL + POOL - SPARES;
        let state = self.world.state();
        let free = (first..first + SPARES).filter(|spare| {
            let machine = &state.machines[*spare];
            let trusted = machine.since.is_zero() || now - machine.since > UP_AFTER + Duration::from_secs(3);
            machine.alive && trusted && !book.spares.contains_key(&format!("h{:05}", spare % per_site))
        });
        // A more important host may be about to get it.
        let others = (host / POOL * POOL..host).filter(|other| !state.machines[*other].alive);
        free.count() > others.count()
    }

    fn book(&self, site: usize, pool: usize) -> Book {
        let text = self.etcd.change(|store, _| store.text(&format!("{}/book/p{pool:04}", prefix(site))));
        text.map_or_else(Book::default, |text| serde_json::from_str(&text).unwrap())
    }

    /// What was written down as done is still written down.
    fn look_at_promises(&mut self) {
        let promised = self.world.state().promised.clone();
        let per_site = self.story.layout.per_site();
        let mut missing = BTreeSet::new();
        for (host, spare) in promised {
            let book = self.book(host / per_site, host % per_site / POOL);
            let name = |machine: usize| format!("h{:05}", machine % per_site);
            if book.serving(&name(host)).is_none_or(|(serves, _)| serves != name(spare)) {
                // The answer to what took it away may be on its way.
                if self.missing.contains(&host) {
                    self.world.break_rule(&format!("h{spare} stands in for h{host}, and the book has forgotten it"));
                }
                missing.insert(host);
            }
        }
        self.missing = missing;
    }

    fn measure(&mut self, name: &'static str) {
        let (now, (tally, bytes)) = (self.world.now(), self.etcd.change(|store, _| (store.tally, store.bytes())));
        let used = cpu();
        let all = self.world.state().decided.clone();
        let (since, before, told, cpu_before) = std::mem::replace(&mut self.mark, (now, tally, all.len(), used));
        let mut decided = all[told..].to_vec();
        decided.sort();
        if now > since {
            let (lasted, cpu) = (now - since, used.saturating_sub(cpu_before));
            self.outcome.phases.push(Phase { name, lasted, tally: tally.since(&before), bytes, decided, cpu });
        }
        self.etcd.change(|store, _| store.tally.largest = 0);
    }
}

/// What this thread has used of the processor: the whole simulation runs in it.
fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap())
}
