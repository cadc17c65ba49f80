//! What it costs to carry a million rows from a `SQLite` file into `MariaDB`, which writes through at each commit, beside the
//! ways in which people do it, in the same run, alternating: whole processes, from their start to their end.
//!
//! `cargo bench --bench feed` prints a table of medians. `HOTSPARE_BENCH_ROUNDS=3` says how often each is measured,
//! `HOTSPARE_BENCH_ROWS=1000000` how many rows there are, `HOTSPARE_BENCH_PYTHON=python3` which Python is asked; the peers that
//! are written in it need its package `pymysql` and are left out where that is not there. `cargo bench --bench feed -- delay`
//! measures how long a row takes while a thousand come in a second.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hotspare::clock::Clock;
use hotspare::feed::compare::{Ends, How, compare};
use hotspare::feed::mark::Strand;
use hotspare::feed::sink;
use hotspare::feed::source::Source;
use hotspare::feed::source::local::LocalSource;
use hotspare::feed::zone::Times;
use hotspare::fleet::data::{FeedSink, FeedTable, Zone};
use hotspare::fleet::secret::{DatabaseUrl, SecretSource};
use hotspare::reach::secret::Secrets;

#[path = "feed/delay.rs"]
mod delay;
#[path = "../tests/mysql/server.rs"]
mod server;

use server::Server;

/// Both tables of a people counter; the target as it is, with the unique index that `hotspare feed prepare` makes.
const SOURCE: &str = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, \
     out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL)";
const TARGET: &str = "DROP TABLE IF EXISTS traffic, hotspare_marks; CREATE TABLE traffic (id INT AUTO_INCREMENT PRIMARY KEY, \
     timestamp TIMESTAMP NOT NULL, in_count INT NOT NULL, out_count INT NOT NULL, region_count INT NULL, \
     camera_name VARCHAR(255) NOT NULL, ip VARCHAR(255) NULL, UNIQUE KEY (camera_name, timestamp)) DEFAULT CHARSET utf8mb4";
/// As a server for work has it, without the log for replicas.
const CONFIG: &str = "skip-log-bin\ninnodb_flush_log_at_trx_commit=1\ninnodb_buffer_pool_size=512M\ninnodb_log_file_size=512M\n\
     local_infile=1";

/// What every script in Python begins with.
const BEGIN: &str = "import os, sqlite3, sys, pymysql
rows = int(os.environ['ROWS'])
d = pymysql.connect(host='127.0.0.1', port=int(os.environ['PORT']), user='root', database='d', local_infile=True)
c = d.cursor()
c.execute(\"SET time_zone = '+00:00'\")
s = sqlite3.connect(os.environ['S']).execute('SELECT timestamp, in_count, out_count, region_count, camera_name, ip FROM traffic LIMIT ?', (rows,))
sql = 'INSERT INTO traffic (timestamp, in_count, out_count, region_count, camera_name, ip) VALUES (%s,%s,%s,%s,%s,%s) ON DUPLICATE KEY UPDATE in_count=VALUES(in_count), out_count=VALUES(out_count)'
";

const ONE_BY_ONE: &str = "for row in s:
    c.execute(sql, row)
    d.commit()
";

const MANY: &str = "while True:
    rows = s.fetchmany(5000)
    if not rows: break
    c.executemany(sql, rows)
    d.commit()
";

/// The way of the people counter's own script: each row its own connection to a web server, and its own commit.
const HTTP: &str = "import http.server, json, threading, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        c.execute(sql, row)
        d.commit()
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *a): pass
h = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
threading.Thread(target=h.serve_forever, daemon=True).start()
for row in s:
    urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:%d/' % h.server_port, json.dumps(row).encode())).read()
";

/// `LOAD DATA` of the command line's clients, through a pipe.
const LOAD: &str = "sqlite3 -separator '\t' -nullvalue '\\N' \"$S\" \"SELECT timestamp, in_count, out_count, region_count, \
     camera_name, ip FROM traffic\" | mariadb --no-defaults -uroot -h127.0.0.1 -P\"$PORT\" --local-infile=1 d -e \"SET time_zone = \
     '+00:00'; LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE traffic (timestamp, in_count, out_count, region_count, camera_name, \
     ip)\"";

enum Way {
    Ours,
    Check,
    Shell(&'static str),
    Python(&'static str),
}

struct Taken {
    seconds: f64,
    memory: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "--do", "check", source, port, rows] => {
            tokio::runtime::Runtime::new().unwrap().block_on(check(Path::new(source), port, rows.parse().unwrap()));
        }
        [_, "delay", ..] => delay::measure(),
        _ => measure(),
    }
}

/// Compares both ends, as `hotspare feed check` does, without pauses.
async fn check(source: &Path, port: &str, rows: u64) {
    let clock = Clock::real();
    let url = DatabaseUrl { url: format!("mysql://root@127.0.0.1:{port}/d"), password: SecretSource::None };
    let mut sink = sink::open("f", &FeedSink::Mysql(url), &Zone::Utc, &Secrets::new(clock.clone()), &clock);
    let table = FeedTable {
        name: "traffic".into(),
        key: vec!["camera_name".into(), "timestamp".into()],
        cursor: None,
        columns: Vec::new(),
        into: None,
        changes: None,
        lag_by: None,
    };
    let mut from = LocalSource::new(source, clock.clone());
    let shape = from.shape("traffic", None).await.unwrap();
    let carry = sink.carry(&table, &shape).await.unwrap();
    let strand = Strand { feed: "f".into(), source: String::new(), table: "traffic".into() };
    let ends = Ends {
        sources: &mut [(strand, Box::new(from))],
        sink: sink.as_mut(),
        carry: &carry,
        times: &Times::new(&Zone::Utc).unwrap(),
        clock: &clock,
    };
    let found = compare(ends, How { gentle: false, ..How::default() }, &mut |_| {}).await.unwrap();
    assert_eq!((found[0].source_rows, found[0].missing, found[0].extra, found[0].different), (rows, 0, 0, 0));
}

