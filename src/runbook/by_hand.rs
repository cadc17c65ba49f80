//! By hand: a planned step as the commands that a person types, for the day on which hotspare itself is gone. Pure.
//!
//! Nothing secret is in it: passwords are asked for by the programs, a key is read from its file by the shell.

use super::plan::words::{host_part, record_type, without_user};
use super::plan::{Act, Plan, Planned, Spot};
use crate::fleet::check::{Check, CheckKind};
use crate::fleet::runbook::Tsig;
use crate::reach::quote::quote;

/// One line of what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A command, to be typed as it stands where the step runs.
    Type(String),
    /// What to look for, or what no command does.
    Say(String),
}

/// A step, done.
pub fn step(plan: &Plan, step: &Planned) -> Vec<Line> {
    match &step.act {
        Act::Command { run } => typed(run),
        Act::Address { take, drop, device } => {
            let mut lines = drop.as_ref().map(|drop| dropping(drop, device)).unwrap_or_default();
            lines.extend(take.as_ref().map(|take| taking(take, device)).into_iter().flatten());
            lines
        }
        Act::Compose { folder, .. } => vec![Line::Type(format!("cd {folder} && docker compose up -d"))],
        Act::Dns { server, zone, record, address, ttl, tsig } => {
            vec![Line::Type(update(server, zone, record, address, *ttl, tsig.as_ref()))]
        }
        Act::Http { method, url, body, status } => {
            let body = body.as_ref().map(|body| format!(" -H 'Content-Type: application/json' --data {}", quote(body)));
            let (url, body) = (word(&without_user(url)), body.unwrap_or_default());
            let print = "-sS -o /dev/null -w '%{http_code}\\n'";
            vec![
                Line::Type(format!("curl {print} -X {method}{body} {url}")),
                Line::Say(format!("it prints {status} when it is well")),
            ]
        }
        Act::MysqlPromote { url } => {
            let open = mysql(&url.url);
            vec![
                Line::Type(format!("{open} -e 'SHOW REPLICA STATUS\\G'")),
                Line::Say("go on when what was received is applied and no error stands there".into()),
                Line::Type(format!("{open} -e 'STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only = 0'")),
            ]
        }
        Act::Wait { check, on, within } => {
            let within = crate::reach::plain::time(*within);
            let mut lines = look(plan, check, on);
            lines.push(Line::Say(format!("again until it is well, at most {within}")));
            lines
        }
        Act::Ask { text, show } => show.iter().flat_map(|show| typed(show)).chain([Line::Say(text.clone())]).collect(),
        Act::Scale { service, to, pace } => vec![
            Line::Type(format!("docker service scale {}={to}", word(service))),
            Line::Say(format!("one more at a time, {} between two", crate::reach::plain::time(pace.interval))),
        ],
        Act::Gate { .. } => vec![Line::Say(format!("go on when {}", step.does()))],
    }
}

/// A step, undone; empty: it cannot be.
pub fn undo(step: &Planned) -> Vec<Line> {
    match &step.act {
        Act::Address { take: Some(take), device, .. } => dropping(take, device),
        Act::Dns { record, zone, .. } => vec![Line::Say(format!("{record}.{zone} as it was before"))],
        Act::Scale { service, .. } => vec![Line::Say(format!("docker service {service}: the count before"))],
        Act::Command { .. } => step.undo.as_deref().map(typed).unwrap_or_default(),
        _ => step.undoes().map(Line::Type).into_iter().collect(),
    }
}

fn typed(run: &str) -> Vec<Line> {
    vec![Line::Type(run.trim_end().to_owned())]
}

/// The wire is asked, the address added, and announced in both forms. With the length /32 it is nobody's primary address:
/// removing it touches no other.
fn taking(take: &str, device: &str) -> Vec<Line> {
    let (address, device) = (host_part(take), word(device));
    vec![
        Line::Type(format!("arping -D -c 2 -w 2 -I {device} {address}")),
        Line::Say("STOP if anybody answers: that machine still has the address; switch it off first".into()),
        Line::Type(format!("ip addr replace {address}/32 dev {device}")),
        Line::Say(format!("({take} instead, where {device} has no other address of that network)")),
        Line::Type(format!("arping -U -c 5 -I {device} {address}; arping -A -c 5 -I {device} {address}")),
    ]
}

