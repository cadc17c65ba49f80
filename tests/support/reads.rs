//! Logs and configuration files for the pictures.

use hotspare::clock::Timestamp;
use hotspare::configs::view::{Change, ConfigView, Diff, FileDiff, FileView, HostView};
use hotspare::service::logs::filter_passes;
use hotspare::service::logs::view::{Ask, Row, SourceView, Window};

use super::ago;

/// A window of the log of two files and a docker container; of a host that is away, nothing.
pub fn logs(ask: &Ask, now: Timestamp) -> Window {
    let away = ask.of == "studio-2";
    let source = |name: &str, place: &str| SourceView {
        name: name.into(),
        host: ask.of.clone(),
        place: place.into(),
        trouble: away.then(|| "no connection within 5 s".into()),
    };
    let sources = vec![
        source("main.log", "KV2/judicator/log/main.log"),
        source("etcd.log", "KV2/judicator/log/etcd.log"),
        source("gateway", "docker gateway"),
    ];
    let texts: [(Option<u16>, &str); 9] = [
        (Some(0), "2026-11-20 14:01:02,114 - INFO - executor kv-3 registered"),
        (Some(1), "2026-11-20 14:01:02.300 W | etcdserver: read-only range request took too long (412.1ms) to execute"),
        (Some(0), "2026-11-20 14:01:04,020 - WARNING - executor kv-4 has not reported for 38 s"),
        (Some(0), "2026-11-20 14:01:06,231 - ERROR - task 8812 of kv-4 expired"),
        (Some(0), "Traceback (most recent call last):"),
        (Some(0), "  File \"/srv/KV2/judicator/main.py\", line 214, in expire"),
        (None, "kv-1: not heard any more: the connection was lost"),
        (
            None,
            "kv-1: heard again; each file is read on from where it was, and nothing is missing unless it is said here",
        ),
        (Some(2), "2026-11-20T14:01:21.000000000Z GET /api/judicators 200 in 3 ms"),
    ];
    let rows = texts.into_iter().zip(1..).map(|((source, text), number)| {
        let time = Some(ago(now, 80 - i64::try_from(number).unwrap_or(0)));
        Row { number, time, source, text: text.into() }
    });
    let passes = |row: &Row| {
        !away && row.number > ask.after.unwrap_or(0) && (row.source.is_none() || filter_passes(&ask.filter, &row.text))
    };
    let rows = rows.filter(passes).collect();
    Window { rows, next: 9, passed: 0, whole: true, sources, rate: 41_200.0 }
}

/// Two hosts, one of them in trouble.
pub fn configs(now: Timestamp) -> Vec<ConfigView> {
    let file = |path: &str, bytes, since, versions| FileView {
        path: path.into(),
        bytes,
        mode: "644".into(),
        since: ago(now, since),
        versions,
    };
    let host = |host: &str, trouble: &[&str]| HostView {
        host: host.into(),
        looked: Some(ago(now, 7200)),
        changed: Some(ago(now, 90_000)),
        files: vec![file("/etc/hostname", 9, 900_000, 1), file("/etc/nginx/nginx.conf", 1432, 90_000, 3)],
        trouble: trouble.iter().map(|why| (*why).to_owned()).collect(),
    };
    vec![ConfigView {
        name: "machines".into(),
        files: vec!["/etc/hostname".into(), "/etc/nginx/*.conf".into()],
        every: 86_400.0,
        kept: "git".into(),
        versions: 4,
        hosts: vec![host("studio-1", &[]), host("studio-2", &["no connection within 5 s"])],
    }]
}

/// What changed last.
pub fn diff(now: Timestamp) -> Diff {
    let lines =
        ["@@ -12,4 +12,5 @@", " server {", "-    listen 80;", "+    listen 8080;", "+    keepalive_timeout 65;", " }"];
    let one = |path: &str, change, lines: &[&str], mode| FileDiff {
        config: "machines".into(),
        host: "studio-1".into(),
        path: path.into(),
        change,
        from: Some(ago(now, 900_000)),
        to: ago(now, 90_000),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        mode,
    };
    let files = vec![
        one("/etc/nginx/nginx.conf", Change::Changed, &lines, None),
        one("/etc/cron.d/backup", Change::Changed, &[], Some(("600".into(), "644".into()))),
        one("/etc/nginx/old.conf", Change::Removed, &["@@ -1 +0,0 @@", "-server {}"], None),
    ];
    Diff { files, compared: 5 }
}
