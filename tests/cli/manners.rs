//! What every command owes to scripts: JSON where it was asked for, an end where nobody reads, words where nothing is there.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{FLEET, PATIENCE, Place, text};
use crate::support::hotspare;

/// The end of a child that ends by itself.
async fn ended(mut child: std::process::Child) -> ExitStatus {
    let waited = tokio::task::spawn_blocking(move || child.wait().unwrap());
    tokio::time::timeout(PATIENCE, waited).await.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_ends_when_its_reader_leaves_and_nothing_more_is_to_be_said() {
    let place = Place::new("name = \"harbour\"\n[hosts.a]\naddress = \"127.0.0.1\"\n");
    place.run(&["status"]);
    for command in [["journal", "-f"], ["status", "--watch"]] {
        let mut child = place.program(&command).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        assert!(!first.is_empty(), "{command:?}");
        drop(out);
        assert_eq!(ended(child).await.code(), Some(0), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_leaves_only_whole_lines_of_json() {
    let place = Place::new(FLEET);
    let program = &mut place.program(&["status", "--watch", "--json"]);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut all = String::new();
    out.read_line(&mut all).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(ended(child).await.code(), Some(130));
    out.read_to_string(&mut all).unwrap();
    for line in all.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["time"].is_string(), "{line}");
    }
}

#[test]
fn every_command_answers_in_json_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let all: &[&[&str]] = &[
        &["completions", "bash"],
        &["man"],
        &["init", "--print"],
        &["init", "--schema"],
        &["theme", "list"],
        &["theme", "show", "dark"],
        &["keymap", "list"],
        &["keymap", "show", "vim"],
    ];
    for arguments in all {
        let ended = hotspare(folder.path(), &[arguments, &["--json"][..]].concat());
        assert_eq!(ended.code(), 0, "{arguments:?}");
        assert!(ended.json().is_object(), "{arguments:?}");
    }
    let wrong: &[&[&str]] = &[
        &["statsu"],
        &["status", "--nope"],
        &["init", "--host", "x"],
        &["cancel", "x"],
        &["completions", "tcsh"],
        &["demo", "--headless-for", "20"],
        &["console"],
        &["status"],
        &["check"],
    ];
    for arguments in wrong {
        let ended = hotspare(folder.path(), &[arguments, &["--json"][..]].concat());
        assert_eq!(ended.code(), 2, "{arguments:?}");
        let document = ended.json();
        assert!(document["error"].as_str().is_some_and(|error| !error.is_empty()), "{arguments:?}: {document}");
        assert!(document["hints"].is_array(), "{arguments:?}: {document}");
        assert!(!ended.err().is_empty(), "{arguments:?}");
    }
    let misspelt = hotspare(folder.path(), &["--json", "statsu"]);
    assert_eq!(misspelt.json()["hints"][0], "a similar subcommand exists: 'status'");
    let missing = hotspare(folder.path(), &["--json", "session", "show"]);
    let said = missing.json()["error"].as_str().unwrap().to_owned();
    assert!(
        said.starts_with("the following required arguments were not provided: <") && said.contains(", <"),
        "{said}"
    );
}

#[test]
fn a_fleet_file_that_is_not_there_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &["--fleet", "nowhere.toml", "status"]);
    let path = folder.path().join("nowhere.toml");
    let said =
        format!("hotspare: the fleet file is not there: {}\n  hint: `hotspare init` writes one\n", path.display());
    assert_eq!((ended.code(), ended.err()), (2, said));
}

#[test]
fn a_journal_that_is_not_there_or_holds_nothing_is_told() {
    let place = Place::new(FLEET);
    let none = place.run(&["journal"]);
    assert_eq!(none.status.code(), Some(0));
    assert!(text(&none.stderr).contains("no engine has run there"), "{}", text(&none.stderr));
    place.run(&["status"]);
    let nothing = place.run(&["journal", "--since", "2999-01-01"]);
    assert!(text(&nothing.stderr).contains("holds nothing since then"), "{}", text(&nothing.stderr));
}

#[test]
fn an_engine_that_is_started_is_told_once_and_known_by_any_path() {
    let place = Place::new(FLEET);
    let first = text(&place.run(&["status"]).stderr);
    assert!(first.contains("started the engine (pid ") && first.contains("`hotspare engine stop` ends it"), "{first}");
    assert_eq!(text(&place.run(&["status"]).stderr), "");
    let sub = place.path().join("sub");
    std::fs::create_dir(&sub).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    program.args(["status", "--fleet", "../hotspare.toml", "--state"]).arg(place.state()).current_dir(&sub);
    assert_eq!(text(&program.output().unwrap().stderr), "", "the same file by another path");
}

#[test]
fn verbose_tells_the_files_and_the_engine() {
    let place = Place::new(FLEET);
    let quiet = text(&place.run(&["status", "-q"]).stderr);
    assert_eq!(quiet, "");
    let verbose = text(&place.run(&["jobs", "-v"]).stderr);
    assert!(verbose.contains(&format!("hotspare: fleet file {}", place.file().display())), "{verbose}");
    assert!(verbose.contains("hotspare: joined the engine (pid "), "{verbose}");
    assert!(text(&place.run(&["jobs", "-vv"]).stderr).contains(" ms: joined the engine"));
}

#[test]
fn a_job_has_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &["cancel", "three"]);
    assert!(ended.err().contains("a job has a number, such as 3"), "{}", ended.err());
}

#[test]
fn the_manual_page_tells_every_command_and_every_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let page = hotspare(folder.path(), &["man"]).out();
    let help = hotspare(folder.path(), &["--help"]).out();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect();
    assert!(names.len() >= 14, "{help}");
    for name in names.into_iter().chain(["engine stop", "theme show"]) {
        assert!(page.contains(&format!(".SH \"HOTSPARE {}\"", name.to_uppercase())), "{name}");
    }
    for part in ["EXIT STATUS", "130  interrupted", "HOTSPARE_LOG", "hotspare demo"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("Refuse everything").count(), 1, "options of every command are told once");
}

#[test]
fn the_documentation_names_every_command_and_option() {
    let folder = tempfile::tempdir().unwrap();
    let documented = include_str!("../../docs/command-line.md");
    let commands = [
        "",
        "console",
        "status",
        "journal",
        "jobs",
        "cancel",
        "init",
        "check",
        "doctor",
        "demo",
        "engine stop",
        "engine status",
        "theme list",
        "theme show",
        "keymap list",
        "keymap show",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(documented.contains(command), "{command}");
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).chain(["--help"]).collect();
        let help = hotspare(folder.path(), &words).out();
        let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let long = options.filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with("--")));
        for option in long.map(|option| option.trim_end_matches("...")) {
            assert!(
                documented.contains(&format!("{option}`")) || documented.contains(&format!("{option} ")),
                "{command} {option}"
            );
        }
    }
}
