//! The proof that 100,000 sessions can be browsed: the real program in a pty of 200×50, over a real engine, over real folders
//! on both sides (two empty files each). A frame is over when the last byte of its bracket has come.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hotspare::journal::database;

use super::{SESSIONS, command, globals};

/// The end of a frame: a synchronized update (DEC 2026) closes.
const END: &[u8] = b"\x1b[?2026l";
/// Participants of a day.
const A_DAY: usize = 400;
/// Who stands first on the first screen.
const FIRST: &str = "p000";
/// After a frame without another one for so long, all that belongs to a key has come.
const QUIET: Duration = Duration::from_millis(80);
/// Between two keys at the least: a person's pace.
const PACE: Duration = Duration::from_millis(120);
const STARTS: usize = 7;

/// Keys, by what they do; each is pressed so many times.
const GESTURES: [(&str, &[&str], usize); 6] = [
    ("selection", &["\x1b[B", "\x1b[B", "\x1b[A"], 40),
    ("scroll by screens", &["\x1b[6~", "\x1b[6~", "\x1b[6~", "\x1b[5~"], 25),
    ("to the ends", &["\x1b[F", "\x1b[H"], 15),
    ("sort", &["s"], 28),
    ("turn around", &["S"], 20),
    ("filter, letter by letter", &["/", "p", "0", "0", "4", " ", "!", "s", "a", "f", "e", "\x15", "\x1b"], 6),
];

/// Prints the tables.
pub(super) fn browse() {
    let own = tempfile::tempdir().unwrap();
    let place = std::env::var_os("HOTSPARE_BENCH_KEEP")
        .map_or_else(|| own.path().to_owned(), |kept| Path::new(&kept).join("browser"));
    if !place.join("hotspare.toml").exists() {
        record(&place);
    }
    let engine = Engine::start(&place);
    engine.wait_for_index();
    println!("\n| {SESSIONS} sessions, first screen with rows | p50 ms | worst ms |\n|---|---|---|");
    let mut joined: Vec<f64> = (0..STARTS).map(|_| first_screen(&place)).collect();
    print_starts("the engine runs", &mut joined);
    drop(engine);
    let mut started: Vec<f64> = (0..STARTS).map(|_| (first_screen(&place), stop(&place)).0).collect();
    print_starts("nothing runs: the console starts the engine, which reads its index", &mut started);
    if std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok() {
        let mut cold: Vec<f64> = (0..3)
            .map(|_| {
                let _written = std::process::Command::new("sync").status();
                std::fs::write("/proc/sys/vm/drop_caches", "1").unwrap();
                (first_screen(&place), stop(&place)).0
            })
            .collect();
        print_starts("… with nothing of the program and the index in memory", &mut cold);
    }

    let engine = Engine::start(&place);
    engine.wait_for_look();
    let mut browser = Browser::open(&place);
    browser.until_rows();
    browser.keys("2z");
    println!(
        "\n| {SESSIONS} sessions, key to the last byte | keys | first frame p50 ms | p99 ms | worst ms | rows there p50 ms | \
         p99 ms | worst ms |\n|---|---|---|---|---|---|---|---|"
    );
    for (again, word) in [(false, ""), (true, ", while all is looked at again")] {
        for (name, keys, times) in GESTURES {
            gesture(&mut browser, &format!("{name}{word}"), keys, times, again);
        }
    }
    browser.quit();
}

