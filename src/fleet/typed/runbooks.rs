//! Runbooks and their steps.

use std::time::Duration;

use toml::de::DeValue;

use super::{View, machines, name_all, no_database};
use crate::fleet::check::{Check, CheckKind};
use crate::fleet::data::Service;
use crate::fleet::runbook::{Each, Gate, OnError, Place, Runbook, ScalePace, Step, StepKind, Tsig};

/// How long a step may take where neither its file nor its kind says so.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the operator is waited for.
const ASK_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long a service may take to be scaled.
const SCALE_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

pub(super) fn runbook(name: String, runbook: View<'_>, services: &[Service]) -> Runbook {
    let steps = runbook.tables("steps");
    let each = runbook.value("each").map(|value| match value {
        DeValue::Array(_) => Each::Named(runbook.texts("each")),
        DeValue::Table(_) => Each::Labels(runbook.map("each").into_iter().collect()),
        _ => Each::Hosts,
    });
    let gate = Gate { within: runbook.duration("gate_within"), service: runbook.maybe_text("gate_service") };
    let steps = name_all(&steps).into_iter().zip(steps).map(|(name, view)| step(name, &view, services)).collect();
    Runbook { name, each, gate, steps }
}

fn step(name: String, step: &View<'_>, services: &[Service]) -> Step {
    let kind = kind(step, services);
    Step {
        name,
        on: step.maybe_text("on").map(|word| place(&word)),
        fence: step.flag("fence"),
        timeout: step.maybe_duration("timeout").unwrap_or_else(|| usual_timeout(&kind)),
        retries: step.count("retries"),
        on_error: match step.text("on_error").as_str() {
            "continue" => OnError::Continue,
            "undo" => OnError::Undo,
            _ => OnError::Stop,
        },
        drill: step.flag("drill"),
        undo: step.maybe_text("undo"),
        cleanup: step.flag("cleanup"),
        each: None,
        kind,
    }
}

/// A step that is itself a wait is not cut off before its time.
fn usual_timeout(kind: &StepKind) -> Duration {
    match kind {
        StepKind::Wait { within, .. } => *within,
        StepKind::Ask { .. } => ASK_TIMEOUT,
        // How many changes it takes is known when it begins; each of them ends in time by itself.
        StepKind::Scale { .. } => SCALE_TIMEOUT,
        _ => TIMEOUT,
    }
}

fn place(word: &str) -> Place {
    match word {
        "spare" => Place::Spare,
        "failed" => Place::Failed,
        "console" => Place::Console,
        "each" => Place::Each,
        host => Place::Host(host.to_owned()),
    }
}

fn kind(step: &View<'_>, services: &[Service]) -> StepKind {
    match step.text("kind").as_str() {
        "command" => StepKind::Command { run: step.text("run") },
        "address" => StepKind::Address {
            take: step.maybe_text("take"),
            drop: step.maybe_text("drop"),
            device: step.text("device"),
        },
        "compose" => StepKind::Compose { folder: step.text("folder") },
        "dns" => StepKind::Dns {
            server: with_port(&step.text("server")),
            zone: step.text("zone"),
            record: step.text("record"),
            address: step.text("address"),
            ttl: step.count("ttl"),
            tsig: step
                .table("tsig")
                .map(|tsig| Tsig { name: tsig.text("name"), secret_file: tsig.path("secret_file") }),
        },
        "http" => StepKind::Http {
            method: step.text("method"),
            url: step.text("url"),
            json: step.value("json").map(json),
            status: step.count("status"),
        },
        "mysql-promote" => StepKind::MysqlPromote { url: step.database("url").unwrap_or_else(no_database) },
        "wait" => wait(step),
        "scale" => scale(step, services),
        _ => StepKind::Ask { text: step.text("text"), show: step.maybe_text("show") },
    }
}

/// What the fleet file says of the service holds for the step: by the name of the service, or by that of docker.
fn scale(step: &View<'_>, services: &[Service]) -> StepKind {
    let named = step.text("service");
    let service = services.iter().find(|known| known.name == named);
    let service = service.or_else(|| services.iter().find(|known| known.docker_name() == named));
    let pace = ScalePace {
        interval: step.duration("interval"),
        shrink: service.map(|known| known.shrink_interval).unwrap_or_default(),
        quorum: service.and_then(|known| known.quorum),
        within: step.duration("within"),
    };
    let service = service.map_or(named, |known| known.docker_name().to_owned());
    StepKind::Scale { service, to: step.count("to"), pace }
}

fn wait(step: &View<'_>) -> StepKind {
    let (check, check_on) = match step.table("check") {
        Some(view) => {
            let name = view.maybe_text("name").unwrap_or_else(|| view.text("kind"));
            (machines::check(name, &view), Some(place(&view.text("on"))))
        }
        None => (Check { name: "ping".into(), kind: CheckKind::Ping, every: None, timeout: None, vital: None }, None),
    };
    StepKind::Wait { check: Box::new(check), check_on, within: step.duration("within") }
}

/// The usual port of a name server where none is written.
fn with_port(server: &str) -> String {
    match server.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(ip)) => format!("[{ip}]:53"),
        Ok(ip) => format!("{ip}:53"),
        Err(_not_bare) if server.contains(':') => server.to_owned(),
        Err(_not_bare) => format!("{server}:53"),
    }
}

/// A TOML value as JSON. A number that JSON has no form for becomes null.
fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(serde_json::Value::Null, Into::into)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(serde_json::Value::Null, Into::into),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(name, value)| (name.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}
