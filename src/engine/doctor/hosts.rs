//! The hosts: ssh, clocks, the programs that checks and runbooks need there, and every check once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::fleet::Fleet;
use crate::fleet::check::CheckKind;
use crate::fleet::data::FeedSource;
use crate::fleet::host::Host;
use crate::fleet::pool::Fence;
use crate::fleet::runbook::{Place, StepKind};
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::reach::plain;
use crate::reach::quote::{self, quote};
use crate::reach::ssh::{Remote, SshError};
use crate::runbook::each::spread;

/// How long a login may take here: the first one pays for the connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks this far apart make naive times and certificates go wrong.
const CLOCKS_APART: f64 = 2.0;

/// What a host must have. A program name, or the word for a compose of either kind.
type Tools<'a> = BTreeMap<&'a str, BTreeSet<&'static str>>;
/// Stands for `docker compose` or `docker-compose`.
const COMPOSE: &str = "docker compose";
/// Stands for the rights of root, by the login itself or by `sudo` without a password.
const ROOT: &str = "root";
/// Stands for all that a spare needs to hear whether a failed host is silent on the wire.
const WIRE: &str = "the wire";

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let tools = needed(&bag.fleet);
    let mut list = Vec::new();
    for host in &bag.fleet.hosts {
        if let Some(tools) = tools.get(host.name.as_str()) {
            let (bag, host, tools) = (bag.clone(), host.clone(), tools.clone());
            list.push(Examination::new(
                format!("ssh to {}", host.name),
                async move { login(&bag, &host, &tools).await },
            ));
        }
        let (bag, host) = (bag.clone(), host.clone());
        list.push(Examination::new(format!("checks of {}", host.name), async move { checks(&bag, &host).await }));
    }
    list
}

/// Hosts that are reached over ssh, and the programs needed there. A host without an entry needs no ssh.
fn needed(fleet: &Fleet) -> Tools<'_> {
    let mut tools = Tools::new();
    for (host, check) in fleet.checks() {
        let tool = match check.kind {
            CheckKind::Docker { .. } => Some("docker"),
            CheckKind::Disk { .. } => Some("df"),
            CheckKind::MongoReplica { ssh: true, .. } | CheckKind::Command { .. } => None,
            _ => continue,
        };
        tools.entry(&host.name).or_default().extend(tool);
    }
    for pool in &fleet.pools {
        for name in pool.protects.iter().chain(&pool.spares).chain(&pool.witnesses) {
            tools.entry(name).or_default();
        }
        let runbooks = [Some(&pool.takeover), pool.giveback.as_ref(), pool.drill.as_ref()];
        for name in runbooks.into_iter().flatten() {
            let steps =
                fleet.runbooks.iter().filter(|runbook| runbook.name == *name).flat_map(|runbook| &runbook.steps);
            for step in steps {
                let places: &[String] = match &step.on {
                    Some(Place::Spare) => &pool.spares,
                    Some(Place::Failed) => &pool.protects,
                    Some(Place::Host(host)) => std::slice::from_ref(host),
                    // Runbooks that go over several hosts belong to no pool.
                    Some(Place::Console | Place::Each) | None => &[],
                };
                for place in places {
                    tools.entry(place).or_default().extend(of_step(&step.kind));
                }
                if step.fence && *name == pool.takeover && pool.fence != Fence::None {
                    for spare in &pool.spares {
                        tools.entry(spare).or_default().insert(WIRE);
                    }
                }
            }
        }
    }
    of_runbooks(fleet, &mut tools);
    for feed in &fleet.feeds {
        if let FeedSource::Sqlite { host: Some(host), .. } = &feed.from {
            tools.entry(host).or_default().insert("sqlite3");
        }
    }
    for service in &fleet.services {
        let scaled = service.docker.is_some() || service.quorum.is_some();
        tools.entry(&service.host).or_default().extend(scaled.then_some("docker"));
    }
    tools
}