fn measure() {
    let rows: u64 = std::env::var("HOTSPARE_BENCH_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let rounds: usize = std::env::var("HOTSPARE_BENCH_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.db");
    fill(&source, rows);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let maria = runtime.block_on(Server::start_with(1, false, CONFIG));
    let other = runtime.block_on(Server::start_with(2, false, &format!("{CONFIG}\nversion=8.0.30")));
    for server in [&maria, &other] {
        server.sql("CREATE DATABASE d");
    }
    let mut ways = vec![
        ("hotspare feed run --once", &maria, rows, Way::Ours),
        ("hotspare: both ends compared, all the same", &maria, rows, Way::Check),
        ("feed run --once to a server that calls itself MySQL", &other, rows, Way::Ours),
        ("sqlite3, mariadb: LOAD DATA LOCAL", &maria, rows, Way::Shell(LOAD)),
    ];
    if Command::new(python()).args(["-c", "import pymysql"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        ways.extend([
            ("Python: executemany, 5,000 and a commit", &maria, rows, Way::Python(MANY)),
            ("Python: each row and a commit", &maria, rows.min(20_000), Way::Python(ONE_BY_ONE)),
            ("Python: each row by HTTP, as the script", &maria, rows.min(2_000), Way::Python(HTTP)),
        ]);
    } else {
        println!("{} has no pymysql: its ways are left out (pip install pymysql)", python());
    }
    let mut taken: Vec<Vec<Taken>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((_, server, rows, way), taken) in ways.iter().zip(&mut taken) {
            // What is compared are the rows that the way before has carried.
            if !matches!(way, Way::Check) {
                server.sql(&format!("USE d; {TARGET}"));
            }
            taken.push(take(way, &source, server, *rows, folder.path()));
            let there: u64 = server.sql("SELECT COUNT(*) FROM d.traffic").trim().parse().unwrap();
            assert_eq!(there, *rows);
        }
    }
    println!("| | rows | seconds | rows/s | peak MB |\n|---|---|---|---|---|");
    for ((name, _, rows, _), mut taken) in ways.into_iter().zip(taken) {
        taken.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let seconds = taken[taken.len() / 2].seconds;
        let memory = taken.iter().map(|taken| taken.memory).max().unwrap() / 1024;
        println!("| {name} | {rows} | {seconds:.2} | {:.0} | {memory} |", rows as f64 / seconds);
    }
}

fn python() -> String {
    std::env::var("HOTSPARE_BENCH_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// Rows of 35 cameras, one every ten seconds.
fn fill(path: &Path, rows: u64) {
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch(&format!(
        "{SOURCE}; WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < {rows}) \
         INSERT INTO traffic (timestamp, in_count, out_count, region_count, camera_name, ip) \
         SELECT datetime('2026-01-01', '+' || (x / 35 * 10) || ' seconds'), x % 7, x % 5, NULL, 'camera ' || (x % 35), \
         '10.0.0.' || (x % 35) FROM n"
    ))
    .unwrap();
}

fn take(way: &Way, source: &Path, server: &Server, rows: u64, folder: &Path) -> Taken {
    let mut command = match way {
        Way::Ours => {
            let fleet = folder.join("fleet.toml");
            let text = format!(
                "name = \"bench\"\n[feeds.f]\nfrom = {{ sqlite = \"{}\" }}\nto = {{ mysql = \"mysql://root@127.0.0.1:{}/d\" }}\n\
                 zone = \"utc\"\ntables = [{{ name = \"traffic\", key = [\"camera_name\", \"timestamp\"] }}]\n",
                source.display(),
                server.port
            );
            std::fs::write(&fleet, text).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
            command.args(["feed", "run", "f", "--once", "--fleet"]).arg(fleet);
            command
        }
        Way::Check => {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--do", "check"]).arg(source).args([server.port.to_string(), rows.to_string()]);
            command
        }
        Way::Shell(script) => {
            let mut command = Command::new("sh");
            command.args(["-ec", script]);
            command
        }
        Way::Python(script) => {
            let mut command = Command::new(python());
            command.args(["-c", &format!("{BEGIN}{script}")]);
            command
        }
    };
    for folder_of in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        command.env(folder_of, folder);
    }
    let command = command.env("S", source).env("PORT", server.port.to_string()).env("ROWS", rows.to_string());
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut memory = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            status.lines().find(|line| line.starts_with("VmHWM")).and_then(|line| line.split_whitespace().nth(1));
        memory = peak.and_then(|peak| peak.parse().ok()).unwrap_or(memory);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "ended with {ended}");
            return Taken { seconds: begun.elapsed().as_secs_f64(), memory };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
