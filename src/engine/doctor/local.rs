//! This machine: the programs that are driven, the right to ping, the secrets.

use std::process::Stdio;
use std::time::Duration;

use super::{Bag, Examination, bad, good, risk};
use crate::dump::mongo;
use crate::engine::command::Finding;
use crate::engine::limits;
use crate::fleet::check::CheckKind;
use crate::fleet::data::{Dump, Scratch};
use crate::fleet::secret::SecretSource;
use crate::fleet::settings::Groups;
use crate::fleet::{Fleet, accounts};
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::health::probe::icmp::Way;
use crate::reach::{plain, program, secret};

/// One of several programs that will do, and the Debian package that brings one.
struct Tool {
    names: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let mut list: Vec<Examination> = tools(&bag.fleet)
        .into_iter()
        .map(|tool| Examination::new(tool.names[0], async move { vec![look_for(&tool).await] }))
        .collect();
    let (allowed, needed) = (limits::allowed(), limits::needed(&bag.fleet));
    list.push(Examination::new(OPEN_FILES, async move { vec![open_files(allowed, needed)] }));
    if bag.fleet.checks().any(|(_host, check)| check.kind == CheckKind::Ping) {
        let bag = bag.clone();
        list.push(Examination::new("ping", async move { vec![ping(&bag).await] }));
    }
    if !bag.fleet.engine.groups.is_empty() {
        let groups = bag.fleet.engine.groups.clone();
        list.push(Examination::new(GROUPS, async move {
            let asked = tokio::task::spawn_blocking(move || groups_here(&groups)).await;
            asked.unwrap_or_else(|broken| vec![bad(GROUPS, broken.to_string(), "try it again")])
        }));
    }
    for (subject, source) in secrets(&bag.fleet) {
        list.push(Examination::new(subject.clone(), async move {
            vec![match secret::resolve(&source).await {
                Ok(_found) => good(&subject, "can be read, and by nobody else"),
                Err(error) => bad(&subject, error.what, error.remedy),
            }]
        }));
    }
    list
}

fn tools(fleet: &Fleet) -> Vec<Tool> {
    let mut tools = Vec::new();
    if !fleet.hosts.is_empty() {
        tools.push(Tool { names: &["ssh"], package: "openssh-client", purpose: "reaching hosts" });
    }
    let (of_mongo, of_mysql): (Vec<&Dump>, Vec<&Dump>) = fleet.dumps.iter().partition(|dump| mongo::is(&dump.server));
    if !of_mysql.is_empty() {
        tools.push(Tool { names: &["mariadb-dump", "mysqldump"], package: "mariadb-client", purpose: "dumps" });
        tools.push(Tool { names: &["mariadb", "mysql"], package: "mariadb-client", purpose: "restoring dumps" });
    }
    if of_mysql.iter().any(|dump| dump.scratch == Scratch::Auto) {
        tools.push(Tool { names: &["mariadbd", "mysqld"], package: "mariadb-server", purpose: "restore drills" });
    }
    if !of_mongo.is_empty() {
        // Of MongoDB's own repository: Debian has neither.
        let package = "mongodb-database-tools";
        tools.push(Tool { names: &["mongodump"], package, purpose: "dumps of MongoDB" });
        tools.push(Tool { names: &["mongorestore"], package, purpose: "restoring dumps of MongoDB" });
        tools.push(Tool { names: &["mongod"], package: "mongodb-org-server", purpose: "restore drills of MongoDB" });
    }
    if fleet.checks().any(|(_host, check)| matches!(check.kind, CheckKind::MongoReplica { ssh: false, .. })) {
        tools.push(Tool { names: &["mongosh", "mongo"], package: "mongodb-mongosh", purpose: "mongo-replica checks" });
    }
    tools
}

