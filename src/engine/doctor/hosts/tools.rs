//! What checks, runbooks, feeds and services need on a host, and whether it is there: programs, and rights.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::command::Finding;
use crate::engine::doctor::{bad, good, risk};
use crate::fleet::Fleet;
use crate::fleet::check::CheckKind;
use crate::fleet::data::FeedSource;
use crate::fleet::host::Host;
use crate::fleet::pool::Fence;
use crate::fleet::runbook::{Place, StepKind};
use crate::runbook::each::spread;

/// What a host must have. A program name, or the word for a compose of either kind.
pub(super) type Tools<'a> = BTreeMap<&'a str, BTreeSet<&'static str>>;
/// Stands for `docker compose` or `docker-compose`.
const COMPOSE: &str = "docker compose";
/// Stands for the rights of root, by the login itself or by `sudo` without a password.
const ROOT: &str = "root";
/// Stands for all that a spare needs to hear whether a failed host is silent on the wire.
const WIRE: &str = "the wire";

/// Hosts that are reached over ssh, and the programs needed there. A host without an entry needs no ssh.
pub(super) fn needed(fleet: &Fleet) -> Tools<'_> {
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

/// A finding about a program or a right.
pub(super) fn found(host: &Host, tool: &str, there: bool) -> Finding {
    let name = &host.name;
    let destination = host.ssh.strip_prefix("ssh://").unwrap_or(&host.ssh);
    let login = destination.split_once('@').map_or("LOGIN", |(login, _)| login);
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

/// One command that tells the clock and what of this is there.
pub(super) fn question(tools: &BTreeSet<&'static str>) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Grade;

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
        let root = |ssh: &str| found(&Host { ssh: ssh.into(), ..host.clone() }, ROOT, false);
        assert_eq!(root("").grade, Grade::Bad);
        assert!(root("robin@10.0.0.9").remedy.ends_with("on spare: robin ALL=(root) NOPASSWD: ALL"));
        assert!(root("ssh://robin@10.0.0.9:2222").remedy.ends_with(": robin ALL=(root) NOPASSWD: ALL"));
        assert!(root("10.0.0.9").remedy.ends_with("LOGIN ALL=(root) NOPASSWD: ALL"));
        assert_eq!(found(&host, WIRE, false).grade, Grade::Risk);
        assert_eq!(found(&host, "arping", true).found, "is there");
    }
}
