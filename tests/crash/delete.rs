//! `kill -9` in the middle of a deletion, at each of its steps and at any moment between them. After the recovery either
//! everything is there or everything that was approved is gone, and nothing else was touched.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use hotspare::session::lock::{self, Lock};
use rustix::process::{Signal, getpid, kill_process};

use crate::backed_up::{Recording, everything};
use crate::trash::{BACK, ITSELF, led_back, refuses};

/// Where the role plays.
const PLACE: &str = "HOTSPARE_TEST_PLACE";
/// At which step it is to die, by its number or its name; nothing: at none.
const STEP: &str = "HOTSPARE_TEST_STEP";
/// What it does.
const ROLE: &str = "HOTSPARE_TEST_ROLE";
/// How often a deletion is killed at any moment.
const KILLS: &str = "HOTSPARE_KILLS";
/// Files of a session that is killed at any moment: enough for its removal to take a while.
const FILES: u32 = 300;

/// Deletes or recovers in a process of its own, and says on standard output when it begins.
#[test]
#[ignore = "a role that the other tests of this file play"]
fn role() {
    let recording = Recording::at(&PathBuf::from(std::env::var_os(PLACE).expect("a place")));
    let dies = std::env::var(STEP).ok();
    let mut told = recording.witness();
    let record = recording.place().join("recorded");
    let steps = AtomicU32::new(0);
    told.on = Box::new(move |step| {
        let number = steps.fetch_add(1, Ordering::SeqCst).to_string();
        if dies.as_ref().is_some_and(|dies| *dies == number || dies == step) {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        if step == "record" {
            std::fs::write(&record, step).unwrap();
        }
        if step == "moved into the trash" {
            say("moves");
        }
    });
    say("begins");
    match std::env::var(ROLE).unwrap().as_str() {
        "recover" => drop(recording.recover()),
        "refuse" => refuses(&recording, &led_back(&recording), ITSELF),
        "lock" => {
            let now = hotspare::clock::Clock::real().now();
            let _held = Lock::take(&recording.source(), &Recording::key(), "being copied", now).unwrap();
            say("holds");
            std::thread::park();
        }
        _ => drop(recording.delete(&told).unwrap()),
    }
}

/// One line, at once.
fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").and_then(|()| out.flush()).unwrap();
}

/// What the role is played by, after what `command` does first.
fn cast(mut command: Command, recording: &Recording, role: &str) -> Command {
    command.args(["--exact", "delete::role", "--ignored", "--nocapture"]);
    command.env(PLACE, recording.place()).env(ROLE, role).env_remove(STEP);
    command
}

