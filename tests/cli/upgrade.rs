//! An update: old state folders, old engines that still run, and programs that are older than what they find.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use hotspare::engine::client::Client;
use hotspare::engine::command::Command;
use hotspare::engine::lock::Lock;
use hotspare::engine::snapshot::Snapshot;
use hotspare::engine::wire::{Hello, PROTOCOL};
use rusqlite::Connection;
use serde_json::Value;

use crate::place::{FLEET, PATIENCE, Place, text, until};

/// Databases as the programs of earlier layouts left them, with what they hold; tests/fixtures/upgrade/README.md says whence.
const LAYOUTS: [&str; 2] = ["layout-1.db", "layout-2.db"];
/// Entries in each of them.
const ENTRIES: usize = 41;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upgrade").join(name)
}

/// A place whose state folder holds this database.
fn with_state(name: &str) -> Place {
    let place = Place::new(FLEET);
    std::fs::create_dir(place.state()).unwrap();
    std::fs::copy(fixture(name), place.state().join("state.db")).unwrap();
    place
}

fn journal(place: &Place) -> Vec<Value> {
    let said = place.run(&["--json", "journal"]);
    assert_eq!(said.status.code(), Some(0), "{}{}", text(&said.stdout), text(&said.stderr));
    serde_json::from_slice::<Value>(&said.stdout).unwrap()["entries"].as_array().unwrap().clone()
}

fn kept(database: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection.prepare("SELECT key, value FROM kept ORDER BY key").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_journal_of_an_earlier_layout_is_read_before_an_engine_has_touched_it() {
    for layout in LAYOUTS {
        let place = with_state(layout);
        assert_eq!(journal(&place).len(), ENTRIES, "{layout}");
        assert_eq!(std::fs::read(place.state().join("state.db")).unwrap(), std::fs::read(fixture(layout)).unwrap());
    }
}

#[tokio::test]
async fn an_earlier_layout_is_brought_up_to_date_and_nothing_is_lost() {
    for layout in LAYOUTS {
        let place = with_state(layout);
        let database = place.state().join("state.db");
        let (entries, values) = (journal(&place), kept(&database));
        for start in 1..=2 {
            let mut engine = place.engine();
            let joined = place.join().await;
            let alarms = joined.snapshots().borrow().head.alarms.clone();
            assert!(alarms.is_empty(), "{layout}, start {start}: {alarms:?}");
            drop(joined);
            assert_eq!(place.run(&["engine", "stop"]).status.code(), Some(0));
            assert_eq!(engine.ended().await, Some(0), "{}", place.engine_said());
        }
        let now = journal(&place);
        assert!(now.len() > ENTRIES, "{layout}");
        assert_eq!(now[..ENTRIES], entries[..], "{layout}: every entry is there as it was");
        let lost: Vec<_> = values.iter().filter(|value| !kept(&database).contains(value)).map(|(key, _)| key).collect();
        // What an engine counts on with is another number now.
        assert!(
            lost.iter().all(|key| ["standin.lease/generation", "feeds.marks", "dumps.known"].contains(&key.as_str())),
            "{lost:?}"
        );
        let keys = |values: &[(String, String)]| values.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let known = keys(&kept(&database));
        assert!(keys(&values).iter().all(|key| known.contains(key)), "{layout}");
    }
}

#[test]
fn a_newer_layout_is_refused_and_left_as_it_is() {
    let place = with_state("layout-2.db");
    let database = place.state().join("state.db");
    let connection = Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&database).unwrap();
    for command in [["engine"].as_slice(), &["status"]] {
        let said = place.run(command);
        assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));
        let told = text(&said.stderr);
        assert!(
            told.contains("was written by a newer hotspare (its layout is 99") && told.contains("start the newer"),
            "{told}"
        );
    }
    assert_eq!(std::fs::read(&database).unwrap(), before, "nothing was changed");
    assert!(
        !std::fs::read_dir(place.state())
            .unwrap()
            .any(|entry| text(entry.unwrap().file_name().as_encoded_bytes()).contains("corrupt"))
    );
}

/// A process that has the lock of the state folder and says hello as an engine of another protocol does.
struct Stranger(Child);

