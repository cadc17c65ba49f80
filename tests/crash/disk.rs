//! State folders on disks that are full, read-only or corrupt.
//!
//! The small disk is a tmpfs in a mount namespace of the engine alone (`unshare`, util-linux): it needs no root where
//! unprivileged user namespaces are allowed, and vanishes with the engine.

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use hotspare::engine::client::Client;
use hotspare::engine::command::{Answer, Command, Query};
use hotspare::health::view::Point;
use hotspare::journal::entry::Chain;

use crate::place::{FLEET, PATIENCE, Place, Running, join, text, until};

/// An engine whose state folder is a tmpfs of two megabytes.
struct Small {
    engine: Running,
    place: Place,
}

impl Small {
    fn start() -> Self {
        let place = Place::new(FLEET);
        std::fs::create_dir(place.state()).unwrap();
        let errors = std::fs::File::create(place.path().join("engine.err")).unwrap();
        let mut command = apart(
            &place,
            &place.file(),
            r#"mount -t tmpfs -o size=2m,mode=700 small "$1" && shift && exec "$@""#,
            "engine",
        );
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = command.spawn().expect(UNSHARE);
        Self { engine: Running::from(child), place }
    }

    /// The state folder as the engine sees it.
    fn state(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.engine.pid()));
        root.join(self.place.state().strip_prefix("/").unwrap())
    }

    async fn join(&self) -> impl Client {
        join(&self.state().join("engine.sock"), &|| self.place.engine_said()).await
    }
}

pub(crate) const UNSHARE: &str = "unshare is there: apt-get install util-linux";

/// The program on this place, started by a script in a mount namespace of its own; `$1` is the state folder.
pub(crate) fn apart(place: &Place, fleet: &Path, script: &str, what: &str) -> Process {
    let root = rustix::process::geteuid().is_root();
    let mut command = Process::new("unshare");
    command.args(if root { ["--mount", "--"].as_slice() } else { &["--user", "--map-root-user", "--mount", "--"] });
    command.args(["sh", "-c", script, "sh"]).arg(place.state());
    command.arg(env!("CARGO_BIN_EXE_hotspare")).arg("--fleet").arg(fleet).arg("--state").arg(place.state());
    command.arg(what);
    command
}

/// What is remembered of the pings of studio-1.
async fn runs(client: &impl Client) -> Vec<Point> {
    match client.query(Query::History { host: "studio-1".into() }).await.unwrap() {
        Answer::History { history } => history.checks["ping"].clone(),
        other => panic!("{other:?}"),
    }
}

/// Fills the disk to the last byte.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [64 << 10, 4 << 10, 512, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_engine_goes_on_says_so_and_writes_everything_later() {
    let small = Small::start();
    let client = small.join().await;
    let mut snapshots = client.snapshots();
    until(&mut snapshots, "the verdict on the chain", |snapshot| snapshot.journal.chain == Chain::Intact).await;
    let ballast = fill(&small.state());
    let mut said = String::new();
    // The first few may still fit into pages that the database has already.
    for number in 0..2_000 {
        said =
            client.command(Command::Note { text: format!("note {number} {}", "x".repeat(2_000)) }).await.unwrap().said;
        if said.contains("waits in memory") {
            break;
        }
    }
    assert!(said.contains("waits in memory"), "{said}");
    let told = until(&mut snapshots, "the alarm", |snapshot| !snapshot.head.alarms.is_empty()).await;
    assert!(told.head.alarms[0].contains("state.db cannot be written"), "{:?}", told.head.alarms);
    // It goes on watching: checks run again.
    let asked = runs(&client).await.last().map(|run| run.at);
    tokio::time::timeout(PATIENCE, async {
        while runs(&client).await.last().map(|run| run.at) <= asked {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("checks go on");
    let waiting = told.journal.length;

    std::fs::remove_file(ballast).unwrap();
    until(&mut snapshots, "the end of the alarm", |snapshot| snapshot.head.alarms.is_empty()).await;
    let Answer::Journal { entries, .. } =
        client.query(Query::Journal { since: None, before: None, limit: 10_000 }).await.unwrap()
    else {
        panic!("another answer")
    };
    assert!(entries.len() as u64 >= waiting);
    let job = client.command(Command::VerifyJournal).await.unwrap().job.unwrap();
    let verified = |snapshot: &std::sync::Arc<hotspare::engine::snapshot::Snapshot>| {
        snapshot.jobs.iter().any(|view| view.id == job && view.state.ended())
    };
    assert_eq!(until(&mut snapshots, "the verification", verified).await.journal.chain, Chain::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_read_only_disk_no_engine_starts_without_its_lock_and_says_why() {
    let place = Place::new(FLEET);
    let mut engine = place.engine();
    place.join().await;
    place.run(&["engine", "stop"]);
    engine.ended().await;
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
    let ended = apart(&place, &place.file(), script, "engine").output().expect(UNSHARE);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("engine.lock") && said.contains("Read-only") && said.contains("hint: "), "{said}");
    // What was written is still there to be read.
    let read = apart(&place, &place.file(), script, "journal").output().expect(UNSHARE);
    assert!(text(&read.stdout).contains("the engine stopped"), "{}", text(&read.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_state_db_is_kept_aside_and_said_in_three_places() {
    let place = Place::new(FLEET);
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(place.state()).unwrap();
    std::fs::write(place.state().join("state.db"), vec![0x42; 20_000]).unwrap();
    let _engine = place.engine();
    let client = place.join().await;
    let snapshot = client.snapshots().borrow().clone();
    assert!(snapshot.head.alarms[0].contains("state.db.corrupt-"), "{:?}", snapshot.head.alarms);
    assert!(snapshot.journal.tail.iter().any(|entry| entry.what.contains("state.db.corrupt-")));
    let kept = std::fs::read_dir(place.state())
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("state.db.corrupt-"));
    assert_eq!(std::fs::read(kept.unwrap().path()).unwrap(), vec![0x42; 20_000]);
    let said = || place.engine_said().contains("state.db.corrupt-");
    tokio::time::timeout(PATIENCE, async {
        while !said() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_cannot_be_made_is_refused_with_a_remedy() {
    let place = Place::new(FLEET);
    // A file where the folder should be: refused for every user, root included.
    std::fs::write(place.state(), b"").unwrap();
    let ended = place.run(&["engine"]);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("state folder") && said.contains("--state"), "{said}");
    let detached = place.run(&["status"]);
    assert_eq!(detached.status.code(), Some(1));
    assert!(text(&detached.stderr).contains("state folder"), "{}", text(&detached.stderr));
}
