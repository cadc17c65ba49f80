//! What a round, an unchanged round and a drill cost, beside the ways in which people dump and restore, in the same run,
//! alternating: small race databases, and one large database; then what a day of races leaves on the medium, and what a round costs
//! the server.
//!
//! `cargo bench --bench dump` prints a table of medians. `HOTSPARE_BENCH_ROUNDS=3` says how often each is measured,
//! `HOTSPARE_BENCH_ROWS=5000000` how many rows the large database has (16,000,000
//! are 1 GB), `HOTSPARE_BENCH_FOLDER` where dumps go. What ours writes is
//! synced, read back and compared; what the others write is synced where that is said. `mydumper` is asked where it is installed.
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

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotspare::clock::Clock;
use hotspare::dump::change::Memory;
use hotspare::dump::drill::drill;
use hotspare::dump::medium::Medium;
use hotspare::dump::report::MadeResult;
use hotspare::dump::round::round;
use hotspare::dump::tools::Tools;
use hotspare::fleet::data::{Dump, DumpDatabases, Keep, Scratch};
use hotspare::fleet::secret::{DatabaseUrl, SecretSource};
use hotspare::reach::secret::Secrets;
use hotspare::work::steer::Alone;
use tokio_util::sync::CancellationToken;

#[path = "dump/day.rs"]
mod day;
#[path = "dump/process.rs"]
mod process;
#[path = "../tests/mysql/server.rs"]
mod server;

use server::Server;

const CONFIG: &str =
    "skip-log-bin\ninnodb_flush_log_at_trx_commit=1\ninnodb_buffer_pool_size=1G\ninnodb_log_file_size=512M";
const LARGE: &str = "CREATE DATABASE large; CREATE TABLE large.traffic (id INT AUTO_INCREMENT PRIMARY KEY, timestamp TIMESTAMP NOT NULL, \
     in_count INT NOT NULL, out_count INT NOT NULL, region_count INT NULL, camera_name VARCHAR(255) NOT NULL, ip VARCHAR(255) NULL, \
     KEY (camera_name, timestamp)) ENGINE=InnoDB DEFAULT CHARSET utf8mb4";

struct Site {
    server: Server,
    tools: Tools,
    folder: PathBuf,
}

/// How ours does one round on a fresh medium, and one more.
struct Ours<'a> {
    site: &'a Site,
    dump: Dump,
    memory: Memory,
}

impl Ours<'_> {
    async fn round(&self) -> (f64, f64, MadeResult) {
        let begun = Instant::now();
        let medium = Arc::new(Medium::open(&self.dump, &[], self.site.tools.clock.now()).unwrap());
        let last = medium.kits().unwrap().into_iter().next();
        let stop = CancellationToken::new();
        let made = round(&self.dump, &self.site.tools, medium, last.as_ref(), &self.memory, Arc::new(Alone), &stop)
            .await
            .unwrap();
        let took = begun.elapsed().as_secs_f64();
        assert!(made.databases.iter().all(|one| one.error.is_none()), "{made:?}");
        let locked = made.databases.iter().filter_map(|one| one.locked).fold(0.0, f64::max);
        (took, locked, made.databases.last().unwrap().result)
    }

    async fn drill(&self) -> f64 {
        let medium = Arc::new(Medium::open(&self.dump, &[], self.site.tools.clock.now()).unwrap());
        let kit = medium.kits().unwrap().into_iter().next().unwrap();
        let stop = CancellationToken::new();
        let drilled = drill(&self.dump, &kit, &self.site.tools, medium, Arc::new(Alone), &stop).await.unwrap();
        assert!(drilled.ok, "{drilled:?}");
        drilled.seconds
    }
}

fn main() {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |number| number.parse().unwrap());
    let (rounds, rows) = (number("HOTSPARE_BENCH_ROUNDS", 3), number("HOTSPARE_BENCH_ROWS", 5_000_000));
    let held = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("HOTSPARE_BENCH_FOLDER").map_or_else(|| held.path().to_owned(), PathBuf::from);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = Server::start_with(1, false, CONFIG).await;
        let clock = Clock::real();
        let tools = Tools::new(clock.clone(), Secrets::new(clock), folder.join("work"));
        let site = Site { server, tools, folder };
        let races: Vec<String> = (0..6).map(|race| format!("race_{race}")).collect();
        for race in &races {
            site.race(race);
        }
        site.server.sql(LARGE);
        site.server.sql(&format!(
            "USE large; INSERT INTO large.traffic SELECT seq, TIMESTAMP('2026-01-01') + INTERVAL (seq DIV 35 * 10 DIV 3) SECOND, seq MOD 7, \
             seq MOD 5, NULL, CONCAT('camera ', seq MOD 35), CONCAT('10.0.0.', seq MOD 35) FROM seq_1_to_{rows}"
        ));
        println!("| | seconds | bytes | tables locked at most, ms |\n|---|---|---|---|");
        site.measure("6 races of 1,000 runners", &races, rounds).await;
        let (large, few) = ([String::from("large")], "6 races of 1,000 runners");
        site.measure(&format!("{rows} rows"), &large, rounds).await;
        for (what, databases) in [(few, &races[..]), (&format!("{rows} rows"), &large[..])] {
            site.process(what, databases, rounds);
            site.load(what, databases, rounds);
        }
        site.day(&races).await;
    });
}