/// What the steps of any runbook need on the hosts that they name, or go over.
fn of_runbooks<'a>(fleet: &'a Fleet, tools: &mut Tools<'a>) {
    for runbook in &fleet.runbooks {
        for step in spread(runbook, fleet).map(|spread| spread.steps).unwrap_or_default() {
            let ((Some(Place::Host(name)), _) | (Some(Place::Each), Some(name))) = (&step.on, &step.each) else {
                continue;
            };
            if let Some(host) = fleet.host(name) {
                tools.entry(&host.name).or_default().extend(of_step(&step.kind));
            }
        }
    }
}

const fn of_step(kind: &StepKind) -> &'static [&'static str] {
    match kind {
        StepKind::Address { .. } => &["ip", "arping", ROOT],
        StepKind::Compose { .. } => &["docker", COMPOSE],
        StepKind::Scale { .. } => &["docker"],
        _ => &[],
    }
}

fn package(tool: &str) -> &'static str {
    match tool {
        "docker" => "docker.io",
        COMPOSE => "docker-compose",
        "ip" => "iproute2",
        "arping" => "iputils-arping",
        "sqlite3" => "sqlite3",
        _ => "coreutils",
    }
}

/// Logs in once and asks everything in one command.
async fn login(bag: &Bag, host: &Host, tools: &BTreeSet<&'static str>) -> Vec<Finding> {
    let subject = format!("ssh to {}", host.name);
    let ssh = bag.prober.ssh();
    ssh.wake(&host.ssh);
    let (began, asked) = (bag.clock.tick(), bag.clock.now());
    let output = match ssh.run(&host.ssh, &Remote::new(question(tools), PATIENCE)).await {
        Ok(output) => output,
        Err(error) => return vec![refused(&subject, &error)],
    };
    let took = bag.clock.tick().since(began);
    let identity = ssh.identity(&host.ssh).unwrap_or_else(|| "unknown".into());
    let mut findings = vec![good(&subject, format!("logged in after {}, host key {identity}", plain::time(took)))];
    let text = output.text();
    let Some(theirs) = text.lines().find_map(|line| line.strip_prefix("clock ")?.trim().parse::<f64>().ok()) else {
        findings.push(risk(
            &subject,
            "the host's shell does not answer as expected",
            "is a POSIX shell the login shell?",
        ));
        return findings;
    };
    findings.push(clocks(host, theirs, asked.as_duration().as_secs_f64(), took.as_secs_f64()));
    for tool in tools {
        findings.push(tool_found(host, tool, text.lines().any(|line| line.strip_prefix("has ") == Some(tool))));
    }
    findings
}

fn tool_found(host: &Host, tool: &str, there: bool) -> Finding {
    let name = &host.name;
    let login = host.ssh.split_once('@').map_or("LOGIN", |(login, _)| login);
    let sudo = format!(
        "let ssh log in as root there, or write this line with `visudo -f /etc/sudoers.d/hotspare` on {name}: \
         {login} ALL=(root) NOPASSWD: ALL"
    );
    match (tool, there) {
        (ROOT, true) => good(&format!("root on {name}"), "the login may change addresses"),
        (ROOT, false) => {
            bad(&format!("root on {name}"), "the login may not change addresses, and `sudo -n` wants a password", sudo)
        }
        (WIRE, true) => good(&format!("the wire, from {name}"), "can be asked whether a failed host is silent"),
        (WIRE, false) => risk(
            &format!("the wire, from {name}"),
            "cannot be asked whether a failed host is silent: that needs `ip`, `arping` and root; the fence has to prove itself",
            format!("on {name}: apt-get install iproute2 iputils-arping; and {sudo}"),
        ),
        (tool, true) => good(&format!("{tool} on {name}"), "is there"),
        (tool, false) => {
            bad(&format!("{tool} on {name}"), "is not there", format!("on {name}: apt-get install {}", package(tool)))
        }
    }
}

fn question(tools: &BTreeSet<&'static str>) -> String {
    let root = "{ [ \"$(id -u)\" = 0 ] || sudo -n true 2>/dev/null; }";
    let look = |tool: &&str| match *tool {
        ROOT => format!("{root} && echo 'has {ROOT}'\n"),
        WIRE => format!(
            "command -v ip >/dev/null 2>&1 && command -v arping >/dev/null 2>&1 && {root} && echo 'has {WIRE}'\n"
        ),
        COMPOSE => {
            format!("{{ docker compose version || docker-compose version; }} >/dev/null 2>&1 && echo 'has {COMPOSE}'\n")
        }
        tool => format!("command -v {tool} >/dev/null 2>&1 && echo 'has {tool}'\n"),
    };
    let looks: String = tools.iter().map(look).collect();
    format!("echo clock $(date +%s)\nPATH=$PATH:/usr/sbin:/sbin\n{looks}true\n")
}

