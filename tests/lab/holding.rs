//! While a spare stands in it keeps what it claimed: what vanishes comes back, who answers besides is named and nothing is
//! fought over, and who was told wrong is told again.

use std::time::Duration;

use hotspare::clock::Clock;
use serde_json::Value;

use crate::site::pool::{PATIENCE, Site};
use crate::site::{text, within};

const POOL: &str = "fence = \"required\"\ncooldown = \"1s\"";

impl Site {
    /// The spare stands in for `a`, which is off.
    async fn stood_in(pool: &str) -> Self {
        let mut site = Self::new(pool).await;
        site.lan.power_off("a");
        within(PATIENCE, "the spare stands in", || site.spare()["state"] == "active").await;
        site.audit("cedar");
        site
    }

    /// What the journal says, newest first: entries whose `what` holds this text.
    fn journal(&self, wanted: &str) -> Vec<Value> {
        let (_, journal) = self.lan.ask(&["journal"]);
        let entries = journal["entries"].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter(|entry| entry["what"].as_str().is_some_and(|what| what.contains(wanted))).collect()
    }

    /// The hardware address of a machine.
    fn mac(&self, name: &str) -> String {
        self.lan.machine(name).exec(&["cat", "/sys/class/net/eth0/address"]).trim().to_lowercase()
    }

    fn alarms(&self) -> String {
        self.pool()["alarms"].to_string()
    }

    fn held_back(&self) -> String {
        self.pool()["held_back"].to_string()
    }

