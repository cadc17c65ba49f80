//! What it costs to know the state of all recording sessions, beside the programs that people use for it, in the same run,
//! alternating: whole processes, with the caches cold (root only) and warm.
//!
//! `cargo bench --bench status` prints a table for each number of sessions. `HOTSPARE_BENCH_SESSIONS="200 5000 100000"` says
//! how many, each of 20 files, `HOTSPARE_BENCH_ROUNDS=5` how often each is measured, `HOTSPARE_BENCH_KEEP=FOLDER` where the
//! sessions are made and kept for the next time: 100,000 on two sides are four million files.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hotspare::clock::{Clock, Timestamp};
use hotspare::fleet::Fleet;
use hotspare::fleet::data::{Destination, Store};
use hotspare::journal::database;
use hotspare::reach::ssh::{SshOptions, SshPool};
use hotspare::session::catalogue::{AskImported, Stores};
use hotspare::session::filter::Filter;
use hotspare::session::imported::Answer;
use hotspare::session::side::{Depth, Folder, Known, Look, Side, Ways};
use hotspare::session::view::{Ask, Sort};

const FILES: usize = 20;
/// The shell way takes half a minute for this many; more are not waited for.
const SHELL: usize = 200;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "--do", "look", place] => look(Path::new(place)),
        [_, "--do", "again", place] => again(Path::new(place)),
        [_, "--do", "start", place] => start(Path::new(place), false),
        [_, "--do", "browse", place] => start(Path::new(place), true),
        _ => measure_all(),
    }
}

/// All sessions of one side, every file.
fn look(place: &Path) {
    let begun = Instant::now();
    let found = scan(place, Known::new(), Depth::Full);
    println!("{} {}", begun.elapsed().as_secs_f64(), memory());
    assert!(!found.is_empty());
}

/// Once more, when little has changed.
fn again(place: &Path) {
    let known = scan(place, Known::new(), Depth::Full);
    let begun = Instant::now();
    let found = scan(place, known, Depth::Changed);
    println!("{} {}", begun.elapsed().as_secs_f64(), memory());
    assert!(!found.is_empty());
}

fn scan(place: &Path, known: Known, depth: Depth) -> Known {
    let store = store(place);
    // A day later: what was just made does not count as being recorded.
    let now = Timestamp::from_second(Clock::real().now().as_second() + 86_400).unwrap();
    let look = Look { known: Arc::new(known), depth, now };
    Folder::source(&store, &Filter::new(&store)).scan(&look, &|| true).unwrap().found
}

/// The whole catalogue: until the first rows are there, until both sides were looked at, until all of it is in the index;
/// `browse`: and what a face then asks, also while all is looked at again.
fn start(place: &Path, browse: bool) {
    let mut fleet = Fleet::empty("bench");
    fleet.sessions.push(store(place));
    let sessions = std::fs::read_to_string(place.join("count")).unwrap().parse::<u64>().unwrap();
    let nobody: AskImported = Arc::new(|_, _| Box::pin(async { Answer::Known(HashMap::new()) }));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (clock, begun) = (Clock::real(), Instant::now());
        let ways = Ways::new(SshPool::new(SshOptions::default(), clock.clone()), clock);
        let stores = Stores::start(&Arc::new(fleet), &place.join("state"), ways, nobody);
        let mut seen = stores.seen();
        let mut until = async |wanted: &dyn Fn(&Stores) -> bool| {
            while !wanted(&stores) {
                seen.changed().await.unwrap();
            }
            begun.elapsed().as_secs_f64()
        };
        let first = until(&|stores| stores.views()[0].totals.sessions > 0).await;
        let all = until(&|stores| stores.views()[0].totals.sessions == sessions).await;
        let waited = journal(place);
        let looked = until(&|stores| stores.views()[0].scanned.is_some() && !stores.views()[0].scanning).await;
        let (mut slowest, mut refreshing) = (0.0, 0.0_f64);
        if browse {
            slowest = ask_all(&stores);
            stores.refresh(None).unwrap();
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_millis(200) || stores.views()[0].scanning {
                refreshing = refreshing.max(ask_all(&stores));
            }
        }
        // What the next start finds is to be whole.
        let kept = || {
            let connection = database::open_read_only(&place.join("state")).ok()?;
            connection.query_row("SELECT count(*) FROM session_facts", [], |row| row.get::<_, i64>(0)).ok()
        };
        while kept().unwrap_or(0) < 2 * sessions.cast_signed() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stores.shutdown().await;
        let (waited, peak) = (waited.end(), memory());
        println!("{looked} {peak} {first} {all} {slowest} {refreshing} {waited}");
    });
}