/// Compares clocks. The host's is read in whole seconds at some moment of the exchange: up to one and the exchange's length
/// may be rounding.
fn clocks(host: &Host, theirs: f64, ours: f64, took: f64) -> Finding {
    let subject = format!("clock of {}", host.name);
    let apart = (theirs - (ours + took / 2.0)).abs();
    let surely = (apart - 1.0 - took / 2.0).max(0.0);
    if surely > CLOCKS_APART {
        let direction = if theirs > ours { "ahead of" } else { "behind" };
        risk(
            &subject,
            format!("{apart:.0} s {direction} this machine's"),
            "let both follow the same time server: timedatectl set-ntp true",
        )
    } else {
        good(&subject, "agrees with this machine's")
    }
}

fn refused(subject: &str, error: &SshError) -> Finding {
    bad(subject, error.what.clone(), error.remedy.clone())
}

/// Runs every check of the host once, a connection that was just made already warm.
async fn checks(bag: &Bag, host: &Host) -> Vec<Finding> {
    let runs = host.checks.iter().map(|check| async move {
        let ask = Ask::of(host, check);
        let seen = bag.prober.run(&ask, check.timeout().max(Duration::from_secs(2))).await;
        let subject = format!("check {} of {}", check.name, host.name);
        let reason = seen.reason.unwrap_or_default();
        match seen.outcome {
            Outcome::Pass => None,
            Outcome::Fail => Some(bad(&subject, reason, by_hand(&ask))),
            Outcome::Unknown => {
                let remedy = match ask.kind {
                    // It lies with this machine, for every host alike.
                    CheckKind::Ping => "see what is said of ping, of this machine itself".into(),
                    _ => by_hand(&ask),
                };
                Some(risk(&subject, format!("could not be asked: {reason}"), remedy))
            }
        }
    });
    let findings: Vec<Finding> = futures_util::future::join_all(runs).await.into_iter().flatten().collect();
    if findings.is_empty() {
        let passed = host.checks.len();
        return vec![good(&format!("checks of {}", host.name), format!("{passed} of {passed} pass"))];
    }
    findings
}

/// What nobody can remedy from here, a person can look at: a command to copy.
fn by_hand(ask: &Ask) -> String {
    let there = |command: &str| format!("ssh {} {}", ask.ssh, quote(command));
    let command = match &ask.kind {
        CheckKind::Ping => format!("ping -c 3 {}", ask.address),
        CheckKind::Tcp { port } | CheckKind::Rtmp { port } | CheckKind::Rtsp { port } => {
            format!("nc -vz {} {port}", ask.address)
        }
        CheckKind::Http { .. } | CheckKind::Etcd { .. } | CheckKind::Members(_) => {
            format!("curl -v {}", quote(&ask.shown()))
        }
        CheckKind::Mysql { url, query } => mysql(&url.url, query),
        CheckKind::MysqlReplica { url, .. } => mysql(&url.url, "SHOW REPLICA STATUS\\G"),
        CheckKind::MongoReplica { url, ssh, .. } => {
            let command = format!("mongosh {} --eval 'rs.status()'", quote(&url.url));
            if *ssh { there(&command) } else { command }
        }
        CheckKind::Command { run, .. } => there(run),
        CheckKind::Docker { containers } => {
            there(&format!("docker inspect {}", quote::join(containers.iter().map(String::as_str))))
        }
        CheckKind::Disk { path, .. } => there(&format!("df {}", quote::path(path))),
    };
    format!("try it by hand: {command}")
}

/// Asks a server as its own client does, which asks for the password.
fn mysql(url: &str, query: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return format!("mysql -p -e {}", quote(query)) };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let user = if url.username().is_empty() { String::new() } else { format!(" -u {}", quote(url.username())) };
    format!("mysql -h {host} -P {}{user} -p -e {}", url.port().unwrap_or(3306), quote(query))
}

