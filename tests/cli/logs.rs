//! `logs`, over a real sshd.

use std::io::Write as _;

use rustix::process::Signal;

use crate::far::{Background, Far};

const SERVICES: &str = r#"
[services.judicator]
host = "kv-1"
logs = ["log/main.log", "HOME/log/etcd.log"]
[services.half]
host = "kv-1"
logs = ["log/main.log", "log/nowhere.log"]
[services.none]
host = "kv-1"
logs = ["log/nowhere.log"]
[services.away]
host = "kv-2"
logs = ["log/main.log"]
[services.silent]
host = "kv-2"
"#;

/// Two logs of a minute, one with a line at each even second, one at each odd.
async fn minute() -> Far {
    let far = Far::new(SERVICES).await;
    let lines = |from: usize, word: &str| -> String {
        let kind = |second: usize| if second % 10 < 2 { "ERROR heartbeat" } else { "error" };
        let line = |second: usize| format!("2026-11-21T14:00:{second:02}Z {word} {}\n", kind(second));
        (from..60).step_by(2).map(line).collect()
    };
    far.write("log/main.log", lines(0, "main"));
    far.write("log/etcd.log", lines(1, "etcd"));
    far
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_lines_of_several_files_come_as_one_log() {
    let far = minute().await;
    let said = far.run(&["logs", "judicator"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let wanted: Vec<String> = (40..60)
        .map(|second| {
            let (name, word) = if second % 2 == 0 { ("main.log", "main") } else { ("etcd.log", "etcd") };
            let kind = if second % 10 < 2 { "ERROR heartbeat" } else { "error" };
            format!("{name} | 2026-11-21T14:00:{second}Z {word} {kind}")
        })
        .collect();
    assert_eq!(said.lines(), wanted);

    let newest = far.run(&["logs", "judicator", "-n", "3"]);
    assert_eq!(newest.lines(), wanted[17..]);
    let since = far.run(&["logs", "judicator", "--since", "2026-11-21T14:00:20Z"]);
    assert_eq!(
        (since.lines().len(), since.lines()[20..].to_vec()),
        (40, said.lines()),
        "all since then, not only twenty"
    );
    let filtered = far.run(&["logs", "judicator", "--filter", "ERROR etcd !Heartbeat", "-n", "2"]);
    let ends = ["etcd.log | 2026-11-21T14:00:57Z etcd error", "etcd.log | 2026-11-21T14:00:59Z etcd error"];
    assert_eq!(filtered.lines(), ends);
    let none = far.run(&["logs", "judicator", "--since", "2999-01-01"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));

    // A file by its path has no other beside it, and no name before its lines.
    let path = far.home("log/etcd.log").display().to_string();
    let file = far.run(&["logs", &format!("kv-1:{path}"), "-n", "1"]);
    assert_eq!((file.code, file.out.as_str()), (0, "2026-11-21T14:00:59Z etcd error\n"));

    let json = far.run(&["--json", "logs", "judicator", "-n", "2"]);
    let lines: Vec<serde_json::Value> = json.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |second: u32, source: &str, text: &str| {
        let time = format!("2026-11-21T14:00:{second}Z");
        serde_json::json!({ "text": format!("{time} {text}"), "time": time, "host": "kv-1", "source": source })
    };
    assert_eq!(lines, [line(58, "log/main.log", "main error"), line(59, &path, "etcd error")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_said_and_seen_in_how_it_ends() {
    let far = minute().await;
    let none = far.run(&["logs", "none"]);
    assert_eq!((none.code, none.out.as_str()), (1, ""));
    assert!(none.err.contains("hotspare: log/nowhere.log of kv-1: no such file\n"), "{}", none.err);
    assert!(none.err.contains("nothing of none can be read"), "{}", none.err);

    let half = far.run(&["logs", "half", "-n", "1"]);
    assert_eq!((half.code, half.out.as_str()), (4, "main.log | 2026-11-21T14:00:58Z main error\n"));
    assert!(half.err.contains("hotspare: log/nowhere.log of kv-1: no such file\n"), "{}", half.err);

    // All services of the host: one file of three is not there.
    let host = far.run(&["logs", "kv-1", "-n", "1"]);
    assert_eq!((host.code, host.out.as_str()), (4, "etcd.log | 2026-11-21T14:00:59Z etcd error\n"));

    far.allow("log/etcd.log", 0);
    let closed = far.run(&["logs", "judicator", "-n", "1"]);
    assert_eq!((closed.code, closed.out.as_str()), (4, "main.log | 2026-11-21T14:00:58Z main error\n"));
    assert!(closed.err.contains("etcd.log of kv-1: may not be read by the user that logs in\n"), "{}", closed.err);
    assert!(!closed.err.contains("no such file"), "{}", closed.err);

    let away = far.run(&["logs", "away"]);
    assert_eq!((away.code, away.out.as_str()), (1, ""));
    assert!(away.err.contains("log/main.log of kv-2: ") && away.err.contains("refused"), "{}", away.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_for_no_log_ends_with_two_and_says_which_there_are() {
    let far = minute().await;
    let near = far.run(&["logs", "judicater"]);
    assert_eq!((near.code, near.out.as_str()), (2, ""));
    assert!(near.err.contains("there is no service or host judicater in harbour"), "{}", near.err);
    assert!(near.err.contains("did you mean judicator?"), "{}", near.err);
    let (code, document) = far.json(&["logs", "judicater"]);
    assert_eq!(code, 2);
    assert!(document["hints"][0].as_str().is_some_and(|hint| hint.contains("judicator")), "{document}");
    let silent = far.run(&["logs", "silent"]);
    assert_eq!(silent.code, 2);
    assert!(silent.err.contains("[services.silent]"), "{}", silent.err);
    let since = far.run(&["logs", "judicator", "--since", "yesterday"]);
    assert_eq!((since.code, since.out.as_str()), (2, ""), "{}", since.err);
}

fn append(far: &Far, name: &str, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(far.home(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Waits until nothing on the host reads this any more.
async fn unread(mark: &str) {
    let reads = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.any(|line| String::from_utf8_lossy(&line).contains(mark))
    };
    let ended = async {
        while reads() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::place::PATIENCE, ended).await.expect("nothing reads it any more");
}

async fn interrupted(mut following: Background) -> String {
    following.running.signal(Signal::INT);
    assert_eq!(following.running.ended().await, Some(130), "{}", following.err());
    following.out()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_until_it_is_interrupted() {
    let far = minute().await;
    let path = far.home("log/main.log").display().to_string();
    let following = far.begin("follow", &["logs", &format!("kv-1:{path}"), "-f", "-n", "1"]);
    following.says("14:00:58Z main error").await;
    append(&far, "log/main.log", "one\n");
    following.says("one\n").await;
    // Rotated, and begun anew a moment later.
    std::fs::rename(&path, format!("{path}.1")).unwrap();
    append(&far, "log/main.log.1", "two\n");
    append(&far, "log/main.log", "three\n");
    following.says("three\n").await;
    assert_eq!(interrupted(following).await, "2026-11-21T14:00:58Z main error\none\ntwo\nthree\n");
    unread(&path).await;

    // What is not there yet is said, and read as soon as it is.
    let later = far.home("log/later.log").display().to_string();
    let following = far.begin("later", &["--json", "logs", &format!("kv-1:{later}"), "-f"]);
    following.says("no such file").await;
    append(&far, "log/later.log", "at last\n");
    following.says("at last").await;
    for line in interrupted(following).await.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["source"].is_null() || line["text"] == "at last", "{line}");
    }
    unread(&later).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_running_engine_share_one_stream_and_leave_nothing_behind() {
    let far = minute().await;
    let mut engine = far.engine().await;
    let names = ["one", "two"];
    let readers = names.map(|name| far.begin(name, &["logs", "judicator", "-f", "-n", "1"]));
    for reader in &readers {
        reader.says("14:00:59Z etcd error").await;
    }
    append(&far, "log/main.log", "2026-11-21T14:01:00Z new\n");
    for reader in readers {
        reader.says("main.log | 2026-11-21T14:01:00Z new\n").await;
        let read = interrupted(reader).await;
        assert_eq!(read.lines().count(), 2, "{read}");
    }
    let begun = far.run(&["logs", "judicator", "-n", "1"]);
    assert_eq!(begun.lines(), ["main.log | 2026-11-21T14:01:00Z new"]);
    assert_eq!(far.run(&["engine", "stop"]).code, 0);
    assert_eq!(engine.running.ended().await, Some(0));
    unread(&far.home("log/etcd.log").display().to_string()).await;
    assert!(!engine.err().contains("new"), "nothing of a log is written down: {}", engine.err());
}
