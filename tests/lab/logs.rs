//! Logs of a real host over ssh: what happens to lines when the network is cut, docker ends, the reader leaves.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use hotspare::clock::Clock;
use hotspare::fleet::Fleet;
use hotspare::reach::ssh::SshPool;
use hotspare::service::logs::Logs;
use hotspare::service::logs::view::{Ask, Row};

use crate::farm::{Host, Ssh, processes, until};

struct Reader {
    pool: SshPool,
    logs: Logs,
    of: String,
    next: Option<u64>,
    /// What hotspare said.
    said: Vec<String>,
}

impl Reader {
    fn new(ssh: &Ssh, logs: &str, of: &str) -> Self {
        let text = format!(
            "name = \"lab\"\n[hosts.kv-1]\naddress = \"{0}\"\nssh = \"{0}\"\n[services.s]\nhost = \"kv-1\"\nlogs = {logs}\n",
            ssh.destination
        );
        let loaded = hotspare::fleet::load(text.as_bytes(), Path::new("/f.toml"));
        let fleet: Arc<Fleet> = Arc::new(loaded.fleet.expect("a fleet"));
        let pool = ssh.pool();
        Self { logs: Logs::new(&fleet, pool.clone(), Clock::real()), pool, of: of.into(), next: None, said: Vec::new() }
    }

    async fn look(&mut self, wait: u32) -> Vec<Row> {
        let after = Some(self.next.unwrap_or(0));
        let ask = Ask { of: self.of.clone(), after, limit: 50_000, wait, ..Ask::default() };
        let window = self.logs.read(ask).await.expect("a log");
        assert_eq!(window.passed, 0, "no line may go by here");
        self.next = Some(window.next);
        let (rows, said): (Vec<Row>, Vec<Row>) = window.rows.into_iter().partition(|row| row.source.is_some());
        self.said.extend(said.into_iter().map(|row| row.text));
        rows
    }

    /// The next lines of the log, at least so many.
    async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _look in 0..60 {
            lines.extend(self.look(1000).await.into_iter().map(|row| row.text));
            if lines.len() >= count {
                return lines;
            }
        }
        panic!("{count} lines wanted, {} came; said: {:#?}", lines.len(), self.said);
    }

    async fn end(self) {
        self.logs.shutdown().await;
        self.pool.shutdown().await;
    }
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log");
    file.write_all(text.as_bytes()).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_loses_and_doubles_no_line() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let path = host.folder.path().join("main.log");
    write(&path, "line 0\n");
    let mut reader = Reader::new(&ssh, &format!("[\"{}\"]", path.display()), "s");
    assert_eq!(reader.lines(1).await, ["line 0"]);
    host.unplug();
    for number in 1..500 {
        write(&path, &format!("line {number}\n"));
        if number == 250 {
            // Rotated while nobody could look.
            std::fs::rename(&path, path.with_extension("log.1")).expect("renamed");
        }
    }
    // The host hears nothing any more, and what it says still comes for a moment.
    let mut lines = Vec::new();
    while !reader.said.iter().any(|line| line.contains("not heard any more")) {
        lines.extend(reader.look(1000).await.into_iter().map(|row| row.text));
    }
    host.plug();
    for number in 500..600 {
        write(&path, &format!("line {number}\n"));
    }
    let rest = 599 - lines.len();
    lines.extend(reader.lines(rest).await);
    write(&path, "line 600\n");
    lines.extend(reader.lines(1).await);
    let wanted: Vec<String> = (1..=600).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, wanted);
    assert!(reader.said.iter().any(|line| line.contains("heard again")), "{:?}", reader.said);
    assert!(!reader.said.iter().any(|line| line.contains("may be missing")), "{:?}", reader.said);
    reader.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_on_the_host_once_the_reader_is_gone_or_the_engine_dead() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let path = host.folder.path().join("quiet.log");
    write(&path, "one\n");
    let mark = path.display().to_string();
    let mut reader = Reader::new(&ssh, &format!("[\"{mark}\"]"), &format!("kv-1:{mark}"));
    reader.lines(1).await;
    assert!(!processes(&mark).is_empty());
    reader.logs.shutdown().await;
    until("the script has ended", || processes(&mark).is_empty()).await;
    reader.pool.shutdown().await;

    // The client is killed as it would be with its engine.
    let mut reader = Reader::new(&ssh, &format!("[\"{mark}\"]"), "s");
    reader.lines(1).await;
    let client = ssh.config.display().to_string();
    for pid in processes(&client) {
        crate::farm::run("kill", &["-KILL", &pid.to_string()]);
    }
    // It is begun anew over a new connection, and the old one has no reader.
    write(&path, "two\n");
    assert_eq!(reader.lines(1).await, ["two"]);
    reader.end().await;
    until("the script has ended", || processes(&mark).is_empty()).await;
}

