//! From the fault to service at a client, beside keepalived, in the same lab and the same run, alternating.
//!
//! Two hosts, a spare, a console and a client on one switch. The service runs on hosts and spare; what moves is its address.
//! The client sends a datagram every 5 ms and waits for none, and keeps a connection open on which it writes as often.
//! All the time four ARP questions a second ask who has the address.
//!
//! `cargo bench --bench failover` needs root and `apt-get install keepalived iputils-arping openssh-server nftables`. It prints
//! all tables, with `-- power`, `-- planned` or `-- loss` one of them. `HOTSPARE_RUNS=20` is how often each is taken,
//! `HOTSPARE_LOSS_MINUTES=60` how long nothing may happen on a bad network, and `HOTSPARE_SAMPLES=FILE` keeps the samples, so
//! that a call goes on where the one before ended.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

#[path = "failover/report.rs"]
mod report;
#[path = "failover/site.rs"]
mod site;
#[path = "failover/wire.rs"]
mod wire;

use std::net::Ipv4Addr;
use std::process::Child;
use std::time::Duration;

use report::{Part, Phase, Sample, Samples};
use site::{Site, until};
use wire::Owners;

/// Everything that is waited for comes within this, or the bench stops.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who looks after the address.
const WHO: [&str; 4] = ["hotspare, fast", "keepalived, advert 1 s", "hotspare, normal", "keepalived, advert 0.1 s"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--serve") => return wire::serve(arguments[2].as_bytes()[0]),
        Some("--ask") => return wire::ask(arguments[2].parse().unwrap(), arguments[3].as_ref()),
        _ => {}
    }
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let all = !["power", "planned", "loss"].iter().any(|part| arguments.iter().any(|given| given == part));
    let wanted = |part: &str| all || arguments.iter().any(|given| given == part);
    let runs = number("HOTSPARE_RUNS", 5) as usize;
    let mut samples = Samples::open(std::env::var_os("HOTSPARE_SAMPLES"));
    let mut site = Site::new(&["console", "a", "b", "cedar", "client", "eye"]);
    for (name, serves) in [("b", true), ("console", false), ("eye", false)] {
        site.boot(name, serves);
    }
    for part in [Part::Power, Part::Planned] {
        if !wanted(part.word()) {
            continue;
        }
        for _round in 0..runs {
            for who in WHO {
                // Released by hand, a keepalived needs the same time whatever its pace is.
                if part == Part::Planned && matches!(who, "hotspare, normal" | "keepalived, advert 0.1 s") {
                    continue;
                }
                samples.add(once(&mut site, part, who));
            }
        }
        samples.print(part, &WHO);
    }
    if wanted("loss") {
        loss(&mut site, number("HOTSPARE_LOSS_MINUTES", 1));
    }
}