fn play(recording: &Recording, role: &str, step: Option<&str>) -> Child {
    let mut command = cast(Command::new(std::env::current_exe().unwrap()), recording, role);
    if let Some(step) = step {
        command.env(STEP, step);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What is expected of a recording, whatever happens to its deletion.
struct Expected {
    source: BTreeMap<PathBuf, String>,
    copy: BTreeMap<PathBuf, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Untouched,
    PutBack,
    Finished,
    Deleted,
}

impl Expected {
    fn of(recording: &Recording) -> Self {
        Self { source: recording.everything(), copy: everything(&recording.copied()) }
    }

    /// Recovers what a killed deletion left, and looks whether that is the whole or nothing.
    fn recovered(&self, recording: &Recording) -> End {
        let lay = recording.session().exists();
        let trash = recording.in_trash().is_some();
        assert!(!(lay && trash), "a session lies in one place only");
        let said = recording.recover();
        assert_eq!(recording.recover(), Vec::<String>::new(), "a second recovery has nothing to do");
        let there = recording.session().exists();
        assert_eq!(everything(&recording.copied()), self.copy);
        let (mut expected, mut left) = (self.source.clone(), recording.everything());
        left.retain(|path, _| !path.starts_with(".hotspare") && path.to_str() != Some(".hotspare-trash"));
        if !there {
            expected.retain(|path, _| !path.starts_with(crate::backed_up::FOLDER));
            assert!(recording.place().join("recorded").exists(), "nothing is gone that was not written down before");
        }
        assert_eq!(left.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!(left == expected, "and every byte of it");
        match (lay, trash, there) {
            (true, _, true) => End::Untouched,
            (false, true, true) => End::PutBack,
            (false, true, false) => {
                assert!(said.iter().any(|said| said.contains("was finished")), "{said:?}");
                End::Finished
            }
            (false, false, false) => End::Deleted,
            impossible => panic!("{impossible:?}"),
        }
    }
}

/// Waits until a role says this.
fn hears(child: &mut Child, word: &str) {
    // The harness says something too.
    let (out, word) = (child.stdout.as_mut().unwrap(), format!("{word}\n"));
    let mut said = Vec::new();
    while !said.ends_with(word.as_bytes()) {
        let mut byte = [0];
        out.read_exact(&mut byte).expect("the role speaks");
        said.push(byte[0]);
    }
}

#[test]
fn a_deletion_killed_at_any_of_its_steps_is_finished_or_undone() {
    let mut ends = BTreeMap::new();
    for step in 0.. {
        let recording = Recording::new();
        let expected = Expected::of(&recording);
        let ended = play(&recording, "delete", Some(&step.to_string())).wait().unwrap();
        if ended.success() {
            assert!(step > 10, "a deletion has more steps than {step}");
            break;
        }
        assert_eq!(ended.signal(), Some(9), "step {step}: {ended:?}");
        *ends.entry(expected.recovered(&recording)).or_insert(0) += 1;
        // What was put back can be deleted at once: nobody holds its lock.
        if recording.session().exists() {
            recording.delete(&recording.witness()).unwrap();
        }
    }
    println!("killed at each step: {ends:?}");
    for end in [End::Untouched, End::PutBack, End::Finished] {
        assert!(ends.contains_key(&end), "{end:?} never happened: {ends:?}");
    }
}

#[test]
fn a_deletion_killed_at_any_moment_loses_nothing_that_was_not_approved() {
    let kills: u32 = std::env::var(KILLS).ok().map_or(25, |kills| kills.parse().expect(KILLS));
    let mut ends = BTreeMap::new();
    let clock = hotspare::clock::Clock::real();
    // How long the whole and its second half take; the first round is not killed, to know.
    let mut lasts = [Duration::ZERO; 2];
    for round in 0..=kills {
        let recording = Recording::new();
        for file in 0..FILES {
            recording.write(&format!("frames/{file:03}.bin"), &[1; 100]);
        }
        recording.copy();
        let expected = Expected::of(&recording);
        let mut child = play(&recording, "delete", None);
        hears(&mut child, "begins");
        let began = clock.tick();
        if round == 0 {
            hears(&mut child, "moves");
            let moved = clock.tick();
            assert!(child.wait().unwrap().success());
            lasts = [began, moved].map(|from| clock.tick().since(from));
        } else {
            let half = usize::from(round.is_multiple_of(2));
            if half == 1 {
                hears(&mut child, "moves");
            }
            kill_after(&mut child, lasts[half].mul_f64(fastrand::f64() * 0.7));
        }
        if round % 4 == 2 && recording.in_trash().is_some() {
            // The recovery is killed too, and what is left is recovered.
            let mut again = play(&recording, "recover", None);
            hears(&mut again, "begins");
            kill_after(&mut again, lasts[1].mul_f64(fastrand::f64()));
        }
        let end = expected.recovered(&recording);
        if round > 0 {
            *ends.entry(end).or_insert(0) += 1;
        }
    }
    let times = |end| ends.get(&end).copied().unwrap_or(0);
    println!(
        "{kills} kills of a deletion: {} before anything was moved, {} put back by the recovery, {} finished by it, {} after \
         its end; files lost that were not approved and written down before 0, files of the copy touched 0",
        times(End::Untouched),
        times(End::PutBack),
        times(End::Finished),
        times(End::Deleted),
    );
    assert!(ends.keys().any(|end| *end != End::Deleted), "some were killed in time: {ends:?}");
}

#[test]
fn an_approved_session_of_which_nothing_is_removed_is_put_back_since_its_copy_may_be_gone() {
    let recording = Recording::new();
    let before = everything(&recording.session());
    let ended = play(&recording, "delete", Some("removing")).wait().unwrap();
    assert_eq!(ended.signal(), Some(9), "{ended:?}");
    let trash = recording.in_trash().expect("it lies in the trash");
    assert!(trash.with_extension("approved").exists(), "and is approved");
    // Weeks later.
    std::fs::remove_dir_all(recording.place().join("network")).unwrap();
    assert_eq!(recording.recover(), ["the deletion of p001/20250104 was interrupted before its end: it was put back"]);
    assert_eq!(everything(&recording.session()), before);
    assert_eq!(std::fs::read_dir(recording.trash()).unwrap().count(), 0);
    assert_eq!(recording.recover(), Vec::<String>::new());
    let reasons = recording.delete(&recording.witness()).unwrap_err();
    assert!(reasons[0].contains("Network: no copy"), "{reasons:?}");
}

#[test]
fn of_a_session_that_is_partly_removed_the_rest_goes_only_while_its_copy_is_there() {
    let recording = Recording::new();
    let ended = play(&recording, "delete", Some("removing")).wait().unwrap();
    assert_eq!(ended.signal(), Some(9), "{ended:?}");
    let trash = recording.in_trash().expect("it lies in the trash");
    std::fs::remove_file(trash.join("walk.json")).unwrap();
    let left = everything(&trash);
    // The power cut took the share with it.
    let (network, away) = (recording.place().join("network"), recording.place().join("away"));
    std::fs::rename(&network, &away).unwrap();
    let said = recording.recover();
    assert!(said[0].contains("the rest stays until its copies can be counted on: Network: no copy"), "{said:?}");
    assert_eq!(everything(&trash), left);
    std::fs::rename(&away, &network).unwrap();
    let torn = recording.copied().join("walk.17391304.mp4");
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &whole[1..]).unwrap();
    let said = recording.recover();
    assert!(said[0].contains("walk.17391304.mp4 is not there as it was"), "{said:?}");
    assert_eq!(everything(&trash), left);
    std::fs::write(&torn, &whole).unwrap();
    assert_eq!(recording.recover(), ["the interrupted deletion of p001/20250104 was finished"]);
    assert!(!trash.exists() && recording.recover().is_empty());
}

#[test]
fn a_destination_that_is_a_mount_of_the_source_refuses() {
    let recording = Recording::new();
    std::fs::create_dir(recording.place().join(BACK)).unwrap();
    let mut command = Command::new("unshare");
    let root = rustix::process::geteuid().is_root();
    command.args(if root { ["--mount", "--"].as_slice() } else { &["--user", "--map-root-user", "--mount", "--"] });
    let script = format!("mount --bind \"$1/data\" \"$1/{BACK}\" && shift && exec \"$@\"");
    command.args(["sh", "-c", &script, "sh"]).arg(recording.place()).arg(std::env::current_exe().unwrap());
    let ended = cast(command, &recording, "refuse").output().expect("unshare is there: apt-get install util-linux");
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&said));
    assert_eq!(everything(&recording.session()), everything(&recording.copied()));
}

#[test]
fn the_lock_of_a_killed_engine_is_free_at_once() {
    let recording = Recording::new();
    let mut child = play(&recording, "lock", None);
    hears(&mut child, "holds");
    let reasons = recording.delete(&recording.witness()).unwrap_err();
    let pid = child.id();
    assert!(reasons[0].starts_with("being copied since "), "{reasons:?}");
    assert!(reasons[0].contains(&format!("by process {pid} on ")), "{reasons:?}");
    assert_eq!(lock::holder(&recording.source(), &Recording::key()).as_ref(), Some(&reasons[0]));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lock::holder(&recording.source(), &Recording::key()), None);
    recording.delete(&recording.witness()).unwrap();
}

/// Kills a child after this time, if it has not ended by then.
fn kill_after(child: &mut Child, moment: Duration) {
    let (_never, wait) = channel::<()>();
    let _time_out = wait.recv_timeout(moment);
    let _gone = child.kill();
    child.wait().unwrap();
}