/// Prints what docker prints: lines with their times, those since a time, and then what comes.
const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/asked"
case "$1" in
  inspect) exit 0 ;;
  logs) ;;
  *) exit 1 ;;
esac
since=
while [ $# -gt 0 ]; do
  [ "$1" != --since ] || since=$2
  shift
done
shown=0
while :; do
  now=$(wc -l <"$here/docker.log")
  if [ "$now" -gt "$shown" ]; then
    tail -n "+$((shown + 1))" "$here/docker.log" | head -n "$((now - shown))" | awk -v since="$since" '$1 >= since'
    shown=$now
  fi
  sleep 0.1
done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_log_goes_on_after_its_last_line() {
    let mut host = Host::new();
    let ssh = host.sshd_with(&[("docker", DOCKER)]).await;
    let log = host.folder.path().join("docker.log");
    // Three lines of one moment, as a busy container writes them.
    let line = |number: u32| format!("2026-11-21T14:02:{:02}.000000000Z line {number}\n", number / 3);
    (0..30).for_each(|number| write(&log, &line(number)));
    let mut reader = Reader::new(&ssh, "{ docker = \"judicator\" }", "s");
    let mut lines = reader.lines(30).await;
    write(&log, &line(30));
    lines.extend(reader.lines(1).await);
    let script = host.folder.path().join("docker").display().to_string();
    for pid in processes(&script) {
        crate::farm::run("kill", &["-KILL", &pid.to_string()]);
    }
    while !reader.said.iter().any(|line| line.contains("not heard any more")) {
        lines.extend(reader.look(1000).await.into_iter().map(|row| row.text));
    }
    (31..60).for_each(|number| write(&log, &line(number)));
    lines.extend(reader.lines(29).await);
    let wanted: Vec<String> = (0..60).map(|number| line(number).trim_end().to_owned()).collect();
    assert_eq!(lines, wanted);
    let asked = std::fs::read_to_string(host.folder.path().join("asked")).expect("it was asked");
    assert!(asked.contains("logs --follow --timestamps --since 2026-11-21T14:02:10.000000000Z judicator"), "{asked}");
    reader.end().await;
    until("docker has ended", || processes(&script).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_share_one_stream_and_a_slow_one_is_told_what_went_by() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let path = host.folder.path().join("main.log");
    write(&path, "");
    let mut reader = Reader::new(&ssh, &format!("[\"{}\"]", path.display()), "s");
    reader.look(100).await;
    write(&path, "first\n");
    reader.lines(1).await;
    let slow = reader.next;
    let others = futures_util::future::join_all((0..5).map(|_one| {
        let ask = Ask { of: "s".into(), limit: 5, wait: 2000, ..Ask::default() };
        reader.logs.read(ask)
    }))
    .await;
    let seen: BTreeSet<String> =
        others.into_iter().flat_map(|window| window.expect("a log").rows).map(|row| row.text).collect();
    assert!(seen.contains("first"), "{seen:?}");
    let scripts = |mark: &str| {
        let all = processes(mark);
        let line = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        all.iter().filter(|pid| line(pid).starts_with("ssh")).count()
    };
    assert_eq!(scripts(&path.display().to_string()), 1, "one client for all of them");
    let block = (0..100_000).map(|number| format!("{number:>99}\n")).collect::<Vec<_>>().concat();
    for _ in 0..3 {
        write(&path, &block);
    }
    let mut last = 0;
    until("everything was read", || {
        let news =
            futures_util::FutureExt::now_or_never(reader.logs.read(Ask { of: "s".into(), limit: 1, ..Ask::default() }));
        let window = news.expect("no wait").expect("a log");
        let same = window.next == last && window.whole && window.next > slow.expect("a number") + 299_000;
        last = window.next;
        same
    })
    .await;
    let ask = Ask { of: "s".into(), after: slow, limit: 10, ..Ask::default() };
    let window = reader.logs.read(ask).await.expect("a log");
    assert!(window.passed > 200_000, "{}", window.passed);
    assert_eq!(window.rows[0].number, slow.expect("a number") + window.passed + 1, "the first that is kept");
    reader.end().await;
}
