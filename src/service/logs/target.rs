//! What a name stands for: which files and docker logs, on which host. Pure.

use crate::fleet::data::Logs;
use crate::fleet::{Fleet, nearest, some};

/// The logs that are read together: all of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: String,
    /// Its destination for ssh.
    pub ssh: String,
    /// Where the lines come from; never empty.
    pub places: Vec<Place>,
}

/// One place of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name on screens.
    pub name: String,
    /// What is read.
    pub source: Source,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file; a relative path starts at the folder of the user that logs in.
    File(String),
    /// A docker container or service.
    Docker(String),
}

impl Source {
    /// As a person would write it.
    pub fn words(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Docker(name) => format!("docker {name}"),
        }
    }
}

/// A name that stands for no log: what is wrong, and what there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unknown {
    /// What is wrong.
    pub what: String,
    /// What to do now.
    pub hint: String,
}

/// What `of` stands for: a service, a host with all its services, or `HOST:PATH`.
pub fn find(fleet: &Fleet, of: &str) -> Result<Target, Unknown> {
    let ssh = |host: &str| fleet.host(host).map(|host| host.ssh.clone());
    if let Some(service) = fleet.services.iter().find(|service| service.name == of) {
        let places = places(service.logs.as_ref());
        if places.is_empty() {
            let hint = format!("write `logs = [\"PATH\"]` or `logs = {{ docker = \"NAME\" }}` into [services.{of}]");
            return Err(Unknown { what: format!("the service {of} has no logs in the fleet file"), hint });
        }
        let host = service.host.clone();
        return Ok(Target { ssh: ssh(&host).unwrap_or_else(|| host.clone()), host, places: named(places) });
    }
    if let Some(ssh) = ssh(of) {
        let services = fleet.services.iter().filter(|service| service.host == of);
        let mut all: Vec<Source> = Vec::new();
        for source in services.flat_map(|service| places(service.logs.as_ref())) {
            if !all.contains(&source) {
                all.push(source);
            }
        }
        if all.is_empty() {
            let hint =
                format!("write a service with `host = \"{of}\"` and `logs` into the fleet file, or ask for {of}:PATH");
            return Err(Unknown { what: format!("no service on {of} has logs in the fleet file"), hint });
        }
        return Ok(Target { host: of.to_owned(), ssh, places: named(all) });
    }
    if let Some((host, path)) = of.split_once(':')
        && let Some(ssh) = ssh(host)
        && !path.is_empty()
    {
        let source = Source::File(path.to_owned());
        return Ok(Target { host: host.to_owned(), ssh, places: named(vec![source]) });
    }
    let services = || fleet.services.iter().map(|service| service.name.as_str());
    let hosts = || fleet.hosts.iter().map(|host| host.name.as_str());
    let path = of.split_once(':').map(|(host, path)| (nearest(host, hosts()), path));
    let hint = match (path, nearest(of, services().chain(hosts()))) {
        (Some((Some(host), path)), _) => format!("did you mean {host}:{path}?"),
        (_, Some(name)) => format!("did you mean {name}?"),
        (_, None) if fleet.services.is_empty() && fleet.hosts.is_empty() => {
            "write [hosts.NAME] and [services.NAME] into the fleet file".to_owned()
        }
        (_, None) => format!("there are: {}; or a file of a host: HOST:PATH", some(services().chain(hosts()))),
    };
    Err(Unknown { what: format!("there is no service or host {of} in {}", fleet.name), hint })
}

fn places(logs: Option<&Logs>) -> Vec<Source> {
    match logs {
        None => Vec::new(),
        Some(Logs::Files(paths)) => paths.iter().cloned().map(Source::File).collect(),
        Some(Logs::Docker(name)) => vec![Source::Docker(name.clone())],
    }
}

/// Gives each the shortest name that tells it from the others: the last parts of its path.
fn named(sources: Vec<Source>) -> Vec<Place> {
    let last = |path: &str, parts: usize| {
        let all: Vec<&str> = path.split('/').collect();
        all.get(all.len().saturating_sub(parts)..).unwrap_or_default().join("/")
    };
    let name = |source: &Source| match source {
        Source::Docker(name) => name.clone(),
        Source::File(path) => {
            let same = |parts: usize| {
                let short = last(path, parts);
                sources
                    .iter()
                    .filter(|other| matches!(other, Source::File(other) if last(other, parts) == short))
                    .count()
            };
            (1..8).find(|parts| same(*parts) == 1).map_or_else(|| path.clone(), |parts| last(path, parts))
        }
    };
    let names: Vec<String> = sources.iter().map(name).collect();
    names.into_iter().zip(sources).map(|(name, source)| Place { name, source }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        let text = r#"
            name = "n"
            hosts.kv-1 = { address = "10.0.0.1", ssh = "ops@10.0.0.1" }
            hosts.kv-2.address = "10.0.0.2"
            services.judicator = { host = "kv-1", logs = ["a/log/main.log", "b/log/main.log", "/var/log/x.log"] }
            services.gateway = { host = "kv-1", logs = { docker = "gateway" } }
            services.silent = { host = "kv-2" }
        "#;
        crate::fleet::load(text.as_bytes(), std::path::Path::new("f.toml")).fleet.unwrap()
    }

    fn names(of: &str) -> Vec<String> {
        find(&fleet(), of).unwrap().places.into_iter().map(|place| place.name).collect()
    }

    #[test]
    fn a_service_a_host_and_a_path_are_found() {
        assert_eq!(names("judicator"), ["a/log/main.log", "b/log/main.log", "x.log"]);
        assert_eq!(names("kv-1"), ["a/log/main.log", "b/log/main.log", "x.log", "gateway"]);
        let path = find(&fleet(), "kv-2:/var/log/syslog").unwrap();
        assert_eq!((path.host.as_str(), path.places[0].name.as_str()), ("kv-2", "syslog"));
        assert_eq!(find(&fleet(), "gateway").unwrap().ssh, "ops@10.0.0.1");
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        let said = |of: &str| find(&fleet(), of).unwrap_err();
        assert!(said("judicater").hint.contains("did you mean judicator?"));
        assert!(said("silent").hint.contains("[services.silent]"));
        assert!(said("kv-2").hint.contains("kv-2:PATH"));
        assert!(said("kv-9:/x").what.contains("no service or host kv-9:/x"));
        assert_eq!(said("kv-9:/x").hint, "did you mean kv-1:/x?");
        let all = "there are: judicator, gateway, silent, kv-1, kv-2; or a file of a host: HOST:PATH";
        assert_eq!(said("mailserver").hint, all);
    }
}
