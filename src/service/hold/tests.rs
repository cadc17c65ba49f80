//! The script itself, run by this machine's `sh` with nothing but the programs that it is given.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// What the script needs beside something that locks and something that waits.
const ALWAYS: [&str; 7] = ["sh", "head", "date", "sleep", "test", "cat", "env"];

/// Pid files, and a folder with these programs alone.
struct Ground {
    folder: tempfile::TempDir,
    files: Vec<String>,
}

impl Ground {
    fn new(programs: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for program in ALWAYS.iter().chain(programs) {
            let places = ["/usr/bin", "/bin"].map(|place| PathBuf::from(place).join(program));
            let place = places.iter().find(|place| place.exists());
            let place = place.unwrap_or_else(|| panic!("{program} is not here: sh tests/install-deps"));
            std::os::unix::fs::symlink(place, bin.join(program)).unwrap();
        }
        let files = ["it's main.pid", "-mongodb.pid"].map(|name| {
            fs::write(folder.path().join(name), "1\n").unwrap();
            name.to_owned()
        });
        Self { folder, files: files.to_vec() }
    }

    fn begin(&self, patience: u64, span: u64, silence: u64) -> Child {
        self.with(&format!("patience={patience} span={span} silence={silence} began=never\n"))
    }

    /// With work that knows this moment.
    fn begin_at(&self, began: &str, span: u64) -> Child {
        self.with(&format!("patience=0 span={span} silence=60 began={}\n", quote(began)))
    }

    fn with(&self, settings: &str) -> Child {
        Command::new("/bin/sh")
            .args(["-c", "eval \"$HOTSPARE_HOLD\"", mark::NAME])
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("HOTSPARE_HOLD", with_files(&self.files, settings, SCRIPT))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn lock_file(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("{}.lock", self.files[number]))
    }
}

/// Whether somebody else can have it.
fn free(file: &Path) -> bool {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(file).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

fn line(child: &mut Child) -> String {
    let mut said = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    said.trim().to_owned()
}

fn rest(mut child: Child) -> String {
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said.trim().to_owned()
}

#[test]
fn it_locks_by_whatever_there_is_and_lets_go_when_it_is_told() {
    for programs in [&["flock", "timeout"][..], &["perl"], &["python3"]] {
        let ground = Ground::new(programs);
        let mut child = ground.begin(0, 60, 60);
        let said = line(&mut child);
        assert!(said.starts_with("ours "), "{programs:?}: {said}");
        assert!((0..2).all(|number| !free(&ground.lock_file(number))), "{programs:?}");
        let mode = fs::metadata(ground.lock_file(0)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "as filelock makes it");
        let input = child.stdin.as_mut().unwrap();
        input.write_all(b"..q").unwrap();
        assert_eq!(rest(child), "", "{programs:?}");
        assert!((0..2).all(|number| free(&ground.lock_file(number))), "{programs:?}");
    }
}

#[test]
fn it_takes_all_or_none_and_says_which_is_held() {
    for programs in [&["flock", "timeout"][..], &["perl"], &["python3"]] {
        let ground = Ground::new(programs);
        let file = fs::File::create(ground.lock_file(1)).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let child = ground.begin(0, 60, 60);
        assert_eq!(rest(child), "busy 1", "{programs:?}");
        assert!(free(&ground.lock_file(0)), "{programs:?}");
    }
}

#[test]
fn while_it_waits_for_one_lock_it_keeps_no_other() {
    let ground = Ground::new(&["flock", "timeout"]);
    let file = fs::File::create(ground.lock_file(1)).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut child = ground.begin(60, 60, 60);
    // Each attempt has the first for a few milliseconds; between two of them anybody can.
    let attempt = || {
        (0..600).any(|_| {
            #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
            std::thread::sleep(Duration::from_millis(5));
            !free(&ground.lock_file(0))
        })
    };
    assert!(attempt(), "it tries");
    let frees = (0..100).filter(|_| {
        #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
        std::thread::sleep(Duration::from_millis(5));
        free(&ground.lock_file(0))
    });
    assert!(frees.count() > 20);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_ends_the_work_of_its_hold_and_no_other_before_it_lets_go() {
    let ground = Ground::new(&["flock", "timeout", "ps", "bash"]);
    let work = |began: &str, heeds: &str| {
        let text = format!("{heeds}; echo ready; while :; do sleep 0.1; done");
        let mut command = Command::new("sh");
        command.args(["-c", "eval \"$HOTSPARE_WORK\"", "hotspare-work", began, &text]);
        command.env("HOTSPARE_WORK", "sh -c \"$2\"").stdout(Stdio::piped());
        let mut child = std::os::unix::process::CommandExt::process_group(&mut command, 0).spawn().unwrap();
        assert_eq!(line(&mut child), "ready");
        child
    };
    for (heeds, said) in [("trap - TERM", "ended TERM"), ("trap '' TERM", "ended KILL")] {
        let began = format!("2026-11-21T14:00:00.{}Z", std::process::id());
        // The other one first: it is found first.
        let mut other = work("2026-11-21T14:00:01Z", heeds);
        let mut mine = work(&began, heeds);
        let mut child = ground.begin_at(&began, 60);
        assert!(line(&mut child).starts_with("ours "));
        child.stdin.as_mut().unwrap().write_all(b"e").unwrap();
        assert_eq!(line(&mut child), said);
        mine.wait().unwrap();
        child.wait().unwrap();
        assert!(free(&ground.lock_file(0)));
        assert!(other.try_wait().unwrap().is_none(), "what runs under another hold is left alone");
        let group = rustix::process::Pid::from_child(&other);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        other.wait().unwrap();
    }
}

#[test]
fn it_lets_go_by_itself_after_silence_at_the_end_of_its_input_and_of_its_time() {
    let ground = Ground::new(&["flock", "timeout"]);
    let mut silent = ground.begin(0, 60, 1);
    assert!(line(&mut silent).starts_with("ours "));
    let input = silent.stdin.take();
    assert_eq!(rest(silent), "silent");
    drop(input);
    let mut cut = ground.begin(0, 60, 60);
    assert!(line(&mut cut).starts_with("ours "));
    drop(cut.stdin.take());
    assert_eq!(rest(cut), "silent");
    let mut timed = ground.begin(0, 1, 60);
    assert!(line(&mut timed).starts_with("ours "));
    let input = timed.stdin.take();
    assert_eq!(rest(timed), "over");
    drop(input);
    assert!(free(&ground.lock_file(0)));
}

#[test]
fn nothing_is_made_where_a_pid_file_is_missing() {
    let mut ground = Ground::new(&["flock", "timeout"]);
    ground.files.push("nowhere/main.pid".into());
    assert_eq!(rest(ground.begin(0, 60, 60)), "missing 2");
    assert!(!ground.lock_file(0).exists());
}

#[test]
fn without_anything_that_locks_it_says_so() {
    let ground = Ground::new(&[]);
    assert_eq!(rest(ground.begin(0, 60, 60)), "cannot 0 there is neither flock nor perl nor python3");
}
