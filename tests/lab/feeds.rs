//! A feed that follows a pool: read over ssh from whichever machine serves, while a host dies, is stood in for and returns.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::site::pool::{PATIENCE, Site};
use crate::site::{text, within};

/// Where each machine has its counts, and the feed that carries them.
const FEED: &str = r#"fence = "required"
cooldown = "1s"
[feeds.counts]
from = { sqlite = "counts.db" }
to = { sqlite = "warehouse.db" }
follow = "people"
zone = "utc"
every = "200ms"
tables = [{ name = "traffic", key = ["camera_name", "timestamp"], cursor = "id" }]"#;

const TRAFFIC: &str = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, \
     out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL)";

/// The file of a machine.
fn file(site: &Site, machine: &str) -> PathBuf {
    site.lan.path(machine).join("counts.db")
}

/// Rows that a machine counts, each with a number that no other row has.
fn count(site: &Site, machine: &str, numbers: std::ops::Range<u32>) {
    let file = Connection::open(file(site, machine)).expect("a file");
    file.busy_timeout(Duration::from_secs(5)).expect("set");
    for number in numbers {
        let time = format!("2026-11-21 {:02}:{:02}:{:02}", number / 3600, number / 60 % 60, number % 60);
        let text = "INSERT INTO traffic (timestamp, in_count, out_count, camera_name) VALUES (?1, ?2, 0, 'door')";
        file.execute(text, (time, number)).expect("written");
    }
}

/// The numbers in the warehouse, in their order.
fn carried(site: &Site) -> Vec<u32> {
    let Ok(file) = Connection::open(site.lan.path("warehouse.db")) else { return Vec::new() };
    file.busy_timeout(Duration::from_secs(5)).expect("set");
    let Ok(mut rows) = file.prepare("SELECT in_count FROM traffic ORDER BY in_count") else { return Vec::new() };
    let rows = rows.query_map([], |row| row.get(0)).and_then(Iterator::collect);
    rows.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_follows_the_stand_in_and_back_and_loses_nothing() {
    let mut site = Site::new(FEED).await;
    for machine in ["a", "b", "cedar"] {
        // The machines share one file system: each command of a machine begins in a folder of its own.
        let bin = site.lan.path(machine).join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        let shell = format!("#!/bin/sh\ncd {} && exec /bin/sh \"$@\"\n", text(&site.lan.path(machine)));
        crate::program::script(&bin.join("sh"), &shell);
        Connection::open(file(&site, machine)).expect("a file").execute_batch(TRAFFIC).expect("a table");
    }
    count(&site, "a", 0..100);
    count(&site, "b", 1000..1100);
    count(&site, "cedar", 9000..9010);
    let prepared = site.lan.tell(&["feed", "prepare", "counts"]);
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let mut expected: Vec<u32> = (0..100).chain(1000..1100).collect();
    within(PATIENCE, "both hosts are carried, and what the spare wrote in a drill is not", || {
        carried(&site) == expected
    })
    .await;

    // It dies with rows that nobody has read.
    site.lan.power_off("a");
    count(&site, "a", 100..150);
    within(PATIENCE, "the spare stands in", || site.spare()["state"] == "active").await;
    count(&site, "cedar", 2000..2100);
    count(&site, "b", 1100..1150);
    expected.extend((1100..1150).chain(2000..2100));
    expected.sort_unstable();
    within(PATIENCE, "the stand-in is carried", || carried(&site) == expected).await;

    // It returns, and what it had is carried although it does not serve yet.
    site.lan.boot("a").await;
    let page = site.lan.path("page.py");
    let machine = site.lan.machines.iter_mut().find(|machine| machine.name == "a").expect("a");
    machine.start("python3", &[text(&page), "a"]);
    expected.extend(100..150);
    expected.sort_unstable();
    within(PATIENCE, "what it wrote before it died is carried", || carried(&site) == expected).await;

    // The last rows of the stand-in, written while the work is given back.
    count(&site, "cedar", 2100..2150);
    within(PATIENCE, "it is back", || site.stand("a") == "returned").await;
    let (exit, done) = site.lan.ask(&["pool", "giveback", "people", "--yes", "people"]);
    assert_eq!((exit, &done["state"]), (0, &"done".into()), "{done}");
    count(&site, "a", 150..200);
    expected.extend((150..200).chain(2100..2150));
    expected.sort_unstable();
    within(PATIENCE, "everything is carried", || carried(&site) == expected).await;
    within(PATIENCE, "the spare is free", || site.spare()["state"] == "ready").await;
    let checked = site.lan.tell(&["feed", "check", "counts"]);
    println!("{}", String::from_utf8_lossy(&checked.stdout));
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(carried(&site), expected);
}
