//! The shell on a host that has all locks of a service: how it is begun, kept, and let go.
//!
//! It hangs on an ssh session of its own. When that ends, for whatever reason, its input does, and the locks are free; where
//! the network is cut without a word it lets go by itself after [`SILENCE`]; and at the end of its time by its own clock.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::look::with_files;
use super::mark;
use super::trouble::Trouble;
use super::view::{Left, Mark};
use crate::fleet::data::Service;
use crate::reach::program::{self, Family};
use crate::reach::quote::quote;
use crate::reach::ssh::SshPool;

/// How often the host hears that its locks are still wanted.
pub(super) const BEAT: Duration = Duration::from_secs(5);
/// Silence after which the host takes them back.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// Files that one shell can lock: POSIX shells have one digit for an open file, and 0 to 2 are taken.
pub const MOST: usize = 7;
/// The shell has so long to begin and to say what came of it, beside its patience.
const BEGINNING: Duration = Duration::from_secs(10);
/// It has so long to end when it is told to.
const ENDING: Duration = Duration::from_secs(5);
/// It has so long to end the work that is left: ten seconds after each of two signals, and the looks between.
const ENDING_WORK: Duration = Duration::from_secs(28);
/// The script.
const SCRIPT: &str = include_str!("hold.sh");

/// Why the locks were not given.
pub(super) enum NotTaken {
    /// Somebody held the lock of this pid file all the time.
    Busy(usize),
    /// Another reason.
    Other(Trouble),
}

impl From<Trouble> for NotTaken {
    fn from(trouble: Trouble) -> Self {
        Self::Other(trouble)
    }
}

/// What the shell says while it has the locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Its time is over.
    Over,
    /// It heard nothing for too long.
    Silent,
    /// It is gone without a word.
    Gone,
}

/// The line to the shell that has the locks.
#[derive(Debug)]
pub(super) struct Line {
    child: Child,
    input: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
    /// Ends the ssh client where this is dropped.
    _family: Family,
}

impl Line {
    /// Takes all locks or none. `span` is how long they are held at most.
    pub(super) async fn take(
        ssh: &SshPool,
        destination: &str,
        service: &Service,
        mark: &Mark,
        (patience, span): (Duration, Duration),
    ) -> Result<Self, NotTaken> {
        let failed = |why: String| NotTaken::Other(Trouble::Failed(why));
        let client = ssh.client(destination).await.map_err(|error| Trouble::unreachable(&service.host, &error))?;
        let mut words = client.into_iter();
        let mut command = program::command(words.next().unwrap_or_else(|| OsString::from("ssh")));
        command.args(words).arg("hotspare").arg(remote_command(service, mark, patience, span));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(format!("the ssh client cannot be run: {error}")))?;
        let family = Family::of(&child);
        let (input, Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("the ssh client has no output".into()));
        };
        let mut line = Self { child, input, said: BufReader::new(output).lines(), _family: family };
        let mut last = String::new();
        let begun = async {
            while let Ok(Some(said)) = line.said.next_line().await {
                match said.split_once(' ') {
                    Some(("ours", _)) => return Ok(()),
                    Some(("busy", number)) => return Err(NotTaken::Busy(number.parse().unwrap_or_default())),
                    Some(("missing", number)) => return Err(failed(gone(service, number))),
                    Some(("cannot", why)) => return Err(failed(cannot(service, why))),
                    _ => last = said,
                }
            }
            let last = crate::reach::plain::line(&last, 200);
            Err(failed(format!("{} ended the shell that was to hold the locks: {last}; try again", service.host)))
        };
        match tokio::time::timeout(patience + BEGINNING, begun).await {
            Ok(Ok(())) => Ok(line),
            Ok(Err(not)) => Err(not),
            Err(_late) => Err(failed(format!("{} does not say whether the locks are free; try again", service.host))),
        }
    }

    /// Says that the locks are still wanted. One that cannot be told is heard of by [`Line::word`].
    pub(super) async fn beat(&mut self) {
        if let Some(input) = &mut self.input {
            let _told_by_word = input.write_all(b".").await;
        }
    }

    /// Waits for what it says.
    pub(super) async fn word(&mut self) -> Word {
        loop {
            match self.said.next_line().await {
                Ok(Some(said)) if said == "over" => return Word::Over,
                Ok(Some(said)) if said == "silent" => return Word::Silent,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Word::Gone,
            }
        }
    }

    /// Gives the locks back; ends within 10 s, whatever hangs.
    pub(super) async fn release(mut self) {
        self.last_word(b"q").await;
        let _ended = tokio::time::timeout(ENDING, self.child.wait()).await;
    }

    /// Ends what is left of the work, then gives the locks back; ends within 40 s, whatever hangs.
    pub(super) async fn release_after_work(mut self) -> Left {
        self.last_word(b"e").await;
        let mut left = Left::Nothing;
        let telling = async {
            while let Ok(Some(said)) = self.said.next_line().await {
                match said.split_once(' ') {
                    Some(("ended", "TERM")) => left = Left::Ended,
                    Some(("ended", _)) => left = Left::Killed,
                    Some(("lives", _)) => left = Left::Alive,
                    _ => {}
                }
            }
        };
        let _told = tokio::time::timeout(ENDING_WORK, telling).await;
        let _ended = tokio::time::timeout(ENDING, self.child.wait()).await;
        left
    }

    /// Nothing is said after this: the input is closed, which is enough where the word does not arrive.
    async fn last_word(&mut self, word: &[u8]) {
        if let Some(mut input) = self.input.take() {
            let _broken = tokio::time::timeout(ENDING, input.write_all(word)).await;
        }
    }
}

/// What the login shell of the host gets. The script travels in a variable, so that `ps` shows the mark and little else.
fn remote_command(service: &Service, mark: &Mark, patience: Duration, span: Duration) -> String {
    // The host's clock is read in whole seconds: rather a second more than one less.
    let span = span.as_secs().saturating_add(2);
    let (patience, silence, began) = (patience.as_secs(), SILENCE.as_secs(), quote(&mark.since.to_string()));
    let settings = format!("patience={patience} span={span} silence={silence} began={began}\n");
    let script = with_files(&service.pid_files, &settings, SCRIPT);
    format!(
        "exec env HOTSPARE_HOLD={} sh -c {} {} {}",
        quote(&script),
        quote("eval \"$HOTSPARE_HOLD\""),
        mark::NAME,
        quote(&mark::written(mark))
    )
}

fn gone(service: &Service, number: &str) -> String {
    let file = number.parse::<usize>().ok().and_then(|number| service.pid_files.get(number));
    let file = file.map_or("a pid file", String::as_str);
    format!("{file} is not on {} any more; nothing was locked", service.host)
}

/// `2 the lock file cannot be made`.
fn cannot(service: &Service, said: &str) -> String {
    let (number, why) = said.split_once(' ').unwrap_or((said, "it cannot be locked"));
    let file = number.parse::<usize>().ok().and_then(|number| service.pid_files.get(number));
    format!("{}.lock on {}: {why}; nothing is locked", file.map_or("?", String::as_str), service.host)
}

#[cfg(test)]
mod tests;
