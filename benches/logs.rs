//! What it costs to follow a log that grows by 50 MB a second until it has a gigabyte: whole processes, over a real sshd on this
//! machine, with the writer, the sshd, the ssh client, the engine and the command on the same processors.
//!
//! `cargo bench --bench logs` prints a table. `HOTSPARE_BENCH_MB=1000` says how many megabytes, `HOTSPARE_BENCH_RATE=50` how
//! many of them a second. Needs an sshd: apt-get install openssh-server.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotspare::demo::sshd::{Kit, Sshd};

/// One line in so many says ERROR.
const RARE: u64 = 10_000;
/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_hotspare");

fn main() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (megabytes, rate) = (number("HOTSPARE_BENCH_MB", 1000), number("HOTSPARE_BENCH_RATE", 50));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{megabytes} MB of log in lines of 100 bytes, {rate} MB a second\n");
    println!(
        "| read | written at | lines | printed | went by unread | engine | command | ssh + sshd | peak memory: engine | command |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, arguments) in
        [("all of it", &["-f"][..]), ("only ERROR, filtered by the engine", &["-f", "--filter", "error"][..])]
    {
        runtime.block_on(measure(name, arguments, megabytes * 1_000_000, rate * 1_000_000));
    }
}

async fn measure(name: &str, arguments: &[&str], bytes: u64, rate: u64) {
    let folder = tempfile::tempdir().unwrap();
    let kit = Kit::prepare(folder.path()).await.unwrap().expect("apt-get install openssh-server");
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
    let sshd = Sshd::start(&kit, folder.path(), address, port).await.unwrap();
    // The client as hotspare finds it, with a configuration of its own.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let ssh = bin.join("ssh");
    std::fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", kit.client_config.display())).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let log = folder.path().join("main.log");
    std::fs::write(&log, "").unwrap();
    let fleet = folder.path().join("hotspare.toml");
    let text = format!(
        "name = \"bench\"\n[hosts.kv-1]\naddress = \"127.0.0.1\"\nssh = \"ssh://root@127.0.0.1:{port}\"\nchecks = [{{ kind = \"tcp\", port = {port} }}]\n\
         [services.s]\nhost = \"kv-1\"\nlogs = [\"{}\"]\n",
        log.display()
    );
    std::fs::write(&fleet, text).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let start = |words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--fleet")
            .arg(&fleet)
            .arg("--state")
            .arg(folder.path().join("state"))
            .args(words)
            .env("PATH", &path);
        command.stdin(Stdio::null());
        command
    };
    let mut engine = start(&["engine"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !folder.path().join("state/engine.sock").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let words = [&["logs", "s", "-n", "0"], arguments].concat();
    let mut reader = start(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let printed = Arc::new(AtomicU64::new(0));
    let counting = count(&mut reader, &printed);
    let unread = unread(&mut reader);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = (cpu(engine.id()), cpu(reader.id()), others(folder.path(), engine.id()));
    let began = Instant::now();
    let (lines, wrote) = write(&log, bytes, rate);
    // Until nothing more comes out.
    let mut last = (printed.load(Ordering::Relaxed), Instant::now());
    while last.1.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = printed.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
    let took = (last.1 - began).as_secs_f64().max(wrote);
    let after = (cpu(engine.id()), cpu(reader.id()), others(folder.path(), engine.id()));
    let percent = |before: f64, after: f64| (after - before) / took * 100.0;
    let memory = (peak(engine.id()), peak(reader.id()));
    end(&mut reader);
    counting.join().unwrap();
    let gone_by = unread.join().unwrap();
    end(&mut engine);
    sshd.kill().await;
    println!(
        "| {name} | {:.0} MB/s | {lines} | {} | {gone_by} | {:.0} % | {:.0} % | {:.0} % | {:.0} MB | {:.0} MB |",
        bytes as f64 / wrote / 1e6,
        printed.load(Ordering::Relaxed),
        percent(before.0, after.0),
        percent(before.1, after.1),
        percent(before.2, after.2),
        memory.0,
        memory.1,
    );
}

/// Writes so many bytes in lines, at this rate; how many lines, and how long it took.
fn write(log: &Path, bytes: u64, rate: u64) -> (u64, f64) {
    let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    let (began, mut written, mut lines) = (Instant::now(), 0, 0);
    let mut piece = Vec::new();
    while written < bytes {
        piece.clear();
        while piece.len() < 250_000 {
            let level = if lines % RARE == 0 { "ERROR" } else { "INFO " };
            let (minute, second) = (lines / 60 % 60, lines % 60);
            writeln!(
                piece,
                "2026-11-21 14:{minute:02}:{second:02},000 {level} line {lines:012} {:>52}",
                "x".repeat(50)
            )
            .unwrap();
            lines += 1;
        }
        file.write_all(&piece).unwrap();
        written += u64::try_from(piece.len()).unwrap();
        let due = Duration::from_secs_f64(written as f64 / rate as f64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    (lines, began.elapsed().as_secs_f64())
}

fn count(reader: &mut Child, printed: &Arc<AtomicU64>) -> std::thread::JoinHandle<()> {
    let (mut out, printed) = (reader.stdout.take().unwrap(), Arc::clone(printed));
    std::thread::spawn(move || {
        let mut piece = vec![0; 1 << 20];
        while let Ok(read @ 1..) = std::io::Read::read(&mut out, &mut piece) {
            let lines = memchr::memchr_iter(b'\n', &piece[..read]).count();
            printed.fetch_add(u64::try_from(lines).unwrap(), Ordering::Relaxed);
        }
    })
}

/// How many lines the reader was told that it missed.
fn unread(reader: &mut Child) -> std::thread::JoinHandle<u64> {
    let err = reader.stderr.take().unwrap();
    std::thread::spawn(move || {
        let lines = BufReader::new(err).lines().map_while(Result::ok);
        lines
            .filter(|line| line.contains("went by"))
            .filter_map(|line| line.split(' ').nth(1)?.parse::<u64>().ok())
            .sum()
    })
}

fn end(child: &mut Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
}

/// Seconds of processor time of a process.
fn cpu(pid: u32) -> f64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

/// Seconds of processor time of the ssh clients and the sshd of this bench, and of what they run and have run.
fn others(folder: &Path, engine: u32) -> f64 {
    let mut parents = BTreeMap::new();
    let mut sum = 0.0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..15].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        parents.insert(pid, (fields[1].parse::<u32>().unwrap(), ticks));
    }
    for (&pid, &(_, ticks)) in &parents {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let ours = line.contains(folder.to_str().unwrap()) && !line.contains("hotspare.toml");
        let above = std::iter::successors(Some(pid), |pid| parents.get(pid).map(|(parent, _)| *parent)).take(20);
        let below_sshd = above.skip(1).any(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&format!("{}/sshd_config", folder.display()))
        });
        if (ours || below_sshd) && pid != engine {
            sum += ticks;
        }
    }
    sum / rustix::param::clock_ticks_per_second() as f64
}

/// The most memory that a process has had, MB.
fn peak(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1000.0
}
