//! What a step does and how it is undone, as a person reads it: the exact command or change, without secrets.

use super::{Act, Planned};
use crate::fleet::check::CheckKind;
use crate::reach::plain;

impl Act {
    /// The word of the fleet file.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command",
            Self::Address { .. } => "address",
            Self::Compose { .. } => "compose",
            Self::Dns { .. } => "dns",
            Self::Http { .. } => "http",
            Self::MysqlPromote { .. } => "mysql-promote",
            Self::Wait { .. } => "wait",
            Self::Ask { .. } => "ask",
            Self::Scale { .. } => "scale",
            Self::Gate { .. } => "gate",
        }
    }
}

impl Planned {
    /// The exact command or change.
    pub fn does(&self) -> String {
        match &self.act {
            Act::Command { run } => run.clone(),
            Act::Address { take, drop, device } => {
                let drop = drop.as_ref().map(|drop| format!("ip addr del {drop} dev {device}"));
                let take = take.as_ref().map(|take| {
                    format!(
                        "ask the wire for {0} (arping -D -I {device} {0}, 2 × 100 ms), ip addr replace {take} dev {device}, \
                         announce it (arping -U and -A -I {device} {0}, 5 ×)",
                        host_part(take)
                    )
                });
                drop.into_iter().chain(take).collect::<Vec<_>>().join(", then ")
            }
            Act::Compose { folder, .. } => format!("cd {folder} && docker compose up -d"),
            Act::Dns { server, zone, record, address, ttl, .. } => {
                format!("on {server}: {record}.{zone} {ttl} {} {address}", record_type(address))
            }
            Act::Http { method, url, body, status } => {
                let body = body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
                format!("{method} {}{body}, expects {status}", without_user(url))
            }
            Act::MysqlPromote { url } => {
                format!("{}: STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only = 0", url.url)
            }
            Act::Wait { check, on, within } => {
                // A url that was written out names the machine that is asked, whoever else takes part.
                let whom = own_url(&check.kind).map_or_else(|| on.name().to_owned(), without_user);
                format!("wait for {} ({}) of {whom}, at most {}", check.name, check.kind.word(), plain::time(*within))
            }
            Act::Ask { text, show: None } => text.clone(),
            Act::Ask { text, show: Some(show) } => format!("{text} (shows: {show})"),
            Act::Scale { service, to, pace } => {
                let down = if pace.shrink > pace.interval {
                    format!(" ({} downwards)", plain::time(pace.shrink))
                } else {
                    String::new()
                };
                let quorum = pace.quorum.map(|quorum| format!(", never fewer than {quorum}")).unwrap_or_default();
                let between = plain::time(pace.interval);
                format!("docker service scale {service}={to}, one at a time, {between} between two{down}{quorum}")
            }
            Act::Gate { hosts, within, service } => {
                let hosts: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
                let service =
                    service.as_ref().map(|service| format!(", every replica of {} is healthy", service.docker));
                let (hosts, service) = (hosts.join(", "), service.unwrap_or_default());
                format!("every vital check of {hosts} passes{service}, at most {}", plain::time(*within))
            }
        }
    }

    /// How it is undone; `None`: it cannot be.
    pub fn undoes(&self) -> Option<String> {
        match &self.act {
            Act::Command { .. } => self.undo.clone(),
            Act::Address { take: Some(take), device, .. } => Some(format!("ip addr del {take} dev {device}")),
            Act::Compose { folder, down: true } => Some(format!("cd {folder} && docker compose down -t 10")),
            Act::Dns { record, zone, .. } => Some(format!("{record}.{zone} as it was before")),
            Act::Scale { service, .. } => Some(format!("docker service scale {service} to the count before")),
            _ => None,
        }
    }
}

/// The url of a check that is asked whatever machine the check belongs to.
fn own_url(kind: &CheckKind) -> Option<&str> {
    let url = match kind {
        CheckKind::Http { url, .. } => url,
        CheckKind::Mysql { url, .. } | CheckKind::MysqlReplica { url, .. } => &url.url,
        _ => return None,
    };
    (!url.contains("{address}") && !url.contains("{name}")).then_some(url)
}

/// The address without its prefix length.
pub(crate) fn host_part(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

/// `A` or `AAAA`.
pub(crate) fn record_type(address: &str) -> &'static str {
    if address.contains(':') { "AAAA" } else { "A" }
}

/// A url without whoever logs in.
pub(crate) fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or(authority))
}