fn gesture(browser: &mut Browser, name: &str, keys: &[&str], times: usize, again: bool) {
    browser.settle();
    browser.keys("\x1b[H");
    if again {
        browser.keys("r");
        browser.frame(Instant::now() + QUIET);
    } else {
        browser.settle();
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for key in keys.iter().cycle().take(keys.len() * times) {
        let begun = Instant::now();
        browser.keys(key);
        let since = |at: Instant| (at - begun).as_secs_f64() * 1000.0;
        // A key that changes nothing draws nothing.
        if let Some(mut at) = browser.frame(begun + Duration::from_secs(2)) {
            first.push(since(at));
            while let Some(next) = browser.frame((at + QUIET).min(begun + PACE * 2)) {
                at = next;
            }
            last.push(since(at));
        }
        std::thread::sleep(PACE.saturating_sub(begun.elapsed()));
    }
    let rows = if again { "– | – | –".into() } else { figures(&mut last) };
    println!("| {name} | {} | {} | {rows} |", first.len(), figures(&mut first));
}

fn figures(all: &mut [f64]) -> String {
    all.sort_by(f64::total_cmp);
    format!("{:.1} | {:.1} | {:.1}", all[all.len() / 2], all[all.len() * 99 / 100], all[all.len() - 1])
}

fn print_starts(name: &str, all: &mut [f64]) {
    all.sort_by(f64::total_cmp);
    println!("| {name} | {:.1} | {:.1} |", all[all.len() / 2], all[all.len() - 1]);
}

/// Milliseconds from starting the program until rows are on the screen.
fn first_screen(place: &Path) -> f64 {
    let begun = Instant::now();
    let mut browser = Browser::open(place);
    let at = browser.until_rows();
    browser.quit();
    (at - begun).as_secs_f64() * 1000.0
}

/// Stops the engine of this place and waits until it is gone.
fn stop(place: &Path) {
    let _stopped = command(place).args(["engine", "stop", "--force"]).output();
    let begun = Instant::now();
    while place.join("state/engine.sock").exists() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running engine.
struct Engine<'a> {
    place: &'a Path,
    child: Child,
}

impl<'a> Engine<'a> {
    fn start(place: &'a Path) -> Self {
        let child = command(place).arg("engine").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let engine = Self { place, child };
        while !place.join("state/engine.sock").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        engine
    }

    /// Until every session of both sides is in the index.
    fn wait_for_index(&self) {
        let begun = Instant::now();
        let kept = || {
            let connection = database::open_read_only(&self.place.join("state")).ok()?;
            connection.query_row("SELECT count(*) FROM session_facts", [], |row| row.get::<_, i64>(0)).ok()
        };
        while kept().unwrap_or(0) < 2 * SESSIONS as i64 {
            assert!(begun.elapsed() < Duration::from_secs(300), "the index does not become whole");
            std::thread::sleep(Duration::from_millis(200));
        }
        self.wait_for_look();
    }

    /// Until nothing is looked at any more: the engine's processor time stands still.
    fn wait_for_look(&self) {
        let mut before = -1.0;
        loop {
            let now = super::cpu_seconds(self.child.id());
            if now - before < 0.03 {
                return;
            }
            before = now;
            std::thread::sleep(Duration::from_millis(1000));
        }
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        stop(self.place);
        let _gone = self.child.wait();
    }
}

/// The console in a pty, with a thread that notes when bytes came.
struct Browser {
    child: Child,
    pty: Arc<pty_process::blocking::Pty>,
    bytes: Receiver<(Instant, Vec<u8>)>,
    tail: Vec<u8>,
    at: Instant,
    screen: vt100::Parser,
}

impl Browser {
    fn open(place: &Path) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(50, 200)).unwrap();
        let mut start = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hotspare"));
        for (name, value) in globals(place) {
            start = start.arg(name).arg(value);
        }
        let child = start.args(["console", "--theme", "dark"]).env("TERM", "xterm-256color").spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let screen = vt100::Parser::new(50.try_into().unwrap(), 200.try_into().unwrap(), 0);
        let (send, bytes) = channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = (&*reader).read(&mut buffer) {
                if send.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { child, pty, bytes, tail: Vec::new(), at: Instant::now(), screen }
    }

    fn keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// When the next frame ended; `None`: none did in time.
    fn frame(&mut self, until: Instant) -> Option<Instant> {
        loop {
            if let Some(at) = self.tail.windows(END.len()).position(|bytes| bytes == END) {
                let frame: Vec<u8> = self.tail.drain(..at + END.len()).collect();
                self.screen.process(&frame);
                return Some(self.at);
            }
            let left = until.saturating_duration_since(Instant::now());
            let (at, bytes) = self.bytes.recv_timeout(left).ok()?;
            self.at = at;
            self.tail.extend(bytes);
        }
    }

    /// When the first frame ended that shows a session.
    fn until_rows(&mut self) -> Instant {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let at = self.frame(patience).expect("the console draws rows");
            if self.screen.screen().contents().contains(FIRST) {
                return at;
            }
        }
    }

    /// Waits until nothing has come for a while.
    fn settle(&mut self) {
        let begun = Instant::now();
        while self.frame(Instant::now() + PACE * 2).is_some() && begun.elapsed() < Duration::from_secs(60) {}
    }

    fn quit(&mut self) {
        self.keys("q");
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            self.frame(Instant::now() + Duration::from_millis(20));
            if begun.elapsed() > Duration::from_secs(3) {
                self.child.kill().unwrap();
            }
        }
    }
}

/// Sessions and their copies, and the fleet file of both.
fn record(place: &Path) {
    for number in 0..SESSIONS {
        let day = jiff::civil::date(2020, 1, 1) + jiff::Span::new().days((number / A_DAY) as i64);
        let (day, participant) = (day.strftime("%Y%m%d").to_string(), format!("p{:03}", number % A_DAY));
        for folder in
            [place.join("data").join(&participant).join(&day), place.join("nas").join(&day).join(&participant)]
        {
            std::fs::create_dir_all(&folder).unwrap();
            for ending in ["mp4", "json"] {
                std::fs::File::create(folder.join(format!("walk.{ending}"))).unwrap();
            }
        }
    }
    let place = place.display();
    let file = format!(
        "name = \"browser\"\n[sessions.bench]\nsource = \"{place}/data\"\nlayout = \"{{participant}}/{{date}}\"\nsettle = \"2s\"\n\
         destinations = [{{ name = \"NAS\", path = \"{place}/nas\", layout = \"{{date}}/{{participant}}\" }}]\n"
    );
    std::fs::write(format!("{place}/hotspare.toml"), file).unwrap();
}
