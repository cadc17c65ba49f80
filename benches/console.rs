//! What the console costs: first frame, key to bytes, bytes a frame, idle bytes and CPU, memory; the real binary in a
//! pty of 120×40 over a running engine, with 10 and with 1,000 hosts.
//!
//! Then, without a terminal, what a frame costs over 100,000 sessions: from a key or an answer of the engine to the
//! finished picture of 200×50, the engine's own time left out.
//!
//! At last the real program once more, over a real engine and real folders of 100,000 sessions: the first screen, and each
//! key to the last byte of its frame. `HOTSPARE_BENCH_KEEP=FOLDER` keeps the folders for the next time.
//!
//! `cargo bench --bench console` prints all tables, with `-- terminal`, `-- sessions` or `-- browser` one of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

#[path = "console/browser.rs"]
mod browser;
#[path = "../tests/support/fixture.rs"]
mod fixture;
#[path = "../tests/support/stage.rs"]
mod stage;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hotspare::console::app::Reply;

const KEYS: usize = 100;
/// Between two keys: a person's pace, below the console's twenty frames a second.
const BETWEEN_KEYS: Duration = Duration::from_millis(120);
/// Ages count seconds only up to a minute.
const OLD_ENOUGH: Duration = Duration::from_secs(65);
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    let parts: [(&str, fn()); 3] = [("terminal", terminal), ("sessions", sessions), ("browser", browser::browse)];
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let all = !parts.iter().any(|(name, _)| named(name));
    for (_, part) in parts.iter().filter(|(name, _)| all || named(name)) {
        part();
    }
}

/// Sessions in the store.
const SESSIONS: usize = 100_000;

/// Keys, by what they do; each is pressed so many times.
const GESTURES: [(&str, &[&str], usize); 6] = [
    ("selection", &["down"], 300),
    ("scroll by screens", &["page-down"], 300),
    ("to the ends", &["end", "home"], 50),
    ("sort", &["s"], 14),
    ("turn around", &["S"], 10),
    ("filter, letter by letter", &["text:p004 d", "ctrl-u"], 10),
];

/// What a frame costs over many sessions.
fn sessions() {
    println!("\n| {SESSIONS} sessions | frames | p50 ms | p99 ms | worst ms |\n|---|---|---|---|---|");
    let mut stage = stage::Stage::of(fixture::archive(fixture::noon(), SESSIONS)).sized(200, 50);
    stage.press("2 z");
    stage.held = true;
    for (name, keys, times) in GESTURES {
        stage.press(if name.starts_with("filter") { "/" } else { "home" });
        answered(&mut stage);
        let mut frames: Vec<f64> = Vec::new();
        for key in keys.iter().cycle().take(keys.len() * times) {
            let letters: Vec<String> = match key.strip_prefix("text:") {
                Some(text) => text.chars().map(|letter| format!("text:{letter}")).collect(),
                None => vec![(*key).to_owned()],
            };
            for key in letters {
                let begun = Instant::now();
                stage.press(&key);
                std::hint::black_box(stage.buffer());
                frames.push(begun.elapsed().as_secs_f64() * 1000.0);
                frames.extend(answered(&mut stage));
            }
        }
        frames.sort_by(f64::total_cmp);
        println!(
            "| {name} | {} | {:.2} | {:.2} | {:.2} |",
            frames.len(),
            frames[frames.len() / 2],
            frames[frames.len() * 99 / 100],
            frames[frames.len() - 1]
        );
    }
}

/// Lets the answers come; returns what a frame took with each.
fn answered(stage: &mut stage::Stage) -> Vec<f64> {
    let mut frames = Vec::new();
    while !stage.waiting.is_empty() {
        for query in std::mem::take(&mut stage.waiting) {
            let answer = stage.client.answer(&query);
            let begun = Instant::now();
            stage.app.reply(Reply::Query(query, Ok(answer)));
            std::hint::black_box(stage.buffer());
            frames.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        stage.settle();
    }
    frames
}

/// What the console costs in a terminal over a running engine.
fn terminal() {
    println!(
        "| hosts | first frame ms | first paint B | key to bytes p50 ms | p99 ms | selection move B | idle B/s | idle CPU % | \
         RSS MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for hosts in [10, 1000] {
        println!("{}", run(hosts));
    }
}

fn run(hosts: usize) -> String {
    let bench = Bench::new(hosts);
    let mut starts: Vec<(f64, f64)> = (0..5)
        .map(|_| {
            let mut console = Console::open(&bench);
            let first = (console.first.as_secs_f64() * 1000.0, console.painted as f64);
            console.quit();
            first
        })
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, paint) = starts[starts.len() / 2];

    let mut console = Console::open(&bench);
    let (mut delays, mut sizes) = (Vec::new(), Vec::new());
    for key in 0..KEYS {
        console.settle(BETWEEN_KEYS);
        let begun = Instant::now();
        // Down and up again, a page of rows at the most, so that the selection really moves.
        console.keys(if key / 5 % 2 == 0 { "j" } else { "k" });
        let (at, size) = console.burst(Duration::from_millis(500)).expect("a key is answered");
        delays.push((at - begun).as_secs_f64() * 1000.0);
        sizes.push(size as f64);
    }
    delays.sort_by(f64::total_cmp);
    sizes.sort_by(f64::total_cmp);
    while bench.began.elapsed() < OLD_ENOUGH {
        console.settle(BETWEEN_KEYS);
    }
    let (idle_bytes, idle_cpu) = console.idle();
    let rss = resident(console.child.id());
    console.quit();
    format!(
        "| {hosts} | {first:.1} | {paint:.0} | {:.2} | {:.2} | {:.0} | {idle_bytes:.1} | {idle_cpu:.2} | {rss:.1} |",
        delays[delays.len() / 2],
        delays[delays.len() * 99 / 100],
        sizes[sizes.len() / 2],
    )
}

