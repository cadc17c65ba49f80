//! Starting an engine that outlives its terminal, and joining the one that runs.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::Command;

use super::client::Client;
use super::command::{Refusal, RefusalKind};
use super::file;
use super::guest::Guest;
use super::lock::Lock;
use super::path::Short;
use super::socket::{self, Socket};
use super::state::StateFolder;

/// A fresh engine can be joined within this.
const START_WITHIN: Duration = Duration::from_secs(10);
/// An engine of one command is given so long to end, so that nobody settles in a house that is about to be closed.
const BRIEF_ENDS_WITHIN: Duration = Duration::from_secs(3);
/// What engines printed is begun anew when it is larger than this, bytes; the file before it is kept.
const LARGEST_OUTPUT: u64 = 1 << 20;
/// Between two looks whether it can.
const LOOK: Duration = Duration::from_millis(10);

/// What an engine is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The fleet file; or why there is none, which does not matter to whoever joins an engine by its state folder.
    pub fleet: Result<PathBuf, Refusal>,
    /// The state folder.
    pub state: StateFolder,
}

impl Launch {
    /// The fleet file that is named or found, and the state folder that is named or belongs to the fleet's name. A file
    /// with errors is no obstacle where its name can be read: an engine may run with its last good version.
    pub fn locate(fleet: Option<&Path>, state: Option<&Path>) -> Result<Self, Refusal> {
        let named = fleet.is_some();
        let fleet = file::find(fleet).map(|fleet| plain(std::path::absolute(&fleet).unwrap_or(fleet)));
        let (fleet, name) = match (state, fleet) {
            (Some(_), Err(refusal)) if named => return Err(refusal),
            (Some(_), fleet) => (fleet, String::new()),
            (None, fleet) => {
                let fleet = fleet?;
                let name = file::name(&fleet)?;
                (Ok(fleet), name)
            }
        };
        let state = StateFolder::locate(state, &name).map_err(|error| failed(error.to_string()))?;
        Ok(Self { fleet, state })
    }
}

/// The path without `..`, where it has one: the engine shows and compares it for as long as it runs. Links stay as they
/// were named, because the file that is meant may be another tomorrow.
fn plain(path: PathBuf) -> PathBuf {
    if !path.components().any(|part| part == Component::ParentDir) {
        return path;
    }
    let whole =
        path.parent().zip(path.file_name()).and_then(|(folder, name)| Some(folder.canonicalize().ok()?.join(name)));
    whole.unwrap_or(path)
}

