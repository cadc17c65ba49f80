//! After a round: what a person does until everything is as it was.

use std::time::Duration;

use serde_json::Value;

use super::Trial;
use super::round::Round;
use crate::site::pool::PATIENCE;
use crate::site::within;

/// Who owns the addresses is looked at every 5 s; an alarm about it comes within this.
const ALARM: Duration = Duration::from_secs(15);
/// The engine may have to sit out a suspension of 30 s before it trusts its eyes again.
const SUSPENDED: Duration = Duration::from_secs(75);

impl Trial {
    pub(super) async fn restore(&mut self, round: &Round) {
        for (name, fault) in round.left() {
            self.mend(name, fault).await;
        }
        within(PATIENCE, "an engine runs", || self.site.lan.tell(&["engine", "status"]).status.success()).await;
        within(PATIENCE, "it has looked", || {
            let spare = self.site.spare();
            spare["state"] != "unready" || self.site.lan.ask(&["engine", "status"]).1["engine"]["frozen"].is_object()
        })
        .await;
        self.two_owners(round).await;
        let began = tokio::time::Instant::now();
        loop {
            let pool = self.show();
            let spare = &pool["spares"][0];
            let word = spare["state"].as_str().expect("a word");
            let host = spare["standing_in_for"].as_str().unwrap_or("a").to_owned();
            match (word, pool["run"]["state"].as_str()) {
                ("activating" | "releasing", Some("running" | "undoing")) => {}
                ("activating" | "releasing", _) => self.end_run(round),
                ("active", _) => self.give_back(&pool, &host),
                ("failed", _) => self.clean(),
                ("ready", _) => break,
                _ => {}
            }
            assert!(began.elapsed() < SUSPENDED, "{round}: never as it was: {pool:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for (name, last) in [("a", 100), ("b", 101)] {
            let address = self.site.lan.address(last).to_string();
            let holds = |held: &String| held.split('/').next() == Some(address.as_str());
            if !self.site.lan.machine(name).addresses().iter().any(holds) {
                self.site.lan.machine(name).exec(&["ip", "addr", "add", &format!("{address}/32"), "dev", "eth0"]);
            }
        }
        let _none_to_acknowledge = self.site.lan.tell(&["pool", "acknowledge", "people"]);
        let began = tokio::time::Instant::now();
        loop {
            let pool = self.show();
            let serve = |host: &Value| host["stand"] == "serving";
            if pool["spares"][0]["state"] == "ready"
                && pool["hosts"].as_array().is_some_and(|hosts| hosts.iter().all(serve))
                && pool["held_back"].as_array().is_some_and(Vec::is_empty)
            {
                break;
            }
            assert!(began.elapsed() < SUSPENDED, "{round}: not as it was: {pool:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.audit(round, &self.show());
        self.site.audit("a");
    }

    /// An owner that came back to a taken address is told by the engine; a person takes the address from it.
    async fn two_owners(&self, round: &Round) {
        for (name, last) in [("a", 100), ("b", 101)] {
            let address = self.site.lan.address(last).to_string();
            let holder = |held: &&str| {
                let holds = |one: &String| one.split('/').next() == Some(address.as_str());
                self.site.lan.machine(held).addresses().iter().any(holds)
            };
            let holders: Vec<&str> = ["a", "b", "cedar"].into_iter().filter(holder).collect();
            if holders.len() < 2 {
                continue;
            }
            let told = || {
                let alarms = self.show()["alarms"].to_string();
                alarms.contains(&address)
            };
            // While a run is under way nothing is said of the address that it moves.
            let moving = matches!(self.show()["run"]["state"].as_str(), Some("running" | "undoing"));
            if !moving && self.site.spare()["state"] == "active" {
                within(ALARM, &format!("{round}: an alarm tells of two owners, {holders:?}"), told).await;
            }
            let held = self.site.lan.machine(name).addresses();
            let whole = held.iter().find(|one| one.split('/').next() == Some(address.as_str())).expect("it holds it");
            self.site.lan.machine(name).exec(&["ip", "addr", "del", whole, "dev", "eth0"]);
        }
    }

    fn end_run(&mut self, round: &Round) {
        let word = if round.resume { "resume" } else { "abandon" };
        // What cannot be told is asked of the person again: the second word does the step.
        if self.site.lan.tell(&["pool", word, "people"]).status.success() {
            let count = if round.resume { &mut self.count.resumed } else { &mut self.count.undone };
            *count += 1;
        }
    }

    /// Gives the work back to a host that is there again.
    fn give_back(&self, pool: &Value, host: &str) {
        let there = |one: &&Value| one["name"] == host && one["stand"] == "returned";
        if pool["hosts"].as_array().expect("hosts").iter().any(|one| there(&one)) {
            let _seen_by_the_next_look =
                self.site.lan.tell(&["pool", "giveback", "people", "--host", host, "--yes", "people"]);
        }
    }

    /// What a person does with a spare on which something failed: looks, takes away what is left, and says so.
    fn clean(&self) {
        let cedar = self.site.lan.machine("cedar");
        for held in cedar.addresses() {
            if held.split('/').next() != Some(&cedar.address.to_string()) {
                cedar.exec(&["ip", "addr", "del", &held, "dev", "eth0"]);
            }
        }
        cedar.end("page.py");
        let _seen_by_the_next_look = self.site.lan.tell(&["pool", "clear", "people", "cedar", "--yes", "cedar"]);
    }
}
