//! The console itself is ill while a takeover is due: its clock jumps, the disk of its state folder is full.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::farm::run;
use crate::site::pool::{PATIENCE, Site};
use crate::site::{text, within};

/// A suspension of 30 s, and what follows it.
const SUSPENSION: Duration = Duration::from_secs(60);

fn why(site: &Site, host: &str) -> String {
    let pool = site.lan.ask(&["pool", "show", "people"]).1;
    let hosts = pool["hosts"].as_array().expect("hosts");
    hosts.iter().find(|one| one["name"] == host).expect("a host")["why"].as_str().unwrap_or_default().to_owned()
}

async fn stopped(site: &Site) {
    let stopped = site.lan.tell(&["engine", "stop", "--force"]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    within(PATIENCE, "no engine runs", || site.lan.ask(&["engine", "status"]).1["running"] == false).await;
}

async fn well(site: &Site) {
    within(PATIENCE, "the engine runs", || site.lan.tell(&["engine", "status"]).status.success()).await;
    within(PATIENCE, "everything is well", || site.spare()["state"] == "ready" && site.stand("a") == "serving").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_clock_jumps_the_console_trusts_nothing_and_then_does_what_is_due() {
    let mut site = Site::new("fence = \"required\"").await;
    stopped(&site).await;
    let libraries = std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let library = libraries
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime: sh tests/install-deps, as root");
    let clock = site.lan.path("clock");
    std::fs::write(&clock, "+0\n").expect("written");
    let mut engine = site.lan.hotspare(&["engine"]);
    engine.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    // Only the wall clock: what waits, waits as long as before.
    engine.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    drop(engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("an engine"));
    well(&site).await;

    let frozen = || site.lan.ask(&["engine", "status"]).1["engine"]["frozen"]["why"].clone();
    assert_eq!(frozen(), Value::Null);
    std::fs::write(&clock, "+3600\n").expect("written");
    within(PATIENCE, "it is frozen", || frozen().is_string()).await;
    let jumped = tokio::time::Instant::now();
    println!("the console is frozen: {}", frozen());
    assert!(frozen().as_str().is_some_and(|why| why.contains("jumped forward by 3600 s")), "{}", frozen());
    site.lan.power_off("a");
    within(PATIENCE, "the host is gone", || site.stand("a") == "waiting").await;
    println!("a takeover is due and not done: {}", why(&site, "a"));
    assert!(why(&site, "a").contains("jumped"), "{}", why(&site, "a"));
    let early =
        || site.spare()["state"] != "ready" && site.lan.ask(&["engine", "status"]).1["engine"]["frozen"].is_object();
    within(SUSPENSION, "the spare stands in", || {
        assert!(!early(), "it acted while it was frozen");
        site.spare()["state"] == "active"
    })
    .await;
    println!(
        "it trusts its eyes again, and the spare stands in {:.1} s after the jump",
        jumped.elapsed().as_secs_f64()
    );
    assert!(jumped.elapsed() > Duration::from_secs(28));
    site.audit("cedar");
}

/// A small disk, as long as this lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Self {
        std::fs::create_dir_all(&at).expect("a folder");
        run("mount", &["-t", "tmpfs", "-o", "size=6m,mode=700", "lab", text(&at)]);
        Self(at)
    }

    fn fill(&self) {
        let _full = Command::new("dd")
            .args(["if=/dev/zero", &format!("of={}/filler", text(&self.0)), "bs=4k", "oflag=append", "conv=notrunc"])
            .stderr(Stdio::null())
            .status();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").args(["--lazy", text(&self.0)]).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_done_and_is_done_when_it_can() {
    let mut site = Site::new("fence = \"required\"").await;
    stopped(&site).await;
    let disk = Disk::mount(site.lan.path("state"));
    site.start();
    well(&site).await;
    disk.fill();
    site.lan.power_off("a");
    within(PATIENCE, "the host is gone", || matches!(site.stand("a").as_str(), "waiting" | "failing")).await;
    let said = || site.lan.ask(&["pool", "show", "people"]).1["alarms"].to_string();
    // A page that the engine gives back may be enough to write down that a run begins, and never its first step.
    let interrupted = || said().contains("was interrupted");
    let refused = || said().contains("what is due is not begun") || interrupted();
    within(PATIENCE, "it says that it cannot write", refused).await;
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        // Whatever the engine gives back is taken again.
        disk.fill();
        assert_eq!(site.lan.machine("cedar").steps(), 0, "no step has begun");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(site.holders().is_empty(), "nobody took the address");
    println!("the disk of the state folder is full, and a takeover is due: {}; {}", why(&site, "a"), said());
    let jobs = site.lan.ask(&["jobs"]).1["jobs"].as_array().map_or(0, Vec::len);
    println!("it was tried {jobs} times meanwhile");
    assert!(jobs < 10, "it is tried too often: {jobs}");
    disk.free();
    let state = || site.spare()["state"].as_str().expect("a word").to_owned();
    let goes_on = || state() == "active" || state() == "activating" && interrupted();
    let freed = tokio::time::Instant::now();
    while !goes_on() {
        assert!(freed.elapsed() < PATIENCE, "it does not go on: {:#}", site.lan.ask(&["pool", "show", "people"]).1);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    if state() == "activating" {
        // A person says how it goes on.
        let resumed = site.lan.tell(&["pool", "resume", "people"]);
        if !resumed.status.success() {
            assert!(site.lan.tell(&["pool", "abandon", "people"]).status.success(), "nothing of it had begun");
            assert!(site.lan.tell(&["pool", "acknowledge", "people"]).status.success());
        }
        within(PATIENCE, "the spare stands in", || state() == "active").await;
    }
    println!("there is room again, and the spare stands in");
    site.audit("cedar");
    stopped(&site).await;
}