/// Every order and some filters; the slowest answer, in seconds.
fn ask_all(stores: &Stores) -> f64 {
    let mut slowest: f64 = 0.0;
    for sort in [Sort::Trouble, Sort::Date, Sort::Participant, Sort::Size, Sort::Safe, Sort::Verified, Sort::Changed] {
        for filter in ["", "p00", "!copied 2025"] {
            let ask = Ask { filter: filter.into(), sort, limit: 200, ..Ask::default() };
            let asked = Instant::now();
            let rows = stores.rows(&ask).unwrap();
            slowest = slowest.max(asked.elapsed().as_secs_f64());
            assert!(filter == "!copied 2025" || !rows.rows.is_empty());
        }
    }
    slowest
}

/// Whoever writes into `state.db` all the time beside the index, as the journal does.
struct Journal {
    over: Arc<AtomicBool>,
    writes: std::thread::JoinHandle<f64>,
}

fn journal(place: &Path) -> Journal {
    let over = Arc::new(AtomicBool::new(false));
    let (state, ended) = (place.join("state"), Arc::clone(&over));
    let writes = std::thread::spawn(move || {
        let connection = database::join(&state).unwrap();
        let mut slowest: f64 = 0.0;
        while !ended.load(Ordering::Relaxed) {
            let begun = Instant::now();
            // What is waited for is the turn to write, not the disk: that the index cannot help.
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            slowest = slowest.max(begun.elapsed().as_secs_f64());
            connection.execute_batch("ROLLBACK").unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        slowest
    });
    Journal { over, writes }
}

impl Journal {
    /// The longest wait, in seconds.
    fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.writes.join().unwrap()
    }
}

fn store(place: &Path) -> Store {
    Store {
        name: "bench".into(),
        source: place.join("data"),
        layout: "{participant}/{date}".into(),
        participants: vec!["p".into()],
        exclude: vec!["*.tmp".into(), "*.lock".into()],
        count: "*.mp4".into(),
        settle: Duration::from_secs(120),
        destinations: vec![Destination {
            name: "NAS".into(),
            mount: None,
            path: place.join("nas"),
            layout: "{date}/{participant}".into(),
            access: hotspare::fleet::bucket::Access::default(),
        }],
        parallel: 0,
        limit: None,
        imported: None,
    }
}

/// The most kilobytes that this process took.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A way to know.
struct Way {
    name: &'static str,
    /// A shell script in `$S`, the source; empty: hotspare does this.
    script: &'static str,
    ours: &'static str,
}