/// One fault, and what the client saw of it.
fn once(site: &mut Site, part: Part, who: &str) -> Sample {
    let service = site.address(100);
    site.boot("a", true);
    site.boot("cedar", true);
    site.boot("client", false);
    let ours = who.starts_with("hotspare");
    let mut engine = None;
    if ours {
        let pace = if who.ends_with("fast") { "fast" } else { "normal" };
        site.exec("a", &["ip", "addr", "add", &format!("{service}/24"), "dev", "eth0"]);
        engine = Some(hotspare(site, service, pace));
    } else {
        let advert = if who.ends_with("0.1 s") { 0.1 } else { 1.0 };
        keepalived(site, "cedar", service, 51, 100, advert);
        keepalived(site, "a", service, 51, 150, advert);
        until(PATIENCE, "the master has the address", || site.exec("a", &["ip", "addr"]).contains(&held(service)));
    }
    let log = site.file("client.log");
    let program = std::env::current_exe().unwrap();
    let asks = [program.to_str().unwrap(), "--ask", &service.to_string(), log.to_str().unwrap()];
    site.start("client", &asks);
    let owners = Owners::watch(site, "eye", service);
    let said = |letter: char, kind: char| {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().rev().take(100).filter(|line| line.starts_with(kind) && line.ends_with(letter)).count()
    };
    until(PATIENCE, "the client is served", || said('a', 'u') > 20 && said('a', 't') > 2);
    // Anywhere in a second, so that no beat is met at the same place.
    std::thread::park_timeout(Duration::from_millis(500 + fastrand::u64(..1000)));
    match part {
        Part::Power => site.power_off("a"),
        Part::Planned if ours => {
            let wish = ["pool", "takeover", "people", "--failed", "a", "--yes", "people"];
            let done = site.hotspare(&wish).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        }
        Part::Planned => {
            let pid = std::fs::read_to_string(site.file("a/keepalived.pid")).unwrap();
            site::run(&["kill", "-TERM", pid.trim()]);
        }
    }
    until(PATIENCE, "the client is served again", || said('c', 'u') > 20 && said('c', 't') > 2);
    let mut phases = Vec::new();
    let gap = wire::gap(&log, "u").unwrap();
    let line = wire::gap(&log, "t").unwrap();
    if let Some(engine) = &mut engine {
        let mut run = serde_json::Value::Null;
        until(PATIENCE, "the run is done", || {
            run = site.json(&["pool", "show", "people"])["run"].clone();
            run["state"] == "done"
        });
        phases = timeline(&run, &gap);
        assert!(site.hotspare(&["engine", "stop", "--force"]).output().unwrap().status.success());
        engine.wait().unwrap();
        std::fs::remove_dir_all(site.file("state")).unwrap();
    }
    let (answers, doubles) = owners.end();
    assert!(answers > 4, "nobody was heard on the wire");
    for name in ["a", "cedar", "client"] {
        site.halt(name);
    }
    // A host that was only asked to step down serves no more either.
    std::fs::remove_file(&log).unwrap();
    for guard in ["a/guard", "cedar/guard"] {
        let _none = std::fs::remove_dir_all(site.file(guard));
        std::fs::create_dir_all(site.file(guard)).unwrap();
    }
    assert_eq!((gap.2.as_str(), line.2.as_str()), ("c", "c"), "who served after the gap");
    Sample { part, who: who.to_owned(), gap: gap.1 - gap.0, line: line.1 - line.0, doubles, phases }
}

/// The phases of a run, laid over what the client saw: each from the last answer before the fault.
fn timeline(run: &serde_json::Value, gap: &(f64, f64, String)) -> Vec<Phase> {
    let started: jiff::Timestamp = run["started"].as_str().unwrap().parse().unwrap();
    let phases = run["timeline"].as_array().unwrap();
    let before: f64 = phases
        .iter()
        .filter(|phase| matches!(phase["name"].as_str(), Some("detect" | "confirm")))
        .map(|phase| phase["seconds"].as_f64().unwrap())
        .sum();
    let zero = started.as_microsecond() as f64 / 1e6 - before;
    let mut laid = vec![Phase { name: "service at the client".into(), at: gap.1 - gap.0, seconds: 0.0 }];
    laid.extend(phases.iter().map(|phase| Phase {
        name: phase["name"].as_str().unwrap().into(),
        at: zero + phase["at"].as_f64().unwrap() - gap.0,
        seconds: phase["seconds"].as_f64().unwrap(),
    }));
    laid
}

fn held(service: Ipv4Addr) -> String {
    format!("inet {service}/")
}

