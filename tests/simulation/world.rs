//! What is true: machines that die and come back, who reaches whom, who holds whose address. And what must never be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::Fleet;
use hotspare::health::policy::{self, HostPolicy};

/// Machines of one pool: the last of them are its spares.
pub(crate) const POOL: usize = 10;
pub(crate) const SPARES: usize = 2;
/// What everybody saw for so long is no surprise.
pub(crate) const SEEN: Duration = Duration::from_secs(3);

/// How the machines are divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) hosts: usize,
    pub(crate) engines: usize,
    /// Each with a prefix, a lease, and a share of hosts and engines of its own.
    pub(crate) sites: usize,
}

impl Layout {
    pub(crate) fn per_site(&self) -> usize {
        self.hosts / self.sites
    }

    pub(crate) fn site_of(&self, engine: usize) -> usize {
        engine * self.sites / self.engines
    }

    pub(crate) fn engines_of(&self, site: usize) -> impl Iterator<Item = usize> + use<> {
        let layout = *self;
        (0..self.engines).filter(move |engine| layout.site_of(*engine) == site)
    }
}

/// What each site's fleet file says; all say the same.
pub(crate) struct Site {
    pub(crate) fleet: Fleet,
    pub(crate) policies: Vec<HostPolicy>,
}

impl Site {
    pub(crate) fn new(hosts: usize) -> Self {
        let mut text = "name = \"simulated\"\n".to_owned();
        for host in 0..hosts {
            let [_, _, high, low] = u32::try_from(host).unwrap().to_be_bytes();
            writeln!(text, "[hosts.h{host:05}]\naddress = \"10.9.{high}.{low}\"\nchecks = [{{ kind = \"ping\" }}]")
                .unwrap();
        }
        for pool in 0..hosts / POOL {
            let names = |from: usize, to: usize| -> String {
                let all = (pool * POOL + from..pool * POOL + to).map(|host| format!("\"h{host:05}\""));
                all.collect::<Vec<_>>().join(", ")
            };
            let (protects, spares) = (names(0, POOL - SPARES), names(POOL - SPARES, POOL));
            writeln!(
                text,
                "[pools.p{pool:04}]\nmode = \"auto\"\nprotects = [{protects}]\nspares = [{spares}]\ntakeover = \"take\"\n\
                 giveback = \"give\"\ngiveback_mode = \"auto\"\nup_after = \"10s\"\ncooldown = \"0s\""
            )
            .unwrap();
        }
        for runbook in ["take", "give"] {
            let step = "{ name = \"do\", kind = \"command\", on = \"spare\", run = \"true\", fence = true }";
            writeln!(text, "[runbooks.{runbook}]\nsteps = [{step}]").unwrap();
        }
        let loaded = hotspare::fleet::load(text.as_bytes(), std::path::Path::new("/no/such/folder/hotspare.toml"));
        let told: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        let fleet = loaded.fleet.unwrap_or_else(|| panic!("{}", told.join("\n")));
        // Every host is in one pool, and all pools are alike: asked once.
        let one = fleet.hosts.first().map(|host| policy::of(&fleet, host)).unwrap();
        let policies = vec![one; hosts];
        Self { fleet, policies }
    }
}

/// Some engines do not reach some machines.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) engines: BTreeSet<usize>,
    pub(crate) machines: BTreeSet<usize>,
}

#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    pub(crate) clock: Clock,
    pub(crate) layout: Layout,
}

pub(crate) struct State {
    pub(crate) machines: Vec<Machine>,
    /// Machines of which something has changed, in order; engines look at those again.
    pub(crate) touched: Vec<usize>,
    pub(crate) filter: Option<Filter>,
    pub(crate) engines: Vec<bool>,
    /// Who was told to hold whose address: host to spare.
    pub(crate) serving: BTreeMap<usize, usize>,
    /// Takeovers whose end is on record: host to spare.
    pub(crate) promised: BTreeMap<usize, usize>,
    /// Pool to the last generation that was begun with.
    generations: BTreeMap<(usize, String), u64>,
    /// Site to the last right.
    rights: BTreeMap<usize, u64>,
    pub(crate) broken: Vec<String>,
    /// From death to decision.
    pub(crate) decided: Vec<Duration>,
    runs: u64,
    pub(crate) takeovers: u32,
    pub(crate) givebacks: u32,
    pub(crate) interrupted: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) alive: bool,
    /// Since when it stands so, or is reached by others than before.
    pub(crate) since: Duration,
    /// The highest generation that it has seen.
    guard: u64,
    pub(crate) answered: bool,
}