/// A running engine over hosts that all answer.
struct Bench {
    folder: tempfile::TempDir,
    engine: Child,
    began: Instant,
    _listener: std::net::TcpListener,
}

impl Bench {
    fn new(hosts: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = listener.try_clone().unwrap();
        std::thread::spawn(move || while accepting.accept().is_ok() {});
        let mut file = String::from("name = \"bench\"\n");
        for index in 0..hosts {
            writeln!(
                file,
                "[hosts.host-{index}]\naddress = \"127.79.{}.{}\"\nchecks = [ {{ kind = \"tcp\", port = {port} }} ]",
                index / 250,
                index % 250 + 1
            )
            .unwrap();
        }
        std::fs::write(folder.path().join("hotspare.toml"), file).unwrap();
        let engine = command(folder.path()).arg("engine").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bench = Self { folder, engine, began: Instant::now(), _listener: listener };
        while !command(bench.folder.path()).arg("status").output().unwrap().status.success() {
            assert!(bench.began.elapsed() < Duration::from_secs(60), "the fleet does not become healthy");
        }
        bench
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _stopped = command(self.folder.path()).args(["engine", "stop"]).output();
        let _gone = self.engine.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    for (name, value) in globals(folder) {
        command.arg(name).arg(value);
    }
    command
}

fn globals(folder: &Path) -> [(&'static str, PathBuf); 2] {
    [("--fleet", folder.join("hotspare.toml")), ("--state", folder.join("state"))]
}

/// The console in a pty, with a thread that notes when bytes came.
struct Console {
    child: Child,
    pty: std::sync::Arc<pty_process::blocking::Pty>,
    bytes: Receiver<(Instant, usize)>,
    first: Duration,
    painted: usize,
}

impl Console {
    fn open(bench: &Bench) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let mut start = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hotspare"));
        for (name, value) in globals(bench.folder.path()) {
            start = start.arg(name).arg(value);
        }
        let begun = Instant::now();
        let child = start.args(["console", "--theme", "dark"]).env("TERM", "xterm-256color").spawn(pts).unwrap();
        let pty = std::sync::Arc::new(pty);
        let (send, bytes) = channel();
        let reader = std::sync::Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read) = (&*reader).read(&mut buffer) {
                if read == 0 || send.send((Instant::now(), read)).is_err() {
                    break;
                }
            }
        });
        let mut console = Self { child, pty, bytes, first: Duration::ZERO, painted: 0 };
        // The first bytes switch the screen on; the first frame is the burst that is larger than any switch.
        while console.painted < 1000 {
            let (at, size) = console.burst(Duration::from_secs(5)).expect("the console draws");
            (console.first, console.painted) = (at - begun, size);
        }
        console
    }

    fn keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// The time of the first bytes that come, and how many come with them.
    fn burst(&self, patience: Duration) -> Option<(Instant, usize)> {
        let (at, mut size) = self.bytes.recv_timeout(patience).ok()?;
        while let Ok((_, more)) = self.bytes.recv_timeout(Duration::from_millis(3)) {
            size += more;
        }
        Some((at, size))
    }

    /// Waits until nothing has come for a while.
    fn settle(&self, quiet: Duration) {
        let begun = Instant::now();
        while self.bytes.recv_timeout(quiet).is_ok() && begun.elapsed() < Duration::from_secs(2) {}
    }

    /// Bytes a second and CPU percent while nobody types.
    fn idle(&self) -> (f64, f64) {
        let (begun, from) = (Instant::now(), cpu_seconds(self.child.id()));
        let mut total = 0;
        while let Some(left) = IDLE.checked_sub(begun.elapsed()) {
            match self.bytes.recv_timeout(left) {
                Ok((_, size)) => total += size,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => panic!("the console ended"),
            }
        }
        let span = begun.elapsed().as_secs_f64();
        (total as f64 / span, (cpu_seconds(self.child.id()) - from) / span * 100.0)
    }

    fn quit(&mut self) {
        self.keys("q");
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            self.settle(Duration::from_millis(20));
            if begun.elapsed() > Duration::from_secs(3) {
                self.child.kill().unwrap();
            }
        }
    }
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}
