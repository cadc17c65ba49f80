//! One step with its placeholders filled and its places resolved.

use crate::fleet::check::{Check, CheckKind, Members};
use crate::fleet::runbook::{Place, Step, StepKind};
use crate::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use crate::fleet::template;
use crate::reach::quote;
use crate::runbook::cast::{Cast, Machine};

use super::{Act, Gated, Planned, Spot};

/// The step as it will be done, with a password that must not be kept; or everything that it lacks.
pub(super) fn step(step: &Step, cast: &Cast) -> Result<(Planned, Option<Secret>), Vec<String>> {
    let mut filler = Filler { cast, step: &step.name, missing: Vec::new(), secret: None };
    let on = step.on.as_ref().and_then(|place| filler.place(place));
    let act = filler.act(&step.kind, step.undo.is_some());
    let undo = step.undo.as_ref().map(|undo| match step.kind {
        StepKind::Command { .. } => filler.shell(undo),
        _ => undo.clone(),
    });
    if let (Some(Spot::Console), Act::Address { .. }) = (&on, &act) {
        filler.lacks("an address is taken or dropped on a machine, not on the console; name a host");
    }
    if let Act::Address { take, drop, .. } = &act
        && take.iter().chain(drop).any(|address| address.contains(':'))
    {
        filler.lacks("only IPv4 addresses are moved; move an IPv6 address with a command step");
    }
    if !filler.missing.is_empty() {
        return Err(filler.missing);
    }
    let planned = Planned {
        name: step.name.clone(),
        act,
        on,
        fence: step.fence,
        timeout: step.timeout,
        retries: step.retries,
        on_error: step.on_error,
        undo,
        inline_secret: filler.secret.is_some(),
        cleanup: step.cleanup,
    };
    Ok((planned, filler.secret))
}

struct Filler<'a> {
    cast: &'a Cast,
    step: &'a str,
    missing: Vec<String>,
    secret: Option<Secret>,
}

