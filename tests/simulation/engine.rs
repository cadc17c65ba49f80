//! One engine: the real lease, the real verdicts, the real arbiter and the real book. Only what its questions to hosts are
//! answered is played, and that a step of a run takes its time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::join_all;
use hotspare::clock::{Clock, Tick};
use hotspare::fleet::pool::Pool;
use hotspare::fleet::settings::{LeaseKind, LeaseSettings};
use hotspare::health::observation::{Observation, Outcome};
use hotspare::health::verdict::Memory;
use hotspare::health::view::Health;
use hotspare::health::worker::Belief;
use hotspare::reach::secret::Secrets;
use hotspare::runbook::view::{RunId, RunState};
use hotspare::standin::arbiter::{Act, Anchors, Decision, Engines, HostSeen, Scene, Sighting, SpareSeen, decide};
use hotspare::standin::book::{Assignment, Book, Phase};
use hotspare::standin::lease::book::{Version, WriteError};
use hotspare::standin::lease::opinion::{Others, Sights, majority, sights};
use hotspare::standin::lease::{Lease, Tools};
use hotspare::standin::steady::Steady;
use tokio_util::sync::CancellationToken;

use crate::Guard;
use crate::board::Board;
use crate::server::Path;
use crate::world::{POOL, SPARES, Site, World};

/// Between two looks: a pool judges at least this often, and hosts are asked every second one.
const ROUND: Duration = Duration::from_millis(250);
/// A host that stands as it does for so long is not asked again before something changes: nothing would.
const RESTS: Duration = Duration::from_secs(5);
/// A person needs so long to see what is to be done.
const PERSON: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(600);
/// Steps of a run, each of which is kept in etcd before it begins.
const STEPS: usize = 5;
/// A record of a run is about so long, bytes.
const RECORD: usize = 6_000;

/// What it takes to start one.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) number: usize,
    pub(crate) world: World,
    pub(crate) site: Arc<Site>,
    pub(crate) path: Path,
    pub(crate) ttl: Duration,
    pub(crate) without: Option<Guard>,
}

#[derive(Clone)]
pub(crate) struct Engine {
    start: Start,
    /// The number of its site, and of the first machine in it.
    place: (usize, usize),
    pub(crate) lease: Lease,
    steady: Steady,
    desks: Arc<Vec<Mutex<Desk>>>,
    ended: CancellationToken,
}

#[derive(Default)]
struct Desk {
    book: Book,
    version: Option<Version>,
    ours: bool,
    /// Something is written or done for this pool by this engine.
    busy: bool,
    interrupted: Option<Duration>,
    failed: Option<Duration>,
}

struct Mind {
    memory: Memory,
    health: Health,
    since: Tick,
    why: Option<String>,
}

impl Engine {
    /// Begins, on a state folder.
    pub(crate) fn begin(start: Start, board: &Board, life: u32) -> Self {
        let (world, number) = (&start.world, start.number);
        let site = world.layout.site_of(number);
        let settings = LeaseSettings {
            kind: LeaseKind::Etcd,
            endpoints: vec!["http://etcd:2379".into()],
            prefix: prefix(site),
            ttl: start.ttl,
            ..LeaseSettings::default()
        };
        let clock = world.clock.clone();
        let tools = Tools {
            clock: clock.clone(),
            secrets: Secrets::new(clock.clone()),
            network: start.path.network(),
            shelf: Arc::new(board.clone()),
        };
        let lease = Lease::start(&settings, format!("engine-{number}:{life}"), tools);
        let engine = Self {
            place: (site, site * world.layout.per_site()),
            lease,
            steady: Steady::begin(&clock),
            desks: Arc::new(start.site.fleet.pools.iter().map(|_| Mutex::default()).collect()),
            ended: CancellationToken::new(),
            start,
        };
        engine.start.world.state().engines[number] = true;
        engine.spawn(engine.clone().live());
        engine
    }

