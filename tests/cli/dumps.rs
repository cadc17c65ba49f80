//! `dump …` on a real server of its own, with a plain folder as the medium: what is printed, and the exit codes.

#[path = "dumps/bad_days.rs"]
mod bad_days;
#[path = "dumps/clock.rs"]
mod clock;

use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::server::Server;

/// A server with two databases, and a fleet file over it.
struct Place {
    server: Server,
    folder: tempfile::TempDir,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(7, false));
        server.sql(
            "CREATE DATABASE meosmain; CREATE TABLE meosmain.oEvent (Id INT PRIMARY KEY, Name VARCHAR(128)) ENGINE=MyISAM;
             INSERT INTO meosmain.oEvent VALUES (1, 'Sprint'), (2, 'Middle');
             CREATE DATABASE race; CREATE TABLE race.oRunner (Id INT PRIMARY KEY, Name VARCHAR(64)) ENGINE=InnoDB;
             INSERT INTO race.oRunner VALUES (1, 'Ana'), (2, 'Bo'), (3, 'Çem')",
        );
        let folder = tempfile::Builder::new().prefix("hsdump").tempdir_in("/tmp").unwrap();
        std::fs::create_dir(folder.path().join("usb")).unwrap();
        let place = Self { server, folder };
        place.fleet("[\"meosmain\", \"race\"]", place.server.port);
        place
    }

    fn fleet(&self, databases: &str, port: u16) {
        self.fleet_with("", &format!("databases = {databases}\nevery = \"1h\"\n"), port);
    }

    /// The fleet file with more before the dump, and more of the dump.
    fn fleet_with(&self, before: &str, more: &str, port: u16) {
        let fleet = format!(
            "name = \"harbour\"\n{before}\n[dumps.meos]\nserver = \"mysql://root@127.0.0.1:{port}/\"\nto = {:?}\n\
             mount = false\n{more}\n",
            self.folder.path().join("usb")
        );
        std::fs::write(self.folder.path().join("hotspare.toml"), fleet).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.folder.path().join("state"));
        command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document of a command that ends with this code.
    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--json"], arguments].concat());
        let said = format!("{arguments:?}: {}{}", text(&ended.stdout), text(&ended.stderr));
        assert_eq!(ended.status.code(), Some(code), "{said}");
        serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// What `status` says of the dump, asked until it is as it should be.
    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut dump = Value::Null;
        // Each of them waits for the engine, and for its first word of every dump.
        for _try in 0..400 {
            let ended = self.run(&["--json", "status"]);
            let status: Value = serde_json::from_slice(&ended.stdout).unwrap_or_default();
            dump = status["dumps"][0].clone();
            if is(&dump) {
                return dump;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("{what}: {dump}");
    }

    /// An engine that makes rounds.
    fn engine(&self) -> Running {
        Running(self.command(&["engine"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/", self.server.port)
    }
}

/// An engine, which ends with the test also where that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn results(made: &Value) -> Vec<(&str, &str)> {
    let all = made["databases"].as_array().unwrap().iter();
    all.map(|one| (one["name"].as_str().unwrap(), one["result"].as_str().unwrap())).collect()
}

#[test]
fn a_kit_is_made_listed_verified_drilled_and_restored() {
    let place = Place::new();
    let listed = place.json(1, &["dump", "list"]);
    assert_eq!((&listed["dumps"][0]["state"], &listed["dumps"][0]["kit"]), (&"late".into(), &Value::Null));

    let made = place.json(0, &["dump", "now", "meos"]);
    assert_eq!(results(&made), [("meosmain", "written"), ("race", "written")]);
    let kit = made["kit"].as_str().unwrap();
    for one in made["databases"].as_array().unwrap() {
        let file = one["file"].as_str().unwrap();
        let bytes = std::fs::metadata(place.folder.path().join("usb").join(file)).unwrap().len();
        assert_eq!((one["bytes"].as_u64(), &one["error"]), (Some(bytes), &Value::Null));
        assert_eq!(one["blake3"].as_str().map(str::len), Some(64));
    }
    place.server.sql("INSERT INTO race.oRunner VALUES (4, 'Dee')");
    let again = place.json(0, &["dump", "now", "meos"]);
    assert_eq!(results(&again), [("meosmain", "unchanged"), ("race", "written")]);
    let newest = again["kit"].as_str().unwrap();
    assert_ne!(newest, kit);

    let listed = place.json(0, &["dump", "list", "meos"]);
    let dump = &listed["dumps"][0];
    assert_eq!((&dump["state"], &dump["kit"], &dump["kits"]), (&"good".into(), &newest.into(), &2.into()));
    assert_eq!((&dump["on_medium"][0]["kit"], &dump["on_medium"][1]["kit"]), (&newest.into(), &kit.into()));
    assert_eq!(dump["on_medium"][0]["databases"][0]["held"], kit);

    let verified = place.json(0, &["dump", "verify", "meos"]);
    assert_eq!((&verified["ok"], verified["kits"].as_array().unwrap().len()), (&true.into(), 2));
    let one = place.json(0, &["dump", "verify", "meos", "--at", kit]);
    assert_eq!(one["kits"], json!([{ "kit": kit, "ok": true, "problems": [] }]));

    let drilled = place.json(0, &["dump", "drill", "meos"]);
    assert_eq!((&drilled["ok"], &drilled["kit"]), (&true.into(), &newest.into()));
    assert!(drilled["seconds"].as_f64().unwrap() > 0.0);
    let databases: Vec<_> = drilled["databases"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(databases, ["meosmain", "race"]);
    let kept = &place.json(0, &["dump", "list"])["dumps"][0]["drill"];
    assert_eq!((&kept["ok"], &kept["kit"]), (&true.into(), &newest.into()), "the next engine knows of the drill");

    place.server.sql("DELETE FROM race.oRunner; INSERT INTO race.oRunner VALUES (9, 'nobody')");
    let looked = place.json(0, &["dump", "restore", "meos", "--database", "race", "--to", &place.url(), "--dry-run"]);
    assert_eq!((&looked["dry_run"], &looked["ok"]), (&true.into(), &true.into()));
    assert_eq!(looked["overwrites"][0]["name"], "race");
    assert_eq!(place.server.sql("SELECT COUNT(*) FROM race.oRunner").trim(), "1");
    let to = ["dump", "restore", "meos", "--database", "race", "--to", &place.url()];
    let restored = place.json(0, &[&to[..], &["--confirm", "RESTORE"]].concat());
    assert_eq!((&restored["ok"], &restored["kit"]), (&true.into(), &newest.into()));
    assert!(restored["before"].is_string(), "what was there was dumped before: {restored}");
    assert_eq!(place.server.sql("SELECT GROUP_CONCAT(Id) FROM race.oRunner").trim(), "1,2,3,4");
}

#[test]
fn nothing_is_restored_without_the_word_and_no_password_is_taken_from_the_command_line() {
    let place = Place::new();
    place.json(0, &["dump", "now", "meos"]);
    place.server.sql("INSERT INTO race.oRunner VALUES (5, 'Eve')");
    let rows = || place.server.sql("SELECT COUNT(*) FROM race.oRunner");
    let before = rows();
    let to = ["dump", "restore", "meos", "--to", &place.url()];
    let unasked = place.run(&to);
    assert_eq!(unasked.status.code(), Some(3), "{}", text(&unasked.stderr));
    assert!(text(&unasked.stderr).contains("RESTORE was not typed"), "{}", text(&unasked.stderr));
    let wrong = place.run(&[&to[..], &["--confirm", "restore"]].concat());
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong.stderr));
    let secret = format!("mysql://root:hunter2@127.0.0.1:{}/", place.server.port);
    let told = place.run(&["dump", "restore", "meos", "--to", &secret, "--confirm", "RESTORE"]);
    assert_eq!(told.status.code(), Some(2), "{}", text(&told.stderr));
    assert!(!text(&told.stderr).contains("hunter2"), "{}", text(&told.stderr));
    assert_eq!(rows(), before);
}

#[test]
fn what_is_wrong_decides_the_exit_code() {
    let place = Place::new();
    let unknown = place.run(&["dump", "now", "moes"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("did you mean `meos`?"), "{}", text(&unknown.stderr));

    place.fleet("[\"meosmain\", \"not_there\"]", place.server.port);
    let made = place.json(4, &["dump", "now", "meos"]);
    assert_eq!(results(&made), [("meosmain", "written"), ("not_there", "failed")]);
    assert!(made["databases"][1]["error"].as_str().unwrap().contains("no such database"), "{made}");

    let kit = made["kit"].as_str().unwrap();
    let file = place.folder.path().join("usb").join(made["databases"][0]["file"].as_str().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let verified = place.json(1, &["dump", "verify", "meos"]);
    assert_eq!((&verified["ok"], &verified["kits"][0]["kit"]), (&false.into(), &kit.into()));
    assert!(verified["kits"][0]["problems"][0].as_str().unwrap().contains("meosmain"), "{verified}");
    let drilled = place.run(&["dump", "drill", "meos"]);
    assert_eq!(drilled.status.code(), Some(1), "{}{}", text(&drilled.stdout), text(&drilled.stderr));

    // Nobody listens there.
    place.fleet("[\"meosmain\"]", 9);
    let away = place.run(&["dump", "now", "meos"]);
    assert_eq!(away.status.code(), Some(1));
    assert!(text(&away.stderr).contains("127.0.0.1:9"), "{}", text(&away.stderr));
    let usb = place.folder.path().join("usb");
    std::fs::rename(&usb, place.folder.path().join("pocket")).unwrap();
    let gone = place.run(&["dump", "now", "meos"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains(&usb.display().to_string()), "{}", text(&gone.stderr));
    assert!(!usb.exists(), "no folder is made where the medium was");
}

#[test]
fn an_engine_makes_rounds_by_itself_and_status_tells_of_them() {
    let place = Place::new();
    let mut engine = place.engine();
    let dump = &place.until("it is good", |dump| dump["state"] == "good");
    assert_eq!((&dump["name"], &dump["state"], &dump["error"]), (&"meos".into(), &"good".into(), &Value::Null));
    assert!(dump["age"].as_f64().unwrap() < 60.0 && dump["last"].is_string(), "{dump}");
    let table = text(&place.run(&["status"]).stdout);
    assert!(table.contains("1 dump well"), "{table}");
    let stopped = place.run(&["engine", "stop"]);
    assert_eq!(stopped.status.code(), Some(0), "{}", text(&stopped.stderr));
    assert!(engine.0.wait().unwrap().success());
    let journal = text(&place.run(&["journal"]).stdout);
    assert!(!journal.contains("dump meos: "), "a round that is good is no entry: {journal}");
}