async fn look_for(tool: &Tool) -> Finding {
    for name in tool.names {
        let asked =
            program::command(name).arg(if *name == "ssh" { "-V" } else { "--version" }).stdin(Stdio::null()).output();
        if let Ok(Ok(output)) = tokio::time::timeout(Duration::from_secs(5), asked).await {
            // ssh tells its version on standard error.
            let said = [output.stdout, output.stderr].concat();
            return good(name, plain::line(&String::from_utf8_lossy(&said), 80));
        }
    }
    let wanted = tool.names.join(" or ");
    bad(
        tool.names[0],
        format!("{wanted} is needed for {} and not here", tool.purpose),
        format!("apt-get install {}", tool.package),
    )
}

const GROUPS: &str = "groups that may join";

/// Whether every group that may join exists.
fn groups_here(groups: &Groups) -> Vec<Finding> {
    let look = |(key, group): (&str, &str)| match accounts::group(group) {
        Ok(Some(number)) => good(GROUPS, format!("{group} of `{key}` is group {number}")),
        Ok(None) => {
            let found = format!("this machine has no group {group}: `{key}` lets nobody in by it");
            bad(GROUPS, found, format!("`groupadd {group}`, then `usermod -aG {group} USER` for each who may join"))
        }
        Err(why) => {
            bad(GROUPS, format!("{group} of `{key}` cannot be looked up: {why}"), "see what `getent group` says")
        }
    };
    groups.all().map(look).collect()
}

const OPEN_FILES: &str = "open files";

/// Whether every check may run at once. The soft limit is as high as the hard one allows: the engine raised it.
fn open_files(allowed: Option<u64>, needed: u64) -> Finding {
    match allowed {
        Some(allowed) if allowed < needed => bad(
            OPEN_FILES,
            format!("the engine may have {allowed}, and this fleet needs up to {needed}"),
            format!("LimitNOFILE={needed} in its systemd unit, or a higher hard limit in /etc/security/limits.conf"),
        ),
        Some(allowed) => {
            good(OPEN_FILES, format!("the engine may have {allowed}, and this fleet needs up to {needed}"))
        }
        None => good(OPEN_FILES, "the engine may have any number"),
    }
}

/// One ping to this machine itself: it needs the right and nothing else.
async fn ping(bag: &Bag) -> Finding {
    let ask = Ask { kind: CheckKind::Ping, address: "127.0.0.1".into(), ssh: String::new(), vital: false };
    let seen = bag.prober.run(&ask, Duration::from_secs(2)).await;
    match (seen.outcome, bag.prober.ping_way()) {
        (Outcome::Pass, Some(Way::Datagram)) => good("ping", "by an unprivileged socket"),
        (Outcome::Pass, Some(Way::Raw)) => good("ping", "by a raw socket"),
        (Outcome::Pass, _) => risk(
            "ping",
            "only by the system's ping program, one process a ping",
            "sysctl net.ipv4.ping_group_range='0 2147483647' lets every user ping",
        ),
        _ => bad(
            "ping",
            seen.reason.unwrap_or_else(|| "this machine cannot ping itself".into()),
            "sysctl net.ipv4.ping_group_range='0 2147483647', or apt-get install iputils-ping",
        ),
    }
}

/// Every secret of the fleet that lies somewhere, once, with what it is called.
fn secrets(fleet: &Fleet) -> Vec<(String, SecretSource)> {
    let mut named: Vec<(String, SecretSource)> = Vec::new();
    for source in fleet.secrets() {
        let name = match &source {
            SecretSource::None | SecretSource::Inline(_) => continue,
            SecretSource::File(path) => format!("secret file {}", path.display()),
            SecretSource::Env(name) => format!("secret ${name}"),
            SecretSource::Credential(name) => format!("secret credential {name}"),
            SecretSource::Command(words) => format!("secret of {}", words.first().map_or("", String::as_str)),
        };
        if !named.iter().any(|(_name, known)| *known == source) {
            named.push((name, source));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Grade;

    #[test]
    fn too_few_open_files_are_told_with_both_numbers() {
        let found = open_files(Some(1024), 20_000);
        assert!(
            found.grade == Grade::Bad && found.found.contains("1024") && found.remedy.contains("20000"),
            "{found:?}"
        );
        assert_eq!(open_files(Some(20_000), 20_000).grade, Grade::Good);
        assert_eq!(open_files(None, 20_000).grade, Grade::Good);
    }
}
