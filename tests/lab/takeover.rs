//! Takeovers with the real program between machines on one switch, with an audit from a machine that has no part in it: one
//! owner of each address, one host a spare, the journal's chain intact.

use std::process::Stdio;
use std::time::Duration;

use crate::site::pool::{PATIENCE, Site};
use crate::site::{gap, text, within};

#[tokio::test(flavor = "multi_thread")]
async fn the_spare_takes_the_place_of_a_host_whose_plug_is_pulled_and_gives_it_back() {
    let mut site = Site::new("fence = \"required\"\ncooldown = \"1s\"").await;
    site.audit("a");
    let log = site.lan.watch("client", site.service);
    let says = |name: &str| {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        said.lines().rev().take(20).any(|line| line.split(' ').nth(1) == Some(name))
    };
    within(PATIENCE, "the client is served", || says("a")).await;
    site.lan.power_off("a");
    within(PATIENCE, "the spare stands in", || site.spare()["state"] == "active").await;
    assert_eq!(site.spare()["standing_in_for"], "a");
    assert_eq!(site.stand("a"), "stood in for");
    within(PATIENCE, "the client is served again", || says("cedar")).await;
    let (seconds, before, after) = gap(&log);
    println!("without service for {seconds:.2} s, from {before} to {after}");
    assert_eq!((before.as_str(), after.as_str()), ("a", "cedar"));
    site.audit("cedar");
    let (exit, _) = site.lan.ask(&["status"]);
    assert_eq!(exit, 1, "a stand-in is not well");

    // It comes back, and is not trusted: nothing happens by itself.
    site.lan.boot("a").await;
    let serves = site.lan.path("a/again.py");
    std::fs::copy(site.lan.path("page.py"), &serves).expect("copied");
    site.lan
        .machines
        .iter_mut()
        .find(|machine| machine.name == "a")
        .expect("a")
        .start("python3", &[text(&serves), "a"]);
    within(PATIENCE, "it is back", || site.stand("a") == "returned").await;
    site.audit("cedar");

    // By hand, after looking and after the wrong name.
    let (exit, plan) = site.lan.ask(&["pool", "giveback", "people", "--dry-run"]);
    assert_eq!((exit, plan["steps"].as_array().map(Vec::len)), (0, Some(3)), "{plan}");
    assert_eq!(site.lan.tell(&["pool", "giveback", "people", "--yes", "other"]).status.code(), Some(3));
    site.audit("cedar");
    let (exit, done) = site.lan.ask(&["pool", "giveback", "people", "--yes", "people"]);
    assert_eq!((exit, &done["state"]), (0, &"done".into()), "{done}");
    within(PATIENCE, "everything is as it was", || site.spare()["state"] == "ready" && site.stand("a") == "serving")
        .await;
    site.audit("a");
    assert!(site.spare()["generation"].as_u64() > Some(1), "generations grow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_amidst_the_claim_costs_a_moment_and_not_the_takeover() {
    let mut site = Site::new("fence = \"required\"\ncooldown = \"1s\"").await;
    let cedar = site.lan.machine("cedar").twin();
    let steps = cedar.steps();
    // The guard has let the claim begin, which asks the wire for 200 ms before it takes the address.
    let cut = std::thread::spawn(move || {
        for _look in 0..15_000 {
            if cedar.steps() > steps {
                cedar.cut();
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    });
    site.lan.power_off("a");
    within(PATIENCE, "the spare stands in", || site.spare()["state"] == "active").await;
    assert!(cut.join().expect("it looked"), "the claim was never begun");
    site.audit("cedar");
    let (_, pool) = site.lan.ask(&["pool", "show", "people"]);
    assert_eq!(pool["run"]["state"], "done", "{pool}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_alive_stops_a_takeover_with_its_hardware_address() {
    let mut site = Site::new("mode = \"manual\"\nfence = \"none\"").await;
    // A resumed laptop, a second spare: somebody has the address, and nobody knows who.
    site.lan.power_off("a");
    let address = format!("{}/32", site.service);
    site.lan.machine("client").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
    within(PATIENCE, "the host is gone", || site.stand("a") == "waiting").await;
    let mac = site.lan.owners("b", site.service).remove(0);
    let (exit, done) = site.lan.ask(&["pool", "takeover", "people", "--yes", "people"]);
    assert_eq!((exit, &done["state"]), (1, &"failed".into()), "{done}");
    let take = &done["steps"][1];
    assert_eq!((&take["kind"], &take["state"]), (&"address".into(), &"refused".into()), "{done}");
    assert!(take["note"].as_str().expect("words").to_lowercase().contains(&mac), "{take} names {mac}");
    assert_eq!(done["steps"][2]["state"], "waiting", "nothing after it is done");
    assert!(!site.lan.machine("cedar").addresses().iter().any(|held| held.starts_with(&site.service.to_string())));
    within(PATIENCE, "a person decides", || site.spare()["state"] == "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_is_taken_from_the_less_important_host() {
    let mut site = Site::new("fence = \"required\"\ncooldown = \"1s\"\ndwell = \"1s\"").await;
    site.lan.power_off("b");
    within(PATIENCE, "the spare stands in for b", || {
        site.spare()["state"] == "active" && site.spare()["standing_in_for"] == "b"
    })
    .await;
    site.lan.power_off("a");
    within(PATIENCE, "the spare stands in for a", || {
        site.spare()["state"] == "active" && site.spare()["standing_in_for"] == "a"
    })
    .await;
    assert_eq!(site.stand("b"), "waiting");
    site.audit("cedar");
    let held = site.lan.machine("cedar").addresses();
    let other = site.lan.address(101).to_string();
    assert!(!held.iter().any(|address| address.starts_with(&other)), "what it served before is gone: {held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_frees_a_spare_whose_host_stays_away() {
    let mut site = Site::new("fence = \"required\"\ncooldown = \"1s\"\nescalate = false").await;
    site.lan.power_off("b");
    let serves = |site: &Site, host: &str| site.spare()["state"] == "active" && site.spare()["standing_in_for"] == host;
    within(PATIENCE, "the spare stands in for b", || serves(&site, "b")).await;
    site.lan.power_off("a");
    within(PATIENCE, "a waits", || site.stand("a") == "waiting").await;
    let refused = site.lan.tell(&["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let (exit, plan) = site.lan.ask(&["pool", "release", "people", "--dry-run"]);
    assert_eq!((exit, plan["failed"].as_str()), (0, Some("b")), "{plan}");
    assert!(serves(&site, "b"), "nothing was changed");
    let (exit, done) = site.lan.ask(&["pool", "release", "people", "--host", "b", "--yes", "people"]);
    assert_eq!(exit, 0, "{done}");
    // It is free for the one that waits; whom it left is a person's matter.
    within(PATIENCE, "the spare stands in for a", || serves(&site, "a")).await;
    site.audit("cedar");
    let (held, other) = (site.lan.machine("cedar").addresses(), site.lan.address(101).to_string());
    assert!(!held.iter().any(|address| address.starts_with(&other)), "what it served before is gone: {held:?}");
}

/// What a run of a pool asks is told to whoever is to be called, shown by the commands, and answered by one.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_told_and_answered_without_a_console() {
    let site = Site::new("").await;
    let (path, called) = (site.lan.path("fleet.toml"), site.lan.path("called"));
    let fleet = std::fs::read_to_string(&path).expect("read");
    let asks = "  { name = \"sure\", kind = \"ask\", text = \"Is it well?\" },\n  { name = \"answers\"";
    let fleet = fleet.replace("  { name = \"answers\"", asks);
    let bell =
        format!("[[notify]]\non = [\"run-waits\"]\ncommand = [\"sh\", \"-c\", \"cat >> {}\"]\n", called.display());
    std::fs::write(&path, fleet + &bell).expect("written");
    let read = || String::from_utf8_lossy(&site.lan.tell(&["journal"]).stdout).contains("was read and is in force");
    within(PATIENCE, "the file is in force", read).await;
    let none = site.lan.tell(&["pool", "answer", "people", "yes"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    let asking = || {
        let mut drill = site.lan.hotspare(&["pool", "drill", "people"]);
        drill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hotspare")
    };
    for (word, exit) in [("yes", 0), ("no", 1)] {
        let drill = asking();
        within(PATIENCE, "it asks", || {
            site.lan.ask(&["pool", "show", "people"]).1["run"]["question"]["step"] == "sure"
        })
        .await;
        for of in [&["pool", "show", "people"][..], &["status"]] {
            let says = || {
                let said = String::from_utf8_lossy(&site.lan.tell(of).stdout).into_owned();
                said.contains("Is it well?") && said.contains("hotspare pool answer people yes")
            };
            within(PATIENCE, "it says what is asked", says).await;
        }
        let answered = site.lan.tell(&["pool", "answer", "people", word]);
        assert!(answered.status.success(), "{answered:?}");
        let ended = drill.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(exit), "{word}");
        within(PATIENCE, "the spare is free", || site.spare()["state"] == "ready").await;
    }
    let told =
        || std::fs::read_to_string(&called).unwrap_or_default().matches("hotspare pool answer people yes").count();
    within(PATIENCE, "somebody was called, each time", || told() == 2).await;
    site.audit("a");
}

/// How often an engine is killed in the middle of a takeover: `HOTSPARE_KILLS`, or 4.
pub(crate) fn kills() -> u32 {
    std::env::var("HOTSPARE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_in_the_middle_is_gone_on_with_or_undone() {
    let site = Site::new("mode = \"manual\"\nfence = \"required\"").await;
    let (kills, mut resumed, mut undone, mut untouched, mut ended) = (kills(), 0, 0, 0, 0);
    for round in 0..kills {
        // A planned move of a host that is alive: the fence takes its address away, and can prove that.
        let mut asking = site.lan.hotspare(&["pool", "takeover", "people", "--failed", "a", "--yes", "people"]);
        let mut asking =
            asking.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("asked");
        // So long that the command has come to the engine; from there on anywhere in the run.
        tokio::time::sleep(Duration::from_millis(100 + u64::from(round) * 1500 / u64::from(kills))).await;
        site.kill().await;
        let _told = asking.wait();
        site.start();
        within(PATIENCE, "the next engine runs", || site.lan.tell(&["engine", "status"]).status.success()).await;
        within(PATIENCE, "the next engine has looked", || site.spare()["state"] != "unready").await;
        let run = site.lan.ask(&["pool", "show", "people"]).1["run"].clone();
        let holders = site.holders();
        assert!(holders.len() < 2, "{round}: two owners: {holders:?}");
        let interrupted = site.spare()["state"] == "activating";
        match (interrupted, round % 2) {
            (true, 0) => {
                // What cannot be told is asked of the person again: the second word does the step.
                let first = site.lan.tell(&["pool", "resume", "people"]);
                if String::from_utf8_lossy(&first.stdout).contains("had begun none of its steps") {
                    // Killed between the decision and the first step: there is nothing to go on with.
                    let said = site.lan.tell(&["pool", "abandon", "people"]);
                    assert!(said.status.success(), "{round}: {run}: {}", String::from_utf8_lossy(&said.stdout));
                    untouched += 1;
                    site.as_it_was().await;
                    continue;
                }
                let again = !first.status.success() && site.spare()["state"] == "activating";
                let last = if again { site.lan.tell(&["pool", "resume", "people"]) } else { first };
                assert!(last.status.success(), "{round}: {run}: {}", String::from_utf8_lossy(&last.stdout));
                assert_eq!(site.spare()["state"], "active", "{round}");
                site.audit("cedar");
                resumed += 1;
            }
            (true, _) => {
                let said = site.lan.tell(&["pool", "abandon", "people"]);
                assert!(said.status.success(), "{round}: {run}: {}", String::from_utf8_lossy(&said.stdout));
                let holders = site.holders();
                assert!(!holders.contains(&"cedar".to_owned()) && holders.len() < 2, "{round}: {holders:?}");
                undone += 1;
            }
            (false, _) if site.spare()["state"] == "active" => ended += 1,
            (false, _) => untouched += 1,
        }
        site.as_it_was().await;
    }
    println!(
        "{kills} kills of a takeover: {untouched} before it began, {resumed} gone on with, {undone} undone, {ended} had \
         ended; no address had two owners"
    );
}
