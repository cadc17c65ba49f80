//! The site of the drills, and what is done on it.

use std::net::Ipv4Addr;
use std::process::Stdio;

use serde_json::Value;

use crate::site::fault::Fault;
use crate::site::pool::PATIENCE;
use crate::site::{Lan, gap, text, within};

/// The counter of a production host: what a camera sends it answers with its name.
const COUNTER: &str = r#"
import socketserver, sys
name = sys.argv[1].encode() + b"\n"
class Counter(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(64): self.request.sendall(name)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True
Server(("0.0.0.0", 5001), Counter).serve_forever()
"#;

/// A camera: one connection, 25 frames a second; after a second without an answer a new one.
const CAMERA: &str = r#"
import socket, sys, time
address, out = sys.argv[1], open(sys.argv[2], "w", buffering=1)
while True:
    try:
        s = socket.create_connection((address, 5001), 1); s.settimeout(1)
        while True:
            s.sendall(b"frame"); who = b""
            while not who.endswith(b"\n"):
                c = s.recv(64)
                if not c: raise OSError
                who += c
            out.write("%.4f %s\n" % (time.monotonic(), who.decode().split("\n")[0])); time.sleep(0.04)
    except OSError:
        out.write("%.4f -\n" % time.monotonic()); time.sleep(0.1)
"#;

/// How a machine goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Unplugged,
    ShutDown,
    ContainersStopped,
}

impl End {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unplugged => "unplugged",
            Self::ShutDown => "shut down",
            Self::ContainersStopped => "containers stopped",
        }
    }
}

/// The site.
pub(super) struct Stage {
    lan: Lan,
    stack: String,
    /// How much of the two logs belongs to what was told already.
    told: [usize; 2],
}

