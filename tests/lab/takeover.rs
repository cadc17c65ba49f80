//! Takeovers with the real program between machines on one switch, with an audit from a machine that has no part in it: one
//! owner of each address, one host a spare, the journal's chain intact.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::site::{Lan, gap, text, within};

/// A takeover may take so long in a test that runs beside others; how long it takes is measured by a bench.
const PATIENCE: Duration = Duration::from_secs(40);

/// Two hosts and a spare, with the service addresses .100 and .101, and whatever the test wants of the pool.
struct Site {
    lan: Lan,
    service: Ipv4Addr,
}

impl Site {
    async fn new(pool: &str) -> Self {
        let mut lan = Lan::new(&["console", "a", "b", "cedar", "client"]).await;
        let (service, other) = (lan.address(100), lan.address(101));
        lan.serve("a", service);
        lan.serve("b", other);
        let (start, stop) = lan.page_commands();
        let fleet = format!(
            r#"name = "site"
[hosts.a]
address = "{a}"
service = "{service}/24"
checks = [{{ kind = "ping" }}, {{ kind = "http", url = "http://{{address}}:5000/" }}]
[hosts.b]
address = "{b}"
service = "{other}/24"
checks = [{{ kind = "ping" }}, {{ kind = "http", url = "http://{{address}}:5000/" }}]
[hosts.cedar]
address = "{spare}"
checks = [{{ kind = "ping" }}, {{ kind = "tcp", port = 22 }}]
[pools.people]
protects = ["a", "b"]
spares = ["cedar"]
probe = "fast"
up_after = "3s"
anchors = ["{client}"]
takeover = "take"
giveback = "back"
drill = "practice"
{pool}
[runbooks.take]
steps = [
  {{ name = "fence", kind = "address", on = "failed", drop = "{{failed.service}}", device = "eth0", fence = true, timeout = "2s", on_error = "continue" }},
  {{ name = "take", kind = "address", on = "spare", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "start", kind = "command", on = "spare", run = "{start}", undo = "{stop}" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
]
[runbooks.back]
steps = [
  {{ name = "stop", kind = "command", on = "spare", run = "{stop}", on_error = "continue" }},
  {{ name = "drop", kind = "address", on = "spare", drop = "{{failed.service}}", device = "eth0" }},
  {{ name = "return", kind = "address", on = "failed", take = "{{failed.service}}", device = "eth0" }},
]
[runbooks.practice]
steps = [{{ name = "look", kind = "command", on = "spare", run = "true" }}]
"#,
            a = lan.machine("a").address,
            b = lan.machine("b").address,
            spare = lan.machine("cedar").address,
            client = lan.machine("client").address,
        );
        std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
        let site = Self { lan, service };
        let checked = site.lan.tell(&["check"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        site.start();
        within(PATIENCE, "the engine runs", || site.lan.tell(&["engine", "status"]).status.success()).await;
        within(PATIENCE, "everything is well", || site.spare()["state"] == "ready" && site.stand("a") == "serving")
            .await;
        site
    }

    fn start(&self) {
        let mut engine = self.lan.hotspare(&["engine"]);
        let said =
            std::fs::File::options().create(true).append(true).open(self.lan.path("engine.err")).expect("a file");
        let engine = engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        drop(engine.expect("an engine"));
    }

    /// Everything as in the beginning: the work given back, the host with its address, the spare free.
    async fn as_it_was(&self) {
        if self.spare()["state"] == "active" {
            let back = self.lan.tell(&["pool", "giveback", "people", "--yes", "people"]);
            assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stdout));
        }
        if self.spare()["state"] == "failed" {
            let cleared = self.lan.tell(&["pool", "clear", "people", "cedar", "--yes", "cedar"]);
            assert!(cleared.status.success(), "{}", String::from_utf8_lossy(&cleared.stderr));
        }
        if self.holders().is_empty() {
            let address = format!("{}/32", self.service);
            self.lan.machine("a").exec(&["ip", "addr", "add", &address, "dev", "eth0"]);
        }
        within(PATIENCE, "the spare is free", || self.spare()["state"] == "ready").await;
        within(PATIENCE, "the host serves", || self.stand("a") == "serving").await;
        self.audit("a");
    }

    /// The machines that hold the service address.
    fn holders(&self) -> Vec<String> {
        let service = self.service.to_string();
        let holds = |held: &String| held.split('/').next() == Some(&service);
        let machines = self.lan.machines.iter().filter(|machine| machine.addresses().iter().any(holds));
        machines.map(|machine| machine.name.clone()).collect()
    }

    fn pool(&self) -> Value {
        self.lan.ask(&["pool", "list"]).1["pools"][0].clone()
    }

    fn spare(&self) -> Value {
        self.pool()["spares"][0].clone()
    }

    fn stand(&self, host: &str) -> String {
        let pool = self.pool();
        let hosts = pool["hosts"].as_array().expect("hosts");
        hosts.iter().find(|one| one["name"] == host).expect("a host")["stand"].as_str().expect("a word").to_owned()
    }

    /// Seen from outside: the address has exactly one owner, and it is the machine of this name.
    fn audit(&self, owner: &str) {
        assert_eq!(self.holders(), [owner], "machines that hold {}", self.service);
        assert_eq!(self.lan.owners("client", self.service).len(), 1, "machines that answer for {}", self.service);
        let (exit, journal) = self.lan.ask(&["journal"]);
        assert_eq!((exit, &journal["chain"]), (0, &"intact".into()), "the journal");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = self.lan.tell(&["engine", "stop", "--force"]);
    }
}

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

/// How often an engine is killed in the middle of a takeover: `HOTSPARE_KILLS`, or 8.
fn kills() -> u32 {
    std::env::var("HOTSPARE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
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
        let pid = std::fs::read_to_string(site.lan.path("state/engine.lock")).expect("an engine");
        // So long that the command has come to the engine; from there on anywhere in the run.
        tokio::time::sleep(Duration::from_millis(100 + u64::from(round) * 1500 / u64::from(kills))).await;
        crate::farm::run("kill", &["-KILL", pid.trim()]);
        let _told = asking.wait();
        // A killed process is gone when the last of its threads is, and with it its lock.
        let lock = site.lan.path("state/engine.lock");
        let gone = || {
            let free = std::process::Command::new("flock").args(["--nonblock", text(&lock), "true"]).status();
            free.expect("flock is there: apt-get install util-linux").success()
        };
        within(PATIENCE, "the engine is gone", gone).await;
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