impl World {
    pub(crate) fn new(layout: Layout, clock: Clock) -> Self {
        let machine = Machine { alive: true, since: Duration::ZERO, guard: 0, answered: false };
        let state = State {
            machines: vec![machine; layout.hosts],
            touched: Vec::new(),
            filter: None,
            engines: vec![false; layout.engines],
            serving: BTreeMap::new(),
            promised: BTreeMap::new(),
            generations: BTreeMap::new(),
            rights: BTreeMap::new(),
            broken: Vec::new(),
            decided: Vec::new(),
            runs: 0,
            takeovers: 0,
            givebacks: 0,
            interrupted: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), clock, layout }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.tick().since_start()
    }

    /// A machine dies or comes back.
    pub(crate) fn power(&self, machine: usize, on: bool) {
        let now = self.now();
        let state = &mut *self.state();
        let known = &mut state.machines[machine];
        if known.alive != on {
            (known.alive, known.since, known.answered) = (on, now, false);
            state.touched.push(machine);
            // What it had taken from others is written nowhere on it; its own address is.
            state.serving.retain(|_, spare| *spare != machine);
        }
    }

    pub(crate) fn filter(&self, filter: Option<Filter>) {
        let now = self.now();
        let state = &mut *self.state();
        let before = state.filter.take();
        for machine in [&before, &filter].into_iter().flatten().flat_map(|filter| &filter.machines) {
            state.machines[*machine].since = now;
            state.touched.push(*machine);
        }
        state.filter = filter;
    }

    pub(crate) fn next_run(&self) -> u64 {
        let state = &mut *self.state();
        state.runs += 1;
        state.runs
    }

    pub(crate) fn break_rule(&self, what: &str) {
        let now = self.now();
        self.state().broken.push(format!("{:.2} s: {what}", now.as_secs_f64()));
    }

    /// An engine decides a takeover: it is the only one that may, and the host is gone or hardly anybody reaches it.
    pub(crate) fn takes_over(&self, site: usize, engine: usize, generation: u64, host: usize) {
        let now = self.now();
        let state = &mut *self.state();
        let mut broken = Vec::new();
        let last = state.rights.entry(site).or_default();
        if *last > generation {
            broken.push(format!("engine {engine} decides under right {generation} after one under {last}"));
        }
        *last = generation.max(*last);
        let machine = &state.machines[host];
        let living: Vec<usize> = self.layout.engines_of(site).filter(|engine| state.engines[*engine]).collect();
        let reach = living.iter().filter(|engine| state.reaches(**engine, host)).count();
        if machine.alive && now - machine.since >= SEEN && reach * 2 > living.len() {
            broken.push(format!(
                "engine {engine} takes over from h{host}, alive and reached by {reach} of {}",
                living.len()
            ));
        }
        state.tell(now, broken);
    }

    /// A run has begun, and that is on record: generations of a pool only grow. `for_host`: whose place is taken.
    pub(crate) fn began(&self, site: usize, engine: usize, pool: &str, generation: u64, for_host: Option<usize>) {
        let now = self.now();
        let state = &mut *self.state();
        if let Some(host) = for_host.filter(|host| !state.machines[*host].alive && !state.machines[*host].answered) {
            state.decided.push(now - state.machines[host].since);
            state.machines[host].answered = true;
        }
        let last = state.generations.entry((site, pool.to_owned())).or_default();
        let (before, again) = (*last, generation <= *last);
        *last = generation.max(before);
        if again {
            let what = format!("{pool} of site {site}: engine {engine} begins generation {generation} after {before}");
            state.tell(now, vec![what]);
        }
    }

    /// The spare is told to hold the address of the host: past its guard, and after a question to the wire.
    pub(crate) fn claim(&self, host: usize, spare: usize, generation: u64) -> Result<(), String> {
        let now = self.now();
        let state = &mut *self.state();
        let machine = &mut state.machines[spare];
        if !machine.alive {
            return Err("the spare does not answer".into());
        }
        if generation < machine.guard {
            return Err(format!("the spare has seen generation {}", machine.guard));
        }
        machine.guard = generation;
        let other = state.serving.get(&host).copied().filter(|other| *other != spare);
        let taken =
            state.serving.iter().find(|(other, with)| **with == spare && **other != host).map(|(other, _)| *other);
        let broken = other.map(|other| format!("h{spare} takes the address of h{host}, which h{other} holds"));
        let twice = taken.map(|other| format!("h{spare} stands in for h{host} and for h{other}"));
        state.tell(now, broken.into_iter().chain(twice).collect());
        if state.machines[host].alive {
            return Err("the host answers on the wire".into());
        }
        state.serving.insert(host, spare);
        Ok(())
    }

    /// The spare lets go of the address.
    pub(crate) fn let_go(&self, host: usize, spare: usize, generation: u64) -> Result<(), String> {
        let state = &mut *self.state();
        let machine = &mut state.machines[spare];
        if generation < machine.guard {
            return Err(format!("the spare has seen generation {}", machine.guard));
        }
        machine.guard = generation;
        if state.serving.get(&host) == Some(&spare) {
            state.serving.remove(&host);
        }
        Ok(())
    }
}

impl State {
    fn tell(&mut self, now: Duration, broken: Vec<String>) {
        self.broken.extend(broken.into_iter().map(|what| format!("{:.2} s: {what}", now.as_secs_f64())));
    }

    /// Whether an engine's questions to a machine are answered.
    pub(crate) fn reaches(&self, engine: usize, machine: usize) -> bool {
        let filtered = |filter: &Filter| filter.engines.contains(&engine) && filter.machines.contains(&machine);
        self.machines[machine].alive && !self.filter.as_ref().is_some_and(filtered)
    }
}
