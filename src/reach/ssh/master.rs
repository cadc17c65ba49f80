//! One connection: a background ssh client that others multiplex over.
//!
//! The client is started with `-f`, so that it ends with 0 exactly when login succeeded and goes on in the background.
//! From then on a connection to its control socket is held open. It is a lifeline in both directions: it breaks at once
//! when the client dies, and when the engine dies without a word the client sees itself idle and leaves after
//! `ControlPersist`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio_util::sync::CancellationToken;

use super::SshOptions;
use super::error::{SshError, SshErrorKind};
use super::folder::Folder;
use crate::reach::program;

/// Seconds after which an orphaned client leaves.
const ORPHAN_SECONDS: u32 = 15;
/// How much of what the client says is kept for its error message, bytes.
const KEPT: usize = 8 * 1024;
/// Longest wait for a client to end when it is asked to.
const CLOSING: Duration = Duration::from_secs(2);

/// A living connection.
#[derive(Debug)]
pub(super) struct Master {
    destination: String,
    program: PathBuf,
    socket: PathBuf,
    identity: Option<String>,
    session: openssh::Session,
    dead: CancellationToken,
}

impl Master {
    /// Connects and logs in. Ends within the options' connect time-out and a little; dropping the future ends the client.
    pub(super) async fn open(destination: &str, options: &SshOptions, folder: &Arc<Folder>) -> Result<Self, SshError> {
        let (socket, mut child) = start(destination, options, folder).await?;
        let mut said = Said::new(child.stderr.take());
        // The client's own limit covers each address and each jump; this one covers everything.
        let limit = options.connect_timeout + Duration::from_millis(500);
        let status = tokio::time::timeout(limit, said.until_ended(&mut child)).await;
        let status = match status {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                let what = format!("the ssh client was lost: {error}");
                return Err(SshError::new(SshErrorKind::Client, what, "try again"));
            }
            Err(_late) => return Err(SshError::no_connection(destination, options.connect_timeout)),
        };
        if !status.success() {
            return Err(SshError::from_client(destination, &said.text, options.connect_timeout));
        }
        let identity = said.host_key.clone();
        said.drain();
        let lifeline = UnixStream::connect(&socket).await.map_err(|_gone| SshError::lost(destination))?;
        let dead = CancellationToken::new();
        tokio::spawn(watch(lifeline, dead.clone()));
        Ok(Self {
            destination: destination.to_owned(),
            program: options.program.clone(),
            session: openssh::Session::resume_mux(socket.clone().into_boxed_path(), None),
            socket,
            identity,
            dead,
        })
    }

    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    pub(super) fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    pub(super) fn session(&self) -> &openssh::Session {
        &self.session
    }

    pub(super) fn alive(&self) -> bool {
        !self.dead.is_cancelled()
    }

    /// Ends when the connection does.
    pub(super) async fn died(&self) {
        self.dead.cancelled().await;
    }

    /// Gives up a connection that was seen to be dead.
    pub(super) fn bury(&self) {
        self.dead.cancel();
    }

    /// A client that travels over this connection.
    pub(super) fn client(&self) -> Vec<OsString> {
        let words = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ControlMaster=no"];
        // Without the connection it would dial whatever host it is told: it must not.
        let never = ["-o", "ProxyCommand=false", "-S"];
        let program = std::iter::once(self.program.clone().into_os_string());
        program.chain(words.into_iter().chain(never).map(OsString::from)).chain([self.socket.clone().into()]).collect()
    }

    /// Asks the client to end.
    pub(super) async fn close(&self) {
        let asked = program::command(&self.program)
            .arg("-F")
            .arg("/dev/null")
            .arg("-S")
            .arg(&self.socket)
            .args(["-O", "exit", "--", "closing"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // One that cannot be asked leaves by itself once its lifeline is cut.
        let _ended = tokio::time::timeout(CLOSING, asked).await;
        self.dead.cancel();
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.dead.cancel();
    }
}

/// Starts a client, not on a thread that others wait for, with the path of its socket.
async fn start(destination: &str, options: &SshOptions, folder: &Arc<Folder>) -> Result<(PathBuf, Child), SshError> {
    let _turn = folder.turn().await;
    let (destination, options, folder) = (destination.to_owned(), options.clone(), Arc::clone(folder));
    let starting = tokio::task::spawn_blocking(move || {
        let socket = folder.socket()?;
        let child = command(&destination, &options, &socket).spawn().map_err(|error| {
            let what = format!("{} cannot be started: {error}", options.program.display());
            SshError::new(SshErrorKind::Client, what, "install the OpenSSH client: apt-get install openssh-client")
        })?;
        Ok((socket, child))
    });
    starting.await.unwrap_or_else(|lost| {
        Err(SshError::new(SshErrorKind::Client, format!("the ssh client was not started: {lost}"), "try again"))
    })
}

fn command(destination: &str, options: &SshOptions, socket: &Path) -> Command {
    let mut command = program::command(&options.program);
    if let Some(config) = &options.config {
        command.arg("-F").arg(config);
    }
    for option in &options.options {
        command.arg("-o").arg(option);
    }
    let seconds = options.connect_timeout.as_secs().max(1);
    command.args(["-v", "-f", "-N", "-M", "-x", "-S"]).arg(socket);
    for option in [
        format!("ControlPersist={ORPHAN_SECONDS}"),
        "BatchMode=yes".into(),
        format!("ConnectTimeout={seconds}"),
        "ConnectionAttempts=1".into(),
        // A dead host is noticed after at most 9 s also while no command runs.
        "ServerAliveInterval=3".into(),
        "ServerAliveCountMax=2".into(),
        // What the operator's config adds for their own sessions would collide or speak up here.
        "ClearAllForwardings=yes".into(),
        "RemoteCommand=none".into(),
        "RequestTTY=no".into(),
        "PermitLocalCommand=no".into(),
    ] {
        command.arg("-o").arg(option);
    }
    command
        .arg("--")
        .arg(destination)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Reads the control socket until it breaks. The hello that the client sends is of no interest.
async fn watch(mut lifeline: UnixStream, dead: CancellationToken) {
    let mut sink = [0_u8; 256];
    loop {
        tokio::select! {
            () = dead.cancelled() => return,
            read = lifeline.read(&mut sink) => if !matches!(read, Ok(1..)) {
                dead.cancel();
                return;
            },
        }
    }
}

/// What the client says on its standard error.
struct Said {
    lines: Option<Lines<BufReader<ChildStderr>>>,
    /// Without the debugging lines.
    text: String,
    /// Fingerprint of the last host key shown. With jump hosts, theirs come before the destination's.
    host_key: Option<String>,
}

impl Said {
    fn new(pipe: Option<ChildStderr>) -> Self {
        Self { lines: pipe.map(|pipe| BufReader::new(pipe).lines()), text: String::new(), host_key: None }
    }

    /// Reads on until the client has ended or gone into the background, and what it said until then.
    async fn until_ended(&mut self, child: &mut tokio::process::Child) -> std::io::Result<std::process::ExitStatus> {
        loop {
            tokio::select! {
                // Lines first: the status is only taken when nothing more is to be read at the moment.
                biased;
                more = self.next() => if !more {
                    return child.wait().await;
                },
                status = child.wait() => {
                    while let Ok(true) = tokio::time::timeout(Duration::from_millis(10), self.next()).await {}
                    return status;
                }
            }
        }
    }

    /// Takes one line; `false` at the end.
    async fn next(&mut self) -> bool {
        let Some(lines) = &mut self.lines else { return false };
        let Ok(Some(line)) = lines.next_line().await else {
            self.lines = None;
            return false;
        };
        if let Some(key) = line.strip_prefix("debug1: Server host key: ") {
            self.host_key = key.split_whitespace().nth(1).map(str::to_owned);
        } else if !line.starts_with("debug1: ") && self.text.len() < KEPT {
            self.text.push_str(&line);
            self.text.push('\n');
        }
        true
    }

    /// Lets the rest run dry: the client keeps its standard error in the background, and a full pipe would stop it.
    fn drain(self) {
        if let Some(lines) = self.lines {
            tokio::spawn(async move {
                let mut pipe = lines.into_inner();
                let _ended = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
            });
        }
    }
}
