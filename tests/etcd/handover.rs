//! One of several holds the lease, and another one follows it.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::standin::lease::hold::usable;

use crate::cluster::Cluster;
use crate::engine::{Engine, sorted, until};

const TTL: Duration = Duration::from_secs(2);
/// A new leader of etcd counts every time to live from its beginning, as often as a busy machine changes the leader.
const PATIENCE: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(10);

async fn two(cluster: &Cluster, ttl: Duration) -> (Engine, Engine) {
    let clock = Clock::real();
    let a = Engine::new(cluster, "engine-a", ttl, &clock).await;
    let b = Engine::new(cluster, "engine-b", ttl, &clock).await;
    sorted(a, b, START).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_holds_and_gives_it_back_at_once() {
    let cluster = Cluster::start(3).await;
    let (holder, other) = two(&cluster, TTL).await;
    let right = holder.may_act().expect("held");
    assert!(right.left.is_some_and(|left| left <= usable(TTL)), "{right:?}");
    let state = holder.lease.state().borrow().clone();
    assert!(state.held && state.why == "held by this engine" && state.generation == right.generation, "{state:?}");
    let name = state.by.expect("a name");
    until("the other knows whose it is", START, || other.why() == format!("held by {name}")).await;
    assert!(other.lease.may_act().expect_err("not held").to_string().ends_with(&format!("held by {name}")));
    // It stays so while it is renewed.
    let until = tokio::time::Instant::now() + TTL * 3;
    while tokio::time::Instant::now() < until {
        assert_eq!(holder.may_act().map(|right| right.generation), Some(right.generation), "{}", holder.why());
        assert_eq!(other.may_act(), None);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut told = other.lease.state();
    holder.lease.release().await;
    let before = tokio::time::Instant::now();
    assert_eq!(holder.may_act(), None);
    assert!(holder.why().contains("given back"), "{}", holder.why());
    let next = other.holds(Duration::from_secs(1)).await;
    println!("after an orderly end the other may act in {:?}", before.elapsed());
    assert!(next.generation > right.generation);
    told.wait_for(|state| state.held).await.expect("told as well");
    let read = holder.lease.read("mocap").await.expect_err("ended");
    assert!(read.contains("given back"), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_one_follows_and_never_too_early() {
    let cluster = Cluster::start(3).await;
    let (mut holder, other) = two(&cluster, TTL).await;
    let first = holder.may_act().expect("held");
    let killed = tokio::time::Instant::now();
    holder.kill_and_start(false);
    // It comes back as any other: whoever of the two is first when the time of the dead one is over.
    let mut next = None;
    until("one of them may act", PATIENCE, || {
        next = other.may_act().or_else(|| holder.may_act());
        next.is_some()
    })
    .await;
    let (next, took) = (next.expect("one may"), killed.elapsed());
    println!(
        "after a kill {} may act in {took:?} (time to live {TTL:?})",
        if other.may_act().is_some() { "the other" } else { "it" }
    );
    assert!(took >= usable(TTL) - Duration::from_millis(400), "before the right of the killed one had ended: {took:?}");
    assert!(next.generation > first.generation);
    assert!(holder.may_act().is_none() || other.may_act().is_none(), "both may");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_disk_hangs_leaves_the_lease_to_another_and_strives_again_when_it_answers() {
    let cluster = Cluster::start(1).await;
    let (holder, other) = two(&cluster, TTL).await;
    let first = holder.may_act().expect("held");
    let hung = tokio::time::Instant::now();
    holder.board.hang(Some("the disk of the state folder, /state, has not answered for 10 s; repair it"));
    let next = other.holds(PATIENCE).await;
    println!("after its disk hung the other may act in {:?} (time to live {TTL:?})", hung.elapsed());
    assert!(next.generation > first.generation);
    assert_eq!(holder.may_act(), None, "both may");
    until("why is said", START, || holder.why().contains("/state, has not answered")).await;
    other.lease.release().await;
    for _look in 0..400 {
        assert_eq!(holder.may_act(), None, "nothing can be written down");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    holder.board.hang(None);
    assert!(holder.holds(PATIENCE).await.generation > next.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_killed_and_comes_back_need_not_wait_for_itself() {
    let cluster = Cluster::start(1).await;
    let ttl = Duration::from_secs(30);
    let mut engine = Engine::new(&cluster, "engine-a", ttl, &Clock::real()).await;
    let first = engine.holds(START).await;
    engine.kill_and_start(true);
    let next = engine.holds(Duration::from_secs(5)).await;
    assert!(next.generation > first.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_member_is_not_noticed_and_without_most_of_them_nobody_may_act() {
    let mut cluster = Cluster::start(3).await;
    let ttl = Duration::from_secs(5);
    let (holder, other) = two(&cluster, ttl).await;
    let right = holder.may_act().expect("held");
    let leader = cluster.leader().await;
    cluster.members[leader].kill();
    let until_then = tokio::time::Instant::now() + ttl * 2;
    while tokio::time::Instant::now() < until_then {
        assert_eq!(holder.may_act().map(|right| right.generation), Some(right.generation), "{}", holder.why());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.members[(leader + 1) % 3].kill();
    let minority = tokio::time::Instant::now();
    holder.yields(usable(ttl) + Duration::from_millis(200)).await;
    println!("without a majority the holder stood down in {:?}", minority.elapsed());
    until("why is said", START, || {
        let state = holder.lease.state().borrow().clone();
        !state.held && state.why.contains("etcd does not answer") && state.why.contains("most of its members")
    })
    .await;
    for _look in 0..600 {
        assert_eq!((holder.may_act(), other.may_act()), (None, None));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // All come back: somebody holds it, under a number that is not lower.
    cluster.members[leader].start();
    cluster.members[(leader + 1) % 3].start();
    let (again, _) = sorted(holder, other, Duration::from_secs(30)).await;
    assert!(again.may_act().expect("held").generation >= right.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_restarts() {
    let mut cluster = Cluster::start(3).await;
    let (mut holder, mut other) = two(&cluster, TTL).await;
    let right = holder.may_act().expect("held");
    let version = holder.lease.write("mocap", "spare-1 for studio-2".into(), 0).await.expect("written");
    cluster.members.iter_mut().for_each(crate::cluster::Member::kill);
    holder.kill_and_start(true);
    other.kill_and_start(true);
    assert_eq!((holder.may_act(), other.may_act()), (None, None));
    cluster.members.iter_mut().for_each(crate::cluster::Member::start);
    let (again, _other) = sorted(holder, other, Duration::from_secs(30)).await;
    assert!(again.may_act().expect("held").generation > right.generation);
    let book = again.lease.read("mocap").await.expect("read");
    assert_eq!((&*book.text, book.version), ("spare-1 for studio-2", version));
}
