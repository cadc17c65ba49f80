//! Maintenance of a service on a real host: its locks against a real `filelock.FileLock` of Python, both ways; what is
//! refused and what is said; and in [`ends`] every way in which a hold comes to its end.

mod ends;
mod modules;

use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::site::{Lan, text, within};

/// Says of each file whether its lock is free, as whoever uses filelock sees it.
const ASK: &str = r#"
import filelock, sys
for name in sys.argv[1:]:
    lock = filelock.FileLock(name + ".lock")
    try:
        lock.acquire(timeout=0); lock.release(); print("free")
    except filelock.Timeout: print("held")
"#;

/// Holds the lock of a file until it is ended.
const HOLD: &str = r#"
import filelock, sys, time
with filelock.FileLock(sys.argv[1] + ".lock"):
    open(sys.argv[2], "w").close()
    time.sleep(1000)
"#;

/// Python of the system: filelock is one of its packages.
const PYTHON: &str = "/usr/bin/python3";
const PATIENCE: Duration = Duration::from_secs(20);

/// A console, and a host with a service of three modules.
pub(crate) struct Site {
    lan: Lan,
    engine: Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = self.engine.kill();
        let _reaped = self.engine.wait();
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        let lan = Lan::new(&["console", "kv"]).await;
        assert!(
            std::process::Command::new(PYTHON)
                .args(["-c", "import filelock"])
                .status()
                .is_ok_and(|ended| ended.success()),
            "filelock is missing: apt-get install python3-filelock"
        );
        for (name, script) in [("ask.py", ASK), ("hold.py", HOLD)] {
            std::fs::write(lan.path(name), script).expect("written");
        }
        std::fs::create_dir_all(lan.path("kv/data")).expect("a folder");
        declare(&lan, &["main.pid", "mongodb.pid", "etcd.pid"]);
        let mut command = lan.hotspare(&["engine"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let site = Self { engine: command.spawn().expect("hotspare"), lan };
        for file in site.files() {
            std::fs::write(file, "99999999\n").expect("written");
        }
        within(PATIENCE, "the engine runs", || site.lan.ask(&["engine", "status"]).1["running"] == true).await;
        site
    }

    fn files(&self) -> [PathBuf; 3] {
        ["main.pid", "mongodb.pid", "etcd.pid"].map(|name| self.file(name))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.lan.path("kv/data").join(name)
    }

    /// Writes the fleet file with these pid files.
    fn declare(&self, names: &[&str]) {
        declare(&self.lan, names);
    }

    /// What Python says of each lock: `free` or `held`.
    fn locks(&self) -> Vec<String> {
        let mut command = self.lan.machine("kv").command(&[PYTHON, text(&self.lan.path("ask.py"))]);
        let output = command.args(self.files()).output().expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
    }

    fn all(&self, word: &str) -> bool {
        self.locks() == [word; 3]
    }

    /// A stranger who holds the lock of this pid file.
    async fn stranger(&self, name: &str) -> Child {
        let (script, taken) = (self.lan.path("hold.py"), self.lan.path("taken"));
        let file = self.file(name);
        let mut command = self.lan.machine("kv").command(&[PYTHON, text(&script), text(&file), text(&taken)]);
        let child = command.stdin(Stdio::null()).spawn().expect("python3");
        within(PATIENCE, "the stranger has it", || taken.exists()).await;
        std::fs::remove_file(taken).expect("removed");
        child
    }

    /// `hotspare maintain judicator` in the background, when it has the locks.
    async fn held(&self, arguments: &[&str]) -> Child {
        let mut command = self.lan.hotspare(&[&["maintain", "judicator"], arguments].concat());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("hotspare");
        let stands = || {
            let (_, list) = self.lan.ask(&["service", "list"]);
            list["services"][0]["hold"]["state"] == "held"
        };
        within(PATIENCE, "it is held", stands).await;
        assert!(self.all("held"));
        child
    }

    fn maintain(&self, arguments: &[&str]) -> Output {
        self.lan.tell(&[&["maintain", "judicator"], arguments].concat())
    }

    /// Command lines on the host that hold or listen for a hold.
    fn helpers(&self) -> Vec<String> {
        let mark = text(self.lan.folder.path()).to_owned();
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
        let lines = entries.filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let about = std::fs::read(entry.path().join("environ")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // The script, in which the folder of this test stands, is in the variable that a hold was started with.
            (String::from_utf8_lossy(&about).contains(&mark)
                && String::from_utf8_lossy(&about).contains("HOTSPARE_HOLD="))
            .then_some(line)
        });
        lines.collect()
    }

