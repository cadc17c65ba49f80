//! Random faults on a site, seeded so that a round can be repeated, with an audit from outside: never two owners of an address by a
//! step of ours, one host a spare, generations that only grow, the journal's chain intact.
//!
//! `HOTSPARE_FAULTS` rounds (4), beginning with `HOTSPARE_SEED` (drawn), on `HOTSPARE_SITES` sites at a time (2).

mod restore;
mod round;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::site::fault::Fault;
use crate::site::pool::{PATIENCE, Site};
use crate::site::wire::{self, Wire};
use round::{Event, Round};

/// Everything that was done must have come to rest after this.
const REST: Duration = Duration::from_secs(14);
/// From the question on the wire to the claim, with its announcement, s.
const ASKED: f64 = 0.4;
/// Nothing that changes for this long is at rest.
const QUIET: Duration = Duration::from_secs(2);

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn random_faults_never_lead_to_two_owners() {
    let rounds: u64 = number("HOTSPARE_FAULTS").unwrap_or(4);
    let seed: u64 = number("HOTSPARE_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let sites = number("HOTSPARE_SITES").unwrap_or(2).clamp(1, rounds.max(1));
    println!("HOTSPARE_SEED={seed} HOTSPARE_FAULTS={rounds}");
    let each = (0..sites).map(|site| async move {
        let mut trial = Trial::new().await;
        for round in (site..rounds).step_by(usize::try_from(sites).expect("few")) {
            trial.round(&Round::drawn(seed + round)).await;
        }
        trial.count
    });
    let mut count = Count::default();
    for one in futures_util::future::join_all(each).await {
        count.add(one);
    }
    println!("{count}");
    assert_eq!(count.claimed_twice, 0, "an address was claimed while its owner was there");
}

/// What came of the rounds.
#[derive(Debug, Default)]
struct Count {
    rounds: u32,
    faults: u32,
    engines_killed: u32,
    takeovers: u32,
    /// Why nobody took over, where a host was gone.
    not: BTreeMap<String, u32>,
    resumed: u32,
    undone: u32,
    /// An owner came back by itself to an address that another had by then.
    came_back: u32,
    claimed_twice: u32,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.faults += other.faults;
        self.engines_killed += other.engines_killed;
        self.takeovers += other.takeovers;
        for (why, count) in other.not {
            *self.not.entry(why).or_default() += count;
        }
        self.resumed += other.resumed;
        self.undone += other.undone;
        self.came_back += other.came_back;
        self.claimed_twice += other.claimed_twice;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let not: Vec<String> = self.not.iter().map(|(why, count)| format!("{count} {why}")).collect();
        write!(
            f,
            "{} rounds, {} faults, {} engines killed: {} takeovers; not taken over: {}; {} interrupted runs resumed, {} \
             undone; {} times an owner came back by itself to an address that was taken; double owners by a step of ours: {}",
            self.rounds,
            self.faults,
            self.engines_killed,
            self.takeovers,
            if not.is_empty() { "none".to_owned() } else { not.join(", ") },
            self.resumed,
            self.undone,
            self.came_back,
            self.claimed_twice
        )
    }
}

/// A site on which one round after the other is played.
struct Trial {
    site: Site,
    wire: Wire,
    macs: BTreeMap<String, String>,
    /// Machine to the highest generation that it has seen.
    generations: BTreeMap<String, u64>,
    /// When which machine was mended.
    mended: Vec<(f64, &'static str)>,
    /// Rounds and addresses in which an owner came back to a place that was taken.
    came_back: BTreeSet<(u64, String)>,
    count: Count,
}

impl Trial {
    async fn new() -> Self {
        let mut site = Site::new("fence = \"required\"\ncooldown = \"1s\"\ndwell = \"1s\"").await;
        let addresses = [site.service, site.lan.address(101)];
        let wire = site.lan.listen("client", &addresses);
        let mac = |name: &str| site.lan.machine(name).exec(&["cat", "/sys/class/net/eth0/address"]).trim().to_owned();
        let macs = ["a", "b", "cedar"].map(|name| (mac(name), name.to_owned()));
        Self {
            site,
            wire,
            macs: macs.into(),
            generations: BTreeMap::new(),
            mended: Vec::new(),
            came_back: BTreeSet::new(),
            count: Count::default(),
        }
    }

    async fn round(&mut self, round: &Round) {
        let began = tokio::time::Instant::now();
        for (at, event) in &round.events {
            tokio::time::sleep_until(began + *at).await;
            match event {
                Event::Begin(name, Fault::SshCut) => self.cut_in_mid_step(name, round.seed),
                Event::Begin(name, fault) => self.site.lan.begin(name, *fault),
                Event::End(name, fault) => self.mend(name, *fault).await,
                Event::Kill => self.site.kill().await,
                Event::Start => self.site.start(),
            }
        }
        let pool = self.rest().await;
        let came_of_it = self.took(round, &pool);
        println!("{round} -> {came_of_it} ({:.1} s)", began.elapsed().as_secs_f64());
        self.audit(round, &pool);
        self.restore(round).await;
        self.count.rounds += 1;
        self.count.faults += round.faults();
        self.count.engines_killed += round.kills();
    }

    async fn mend(&mut self, name: &'static str, fault: Fault) {
        self.mended.push((wire::now(), name));
        self.site.lan.mend(name, fault).await;
    }

