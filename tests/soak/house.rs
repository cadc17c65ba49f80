//! The house that is lived in: the demo's machines, the program's engine in a process of its own, a console on a terminal.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::demo::counts::Counts;
use hotspare::demo::pace::Pace;
use hotspare::demo::races::Races;
use hotspare::demo::stage::Stage;
use hotspare::demo::studio::Studio;
use hotspare::engine::client::Client;
use hotspare::engine::guest::Guest;
use hotspare::engine::socket;
use tokio::sync::Mutex;

use crate::Plan;
use crate::session::Session;

/// How many entries the journal keeps: few, so that it lets go of many.
pub(crate) const JOURNAL: u64 = 2_000;
/// An engine can be joined within this, on a machine with much to do.
const JOINED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct House {
    folder: tempfile::TempDir,
    program: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) stage: Mutex<Stage>,
    studio: Studio,
    counts: Counts,
    races: Races,
    engine: Mutex<Running>,
    pub(crate) console: Mutex<Session>,
    console_pid: u32,
    client: Arc<dyn Client>,
}

/// A child that is killed when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _body = self.0.wait();
    }
}

/// What is left when everything has stopped.
pub(crate) struct Ended {
    /// Exit of `hotspare journal`: 0 says that the chain is whole.
    pub(crate) journal: i32,
    /// Its entries.
    pub(crate) entries: Vec<serde_json::Value>,
    /// Processes that still name the house.
    pub(crate) processes: Vec<String>,
    /// What is still in its folder of temporary files.
    pub(crate) temporary: Vec<String>,
}

impl House {
    pub(crate) async fn build(plan: &Plan, pace: Pace) -> Self {
        // Short: sockets of ssh lie in it.
        let folder = tempfile::Builder::new().prefix("soak-").tempdir_in("/tmp").unwrap();
        let dir = folder.path().to_owned();
        let clock = Clock::real();
        let file = dir.join("hotspare.toml");
        let studio = Studio::set_up(&dir, clock.now()).unwrap().at(pace);
        let counts = Counts::set_up(&dir).unwrap().at(pace);
        let races = Races::set_up(&dir, &file, &clock).unwrap().expect("apt-get install mariadb-server").at(pace);
        let stage = Stage::set_up(&dir).await.unwrap();
        let kit = stage.ssh.as_ref().expect("apt-get install openssh-server");
        std::fs::create_dir(dir.join("bin")).unwrap();
        std::fs::create_dir(dir.join("t")).unwrap();
        // The client as the program finds it, with a configuration of its own.
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", kit.client_config.display());
        crate::program::script(&dir.join("bin/ssh"), &script);
        let raid = dir.join("machines/nas/raid");
        let more = format!(
            "\n[engine]\njournal = {JOURNAL}\n\n[[notify]]\ncommand = [\"/bin/true\"]\n\n[configs.nas]\nhosts = [\"nas\"]\nfiles = [\"{}\"]\n",
            raid.display()
        );
        let text = stage.fleet_file(pace) + &studio.fleet_file(None) + &counts.fleet_file() + &more;
        std::fs::write(&file, text).unwrap();
        let engine = start(&plan.program, &dir);
        let client: Arc<dyn Client> = Arc::new(joined(&dir).await);
        let console = console(&plan.program, &dir);
        let console_pid = console.child.id().expect("a console");
        Self {
            program: plan.program.clone(),
            clock,
            stage: Mutex::new(stage),
            studio,
            counts,
            races,
            engine: Mutex::new(engine),
            console: Mutex::new(console),
            console_pid,
            client,
            folder,
        }
    }

