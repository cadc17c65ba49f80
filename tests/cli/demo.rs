//! `demo`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hotspare::engine::lock::Lock;

/// What is said of a session that came through.
const SAFE: &str = "is copied, verified by content, imported and safe to delete";

/// Runs the demo with its folders for temporary files in `folder`.
fn demo(folder: &Path, args: &[&str]) -> Output {
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.arg("demo").args(args).current_dir(folder).stdin(Stdio::null());
    command.env("TMPDIR", &temporary).env("HOME", folder).env("XDG_STATE_HOME", folder.join("state-home"));
    command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Command lines of all processes that name this folder: every sshd of the demo and every engine does.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| text(&line).replace('\0', " "))
        .filter(|line| line.contains(&folder))
        .collect()
}

#[test]
fn every_scene_is_seen_as_announced_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let ended = demo(folder.path(), &["--headless-for", "22s", "--json"]);
    assert_eq!(ended.status.code(), Some(0), "{}{}", text(&ended.stdout), text(&ended.stderr));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let scenes = report["scenes"].as_array().unwrap();
    assert_eq!(report["ok"], true);
    assert!(scenes.len() >= 2, "{report}");
    assert!(scenes.iter().all(|scene| scene["as_announced"] == true), "{report}");
    let sessions = report["sessions"].as_array().unwrap();
    assert!(!sessions.is_empty(), "the first of a few days is copied, verified and imported by then: {report}");
    for session in sessions {
        let key = session["key"].as_str().and_then(|key| key.split_once('/')).unwrap();
        assert!(["p012", "TF47", "b009", "p013", "TF48"].contains(&key.0) && key.1.len() == 8, "{report}");
        assert_eq!((&session["ok"], &session["what"]), (&true.into(), &SAFE.into()), "{report}");
    }
    let feeds = report["feeds"].as_array().unwrap();
    assert!(!feeds.is_empty(), "the warehouse was locked once, and all that waited was carried: {report}");
    for outage in feeds {
        assert_eq!(outage["ok"], true, "{report}");
        assert!(outage["rows_waited"].as_u64().unwrap() > 6, "three rows a second wait for eight seconds: {report}");
    }
    assert_eq!(text(&ended.stderr), "hotspare: the demo plays for 22 s\n");
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0, "the demo's folder is removed");
    assert!(!folder.path().join("state-home").exists(), "the demo's state is its own");
    assert_eq!(processes_of(folder.path()), Vec::<String>::new());
}

#[test]
fn a_named_folder_is_kept_with_a_fleet_file_that_passes_check() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let named = kept.display().to_string();
    let ended = demo(folder.path(), &["--headless-for", "9s", "--dir", &named]);
    assert!(text(&ended.stdout).contains("of 1 seen as announced\n"), "{}{}", text(&ended.stdout), text(&ended.stderr));
    let marker = fs::read_to_string(kept.join("machines/nas/recordings/.hotspare/store.json")).unwrap();
    assert!(marker.contains("\"mocap\""), "its engine copies to the share: {marker}");
    let today = fs::read_dir(kept.join("data/p014")).unwrap().count();
    assert_eq!(today, 1, "and today is recorded");
    let fleet = kept.join("hotspare.toml");
    let mut check = Command::new(env!("CARGO_BIN_EXE_hotspare"));
    let checked = check.arg("check").arg("--fleet").arg(&fleet).output().unwrap();
    assert_eq!(text(&checked.stdout), format!("no errors in {}\n", fleet.display()));
    assert!(kept.join("state/state.db").exists() && kept.join("machines/nas").is_dir());
    assert!(Lock::holder(&kept.join("state/engine.lock")).is_none(), "its engine has ended");

    let again = demo(folder.path(), &["--headless-for", "9s", "--dir", &named]);
    assert!(text(&again.stdout).contains("of 1 seen as announced\n"), "{}{}", text(&again.stdout), text(&again.stderr));
    let known = fs::read_to_string(kept.join("ssh/known_hosts")).unwrap();
    assert_eq!(known.lines().count(), 6, "the machines of a folder used again are known to ssh: {known}");
    assert_eq!(processes_of(folder.path()), Vec::<String>::new());
}