    /// Ends as a kill would: nothing is given back.
    pub(crate) fn kill(self) {
        self.start.world.state().engines[self.start.number] = false;
        self.ended.cancel();
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let _killed = ended.run_until_cancelled(task).await;
        });
    }

    fn clock(&self) -> &Clock {
        &self.start.world.clock
    }

    fn desk(&self, pool: usize) -> MutexGuard<'_, Desk> {
        self.desks[pool].lock().unwrap()
    }

    fn pool(&self, pool: usize) -> &Pool {
        &self.start.site.fleet.pools[pool]
    }

    async fn live(self) {
        let mut eyes = Eyes::open(&self);
        // Not all at the same moment.
        tokio::time::sleep(Duration::from_millis(5) * u32::try_from(self.start.number % 50).unwrap()).await;
        for round in 0_usize.. {
            eyes.look(&self, round);
            self.lease.publish(eyes.sights(&self));
            if self.lease.may_act().is_ok() {
                self.take_up().await;
                self.judge(&eyes);
            } else {
                for desk in self.desks.iter() {
                    desk.lock().unwrap().ours = false;
                }
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Reads the books that are not known, as who comes to the lease does.
    async fn take_up(&self) {
        let unknown = (0..self.desks.len()).filter(|pool| {
            let desk = self.desk(*pool);
            !desk.busy && (!desk.ours || desk.version.is_none())
        });
        let unknown: Vec<usize> = unknown.collect();
        join_all(unknown.into_iter().map(|pool| async move {
            let Ok(read) = self.lease.read(&self.pool(pool).name).await else { return };
            let mut book: Book =
                if read.text.is_empty() { Book::default() } else { serde_json::from_str(&read.text).unwrap() };
            let mut desk = self.desk(pool);
            if desk.busy || self.lease.may_act().is_err() {
                return;
            }
            book.restore(self.steady.at(self.clock().tick()));
            let interrupted = book.run.as_ref().map(|_| self.start.world.now());
            *desk = Desk { book, version: Some(read.version), ours: true, busy: false, interrupted, failed: None };
        }))
        .await;
    }

    /// Judges every pool in which anything is not as it should be, or anything is remembered.
    fn judge(&self, eyes: &Eyes) {
        let others = Arc::clone(&self.lease.others().borrow());
        let own = eyes.sights(self);
        for pool in 0..self.desks.len() {
            let members = pool * POOL..(pool + 1) * POOL;
            let begins = {
                let mut desk = self.desk(pool);
                let blank = desk.book.spares.is_empty() && desk.book.run.is_none() && desk.book.outages.is_empty();
                let calm = blank && eyes.minds[members].iter().all(|mind| mind.health == Health::Up);
                if desk.version.is_none() || desk.busy || calm {
                    continue;
                }
                let now = self.start.world.now();
                let failed = desk.book.spares.values().any(|of| of.phase == Phase::Failed) || tried(&desk.book);
                desk.failed = desk.failed.filter(|_| failed).or(failed.then_some(now));
                if desk.failed.is_some_and(|since| now >= since + PERSON) && desk.book.run.is_none() {
                    desk.busy = true;
                    let engine = self.clone();
                    self.spawn(async move { engine.clear(pool).await });
                    continue;
                }
                // A person looks at an interrupted run for a while, and has it go on.
                let waited =
                    desk.interrupted.is_some_and(|since| self.start.world.now() >= since + Duration::from_secs(5));
                if waited && desk.book.run.as_ref().is_some_and(|run| run.interrupted) {
                    desk.busy = true;
                    None
                } else {
                    let scene = self.scene(pool, &own, &others, eyes);
                    let judged = decide(self.pool(pool), &desk.book, &scene);
                    if judged.notes.is_empty() && judged.decision.is_none() {
                        continue;
                    }
                    desk.busy = true;
                    Some(judged)
                }
            };
            let engine = self.clone();
            self.spawn(async move {
                match begins {
                    Some(judged) if judged.notes.is_empty() => engine.carry_out(pool, judged.decision).await,
                    Some(judged) => engine.remember(pool, &judged.notes).await,
                    None => engine.carry_out(pool, None).await,
                }
                engine.desk(pool).busy = false;
            });
        }
    }

    fn scene(&self, pool: usize, own: &Sights, others: &Others, eyes: &Eyes) -> Scene {
        let (policy, tick) = (&self.start.site.policies, self.clock().tick());
        let now = self.steady.at(tick);
        let first = pool * POOL;
        let state = self.start.world.state();
        let host = |host: usize| {
            let (mind, name) = (&eyes.minds[host], self.start.site.fleet.hosts[host].name.clone());
            let said = majority(own, others, &name);
            let count = |number: usize| u32::try_from(number).unwrap();
            let engines = Engines { living: count(said.living), say_down: count(said.down) };
            // The spares are asked; they are on this engine's side of any filter.
            let witness = |spare: usize| Sighting {
                witness: self.start.site.fleet.hosts[spare].name.clone(),
                reaches: (state.machines[self.place.1 + spare].alive)
                    .then(|| state.reaches(self.start.number, self.place.1 + host)),
                at: now,
            };
            HostSeen {
                name,
                health: mind.health,
                maintenance: None,
                since: self.steady.at(mind.since),
                fault: mind.memory.fault(&policy[host]).map(|tick| self.steady.at(tick)),
                passing_since: mind.memory.passing_since(&policy[host]).map(|tick| self.steady.at(tick)),
                why: mind.why.clone(),
                next: None,
                witnesses: (first + POOL - SPARES..first + POOL).map(witness).collect(),
                engines: (!others.is_empty() && self.start.without != Some(Guard::Majority)).then_some(engines),
            }
        };
        let spare = |spare: usize| SpareSeen {
            name: self.start.site.fleet.hosts[spare].name.clone(),
            health: eyes.minds[spare].health,
            maintenance: None,
            unready: Vec::new(),
        };
        Scene {
            now,
            hosts: (first..first + POOL - SPARES).map(host).collect(),
            spares: (first + POOL - SPARES..first + POOL).map(spare).collect(),
            contested: Vec::new(),
            frozen: None,
            anchors: Anchors::default(),
            own: std::collections::BTreeSet::new(),
            lease: self.lease.may_act().map(|_| ()).map_err(|not| not.0),
            failures: Vec::new(),
        }
    }

    /// Changes the book, as the worker does: durable, or not changed.
    async fn change<T>(&self, pool: usize, change: impl FnOnce(&mut Book) -> T) -> Result<T, WriteError> {
        let (mut book, version) = {
            let desk = self.desk(pool);
            (desk.book.clone(), desk.version.ok_or_else(|| WriteError::Unavailable("not read".into()))?)
        };
        let done = change(&mut book);
        let text = serde_json::to_string(&book).unwrap();
        let written = self.lease.write(&self.pool(pool).name, text, version).await;
        let mut desk = self.desk(pool);
        match written {
            Ok(version) => {
                (desk.book, desk.version) = (book, Some(version));
                Ok(done)
            }
            Err(error) => {
                if matches!(error, WriteError::Conflict { .. } | WriteError::Unknown(_)) {
                    desk.version = None;
                }
                Err(error)
            }
        }
    }

    /// A person clears what failed, where the machine answers, and has seen what was tried.
    async fn clear(&self, pool: usize) {
        let (spares, first) = (self.desk(pool).book.spares.clone(), self.place.1);
        let failed = |of: &Assignment| of.phase == Phase::Failed;
        let may: Vec<String> = {
            let state = self.start.world.state();
            let alive = |name: &str| state.machines[first + number(name)].alive;
            spares.iter().filter(|(spare, of)| failed(of) && alive(spare)).map(|(spare, _)| spare.clone()).collect()
        };
        let cleared = self.change(pool, |book| {
            book.acknowledge();
            may.iter().filter_map(|spare| Some((spare.clone(), book.clear(spare).ok()?.generation))).collect::<Vec<_>>()
        });
        // What is known to be cleared is no promise any more, also where the answer does not come.
        for of in may.iter().filter_map(|spare| spares.get(spare)) {
            self.start.world.state().promised.remove(&(first + number(&of.host)));
        }
        if let Ok(cleared) = cleared.await {
            for (spare, generation) in cleared {
                let host = first + number(&spares[&spare].host);
                drop(self.start.world.let_go(host, first + number(&spare), generation));
            }
        }
        let mut desk = self.desk(pool);
        (desk.busy, desk.failed) = (false, None);
    }

    async fn remember(&self, pool: usize, notes: &[hotspare::standin::book::Note]) {
        let now = self.steady.at(self.clock().tick());
        let _again_at_the_next_look =
            self.change(pool, |book| notes.iter().for_each(|note| book.note(note, now))).await;
    }

    fn machine(&self, name: &str) -> usize {
        self.place.1 + number(name)
    }

    /// A decision, or the run that was interrupted.
    async fn carry_out(&self, pool: usize, decision: Option<Decision>) {
        let world = &self.start.world;
        let now = self.steady.at(self.clock().tick());
        let Ok(right) = self.lease.may_act() else { return };
        let site = self.place.0;
        let (run, decision, begun) = if let Some(decision) = decision {
            if decision.act == Act::Takeover {
                world.takes_over(site, self.start.number, right.generation, self.machine(&decision.host));
            }
            let run = RunId(world.next_run());
            (run, decision.clone(), self.change(pool, |book| book.begin(&decision, "engine", true, run, now)).await)
        } else {
            let Some(run) = self.desk(pool).book.run.clone() else { return };
            world.state().interrupted += 1;
            (run.id, run.decision, self.change(pool, |book| book.resume(run.id)).await)
        };
        let Ok(Ok(begun)) = begun else { return };
        self.desk(pool).interrupted = None;
        let name = self.pool(pool).name.clone();
        let (host, spare) = (self.machine(&decision.host), self.machine(&decision.spare));
        world.began(site, self.start.number, &name, begun.generation, (decision.act == Act::Takeover).then_some(host));
        if decision.act != Act::Takeover {
            // From here on it may vanish.
            world.state().promised.remove(&host);
        }
        let key = format!("{name}.run");
        let mut failed = None;
        for step in 0..STEPS {
            tokio::time::sleep(STEP).await;
            let record = async {
                let version = self.lease.read(&key).await.ok()?.version;
                self.lease.write(&key, "x".repeat(RECORD), version).await.ok()
            };
            if record.await.is_none() {
                // It may not act any more, or cannot say that it does: a person says how this goes on.
                let mut desk = self.desk(pool);
                drop(desk.book.ended(run, RunState::Interrupted, None, now));
                desk.interrupted = Some(world.now());
                return;
            }
            let done = match (step, decision.act) {
                (2, Act::Takeover) => world.claim(host, spare, begun.generation),
                (2, _) => world.let_go(host, spare, begun.generation),
                _ => Ok(()),
            };
            if let Err(why) = done {
                failed = Some(why);
                break;
            }
        }
        let done = failed.is_none();
        let state = if done { RunState::Done } else { RunState::Failed };
        let now = self.steady.at(self.clock().tick());
        if self.change(pool, |book| book.ended(run, state, failed, now)).await.is_err() {
            let mut desk = self.desk(pool);
            desk.book.restore(now);
            desk.interrupted = Some(world.now());
            return;
        }
        let state = &mut *world.state();
        match decision.act {
            Act::Takeover if done => {
                state.takeovers += 1;
                state.promised.insert(host, spare);
            }
            Act::Giveback if done => state.givebacks += 1,
            _ => {}
        }
    }
}

/// What one engine believes of its hosts.
struct Eyes {
    minds: Vec<Mind>,
    /// Hosts that are asked at this time, and since when nothing has changed.
    moving: BTreeMap<usize, Duration>,
    down: BTreeSet<usize>,
    seen: usize,
}

impl Eyes {
    fn open(engine: &Engine) -> Self {
        let mut eyes = Self { minds: Vec::new(), moving: BTreeMap::new(), down: BTreeSet::new(), seen: 0 };
        let (count, tick) = (engine.start.site.fleet.hosts.len(), engine.clock().tick());
        let mind = || Mind { memory: Memory::new(1), health: Health::Unknown, since: tick, why: None };
        eyes.minds = (0..count).map(|_| mind()).collect();
        let state = engine.start.world.state();
        eyes.seen = state.touched.len();
        let now = engine.start.world.now();
        eyes.moving = (0..count).map(|host| (host, now)).collect();
        eyes
    }

    /// Asks the hosts whose turn it is.
    fn look(&mut self, engine: &Engine, round: usize) {
        let (tick, wall) = (engine.clock().tick(), engine.clock().now());
        let now = tick.since_start();
        let state = engine.start.world.state();
        let first = engine.place.1;
        for machine in &state.touched[self.seen..] {
            let Some(host) = machine.checked_sub(first).filter(|host| *host < self.minds.len()) else { continue };
            if self.moving.insert(host, now).is_none() {
                // As it was asked until now.
                let outcome = if self.minds[host].health == Health::Down { Outcome::Fail } else { Outcome::Pass };
                let before = observation(outcome, tick - Duration::from_millis(1), wall);
                self.minds[host].memory.observe(&engine.start.site.policies[host], 0, &before);
            }
        }
        self.seen = state.touched.len();
        let mut resting = Vec::new();
        for (host, since) in &self.moving {
            if (host + round) % 2 == 1 {
                continue;
            }
            let passes = state.reaches(engine.start.number, first + host);
            let (mind, policy) = (&mut self.minds[*host], &engine.start.site.policies[*host]);
            mind.memory.observe(
                policy,
                0,
                &observation(if passes { Outcome::Pass } else { Outcome::Fail }, tick, wall),
            );
            let verdict = mind.memory.judge(policy, tick);
            mind.memory.accept(&verdict);
            if verdict.health != mind.health {
                mind.since = tick;
            }
            (mind.health, mind.why) = (verdict.health, verdict.why);
            if mind.health == Health::Down {
                self.down.insert(*host);
            } else {
                self.down.remove(host);
            }
            let settled = if passes { mind.health == Health::Up } else { mind.health == Health::Down };
            if settled && now - *since > RESTS {
                resting.push(*host);
            }
        }
        for host in resting {
            self.moving.remove(&host);
        }
    }

    /// What the other engines are told.
    fn sights(&self, engine: &Engine) -> Sights {
        let policies = &engine.start.site.policies;
        let belief = |host: &usize| {
            let mind = &self.minds[*host];
            Belief {
                host: engine.start.site.fleet.hosts[*host].name.clone(),
                health: mind.health,
                since: mind.since,
                fault: mind.memory.fault(&policies[*host]),
                passing_since: mind.memory.passing_since(&policies[*host]),
                why: mind.why.clone(),
                next: None,
                evidence: None,
                maintenance: None,
            }
        };
        sights(&self.down.iter().map(belief).collect::<Vec<_>>(), engine.steady)
    }
}

/// Whether something was tried for a host and left to a person.
fn tried(book: &Book) -> bool {
    book.outages.values().any(|outage| outage.tried.is_some())
}

fn number(name: &str) -> usize {
    name.trim_start_matches('h').parse().unwrap()
}

fn observation(outcome: Outcome, at: Tick, wall: hotspare::clock::Timestamp) -> Observation {
    let reason = (outcome != Outcome::Pass).then(|| "no answer in 800 ms".to_owned());
    Observation { outcome, latency: None, reason, behind: None, found: None, at, wall }
}

pub(crate) fn prefix(site: usize) -> String {
    format!("/site-{site}")
}
