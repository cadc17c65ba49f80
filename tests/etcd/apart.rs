//! Engines and members of etcd are cut off, frozen and killed: never may two act at one time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::standin::lease::hold::usable;

use crate::cluster::Cluster;
use crate::engine::{Engine, sorted};
use crate::path::Way;
use crate::witness::{Span, Witness, overlaps};

const TTL: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_cut_off_stands_down_before_the_other_begins() {
    let cluster = Cluster::start(3).await;
    let clock = Clock::real();
    for way in [Way::Silent, Way::Deaf, Way::Cut] {
        let prefix = format!("/{way:?}");
        let a = Engine::below(&cluster, &prefix, "engine-a", TTL, &clock).await;
        let b = Engine::below(&cluster, &prefix, "engine-b", TTL, &clock).await;
        let (holder, other) = sorted(a, b, Duration::from_secs(10)).await;
        let watched = Arc::new(Mutex::new(vec![holder.lease.clone(), other.lease.clone()]));
        let witness = Witness::start(watched, clock.clone());
        let cut = clock.tick().since_start();
        holder.paths.set(way);
        other.holds(TTL + TTL + Duration::from_secs(2)).await;
        assert_eq!(holder.may_act(), None);
        let spans = witness.end();
        let ended = spans.iter().filter(|span| span.engine == 0).map(|span| span.to).max().expect("it held");
        let began = spans.iter().find(|span| span.engine == 1).expect("it holds").from;
        println!("{way:?}: stood down after {:?}, the other began {:?} later", ended - cut, began - ended);
        assert!(ended - cut <= usable(TTL) + Duration::from_millis(20), "{:?}", ended - cut);
        assert!(began > ended, "{way:?}: {began:?} is not after {ended:?}");
        // When it is back it knows whose the lease is, and does not take it.
        holder.paths.set(Way::Open);
        let mut state = holder.lease.state();
        let told = state.wait_for(|state| state.why.starts_with("held by engine-"));
        tokio::time::timeout(Duration::from_secs(10), told).await.expect("in time").expect("told");
        assert!(other.may_act().is_some());
    }
}

/// Pairs of engines that share the cluster, each under a prefix of its own.
const PAIRS: usize = 8;
const ROUNDS: usize = 40;
const SHORT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_faults_and_never_two() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let cluster = Cluster::start(3).await;
    let clock = Clock::real();
    let pairs = (0..PAIRS).map(|pair| {
        let (cluster, clock) = (&cluster, clock.clone());
        async move { trouble(cluster, pair, clock, fastrand::Rng::with_seed(seed ^ pair as u64)).await }
    });
    let (spans, ()) = futures_util::future::join(
        futures_util::future::join_all(pairs),
        members(&cluster, fastrand::Rng::with_seed(seed ^ 0xe7cd)),
    )
    .await;
    let mut changes = 0;
    for (pair, spans) in spans.iter().enumerate() {
        let overlaps = overlaps(spans);
        assert!(overlaps.is_empty(), "pair {pair}, seed {seed}: two at one time: {overlaps:#?}");
        changes += owners(spans);
        let mut in_time = spans.clone();
        in_time.sort_by_key(|span| span.from);
        assert!(in_time.is_sorted_by_key(|span| span.generation), "generations only grow");
    }
    println!("{} faults, {changes} changes of ownership, no overlap", PAIRS * ROUNDS);
    assert!(changes > PAIRS * ROUNDS / 8, "hardly anything happened: {changes}");
}

/// How often the lease changed hands.
fn owners(spans: &[Span]) -> usize {
    let mut generations: Vec<u64> = spans.iter().map(|span| span.generation).collect();
    generations.sort_unstable();
    generations.dedup();
    generations.len().saturating_sub(1)
}

/// One pair's troubles, and when each engine had the right.
async fn trouble(cluster: &Cluster, pair: usize, clock: Clock, mut dice: fastrand::Rng) -> Vec<Span> {
    let prefix = format!("/pair-{pair}");
    let mut engines = Vec::new();
    for name in ["a", "b"] {
        engines.push(Engine::below(cluster, &prefix, &format!("engine-{name}"), SHORT, &clock).await);
    }
    let leases = || engines.iter().map(|engine| engine.lease.clone()).collect();
    let watched = Arc::new(Mutex::new(leases()));
    let witness = Witness::start(Arc::clone(&watched), clock);
    for _round in 0..ROUNDS {
        let holder = engines.iter().position(|engine| engine.may_act().is_some());
        let one = holder.filter(|_| dice.u8(..4) > 0).unwrap_or_else(|| dice.usize(..2));
        match dice.u8(..8) {
            0 => engines[one].lease.release().await,
            1 => {}
            2 => engines[one].paths.set(Way::Cut),
            3 | 4 => engines[one].paths.set(Way::Deaf),
            _ => engines[one].paths.set(Way::Silent),
        }
        if dice.u8(..8) < 2 {
            // A new life, on the old state folder or as another machine.
            engines[one].kill_and_start(dice.bool());
            watched.lock().unwrap()[one] = engines[one].lease.clone();
        }
        tokio::time::sleep(Duration::from_millis(dice.u64(50..2500))).await;
        engines[one].paths.set(Way::Open);
        if engines[one].why().contains("given back") {
            engines[one].kill_and_start(true);
            watched.lock().unwrap()[one] = engines[one].lease.clone();
        }
        tokio::time::sleep(Duration::from_millis(dice.u64(0..800))).await;
    }
    witness.end()
}

/// The members' own troubles, one after the other: frozen for a while, the leader among them.
async fn members(cluster: &Cluster, mut dice: fastrand::Rng) {
    for _round in 0..12 {
        tokio::time::sleep(Duration::from_millis(dice.u64(500..2500))).await;
        let one = if dice.bool() { cluster.leader().await } else { dice.usize(..3) };
        cluster.members[one].freeze();
        tokio::time::sleep(Duration::from_millis(dice.u64(100..4000))).await;
        cluster.members[one].thaw();
        cluster.agreed().await;
    }
}
