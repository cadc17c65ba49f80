//! Whoever can write to etcd, and has not the signing key, is believed nothing. The writer here is etcd's own client interface.

use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::fleet::secret::{Secret, SecretSource};
use hotspare::fleet::settings::LeaseSettings;
use hotspare::health::view::Health;
use hotspare::standin::lease::Lease;
use hotspare::standin::lease::book::{Version, WriteError};
use hotspare::standin::lease::opinion::{Seen, Sights, majority};
use serde_json::json;

use crate::board::Board;
use crate::cluster::Cluster;
use crate::engine::{settings, start, until};

const TTL: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(10);
const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

fn signing(cluster: &Cluster, keys: &str) -> LeaseSettings {
    let urls = cluster.members.iter().map(|member| format!("http://127.0.0.1:{}", member.port)).collect();
    let signing_key = if keys.is_empty() { SecretSource::None } else { SecretSource::Inline(Secret::new(keys)) };
    LeaseSettings { signing_key, ..settings(urls, "/hotspare", TTL) }
}

fn engine(settings: &LeaseSettings, who: &str) -> Lease {
    start(settings, who, &Clock::real(), &Board::default())
}

async fn holds(lease: &Lease) {
    until("it holds the lease", START, || lease.may_act().is_ok()).await;
}

fn foreign(lease: &Lease) -> String {
    lease.state().borrow().foreign.join("\n")
}

/// The text of a book as everybody is shown it.
fn shown(lease: &Lease, pool: &str) -> String {
    lease.books().borrow().get(pool).map(|book| book.text.to_string()).unwrap_or_default()
}

async fn write(lease: &Lease, text: &str) -> Version {
    let version = lease.read("mocap").await.unwrap().version;
    lease.write("mocap", text.into(), version).await.unwrap()
}