const WAYS: [Way; 5] = [
    Way { name: "hotspare: names, sizes and times of one side, hashed", script: "", ours: "look" },
    Way { name: "`find -printf %s` of one side", script: r#"find "$S/data" -type f -printf '%s\n' | wc -l"#, ours: "" },
    Way { name: "`rclone size` of one side", script: r#"rclone size "$S/data""#, ours: "" },
    Way { name: "hotspare: both sides joined, into an index", script: "", ours: "start" },
    Way {
        name: "shell, a session at a time, both sides (find, wc, du)",
        script: r#"cd "$S/data"; for s in */*; do p=${s%/*}; d=${s#*/}
            find "$s" -name '*.mp4' | wc -l; find "$s" -type f | wc -l; du -sh "$s"
            find "../nas/$d/$p" -type f | wc -l; done"#,
        ours: "",
    },
];

fn measure_all() {
    let counts = std::env::var("HOTSPARE_BENCH_SESSIONS").unwrap_or_else(|_| "200 5000 100000".into());
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("HOTSPARE_BENCH_KEEP").map_or_else(|| own.path().to_owned(), PathBuf::from);
    for count in counts.split_whitespace().map(|count| count.parse::<usize>().unwrap()) {
        let place = folder.join(count.to_string());
        if !place.join("count").exists() {
            eprintln!("making {count} sessions on two sides");
            record(&place, count);
        }
        table(count, &place);
    }
}

fn table(count: usize, place: &Path) {
    println!(
        "\n### {count} sessions × {FILES} files\n\n| | cold s | warm s | peak MB | warm, of `find` |\n|---|---|---|---|---|"
    );
    let ways: Vec<&Way> = WAYS.iter().filter(|way| count <= SHELL || !way.name.starts_with("shell")).collect();
    let cold = drop_caches();
    let rounds = if count > 10_000 { 2 } else { rounds() };
    let mut colds: Vec<Vec<Vec<f64>>> = vec![Vec::new(); ways.len()];
    let mut warms = colds.clone();
    for _ in 0..rounds {
        for (at, way) in ways.iter().enumerate() {
            if cold {
                forget(place, way);
                drop_caches();
                colds[at].push(take(way, place));
            }
            forget(place, way);
            warms[at].push(take(way, place));
        }
    }
    let find = median(warms[1].iter().map(|taken| taken[0]));
    for (at, way) in ways.iter().enumerate() {
        let cold = if cold { format!("{:.3}", median(colds[at].iter().map(|taken| taken[0]))) } else { "–".into() };
        let warm = median(warms[at].iter().map(|taken| taken[0]));
        let peak = warms[at].iter().filter_map(|taken| taken.get(2)).fold(0.0, |most: f64, one| most.max(*one));
        let peak = if peak > 0.0 { format!("{:.0}", peak / 1024.0) } else { "–".into() };
        println!("| {} | {cold} | {warm:.3} | {peak} | {:.2} |", way.name, warm / find);
    }
    // The index is there now, and the sides are as they were.
    let again = take(&Way { name: "", script: "", ours: "again" }, place);
    println!("| hotspare: one side again, by the times of folders | | {:.3} | | {:.2} |", again[1], again[1] / find);
    if cold {
        drop_caches();
    }
    let browse = Way { name: "", script: "", ours: "browse" };
    let first = take(&browse, place);
    println!(
        "| hotspare started: first rows from the index{} | | {:.3} | | |",
        if cold { ", cold" } else { "" },
        first[3]
    );
    let then = take(&browse, place);
    println!("| hotspare started: first rows from the index, warm | | {:.3} | | |", then[3]);
    println!("| … all rows | | {:.3} | {:.0} | |", then[4], then[2] / 1024.0);
    println!("| the slowest filter and order of all rows, with a window of 200 | | {:.4} | | |", then[5]);
    println!("| … while both sides are looked at again | | {:.4} | | |", then[6]);
    let anew = Way { name: "", script: "", ours: "start" };
    forget(place, &anew);
    let written = take(&anew, place);
    println!("| the journal's longest wait for its turn, while the whole index is written | | {:.4} | | |", written[7]);
}

/// A first look has nothing to start from.
fn forget(place: &Path, way: &Way) {
    if way.ours == "start" {
        let state = place.join("state");
        let _none_yet = std::fs::remove_dir_all(&state);
        std::fs::create_dir(&state).unwrap();
        drop(database::open(&state, Timestamp::UNIX_EPOCH).unwrap());
    }
}

/// Seconds of the whole process; of ours, what it says besides: seconds of work, peak of memory, and more.
fn take(way: &Way, place: &Path) -> Vec<f64> {
    let begun = Instant::now();
    let mut command = if way.script.is_empty() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--do", way.ours]).arg(place);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-ec", way.script]).env("S", place);
        command
    };
    let ended = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    let mut taken = vec![begun.elapsed().as_secs_f64()];
    assert!(ended.status.success(), "{} failed; apt-get install findutils rclone", way.name);
    if way.script.is_empty() {
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        taken.extend(said.split_whitespace().map(|word| word.parse::<f64>().unwrap()));
    }
    taken
}

/// Empties the kernel's caches; `false`: it may not.
fn drop_caches() -> bool {
    let _written = Command::new("sync").status();
    std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn rounds() -> usize {
    std::env::var("HOTSPARE_BENCH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Sessions of six videos and fourteen small files, and their copies.
fn record(place: &Path, count: usize) {
    let per_day = (count / 250).max(4);
    for number in 0..count {
        let day = jiff::civil::date(2020, 1, 1).checked_add(jiff::Span::new().days((number / per_day) as i64)).unwrap();
        let day = format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
        let participant = format!("p{:03}", number % per_day);
        for folder in
            [place.join("data").join(&participant).join(&day), place.join("nas").join(&day).join(&participant)]
        {
            std::fs::create_dir_all(&folder).unwrap();
            for file in 0..FILES {
                let (kind, size) = if file < 6 { ("mp4", 2_000_000_000) } else { ("json", 8_000) };
                let path = folder.join(format!("walk_{day}_1001{file:02}.{kind}"));
                std::fs::File::create(path).unwrap().set_len(size + number as u64).unwrap();
            }
        }
    }
    std::fs::write(place.join("count"), count.to_string()).unwrap();
}