    /// Plays the demo's parts. Ends never.
    pub(crate) async fn play(&self) {
        let (client, clock) = (&self.client, &self.clock);
        // What is late here is late because something is broken on purpose: it is for the journal, not for the verdict.
        let races = self.races.work(client, clock, |_event| ());
        tokio::select! {
            ended = self.studio.work(client, clock, |_event| ()) => panic!("the studio: {ended:?}"),
            ended = self.counts.work(client, clock, |_outage| ()) => panic!("the counts: {ended:?}"),
            () = races => panic!("the races ended"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.state().join("engine.sock")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("hotspare.toml")
    }

    pub(crate) fn client(&self) -> Arc<dyn Client> {
        Arc::clone(&self.client)
    }

    pub(crate) async fn engine_pid(&self) -> u32 {
        self.engine.lock().await.0.id()
    }

    pub(crate) const fn console_pid(&self) -> u32 {
        self.console_pid
    }

    /// Kills the engine as a power cut would, and starts another.
    pub(crate) async fn kill_engine(&self) {
        let mut engine = self.engine.lock().await;
        engine.0.kill().unwrap();
        engine.0.wait().unwrap();
        *engine = start(&self.program, self.path());
    }

    /// Whether the engine has ended by itself, and how.
    pub(crate) async fn engine_ended(&self) -> Option<String> {
        let ended = self.engine.lock().await.0.try_wait().unwrap()?;
        let said = std::fs::read_to_string(self.path().join("engine.err")).unwrap_or_default();
        Some(format!("the engine ended by itself ({ended}): {said}"))
    }

    /// Stops everything, and looks what is left.
    pub(crate) async fn close(self) -> Ended {
        let dir = self.folder.path().to_owned();
        let mut console = self.console.into_inner();
        console.press("\x1b\x1b").await;
        console.press("q").await;
        let _late = tokio::time::timeout(Duration::from_secs(10), console.child.wait()).await;
        drop(console);
        let client = self.client;
        drop(client);
        let stopped = command(&self.program, &dir, &["engine", "stop", "--force"]).output().unwrap();
        assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
        self.engine.into_inner().0.wait().unwrap();
        let journal = command(&self.program, &dir, &["--json", "journal"]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&journal.stdout).unwrap();
        self.races.end().await;
        self.stage.into_inner().tear_down().await;
        let entries = document["entries"].as_array().expect("entries").clone();
        let temporary = std::fs::read_dir(dir.join("t")).unwrap();
        let temporary = temporary.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        Ended { journal: journal.status.code().unwrap(), entries, processes: processes_of(&dir), temporary }
    }
}

/// Command lines of all processes that name this folder.
pub(crate) fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&folder))
        .collect()
}

fn command(program: &Path, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("--fleet").arg(dir.join("hotspare.toml")).arg("--state").arg(dir.join("state")).args(arguments);
    let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).env("TMPDIR", dir.join("t"));
    command.env_remove("XDG_RUNTIME_DIR").env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE");
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn start(program: &Path, dir: &Path) -> Running {
    let errors = std::fs::File::create(dir.join("engine.err")).unwrap();
    Running(command(program, dir, &["engine"]).stdout(Stdio::null()).stderr(errors).spawn().unwrap())
}

async fn joined(dir: &Path) -> socket::Socket {
    let path = dir.join("state/engine.sock");
    let attempts = async {
        loop {
            // The script of the demo is no console: nothing waits for it.
            let guest = Guest { face: "soak".into(), read_only: false };
            if let Ok(joined) = socket::join(&path, guest, None).await {
                return joined;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(JOINED_WITHIN, attempts).await.unwrap_or_else(|_late| {
        panic!("no engine: {}", std::fs::read_to_string(dir.join("engine.err")).unwrap_or_default())
    })
}

fn console(program: &Path, dir: &Path) -> Session {
    let command = pty_process::Command::new(program)
        .arg("--fleet")
        .arg(dir.join("hotspare.toml"))
        .arg("--state")
        .arg(dir.join("state"))
        .args(["console", "--theme", "dark"])
        .env("TMPDIR", dir.join("t"))
        .env("HOME", dir)
        .current_dir(dir);
    Session::start(command, 140, 45)
}
