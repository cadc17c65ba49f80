//! One command on a remote host.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::error::{SshError, SshErrorKind};
use super::master::Master;
use crate::fleet::secret::Secret;
use crate::reach::live::{self, Hearer};
use crate::reach::quote;

/// Runs `$2` in a shell, under `timeout` where the host has one. A command whose channel is closed is not ended by sshd, so
/// that without it each run of a check that hangs would leave one more process on the host.
const LIMITED: &str =
    r#"if command -v timeout >/dev/null 2>&1; then exec timeout "$1" sh -c "$2"; else exec sh -c "$2"; fi"#;

/// A command to run on a host.
#[derive(Clone)]
pub struct Remote {
    /// Text for the host's POSIX shell. Whatever was pasted into it went through [`quote::quote`].
    pub script: String,
    /// What the command reads on its standard input; a secret may travel here and nowhere else.
    pub stdin: Option<Secret>,
    /// More for its standard input, of any bytes.
    pub input: Option<Arc<[u8]>>,
    /// Longest time in all: connecting, waiting for a free session, running.
    pub timeout: Duration,
    /// Longest output of each of standard output and standard error, bytes.
    pub limit: usize,
    /// Hears both outputs as they come. Then output beyond the limit is no error: its end is kept.
    pub live: Option<Hearer>,
}

impl Remote {
    /// A command with 64 KiB of output at most.
    pub fn new(script: impl Into<String>, timeout: Duration) -> Self {
        Self { script: script.into(), stdin: None, input: None, timeout, limit: 64 * 1024, live: None }
    }

    /// The same with something on its standard input.
    #[must_use]
    pub fn with_stdin(mut self, text: Secret) -> Self {
        self.stdin = Some(text);
        self
    }

    /// The same with these bytes on its standard input.
    #[must_use]
    pub fn with_input(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// The same with another limit of output, bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The line that the host's login shell gets.
    fn line(&self) -> String {
        let seconds = self.timeout.as_secs() + 1;
        format!("exec sh -c {} sh {seconds} {}", quote::quote(LIMITED), quote::quote(&self.script))
    }

    pub(super) async fn over(&self, master: &Master) -> Result<Output, SshError> {
        if !master.alive() {
            return Err(SshError::not_begun(master.destination()));
        }
        let mut command = master.session().raw_command(self.line());
        command.stdin(if self.stdin.is_some() || self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await.map_err(|error| refused(master, &error))?;
        let (input, out, err) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let feeding = async {
            if let Some(mut pipe) = input {
                let text = self.stdin.as_ref().map(|text| text.expose().as_bytes());
                for bytes in [text, self.input.as_deref()].into_iter().flatten() {
                    // A command that does not read its input says so with its exit status.
                    let _unread = pipe.write_all(bytes).await;
                }
            }
            Ok(())
        };
        let talk = async { tokio::try_join!(feeding, self.read(out), self.read(err)) };
        let ((), stdout, stderr) = tokio::select! {
            talked = talk => talked?,
            () = master.died() => return Err(SshError::lost(master.destination())),
        };
        let status = match child.wait().await {
            Ok(status) => status.code().unwrap_or(-1),
            // The library's word for exit status 127.
            Err(openssh::Error::Remote(_)) => 127,
            Err(_) => return Err(vanished(master).await),
        };
        Ok(Output { status, stdout, stderr })
    }

    async fn read(&self, pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, SshError> {
        let Some(hear) = &self.live else { return bounded(pipe, self.limit).await };
        let mut kept = Vec::new();
        live::tail(pipe, &mut kept, self.limit, hear).await;
        Ok(kept)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("script", &self.script).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// What a command printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 127 where the command was not found.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it ended with 0.
    pub const fn success(&self) -> bool {
        self.status == 0
    }

    /// Standard output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; what is not UTF-8 is replaced.
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<Vec<u8>, SshError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        // A read error means that the channel broke; the exit status says how.
        let _broken = pipe.take(most).read_to_end(&mut bytes).await;
    }
    if bytes.len() > limit { Err(SshError::too_much(limit)) } else { Ok(bytes) }
}

/// The command could not be begun.
fn refused(master: &Master, error: &openssh::Error) -> SshError {
    match error {
        openssh::Error::InvalidCommand => {
            SshError::new(SshErrorKind::Other, "the command holds a NUL byte", "remove it from the fleet file")
        }
        openssh::Error::SshMux(refused) if master.alive() && !hung_up(refused) => SshError::new(
            SshErrorKind::Other,
            format!("the host opens no further session: {refused}"),
            "raise MaxSessions in the host's sshd_config",
        ),
        // It may have died with the request or before it. Buried, so that nobody tries it again before its lifeline breaks.
        _ => {
            master.bury();
            SshError::lost(master.destination())
        }
    }
}

/// Whether the connection's own process hung up instead of answering: it is about to die.
fn hung_up(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let gone = |error: &std::io::Error| matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset);
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.downcast_ref::<std::io::Error>().is_some_and(gone))
}

/// The command ended without a status: by a signal, or with the connection, which is known a moment later.
async fn vanished(master: &Master) -> SshError {
    match tokio::time::timeout(Duration::from_millis(100), master.died()).await {
        Ok(()) => SshError::lost(master.destination()),
        Err(_alive) => SshError::new(
            SshErrorKind::Killed,
            "the command was ended by a signal",
            "run it by hand and see what ends it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Wrapped {
        #[error("the answer: {0}")]
        Answer(#[from] std::io::Error),
        #[error("too many sessions")]
        Refused,
    }

    #[test]
    fn a_connection_that_hung_up_is_told_from_one_that_refuses() {
        let ended = |kind: ErrorKind| Wrapped::from(std::io::Error::from(kind));
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset] {
            assert!(hung_up(&ended(kind)), "{kind:?}");
        }
        assert!(!hung_up(&ended(ErrorKind::PermissionDenied)));
        assert!(!hung_up(&Wrapped::Refused));
    }
}
