//! The engine in one process, with its real journal, socket and file watch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_util::codec::{FramedRead, FramedWrite};

use super::client::{Client, Link, in_process};
use super::command::{Answer, Command, Query, RefusalKind};
use super::guest::Guest;
use super::snapshot::Snapshot;
use super::start::{Config, Engine, StartError};
use super::wire::{Codec, Hello, LARGEST_REPLY, LARGEST_REQUEST, ToGuest};
use super::{lock, socket};
use crate::clock::Clock;
use crate::health::view::Health;
use crate::journal::entry::Chain;
use crate::work::view::JobState;

const FLEET: &str = r#"
name = "harbour"
[hosts.studio-1]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
[hosts.studio-2]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
"#;

/// A folder with a fleet file in it; the state folder is `state` beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(fleet: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.file(), fleet).unwrap();
        place
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("hotspare.toml")
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn socket(&self) -> PathBuf {
        self.state().join("engine.sock")
    }

    fn config(&self) -> Config {
        Config { fleet: self.file(), state: Some(self.state()), detached: false, clock: Clock::real() }
    }

    async fn start(&self) -> Engine {
        Engine::start(self.config()).await.unwrap()
    }
}

/// Waits until a snapshot shows it.
async fn until(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    shows: impl FnMut(&Arc<Snapshot>) -> bool,
) -> Arc<Snapshot> {
    let found = tokio::time::timeout(Duration::from_secs(10), snapshots.wait_for(shows)).await;
    Arc::clone(&found.expect("the snapshot shows it within 10 s").unwrap())
}

fn says(snapshot: &Snapshot, text: &str) -> bool {
    snapshot.journal.tail.iter().any(|entry| entry.what.contains(text))
}