/// Hosts that show the same host key cannot be told apart after an address has moved.
pub(super) fn twins(bag: &Bag) -> Vec<Finding> {
    let mut by_key: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for host in &bag.fleet.hosts {
        if let Some(key) = bag.prober.ssh().identity(&host.ssh) {
            by_key.entry(key).or_default().push(&host.name);
        }
    }
    let shared = by_key.into_iter().filter(|(_key, hosts)| hosts.len() > 1);
    shared
        .map(|(key, hosts)| {
            risk(
                &hosts.join(" and "),
                format!("show the same ssh host key {key}: after an address has moved they cannot be told apart"),
                "give each its own: rm /etc/ssh/ssh_host_*; ssh-keygen -A; restart sshd",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Grade;

    #[test]
    fn what_is_tried_by_hand_is_a_command() {
        let host = Host {
            name: "a".into(),
            address: "10.0.0.1".into(),
            ssh: "ops@10.0.0.1".into(),
            service: None,
            labels: BTreeMap::new(),
            checks: Vec::new(),
        };
        let password = crate::fleet::secret::SecretSource::None;
        let server = crate::fleet::secret::DatabaseUrl { url: "mysql://probe@{address}:3307/".into(), password };
        let http = CheckKind::Http { url: "http://{address}/a b".into(), status: 200, contains: None };
        for (kind, command) in [
            (CheckKind::Ping, "ping -c 3 10.0.0.1"),
            (CheckKind::Tcp { port: 9 }, "nc -vz 10.0.0.1 9"),
            (http, "curl -v 'http://10.0.0.1/a b'"),
            (
                CheckKind::Mysql { url: server, query: "SELECT 1".into() },
                "mysql -h 10.0.0.1 -P 3307 -u 'probe' -p -e 'SELECT 1'",
            ),
            (CheckKind::Command { run: "true".into(), contains: None }, "ssh ops@10.0.0.1 'true'"),
        ] {
            let check = crate::fleet::check::Check { name: "c".into(), kind, every: None, timeout: None, vital: None };
            assert_eq!(by_hand(&Ask::of(&host, &check)), format!("try it by hand: {command}"));
        }
    }

    #[test]
    fn rights_and_the_wire_are_asked_for_in_every_shell() {
        let asked = question(&BTreeSet::from(["sh", ROOT, WIRE]));
        let said = std::process::Command::new("sh").args(["-c", &asked]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.starts_with("clock ") && said.contains("has sh\n"), "{said}");
        // Where neither the login nor sudo has the rights.
        let asked = format!("id() {{ echo 1000; }}; sudo() {{ return 1; }}\n{asked}");
        let said = std::process::Command::new("sh").args(["-c", &asked]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains("has sh\n") && !said.contains("has root") && !said.contains("has the wire"), "{said}");
        let host = Host {
            name: "spare".into(),
            address: String::new(),
            ssh: String::new(),
            service: None,
            labels: BTreeMap::new(),
            checks: Vec::new(),
        };
        let root = |ssh: &str| tool_found(&Host { ssh: ssh.into(), ..host.clone() }, ROOT, false);
        assert_eq!(root("").grade, Grade::Bad);
        assert!(root("robin@10.0.0.9").remedy.ends_with("on spare: robin ALL=(root) NOPASSWD: ALL"));
        assert!(root("10.0.0.9").remedy.ends_with("LOGIN ALL=(root) NOPASSWD: ALL"));
        assert_eq!(tool_found(&host, WIRE, false).grade, Grade::Risk);
        assert_eq!(tool_found(&host, "arping", true).found, "is there");
    }

    #[test]
    fn clocks_apart_are_seen_and_rounding_is_not() {
        let host = Host {
            name: "a".into(),
            address: String::new(),
            ssh: String::new(),
            service: None,
            labels: BTreeMap::new(),
            checks: Vec::new(),
        };
        assert_eq!(clocks(&host, 1000.0, 1000.9, 0.1).grade, Grade::Good);
        assert_eq!(clocks(&host, 1010.0, 1000.0, 0.1).grade, Grade::Risk);
        assert_eq!(clocks(&host, 990.0, 1000.0, 0.1).found, "10 s behind this machine's");
    }
}
