//! The server's own tools while they run: what they say, whether they still move, and that they end.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;
use crate::clock::{Clock, Tick};
use crate::reach::{plain, program};

/// Between two looks at whether it still moves.
const LOOK: Duration = Duration::from_secs(1);
/// So much of what a tool says is kept.
const SAID: usize = 4096;

/// How much has gone through a pipe, and whether it is held by us and not by the tool.
#[derive(Debug, Default)]
pub(super) struct Flow {
    bytes: AtomicU64,
    held: AtomicBool,
}

impl Flow {
    pub(super) fn moved(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Does something during which the tool is not to blame for standing still.
    pub(super) fn hold<T>(&self, act: impl FnOnce() -> T) -> T {
        self.held.store(true, Ordering::Relaxed);
        let done = act();
        self.held.store(false, Ordering::Relaxed);
        done
    }
}

/// A tool that ended well.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// From its login until it left, by what it says of that.
    pub(super) span: Option<Duration>,
}

/// A tool to be run: its program and arguments, with its name for people.
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) command: Command,
}

impl Tool {
    pub(super) fn new(path: &std::path::Path) -> Self {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut command = program::command(path);
        // Nothing of the user's own settings; files of options are read with each run otherwise, whatever its arguments.
        command.env("MYSQL_TEST_LOGIN_FILE", "/dev/null").env("LC_ALL", "C.UTF-8");
        for variable in ["MYSQL_PWD", "MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT"] {
            command.env_remove(variable);
        }
        Self { name, command }
    }

    /// Starts it. The future ends when it has ended, and ends it with everything it started when it stands still for `limit`, or
    /// when it is dropped.
    pub(super) fn start(
        mut self,
        flow: Arc<Flow>,
        limit: Duration,
        clock: &Clock,
        stop: &CancellationToken,
    ) -> Result<impl Future<Output = Result<Ended, Trouble>> + Send + 'static, Trouble> {
        self.command.stderr(Stdio::piped());
        let failed = |error: std::io::Error| Trouble::Failed(format!("{} cannot be started: {error}", self.name));
        let mut child = self.command.spawn().map_err(failed)?;
        let family = program::Family::of(&child);
        let (name, clock, stop) = (self.name, clock.clone(), stop.clone());
        // Its ends of the pipes are the tool's alone from now on.
        drop(self.command);
        Ok(async move {
            let mut said = Said::default();
            let talk = child.stderr.take();
            let talking = said.hear(talk, &clock);
            let moving = still(&flow, limit, &clock);
            let status = tokio::select! {
                status = async { tokio::join!(child.wait(), talking).0 } => status,
                () = moving => {
                    drop(family);
                    let limit = plain::time(limit);
                    return Err(Trouble::Failed(format!("{name} stood still for {limit} and was ended; is the server busy, or a table locked?")));
                }
                () = stop.cancelled() => {
                    drop(family);
                    return Err(Trouble::Stopped);
                }
            };
            let status = status.map_err(|error| Trouble::Failed(format!("{name}: {error}")))?;
            if status.success() {
                family.spare();
                return Ok(Ended { span: said.span() });
            }
            let why = plain::last_line(&said.text, 300);
            // What ended it says more than what it said last.
            let why = if why.is_empty() || status.signal().is_some() { status.to_string() } else { why };
            // Tools begin what they say with their own name.
            let why = why.strip_prefix(&format!("{name}: ")).map_or(why.clone(), str::to_owned);
            Err(Trouble::Failed(format!("{name}: {why}{}", hint(&why))))
        })
    }
}

/// What a person does about it.
fn hint(why: &str) -> &'static str {
    if why.contains("(1044)")
        || why.contains("1044:")
        || why.contains("1142")
        || why.contains("1227")
        || why.contains("nsufficent privileges")
    {
        "; a user that dumps needs SELECT, SHOW VIEW, TRIGGER, EVENT and LOCK TABLES"
    } else if why.contains("0900") {
        "; the dump is of a MySQL 8 server and names a collation that this server does not have: restore it to MySQL 8"
    } else if why.contains("unknown option") || why.contains("unknown variable") {
        "; the tool is too old for this server: install the client that belongs to it"
    } else {
        ""
    }
}

/// Ends when nothing has moved for so long.
pub(super) async fn still(flow: &Flow, limit: Duration, clock: &Clock) {
    let (mut seen, mut since) = (flow.bytes(), clock.tick());
    loop {
        tokio::time::sleep(LOOK.min(limit)).await;
        let now = flow.bytes();
        if now != seen || flow.held.load(Ordering::Relaxed) {
            (seen, since) = (now, clock.tick());
        } else if clock.tick().since(since) >= limit {
            return;
        }
    }
}

/// What a tool said.
#[derive(Default)]
struct Said {
    text: String,
    began: Option<Tick>,
    ended: Option<Tick>,
}

impl Said {
    async fn hear(&mut self, talk: Option<impl tokio::io::AsyncRead + Unpin>, clock: &Clock) {
        let Some(talk) = talk else { return };
        let mut talk = BufReader::new(talk);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut talk).take(SAID as u64).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            if text.starts_with("-- Connecting to") {
                self.began = Some(clock.tick());
            } else if text.starts_with("-- Disconnecting from") {
                self.ended = Some(clock.tick());
            } else if !text.starts_with("-- ")
                && !text.contains("[Warning]")
                && !text.starts_with("WARNING")
                && !text.starts_with("Warning: ")
            {
                if self.text.len() > SAID {
                    self.text.clear();
                }
                self.text.push_str(&text);
            }
            line.clear();
        }
    }

    fn span(&self) -> Option<Duration> {
        Some(self.ended?.since(self.began?))
    }
}
