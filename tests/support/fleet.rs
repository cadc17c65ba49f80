//! The program itself on a small fleet: two participants on two days, a database of imports, one destination.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::place::Place;

/// A fleet file with its disks.
pub(crate) struct Fleet {
    pub(crate) place: Place,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more said of the destination, such as its mount; `{at}` is the folder of all of it.
    pub(crate) fn with(destination: &str) -> Self {
        let place = Place::new("");
        let at = place.path().display();
        let destination = destination.replace("{at}", &at.to_string());
        let fleet = format!(
            "name = \"harbour\"\n[sessions.mocap]\nsource = \"{at}/data\"\nlayout = \"{{participant}}/{{date}}\"\n\
             settle = \"0s\"\nimported = {{ sqlite = \"{at}/imports.db\", query = \"SELECT p, d, x FROM i\" }}\n\
             destinations = [{{ name = \"Network\", path = \"{at}/share\", layout = \"{{date}}/{{participant}}\"{destination} }}]\n"
        );
        std::fs::write(place.file(), fleet).unwrap();
        std::fs::create_dir(place.path().join("share")).unwrap();
        rusqlite::Connection::open(place.path().join("imports.db"))
            .and_then(|imports| imports.execute_batch("CREATE TABLE i (p, d, x)"))
            .unwrap();
        let fleet = Self { place };
        for (participant, day) in [("p001", "20250104"), ("p002", "20250104"), ("p001", "20250105")] {
            let folder = fleet.session(participant, day);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("walk.mp4"), vec![7; 50_000]).unwrap();
        }
        fleet
    }

    /// Another fleet file, `from` replaced in it.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.place.file()).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(self.place.file(), text.replace(from, to)).unwrap();
    }

    pub(crate) fn at(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    pub(crate) fn session(&self, participant: &str, day: &str) -> PathBuf {
        self.place.path().join("data").join(participant).join(day)
    }

    pub(crate) fn copy(&self, participant: &str, day: &str) -> PathBuf {
        self.place.path().join("share").join(day).join(participant)
    }

    pub(crate) fn imported(&self, participant: &str, day: &str) {
        let imports = rusqlite::Connection::open(self.place.path().join("imports.db")).unwrap();
        imports.execute("INSERT INTO i VALUES (?, ?, 1)", (participant, day)).unwrap();
    }

    /// Runs `hotspare session …`; its exit code and document.
    pub(crate) fn session_json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        document(&self.place.run(&[&["session"], arguments, &["--json"]].concat()))
    }

    /// Runs `hotspare session …`; its exit code and all that it says.
    pub(crate) fn session_said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        said(&self.place.run(&[&["session"], arguments].concat()))
    }

    /// As [`Fleet::session_said`], with this on standard input.
    pub(crate) fn session_typed(&self, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
        let mut command = self.place.program(&[&["session"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended without reading.
        let _written = child.stdin.take().unwrap().write_all(typed.as_bytes());
        said(&child.wait_with_output().unwrap())
    }

    /// `hotspare session …` up to its question.
    pub(crate) fn session_asked(&self, arguments: &[&str]) -> Asked {
        let mut command = self.place.program(&[&["session"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let said: Arc<(Mutex<String>, Condvar)> = Arc::default();
        let read = |mut from: Box<dyn Read + Send>| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut piece) {
                    said.0.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
                    said.1.notify_all();
                }
            })
        };
        let readers = [read(Box::new(out)), read(Box::new(err))];
        Asked { child, said, readers }
    }

    /// Begins `hotspare session …`.
    pub(crate) fn session_begun(&self, arguments: &[&str]) -> Child {
        let mut command = self.place.program(&[&["session"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The row of a session.
    pub(crate) fn row(&self, participant: &str, day: &str) -> Option<Value> {
        let (_, list) = self.session_json(&["list", "--refresh"]);
        let rows = list["sessions"].as_array().unwrap_or_else(|| panic!("{list}")).clone();
        rows.into_iter().find(|row| row["participant"] == participant && row["date"] == day)
    }

    /// A shell script in a mount namespace of its own, over the root of which the engine that it starts lives too; `$1` is
    /// the share, and `hotspare` the program on this fleet.
    pub(crate) fn apart(&self, script: &str) -> Output {
        let root = rustix::process::geteuid().is_root();
        let mut command = Command::new("unshare");
        command.args(if root { ["--mount", "--"].as_slice() } else { &["--user", "--map-root-user", "--mount", "--"] });
        let program = env!("CARGO_BIN_EXE_hotspare");
        let (file, state) = (self.place.file(), self.place.state());
        let whole = format!(
            "hotspare() {{ '{program}' --fleet '{}' --state '{}' \"$@\"; }}\n{script}",
            file.display(),
            state.display()
        );
        command.args(["sh", "-c", &whole, "sh"]).arg(self.place.path().join("share")).stdin(Stdio::null());
        command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE").env_remove("RUST_BACKTRACE");
        command.output().expect("unshare is there: apt-get install util-linux")
    }
}

/// A command that asks a person, who reads first.
pub(crate) struct Asked {
    child: Child,
    said: Arc<(Mutex<String>, Condvar)>,
    readers: [std::thread::JoinHandle<()>; 2],
}

impl Asked {
    /// What it has said when this is among it.
    pub(crate) fn until(&self, text: &str) -> String {
        let (said, more) = &*self.said;
        let waiting =
            more.wait_timeout_while(said.lock().unwrap(), Duration::from_secs(60), |said| !said.contains(text));
        let (said, late) = waiting.unwrap();
        assert!(!late.timed_out(), "{said}");
        said.clone()
    }

    /// Its exit code and all that it said, after this was typed.
    pub(crate) fn type_in(mut self, text: &str) -> (Option<i32>, String) {
        self.child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let code = self.child.wait().unwrap().code();
        for reader in self.readers {
            reader.join().unwrap();
        }
        (code, self.said.0.lock().unwrap().clone())
    }
}

/// An exit code and the document on standard output.
pub(crate) fn document(output: &Output) -> (Option<i32>, Value) {
    let parsed = serde_json::from_slice(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), parsed.unwrap_or_else(|error| panic!("{error}: {out}{said}")))
}

/// An exit code, and standard output and error together.
pub(crate) fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned())
}

/// Everything below a folder, with times, rights and bytes, but what begins with `without`.
pub(crate) fn tree(root: &Path, without: &str) -> std::collections::BTreeMap<PathBuf, String> {
    use std::os::unix::fs::MetadataExt;
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(without)) {
                continue;
            }
            let stat = std::fs::symlink_metadata(&path).unwrap();
            let holds = if stat.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            if stat.is_dir() {
                folders.push(path.clone());
            }
            let (time, fraction) = (stat.mtime(), stat.mtime_nsec());
            let sum = blake3::hash(&holds).to_hex();
            found.insert(path, format!("{:o} {} {time}.{fraction} {} {sum}", stat.mode(), stat.size(), stat.ino()));
        }
    }
    found
}