impl Filler<'_> {
    fn lacks(&mut self, what: &str) {
        let what = format!("step {}: {what}", self.step);
        if !self.missing.contains(&what) {
            self.missing.push(what);
        }
    }

    fn place(&mut self, place: &Place) -> Option<Spot> {
        let machine = match place {
            Place::Console => return Some(Spot::Console),
            Place::Spare => self.cast.spare.as_ref(),
            Place::Failed => self.cast.failed.as_ref(),
            Place::Each => self.cast.each.as_ref(),
            Place::Host(name) => self.cast.hosts.get(name),
        };
        if machine.is_none() {
            self.lacks(&match place {
                Place::Failed => "it runs on the failed host, and this run has none".to_owned(),
                Place::Host(name) => format!("it runs on {name}, and the fleet has no such host"),
                Place::Each => "it runs on the host whose turn it is, and this run goes over none".to_owned(),
                Place::Spare | Place::Console => "it runs on the spare, and this run has none".to_owned(),
            });
        }
        machine.cloned().map(Spot::Machine)
    }

    /// Text in which a value needs no quotes. Placeholders that are not of a step stay as they are.
    fn plain(&mut self, text: &str) -> String {
        self.demand(text);
        template::fill(text, |name| self.cast.value(name))
    }

    fn url(&mut self, text: &str) -> String {
        self.demand(text);
        template::fill(text, |name| self.cast.value(name).map(|value| bracketed(name, value)))
    }

    fn shell(&mut self, text: &str) -> String {
        self.demand(text);
        match quote::fill(text, |name| self.cast.value(name)) {
            Ok(filled) => filled,
            Err(why) => {
                self.lacks(&why);
                text.to_owned()
            }
        }
    }

    /// Notes the placeholders of a step for which there is no value.
    fn demand(&mut self, text: &str) {
        for (_, name) in template::placeholders(text) {
            let of_step = name.contains('.') || matches!(name, "pool" | "token");
            if of_step && self.cast.value(name).is_none() {
                let remedy = match name {
                    "failed.service" => "give the host a `service` address in the fleet file, or",
                    _ => "this run has no such part:",
                };
                self.lacks(&format!("{{{name}}} has no value; {remedy} use --set {name}=…"));
            }
        }
    }

    fn json(&mut self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(text) => String(self.plain(text)),
            Array(values) => Array(values.iter().map(|value| self.json(value)).collect()),
            Object(keys) => Object(keys.iter().map(|(key, value)| (key.clone(), self.json(value))).collect()),
            other => other.clone(),
        }
    }

    fn database(&mut self, url: &DatabaseUrl) -> DatabaseUrl {
        let password = match &url.password {
            SecretSource::Inline(secret) => {
                self.secret = Some(secret.clone());
                SecretSource::None
            }
            kept => kept.clone(),
        };
        DatabaseUrl { url: self.url(&url.url), password }
    }

    fn act(&mut self, kind: &StepKind, undo: bool) -> Act {
        match kind {
            StepKind::Command { run } => Act::Command { run: self.shell(run) },
            StepKind::Address { take, drop, device } => Act::Address {
                take: take.as_ref().map(|text| self.plain(text)),
                drop: drop.as_ref().map(|text| self.plain(text)),
                device: device.clone(),
            },
            StepKind::Compose { folder } => Act::Compose { folder: folder_word(&self.plain(folder)), down: undo },
            StepKind::Dns { server, zone, record, address, ttl, tsig } => Act::Dns {
                server: server.clone(),
                zone: zone.clone(),
                record: self.plain(record),
                address: self.plain(address),
                ttl: *ttl,
                tsig: tsig.clone(),
            },
            StepKind::Http { method, url, json, status } => Act::Http {
                method: method.clone(),
                url: self.url(url),
                body: json.as_ref().map(|json| self.json(json).to_string()),
                status: *status,
            },
            StepKind::MysqlPromote { url } => Act::MysqlPromote { url: self.database(url) },
            StepKind::Wait { check, check_on, within } => self.wait(check, check_on.as_ref(), *within),
            StepKind::Ask { text, show } => {
                Act::Ask { text: self.plain(text), show: show.as_ref().map(|show| self.shell(show)) }
            }
            StepKind::Scale { service, to, pace } => Act::Scale { service: service.clone(), to: *to, pace: *pace },
            StepKind::Gate { hosts, within, service } => {
                let service = service.as_ref().and_then(|(docker, host, quorum)| {
                    Some(Gated { docker: docker.clone(), on: self.machine(host)?, quorum: *quorum })
                });
                let hosts = hosts.iter().filter_map(|host| self.machine(host)).collect();
                Act::Gate { hosts, within: *within, service }
            }
        }
    }

    fn machine(&mut self, host: &str) -> Option<Machine> {
        match self.place(&Place::Host(host.to_owned())) {
            Some(Spot::Machine(machine)) => Some(machine),
            _ => None,
        }
    }

    fn wait(&mut self, check: &Check, on: Option<&Place>, within: std::time::Duration) -> Act {
        let place = on.unwrap_or(&Place::Spare);
        // A check that names its host by itself needs nobody to ask: `http` on a run without a spare.
        let alone = on.is_none() && self.cast.spare.is_none();
        let spot = if alone { Some(Spot::Console) } else { self.place(place) };
        let on = spot.unwrap_or(Spot::Console);
        if on == Spot::Console && check.kind.over_ssh() && !matches!(check.kind, CheckKind::Command { .. }) {
            self.lacks(&format!("the check {} runs over ssh: name a host with `on`", check.kind.word()));
        }
        Act::Wait { check: Box::new(Check { kind: self.check(&check.kind), ..check.clone() }), on, within }
    }

    /// The check with the placeholders of the run filled; `{address}` and `{name}` are the asked machine's.
    fn check(&mut self, kind: &CheckKind) -> CheckKind {
        match kind {
            CheckKind::Http { url, status, contains } => {
                let contains = contains.as_deref().map(|text| self.plain(text));
                CheckKind::Http { url: self.url(url), status: *status, contains }
            }
            CheckKind::Mysql { url, query } => CheckKind::Mysql { url: self.database(url), query: query.clone() },
            CheckKind::MysqlReplica { url, max_lag } => {
                CheckKind::MysqlReplica { url: self.database(url), max_lag: *max_lag }
            }
            CheckKind::MongoReplica { url, max_lag, margin, ssh } => {
                CheckKind::MongoReplica { url: self.database(url), max_lag: *max_lag, margin: *margin, ssh: *ssh }
            }
            CheckKind::Etcd { url, v2, margin } => CheckKind::Etcd { url: self.url(url), v2: *v2, margin: *margin },
            CheckKind::Members(members) => {
                CheckKind::Members(Members { url: self.url(&members.url), ..members.clone() })
            }
            CheckKind::Command { run, contains } => {
                let contains = contains.as_deref().map(|text| self.plain(text));
                CheckKind::Command { run: self.shell(run), contains }
            }
            other => other.clone(),
        }
    }
}

/// An IPv6 address between brackets, as a url wants it.
fn bracketed(name: &str, value: String) -> String {
    let is_v6 = name.ends_with(".address") && value.parse::<std::net::Ipv6Addr>().is_ok();
    if is_v6 { format!("[{value}]") } else { value }
}

/// A folder as one word of a shell; `~/` is the home of whoever logs in.
fn folder_word(folder: &str) -> String {
    match folder.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quote::quote(rest)),
        None if folder == "~" => "\"$HOME\"".to_owned(),
        None => quote::path(folder),
    }
}

/// The console as a machine, for checks that ask an address.
pub(crate) fn console() -> Machine {
    Machine { name: "console".into(), address: "127.0.0.1".into(), ssh: String::new(), service: None }
}
