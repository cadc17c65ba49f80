//! What it costs one engine to look after many pools, besides asking: N hosts in pools of ten, each asked by tcp every five
//! seconds, so that what is measured is the judging, the composing of pictures and what goes to a console.
//!
//! `cargo bench --bench pools` prints a table; `HOTSPARE_BENCH_HOSTS=10,100,1000,10000` and `HOTSPARE_BENCH_SECONDS=20` choose
//! the sizes and the length of each measurement, `HOTSPARE_BENCH_PROGRAM=PATH` another build. The ssh of this bench ends at once: spares cannot be commanded.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotspare::engine::wire::Hello;

const POOL: usize = 10;
const SPARES: usize = 2;
const CLOCK_TICKS: f64 = 100.0;

fn main() {
    let sizes = std::env::var("HOTSPARE_BENCH_HOSTS").unwrap_or_else(|_| "10,100,1000,10000".into());
    let seconds: u64 = std::env::var("HOTSPARE_BENCH_SECONDS").map_or(20, |text| text.parse().unwrap());
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    println!(
        "| hosts | pools | until it is there, s | CPU % of one core | with a console | RSS MB | snapshot kB | changes kB/s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for hosts in sizes.split(',').map(|size| size.trim().parse().unwrap()) {
        measure(hosts, port, Duration::from_secs(seconds));
    }
}

fn fleet(hosts: usize, port: u16) -> String {
    let mut text = String::from("name = \"bench\"\n");
    for host in 0..hosts {
        let [_, _, high, low] = u32::try_from(host + 1).unwrap().to_be_bytes();
        let check = format!("{{ kind = \"tcp\", port = {port} }}");
        writeln!(text, "[hosts.h{host:05}]\naddress = \"127.78.{high}.{low}\"\nchecks = [{check}]").unwrap();
    }
    for pool in 0..hosts / POOL {
        let names = |from: usize, to: usize| -> String {
            let all = (pool * POOL + from..pool * POOL + to).map(|host| format!("\"h{host:05}\""));
            all.collect::<Vec<_>>().join(", ")
        };
        let (protects, spares) = (names(0, POOL - SPARES), names(POOL - SPARES, POOL));
        writeln!(
            text,
            "[pools.p{pool:04}]\nmode = \"auto\"\nprotects = [{protects}]\nspares = [{spares}]\nwitnesses = []\n\
             takeover = \"take\"\nprobe = {{ every = \"5s\", failures = 5 }}"
        )
        .unwrap();
    }
    let step = "{ name = \"do\", kind = \"command\", on = \"spare\", run = \"true\", fence = true }";
    writeln!(text, "[runbooks.take]\nsteps = [{step}]").unwrap();
    text
}

fn measure(hosts: usize, port: u16, span: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("hotspare.toml"), fleet(hosts, port)).unwrap();
    std::fs::create_dir(path("bin")).unwrap();
    std::fs::write(path("bin/ssh"), "#!/bin/sh\nexit 255\n").unwrap();
    std::fs::set_permissions(path("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| {
        let program = std::env::var("HOTSPARE_BENCH_PROGRAM");
        let mut command = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_hotspare")));
        let search = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", search).arg("--fleet").arg(path("hotspare.toml")).arg("--state").arg(path("state"));
        command.args(arguments).stdin(Stdio::null());
        command
    };
    let log = std::fs::File::create(path("log")).unwrap();
    let begun = Instant::now();
    let mut engine = run(&["engine"]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let socket = path("state/engine.sock");
    while !socket.exists() {
        let log = || std::fs::read_to_string(path("log")).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(120), "the engine does not come: {}", log());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let there = begun.elapsed().as_secs_f64();
    std::thread::park_timeout(Duration::from_secs(15));
    let alone = busy(engine.id(), span);
    let (whole, changes) = console(&socket);
    std::thread::park_timeout(Duration::from_secs(1));
    let before = changes.load(Ordering::Relaxed);
    let joined = busy(engine.id(), span);
    let told = (changes.load(Ordering::Relaxed) - before) as f64 / span.as_secs_f64();
    let rss = status(engine.id(), "VmHWM");
    println!(
        "| {hosts} | {} | {there:.1} | {alone:.1} | {joined:.1} | {:.1} | {:.1} | {:.1} |",
        hosts / POOL,
        rss / 1e3,
        whole as f64 / 1e3,
        told / 1e3
    );
    if !run(&["engine", "stop"]).stdout(Stdio::null()).status().unwrap().success() {
        // It is too busy to answer in time: the figures say why.
        engine.kill().unwrap();
    }
    engine.wait().unwrap();
}

/// Percent of one core over a time.
fn busy(pid: u32, span: Duration) -> f64 {
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / CLOCK_TICKS
    };
    let (from, begun) = (used(), Instant::now());
    std::thread::park_timeout(span);
    (used() - from) / begun.elapsed().as_secs_f64() * 100.0
}

fn status(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Joins as a console does: the length of the first picture, and a count of the bytes that come after it.
fn console(socket: &Path) -> (u64, Arc<AtomicU64>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let hello = serde_json::to_vec(&Hello::new("bench", true)).unwrap();
    stream.write_all(&u32::try_from(hello.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&hello).unwrap();
    let mut frame = move || -> Option<u64> {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let length = u64::from(u32::from_be_bytes(length));
        std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink()).ok()?;
        Some(length)
    };
    let _hello = frame().unwrap();
    let whole = frame().unwrap();
    let counted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&counted);
    std::thread::spawn(move || {
        while let Some(length) = frame() {
            count.fetch_add(length, Ordering::Relaxed);
        }
    });
    (whole, counted)
}
