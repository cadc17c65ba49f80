//! Hosts with their checks, and pools.

use toml::de::DeValue;

use super::{View, name_all, no_database};
use crate::fleet::check::{Check, CheckKind, Members};
use crate::fleet::data::Zone;
use crate::fleet::host::Host;
use crate::fleet::pool::{Drift, Fence, GivebackMode, Mode, Pace, Pool};
use crate::fleet::units::{self, Room};

pub(super) fn host(name: String, host: View<'_>) -> Host {
    let address = host.text("address");
    let written = host.tables("checks");
    let mut checks: Vec<Check> =
        name_all(&written).into_iter().zip(written).map(|(name, item)| check(name, &item)).collect();
    if checks.is_empty() {
        checks.push(Check { name: "ping".into(), kind: CheckKind::Ping, every: None, timeout: None, vital: None });
    }
    Host {
        name,
        ssh: host.maybe_text("ssh").unwrap_or_else(|| address.clone()),
        address,
        service: host.maybe_text("service"),
        labels: host.map("labels").into_iter().collect(),
        checks,
    }
}

pub(super) fn check(name: String, check: &View<'_>) -> Check {
    Check {
        name,
        kind: check_kind(check),
        every: check.maybe_duration("every"),
        timeout: check.maybe_duration("timeout"),
        vital: check.maybe_flag("vital"),
    }
}

fn check_kind(check: &View<'_>) -> CheckKind {
    let url = || check.database("url").unwrap_or_else(no_database);
    match check.text("kind").as_str() {
        "tcp" => CheckKind::Tcp { port: check.count("port") },
        "http" => CheckKind::Http {
            url: check.text("url"),
            status: check.count("status"),
            contains: check.maybe_text("contains"),
        },
        "rtmp" => CheckKind::Rtmp { port: check.count("port") },
        "rtsp" => CheckKind::Rtsp { port: check.count("port") },
        "mysql" => CheckKind::Mysql { url: url(), query: check.text("query") },
        "mysql-replica" => CheckKind::MysqlReplica { url: url(), max_lag: check.duration("max_lag") },
        "mongo-replica" => CheckKind::MongoReplica {
            url: url(),
            max_lag: check.duration("max_lag"),
            margin: check.count("margin"),
            ssh: check.text("client") == "host",
        },
        "etcd" => {
            CheckKind::Etcd { url: check.text("url"), v2: check.text("api") == "v2", margin: check.count("margin") }
        }
        "members" => CheckKind::Members(Members {
            url: check.text("url"),
            name: check.text("member_name"),
            seen: check.text("member_seen"),
            zone: Zone::of(&check.text("zone")),
            max_age: check.duration("max_age"),
            members: check.count("members"),
            needed: check.count("needed"),
            margin: check.count("margin"),
        }),
        "command" => CheckKind::Command { run: check.text("run"), contains: check.maybe_text("contains") },
        "docker" => CheckKind::Docker { containers: check.texts("containers") },
        "disk" => CheckKind::Disk {
            path: check.text("path"),
            min_free: units::room(&check.text("min_free")).unwrap_or(Room::Percent(0.0)),
        },
        _ => CheckKind::Ping,
    }
}

pub(super) fn pool(name: String, pool: View<'_>) -> Pool {
    let spares = pool.texts("spares");
    Pool {
        name,
        protects: pool.texts("protects"),
        mode: match pool.text("mode").as_str() {
            "manual" => Mode::Manual,
            "observe" => Mode::Observe,
            _ => Mode::Auto,
        },
        probe: pace(&pool),
        down_after: pool.maybe_duration("down_after"),
        up_after: pool.duration("up_after"),
        escalate: pool.flag("escalate"),
        giveback_mode: if pool.text("giveback_mode") == "auto" { GivebackMode::Auto } else { GivebackMode::Manual },
        cooldown: pool.duration("cooldown"),
        witnesses: if pool.value("witnesses").is_some() { pool.texts("witnesses") } else { spares.clone() },
        spares,
        anchors: pool.texts("anchors"),
        fence: match pool.text("fence").as_str() {
            "best-effort" => Fence::BestEffort,
            "none" => Fence::None,
            _ => Fence::Required,
        },
        brake: pool.count("brake"),
        dwell: pool.duration("dwell"),
        target: pool.duration("target"),
        takeover: pool.text("takeover"),
        giveback: pool.maybe_text("giveback"),
        drill: pool.maybe_text("drill"),
        drill_every: pool.maybe_duration("drill_every"),
        card: pool.maybe_path("card"),
        drift: pool.tables("drift").iter().map(|drift| Drift { run: drift.text("run") }).collect(),
    }
}

fn pace(pool: &View<'_>) -> Pace {
    if let Some(DeValue::Table(_)) = pool.value("probe")
        && let Some(pace) = pool.table("probe")
    {
        return Pace { every: pace.duration("every"), failures: pace.count("failures") };
    }
    if pool.text("probe") == "fast" { Pace::FAST } else { Pace::NORMAL }
}