async fn join(path: &Path) -> socket::Socket {
    socket::join(path, Guest::console(false), None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_see_the_same_and_what_one_does_the_other_sees() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let inside = in_process(&engine, &Guest::command_line(false));
    let outside = join(&place.socket()).await;
    let (mut near, mut far) = (inside.snapshots(), outside.snapshots());
    let accepted = outside.command(Command::Note { text: "the cable is blue".into() }).await.unwrap();
    assert_eq!(accepted.said, "the cable is blue");
    let seen = until(&mut near, |snapshot| says(snapshot, "cable is blue")).await;
    until(&mut far, |snapshot| snapshot.seq >= seen.seq).await;
    assert_eq!(far.borrow().journal, near.borrow().journal);
    assert_eq!(far.borrow().hosts, near.borrow().hosts);
    assert_eq!(seen.head.engine.consoles, 1);
    assert!(seen.journal.tail.last().unwrap().who.ends_with("(console)"));
    let Answer::Journal { entries, .. } =
        inside.query(Query::Journal { since: None, before: None, limit: 1 }).await.unwrap()
    else {
        panic!("another answer")
    };
    assert_eq!(entries[0].what, "the cable is blue");
    engine.stop("a test").await;
    let mut link = outside.link();
    let lost = tokio::time::timeout(Duration::from_secs(5), link.wait_for(|link| *link != Link::Joined)).await;
    assert_eq!(*lost.unwrap().unwrap(), Link::Lost { why: "the engine was stopped".into() });
    assert!(!place.socket().exists());
    assert_eq!(lock::Lock::holder(&place.state().join("engine.lock")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_with_the_pid_of_the_first() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let error = Engine::start(place.config()).await.unwrap_err();
    assert!(matches!(error, StartError::Lock(_)), "{error}");
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
    engine.stop("a test").await;
    place.start().await.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_guest_changes_nothing_and_its_attempt_is_journalled() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let reader = socket::join(&place.socket(), Guest::console(true), None).await.unwrap();
    let refusal = reader.command(Command::Reload).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Safety);
    until(&mut engine.snapshots(), |snapshot| says(snapshot, "refused: reload")).await;
    assert!(reader.query(Query::History { host: "studio-1".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_needs_a_reason_and_an_end_and_survives_a_restart() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let client = in_process(&engine, &Guest::console(false));
    let until_then = Clock::real().now() + jiff::SignedDuration::from_hours(1);
    let maintain = |host: &str, why: &str, until| Command::Maintain { host: host.into(), why: why.into(), until };
    let unknown = client.command(maintain("studio-3", "disk", until_then)).await.unwrap_err();
    assert_eq!(unknown.hint.as_deref(), Some("did you mean studio-1?"));
    assert!(client.command(maintain("studio-1", " ", until_then)).await.is_err());
    assert!(client.command(maintain("studio-1", "disk", Clock::real().now())).await.is_err());
    client.command(maintain("studio-1", "disk", until_then)).await.unwrap();
    engine.stop("a test").await;

    let engine = place.start().await;
    let kept = until(&mut engine.snapshots(), |snapshot| snapshot.hosts[0].maintenance.is_some()).await;
    assert_eq!(
        (kept.hosts[0].health, kept.hosts[0].why.as_deref().map(|why| why.contains("disk"))),
        (Health::Maintenance, Some(true))
    );
    let client = in_process(&engine, &Guest::console(false));
    let ended = client.command(Command::EndMaintenance { host: "studio-1".into() }).await.unwrap();
    assert_eq!(ended.said, "maintenance of studio-1 ended");
    assert!(client.command(Command::EndMaintenance { host: "studio-1".into() }).await.is_err());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_is_a_job_and_numbers_go_on_after_a_restart() {
    let place = Place::new(FLEET);
    for number in 1..=2 {
        let engine = place.start().await;
        let client = in_process(&engine, &Guest::console(false));
        let job = client.command(Command::VerifyJournal).await.unwrap().job.unwrap();
        assert_eq!(job.0, number);
        let mut snapshots = engine.snapshots();
        let done = |snapshot: &Arc<Snapshot>| snapshot.jobs.iter().any(|view| view.id == job && view.state.ended());
        let snapshot = until(&mut snapshots, done).await;
        assert_eq!(snapshot.jobs[0].state, JobState::Done);
        let intact = until(&mut snapshots, |snapshot| snapshot.journal.chain == Chain::Intact).await;
        assert!(intact.head.alarms.is_empty());
        engine.stop("a test").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_in_force_a_broken_one_is_not_and_a_lost_one_may_return() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();

    // An atomic save: a new file takes the old name.
    let more = format!("{FLEET}\n[hosts.studio-3]\naddress = \"127.0.0.1\"\n");
    std::fs::write(place.0.path().join("new"), &more).unwrap();
    std::fs::rename(place.0.path().join("new"), place.file()).unwrap();
    until(&mut snapshots, |snapshot| snapshot.hosts.len() == 3).await;

    std::fs::write(place.file(), "name = \"harbour\"\n[hosts").unwrap();
    let refused = until(&mut snapshots, |snapshot| !snapshot.head.file.refused.is_empty()).await;
    assert_eq!(refused.hosts.len(), 3);
    assert!(!refused.healthy());

    std::fs::remove_file(place.file()).unwrap();
    until(&mut snapshots, |snapshot| snapshot.head.file.refused.iter().any(|line| line.ends_with("is not there")))
        .await;

    std::fs::write(place.file(), &more).unwrap();
    let back = until(&mut snapshots, |snapshot| snapshot.head.file.refused.is_empty()).await;
    assert_eq!(back.hosts.len(), 3);

    std::fs::write(place.file(), more.replace("harbour", "port")).unwrap();
    let renamed = until(&mut snapshots, |snapshot| !snapshot.head.file.refused.is_empty()).await;
    assert_eq!(renamed.head.fleet, "harbour");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mad_and_silent_guests_cost_nobody_else() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let good = join(&place.socket()).await;
    let mut silent = Vec::new();
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 64],
        vec![0, 0, 0, 4, b'n', b'u', b'l', b'l'],
        vec![0, 0, 0, 200, b'{'],
        b"\x00\x00\x00\x02{}".to_vec(),
    ] {
        let mut stream = UnixStream::connect(place.socket()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        silent.push(stream);
    }
    // Those whose bytes cannot become a hello are dropped at once; the half frame only when its time is over.
    for stream in silent.drain(..).enumerate().filter_map(|(number, stream)| (number != 3).then_some(stream)) {
        let mut stream = stream;
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(4), stream.read_to_end(&mut rest)).await.unwrap().unwrap_or(0);
    }
    assert!(good.command(Command::Note { text: "still here".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_consoles_all_see_the_newest() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut consoles = Vec::new();
    for _ in 0..50 {
        consoles.push(join(&place.socket()).await);
    }
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 50).await;
    consoles[17].command(Command::Note { text: "hello to all".into() }).await.unwrap();
    for console in &consoles {
        until(&mut console.snapshots(), |snapshot| says(snapshot, "hello to all")).await;
    }
    consoles.truncate(10);
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 10).await;
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_nobody_needs_stops_with_its_last_console() {
    let place = Place::new("name = \"empty\"\n");
    let engine = place.start().await;
    let console = join(&place.socket()).await;
    let other = join(&place.socket()).await;
    drop(console);
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 1).await;
    drop(other);
    tokio::time::timeout(Duration::from_secs(5), engine.ended()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_did_not_change_are_the_same_arc() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    let before = until(&mut snapshots, |snapshot| snapshot.journal.chain == Chain::Intact).await;
    let client = in_process(&engine, &Guest::command_line(false));
    client.command(Command::Note { text: "only the journal".into() }).await.unwrap();
    let after = until(&mut snapshots, |snapshot| says(snapshot, "only the journal")).await;
    assert!(Arc::ptr_eq(&before.jobs, &after.jobs));
    assert!(!Arc::ptr_eq(&before.journal, &after.journal));
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_engine_is_said_and_joined_again_when_it_is_back() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let console = join(&place.socket()).await;
    let mut link = console.link();
    engine.stop("a test").await;
    link.wait_for(|link| *link != Link::Joined).await.unwrap();
    let refusal = console.command(Command::Reload).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Gone);
    let engine = place.start().await;
    tokio::time::timeout(Duration::from_secs(5), link.wait_for(|link| *link == Link::Joined)).await.unwrap().unwrap();
    assert!(console.command(Command::Note { text: "back".into() }).await.is_ok());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_delays_nobody_and_comes_to_the_same_picture() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let stream = UnixStream::connect(place.socket()).await.unwrap();
    let (read, write) = stream.into_split();
    let mut writer = FramedWrite::new(write, Codec::<(), Hello>::new(LARGEST_REQUEST));
    writer.send(&Hello::new("console", false)).await.unwrap();
    let quick = join(&place.socket()).await;
    // Far more than a socket's buffers hold: the slow one's writer stands still, the engine does not.
    let text = "x".repeat(4_000);
    let mut snapshots = quick.snapshots();
    for number in 0..400 {
        quick.command(Command::Note { text: format!("{number} {text}") }).await.unwrap();
    }
    until(&mut snapshots, |snapshot| says(snapshot, "399 ")).await;

    let mut hellos = FramedRead::new(read, Codec::<Hello, ()>::new(LARGEST_REPLY));
    hellos.next().await.unwrap().unwrap();
    let mut reader = hellos.map_decoder(|_hello| Codec::<ToGuest, ()>::new(LARGEST_REPLY));
    let Some(Ok(ToGuest::Full(first))) = reader.next().await else { panic!("no whole picture first") };
    let mut picture = first.as_ref().clone();
    let arrive = async {
        while !says(&picture, "399 ") {
            match reader.next().await.unwrap().unwrap() {
                ToGuest::Delta(delta) => picture = delta.apply(&picture).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrive).await.unwrap();
    assert!(picture.seq > first.seq);
    let newest = engine.snapshots().borrow().clone();
    assert_eq!(picture.journal.tail.len(), newest.journal.tail.len());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_with_a_very_long_path_has_a_socket_too() {
    let place = Place::new(FLEET);
    let long = place.0.path().join("a".repeat(120)).join("b".repeat(120));
    let config = Config { state: Some(long.clone()), ..place.config() };
    let engine = Engine::start(config).await.unwrap();
    let client = join(&long.join("engine.sock")).await;
    assert!(client.command(Command::Note { text: "from afar".into() }).await.is_ok());
    engine.stop("a test").await;
    assert!(!long.join("engine.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_down_and_returns_is_journalled_and_told_to_a_program() {
    let place = Place::new("");
    let told = place.0.path().join("told");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let fleet = format!(
        r#"
        name = "harbour"
        [[notify]]
        on = ["host-down", "host-up"]
        command = ["sh", "-c", "cat >> {told}; echo >> {told}"]
        [hosts.studio-1]
        address = "127.0.0.1"
        checks = [{{ kind = "tcp", port = {port} }}]
        [hosts.studio-9]
        address = "127.0.0.1"
        [pools.p]
        protects = ["studio-1"]
        spares = ["studio-9"]
        probe = {{ every = "50ms", failures = 3 }}
        up_after = "300ms"
        takeover = "t"
        fence = "none"
        [runbooks.t]
        steps = [{{ name = "tell", kind = "ask", text = "ready?" }}]
        "#,
        told = told.display()
    );
    std::fs::write(place.file(), fleet).unwrap();
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    until(&mut snapshots, |snapshot| snapshot.hosts[0].health == Health::Up).await;
    drop(listener);
    until(&mut snapshots, |snapshot| says(snapshot, "studio-1 is down")).await;
    let _listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    until(&mut snapshots, |snapshot| says(snapshot, "studio-1 is up")).await;
    let both = async {
        loop {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            if text.lines().count() == 2 {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[0]["subject"]), (&"host-down".into(), &"studio-1".into()));
    assert_eq!((&events[1]["event"], &events[1]["fleet"]), (&"host-up".into(), &"harbour".into()));
    assert_eq!(snapshots.borrow().head.pools[0].mode, "auto");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn linger_decides_whether_the_engine_outlives_its_last_console() {
    for (linger, stays) in [("never", false), ("auto", true), ("always", true)] {
        let place = Place::new(&format!("{FLEET}\n[engine]\nlinger = \"{linger}\"\n"));
        let engine = place.start().await;
        // A command is no console: its leaving ends nothing here.
        drop(socket::join(&place.socket(), Guest::command_line(false), None).await.unwrap());
        let console = join(&place.socket()).await;
        until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 1).await;
        drop(console);
        if stays {
            until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 0).await;
            join(&place.socket()).await;
            engine.stop("a test").await;
        } else {
            tokio::time::timeout(Duration::from_secs(5), engine.ended()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_numbered_lines_and_a_report_needs_a_job() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let client = in_process(&engine, &Guest::console(false));
    client.command(Command::Note { text: "into the log too".into() }).await.unwrap();
    let Answer::Log { lines } = client.query(Query::Log { after: 0 }).await.unwrap() else { panic!("another answer") };
    let line = lines.iter().find(|line| line.text.contains("into the log too")).unwrap();
    assert_eq!((line.level.as_str(), line.text.contains("(console)")), ("INFO", true));
    let Answer::Log { lines: later } = client.query(Query::Log { after: line.seq }).await.unwrap() else { panic!() };
    assert!(later.iter().all(|later| later.seq > line.seq));
    let refusal = client.query(Query::Report { job: crate::work::view::JobId(99) }).await.unwrap_err();
    assert_eq!(refusal.what, "no job 99 is kept");
    engine.stop("a test").await;
}
