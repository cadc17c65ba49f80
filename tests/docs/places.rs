//! The prepared places in which blocks are run. Each block gets one of its own.

use std::process::{Command, Output, Stdio};

use crate::place::{FLEET, Place, text};
use crate::server::Server;

/// A folder with the fleet file, the disks and the servers that the lines of a block need.
pub(crate) struct Prepared {
    place: Place,
    /// What a page calls so lies elsewhere in a test.
    swaps: Vec<(&'static str, String)>,
    _server: Option<Server>,
}

/// A place by the name that a block gives it.
pub(crate) fn named(name: &str) -> Prepared {
    match name {
        // No fleet file: what somebody sees who begins.
        "nothing" => {
            let prepared = Prepared::new("");
            std::fs::remove_file(prepared.place.file()).unwrap();
            prepared
        }
        // A key that was mistyped.
        "typo" => Prepared::new("name = \"harbour\"\n[hosts.studio-1]\nadress = \"10.77.0.11\"\n"),
        // Two hosts, one of which is down.
        "hosts" => Prepared::new(FLEET),
        // Two participants on two days, recorded and imported, and an empty share.
        "recordings" => recordings(),
        // The same, copied.
        "copies" => {
            let prepared = recordings();
            prepared.done("hotspare -q session sync --from 20250101");
            prepared
        }
        "feeds" => feeds(),
        "dumps" => dumps(),
        // The same with a first kit.
        "kits" => {
            let prepared = dumps();
            prepared.done("hotspare -q dump now meos");
            prepared
        }
        other => panic!("no place is called {other}"),
    }
}

impl Prepared {
    fn new(fleet: &str) -> Self {
        let place = Place::new(fleet);
        let programs = place.path().join("bin");
        std::fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hotspare"), programs.join("hotspare")).unwrap();
        Self { place, swaps: Vec::new(), _server: None }
    }

    /// Runs lines of a shell in the place.
    pub(crate) fn run(&self, lines: &str) -> Output {
        let lines = self.swaps.iter().fold(lines.to_owned(), |lines, (page, here)| lines.replace(page, here));
        let at = self.place.path();
        let path = format!("{}:{}", at.join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", &lines]).current_dir(at).stdin(Stdio::null());
        command.env("PATH", path).env("HOME", at).env("XDG_CONFIG_HOME", at.join("config")).env("TZ", "UTC");
        command.env("HOTSPARE_STATE", self.place.state()).env_remove("HOTSPARE_FLEET").env_remove("RUST_BACKTRACE");
        command.output().unwrap()
    }

    fn done(&self, line: &str) {
        let ended = self.run(line);
        assert!(ended.status.success(), "{line}: {}{}", text(&ended.stdout), text(&ended.stderr));
    }
}

fn recordings() -> Prepared {
    let mut prepared = Prepared::new("");
    let at = prepared.place.path().to_owned();
    let share = at.join("share/mobile_system_data");
    std::fs::create_dir_all(&share).unwrap();
    let fleet = format!(
        "name = \"harbour\"\n[sessions.mocap]\nsource = \"{0}/data\"\nlayout = \"{{participant}}/{{date}}\"\n\
         settle = \"0s\"\nimported = {{ sqlite = \"{0}/imports.db\", query = \"SELECT p, d, 1 FROM i\" }}\n\
         destinations = [{{ name = \"Network\", path = \"{1}\", layout = \"{{date}}/{{participant}}\" }}]\n",
        at.display(),
        share.display()
    );
    std::fs::write(prepared.place.file(), fleet).unwrap();
    let imports = rusqlite::Connection::open(at.join("imports.db")).unwrap();
    imports.execute_batch("CREATE TABLE i (p, d)").unwrap();
    for (participant, day) in [("p001", "20250104"), ("p002", "20250104"), ("p001", "20250105")] {
        let folder = at.join("data").join(participant).join(day);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("walk.mp4"), vec![7; 50_000]).unwrap();
        imports.execute("INSERT INTO i VALUES (?, ?)", (participant, day)).unwrap();
    }
    prepared.swaps.push(("/mnt/CottonLab/mobile_system_data", share.display().to_string()));
    prepared
}

fn feeds() -> Prepared {
    let prepared = Prepared::new(
        "name = \"harbour\"\n[feeds.counts]\nfrom = { sqlite = \"counts.db\" }\nto = { sqlite = \"warehouse.db\" }\n\
         tables = [{ name = \"traffic\", key = [\"camera_name\", \"timestamp\"], cursor = \"id\" }]\n",
    );
    let counts = rusqlite::Connection::open(prepared.place.path().join("counts.db")).unwrap();
    let rows = "CREATE TABLE traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, camera_name TEXT
        NOT NULL); INSERT INTO traffic (timestamp, in_count, camera_name) VALUES ('2025-01-04 10:00:00', 3, 'north'),
        ('2025-01-04 10:00:00', 1, 'south'), ('2025-01-04 10:00:10', 2, 'north')";
    counts.execute_batch(rows).unwrap();
    prepared
}

fn dumps() -> Prepared {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(9, false));
    server.sql("CREATE DATABASE meosmain; CREATE TABLE meosmain.oEvent (Id INT PRIMARY KEY, Name VARCHAR(128))");
    server.sql("INSERT INTO meosmain.oEvent VALUES (1, 'Sprint'), (2, 'Middle')");
    let url = format!("mysql://root@127.0.0.1:{}/", server.port);
    let mut prepared = Prepared::new(&format!(
        "name = \"harbour\"\n[dumps.meos]\nserver = \"{url}\"\ndatabases = [\"meosmain\"]\nevery = \"1h\"\nto = \"usb\"\n\
         mount = false\n"
    ));
    std::fs::create_dir(prepared.place.path().join("usb")).unwrap();
    prepared.swaps.push(("mysql://root@127.0.0.1/", url));
    Prepared { _server: Some(server), ..prepared }
}
