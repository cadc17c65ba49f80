//! `hotspare dump eject` on a stick that is really mounted, with an engine that makes rounds on it.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::server::Server;
use crate::stick::Stick;

struct Place {
    folder: tempfile::TempDir,
    stick: Stick,
    _server: Server,
}

/// An engine, which ends with the test also where that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Place {
    async fn new() -> Self {
        let (server, stick) = (Server::start(3, false).await, Stick::new(40));
        server.sql("CREATE DATABASE race; CREATE TABLE race.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO race.t VALUES (1)");
        let folder = tempfile::tempdir().unwrap();
        let fleet = format!(
            "name = \"harbour\"\n[dumps.meos]\nserver = \"mysql://root@127.0.0.1:{}/\"\ndatabases = [\"race\"]\nevery = \"1s\"\nto = {:?}\n",
            server.port,
            stick.path()
        );
        std::fs::write(folder.path().join("hotspare.toml"), fleet).unwrap();
        Self { folder, stick, _server: server }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.folder.path().join("state"));
        command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE");
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }

    fn until(&self, state: &str) -> Value {
        let mut dump = Value::Null;
        for _try in 0..300 {
            let (_code, text) = self.run(&["--json", "status"]);
            dump = serde_json::from_str::<Value>(&text).unwrap_or_default()["dumps"][0].clone();
            if dump["state"] == state {
                return dump;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("it is not {state}: {dump}");
    }

    fn mounted(&self) -> bool {
        let point = self.stick.path().display().to_string();
        std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&point)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_is_ejected_by_a_command_and_rounds_go_on_when_it_is_back() {
    let place = Place::new().await;
    let engine = Running(place.command(&["engine"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    place.until("good");

    // Somebody reads on it: it stays, and who that is can be found out.
    let busy = std::fs::File::open(place.stick.path().join("RECOVERY.txt")).unwrap();
    let (code, said) = place.run(&["dump", "eject", "meos"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be unmounted") && said.contains("fuser") && place.mounted(), "{said}");
    drop(busy);
    place.until("good");

    let (code, said) = place.run(&["--json", "dump", "eject", "meos"]);
    assert_eq!(code, Some(0), "{said}");
    let ejected: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&ejected["dump"], &ejected["safe"]), (&"meos".into(), &true.into()), "{said}");
    assert!(!place.mounted(), "it is let go of");
    assert_eq!(std::fs::read_dir(place.stick.path()).unwrap().count(), 0, "and nothing is written below it");
    let (code, status) = place.run(&["status"]);
    place.until("ejected");
    assert_eq!(code, Some(0), "that is no alarm: {status}");

    place.stick.mount();
    place.until("good");
    let (code, verified) = place.run(&["dump", "verify", "meos"]);
    assert_eq!(code, Some(0), "{verified}");
    let (_code, journal) = place.run(&["journal"]);
    assert!(journal.contains("may be taken out") || journal.contains("safe to remove"), "{journal}");
    drop(engine);
}