/// Other addresses of the subnet must not go with it.
fn dropping(drop: &str, device: &str) -> Vec<Line> {
    let (address, device) = (host_part(drop), word(device));
    vec![
        Line::Type(format!("echo 1 > /proc/sys/net/ipv4/conf/{device}/promote_secondaries")),
        Line::Type(format!(
            "for a in $(ip -o -4 addr show dev {device} to {address}/32 | awk '{{ print $4 }}'); do ip addr del $a dev \
             {device}; done"
        )),
    ]
}

/// As it stands where it is one word for any shell; names and addresses read better without quotes.
fn word(text: &str) -> String {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "._-:/@".contains(symbol);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quote(text) }
}

/// The key is read by the shell itself: it stands in no argument list.
fn update(server: &str, zone: &str, record: &str, address: &str, ttl: u32, tsig: Option<&Tsig>) -> String {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "53"));
    let name = format!("{record}.{zone}");
    let kind = record_type(address);
    let key = tsig.map(|tsig| {
        let file = word(&tsig.secret_file.to_string_lossy());
        format!("echo \"key hmac-sha256:{} $(cat {file})\"; ", tsig.name)
    });
    format!(
        "{{ {}echo 'server {host} {port}'; echo 'zone {zone}'; echo 'update delete {name} {kind}'; \
         echo 'update add {name} {ttl} {kind} {address}'; echo send; }} | nsupdate",
        key.unwrap_or_default()
    )
}

/// `mysql://user@host:port/` for the client; it asks for the password.
fn mysql(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let (user, place) = authority.rsplit_once('@').unwrap_or(("root", authority));
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "3306"));
    format!("mysql -h {} -P {port} -u {} -p", word(host), word(user))
}

fn look(plan: &Plan, check: &Check, on: &Spot) -> Vec<Line> {
    let machine = match on {
        Spot::Machine(machine) => Some(machine),
        Spot::Console => plan.cast.spare.as_ref(),
    };
    let address = machine.map(|machine| machine.address.as_str()).unwrap_or_default();
    let name = machine.map(|machine| machine.name.as_str()).unwrap_or_default();
    let fill = |text: &str| text.replace("{address}", address).replace("{name}", name);
    let line = match &check.kind {
        CheckKind::Ping => format!("ping -c 1 -W 2 {address}"),
        CheckKind::Tcp { port } | CheckKind::Rtmp { port } | CheckKind::Rtsp { port } => {
            format!("nc -z -w 2 {address} {port} && echo well")
        }
        CheckKind::Http { url, status, contains } => {
            let wanted = contains.as_ref().map(|text| format!(", and the page holds {}", fill(text)));
            return vec![
                Line::Type(format!("curl -sS -m 5 -i {}", word(&fill(url)))),
                Line::Say(format!("the answer is {status}{}", wanted.unwrap_or_default())),
            ];
        }
        CheckKind::Mysql { url, query } => format!("{} -e {}", mysql(&fill(&url.url)), quote(query)),
        CheckKind::MysqlReplica { url, .. } => format!("{} -e 'SHOW REPLICA STATUS\\G'", mysql(&fill(&url.url))),
        CheckKind::MongoReplica { url, .. } => format!("mongosh {} --eval 'rs.status()'", word(&fill(&url.url))),
        CheckKind::Etcd { url, v2, .. } => {
            let words = if *v2 { "member list; etcdctl cluster-health" } else { "endpoint status --cluster -w table" };
            format!("etcdctl --endpoints {} {words}", word(&fill(url)))
        }
        CheckKind::Members(members) => format!("curl -sS -m 5 {}", word(&fill(&members.url))),
        CheckKind::Command { run, contains } => {
            let wanted = contains.as_ref().map(|text| Line::Say(format!("what it prints holds {}", fill(text))));
            let place = machine.map(|machine| Line::Say(format!("on {}: ssh {}", machine.name, machine.ssh)));
            return place.into_iter().chain([Line::Type(fill(run))]).chain(wanted).collect();
        }
        CheckKind::Docker { containers } => {
            format!("docker ps --filter status=running --format '{{{{.Names}}}}' # {}", containers.join(" "))
        }
        CheckKind::Disk { path, .. } => format!("df -Ph {}", word(&fill(path))),
    };
    vec![Line::Type(line)]
}
