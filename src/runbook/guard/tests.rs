use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

/// The shells that hosts have. The last two are tried where they are installed.
const SHELLS: &[&[&str]] =
    &[&["dash"], &["bash", "--posix"], &["busybox", "sh"], &["ksh93"], &["mksh"], &["zsh", "--emulate", "sh"]];

fn shells() -> Vec<&'static [&'static str]> {
    let there = |shell: &&&[&str]| Command::new(shell[0]).args(["-c", "exit 0"]).stderr(Stdio::null()).status().is_ok();
    let found: Vec<_> = SHELLS.iter().filter(there).copied().collect();
    for needed in ["dash", "bash", "busybox"] {
        assert!(found.iter().any(|shell| shell[0] == needed), "{needed} is missing: sh tests/install-deps, as root");
    }
    found
}

fn guard(generation: u64) -> Guard {
    Guard { scope: Some("people.count".into()), generation, token: "7".into() }
}

fn command(shell: &[&str], folder: &Path, script: &str) -> Command {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script]).env("HOTSPARE_GUARD", folder).stdin(Stdio::null());
    command
}

fn run(shell: &[&str], folder: &Path, script: &str) -> Output {
    let output = command(shell, folder, script).output().expect("a shell");
    Output { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr }
}

#[test]
fn lower_generations_are_refused_in_every_shell() {
    for shell in shells() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().join("deep/guard");
        // An engine that is tried in this process beside us narrows the mask of the whole process.
        let go = |generation: u64| {
            run(shell, &at, &format!("umask 022; {}", guard(generation).wrap("take", "echo done; umask")))
        };
        let first = go(9);
        assert!(first.success() && stopped(&first).is_none(), "{shell:?}: {}", first.error_text());
        assert!(first.text().starts_with("done\n") && !first.text().contains("077"), "{shell:?}: {}", first.text());
        assert!(go(9).success(), "{shell:?}: the same generation goes on");
        assert!(go(10).success(), "{shell:?}");
        let old = go(9);
        assert_eq!((old.status, old.text().as_str()), (213, ""), "{shell:?}");
        let words = stopped(&old).expect("refused");
        assert!(words.contains("has seen generation 10, and this step is of generation 9"), "{shell:?}: {words}");
        assert!(go(10).success(), "{shell:?}: a refusal changes nothing");
        let other = Guard { scope: Some("people".into()), ..guard(1) };
        assert!(run(shell, &at, &other.wrap("take", "true")).success(), "{shell:?}: another pool");
        let nobody = Guard { scope: None, ..guard(1) };
        assert!(run(shell, &at, &nobody.wrap("take", "true")).success(), "{shell:?}: no pool");
    }
}

#[test]
fn a_command_with_the_same_status_is_not_taken_for_a_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(&["dash"], folder.path(), &guard(1).wrap("x", "exit 213"));
    assert_eq!((output.status, stopped(&output)), (213, None));
}

#[test]
fn a_host_remembers_how_a_step_ended() {
    for shell in shells() {
        let folder = tempfile::tempdir().expect("a folder");
        let ask = |step: &str| Remembered::read(&run(shell, folder.path(), &guard(1).question(step)).text());
        assert_eq!(ask("a step"), Some(Remembered::Never), "{shell:?}");
        assert_eq!(run(shell, folder.path(), &guard(1).wrap("a step", "exit 7")).status, 7);
        assert_eq!(ask("a step"), Some(Remembered::Ended(7)), "{shell:?}");
        assert_eq!(ask("step"), Some(Remembered::Never), "{shell:?}");

        let wait = "echo ready; exec sleep 1000";
        let mut slow = command(shell, folder.path(), &guard(1).wrap("slow", wait))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let mut output = std::io::BufReader::new(slow.stdout.take().expect("its output"));
        std::io::BufRead::read_line(&mut output, &mut line).expect("it is at work");
        assert_eq!(ask("slow"), Some(Remembered::Running), "{shell:?}");
        slow.kill().expect("killed");
        slow.wait().expect("reaped");
        assert_eq!(ask("slow"), Some(Remembered::Gone), "{shell:?}");
        // The sleep has lost its parent; it holds the pipe, and its process group is this test's.
        let sleeping = std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let folder_seen = std::fs::read(entry.path().join("environ")).ok()?;
            let ours = folder.path().to_str()?.as_bytes();
            folder_seen.windows(ours.len()).any(|part| part == ours).then_some(pid)
        });
        for pid in sleeping.filter_map(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[test]
fn of_many_at_once_the_highest_is_remembered() {
    for shell in shells() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let script = |generation: u64| {
            guard(generation)
                .wrap("x", &format!("echo {generation} >>{}", crate::reach::quote::quote(log.to_str().expect("plain"))))
        };
        let mut children: Vec<_> = (1..=24_u64)
            .map(|number| {
                let generation = (number * 7) % 12 + 1;
                let child =
                    command(shell, folder.path(), &script(generation)).stderr(Stdio::null()).spawn().expect("a shell");
                (generation, child)
            })
            .collect();
        for (generation, child) in &mut children {
            let status = child.wait().expect("it ends").code();
            assert!(matches!(status, Some(0 | 213)), "{shell:?}: {status:?}");
            assert!(*generation < 12 || status == Some(0), "{shell:?}: the highest is never refused");
        }
        let late = run(shell, folder.path(), &script(11));
        assert_eq!(late.status, 213, "{shell:?}: after all of them the highest is remembered");
        let left = std::fs::read_dir(folder.path()).expect("read").flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("gen.")).count();
        assert_eq!(left, 1, "{shell:?}: lower ones are swept");
    }
}

#[test]
fn a_host_that_cannot_remember_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let output = run(&["dash"], &file.join("below"), &guard(1).wrap("x", "echo no"));
    assert_eq!((output.status, output.text().as_str()), (214, ""));
    assert!(stopped(&output).expect("words").contains("cannot be made"));
}

/// Stands in the way of `sync`: tells what is brought to the disk, and whether the step has begun.
fn sync(folder: &Path, ends: &str) -> String {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("made");
    let script = format!(
        "#!/bin/sh\n[ -e {0}/begun ] && echo begun >>{0}/told\necho \"$@\" >>{0}/told\n{ends}\n",
        folder.display()
    );
    crate::program::script(&bin.join("sync"), &script);
    format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"))
}

#[test]
fn a_generation_is_on_the_disk_before_the_step_begins() {
    for shell in [&["dash"][..], &["bash", "--posix"]] {
        let folder = tempfile::tempdir().expect("a folder");
        let (at, begun) = (folder.path().join("guard"), folder.path().join("begun"));
        let script = guard(3).wrap("take", &format!("touch {}", begun.display()));
        let go = |path: String| command(shell, &at, &script).env("PATH", path).status().expect("a shell").code();
        assert_eq!(go(sync(folder.path(), "exit 1")), Some(214), "{shell:?}: a broken disk");
        assert!(!begun.exists(), "{shell:?}: the step is not begun");
        std::fs::remove_file(folder.path().join("told")).expect("it was asked");
        assert_eq!(go(sync(folder.path(), "exit 0")), Some(0), "{shell:?}");
        let told = std::fs::read_to_string(folder.path().join("told")).expect("it was asked");
        let at = at.display();
        assert_eq!(told, format!("{at}/run.7.take {at}\n"), "{shell:?}");
        assert!(begun.exists());
    }
}

#[test]
fn names_do_not_meet() {
    assert_eq!(plain_name("a.b"), "a_2e_b");
    assert_ne!(plain_name("a_2e_b"), plain_name("a.b"));
}