/// Starts an engine that looks after the address, and waits until everything is well.
fn hotspare(site: &Site, service: Ipv4Addr, pace: &str) -> Child {
    let fleet = format!(
        r#"name = "bench"
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
witnesses = ["cedar", "b"]
anchors = ["{client}"]
probe = "{pace}"
fence = "required"
takeover = "take"
[runbooks.take]
steps = [
  {{ name = "fence", kind = "address", on = "failed", drop = "{{failed.service}}", device = "eth0", fence = true, timeout = "2s", on_error = "continue" }},
  {{ name = "take", kind = "address", on = "spare", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
]
"#,
        a = site.own_address("a"),
        b = site.own_address("b"),
        other = site.address(101),
        spare = site.own_address("cedar"),
        client = site.own_address("client"),
    );
    std::fs::write(site.file("fleet.toml"), fleet).unwrap();
    let said = std::fs::File::create(site.file("engine.out")).unwrap();
    let mut command = site.hotspare(&["engine"]);
    let engine = command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    until(PATIENCE, "everything is well", || {
        let pool = site.json(&["pool", "list"])["pools"][0].clone();
        pool["spares"][0]["state"] == "ready" && pool["hosts"][0]["stand"] == "serving"
    });
    // As in a life that has lasted for a while: every connection is open, every question was asked once.
    std::thread::park_timeout(Duration::from_secs(2));
    engine
}

/// Starts a keepalived that looks after the address.
fn keepalived(site: &mut Site, name: &str, service: Ipv4Addr, number: u8, priority: u8, advert: f64) {
    let config = site.path(&format!("{name}/keepalived.conf"));
    let state = if priority > 100 { "MASTER" } else { "BACKUP" };
    let lines = format!(
        "global_defs {{\n  vrrp_version 3\n}}\nvrrp_instance people {{\n  state {state}\n  interface eth0\n  virtual_router_id \
         {number}\n  priority {priority}\n  advert_int {advert}\n  virtual_ipaddress {{\n    {service}/24 dev eth0\n  }}\n}}\n"
    );
    std::fs::write(&config, lines).unwrap();
    let (pid, vrrp) = (site.path(&format!("{name}/keepalived.pid")), site.path(&format!("{name}/vrrp.pid")));
    for file in [&pid, &vrrp] {
        let _none = std::fs::remove_file(file);
    }
    site.start(name, &["keepalived", "-n", "-l", "-P", "-f", &config, "-p", &pid, "-r", &vrrp]);
}

/// A bad network: one frame of a hundred lost, and each minute five seconds in which it is thirty. Nothing may happen.
fn loss(site: &mut Site, minutes: u64) {
    let (service, other) = (site.address(100), site.address(102));
    for (name, serves) in [("a", true), ("cedar", true), ("client", false)] {
        site.boot(name, serves);
    }
    site.exec("a", &["ip", "addr", "add", &format!("{service}/24"), "dev", "eth0"]);
    let mut engine = hotspare(site, service, "fast");
    keepalived(site, "cedar", other, 52, 100, 0.1);
    keepalived(site, "b", other, 52, 150, 0.1);
    until(PATIENCE, "the master has the address", || site.exec("b", &["ip", "addr"]).contains(&held(other)));
    let (ours, theirs) = (Owners::watch(site, "eye", service), Owners::watch(site, "eye", other));
    site.switch(&["nft", "add", "table", "bridge", "bad"]);
    site.switch(&["nft", "add", "chain", "bridge", "bad", "wire", "{ type filter hook forward priority 0; }"]);
    let lose = |percent: u32| {
        site.switch(&["nft", "flush", "chain", "bridge", "bad", "wire"]);
        let percent = percent.to_string();
        site.switch(&[
            "nft", "add", "rule", "bridge", "bad", "wire", "numgen", "random", "mod", "100", "<", &percent, "drop",
        ]);
    };
    for _minute in 0..minutes {
        lose(1);
        std::thread::park_timeout(Duration::from_secs(55));
        lose(30);
        std::thread::park_timeout(Duration::from_secs(5));
    }
    let pool = site.json(&["pool", "list"])["pools"][0].clone();
    let generation = pool["spares"][0]["generation"].as_u64().unwrap_or_default();
    println!(
        "\n| {minutes} min of 1 % loss, 30 % for 5 s of each minute | runs begun | the address changed hands |\n|---|---|---|"
    );
    println!("| hotspare, fast | {generation} | {} |", ours.moves());
    println!("| keepalived, advert 0.1 s | | {} |", theirs.moves());
    site.switch(&["nft", "delete", "table", "bridge", "bad"]);
    let _answers = (ours.end(), theirs.end());
    assert!(site.hotspare(&["engine", "stop", "--force"]).output().unwrap().status.success());
    engine.wait().unwrap();
    std::fs::remove_dir_all(site.file("state")).unwrap();
    for name in ["a", "cedar", "client"] {
        site.halt(name);
    }
}