impl Stranger {
    fn engine(place: &Place, protocol: u32, version: &str) -> Self {
        std::fs::create_dir_all(place.state()).unwrap();
        let program = r#"
import fcntl, json, os, signal, socket, struct, sys
state, protocol, version = sys.argv[1], int(sys.argv[2]), sys.argv[3]
lock = open(state + "/engine.lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(str(os.getpid())); lock.flush()
signal.signal(signal.SIGTERM, lambda *_: (os.unlink(state + "/engine.sock"), os._exit(0)))
listener = socket.socket(socket.AF_UNIX); listener.bind(state + "/engine.sock"); listener.listen(8)
print("ready", flush=True)
while True:
    guest, _ = listener.accept()
    hello = json.dumps({"magic": "hotspare", "protocol": protocol, "version": version, "pid": os.getpid()}).encode()
    try:
        guest.sendall(struct.pack(">I", len(hello)) + hello)
    except OSError:
        pass  # Who only looked whether somebody answers has gone already.
    guest.close()
"#;
        let mut command = std::process::Command::new("python3");
        command.args(["-c", program]).arg(place.state()).arg(protocol.to_string()).arg(version);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("apt-get install python3");
        let mut ready = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _body = self.0.wait();
    }
}

#[test]
fn an_engine_of_an_older_protocol_is_named_and_can_be_replaced() {
    let place = Place::new(FLEET);
    let mut old = Stranger::engine(&place, PROTOCOL - 1, "0.0.9");
    for command in [["status"].as_slice(), &["journal"], &["engine", "status"], &["engine", "restart"]] {
        let said = place.run(command);
        let told = text(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{command:?}: {told}");
        assert!(
            told.contains("the running engine (version 0.0.9, pid ") && told.contains("is older than this program"),
            "{told}"
        );
        assert!(told.contains("`hotspare engine restart --force`"), "{command:?}: {told}");
    }
    assert!(old.0.try_wait().unwrap().is_none(), "nobody ended it unasked");
    let said = place.run(&["engine", "restart", "--force"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
    assert_eq!(old.0.wait().unwrap().code(), Some(0), "it was asked to end, and did");
    assert!(text(&said.stdout).contains(concat!("version ", env!("CARGO_PKG_VERSION"))), "{}", text(&said.stdout));
    assert_eq!(place.run(&["engine", "stop"]).status.code(), Some(0));
}

#[test]
fn an_engine_of_a_newer_protocol_is_not_replaced_by_an_older_one_unasked() {
    let place = Place::new(FLEET);
    let _new = Stranger::engine(&place, PROTOCOL + 1, "9.0.0");
    let said = place.run(&["status"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(text(&said.stderr).contains("is newer than this program"), "{}", text(&said.stderr));
    assert!(text(&said.stderr).contains("use the newer program"), "{}", text(&said.stderr));
}

#[tokio::test]
async fn an_engine_of_this_version_makes_room_for_another() {
    let place = Place::new(FLEET);
    let _none = place.run(&["engine", "restart"]);
    let first = Lock::holder(&place.lock()).flatten().expect("where none ran, one begins");
    let said = place.run(&["--json", "engine", "restart"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
    let document: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(document["before"], env!("CARGO_PKG_VERSION"));
    let second = Lock::holder(&place.lock()).flatten().expect("it runs");
    assert_eq!(document["pid"], second);
    assert_ne!(first, second);
    assert_eq!(place.run(&["engine", "stop"]).status.code(), Some(0));
}

#[tokio::test]
async fn a_console_of_an_older_protocol_hears_who_is_newer_and_harms_nobody() {
    let place = Place::new(FLEET);
    let _engine = place.engine();
    let joined = place.join().await;
    let mut snapshots = joined.snapshots();
    let alone = |snapshot: &std::sync::Arc<Snapshot>| snapshot.head.engine.consoles == 1;
    until(&mut snapshots, "one console", alone).await;
    let mut old = UnixStream::connect(place.socket()).unwrap();
    old.set_read_timeout(Some(PATIENCE)).unwrap();
    let hello = serde_json::to_vec(&Hello { protocol: PROTOCOL - 1, ..Hello::new("console", false) }).unwrap();
    old.write_all(&[&u32::try_from(hello.len()).unwrap().to_be_bytes()[..], &hello].concat()).unwrap();
    let mut heard = Vec::new();
    old.read_to_end(&mut heard).unwrap();
    let hello: Hello =
        serde_json::from_slice(&heard[4..]).expect("one hello, and nothing of a language that it cannot read");
    let said = hello.check("this program", "the running engine");
    assert!(said.is_ok() && hello.protocol == PROTOCOL, "an old program compares the numbers: {hello:?}");
    joined.command(Command::Note { text: "still here".into() }).await.expect("the others stay");
    assert!(alone(&snapshots.borrow()), "it is not counted");
}