/// Joins the engine of this state folder; `None`: none runs.
pub async fn connect(launch: &Launch, guest: Guest) -> Result<Option<Socket>, Refusal> {
    let path = launch.state.socket();
    match socket::join(&path, guest, Some(launch.clone())).await {
        Ok(joined) => Ok(Some(joined)),
        // One is there, and does not let this one in.
        Err(refusal) if refusal.kind == RefusalKind::Safety => Err(refusal),
        Err(_) if Lock::holder(&launch.state.lock()).is_none() => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Joins the engine of this state folder, or starts one and joins it. One that was started for a single command and is about
/// to end is not joined, unless that command takes its time.
pub async fn connect_or_start(launch: Launch, guest: Guest) -> Result<Socket, Refusal> {
    let path = launch.state.socket();
    match socket::join(&path, guest.clone(), Some(launch.clone())).await {
        Ok(joined) if !joined.snapshots().borrow().head.engine.brief => return Ok(joined),
        Ok(brief) => {
            let ended = async {
                while Lock::holder(&launch.state.lock()).is_some() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(BRIEF_ENDS_WITHIN, ended).await.is_err() {
                return Ok(brief);
            }
        }
        Err(refusal) if refusal.kind == RefusalKind::Safety => return Err(refusal),
        // Something answers, but not as it should: a second engine would not help.
        Err(refusal) if UnixStream::connect(short(&path)?.path()).await.is_ok() => return Err(refusal),
        Err(_nobody_there) => {}
    }
    // One that is ending has the lock for a moment longer; one that is starting opens its socket in a moment.
    let settled = async {
        while Lock::holder(&launch.state.lock()).is_some() && UnixStream::connect(short(&path)?.path()).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
        Ok::<(), Refusal>(())
    };
    let _as_it_is = tokio::time::timeout(START_WITHIN, settled).await;
    spawn_detached(&launch, &path).await?;
    socket::join(&path, guest, Some(launch)).await
}

/// Starts an engine of its own session, with its output in `log/engine.out`, and returns when its socket can be joined.
/// Two faces may try at once: the engine that comes second finds the lock taken and the first one's socket serves both.
pub async fn spawn_detached(launch: &Launch, socket: &Path) -> Result<(), Refusal> {
    let fleet = launch.fleet.as_ref().map_err(Clone::clone)?;
    launch.state.prepare().map_err(|error| failed(error.to_string()))?;
    let output = launch.state.output();
    let (out, from) =
        open_output(&output).map_err(|error| failed(format!("{} cannot be written: {error}", output.display())))?;
    let errors = out.try_clone().map_err(|error| failed(error.to_string()))?;
    let program = std::env::current_exe()
        .map_err(|error| failed(format!("this program does not find its own file to start the engine: {error}")))?;
    let mut child = Command::new(program)
        .args(["engine", "--detached", "--fleet"])
        .arg(fleet)
        .arg("--state")
        .arg(launch.state.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| failed(format!("the engine cannot be started: {error}")))?;
    let mut ended = None;
    let joinable = async {
        loop {
            if UnixStream::connect(short(socket)?.path()).await.is_ok() {
                return Ok(());
            }
            match ended {
                None => ended = child.try_wait().map_err(|error| failed(error.to_string()))?,
                // It came second: the engine that has the lock will open its socket in a moment.
                Some(_) if Lock::holder(&launch.state.lock()).is_some() => {}
                Some(status) => return Err(died(status, &output, from)),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(START_WITHIN, joinable).await.unwrap_or_else(|_late| {
        Err(failed(format!(
            "the engine was started but cannot be joined within {} s; {}",
            START_WITHIN.as_secs(),
            last_words(&output, from)
        )))
    })
}

fn short(path: &Path) -> Result<Short, Refusal> {
    Short::of(path).map_err(|error| failed(format!("{} cannot be joined: {error}", path.display())))
}

/// Opens the file for what an engine prints, and says where the new part begins.
fn open_output(path: &Path) -> std::io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // What the last engine said in its last hour is kept, what all of them ever said is not.
    if std::fs::metadata(path).is_ok_and(|found| found.len() > LARGEST_OUTPUT) {
        std::fs::rename(path, path.with_extension("out.1"))?;
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let from = file.metadata()?.len();
    Ok((file, from))
}

/// What an engine that did not live printed.
fn last_words(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(64 << 10).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    match read() {
        Ok(said) if !said.is_empty() => said.strip_prefix("hotspare: ").unwrap_or(&said).to_owned(),
        _ => format!("it said nothing in {}", path.display()),
    }
}

/// An engine that refused the fleet file says so by its exit code, as every command does.
fn died(status: ExitStatus, output: &Path, from: u64) -> Refusal {
    let kind = if status.code() == Some(2) { RefusalKind::Usage } else { RefusalKind::Failed };
    Refusal { kind, what: last_words(output, from), hint: None }
}

fn failed(what: String) -> Refusal {
    Refusal { kind: RefusalKind::Failed, what, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_printed_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log/engine.out");
        assert_eq!(open_output(&path).unwrap().1, 0);
        std::fs::write(&path, vec![b'x'; 1000]).unwrap();
        assert_eq!(open_output(&path).unwrap().1, 1000, "it goes on");
        std::fs::write(&path, vec![b'y'; 2 << 20]).unwrap();
        assert_eq!(open_output(&path).unwrap().1, 0, "it begins anew");
        std::fs::write(&path, vec![b'z'; 2 << 20]).unwrap();
        assert_eq!(open_output(&path).unwrap().1, 0);
        let total: u64 =
            std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(total, 2 << 20, "one before it is kept");
    }
}