    /// Cuts the ssh sessions of a machine a moment after the next step has begun on it.
    fn cut_in_mid_step(&self, name: &str, seed: u64) {
        let machine = self.site.lan.machine(name).twin();
        let (steps, later) = (machine.steps(), Duration::from_millis(seed % 250));
        std::thread::spawn(move || {
            for _look in 0..3000 {
                if machine.steps() > steps {
                    std::thread::sleep(later);
                    machine.cut();
                    return;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
    }

    fn show(&self) -> Value {
        self.site.lan.ask(&["pool", "show", "people"]).1
    }

    /// Waits until nothing moves any more, and says how everything stands.
    async fn rest(&self) -> Value {
        let began = tokio::time::Instant::now();
        let (mut last, mut since) = (Value::Null, began);
        loop {
            let pool = self.show();
            let stands: Vec<&Value> =
                pool["hosts"].as_array().into_iter().flatten().map(|host| &host["stand"]).collect();
            let moves = ["running", "undoing"].iter().any(|state| pool["run"]["state"] == *state)
                || stands.iter().any(|stand| **stand == "failing");
            let key = serde_json::json!([stands, pool["spares"][0]["state"], pool["run"]["state"]]);
            if moves || key != last {
                (last, since) = (key, tokio::time::Instant::now());
            }
            if since.elapsed() > QUIET || began.elapsed() > REST && !moves {
                return pool;
            }
            assert!(began.elapsed() < PATIENCE, "never at rest: {pool}");
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    /// What became of it, in words; counted.
    fn took(&mut self, round: &Round, pool: &Value) -> String {
        let spare = &pool["spares"][0];
        let mut said = Vec::new();
        for host in pool["hosts"].as_array().expect("hosts") {
            let (name, stand) = (host["name"].as_str().expect("a name"), host["stand"].as_str().expect("a word"));
            said.push(format!("{name} {stand}"));
            if spare["state"] == "active" && spare["standing_in_for"] == name {
                self.count.takeovers += 1;
            } else if matches!(stand, "waiting" | "suspect") {
                let why = host["why"].as_str().unwrap_or_default();
                *self.count.not.entry(reason(why, pool)).or_default() += 1;
                said.push(format!("[{why}]"));
            }
        }
        if !round.touches(&["a", "b"]) {
            assert_ne!(spare["state"], "active", "no host had a fault: {round}: {pool}");
        }
        if let Some(host) = round.plain() {
            let frozen = pool["held_back"].as_array().is_some_and(|held| !held.is_empty());
            let serves = spare["state"] == "active" && spare["standing_in_for"] == host;
            assert!(serves || frozen, "nobody took over from {host}: {round}: {pool}");
        }
        said.push(format!("cedar {}", spare["state"].as_str().expect("a word")));
        said.join(", ")
    }

    /// Seen from outside, whatever happened.
    fn audit(&mut self, round: &Round, pool: &Value) {
        for double in self.wire.doubles() {
            let came = self.macs.get(&double.came).map_or("somebody", String::as_str);
            println!("  {} had two owners for {:.2} s: {came} came ({round})", double.address, double.seconds);
            // Who was mended a moment ago came back by itself; everybody else was made to.
            let mended = |name: &str| {
                self.mended.iter().any(|(at, mended)| *mended == name && (-0.1..1.5).contains(&(double.at - at)))
            };
            // So did whoever was mended between the question on the wire and the claim: nothing was to be heard of it then.
            let resident = self.macs.get(&double.resident).map_or("somebody", String::as_str);
            let in_between = double.heard_for < ASKED && mended(resident);
            if !mended(came) && !in_between {
                self.count.claimed_twice += 1;
                println!("  by a step of ours: {pool:#}");
            } else if self.came_back.insert((round.seed, double.address)) {
                self.count.came_back += 1;
            }
        }
        let services = [self.site.service, self.site.lan.address(101)].map(|address| address.to_string());
        let held = self.site.lan.machine("cedar").addresses();
        let served =
            services.iter().filter(|service| held.iter().any(|held| held.split('/').next() == Some(service))).count();
        assert!(served < 2, "{round}: the spare has the addresses of two hosts: {held:?}");
        let given = pool["spares"][0]["generation"].as_u64().expect("a number");
        for name in ["a", "b", "cedar"] {
            let seen = self.site.lan.machine(name).generation("people");
            let before = self.generations.insert(name.to_owned(), seen).unwrap_or(0);
            assert!(seen >= before, "{round}: {name} has seen generation {before}, and now {seen}");
            assert!(name != "cedar" || seen <= given, "{round}: {name} has seen {seen}, and {given} was given out");
        }
        let (exit, journal) = self.site.lan.ask(&["journal"]);
        assert_eq!((exit, &journal["chain"]), (0, &"intact".into()), "{round}: the journal");
    }
}

/// Why nobody serves in place of a host, in few words.
fn reason(why: &str, pool: &Value) -> String {
    let notes: Vec<&str> = pool["run"]["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|step| matches!(step["state"].as_str(), Some("failed" | "refused" | "unknown")))
        .filter_map(|step| step["note"].as_str())
        .collect();
    let tried = why.contains("failed in its place") || why.contains("nothing more is tried");
    let words = if tried && notes.iter().any(|note| note.contains("fence")) {
        "no fence"
    } else if tried && notes.iter().any(|note| note.contains("is answered by")) {
        "the wire was not free"
    } else if tried {
        "a step failed"
    } else {
        let known = [
            ("most engines", "no majority"),
            ("no witness", "no witness"),
            ("still reaches it", "a witness reaches it"),
            ("interrupted", "run interrupted"),
            ("anchor", "the console is cut off"),
            ("frozen", "frozen"),
            ("cools down", "cool-down"),
            ("no spare is ready", "spare not ready"),
            ("no spare is free", "spare taken"),
            ("while standing in", "spare died"),
            ("in its place", "spare died"),
        ];
        known.iter().find(|(part, _)| why.contains(part)).map_or("suspect only", |(_, words)| words)
    };
    words.to_owned()
}