impl Stage {
    /// A site that is well, with these keys of its pool.
    pub(super) async fn new(pool: &str) -> Self {
        let mut lan = Lan::new(&["console", "production-a", "production-b", "backup", "camera"]).await;
        std::fs::write(lan.path("counter.py"), COUNTER).expect("written");
        let (page, page_stop) = lan.page_commands();
        let folder = text(lan.folder.path()).to_owned();
        let pid = format!("{folder}/$MACHINE/counter.pid");
        let counter =
            format!("setsid python3 {folder}/counter.py $MACHINE >/dev/null 2>&1 </dev/null & echo $! > {pid}");
        let counter_stop = format!("kill $(cat {pid}) 2>/dev/null; rm -f {pid}");
        let stop = format!("{counter_stop}; {page_stop}");
        let address = |name: &str| lan.machine(name).address;
        let host = |name: &str, last: u32| {
            format!(
                r#"[hosts.{name}]
address = "{}"
service = "{}/24"
checks = [{{ kind = "ping", vital = false }}, {{ kind = "http", url = "http://{{address}}:5000/" }}, {{ kind = "tcp", port = 5001 }}]
"#,
                address(name),
                lan.address(last)
            )
        };
        let fleet = format!(
            r#"name = "people-count"
{a}{b}[hosts.backup]
address = "{spare}"
checks = [{{ kind = "ping" }}, {{ kind = "tcp", port = 22 }}]
[pools.people]
protects = ["production-a", "production-b"]
spares = ["backup"]
probe = "fast"
up_after = "2s"
cooldown = "1s"
fence = "required"
anchors = ["{camera}"]
takeover = "take"
giveback = "back"
{pool}
[runbooks.take]
steps = [
  {{ name = "fence", kind = "address", on = "failed", drop = "{{failed.service}}", device = "eth0", fence = true, timeout = "2s", on_error = "continue" }},
  {{ name = "address", kind = "address", on = "spare", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "sync-config", kind = "command", on = "spare", run = "echo {{failed.name}} > {folder}/sync.config" }},
  {{ name = "counters", kind = "command", on = "spare", run = '''{counter}''', undo = '''{counter_stop}''' }},
  {{ name = "page", kind = "command", on = "spare", run = '''{page}''', undo = '''{page_stop}''' }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
  {{ name = "sync-log", kind = "command", on = "spare", run = "grep -q {{failed.name}} {folder}/sync.config" }},
]
[runbooks.back]
steps = [
  {{ name = "stop", kind = "command", on = "spare", run = '''{stop}''', timeout = "3s", on_error = "continue" }},
  {{ name = "drop", kind = "address", on = "spare", drop = "{{failed.service}}", device = "eth0", timeout = "3s", on_error = "continue" }},
  {{ name = "return", kind = "address", on = "failed", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{failed.address}}:5000/" }}, within = "10s" }},
]
"#,
            a = host("production-a", 100),
            b = host("production-b", 101),
            spare = address("backup"),
            camera = address("camera"),
        );
        std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
        for (name, last) in [("production-a", 100), ("production-b", 101)] {
            let service = format!("{}/24", lan.address(last));
            lan.machine(name).exec(&["ip", "addr", "add", &service, "dev", "eth0"]);
        }
        let watched = lan.address(100);
        lan.watch("camera", watched);
        let log = lan.path("camera.log");
        let camera = lan.machines.iter_mut().find(|machine| machine.name == "camera").expect("a camera");
        camera.start("python3", &["-c", CAMERA, &watched.to_string(), text(&log)]);
        let mut stage = Self { lan, stack: folder, told: [0; 2] };
        for name in ["production-a", "production-b"] {
            stage.containers(name);
        }
        for port in [5000, 5001] {
            stage.lan.serving(&["production-a", "production-b"], port).await;
        }
        let checked = stage.lan.tell(&["check"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        let said = std::fs::File::create(stage.lan.path("engine.err")).expect("a file");
        let mut engine = stage.lan.hotspare(&["engine"]);
        drop(engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("an engine"));
        within(PATIENCE, "the engine runs", || stage.lan.tell(&["engine", "status"]).status.success()).await;
        stage.well().await;
        stage
    }

    /// Starts the containers of a machine.
    fn containers(&mut self, name: &str) {
        let folder = self.stack.clone();
        let machine = self.lan.machines.iter_mut().find(|machine| machine.name == name).expect("a machine");
        machine.start("python3", &[&format!("{folder}/counter.py"), name]);
        machine.start("python3", &[&format!("{folder}/page.py"), name]);
    }

    pub(super) fn pool(&self) -> Value {
        self.lan.ask(&["pool", "show", "people"]).1
    }

    pub(super) fn spare(&self) -> Value {
        self.pool()["spares"][0].clone()
    }

    pub(super) fn standing_in_for(&self) -> String {
        self.spare()["standing_in_for"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn stand(&self, host: &str) -> String {
        let pool = self.pool();
        let hosts = pool["hosts"].as_array().expect("hosts");
        hosts.iter().find(|one| one["name"] == host).expect("a host")["stand"].as_str().expect("a word").to_owned()
    }

    fn service(&self, host: &str) -> Ipv4Addr {
        self.lan.address(if host == "production-a" { 100 } else { 101 })
    }

    async fn well(&self) {
        within(PATIENCE, "all is well", || {
            self.spare()["state"] == "ready"
                && self.stand("production-a") == "serving"
                && self.stand("production-b") == "serving"
        })
        .await;
        let answers = |log: &str| {
            let said = std::fs::read_to_string(self.lan.path(log)).unwrap_or_default();
            said.lines().last().is_some_and(|line| line.ends_with("production-a"))
        };
        within(PATIENCE, "the client is served", || answers("client.log") && answers("camera.log")).await;
    }

    /// From here on gaps are looked for.
    pub(super) fn begin(&mut self) {
        for (place, log) in self.told.iter_mut().zip(["client.log", "camera.log"]) {
            *place = std::fs::read_to_string(self.lan.path(log)).expect("a log").lines().count().saturating_sub(20);
        }
    }

    /// Machines go, in this order.
    pub(super) fn end(&mut self, names: &[&str], end: End) {
        for name in names {
            match end {
                End::Unplugged => self.lan.begin(name, Fault::LinkDown),
                End::ShutDown => self.lan.begin(name, Fault::PowerOff),
                End::ContainersStopped => {
                    for part in ["counter.py", "page.py"] {
                        self.lan.machine(name).end(part);
                    }
                }
            }
        }
    }

    /// They are back, and serve as soon as they are let.
    pub(super) async fn mend(&mut self, name: &str, end: End) {
        match end {
            End::Unplugged => {
                // A person looks after the cable, and takes the address from a machine in whose place another serves.
                if name != "backup" {
                    self.release(name, name);
                }
                self.lan.mend(name, Fault::LinkDown).await;
            }
            End::ShutDown => self.lan.boot(name).await,
            End::ContainersStopped => {}
        }
        if name != "backup" && end != End::Unplugged {
            self.containers(name);
        }
    }

    /// Takes a host's service address from a machine, where that holds it.
    fn release(&self, from: &str, host: &str) {
        let service = self.service(host).to_string();
        for held in self.lan.machine(from).addresses() {
            if held.split('/').next() == Some(&service) {
                self.lan.machine(from).exec(&["ip", "addr", "del", &held, "dev", "eth0"]);
            }
        }
    }

    /// Waits until the spare serves for a host, and the client of A sees who serves it.
    pub(super) async fn served(&self, host: &str, by: &str) {
        within(PATIENCE, &format!("{by} serves for {host}"), || {
            let spare = self.spare();
            spare["state"] == "active" && spare["standing_in_for"] == host
        })
        .await;
        if host == "production-a" {
            self.seen(by).await;
        }
    }

    async fn seen(&self, by: &str) {
        let answers = |log: &str| {
            let said = std::fs::read_to_string(self.lan.path(log)).unwrap_or_default();
            said.lines().last().is_some_and(|line| line.ends_with(by))
        };
        within(PATIENCE, &format!("{by} answers"), || answers("client.log") && answers("camera.log")).await;
    }

    pub(super) async fn served_by_itself(&self, host: &str) {
        within(PATIENCE, &format!("{host} serves"), || self.stand(host) == "serving").await;
        self.seen(host).await;
    }

    /// A person gives the work back, and everything is as it was.
    pub(super) async fn give_back(&mut self, host: &str) {
        self.give_back_only(host).await;
        // Who waited has its address still, or gets it from the person.
        for name in ["production-a", "production-b"] {
            let service = self.service(name).to_string();
            let holds = |held: &String| held.split('/').next() == Some(&service);
            if !self.lan.machine(name).addresses().iter().any(holds) {
                self.lan.machine(name).exec(&["ip", "addr", "add", &format!("{service}/32"), "dev", "eth0"]);
            }
        }
        self.well().await;
    }

    pub(super) async fn give_back_only(&self, host: &str) {
        within(PATIENCE, &format!("{host} is back"), || self.stand(host) == "returned").await;
        let back = self.lan.tell(&["pool", "giveback", "people", "--host", host, "--yes", "people"]);
        assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stdout));
    }

    /// A person takes from the spare what it held when it died, after the engine has told of two owners.
    pub(super) async fn clean(&self) {
        let service = self.service("production-a").to_string();
        let held = self.lan.machine("backup").addresses();
        if held.iter().any(|held| held.split('/').next() == Some(&service)) {
            let told = || self.pool()["alarms"].to_string().contains(&service);
            within(PATIENCE, "an alarm tells of two owners", told).await;
            self.release("backup", "production-a");
        }
        for part in ["counter.py", "page.py"] {
            self.lan.machine("backup").end(part);
        }
        self.well().await;
    }

    /// What passed, in a line: the run's own timeline, and what the client and the camera missed.
    pub(super) fn tell(&mut self, what: &str) {
        let run = self.pool()["run"].clone();
        let phases = run["timeline"].as_array().expect("a timeline");
        let number = |value: &Value| value.as_f64().expect("a number");
        for pair in phases.windows(2) {
            let gap = number(&pair[1]["at"]) - number(&pair[0]["at"]) - number(&pair[0]["seconds"]);
            assert!(gap.abs() < 0.05, "{what}: {gap} s of the timeline are not explained: {phases:?}");
        }
        let said: Vec<String> = phases
            .iter()
            .map(|phase| format!("{} {:.2}", phase["name"].as_str().expect("a name"), number(&phase["seconds"])))
            .collect();
        let all: f64 = phases.iter().map(|phase| number(&phase["seconds"])).sum();
        let missed: Vec<String> = [("page", "client.log", 0), ("camera", "camera.log", 1)]
            .into_iter()
            .filter_map(|(who, log, at)| {
                let lines = std::fs::read_to_string(self.lan.path(log)).expect("a log");
                let rest: Vec<&str> = lines.lines().skip(self.told[at]).collect();
                let part = self.lan.path("part.log");
                std::fs::write(&part, rest.join("\n")).expect("written");
                let (seconds, before, after) = gap(&part);
                (before != after).then(|| format!("{who} {seconds:.2} s without service, from {before} to {after}"))
            })
            .collect();
        println!("drill: {what}: {all:.2} s: {}; {}", said.join(", "), missed.join("; "));
        self.begin();
    }

    /// Seen from outside: one owner of A's address, and it is this machine; the journal whole.
    pub(super) fn audit(&self, host: &str, owner: &str) {
        let service = self.service(host);
        let mac = self.lan.machine(owner).exec(&["cat", "/sys/class/net/eth0/address"]).trim().to_owned();
        assert_eq!(self.lan.owners("camera", service), [mac], "who answers for {service}");
        let (exit, journal) = self.lan.ask(&["journal"]);
        assert_eq!((exit, &journal["chain"]), (0, &"intact".into()), "the journal");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _gone = self.lan.tell(&["engine", "stop", "--force"]);
    }
}
