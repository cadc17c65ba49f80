//! What it costs to copy recording sessions and to verify their copies, beside the programs that people use for it, in
//! the same run, alternating: whole processes, to the moment when what was copied is durable.
//!
//! `cargo bench --bench copy` prints tables of medians and ratios. `HOTSPARE_BENCH_ROUNDS=5` says how often each is
//! measured, `HOTSPARE_BENCH_ONLY=local`, `large` or `share` which part. Targets are new folders each time and are removed at the end: on ext4 a removal slows down what comes next.
//! The share is a FUSE pass-through with a millisecond for each call (`tests/lab/faultfs`); it needs root.
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

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use hotspare::session::copy::{Order, ReadBack, copy};
use hotspare::session::key::Key;
use hotspare::session::root::Root;
use hotspare::session::task::sync::at_once;
use hotspare::session::verify::{Question, verify};
use hotspare::session::view::Level;
use hotspare::work::steer::Alone;

#[path = "../tests/support/share.rs"]
mod share;

use share::{Key as Fault, Share};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "--do", what, source, root] => work(what, Path::new(source), Path::new(root)),
        _ => measure_all(),
    }
}

/// What the measured process does.
fn work(what: &str, source: &Path, path: &Path) {
    let root = Root::now(path).unwrap();
    let sessions: Vec<String> =
        std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        // A sync copies so many at once; a verification goes through them one after the other.
        for _ in 0..if what == "verify" { 1 } else { at_once(path) } {
            scope.spawn(|| {
                while let Some(name) = sessions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(what, &source.join(name), &root, name);
                }
            });
        }
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().split_whitespace().nth(1).unwrap();
    println!("{} {memory}", begun.elapsed().as_secs_f64());
}

fn one(what: &str, source: &Path, root: &Root, name: &str) {
    let relative = PathBuf::from("20250104").join(name);
    if what == "verify" {
        let question = Question {
            root,
            relative: &relative,
            source: Some(source),
            exclude: &|_| false,
            level: Some(Level::Content),
            parallel: 0,
            throttle: None,
            steer: &Alone,
        };
        let found = verify(&question).unwrap();
        assert!(found.ok() && found.from_storage, "{found:?}");
        return;
    }
    let order = Order {
        key: &Key::new(name, "20250104").unwrap(),
        source,
        root,
        relative: &relative,
        exclude: &|_| false,
        parallel: 0,
        throttle: None,
        steer: &Alone,
        read_back: if what == "copy" { ReadBack::Nothing } else { ReadBack::Written },
        dry_run: false,
    };
    assert!(copy(&order).unwrap().whole());
}

/// A way to do it.
struct Way {
    name: &'static str,
    /// A shell script; `$S` is the source, `$D` the target. Empty: hotspare does this.
    script: &'static str,
    ours: &'static str,
}

const fn peer(name: &'static str, script: &'static str) -> Way {
    Way { name, script, ours: "" }
}

const fn ours(name: &'static str, what: &'static str) -> Way {
    Way { name, script: "", ours: what }
}

struct Taken {
    seconds: f64,
    cpu: f64,
    memory: Option<u64>,
    inner: Option<f64>,
}

fn take(way: &Way, source: &Path, target: &Path) -> Taken {
    let before = children();
    let begun = Instant::now();
    let mut command = if way.script.is_empty() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--do", way.ours]).arg(source).arg(target);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-ec", way.script]).env("S", source).env("D", target);
        command
    };
    let ended = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(ended.status.success(), "{} failed; apt-get install rsync rclone b3sum", way.name);
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let mut figures = said.split_whitespace();
    let own = way.script.is_empty();
    Taken {
        seconds,
        cpu: children() - before,
        inner: figures.next().and_then(|word| word.parse().ok()).filter(|_| own),
        memory: figures.next().and_then(|word| word.parse().ok()).filter(|_| own),
    }
}

/// Seconds of processor time of all children that ended.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

