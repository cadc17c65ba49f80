//! A private throw-away server: without a network, in a folder of its own, gone when it is dropped, and also when we are killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin};
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::tools::{Tools, owner_only};
use super::trouble::Trouble;
use crate::reach::program::Family;
use crate::reach::{plain, program};

/// Ends the server when its input ends: with us, whatever ended us. Then removes what it left.
const KEEPER: &str = "trap '' HUP INT TERM; a=$1; b=$2; shift 2; \"$@\" & server=$!; read -r _end; kill -9 \"$server\" 2>/dev/null; \
     wait \"$server\"; rm -rf -- \"$a\" \"$b\"";
/// Between two tries to log in.
const TRY: Duration = Duration::from_millis(30);
/// A server that is told to go is gone within this.
const GOING: Duration = Duration::from_secs(10);

/// A server of our own.
#[derive(Debug)]
pub(super) struct Scratch {
    /// How it is reached.
    pub(super) server: Server,
    leash: Option<ChildStdin>,
    child: Child,
    family: Option<Family>,
    /// Where its data lie, and where its socket is: the path of a socket holds about 100 bytes.
    _data: tempfile::TempDir,
    _door: tempfile::TempDir,
}

impl Scratch {
    /// Starts one, of the kind of this version where it is installed, and waits until it answers.
    pub(super) async fn start(version: &str, tools: &Tools, stop: &CancellationToken) -> Result<Self, Trouble> {
        let io = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", tools.folder.display()));
        let data = tools.room("drill").map_err(io)?;
        let door = tempfile::Builder::new().prefix("hotspare-").permissions(owner_only()).tempdir().map_err(io)?;
        let program = found(version.contains("MariaDB"), tools)?;
        set_up(&program, data.path(), tools, stop).await?;
        let (socket, log) = (door.path().join("s"), data.path().join("log"));
        let mut command = program::command("sh");
        command.args(["-c", KEEPER, "sh"]).arg(data.path()).arg(door.path()).arg(&program);
        command.args(common(data.path()));
        command.arg(format!("--socket={}", socket.display()));
        command.arg(format!("--pid-file={}", data.path().join("pid").display()));
        command.arg(format!("--log-error={}", log.display()));
        // What it holds is worth nothing after a crash: it need not write anything twice, or at once.
        command.args([
            "--skip-networking",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--innodb-buffer-pool-size=256M",
            "--loose-innodb-log-file-size=256M",
            "--max-allowed-packet=1G",
            "--key-buffer-size=64M",
            "--bulk-insert-buffer-size=64M",
            "--event-scheduler=OFF",
            "--performance-schema=OFF",
            "--loose-mysqlx=OFF",
            "--skip-name-resolve",
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| Trouble::Failed(format!("sh: {error}")))?;
        let family = Some(Family::of(&child));
        let leash = child.stdin.take();
        let server = Server::behind(&socket);
        let mut scratch = Self { server, leash, child, family, _data: data, _door: door };
        scratch.answers(tools, stop, &log).await?;
        Ok(scratch)
    }

    async fn answers(&mut self, tools: &Tools, stop: &CancellationToken, log: &Path) -> Result<(), Trouble> {
        let began = tools.clock.tick();
        loop {
            if let Ok(line) = self.server.line(tools).await {
                line.end().await;
                return Ok(());
            }
            let over = self.child.try_wait().is_ok_and(|ended| ended.is_some());
            if over || tools.clock.tick().since(began) > tools.patience.server {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let errors = said.lines().rfind(|line| line.contains("[ERROR]")).unwrap_or_default();
                return Err(Trouble::Failed(format!(
                    "the throw-away server does not start: {}; is there room in {}?",
                    plain::line(errors, 200),
                    tools.folder.display()
                )));
            }
            if stop.run_until_cancelled(tokio::time::sleep(TRY)).await.is_none() {
                return Err(Trouble::Stopped);
            }
        }
    }

    /// Ends it and removes what it left.
    pub(super) async fn end(mut self) {
        drop(self.leash.take());
        if tokio::time::timeout(GOING, self.child.wait()).await.is_ok()
            && let Some(family) = self.family.take()
        {
            family.spare();
        }
    }
}

/// The program of a server.
fn found(maria: bool, tools: &Tools) -> Result<PathBuf, Trouble> {
    let names = if maria { ["mariadbd", "mysqld"] } else { ["mysqld", "mariadbd"] };
    tools.program(&names).ok_or_else(|| {
        Trouble::Failed(format!(
            "a drill needs a server program, and neither {} nor {} is installed: apt-get install mariadb-server, or set `scratch` to \
             the url of a server for practice",
            names[0], names[1]
        ))
    })
}

fn common(data: &Path) -> Vec<String> {
    let mut words = vec!["--no-defaults".to_owned(), format!("--datadir={}", data.join("data").display())];
    words.push(format!("--tmpdir={}", data.display()));
    if rustix::process::geteuid().is_root() {
        words.push("--user=root".into());
    }
    words
}

/// Makes its own tables.
async fn set_up(program: &Path, data: &Path, tools: &Tools, stop: &CancellationToken) -> Result<(), Trouble> {
    let real = program.canonicalize().unwrap_or_else(|_gone| program.to_owned());
    let maria = real.file_name().is_some_and(|name| name.to_string_lossy().contains("maria"));
    let installer = tools.program(&["mariadb-install-db", "mysql_install_db"]).filter(|_there| maria);
    let mut command = program::command(installer.as_deref().unwrap_or(program));
    command.args(common(data));
    if installer.is_some() {
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    } else {
        command.arg("--initialize-insecure");
    }
    let running = tokio::time::timeout(tools.patience.server, program::run(command, b"", 64 * 1024));
    let ended = match stop.run_until_cancelled(running).await {
        None => return Err(Trouble::Stopped),
        Some(Err(_late)) => Err(format!("did not end in {}", plain::time(tools.patience.server))),
        Some(Ok(Err(error))) => Err(error.to_string()),
        Some(Ok(Ok(ended))) if ended.status.success() => Ok(()),
        Some(Ok(Ok(ended))) => Err(plain::last_line(&String::from_utf8_lossy(&ended.stderr), 200)),
    };
    ended.map_err(|why| Trouble::Failed(format!("a throw-away server cannot be set up: {why}")))
}
