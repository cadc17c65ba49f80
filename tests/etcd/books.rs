//! Books are written under the lease and seen by everybody; engines tell each other what they see.

use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::health::view::Health;
use hotspare::standin::lease::book::WriteError;
use hotspare::standin::lease::opinion::{Others, Seen, Sights, majority};

use crate::cluster::Cluster;
use crate::engine::{Engine, sorted, until};
use crate::path::Way;

const TTL: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(10);

async fn two(cluster: &Cluster) -> (Engine, Engine) {
    let clock = Clock::real();
    let a = Engine::new(cluster, "engine-a", TTL, &clock).await;
    let b = Engine::new(cluster, "engine-b", TTL, &clock).await;
    sorted(a, b, START).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_holder_writes_and_only_what_it_has_read() {
    let cluster = Cluster::start(3).await;
    let (holder, other) = two(&cluster).await;
    assert_eq!(holder.lease.read("mocap").await.expect("read").version, 0);
    let mut seen = other.lease.books();
    let first = holder.lease.write("mocap", "{\"é\": 1}".into(), 0).await.expect("written");
    let book = seen.wait_for(|books| books.get("mocap").is_some_and(|book| book.version == first));
    let book = tokio::time::timeout(START, book).await.expect("in time").expect("seen")["mocap"].clone();
    assert_eq!(&*book.text, "{\"é\": 1}");
    assert_eq!(holder.lease.write("mocap", "x".into(), 0).await, Err(WriteError::Conflict { found: first }));
    let second = holder.lease.write("mocap", "two".into(), first).await.expect("written");
    assert_eq!(holder.lease.write("mocap", "x".into(), first).await, Err(WriteError::Conflict { found: second }));
    let refused = other.lease.write("mocap", "x".into(), second).await;
    assert!(matches!(refused, Err(WriteError::NotHeld(_))), "{refused:?}");
    assert_eq!(&*other.lease.read("mocap").await.expect("read").text, "two");
    // It follows the lease.
    holder.lease.release().await;
    other.holds(START).await;
    other.lease.write("mocap", "three".into(), second).await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_itself_refuses_who_has_lost_the_lease_and_does_not_know_it() {
    let cluster = Cluster::start(1).await;
    let engine = Engine::new(&cluster, "engine-a", TTL, &Clock::real()).await;
    let mut refused_by_etcd = 0;
    for _try in 0..40 {
        let right = engine.holds(START).await;
        let version = engine.lease.read("mocap").await.expect("read").version;
        cluster.remove("/hotspare/lease").await;
        match engine.lease.write("mocap", "x".into(), version).await {
            Err(WriteError::NotHeld(why)) => {
                refused_by_etcd += u32::from(why == "it was lost while the book was to be written");
            }
            // It had taken the lease again meanwhile, or hears of it just now.
            other => assert!(engine.may_act().is_none_or(|now| now.generation > right.generation), "{other:?}"),
        }
    }
    assert!(refused_by_etcd > 0, "the engine always knew before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_not_taken_for_a_no() {
    let cluster = Cluster::start(1).await;
    let engine = Engine::new(&cluster, "engine-a", Duration::from_secs(8), &Clock::real()).await;
    engine.holds(START).await;
    engine.paths.set(Way::Deaf);
    let lost = engine.lease.write("mocap", "perhaps".into(), 0).await;
    assert!(matches!(lost, Err(WriteError::Unknown(_))), "{lost:?}");
    engine.paths.set(Way::Open);
    let mut read = engine.lease.read("mocap").await;
    while read.is_err() {
        read = engine.lease.read("mocap").await;
    }
    assert_eq!(&*read.expect("read").text, "perhaps", "it was written indeed");
    engine.paths.set(Way::Cut);
    let lost = engine.lease.write("mocap", "never".into(), 0).await;
    assert!(matches!(lost, Err(WriteError::Unknown(_) | WriteError::Unavailable(_))), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_see_what_the_others_see_until_they_die() {
    let cluster = Cluster::start(3).await;
    let (a, b) = two(&cluster).await;
    let sees = |health| Sights::from([("studio-1".into(), Seen { health, since: Timestamp::UNIX_EPOCH })]);
    a.lease.publish(sees(Health::Down));
    b.lease.publish(sees(Health::Up));
    let says = |others: &Others, health| others.values().any(|sights| **sights == sees(health));
    let (mut of_a, of_b) = (a.lease.others(), b.lease.others());
    until("a knows what b sees", START, || says(&of_a.borrow(), Health::Up)).await;
    until("b knows what a sees", START, || says(&of_b.borrow(), Health::Down)).await;
    let counted = majority(&sees(Health::Down), &of_a.borrow_and_update(), "studio-1");
    assert_eq!((counted.living, counted.down), (2, 1));
    b.lease.publish(sees(Health::Down));
    let before = tokio::time::Instant::now();
    let changed = of_a.wait_for(|others| says(others, Health::Down));
    tokio::time::timeout(START, changed).await.expect("in time").expect("told");
    println!("a changed mind is known elsewhere in {:?}", before.elapsed());
    assert_eq!(majority(&sees(Health::Down), &of_a.borrow(), "studio-1").down, 2);
    // A dead engine does not count.
    drop(b);
    until("the dead one vanishes", TTL * 3, || of_a.borrow().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_died_silently_is_begun_anew() {
    let cluster = Cluster::start(1).await;
    let (holder, other) = two(&cluster).await;
    let seen = other.lease.books();
    let mut version = 0;
    for round in 0..3 {
        version = holder.lease.write("mocap", format!("{round}"), version).await.expect("written");
        until("seen", START, || seen.borrow().get("mocap").is_some_and(|book| book.version == version)).await;
        // Compaction, and a cut in the middle.
        let revision = version.to_string();
        other.paths.set(Way::Cut);
        version = holder.lease.write("mocap", format!("{round} unseen"), version).await.expect("written");
        cluster.members[0].ask("/v3/kv/compaction", &serde_json::json!({"revision": revision})).await;
        other.paths.set(Way::Open);
        until("seen", START, || seen.borrow().get("mocap").is_some_and(|book| book.version == version)).await;
    }
}
