//! A script on a host that prints as long as it is read, over the warm connection.
//!
//! It is an ssh client of its own that travels over that connection, and not one of the few commands that it carries at
//! once: checks never wait for a log. The script ends when its standard input does, which is when nobody reads any more,
//! when the connection breaks, and when the engine dies.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use crate::reach::program::{self, Family};
use crate::reach::quote;
use crate::reach::ssh::SshPool;

/// A script that says nothing for so long is not there any more: it says something every few seconds.
const SILENCE: Duration = Duration::from_secs(15);
/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;
/// Bytes of the end of standard error that are kept.
const KEPT: usize = 2048;

/// How a host is reached.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Over ssh.
    Ssh(SshPool, String),
    /// It is this machine.
    #[cfg(test)]
    Here,
}

/// A script that runs.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    _family: Family,
    /// Its end is the end of the script.
    _lifeline: Option<ChildStdin>,
    out: ChildStdout,
    err: ChildStderr,
    said: Vec<u8>,
    piece: Vec<u8>,
    /// Both outputs, as long as they are open.
    open: (bool, bool),
}

/// What it printed.
pub(super) enum Heard<'a> {
    /// On standard output.
    Out(&'a [u8]),
    /// On standard error.
    Err(&'a [u8]),
    /// It is over, and why.
    Over(String),
}

impl Way {
    /// Starts a script with arguments.
    pub(super) async fn start(&self, script: &str, arguments: &[String]) -> Result<Program, String> {
        // What explains the script is not for the host.
        let script: String =
            script.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(|line| [line, "\n"]).collect();
        let mut command = match self {
            Self::Ssh(pool, destination) => {
                let client = pool.client(destination).await.map_err(|error| error.to_string())?;
                let (first, rest) = client.split_first().ok_or("no ssh client")?;
                let words = std::iter::once(script.as_str()).chain(["sh"]).chain(arguments.iter().map(String::as_str));
                let line = format!("exec sh -c {}", quote::join(words));
                let mut command = program::command(first);
                command.args(rest).args(["-T", "--", "logs", &line]);
                command
            }
            #[cfg(test)]
            Self::Here => {
                let mut command = program::command("sh");
                command.arg("-c").arg(&script).arg("sh").args(arguments);
                command
            }
        };
        let piped = std::process::Stdio::piped;
        let mut child = command
            .stdin(piped())
            .stdout(piped())
            .stderr(piped())
            .spawn()
            .map_err(|error| format!("the ssh client cannot be started: {error}"))?;
        let family = Family::of(&child);
        let lifeline = child.stdin.take();
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("the ssh client has no outputs".into());
        };
        let piece = vec![0; PIECE];
        Ok(Program {
            child,
            _family: family,
            _lifeline: lifeline,
            out,
            err,
            said: Vec::new(),
            piece,
            open: (true, true),
        })
    }
}

impl Program {
    /// What it prints next.
    pub(super) async fn next(&mut self) -> Heard<'_> {
        let mut words = [0; 1024];
        while self.open.0 || self.open.1 {
            tokio::select! {
                read = self.out.read(&mut self.piece), if self.open.0 => match read {
                    Ok(read @ 1..) => return Heard::Out(self.piece.get(..read).unwrap_or_default()),
                    _ => self.open.0 = false,
                },
                read = self.err.read(&mut words), if self.open.1 => match read {
                    Ok(read @ 1..) => {
                        self.said.extend_from_slice(words.get(..read).unwrap_or_default());
                        let over = self.said.len().saturating_sub(KEPT);
                        self.said.drain(..over);
                        let from = self.said.len().saturating_sub(read);
                        return Heard::Err(self.said.get(from..).unwrap_or_default());
                    }
                    _ => self.open.1 = false,
                },
                () = tokio::time::sleep(SILENCE) => {
                    return Heard::Over(format!("nothing was heard for {} s", SILENCE.as_secs()));
                }
            }
        }
        let status = tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await;
        let said = crate::reach::plain::last_line(&String::from_utf8_lossy(&self.said), 200);
        let status = match status {
            Ok(Ok(status)) => {
                status.code().map_or_else(|| "ended by a signal".into(), |code| format!("ended with {code}"))
            }
            _ => "ended".to_owned(),
        };
        Heard::Over(if said.len() > 2 { said } else { status })
    }
}
