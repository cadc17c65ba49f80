//! How long a row that was committed at the source takes until it is there at the target, while a thousand rows come in a second;
//! and what the engine costs meanwhile, at rest, and whoever writes.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::server::Server;

/// Rows of one commit, and the time between two: a thousand rows a second.
const ROWS: i64 = 10;
const TICK: Duration = Duration::from_millis(10);
/// How long rows come in, and how long none do.
const BUSY: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(10);

/// A row that is waited for: its feed, its id, and when it was committed.
type Waited = (usize, i64, Instant);

struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Engine {
    /// Processor time so far, seconds.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let words: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = words[11..13].iter().map(|word| word.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }

    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

pub(crate) fn measure() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start_with(1, false, crate::CONFIG));
    println!(
        "| 1,000 rows/s | delay p50 ms | p99 ms | worst ms | commit at the source p50 ms | p99 ms | engine, CPU % | at rest, CPU % | \
         peak MB |\n|---|---|---|---|---|---|---|---|---|"
    );
    for feeds in [0, 1, 50] {
        let folder = tempfile::tempdir().unwrap();
        println!("{}", line(&runtime, &server, feeds, folder.path()));
    }
}

fn line(runtime: &tokio::runtime::Runtime, server: &Server, feeds: usize, folder: &Path) -> String {
    server.sql("DROP DATABASE IF EXISTS d; CREATE DATABASE d");
    let mut text = String::from("name = \"bench\"\n");
    let sources: Vec<PathBuf> = (0..feeds.max(1)).map(|feed| folder.join(format!("source-{feed}.db"))).collect();
    for (feed, source) in sources.iter().enumerate() {
        let file = rusqlite::Connection::open(source).unwrap();
        file.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, cam TEXT, v INTEGER)")
            .unwrap();
        server.sql(&format!("CREATE TABLE d.t{feed} (id BIGINT PRIMARY KEY, cam VARCHAR(40), v INT)"));
        let _written = write!(
            text,
            "[feeds.f{feed}]\nfrom = {{ sqlite = \"{}\" }}\nto = {{ mysql = \"mysql://root@127.0.0.1:{}/d\" }}\nzone = \"utc\"\n\
             tables = [{{ name = \"t\", key = [\"id\"], into = \"t{feed}\" }}]\n",
            source.display(),
            server.port
        );
    }
    let engine = (feeds > 0).then(|| begin(&text, folder));
    // The first look at every feed is over.
    std::thread::sleep(Duration::from_secs(3));
    let rest = engine.as_ref().map(|engine| over(engine, || std::thread::sleep(IDLE)));

    let waiting = Arc::new(Mutex::new(VecDeque::new()));
    let (mut commits, mut delays) = (Vec::new(), Vec::new());
    let mut busy = || {
        let to = Arc::clone(&waiting);
        let files = sources.clone();
        let writer = std::thread::spawn(move || write(&files, &to));
        if engine.is_some() {
            delays = runtime.block_on(watch(server.port, &waiting, &writer));
        }
        commits = writer.join().unwrap();
    };
    let cpu = if let Some(engine) = &engine {
        over(engine, busy)
    } else {
        busy();
        0.0
    };
    let (delay, commit) = (spread(delays), spread(commits));
    let Some(engine) = engine else {
        return format!("| no engine | – | – | – | {} | {} | – | – | – |", commit[0], commit[1]);
    };
    let [p50, p99, worst] = delay;
    let name = if feeds == 1 { "one feed".to_owned() } else { format!("{feeds} feeds") };
    format!(
        "| {name} | {p50} | {p99} | {worst} | {} | {} | {cpu:.1} | {:.2} | {} |",
        commit[0],
        commit[1],
        rest.unwrap(),
        engine.memory()
    )
}

fn begin(text: &str, folder: &Path) -> Engine {
    let fleet = folder.join("fleet.toml");
    std::fs::write(&fleet, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("engine").arg("--fleet").arg(fleet).arg("--state").arg(folder.join("state"));
    for folder_of in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        command.env(folder_of, folder);
    }
    Engine(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Percent of a core that the engine takes meanwhile.
fn over(engine: &Engine, what: impl FnOnce()) -> f64 {
    let (before, began) = (engine.cpu(), Instant::now());
    what();
    (engine.cpu() - before) / began.elapsed().as_secs_f64() * 100.0
}

/// Writes ten rows every ten milliseconds, into one file after the other; how long each commit took, seconds.
fn write(files: &[PathBuf], waiting: &Mutex<VecDeque<Waited>>) -> Vec<f64> {
    let mut files: Vec<(rusqlite::Connection, i64)> = files
        .iter()
        .map(|path| {
            let file = rusqlite::Connection::open(path).unwrap();
            file.busy_timeout(Duration::from_secs(5)).unwrap();
            file.pragma_update(None, "synchronous", "normal").unwrap();
            (file, 0)
        })
        .collect();
    let (began, mut commits) = (Instant::now(), Vec::new());
    for turn in 0.. {
        let due = TICK * turn;
        if due > BUSY {
            break;
        }
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let feed = turn as usize % files.len();
        let (file, last) = &mut files[feed];
        let start = Instant::now();
        let transaction = file.transaction().unwrap();
        for _row in 0..ROWS {
            *last += 1;
            transaction.execute("INSERT INTO t VALUES (?1, 'camera', ?1 % 7)", [*last]).unwrap();
        }
        transaction.commit().unwrap();
        commits.push(start.elapsed().as_secs_f64());
        waiting.lock().unwrap().push_back((feed, *last, Instant::now()));
    }
    commits
}

/// Asks the target again and again for the oldest row that it does not have; how long each took, seconds.
async fn watch(port: u16, waiting: &Mutex<VecDeque<Waited>>, writer: &std::thread::JoinHandle<Vec<f64>>) -> Vec<f64> {
    use mysql_async::prelude::Queryable;
    let options = mysql_async::Opts::from_url(&format!("mysql://root@127.0.0.1:{port}/d")).unwrap();
    let mut target = mysql_async::Conn::new(options).await.unwrap();
    let (mut delays, end) = (Vec::new(), Instant::now() + BUSY * 2);
    loop {
        let Some((feed, id, _)) = waiting.lock().unwrap().front().copied() else {
            if writer.is_finished() {
                return delays;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        assert!(Instant::now() < end, "row {id} of feed {feed} does not come");
        let newest: Option<Option<i64>> = target.query_first(format!("SELECT MAX(id) FROM t{feed}")).await.unwrap();
        let (now, newest) = (Instant::now(), newest.flatten().unwrap_or(0));
        let before = delays.len();
        {
            let mut waiting = waiting.lock().unwrap();
            while let Some((_, _, since)) = waiting.front().copied().filter(|(of, id, _)| *of == feed && *id <= newest)
            {
                delays.push((now - since).as_secs_f64());
                waiting.pop_front();
            }
        }
        if delays.len() == before {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

/// Median, 99th percentile and worst, milliseconds.
fn spread(mut seconds: Vec<f64>) -> [String; 3] {
    seconds.sort_by(f64::total_cmp);
    [50, 99, 100].map(|percent| {
        let at = (seconds.len() * percent / 100).min(seconds.len().saturating_sub(1));
        seconds.get(at).map_or_else(|| "–".into(), |seconds| format!("{:.1}", seconds * 1e3))
    })
}