impl Site {
    /// As the program makes them, with a thousand runners.
    fn race(&self, name: &str) {
        self.server.sql(&format!(
            "CREATE DATABASE {name}; USE {name}; CREATE TABLE oRunner (Id INT PRIMARY KEY, Name VARCHAR(31), Card INT, Start INT, \
             Finish INT, Modified TIMESTAMP, Counter INT) ENGINE=MyISAM DEFAULT CHARSET utf8mb4; \
             CREATE TABLE oCard (Id INT PRIMARY KEY, Punches VARCHAR(3040), Modified TIMESTAMP) ENGINE=MyISAM DEFAULT CHARSET utf8mb4; \
             INSERT INTO oRunner SELECT seq, CONCAT('Runner ', seq), seq * 7, seq, seq + 3600, NOW(), seq FROM seq_1_to_1000; \
             INSERT INTO oCard SELECT seq, REPEAT(CONCAT(seq, '-36000;'), 20), NOW() FROM seq_1_to_1000"
        ));
    }

    fn ours(&self, databases: &[String]) -> Ours<'_> {
        let to = self.folder.join("stick");
        std::fs::create_dir_all(&to).unwrap();
        let dump = Dump {
            name: "bench".into(),
            server: DatabaseUrl {
                url: format!("mysql://root@127.0.0.1:{}/", self.server.port),
                password: SecretSource::None,
            },
            databases: databases.iter().cloned().map(DumpDatabases::Named).collect(),
            every: Duration::from_secs(60),
            to,
            mount: false,
            keep: Keep::default(),
            scratch: Scratch::Auto,
        };
        Ours { site: self, dump, memory: Memory::default() }
    }

    async fn measure(&self, what: &str, databases: &[String], rounds: u64) {
        let (mut new, mut idle, mut drills, mut locks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        let plain = "mariadb-dump --no-defaults -uroot -h127.0.0.1 -P$PORT --databases $D";
        let each = |act: &str| format!("for D in {}; do {plain} {act}; done; sync -f $T/.", databases.join(" "));
        let mut peers = vec![
            ("mariadb-dump, plain", each("> $T/$D.sql")),
            ("mariadb-dump \\| zstd -1", each("| zstd -q -1 -c > $T/$D.sql.zst")),
        ];
        if Command::new("mydumper").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok() {
            let one = "mydumper -h 127.0.0.1 -P $PORT -u root -B $D -o $T/my-$D --routines --events --triggers";
            peers.push((
                "mydumper, compressed",
                format!("for D in {}; do {one} -c; done; sync -f $T/.", databases.join(" ")),
            ));
        }
        let mut taken: Vec<(Vec<f64>, u64)> = peers.iter().map(|_| (Vec::new(), 0)).collect();
        let mut restores = Vec::new();
        for _ in 0..rounds {
            for ((_, script), taken) in peers.iter().zip(&mut taken) {
                let target = self.fresh("peer");
                taken.0.push(self.shell(script, &target));
                taken.1 = size(&target);
            }
            std::fs::remove_dir_all(self.folder.join("stick")).ok();
            let ours = self.ours(databases);
            let (took, locked, result) = ours.round().await;
            assert_eq!(result, MadeResult::Written);
            new.push(took);
            locks.push(locked);
            bytes = size(&ours.dump.to);
            // Times have whole seconds, and fresh ones prove nothing.
            tokio::time::sleep(Duration::from_millis(3100)).await;
            ours.round().await;
            let (took, _, result) = ours.round().await;
            assert_eq!(result, MadeResult::Unchanged);
            idle.push(took);
            drills.push(ours.drill().await);
            restores.push(self.restore(databases).await);
        }
        for ((name, _), (seconds, bytes)) in peers.iter().zip(taken) {
            println!("| {what}: {name}, then sync | {:.3} | {bytes} | |", median(seconds));
        }
        println!(
            "| {what}: hotspare, durable and read back | {:.3} | {bytes} | {:.1} |",
            median(new),
            median(locks) * 1e3
        );
        println!("| {what}: hotspare, nothing changed | {:.3} | 0 | 0 |", median(idle));
        println!("| {what}: zstd -dc \\| mariadb, to a fresh server | {:.2} | | |", median(restores));
        println!("| {what}: hotspare drill, server, restore and comparison | {:.2} | | |", median(drills));
    }

    /// The way by hand: into a server that is there already, as it is usually configured.
    async fn restore(&self, databases: &[String]) -> f64 {
        let target = self.fresh("peer");
        let plain = "mariadb-dump --no-defaults -uroot -h127.0.0.1 -P$PORT --databases $D";
        self.shell(
            &format!("for D in {}; do {plain} | zstd -q -1 -c > $T/$D.sql.zst; done", databases.join(" ")),
            &target,
        );
        let other = Server::start_with(2, false, CONFIG).await;
        let restore = format!(
            "for D in {}; do zstd -dcq $T/$D.sql.zst | mariadb --no-defaults -uroot -h127.0.0.1 -P{}; done",
            databases.join(" "),
            other.port
        );
        self.shell(&restore, &target)
    }

    fn fresh(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn shell(&self, script: &str, target: &Path) -> f64 {
        let begun = Instant::now();
        let ended = Command::new("sh")
            .args(["-ec", script])
            .env("PORT", self.server.port.to_string())
            .env("T", target)
            .status()
            .unwrap();
        assert!(ended.success(), "{script}");
        begun.elapsed().as_secs_f64()
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn size(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        bytes += if path.is_dir() { size(&path) } else { entry.metadata().unwrap().len() };
    }
    bytes
}