    fn take_away(&self) {
        let held = self.lan.machine("cedar").addresses();
        let service = self.service.to_string();
        let held = held.iter().find(|held| held.split('/').next() == Some(&service)).expect("it is held");
        self.lan.machine("cedar").exec(&["ip", "addr", "del", held, "dev", "eth0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_removed_by_hand_comes_back_once() {
    let site = Site::stood_in(POOL).await;
    // Also after the engine was killed: what is kept of the takeover says what is to be held.
    let stopped = site.lan.tell(&["engine", "stop", "--force"]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    site.start();
    within(PATIENCE, "the next engine runs", || site.spare()["state"] == "active").await;

    let clock = Clock::real();
    let began = clock.tick();
    site.take_away();
    within(PATIENCE, "it is back", || site.holders() == ["cedar"]).await;
    println!("back after {:.2} s", clock.tick().since(began).as_secs_f64());
    within(PATIENCE, "the journal says that it vanished", || !site.journal("has vanished").is_empty()).await;
    within(PATIENCE, "and that it is back", || !site.journal("is on cedar again").is_empty()).await;
    site.audit("cedar");
    within(PATIENCE, "no alarm is left", || site.alarms() == "[]").await;

    // Something removes it again and again: that is for a person.
    site.take_away();
    within(PATIENCE, "it is left to a person", || site.alarms().contains("is not once more")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(site.holders(), Vec::<String>::new());
    let address = format!("{}/32", site.service);
    site.lan.machine("cedar").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
    within(PATIENCE, "what the person did is seen", || site.alarms() == "[]").await;
    site.audit("cedar");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_who_answers_is_named_and_nothing_is_repaired() {
    let site = Site::stood_in(POOL).await;
    let (mac, own) = (site.mac("client"), site.mac("cedar"));
    let address = format!("{}/32", site.service);
    site.lan.machine("client").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
    within(PATIENCE, "the alarm names both", || site.alarms().contains(&mac) && site.alarms().contains(&own)).await;
    within(PATIENCE, "the pool is frozen", || site.held_back().contains("2 owners")).await;
    within(PATIENCE, "the journal says so", || !site.journal("has two owners").is_empty()).await;
    assert_eq!(site.holders(), ["cedar", "client"], "nobody's address was touched");

    // It vanishes on the spare while the other answers: it is not taken back.
    site.take_away();
    within(PATIENCE, "it is not taken again", || !site.journal("is not taken again").is_empty()).await;
    let why = site.journal("is not taken again").remove(0);
    assert!(why["why"].as_str().expect("why").to_lowercase().contains(&mac), "{why}");
    assert_eq!(site.holders(), ["client"]);
    within(PATIENCE, "a wrong owner is named", || site.alarms().contains("should be by a or cedar")).await;

    site.lan.machine("client").exec(&["ip", "addr", "del", &address, "dev", "eth0"]);
    site.lan.machine("cedar").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
    within(PATIENCE, "there is one owner again", || !site.held_back().contains("owners")).await;
    within(PATIENCE, "the journal says so too", || !site.journal("has one owner again").is_empty()).await;
    assert_eq!(site.holders(), ["cedar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_freeze_the_pool_until_there_is_one_again() {
    let mut site = Site::new(POOL).await;
    let (address, own) = (format!("{}/32", site.service), site.mac("a"));
    for other in ["b", "client"] {
        let mac = site.mac(other);
        let both = |said: String| said.contains(&own) && said.contains(&mac);
        site.lan.machine(other).exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
        within(PATIENCE, "both are named", || both(site.alarms())).await;
        within(PATIENCE, "the pool is frozen", || both(site.held_back())).await;
        if other == "client" {
            break;
        }
        // The client believes the other one, and has no reason to ask.
        let (client, service) = (site.lan.machine("client"), site.service.to_string());
        client.exec(&["ip", "neigh", "replace", &service, "lladdr", &mac, "dev", "eth0", "nud", "reachable"]);
        site.lan.machine(other).exec(&["ip", "addr", "del", &address, "dev", "eth0"]);
        within(PATIENCE, "it is well again", || site.held_back() == "[]" && site.alarms() == "[]").await;
        let believes = || client.exec(&["ip", "neigh", "show", &service, "dev", "eth0"]).to_lowercase();
        within(Duration::from_secs(10), "the client is told whose it is", || believes().contains(&own)).await;
        assert_eq!(site.journal("has one owner again").len(), 1);
    }
    // Another host dies, and nothing is done for it by itself; why is on record.
    site.lan.power_off("b");
    within(PATIENCE, "why not", || {
        let (_, shown) = site.lan.ask(&["pool", "show", "people"]);
        shown["refusals"].to_string().contains("2 owners")
    })
    .await;
    within(PATIENCE, "b waits", || site.stand("b") == "waiting").await;
    assert_eq!(site.spare()["state"], "ready");
    site.lan.machine("client").exec(&["ip", "addr", "del", &address, "dev", "eth0"]);
    within(PATIENCE, "then it is done", || site.spare()["state"] == "active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_told_wrong_is_told_again() {
    let site = Site::stood_in(POOL).await;
    let service = site.service.to_string();
    let client = site.lan.machine("client");
    // It believes the service elsewhere, and has no reason to ask.
    let poison = || {
        client.exec(&[
            "ip",
            "neigh",
            "replace",
            &service,
            "lladdr",
            "02:00:00:00:00:01",
            "dev",
            "eth0",
            "nud",
            "reachable",
        ]);
    };
    let believes = || client.exec(&["ip", "neigh", "show", &service, "dev", "eth0"]).to_lowercase();
    // The announcements of the takeover itself may still undo it.
    within(PATIENCE, "it believes what is wrong", || {
        poison();
        believes().contains("02:00:00:00:00:01")
    })
    .await;
    let own = site.mac("cedar");
    // A restarted engine announces at once what it finds claimed.
    let stopped = site.lan.tell(&["engine", "stop", "--force"]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    poison();
    site.start();
    within(PATIENCE, "the client knows better", || believes().contains(&own)).await;
    // And again, at its time: 2, 5, 10 s after that engine began.
    poison();
    within(PATIENCE, "the client knows better again", || believes().contains(&own)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_an_address_is_seen_by_another_machine_and_a_cleared_spare_refuses_what_was_before() {
    let mut site = Site::new("mode = \"manual\"\nfence = \"none\"").await;
    site.lan.power_off("a");
    within(PATIENCE, "the host is gone", || site.stand("a") == "waiting").await;
    let (exit, done) = site.lan.ask(&["pool", "takeover", "people", "--yes", "people"]);
    assert_eq!((exit, &done["state"]), (0, &"done".into()), "{done}");
    let note = done["steps"][1]["note"].as_str().expect("a note").to_owned();
    assert_eq!(note, format!("b sees {} at {}", site.service, site.mac("cedar")));
    let took = done["steps"][1]["seconds"].as_f64().expect("seconds");
    println!("claimed, announced and seen by another machine in {took:.2} s");

    // The spare dies while it stands in, comes back, and a person says that it is clean.
    let generation = done["generation"].as_u64().expect("a generation");
    site.lan.power_off("cedar");
    within(PATIENCE, "the spare is lost", || site.spare()["state"] == "failed").await;
    site.lan.boot("cedar").await;
    let said = site.lan.tell(&["pool", "clear", "people", "cedar", "--yes", "cedar"]);
    let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(said.contains("is free again") && !said.contains("not refused yet"), "{said}");
    let folder = site.lan.path("cedar/guard");
    let known: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", text(&folder)))
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("gen."))
        .collect();
    assert_eq!(known, [format!("gen.people.{}", generation + 1)]);
}