#[test]
fn a_fleet_file_of_somebody_else_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("hotspare.toml");
    fs::write(&mine, "name = \"mine\"\n").unwrap();
    let refused = demo(folder.path(), &["--dir", ".", "--headless-for", "20s"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("the demo has not written it"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "name = \"mine\"\n");
}

#[test]
fn without_a_terminal_or_with_too_little_time_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let console = demo(folder.path(), &[]);
    assert_eq!(console.status.code(), Some(2));
    assert!(text(&console.stderr).contains("hint: without a terminal there is"), "{}", text(&console.stderr));
    let short = demo(folder.path(), &["--headless-for", "2s"]);
    assert_eq!(short.status.code(), Some(2));
    assert!(text(&short.stderr).contains("hint: play it for 9s or longer"), "{}", text(&short.stderr));
}

#[test]
fn races_are_dumped_and_practised_and_a_pulled_stick_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let ended = demo(folder.path(), &["--headless-for", "34s", "--json", "--dir", &kept.display().to_string()]);
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let dump = &report["dumps"][0];
    assert_eq!(dump["name"], "meos", "{report}");
    assert!(dump["rounds"].as_u64().unwrap() >= 3 && dump["kits"].as_u64().unwrap() >= 3, "{dump}");
    assert!(dump["drill"]["ok"] == true && dump["drill"]["seconds"].as_f64().unwrap() > 0.0, "{dump}");
    let events = dump["events"].as_array().unwrap();
    assert!(events.len() == 3 && events.iter().all(|event| event["ok"] == true), "{dump}");
    assert!(events[2]["what"].as_str().unwrap().contains("stick pulled out for 8.0 s was missed"), "{dump}");
    let recovery = fs::read_to_string(kept.join("stick/RECOVERY.txt")).unwrap();
    for race in ["MeOSMain", "meos_middle (Harbour Middle)", "meos_sprint (Harbour Sprint)", "meos_long (Harbour Long)"]
    {
        assert!(recovery.contains(race), "{recovery}");
    }
    assert_eq!(processes_of(folder.path()), Vec::<String>::new(), "its server has ended");
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0, "and has left nothing");
    assert_eq!(fs::read_dir(kept.join("server")).unwrap().count(), 0);
}

#[test]
fn a_killed_demo_takes_its_server_along_and_one_without_a_server_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (temporary, kept) = (folder.path().join("tmp"), folder.path().join("kept"));
    fs::create_dir_all(&temporary).unwrap();
    let play = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
        command.args(["demo", "--headless-for", "60s", "--dir"]).arg(&kept).stdin(Stdio::null());
        command.env("TMPDIR", &temporary).env("HOME", folder.path()).env("PATH", path);
        command.stdout(Stdio::null()).stderr(fs::File::create(folder.path().join("said")).unwrap()).spawn().unwrap()
    };
    let within = |what: &str, is: &dyn Fn() -> bool| {
        let mut looks = 0..1500;
        while !is() {
            assert!(looks.next().is_some(), "it did not come within 30 s: {what}: {:#?}", processes_of(folder.path()));
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    };
    let servers = || processes_of(folder.path()).into_iter().filter(|line| line.contains("--datadir=")).count();
    let named = || fs::read_to_string(kept.join("hotspare.toml")).is_ok_and(|text| text.contains("[dumps.meos]"));
    let mut demo = play(&std::env::var("PATH").unwrap());
    within("the races are in the fleet file", &named);
    assert!(servers() > 0);
    demo.kill().unwrap();
    demo.wait().unwrap();
    within("its server is gone", &|| servers() == 0);
    within("and what it left", &|| fs::read_dir(kept.join("server")).is_ok_and(|mut left| left.next().is_none()));
    // Nothing but what a shell needs: no server, and no sshd either.
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let tools = ["/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/local/bin/mariadbd"];
    if tools.iter().any(|tool| Path::new(tool).exists()) {
        // A server is found where users do not look; its client is not.
        let mut demo = play(&bare.display().to_string());
        within("it says so", &|| {
            fs::read_to_string(folder.path().join("said"))
                .unwrap()
                .contains("no MariaDB with its tools is installed here")
        });
        within("it plays", &|| fs::read_to_string(folder.path().join("said")).unwrap().contains("the demo plays"));
        assert!(!named());
        demo.kill().unwrap();
        demo.wait().unwrap();
    }
    // What a killed demo leaves of its machines goes here.
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if text(&line).contains(&folder.path().display().to_string()) {
            let id = process.file_name().to_string_lossy().into_owned();
            let _gone = Command::new("kill").args(["-9", &id]).status();
        }
    }
}
