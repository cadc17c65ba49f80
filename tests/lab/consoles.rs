//! Two consoles, each with an engine, that cannot reach each other, and an etcd of three members on machines of their own: one
//! acts, the other says why it does not. Members are lost, and most of them; the holder of the lease is cut off.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::site::pool::PATIENCE;
use crate::site::{Lan, text, within};

const CONSOLES: [&str; 2] = ["console", "second"];
const MEMBERS: [&str; 3] = ["member-1", "member-2", "member-3"];
/// Nothing is done by anybody for so long, where nothing may be done.
const STILL: Duration = Duration::from_secs(5);

struct Site {
    lan: Lan,
}

impl Site {
    async fn new() -> Self {
        let names = [&CONSOLES[..], &["a", "b", "cedar", "client"], &MEMBERS].concat();
        let mut lan = Lan::new(&names).await;
        lan.serve("a", lan.address(100));
        lan.serve("b", lan.address(101));
        let (start, stop) = lan.page_commands();
        let of = |name: &str| lan.machine(name).address;
        let endpoints: Vec<String> = MEMBERS.iter().map(|name| format!("\"http://{}:2379\"", of(name))).collect();
        let host = |name: &str, last: u32| {
            format!(
                "[hosts.{name}]\naddress = \"{}\"\nservice = \"{}/24\"\n\
                 checks = [{{ kind = \"ping\" }}, {{ kind = \"http\", url = \"http://{{address}}:5000/\" }}]\n",
                of(name),
                lan.address(last)
            )
        };
        let fleet = format!(
            r#"name = "site"
[lease]
kind = "etcd"
endpoints = [{endpoints}]
ttl = "3s"
{a}{b}[hosts.cedar]
address = "{cedar}"
checks = [{{ kind = "ping" }}, {{ kind = "tcp", port = 22 }}]
[pools.people]
protects = ["a", "b"]
spares = ["cedar"]
probe = "fast"
up_after = "2s"
cooldown = "1s"
dwell = "1s"
fence = "required"
anchors = ["{client}"]
takeover = "take"
[runbooks.take]
steps = [
  {{ name = "fence", kind = "address", on = "failed", drop = "{{failed.service}}", device = "eth0", fence = true, timeout = "2s", on_error = "continue" }},
  {{ name = "take", kind = "address", on = "spare", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "start", kind = "command", on = "spare", run = "{start}", undo = "{stop}" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
]
"#,
            endpoints = endpoints.join(", "),
            a = host("a", 100),
            b = host("b", 101),
            cedar = of("cedar"),
            client = of("client"),
        );
        std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
        let mut site = Self { lan };
        for name in MEMBERS {
            site.member(name);
        }
        site.lan.serving(&["a", "b"], 5000).await;
        // From the beginning, and for ever.
        site.part("console", "second");
        for name in CONSOLES {
            let said = std::fs::File::create(site.lan.path("engine.err")).expect("a file");
            let mut engine = site.hotspare(name, &["engine"]);
            drop(engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("an engine"));
        }
        within(PATIENCE, "one engine holds the lease", || site.holder().is_some()).await;
        within(PATIENCE, "the spare is ready", || CONSOLES.iter().all(|name| site.spare(name)["state"] == "ready"))
            .await;
        site
    }

    /// Starts a member of etcd, on what it knew before.
    fn member(&mut self, name: &str) {
        let peers: Vec<String> =
            MEMBERS.iter().map(|name| format!("{name}=http://{}:2380", self.lan.machine(name).address)).collect();
        let (peers, address) = (peers.join(","), self.lan.machine(name).address);
        let (client, peer) = (format!("http://{address}:2379"), format!("http://{address}:2380"));
        let data = self.lan.path(name).join("data");
        let machine = self.lan.machines.iter_mut().find(|machine| machine.name == name).expect("a member");
        machine.start(
            "etcd",
            &[
                "--name",
                name,
                "--data-dir",
                text(&data),
                "--unsafe-no-fsync",
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
                "--initial-cluster",
                &peers,
                "--initial-cluster-state",
                "new",
                "--heartbeat-interval",
                "100",
                "--election-timeout",
                "1000",
            ],
        );
    }

    /// Keeps two machines from reaching each other, each on its own side.
    fn part(&self, one: &str, other: &str) {
        for (here, there) in [(one, other), (other, one)] {
            let (there, name) = (self.lan.machine(there).address, there.replace('-', "_"));
            let rules = format!(
                "add table inet not_{name}; add chain inet not_{name} in {{ type filter hook input priority 0; }}; \
                 add rule inet not_{name} in ip saddr {there} drop"
            );
            self.lan.machine(here).exec(&["nft", &rules]);
        }
    }

    fn join(&self, one: &str, other: &str) {
        for (here, there) in [(one, other), (other, one)] {
            self.lan.machine(here).exec(&["nft", &format!("delete table inet not_{}", there.replace('-', "_"))]);
        }
    }

    /// The program on one of the consoles.
    fn hotspare(&self, console: &str, arguments: &[&str]) -> Command {
        let mut command = self.lan.machine(console).command(&[env!("CARGO_BIN_EXE_hotspare")]);
        let state = self.lan.path(&format!("state-{console}"));
        command.args(["--fleet", text(&self.lan.path("fleet.toml")), "--state", text(&state)]);
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", text(&self.lan.path("bin")));
        command.args(arguments).env("PATH", path).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
        command
    }

    fn ask(&self, console: &str, arguments: &[&str]) -> Value {
        let output = self.hotspare(console, &[arguments, &["--json"]].concat()).output().expect("hotspare runs");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn lease(&self, console: &str) -> Value {
        self.ask(console, &["engine", "status"])["lease"].clone()
    }

    /// The console whose engine may act.
    fn holder(&self) -> Option<&'static str> {
        CONSOLES.into_iter().find(|name| self.lease(name)["held"] == true)
    }

    fn spare(&self, console: &str) -> Value {
        self.ask(console, &["pool", "show", "people"])["spares"][0].clone()
    }

    fn serves(&self, console: &str) -> Option<String> {
        let spare = self.spare(console);
        (spare["state"] == "active").then(|| spare["standing_in_for"].as_str().expect("a host").to_owned())
    }

    /// How many runs an engine has begun by itself.
    fn runs(&self, console: &str) -> usize {
        let journal = self.ask(console, &["journal"]);
        let begun = |entry: &&Value| entry["what"].as_str().is_some_and(|what| what.contains(" begins (run "));
        journal["entries"].as_array().map_or(0, |entries| entries.iter().filter(begun).count())
    }

    /// Why an engine does nothing, in its own words.
    fn why_not(&self, console: &str) -> String {
        let pool = self.ask(console, &["pool", "show", "people"]);
        let held: Vec<&str> = pool["held_back"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        held.join("; ")
    }

    /// Seen from the client: one owner of each address.
    fn audit(&self) {
        for last in [100, 101] {
            let owners = self.lan.owners("client", self.lan.address(last));
            assert!(owners.len() < 2, "{} is answered by {owners:?}", self.lan.address(last));
        }
        for console in CONSOLES {
            assert_eq!(self.ask(console, &["journal"])["chain"], "intact", "{console}");
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for console in CONSOLES {
            let _gone = self.hotspare(console, &["engine", "stop", "--force"]).output();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_engines_that_cannot_reach_each_other_one_acts_and_nobody_without_a_majority_of_etcd() {
    let mut site = Site::new().await;
    let holder = site.holder().expect("one holds it");
    let other = CONSOLES.into_iter().find(|name| *name != holder).expect("the other");
    println!("{other} does nothing: {}", site.why_not(other));
    assert!(site.why_not(other).contains("held by"), "{}", site.why_not(other));

    // The holder is cut off from etcd, and a host dies.
    for member in MEMBERS {
        site.part(holder, member);
    }
    site.lan.power_off("b");
    within(PATIENCE, "the other engine takes over", || site.serves(other).as_deref() == Some("b")).await;
    assert_eq!((site.runs(holder), site.runs(other)), (0, 1), "who began a run: {}", site.ask(other, &["journal"]));
    println!("{holder} is cut off from etcd and does nothing: {}", site.why_not(holder));
    assert!(!site.why_not(holder).is_empty());
    site.audit();
    for member in MEMBERS {
        site.join(holder, member);
    }
    within(PATIENCE, "it sees what the other one did", || site.serves(holder).as_deref() == Some("b")).await;
    assert_eq!(site.lease(holder)["held"], false, "it does not take the lease back");

    // One member is lost: nothing changes. Then another one: nobody may act, whatever happens.
    site.lan.power_off("member-1");
    tokio::time::sleep(Duration::from_secs(2)).await;
    within(PATIENCE, "the lease is held with two members", || site.holder().is_some()).await;
    site.lan.power_off("member-2");
    within(PATIENCE, "nobody holds the lease", || site.holder().is_none()).await;
    let begun = site.runs(holder) + site.runs(other);
    site.lan.power_off("a");
    tokio::time::sleep(STILL).await;
    for console in CONSOLES {
        println!("{console} without a majority of etcd does nothing: {}", site.why_not(console));
        assert!(!site.why_not(console).is_empty(), "{console}");
        assert_eq!(site.serves(console).as_deref(), Some("b"), "the spare serves on, as it did");
    }
    assert_eq!(site.runs(holder) + site.runs(other), begun, "nothing was begun");
    site.audit();

    // A majority is back, and what was due is done: the more important host gets the spare.
    let back = tokio::time::Instant::now();
    site.lan.boot("member-2").await;
    site.member("member-2");
    within(PATIENCE, "the more important host is served", || {
        CONSOLES.iter().any(|console| site.serves(console).as_deref() == Some("a"))
    })
    .await;
    println!("with a majority again: a is served after {:.1} s", back.elapsed().as_secs_f64());
    let begun = site.runs(holder) + site.runs(other);
    assert_eq!(begun, 3, "a takeover, a release and a takeover");
    site.audit();
}
