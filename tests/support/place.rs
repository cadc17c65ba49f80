//! A fleet file and a state folder of its own, and the real program run on them.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hotspare::engine::guest::Guest;
use hotspare::engine::lock::Lock;
use hotspare::engine::snapshot::Snapshot;
use hotspare::engine::socket::{self, Socket};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// Two hosts on this machine: one that answers pings, and one whose port is closed.
pub(crate) const FLEET: &str = r#"
name = "harbour"
[hosts.studio-1]
address = "127.0.0.1"
checks = [{ kind = "ping", every = "200ms" }]
[hosts.studio-2]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "200ms" }]
"#;

/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(fleet: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.file(), fleet).unwrap();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("hotspare.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.state().join("engine.sock")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.state().join("engine.lock")
    }

    /// The program with this place's options, its own environment, and no terminal.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspare"));
        command.arg("--fleet").arg(self.file()).arg("--state").arg(self.state()).args(args);
        command.env_remove("HOTSPARE_FLEET").env_remove("HOTSPARE_STATE").env_remove("RUST_BACKTRACE");
        command.env("TZ", "UTC").current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.program(args).output().unwrap()
    }

    /// Starts an engine in the foreground of this test.
    pub(crate) fn engine(&self) -> Running {
        let errors = std::fs::File::create(self.path().join("engine.err")).unwrap();
        let child = self.program(&["engine"]).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Running(child)
    }

    /// What the last engine of this place wrote to standard error.
    pub(crate) fn engine_said(&self) -> String {
        std::fs::read_to_string(self.path().join("engine.err")).unwrap_or_default()
    }

    /// Joins the engine, waiting until it can be joined.
    pub(crate) async fn join(&self) -> Socket {
        join(&self.socket(), &|| self.engine_said()).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An engine that a command started detached is nobody's child.
        if let Some(Some(pid)) = Lock::holder(&self.lock()) {
            signal(pid, Signal::KILL);
        }
    }
}

/// Joins the engine behind a socket, waiting until it can be joined.
pub(crate) async fn join(path: &Path, said: &dyn Fn() -> String) -> Socket {
    let attempts = async {
        loop {
            if let Ok(joined) = socket::join(path, Guest::console(false), None).await {
                return joined;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let joined = tokio::time::timeout(PATIENCE, attempts).await.ok();
    joined.unwrap_or_else(|| panic!("no engine at {}: {}", path.display(), said()))
}

/// A child that is killed when the test ends, however it ends.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, what: Signal) {
        signal(self.pid(), what);
    }

    /// Kills it as `kill -9` does and takes its body away.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end and returns its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let end = async {
            loop {
                if let Some(status) = self.0.try_wait().unwrap() {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, end).await.expect("it ends")
    }

    pub(crate) fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _body = self.0.wait();
    }
}

pub(crate) fn signal(pid: u32, what: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _gone = kill_process(pid, what);
    }
}

/// Waits until a snapshot shows it.
pub(crate) async fn until(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    what: &str,
    shows: impl FnMut(&Arc<Snapshot>) -> bool,
) -> Arc<Snapshot> {
    let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(shows)).await.map(|found| found.unwrap().clone());
    found.unwrap_or_else(|_late| panic!("no snapshot shows {what}"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
