//! Runbooks and their steps.

use std::time::Duration;

use toml::de::DeValue;

use super::{View, machines, name_all, no_database};
use crate::fleet::check::{Check, CheckKind};
use crate::fleet::runbook::{OnError, Place, Runbook, Step, StepKind, Tsig};

/// How long a step may take where neither its file nor its kind says so.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the operator is waited for.
const ASK_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) fn runbook(name: String, runbook: View<'_>) -> Runbook {
    let steps = runbook.tables("steps");
    Runbook { name, steps: name_all(&steps).into_iter().zip(steps).map(|(name, view)| step(name, &view)).collect() }
}

fn step(name: String, step: &View<'_>) -> Step {
    let kind = kind(step);
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
        kind,
    }
}

/// A step that is itself a wait is not cut off before its time.
fn usual_timeout(kind: &StepKind) -> Duration {
    match kind {
        StepKind::Wait { within, .. } => *within,
        StepKind::Ask { .. } => ASK_TIMEOUT,
        StepKind::Scale { to, interval, .. } => TIMEOUT + interval.saturating_mul(to.saturating_add(1)),
        _ => TIMEOUT,
    }
}

fn place(word: &str) -> Place {
    match word {
        "spare" => Place::Spare,
        "failed" => Place::Failed,
        "console" => Place::Console,
        host => Place::Host(host.to_owned()),
    }
}

fn kind(step: &View<'_>) -> StepKind {
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
        "scale" => {
            StepKind::Scale { service: step.text("service"), to: step.count("to"), interval: step.duration("interval") }
        }
        _ => StepKind::Ask { text: step.text("text") },
    }
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
