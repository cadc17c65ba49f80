//! Dumps of MongoDB, with programs in the place of its tools that know their arguments, their files and their archive format:
//! no registry of the test machines has the real ones.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PASSWORD: &str = "p\"a's\\ #;$(id)%40=x";
const URL: &str = "mongodb://ana@127.0.0.1:27017/?authSource=admin";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("hsmongo").tempdir_in("/tmp").unwrap());
        for folder in ["usb", "bin", "server"] {
            std::fs::create_dir(place.path(folder)).unwrap();
        }
        place.write("password", PASSWORD);
        private(&place.path("password"));
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dumps/mongo_tools.py");
        for tool in ["mongodump", "mongorestore", "mongod"] {
            let at = place.path(&format!("bin/{tool}"));
            let place = place.path("");
            let script = format!("#!/bin/sh\nexec python3 '{tools}' {tool} '{}' \"$@\"\n", place.display());
            crate::program::script(&at, &script);
        }
        for number in 0..40 {
            place.document("cupola", "cameras", number);
            place.document("people", "counts", number);
        }
        place.document("cupola", "machines", 7);
        place.fleet("[\"cupola\", \"people\"]");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn fleet(&self, databases: &str) {
        let fleet = format!(
            "name = \"roof\"\n[dumps.cupola]\nserver = \"{URL}\"\npassword_file = {:?}\ndatabases = {databases}\nevery = \"1h\"\n\
             to = {:?}\nmount = false\n",
            self.path("password"),
            self.path("usb")
        );
        self.write("hotspare.toml", &fleet);
    }

    /// A document `{ n: NUMBER }` in a collection of the server.
    fn document(&self, database: &str, collection: &str, number: i64) {
        let folder = self.path(&format!("server/{database}/{collection}"));
        std::fs::create_dir_all(&folder).unwrap();
        let bytes = [&[16, 0, 0, 0, 0x12, b'n', 0][..], &number.to_le_bytes(), &[0]].concat();
        std::fs::write(folder.join(number.to_string()), bytes).unwrap();
    }

    /// What lies on the server, in whatever files.
    fn server(&self) -> Vec<(String, Vec<Vec<u8>>)> {
        let names = |at: &Path| -> Vec<PathBuf> {
            let mut all: Vec<PathBuf> = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
            all.sort();
            all
        };
        let collections = names(&self.path("server")).into_iter().flat_map(|database| names(&database));
        let read = |collection: PathBuf| {
            let mut documents: Vec<Vec<u8>> =
                names(&collection).iter().map(|file| std::fs::read(file).unwrap()).collect();
            documents.sort();
            (collection.strip_prefix(self.path("server")).unwrap().display().to_string(), documents)
        };
        collections.map(read).collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.current_dir(self.0.path()).stdin(Stdio::null()).env("PATH", path);
        command.env("HOME", self.0.path()).env("XDG_STATE_HOME", self.path("state"));
        command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE");
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } =
            self.command(env!("CARGO_BIN_EXE_hotspare")).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (status.code(), text(stdout), text(stderr))
    }

    /// The document of a command that ends with this code.
    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let (ended, told, said) = self.run(&[&["--json"], arguments].concat());
        assert_eq!(ended, Some(code), "{arguments:?}: {told}{said}");
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}{said}"))
    }

    /// What it says. The engine that it starts is stopped.
    fn doctor(&self) -> String {
        let (_code, told, _said) = self.run(&["doctor"]);
        let (stopped, _told, said) = self.run(&["engine", "stop"]);
        assert_eq!(stopped, Some(0), "{said}");
        told
    }

    fn results(&self, code: i32) -> (Value, Vec<String>) {
        let made = self.json(code, &["dump", "now", "cupola"]);
        let results = made["databases"].as_array().unwrap().iter();
        let results =
            results.map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["result"].as_str().unwrap()));
        let results = results.collect();
        (made, results)
    }
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn databases_are_dumped_noticed_unchanged_verified_practised_and_restored() {
    let place = Place::new();
    let (first, results) = place.results(0);
    assert_eq!(results, ["cupola written", "people written"]);
    let (again, results) = place.results(0);
    assert_eq!(results, ["cupola unchanged", "people unchanged"], "whatever the order in which documents come");
    assert_eq!(again["kit"], first["kit"]);
    place.document("cupola", "cameras", 41);
    let (newest, results) = place.results(0);
    assert_eq!(results, ["cupola written", "people unchanged"]);

    assert_eq!(place.json(0, &["dump", "verify", "cupola"])["ok"], true);
    let drilled = place.json(0, &["dump", "drill", "cupola"]);
    assert_eq!((&drilled["ok"], &drilled["kit"]), (&true.into(), &newest["kit"]), "{drilled}");
    assert_eq!(drilled["databases"][0]["tables"], 2, "{drilled}");
    // One that loses a document without a word.
    place.write("mood", "loses");
    let drilled = place.json(1, &["dump", "drill", "cupola"]);
    let problems = drilled["databases"][0]["problems"].to_string();
    assert!(problems.contains("`cameras` has 40 rows; 41 rows were dumped"), "{drilled}");
    std::fs::remove_file(place.path("mood")).unwrap();

    let before = place.server();
    std::fs::remove_dir_all(place.path("server/cupola/machines")).unwrap();
    place.document("cupola", "cameras", 99);
    place.document("cupola", "notes", 1);
    let damaged = place.server();
    let to = ["dump", "restore", "cupola", "--to", URL];
    let looked = place.json(0, &[&to[..], &["--dry-run"]].concat());
    assert_eq!((&looked["overwrites"][0]["name"], &looked["overwrites"][0]["rows"]), (&"cupola".into(), &43.into()));
    assert_eq!(place.server(), damaged, "a dry run changes nothing");
    let (code, _told, said) = place.run(&to);
    assert_eq!(code, Some(3), "{said}");
    // What the kit does not have stays, and is told.
    let restored = place.json(4, &[&to[..], &["--confirm", "RESTORE"]].concat());
    assert!(
        restored["databases"][0]["problems"].to_string().contains("`notes` was not dumped and is there"),
        "{restored}"
    );
    assert!(restored["before"].is_string(), "{restored}");
    std::fs::remove_dir_all(place.path("server/cupola/notes")).unwrap();
    assert_eq!(place.server(), before);
    assert_eq!(place.json(0, &[&to[..], &["--confirm", "RESTORE"]].concat())["ok"], true);

    // No password is where others could read it.
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    assert!(log.lines().count() > 10);
    assert!(!log.contains("p\\\"a") && !log.contains("%40=x"), "{log}");
    let found =
        Command::new("grep").args(["-rlF", "%40=x", "usb", "state"]).current_dir(place.0.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn who_has_only_the_disk_gets_them_back_with_the_script() {
    let place = Place::new();
    place.results(0);
    let before = place.server();
    let text = std::fs::read_to_string(place.path("usb/RECOVERY.txt")).unwrap();
    assert!(text.contains("a running MongoDB server") && text.contains("mongorestore --archive --drop"), "{text}");
    assert!(text.contains("2 collections, 41 documents") && !text.contains("mysql"), "{text}");
    std::fs::remove_dir_all(place.path("server")).unwrap();
    std::fs::create_dir(place.path("server")).unwrap();
    std::fs::create_dir(place.path("login")).unwrap();
    std::fs::set_permissions(place.path("login"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    place.write("login/config.yaml", &format!("password: {}\n", serde_json::to_string(PASSWORD).unwrap()));
    private(&place.path("login/config.yaml"));
    let restored = place
        .command("sh")
        .args(["usb/restore.sh", "--yes", "--user", "ana", "--defaults-file", "login/config.yaml"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[restored.stdout, restored.stderr].concat()).into_owned();
    assert!(restored.status.success() && said.contains("All is well"), "{said}");
    assert_eq!(place.server(), before);
}

#[test]
fn what_goes_wrong_is_said_and_leaves_the_last_kit() {
    let place = Place::new();
    let (first, _results) = place.results(0);
    place.document("cupola", "cameras", 41);
    for (mood, code, said) in [
        ("half", 1, "wrote only the beginning"),
        ("fails", 1, "cursor id 7 not found"),
        ("down", 1, "is the server running, and does it listen at this address?"),
    ] {
        place.write("mood", mood);
        let (ended, told, error) = place.run(&["dump", "now", "cupola"]);
        assert_eq!(ended, Some(code), "{mood}: {told}{error}");
        assert!(format!("{told}{error}").contains(said), "{mood}: {told}{error}");
        assert_eq!(place.json(0, &["dump", "verify", "cupola"])["ok"], true);
    }
    std::fs::remove_file(place.path("mood")).unwrap();

    place.write("wrong", "no");
    private(&place.path("wrong"));
    let fleet = std::fs::read_to_string(place.path("hotspare.toml")).unwrap();
    place.write(
        "hotspare.toml",
        &fleet.replace(&format!("{:?}", place.path("password")), &format!("{:?}", place.path("wrong"))),
    );
    let (ended, told, error) = place.run(&["dump", "now", "cupola"]);
    assert!(ended == Some(1) && error.contains("check its user, password and authSource"), "{told}{error}");
    let doctor = place.doctor();
    assert!(doctor.contains("check its user, password and authSource"), "{doctor}");
    place.fleet("[\"cupola\", \"Cupola\"]");
    let (made, results) = place.results(4);
    assert_eq!(results, ["cupola written", "Cupola failed"]);
    assert!(made["databases"][1]["error"].as_str().unwrap().contains("has no database `Cupola`"), "{made}");
    let doctor = place.doctor();
    assert!(doctor.contains("logged in, server 7.0.5"), "{doctor}");

    let kit = first["kit"].as_str().unwrap();
    let (ended, _told, error) =
        place.run(&["dump", "restore", "cupola", "--at", kit, "--to", "mysql://root@127.0.0.1:9/", "--dry-run"]);
    assert!(ended == Some(3) && error.contains("is of a MongoDB server"), "{error}");
    std::fs::remove_file(place.path("bin/mongodump")).unwrap();
    let (ended, told, error) = place.run(&["dump", "now", "cupola"]);
    assert_eq!(ended, Some(1), "{told}{error}");
    assert!(format!("{told}{error}").contains("mongodump is not installed"), "{told}{error}");
}