async fn refused(lease: &Lease, why: &str) {
    let said = lease.read("mocap").await.unwrap_err();
    assert!(said.contains("book/mocap in etcd") && said.contains(why), "{said}");
    until("it is told", START, || foreign(lease).contains(why)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_somebody_else_wrote_is_not_read_and_not_written_over() {
    let cluster = Cluster::start(1).await;
    let settings = signing(&cluster, OLD);
    let (holder, other) = (engine(&settings, "engine-a"), engine(&settings, "engine-b"));
    until("one holds the lease", START, || holder.may_act().is_ok() || other.may_act().is_ok()).await;
    let (holder, other) = if holder.may_act().is_ok() { (holder, other) } else { (other, holder) };
    write(&holder, "one").await;
    let first = cluster.value("/hotspare/book/mocap").await;
    assert!(first.starts_with("hotspare-1 ") && first.ends_with(" one"), "{first}");
    let version = write(&holder, "two").await;
    until("the other one sees it", START, || shown(&other, "mocap") == "two").await;
    assert_eq!(foreign(&other), "");

    // What anybody may think of: a text of one's own, a changed one, an old one, the one of another key.
    let second = cluster.value("/hotspare/book/mocap").await;
    let forgeries = [
        ("{\"spares\": {}}".to_owned(), "is not signed"),
        (second.replace(" two", " tow"), "is signed by nobody"),
        (first, "is signed by nobody"),
        (second, "is signed by nobody"),
    ];
    for (text, why) in forgeries {
        cluster.put("/hotspare/book/mocap", &text).await;
        for lease in [&holder, &other] {
            refused(lease, why).await;
            assert_eq!(shown(lease, "mocap"), "two", "what was known stands");
        }
        let over = holder.write("mocap", "three".into(), version).await;
        assert!(matches!(over, Err(WriteError::Conflict { .. })), "{over:?}");
    }
    // One that is deleted is no fresh beginning either; not even with the very first text in its place again.
    cluster.remove("/hotspare/book/mocap").await;
    refused(&holder, "was deleted").await;
    refused(&other, "was deleted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_text_of_a_key_is_not_taken_twice() {
    let cluster = Cluster::start(1).await;
    let lease = engine(&signing(&cluster, OLD), "engine-a");
    holds(&lease).await;
    write(&lease, "one").await;
    let first = cluster.value("/hotspare/book/mocap").await;
    write(&lease, "two").await;
    until("it is shown", START, || shown(&lease, "mocap") == "two").await;
    cluster.remove("/hotspare/book/mocap").await;
    cluster.put("/hotspare/book/mocap", &first).await;
    refused(&lease, "was deleted").await;
    assert_eq!(shown(&lease, "mocap"), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_that_nobody_knows_bring_no_host_down() {
    let cluster = Cluster::start(1).await;
    let settings = signing(&cluster, OLD);
    let (a, b) = (engine(&settings, "engine-a"), engine(&settings, "engine-b"));
    let sights = |health| Sights::from([("studio-1".to_owned(), Seen { health, since: Timestamp::UNIX_EPOCH })]);
    a.publish(sights(Health::Up));
    b.publish(sights(Health::Down));
    until("each hears the other", START, || a.others().borrow().get("engine-b").is_some_and(|seen| !seen.is_empty()))
        .await;
    let down = json!(sights(Health::Down)).to_string();
    let stolen = cluster.value("/hotspare/seen/engine-b").await;
    cluster.put("/hotspare/seen/engine-c", &down).await;
    cluster.put("/hotspare/seen/engine-d", &stolen).await;
    until("they are there", START, || a.others().borrow().len() == 3).await;
    let believed = majority(&sights(Health::Up), &a.others().borrow(), "studio-1");
    assert_eq!((believed.living, believed.down), (4, 1), "they live, and say nothing");
    assert!(foreign(&a).contains("seen/engine-c in etcd is not signed"), "{}", foreign(&a));
    assert!(foreign(&a).contains("seen/engine-d in etcd is signed by nobody"), "{}", foreign(&a));
    // What an engine sees changes many times: each time it is signed as that time.
    for health in [Health::Up, Health::Suspect, Health::Up, Health::Down] {
        b.publish(sights(health));
        until("it is heard", START, || {
            a.others().borrow()["engine-b"].get("studio-1").is_some_and(|seen| seen.health == health)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_to_a_fleet_that_runs_and_another_takes_its_place() {
    let cluster = Cluster::start(1).await;
    let plain = engine(&signing(&cluster, ""), "engine-a");
    holds(&plain).await;
    write(&plain, "one").await;
    assert_eq!(cluster.value("/hotspare/book/mocap").await, "one");

    // One engine after the other gets the key; the one without reads what the others sign.
    let both = LeaseSettings { accept_unsigned: true, ..signing(&cluster, OLD) };
    let second = engine(&both, "engine-b");
    plain.release().await;
    holds(&second).await;
    until("what nobody signed is signed", START, || shown(&second, "mocap") == "one").await;
    let mut value = String::new();
    while !value.starts_with("hotspare-1 ") {
        value = cluster.value("/hotspare/book/mocap").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let third = engine(&signing(&cluster, ""), "engine-c");
    assert_eq!(&*third.read("mocap").await.unwrap().text, "one");
    third.release().await;

    // Then nobody takes what is not signed.
    let strict = engine(&signing(&cluster, OLD), "engine-d");
    second.release().await;
    holds(&strict).await;
    assert_eq!(&*strict.read("mocap").await.unwrap().text, "one");
    write(&strict, "two").await;

    // Another key: first it is known everywhere, then it signs, then the old one is forgotten.
    let knows = engine(&signing(&cluster, &format!("{OLD} {NEW}")), "engine-e");
    assert_eq!(&*knows.read("mocap").await.unwrap().text, "two");
    knows.release().await;
    let signs = engine(&signing(&cluster, &format!("{NEW} {OLD}")), "engine-f");
    strict.release().await;
    holds(&signs).await;
    let before = value;
    until("it is shown", START, || shown(&signs, "mocap") == "two").await;
    let newest = engine(&signing(&cluster, NEW), "engine-g");
    let mut read = newest.read("mocap").await;
    while read.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        read = newest.read("mocap").await;
    }
    assert_eq!(&*read.unwrap().text, "two", "it was signed anew");
    assert_ne!(cluster.value("/hotspare/book/mocap").await, before);
    // Who has another key says why it does nothing.
    let stranger = engine(&signing(&cluster, OLD), "engine-h");
    assert!(stranger.read("mocap").await.unwrap_err().contains("is signed by nobody"));
}
