//! The hosts: ssh, clocks, and every check once.

mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::fleet::check::CheckKind;
use crate::fleet::host::Host;
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::reach::plain;
use crate::reach::quote::{self, quote};
use crate::reach::ssh::{Remote, SshError};

/// How long a login may take here: the first one pays for the connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks this far apart make naive times and certificates go wrong.
const CLOCKS_APART: f64 = 2.0;

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let tools = tools::needed(&bag.fleet);
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

/// Logs in once and asks everything in one command.
async fn login(bag: &Bag, host: &Host, tools: &BTreeSet<&'static str>) -> Vec<Finding> {
    let subject = format!("ssh to {}", host.name);
    let ssh = bag.prober.ssh();
    ssh.wake(&host.ssh);
    let (began, asked) = (bag.clock.tick(), bag.clock.now());
    let output = match ssh.run(&host.ssh, &Remote::new(tools::question(tools), PATIENCE)).await {
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
        findings.push(tools::found(host, tool, text.lines().any(|line| line.strip_prefix("has ") == Some(tool))));
    }
    findings
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
