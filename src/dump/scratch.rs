//! A private throw-away server: without a network, in a folder of its own, gone when it is dropped, and also when we are killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::kept::{Kept, Rooms};
use super::server::Server;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::reach::{plain, program};

/// Name of its socket.
const SOCKET: &str = "s";
/// Between two tries to log in.
const TRY: Duration = Duration::from_millis(30);

/// How much a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As much as makes a restore quick: a few hundred MB of memory, where it needs them.
    Quick,
    /// A few MB, for somebody who looks at it for a while.
    Small,
}

/// A server of our own, for root without a password, whom only the user that started it can reach.
#[derive(Debug)]
pub struct Scratch {
    /// How it is reached.
    pub server: Server,
    kept: Kept,
}

impl Scratch {
    /// Starts one, of the kind of this version where it is installed, and waits until it answers.
    pub async fn start(version: &str, size: Size, tools: &Tools, stop: &CancellationToken) -> Result<Self, Trouble> {
        let data = Rooms::for_data(tools)?;
        let program = found(version.contains("MariaDB"), tools)?;
        set_up(&program, data.path(), tools, stop).await?;
        let rooms = Rooms::new(data, tools)?;
        let (socket, log) = (rooms.door().join(SOCKET), rooms.data().join("log"));
        let mut command = rooms.command(&program);
        command.args(common(rooms.data()));
        command.arg(format!("--socket={}", socket.display()));
        command.arg(format!("--pid-file={}", rooms.data().join("pid").display()));
        command.arg(format!("--log-error={}", log.display()));
        // What it holds is worth nothing after a crash: it need not write anything twice, or at once.
        command.args([
            "--skip-networking",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--max-allowed-packet=1G",
            "--event-scheduler=OFF",
            "--performance-schema=OFF",
            "--loose-mysqlx=OFF",
            "--skip-name-resolve",
        ]);
        command.args(size.words());
        let mut scratch = Self { server: Server::behind(&socket), kept: Kept::start(command, rooms)? };
        match scratch.answers(tools, stop, &log).await {
            Ok(()) => Ok(scratch),
            Err(trouble) => {
                scratch.end().await;
                Err(trouble)
            }
        }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.kept.rooms.door().join(SOCKET)
    }

    async fn answers(&mut self, tools: &Tools, stop: &CancellationToken, log: &Path) -> Result<(), Trouble> {
        let began = tools.clock.tick();
        loop {
            if let Ok(line) = self.server.line(tools).await {
                line.end().await;
                return Ok(());
            }
            let over = self.kept.over().is_some();
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
    pub async fn end(self) {
        self.kept.end().await;
    }
}

impl Size {
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Quick => &[
                "--innodb-buffer-pool-size=256M",
                "--loose-innodb-log-file-size=256M",
                "--key-buffer-size=64M",
                "--bulk-insert-buffer-size=64M",
            ],
            Self::Small => &[
                "--innodb-buffer-pool-size=8M",
                "--loose-innodb-log-file-size=4M",
                "--key-buffer-size=1M",
                "--loose-aria-pagecache-buffer-size=1M",
                "--table-open-cache=100",
                "--max-connections=20",
            ],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::reach::secret::Secrets;

    /// While it is set up there is no folder for its socket: no keeper is there yet, and a killed engine leaves only what is in the
    /// state folder, where the next start removes it.
    #[tokio::test]
    async fn a_server_that_ends_is_told_with_what_it_said_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (bin, doors, seen) = (place.path().join("bin"), place.path().join("t"), place.path().join("seen"));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&doors).unwrap();
        let look = |when: &str| {
            format!("#!/bin/sh\necho {when}: $(/bin/ls '{}' | wc -l) >>'{}'\n", doors.display(), seen.display())
        };
        crate::program::script(&bin.join("mariadb-install-db"), &look("set up"));
        let says = "for word; do case $word in --log-error=*) echo 'x [ERROR] no room' >\"${word#*=}\" ;; esac; done; exit 1\n";
        crate::program::script(&bin.join("mariadbd"), &(look("started") + says));
        let clock = Clock::real();
        let mut tools = Tools::new(clock.clone(), Secrets::new(clock), place.path().join("dump"));
        (tools.doors, tools.path, tools.patience.server) = (doors.clone(), Some(bin.into()), Duration::from_secs(600));
        let stop = CancellationToken::new();
        let starting = Scratch::start("11.8.3-MariaDB", Size::Small, &tools, &stop);
        // Nobody waits for a server that has ended.
        let started = tokio::time::timeout(Duration::from_secs(60), starting).await.unwrap();
        let why = started.unwrap_err().to_string();
        assert!(why.contains("does not start: x [ERROR] no room"), "{why}");
        assert_eq!(std::fs::read_to_string(seen).unwrap(), "set up: 0\nstarted: 1\n");
        assert_eq!(std::fs::read_dir(doors).unwrap().count(), 0);
    }
}