fn rounds() -> usize {
    std::env::var("HOTSPARE_BENCH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap())
}

/// Measures all ways in turn and prints a table. `target` is asked before each for where it goes.
fn table(title: &str, ways: &[Way], source: &Path, target: &dyn Fn() -> PathBuf) {
    let mut taken: Vec<Vec<Taken>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds() {
        for (way, taken) in ways.iter().zip(&mut taken) {
            taken.push(take(way, source, &target()));
        }
    }
    println!("\n### {title}\n\n| | seconds | CPU s | peak MB | of the first |\n|---|---|---|---|---|");
    let first = median(taken[0].iter().map(|taken| taken.seconds));
    for (way, taken) in ways.iter().zip(&taken) {
        let seconds = median(taken.iter().map(|taken| taken.seconds));
        let cpu = median(taken.iter().map(|taken| taken.cpu));
        let memory = taken.iter().filter_map(|taken| taken.memory).max();
        let memory = memory.map_or("–".to_owned(), |kilobytes| (kilobytes / 1024).to_string());
        let inner: Vec<f64> = taken.iter().filter_map(|taken| taken.inner).collect();
        let inner =
            if inner.is_empty() { String::new() } else { format!(" ({:.4} of work)", median(inner.into_iter())) };
        println!("| {} | {seconds:.3}{inner} | {cpu:.2} | {memory} | {:.2} |", way.name, seconds / first);
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Sessions of a few large and some small files.
fn record(folder: &Path, sessions: u32, large: (u32, usize), small: (u32, usize)) -> PathBuf {
    for session in 0..sessions {
        let path = folder.join(format!("p{session:03}"));
        std::fs::create_dir_all(&path).unwrap();
        for (kind, (count, bytes)) in [("mp4", large), ("json", small)] {
            for number in 0..count {
                let mut content = vec![0; bytes];
                let seed = format!("{session} {kind} {number}");
                blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut content);
                std::fs::write(path.join(format!("{number}.{kind}")), content).unwrap();
            }
        }
    }
    run("sync");
    folder.to_owned()
}

fn run(script: &str) {
    assert!(Command::new("sh").args(["-ec", script]).status().unwrap().success(), "{script}");
}

/// Nothing of these files is in this computer's memory.
fn cool(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            cool(&entry.path());
        } else {
            let file = std::fs::File::open(entry.path()).unwrap();
            file.sync_all().unwrap();
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
    }
}

fn measure_all() {
    let place = std::env::var_os("HOTSPARE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(place).unwrap();
    let number = AtomicUsize::new(0);
    let new = |below: &Path| {
        let path = below.join(format!("d{}", number.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&path).unwrap();
        run(&format!("sync --file-system '{}'", below.display()));
        path
    };
    let only = std::env::var("HOTSPARE_BENCH_ONLY").unwrap_or_default();
    let wanted = |part: &str| only.is_empty() || only == part;
    if wanted("local") {
        local(&folder.path().join("source"), folder.path(), &new);
    }
    if wanted("large") {
        one_large(&folder.path().join("large"), folder.path(), &new);
    }
    if wanted("share") {
        far(&folder.path().join("far"), &new);
    }
}

fn local(source: &Path, folder: &Path, new: &dyn Fn(&Path) -> PathBuf) {
    let source = record(source, 20, (4, 5_000_000), (50, 8_000));
    let ways = [
        peer("cp -a, sync", "cp -a \"$S\"/. \"$D\"/; sync --file-system \"$D\""),
        peer("rsync -a, sync", "rsync -a \"$S\"/ \"$D\"/; sync --file-system \"$D\""),
        peer("rsync -avzh, sync", "rsync -avzh \"$S\"/ \"$D\"/ >/dev/null; sync --file-system \"$D\""),
        peer("rsync -a --fsync", "rsync -a --fsync \"$S\"/ \"$D\"/"),
        peer("rclone copy, sync", "rclone copy -q --transfers 8 \"$S\" \"$D\"; sync --file-system \"$D\""),
        ours("hotspare, hashed and durable", "copy"),
        ours("hotspare, also read back from the disk", "proved"),
    ];
    table("Copy: 20 sessions, 1,080 files, 409 MB, disk to disk", &ways, &source, &|| new(folder));

    let copy = new(folder);
    take(&ours("", "proved"), &source, &copy);
    let plain = new(folder);
    run(&format!("cp -a '{0}'/. '{1}'/; sync", source.display(), plain.display()));
    let ways = [
        peer("cp -au", "cp -au \"$S\"/. \"$D\"/"),
        peer("rsync -a", "rsync -a \"$S\"/ \"$D\"/"),
        peer("rclone copy", "rclone copy -q \"$S\" \"$D\""),
    ];
    table("Nothing to do: the same sessions again", &ways, &source, &|| plain.clone());
    table("Nothing to do: hotspare", &[ours("hotspare", "copy")], &source, &|| copy.clone());

    let ways = [
        peer(
            "b3sum --no-mmap",
            "cd \"$D\"; find . -name '*.b3' -prune -o -name .hotspare -prune -o -type f -print0 | xargs -0 b3sum --no-mmap >/dev/null",
        ),
        peer(
            "b3sum --check of our manifests",
            "cd \"$D\"/20250104; for m in *.b3; do b3sum --no-mmap --quiet --check \"$m\"; done",
        ),
        peer("rsync -anc", "rsync -anc \"$S\"/ \"$D\"/20250104/"),
        ours("hotspare, past the cache", "verify"),
    ];
    table("Verify by content: the same, destination cold", &ways, &source, &|| {
        cool(&copy);
        copy.clone()
    });
}

fn one_large(source: &Path, folder: &Path, new: &dyn Fn(&Path) -> PathBuf) {
    let source = record(source, 1, (1, 1_000_000_000), (0, 0));
    let ways = [
        peer("cp -a, sync", "cp -a \"$S\"/. \"$D\"/; sync --file-system \"$D\""),
        ours("hotspare, hashed and durable", "copy"),
        peer(
            "cp -a, sync, cmp past the cache",
            "cp -a \"$S\"/. \"$D\"/; sync --file-system \"$D\"; cd \"$S\"; for f in */*; do dd if=\"$D/$f\" bs=1M iflag=direct status=none | cmp - \"$f\"; done",
        ),
        ours("hotspare, also read back from the disk", "proved"),
    ];
    table("Copy: one file of 1 GB, disk to disk", &ways, &source, &|| new(folder));
}

fn far(source: &Path, new: &dyn Fn(&Path) -> PathBuf) {
    let source = record(source, 5, (4, 5_000_000), (50, 8_000));
    let share = Share::new();
    share.set(Fault::DelayUs, 1_000);
    let ways = [
        peer("rclone copy, 8 transfers", "rclone copy -q --transfers 8 \"$S\" \"$D\""),
        peer("rsync -a", "rsync -a \"$S\"/ \"$D\"/"),
        peer("cp -a", "cp -a \"$S\"/. \"$D\"/"),
        ours("hotspare, hashed and durable", "copy"),
        ours("hotspare, also read back from the share", "proved"),
    ];
    table("Copy to a share with 1 ms a call: 5 sessions, 270 files, 102 MB", &ways, &source, &|| new(&share.path()));
    let copy = new(&share.path());
    take(&ours("", "proved"), &source, &copy);
    let ways = [
        peer("rsync -anc", "rsync -anc \"$S\"/ \"$D\"/20250104/"),
        peer("rclone check --download", "rclone check -q --download --one-way \"$S\" \"$D\"/20250104"),
        ours("hotspare", "verify"),
    ];
    table("Verify by content on that share", &ways, &source, &|| {
        cool(&copy);
        copy.clone()
    });
    let ways = [peer("rsync -a", "rsync -a \"$S\"/ \"$D\"/20250104/"), ours("hotspare", "copy")];
    table("Nothing to do on that share", &ways, &source, &|| copy.clone());
}