    fn journal(&self, wanted: &str) -> Vec<Value> {
        let (_, journal) = self.lan.ask(&["journal"]);
        let entries = journal["entries"].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter(|entry| entry["what"].as_str().is_some_and(|what| what.contains(wanted))).collect()
    }

    fn health(&self) -> String {
        let (_, status) = self.lan.ask(&["status"]);
        status["hosts"][0]["health"].as_str().unwrap_or_default().to_owned()
    }
}

fn declare(lan: &Lan, names: &[&str]) {
    let files: Vec<String> = names.iter().map(|name| format!("{:?}", text(&lan.path("kv/data").join(name)))).collect();
    let address = lan.machine("kv").address;
    let fleet = format!(
        "name = \"lab\"\nengine.linger = \"always\"\n[hosts.kv]\naddress = \"{address}\"\n\
             checks = [{{ kind = \"tcp\", port = 22 }}]\n[services.judicator]\nhost = \"kv\"\npid_files = [{}]\n",
        files.join(", ")
    );
    std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_and_hotspare_keep_each_other_out() {
    let site = Site::new().await;
    // Python has the last of three: none is taken, and who has it is named.
    let mut stranger = site.stranger("etcd.pid").await;
    let refused = site.maintain(&["--timeout", "1s", "--", "true"]);
    let told = said(&refused);
    assert_eq!(code(&refused), Some(3), "{told}");
    assert!(told.contains("etcd.pid.lock") && told.contains("hold.py") && told.contains("of root"), "{told}");
    assert!(told.contains(&format!("pid {}", stranger.id())), "{told}");
    assert_eq!(site.locks(), ["free", "free", "held"], "none or all");
    // It is waited for.
    let mut command = site.lan.hotspare(&["maintain", "judicator", "--timeout", "15s", "--", "true"]);
    let mut waiting = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("hotspare");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(waiting.try_wait().expect("a child").is_none(), "it does not give up before its time");
    stranger.kill().expect("killed");
    stranger.wait().expect("reaped");
    assert_eq!(waiting.wait().expect("it ends").code(), Some(0));

    // Held: Python gets none of them, on the host itself while the command runs there.
    let ask = format!(
        "{PYTHON} {} {}",
        text(&site.lan.path("ask.py")),
        site.files().map(|file| text(&file).to_owned()).join(" ")
    );
    let done = site.maintain(&["--why", "new disk", "--", &ask]);
    assert_eq!(code(&done), Some(0), "{}", said(&done));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "held\nheld\nheld\n");
    assert!(site.all("free"), "given back");
    let told = said(&done);
    assert!(told.contains("3 locks are held") && told.contains("the locks are free, read back"), "{told}");
    assert_eq!(site.helpers(), Vec::<String>::new(), "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_path_is_named_and_creates_nothing() {
    let site = Site::new().await;
    site.declare(&["main.pid", "mogodb.pid", "etcd.pid"]);
    let read = || site.lan.ask(&["service", "list"]).1.to_string().contains("mogodb.pid");
    within(PATIENCE, "the engine has read it", read).await;
    let before = names(&site);
    let refused = site.maintain(&["--", "true"]);
    let told = said(&refused);
    assert_eq!(code(&refused), Some(3), "{told}");
    assert!(told.contains("mogodb.pid") && told.contains("there: mongodb.pid"), "{told}");
    assert_eq!(names(&site), before);
    // A folder is no pid file, and a folder that is not there is not made.
    std::fs::create_dir(site.file("folder.pid")).expect("a folder");
    site.declare(&["folder.pid", "nowhere/main.pid"]);
    let both = |told: String| told.contains("folder.pid ") && told.contains("nowhere");
    within(PATIENCE, "both are named", || both(said(&site.maintain(&["--", "true"])))).await;
    assert!(!site.file("nowhere").exists() && !site.file("folder.pid.lock").exists());
    within(PATIENCE, "the host is no more in maintenance", || site.health() == "up").await;
}

fn names(site: &Site) -> Vec<String> {
    let entries = std::fs::read_dir(site.lan.path("kv/data")).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_is_told_who_has_it_also_from_another_console() {
    let site = Site::new().await;
    let mut first = site.held(&["--why", "new disk", "--", "sleep 1000"]).await;
    assert_eq!(site.health(), "maintenance", "nothing is decided about the host by itself");
    let refused = site.lan.tell(&["engine", "stop"]);
    assert_eq!(code(&refused), Some(3), "{}", said(&refused));
    let refused = site.maintain(&["--timeout", "1s", "--", "true"]);
    let told = said(&refused);
    assert_eq!(code(&refused), Some(3), "{told}");
    assert!(told.contains("held by root (command line) since") && told.contains("new disk"), "{told}");

    // Another engine, which knows nothing of the first: the host says who it is.
    let state = site.lan.path("other");
    let other = |arguments: &[&str]| site.lan.tell(&[arguments, &["--state", text(&state)]].concat());
    let (_, told) = (0, said(&other(&["service", "list"])));
    assert!(
        told.contains("judicator on kv is held by root (command line) until") && told.contains("new disk"),
        "{told}"
    );
    let refused = other(&["service", "release", "judicator"]);
    assert_eq!(code(&refused), Some(3), "{}", said(&refused));
    let refused = other(&["service", "release", "judicator", "--force", "--confirm", "judge"]);
    assert_eq!(code(&refused), Some(3), "{}", said(&refused));
    assert!(site.all("held"));
    // By force, with its name.
    let forced = other(&["service", "release", "judicator", "--force", "--confirm", "judicator"]);
    assert_eq!(code(&forced), Some(0), "{}", said(&forced));
    assert!(said(&forced).contains("new disk"), "{}", said(&forced));
    assert!(site.all("free"));
    within(PATIENCE, "the first is told", || !site.journal("its locks were lost").is_empty()).await;
    assert!(site.helpers().is_empty());
    first.kill().expect("killed");
    first.wait().expect("reaped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_fails_and_a_stranger_of_a_moment_is_not_ended() {
    let site = Site::new().await;
    let failed = site.maintain(&["--", "sh", "-c", "echo 'a  b'; exit 7"]);
    assert_eq!((code(&failed), String::from_utf8_lossy(&failed.stdout).as_ref()), (Some(1), "a  b\n"));
    assert!(said(&failed).contains("ended with 7"), "{}", said(&failed));
    assert!(site.all("free"));
    let (exit, document) = site.lan.ask(&["maintain", "judicator"]);
    // A shell that is given nothing to read ends at once.
    assert_eq!((exit, &document["free"]), (0, &true.into()), "{document}");

    let refused = site.lan.tell(&["service", "release", "judicator", "--force", "--confirm", "judicator"]);
    assert_eq!(code(&refused), Some(3), "{}", said(&refused));
    let mut stranger = site.stranger("main.pid").await;
    let forced = site.lan.tell(&["service", "release", "judicator", "--force", "--confirm", "judicator"]);
    assert_eq!(code(&forced), Some(0), "{}", said(&forced));
    assert!(said(&forced).contains(&format!("pid {}", stranger.id())), "{}", said(&forced));
    stranger.wait().expect("it is ended");
    assert!(site.all("free"));
}
