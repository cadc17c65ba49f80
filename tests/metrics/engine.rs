//! The real engine: it serves where the fleet file says, says when it cannot, and moves when the file changes.

use std::net::{SocketAddr, TcpListener};

use hotspare::engine::client::Client;
use hotspare::engine::snapshot::Snapshot;

use crate::place::{FLEET, PATIENCE, Place};
use crate::support::{body, free, get};

fn fleet(address: &str) -> String {
    format!("{FLEET}\n[engine]\nmetrics = \"{address}\"\n")
}

/// Waits until a snapshot shows it.
async fn until(engine: &impl Client, shows: impl Fn(&Snapshot) -> bool) {
    let mut snapshots = engine.snapshots();
    let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| shows(snapshot))).await.is_ok();
    let last = snapshots.borrow().clone();
    assert!(found, "the snapshot does not show it: {:?} {:#?}", last.head.alarms, last.journal.tail);
}

/// Asks until somebody answers there.
async fn scrape(address: SocketAddr) -> String {
    let asking = async {
        loop {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return tokio::task::spawn_blocking(move || get(address, "/metrics")).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("somebody listens")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_moves_with_the_file_and_ends() {
    let (first, second) = (free(), free());
    let place = Place::new(&fleet(&first.to_string()));
    let mut running = place.engine();
    let engine = place.join().await;
    until(&engine, |snapshot| snapshot.hosts.iter().all(|host| host.checks[0].at.is_some())).await;
    let answer = scrape(first).await;
    let page = body(&answer);
    for wanted in [
        "hotspare_engine_info{fleet=\"harbour\"",
        "hotspare_check_passing{host=\"studio-2\",check=\"tcp\",kind=\"tcp\"} 0\n",
        "hotspare_lease_held 1\n",
        "hotspare_engine_consoles 1\n",
        "hotspare_checks_started_total ",
        "process_resident_memory_bytes ",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    std::fs::write(place.file(), fleet(&second.to_string())).unwrap();
    assert!(scrape(second).await.starts_with("HTTP/1.1 200 "));
    assert!(std::net::TcpStream::connect(first).is_err(), "the old address is free");
    std::fs::write(place.file(), fleet("")).unwrap();
    let gone = async {
        while tokio::net::TcpStream::connect(second).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("nothing is served any more");
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_an_alarm_and_no_end() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let place = Place::new(&fleet(&address.to_string()));
    let _running = place.engine();
    let engine = place.join().await;
    let alarmed = |snapshot: &Snapshot| {
        let wanted = format!("the metrics cannot be served at {address}");
        snapshot.head.alarms.iter().any(|alarm| alarm.contains(&wanted) && alarm.contains("name another"))
    };
    until(&engine, alarmed).await;
    until(&engine, |snapshot| snapshot.journal.tail.iter().any(|entry| entry.what == "nobody can read the metrics"))
        .await;
    drop(other);
    until(&engine, |snapshot| snapshot.head.alarms.is_empty()).await;
    assert!(scrape(address).await.starts_with("HTTP/1.1 200 "));
    let over = |snapshot: &Snapshot| snapshot.journal.tail.iter().any(|entry| entry.about["metrics"] == "served");
    until(&engine, over).await;
}
