//! Programs of this machine: run without a shell, bounded in output, ended with everything they started.
//!
//! A program gets the engine's environment without the variables that hold secrets: what a bell or an ssh client needs is
//! not a database's password.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::live::{self, Hearer};

/// What a program that has ended left in its pipes is read within this; something it started may hold them open for ever.
const REST: Duration = Duration::from_millis(100);

/// Names of the environment variables that hold secrets. Of the process, as its environment is.
static HIDDEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps these environment variables from every program that is started from now on.
pub fn hide(names: impl IntoIterator<Item = String>) {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
}

/// A program in a process group of its own, so that Ctrl-C in the engine's terminal is the engine's to handle, and that it
/// can be ended with what it started.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = foreground(program);
    command.process_group(0).kill_on_drop(true);
    command
}

/// A program that has the terminal of this one: it stays in its process group, and Ctrl-C is its own to handle.
pub fn foreground(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        command.env_remove(name);
    }
    command
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output, its first bytes.
    pub stdout: Vec<u8>,
    /// Standard error, its first bytes.
    pub stderr: Vec<u8>,
}

/// Runs a program to its end with this on its standard input. So many bytes of each output are kept, and what it prints
/// beyond is read and forgotten. Has no time-out: dropping the future ends the program and everything it started.
pub async fn run(command: Command, input: &[u8], limit: usize) -> std::io::Result<Ended> {
    begin(command, input, limit, None).await
}

/// The same without any input, and with somebody who hears both outputs as they come; the last bytes of each are kept.
pub async fn run_heard(command: Command, limit: usize, hear: &Hearer) -> std::io::Result<Ended> {
    begin(command, b"", limit, Some(hear)).await
}

async fn begin(mut command: Command, input: &[u8], limit: usize, hear: Option<&Hearer>) -> std::io::Result<Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut family = Family::of(&child);
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let feeding = async move {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input, such as a bell, is no failure.
            let _unread = stdin.write_all(input).await;
        }
    };
    let talk =
        async { tokio::join!(feeding, keep(out, &mut stdout, limit, hear), keep(err, &mut stderr, limit, hear)) };
    let status = {
        let mut talk = std::pin::pin!(talk);
        tokio::select! {
            _all_said = &mut talk => child.wait().await?,
            status = child.wait() => {
                let _held_open = tokio::time::timeout(REST, &mut talk).await;
                status?
            }
        }
    };
    family.spared = true;
    Ok(Ended { status, stdout, stderr })
}

async fn keep(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, limit: usize, hear: Option<&Hearer>) {
    if let Some(hear) = hear {
        return live::tail(pipe, kept, limit, hear).await;
    }
    let Some(mut pipe) = pipe else { return };
    let mut piece = vec![0; 16 * 1024];
    // A read error ends what can be seen; the exit status tells of the rest.
    while let Ok(read @ 1..) = pipe.read(&mut piece).await {
        let room = limit.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
}

/// A program and what it started; ended when dropped, unless it ended by itself.
#[derive(Debug)]
pub struct Family {
    leader: Option<Pid>,
    spared: bool,
}

impl Family {
    /// The group of a program that [`command()`] made.
    pub fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { leader, spared: false }
    }

    /// It ended by itself: what it left in the background is none of ours.
    pub fn spare(mut self) {
        self.spared = true;
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if let (Some(leader), false) = (self.leader, self.spared) {
            let _gone_already = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn what_a_program_prints_is_bounded_and_does_not_hold_it() {
        let loud = run(shell("head -c 50000000 /dev/zero; echo so >&2; exit 3"), b"", 1000).await.unwrap();
        assert_eq!(
            (loud.stdout.len(), loud.stderr.as_slice(), loud.status.code()),
            (1000, b"so\n".as_slice(), Some(3))
        );
        let fed = run(shell("cat"), b"hello", 1000).await.unwrap();
        assert_eq!(fed.stdout, b"hello");
    }

    #[tokio::test]
    async fn something_left_in_the_background_is_not_waited_for() {
        let ended = tokio::time::timeout(Duration::from_secs(20), run(shell("sleep 100 & echo done"), b"", 1000));
        assert_eq!(ended.await.unwrap().unwrap().stdout, b"done\n");
    }

    #[tokio::test]
    async fn a_program_that_is_given_up_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, began) = (folder.path().join("alive"), folder.path().join("began"));
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // The grandchild holds the writing end; the reading end ends with the grandchild.
        let script = format!("(exec 3>{} ; echo > {}; sleep 1000; true) & wait", fifo.display(), began.display());
        let running = tokio::spawn(run(shell(&script), b"", 1000));
        let reader = fifo.clone();
        let opened = tokio::task::spawn_blocking(move || std::fs::read(reader));
        while !began.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.abort();
        let ended = tokio::time::timeout(Duration::from_secs(20), opened).await;
        assert_eq!(ended.expect("the grandchild is gone").unwrap().unwrap(), b"");
    }

    #[tokio::test]
    async fn variables_that_hold_secrets_stay_here() {
        // PATH is certainly set; its value is of no interest to a shell's builtin.
        let seen = |ended: Ended| String::from_utf8(ended.stdout).unwrap();
        let script = "echo \"${CARGO_PKG_NAME-unset}\"";
        assert_eq!(seen(run(shell(script), b"", 100).await.unwrap()), "hotspare\n");
        hide(["CARGO_PKG_NAME".to_owned()]);
        assert_eq!(seen(run(shell(script), b"", 100).await.unwrap()), "unset\n");
    }
}
