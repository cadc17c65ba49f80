//! What runs on a host, run on this machine, and read as it would be there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::target::Place;
use super::view::Row;
use super::*;

struct Bench {
    folder: tempfile::TempDir,
    stream: Arc<Stream>,
    reading: Option<tokio::task::JoinHandle<()>>,
    next: Option<u64>,
}

impl Bench {
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &&str| {
            let source = Source::File(folder.path().join(name).to_str().unwrap().to_owned());
            Place { name: (*name).to_owned(), source }
        };
        let places = names.iter().map(place).collect();
        let target = target::Target { host: "kv-1".into(), ssh: String::new(), places };
        let stream = Stream::new(target, &Clock::real());
        Self { folder, stream, reading: None, next: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn begin(&mut self) {
        let (stream, way) = (Arc::clone(&self.stream), Way::Here);
        self.reading = Some(tokio::spawn(async move {
            let pulse = async {
                loop {
                    stream.pulse();
                    tokio::time::sleep(PULSE).await;
                }
            };
            let all = futures_util::future::join_all(
                all(&stream).into_iter().map(|reader| follow(reader, way.clone(), Clock::real())),
            );
            tokio::join!(pulse, all);
        }));
    }

    /// The next lines, once there are so many.
    async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut rows: Vec<Row> = Vec::new();
        let reading = async {
            while rows.len() < count {
                let ask = Ask { after: Some(self.next.unwrap_or(0)), limit: 10_000, wait: 1000, ..Ask::default() };
                let window = self.stream.window(&ask).await;
                self.next = Some(window.next);
                rows.extend(window.rows);
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), reading).await.is_ok();
        let lines: Vec<String> = rows.into_iter().map(|row| row.text).collect();
        assert!(in_time, "{count} lines wanted: {lines:#?}");
        lines
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

/// Processes with this path of ours in their command lines.
fn processes(mark: &str) -> Vec<rustix::process::Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let holds = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    };
    pids.filter(holds).filter_map(rustix::process::Pid::from_raw).collect()
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_followed_through_rotation_truncation_and_absence() {
    let mut bench = Bench::new(&["it's $(a) log"]);
    let path = bench.path("it's $(a) log");
    bench.begin();
    let said = bench.lines(1).await;
    assert!(said[0].contains("no such file yet"), "{said:?}");
    write(&path, "one\ntwo\n");
    assert_eq!(bench.lines(2).await, ["one", "two"]);
    write(&path, "thr");
    write(&path, "ee\n");
    assert_eq!(bench.lines(1).await, ["three"]);

    // Renamed, as logrotate does; whoever writes goes on with the old file for a moment.
    let old = bench.path("it's $(a) log.1");
    std::fs::rename(&path, &old).unwrap();
    write(&old, "four, into the old file\n");
    write(&path, "six\n");
    write(&old, "five, into the old file\n");
    assert_eq!(bench.lines(3).await, ["four, into the old file", "five, into the old file", "six"]);

    // Copied and emptied.
    std::fs::File::create(&path).unwrap();
    write(&path, "7\n");
    let lines = bench.lines(2).await;
    assert!(lines[0].contains("shorter than it was") && lines[1] == "7", "{lines:?}");

    // Taken away for good, with another in its place at once: nobody can know what its last lines were.
    let other = bench.path("other");
    write(&other, "eight\n");
    std::fs::rename(&other, &path).unwrap();
    let lines = bench.lines(2).await;
    assert!(lines[0].contains("its last lines may be missing") && lines[1] == "eight", "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_the_new_file_is_read_within_a_second_and_not_emptied_unseen() {
    let clock = Clock::real();
    let mut bench = Bench::new(&["main.log"]);
    let path = bench.path("main.log");
    write(&path, "one\n");
    bench.begin();
    assert_eq!(bench.lines(1).await, ["one"]);
    let old = bench.path("main.log.1");
    std::fs::rename(&path, &old).unwrap();
    write(&path, "two\n");
    let began = clock.tick();
    assert_eq!(bench.lines(1).await, ["two"]);
    let took = clock.tick().since(began);
    println!("the new file is read {took:?} after the rotation");
    assert!(took < Duration::from_millis(1800), "{took:?}");

    // As long as the new one is empty, the old one is read, however long that is.
    std::fs::rename(&path, &old).unwrap();
    write(&path, "");
    tokio::time::sleep(Duration::from_secs(3)).await;
    write(&old, "three, into the old file\n");
    assert_eq!(bench.lines(1).await, ["three, into the old file"]);
    // Emptied before it was read: somebody goes on writing into the old one.
    write(&path, "four, which is lost\n");
    let writing = async {
        for number in 0..4 {
            write(&old, &format!("old {number}\n"));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        std::fs::File::create(&path).unwrap();
        write(&path, "5\n");
    };
    let (lines, ()) = tokio::join!(bench.lines(6), writing);
    assert_eq!(&lines[..4], ["old 0", "old 1", "old 2", "old 3"], "{lines:?}");
    assert!(lines[4].contains("shorter than it was") && lines[5] == "5", "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_no_log_and_what_is_in_it_is_named() {
    let mut bench = Bench::new(&["logs"]);
    let folder = bench.path("logs");
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    for name in ["main $(x).log", "etcd.log"] {
        write(&folder.join(name), "x\n");
    }
    bench.begin();
    let ask = Ask { limit: 20, wait: 8000, ..Ask::default() };
    let mut window = bench.stream.window(&ask).await;
    while window.sources[0].trouble.is_none() {
        window = bench.stream.window(&ask).await;
    }
    let why = window.sources[0].trouble.clone().unwrap();
    let path = folder.display();
    assert!(why.starts_with("is a folder, with ") && why.contains("main $(x).log") && !why.contains("inner"), "{why}");
    assert!(why.contains(&format!("; ask for kv-1:{path}/")), "{why}");
    assert_eq!(window.rows, Vec::new(), "there is nothing that will be there yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_one_in_the_order_of_their_times() {
    let mut bench = Bench::new(&["a.log", "b.log"]);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for minute in 0..60 {
        for second in (0..60).step_by(2) {
            writeln!(a, "2026-11-21 14:{minute:02}:{second:02},000 a\n  more of a").unwrap();
            writeln!(b, "2026-11-21T14:{minute:02}:{:02}.000 b", second + 1).unwrap();
        }
    }
    write(&bench.path("a.log"), &String::from_utf8(a).unwrap());
    write(&bench.path("b.log"), &String::from_utf8(b).unwrap());
    bench.begin();
    let lines = bench.lines(5400).await;
    for (number, lines) in lines.chunks(3).enumerate() {
        assert!(
            lines[0].ends_with(" a") && lines[1] == "  more of a" && lines[2].ends_with(" b"),
            "{number}: {lines:?}"
        );
    }
    // Alive, the later file is not held up by the other for long, nor does it overtake.
    write(&bench.path("b.log"), "2026-11-21 15:00:02 b\n");
    write(&bench.path("a.log"), "2026-11-21 15:00:01 a\n");
    assert_eq!(bench.lines(2).await, ["2026-11-21 15:00:01 a", "2026-11-21 15:00:02 b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_however_often_the_script_dies() {
    let mut bench = Bench::new(&["main.log"]);
    let path = bench.path("main.log");
    write(&path, "");
    bench.begin();
    let writing = {
        let path = path.clone();
        tokio::spawn(async move {
            for number in 0..3000 {
                write(&path, &format!("line {number}\n"));
                if number % 500 == 250 {
                    std::fs::rename(&path, path.with_extension(format!("log.{number}"))).unwrap();
                }
                if number % 10 == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    };
    let mark = path.to_str().unwrap().to_owned();
    let killing = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let mut running = Vec::new();
            while running.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                running = processes(&mark);
            }
            for pid in running {
                let _ended_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    });
    let mut seen = Vec::new();
    while seen.iter().filter(|line: &&String| line.starts_with("line ")).count() < 3000 {
        seen.extend(bench.lines(1).await);
    }
    writing.await.unwrap();
    killing.await.unwrap();
    let (lines, said): (Vec<String>, Vec<String>) = seen.into_iter().partition(|line| line.starts_with("line "));
    let wanted: Vec<String> = (0..3000).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, wanted);
    assert!(said.iter().any(|line| line.contains("not heard any more")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("its last lines may be missing")), "{said:?}");
}

/// Its place is known without a byte of it: what was written while nobody could look is read, although it was rotated since.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_empty_is_read_on_from_its_beginning() {
    let mut bench = Bench::new(&["main.log"]);
    let path = bench.path("main.log");
    write(&path, "");
    bench.begin();
    let whole = Ask { limit: 1, wait: 8000, ..Ask::default() };
    assert!(bench.stream.window(&whole).await.whole);
    let mark = path.to_str().unwrap().to_owned();
    write(&path, "one\n");
    std::fs::rename(&path, path.with_extension("log.1")).unwrap();
    write(&path, "two\n");
    for pid in processes(&mark) {
        let _ended_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    let mut seen = Vec::new();
    while !seen.iter().any(|line| line == "two") {
        seen.extend(bench.lines(1).await);
    }
    let lines: Vec<&String> = seen.iter().filter(|line| !line.starts_with("kv-1: ")).collect();
    assert_eq!(lines, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_ends_with_its_reader() {
    let mut bench = Bench::new(&["main.log"]);
    write(&bench.path("main.log"), "one\n");
    bench.begin();
    bench.lines(1).await;
    let mark = bench.path("main.log").to_str().unwrap().to_owned();
    let runs = || !processes(&mark).is_empty();
    assert!(runs());
    bench.reading.take().unwrap().abort();
    for _try in 0..500 {
        if !runs() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the script goes on without a reader");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_end_of_a_long_file_is_read_and_filters_are_the_engines_work() {
    let mut bench = Bench::new(&["main.log"]);
    let lines = (0..200_000).map(|number| format!("2026-11-21 14:00:00 line number {number:08}\n"));
    write(&bench.path("main.log"), &lines.collect::<Vec<_>>().concat());
    bench.begin();
    let ask = Ask { limit: 3, wait: 8000, filter: "LINE !9".into(), ..Ask::default() };
    let mut window = bench.stream.window(&ask).await;
    while !window.whole {
        window = bench.stream.window(&ask).await;
    }
    let numbers: Vec<&str> = window.rows.iter().filter_map(|row| row.text.split(' ').next_back()).collect();
    assert_eq!(numbers, ["00188886", "00188887", "00188888"]);
    let all = bench.stream.window(&Ask { after: Some(0), limit: 1, ..Ask::default() }).await;
    assert!(all.rows[0].text.starts_with("2026"), "no half a line: {:?}", all.rows);
    let later = Ask { since: Some("2026-11-21T14:00:01Z".parse().unwrap()), limit: 10, ..Ask::default() };
    assert_eq!(bench.stream.window(&later).await.rows.len(), 0);
}

#[tokio::test]
async fn what_hotspare_says_takes_the_place_of_no_line() {
    let bench = Bench::new(&["main.log"]);
    bench.stream.with(|inner| {
        for line in [&b"one"[..], b"two", b"three"] {
            inner.line(0, line);
        }
        inner.say("heard again");
    });
    let window = bench.stream.window(&Ask { limit: 2, ..Ask::default() }).await;
    let texts: Vec<&str> = window.rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(texts, ["two", "three", "heard again"]);
    let none = bench.stream.window(&Ask { limit: 0, ..Ask::default() }).await;
    assert_eq!(none.rows.iter().filter(|row| row.source.is_some()).count(), 0, "none was asked for");
    assert_eq!(none.next, window.next, "and it goes on behind them");
}
