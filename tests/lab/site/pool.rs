//! A pool on a site of its own: two hosts, a spare, a console with the real engine, a client; the runbooks move a service address
//! and a page. Asked in the words of the command line, and audited from the client.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::{Lan, text, within};

/// A takeover may take so long in a test that runs beside others; how long it takes is measured by a bench.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Two hosts and a spare, with the service addresses .100 and .101, and whatever the test wants of the pool.
pub(crate) struct Site {
    pub(crate) lan: Lan,
    pub(crate) service: Ipv4Addr,
}

impl Site {
    /// A site that is well, with the keys that the test wants of its pool.
    pub(crate) async fn new(pool: &str) -> Self {
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
steps = [
  {{ name = "begin", kind = "command", on = "spare", run = "{start}", undo = "{stop}" }},
  {{ name = "answers", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
]
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
        site.lan.serving(&["a", "b"], 5000).await;
        site.start();
        within(PATIENCE, "the engine runs", || site.lan.tell(&["engine", "status"]).status.success()).await;
        within(PATIENCE, "everything is well", || site.spare()["state"] == "ready" && site.stand("a") == "serving")
            .await;
        site
    }

    /// Starts the engine.
    pub(crate) fn start(&self) {
        let mut engine = self.lan.hotspare(&["engine"]);
        let said =
            std::fs::File::options().create(true).append(true).open(self.lan.path("engine.err")).expect("a file");
        let engine = engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        drop(engine.expect("an engine"));
    }

    /// Kills the engine, and waits until it is gone.
    pub(crate) async fn kill(&self) {
        let lock = self.lan.path("state/engine.lock");
        let pid = std::fs::read_to_string(&lock).expect("an engine");
        crate::farm::run("kill", &["-KILL", pid.trim()]);
        // A killed process is gone when the last of its threads is, and with it its lock.
        let gone = || {
            let free = std::process::Command::new("flock").args(["--nonblock", text(&lock), "true"]).status();
            free.expect("flock is there: apt-get install util-linux").success()
        };
        within(PATIENCE, "the engine is gone", gone).await;
    }

    /// Everything as in the beginning: the work given back, the host with its address, the spare free.
    pub(crate) async fn as_it_was(&self) {
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
    pub(crate) fn holders(&self) -> Vec<String> {
        let service = self.service.to_string();
        let holds = |held: &String| held.split('/').next() == Some(&service);
        let machines = self.lan.machines.iter().filter(|machine| machine.addresses().iter().any(holds));
        machines.map(|machine| machine.name.clone()).collect()
    }

    /// The pool, as `pool list` tells it.
    pub(crate) fn pool(&self) -> Value {
        self.lan.ask(&["pool", "list"]).1["pools"][0].clone()
    }

    /// Its spare.
    pub(crate) fn spare(&self) -> Value {
        self.pool()["spares"][0].clone()
    }

    /// How a host stands.
    pub(crate) fn stand(&self, host: &str) -> String {
        let pool = self.pool();
        let hosts = pool["hosts"].as_array().expect("hosts");
        hosts.iter().find(|one| one["name"] == host).expect("a host")["stand"].as_str().expect("a word").to_owned()
    }

    /// Seen from outside: the address has exactly one owner, and it is the machine of this name.
    pub(crate) fn audit(&self, owner: &str) {
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
