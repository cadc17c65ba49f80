//! Ask: what exactly one check asks of one host, with every placeholder filled in.

use std::net::IpAddr;

use crate::fleet::check::{Check, CheckKind, Members};
use crate::fleet::host::Host;
use crate::fleet::secret::DatabaseUrl;
use crate::fleet::template;
use crate::reach::quote;

/// A check, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What is asked; no placeholders left.
    pub kind: CheckKind,
    /// Management address or name of the host.
    pub address: String,
    /// Its ssh destination.
    pub ssh: String,
    /// Does it decide between up and down?
    pub vital: bool,
}

impl Ask {
    /// What this check of this host asks.
    pub fn of(host: &Host, check: &Check) -> Self {
        Self {
            kind: filled(&check.kind, host),
            address: host.address.clone(),
            ssh: host.ssh.clone(),
            vital: check.vital(),
        }
    }

    /// What is asked, for a person, without secrets: `http://10.0.0.1:5000/`, `tcp 10.0.0.1:22`.
    pub fn shown(&self) -> String {
        let host = bracketed(&self.address);
        match &self.kind {
            CheckKind::Ping => format!("ping {}", self.address),
            CheckKind::Tcp { port } => format!("tcp {host}:{port}"),
            CheckKind::Http { url, .. } | CheckKind::Etcd { url, .. } => without_password(url),
            CheckKind::Rtmp { port } => format!("rtmp://{host}:{port}"),
            CheckKind::Rtsp { port } => format!("rtsp://{host}:{port}"),
            CheckKind::Mysql { url, query } => format!("{}: {query}", url.url),
            CheckKind::MysqlReplica { url, .. } | CheckKind::MongoReplica { url, .. } => url.url.clone(),
            CheckKind::Members(members) => without_password(&members.url),
            CheckKind::Command { run, .. } => format!("ssh {}: {run}", self.ssh),
            CheckKind::Docker { containers } => format!("ssh {}: docker inspect {}", self.ssh, containers.join(" ")),
            CheckKind::Disk { path, .. } => format!("ssh {}: df {path}", self.ssh),
        }
    }
}

/// The same kind with `{address}` and `{name}` filled in, each as its place needs it.
fn filled(kind: &CheckKind, host: &Host) -> CheckKind {
    let in_url = |text: &str| in_url(text, host);
    // What cannot be quoted stays as it is; neither a name nor an address is ever of the kind.
    let in_shell = |text: &str| quote::fill(text, |name| value(name, host)).unwrap_or_else(|_why| text.to_owned());
    let plain = |text: &str| template::fill(text, |name| value(name, host));
    let database = |url: &DatabaseUrl| DatabaseUrl { url: in_url(&url.url), password: url.password.clone() };
    match kind {
        CheckKind::Ping | CheckKind::Tcp { .. } | CheckKind::Rtmp { .. } | CheckKind::Rtsp { .. } => kind.clone(),
        CheckKind::Http { url, status, contains } => {
            CheckKind::Http { url: in_url(url), status: *status, contains: contains.as_deref().map(plain) }
        }
        CheckKind::Mysql { url, query } => CheckKind::Mysql { url: database(url), query: plain(query) },
        CheckKind::MysqlReplica { url, max_lag } => CheckKind::MysqlReplica { url: database(url), max_lag: *max_lag },
        CheckKind::MongoReplica { url, max_lag, margin, ssh } => {
            CheckKind::MongoReplica { url: database(url), max_lag: *max_lag, margin: *margin, ssh: *ssh }
        }
        CheckKind::Etcd { url, v2, margin } => CheckKind::Etcd { url: in_url(url), v2: *v2, margin: *margin },
        CheckKind::Members(members) => CheckKind::Members(Members { url: in_url(&members.url), ..members.clone() }),
        CheckKind::Command { run, contains } => {
            CheckKind::Command { run: in_shell(run), contains: contains.as_deref().map(plain) }
        }
        CheckKind::Docker { containers } => {
            CheckKind::Docker { containers: containers.iter().map(|name| plain(name)).collect() }
        }
        CheckKind::Disk { path, min_free } => CheckKind::Disk { path: plain(path), min_free: *min_free },
    }
}

/// What stands for a placeholder of a check.
fn value(name: &str, host: &Host) -> Option<String> {
    match name {
        "address" => Some(host.address.clone()),
        "name" => Some(host.name.clone()),
        _ => None,
    }
}

/// A url with its placeholders filled in.
pub fn in_url(text: &str, host: &Host) -> String {
    template::fill(text, |name| match name {
        "address" => Some(bracketed(&host.address)),
        _ => value(name, host),
    })
}

/// An IPv6 address as urls want it: `[::1]`.
fn bracketed(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("[{address}]"),
        _ => address.to_owned(),
    }
}

/// A url that carries credentials is shown without the password.
fn without_password(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            // Fails only for urls that cannot have one.
            let _none = url.set_password(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: &str, kind: CheckKind) -> Ask {
        let host = Host {
            name: "it's".into(),
            address: address.into(),
            ssh: "ops@h".into(),
            service: None,
            labels: std::collections::BTreeMap::new(),
            checks: Vec::new(),
        };
        Ask::of(&host, &Check { name: "c".into(), kind, every: None, timeout: None, vital: None })
    }

    #[test]
    fn placeholders_are_filled_as_their_place_needs_it() {
        let http = CheckKind::Http { url: "http://{address}:5000/{name}".into(), status: 200, contains: None };
        assert_eq!(ask("2001:db8::1", http.clone()).shown(), "http://[2001:db8::1]:5000/it's");
        assert_eq!(ask("10.0.0.1", http).shown(), "http://10.0.0.1:5000/it's");
        let command = CheckKind::Command { run: "echo {name}".into(), contains: Some("{name}".into()) };
        let CheckKind::Command { run, contains } = ask("h", command).kind else { unreachable!("a command stays one") };
        assert_eq!((run.as_str(), contains.as_deref()), ("echo 'it'\\''s'", Some("it's")));
        // As in a step: what stands in quotes stays in them, and what is the shell's stays the shell's.
        let run = "curl -f \"http://{address}/\" ${name} {{name}}".to_owned();
        let command = CheckKind::Command { run, contains: None };
        let CheckKind::Command { run, .. } = ask("10.0.0.1", command).kind else { unreachable!("a command stays one") };
        assert_eq!(run, "curl -f \"http://10.0.0.1/\" ${name} {{name}}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let http = CheckKind::Http { url: "http://me:secret@{address}/".into(), status: 200, contains: None };
        assert_eq!(ask("10.0.0.1", http).shown(), "http://me@10.0.0.1/");
    }
}
