//! That a session is worked on at the other machine: two computers that copy it must not share its staging folder.
//!
//! A small script there holds the lock (`flock`) for as long as it hears from here every few seconds, and no longer: a lock
//! whose holder was cut off is not in the way for ever, and nothing has to be cleared by hand. The lock's file says who has
//! it, for the words of a refusal.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::{HELD, OWN, Remote, RemoteError, within};
use crate::reach::program;
use crate::reach::quote::quote;
use crate::reach::ssh::Output;
use crate::session::key::Key;
use crate::session::lock::{self, Who};
use crate::work::steer::Steer;

/// How often the other machine hears that the lock is still wanted.
const BEAT: Duration = Duration::from_secs(3);
/// Seconds of silence after which the other machine takes it back.
pub(super) const LET_GO: u32 = 20;
/// How long the other machine may take to give it, or to take it back.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often one is asked for that an earlier connection of ours still has, once a second.
const TRIES: u32 = LET_GO + 10;
/// What is kept of what the script says.
const KEPT: u64 = 16 << 10;
/// How the ssh client ends where the connection does.
const BROKEN: i32 = 255;
/// What the script says when it has the lock.
const OURS: &[u8] = b"ours\n";

/// The lock of one session there. Given back when this is dropped, or when the connection dies.
pub(super) struct Hold<'a> {
    remote: &'a Remote,
    marker: &'a str,
    file: PathBuf,
    who: &'a Who,
    steer: &'a dyn Steer,
    line: Mutex<Line>,
}

/// The line to the script that holds the lock.
struct Line {
    child: Child,
    /// Dropped to give the lock back.
    beat: Option<Sender<()>>,
    /// Ends when the script has.
    said: Receiver<Vec<u8>>,
}

impl<'a> Hold<'a> {
    /// Takes the lock of a session, or says who has it.
    pub(super) fn take(
        remote: &'a Remote,
        marker: &'a str,
        key: &Key,
        who: &'a Who,
        steer: &'a dyn Steer,
    ) -> Result<Self, RemoteError> {
        let file = Path::new(OWN).join("locks").join(lock::name(key));
        let line = Mutex::new(Line::open(remote, marker, &file, who, steer)?);
        Ok(Self { remote, marker, file, who, steer, line })
    }

    /// Makes sure that it still is ours: one that went with a broken connection is taken again.
    pub(super) fn renew(&self) -> Result<(), RemoteError> {
        let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !matches!(line.child.try_wait(), Ok(None)) {
            *line = Line::open(self.remote, self.marker, &self.file, self.who, self.steer)?;
        }
        Ok(())
    }
}

impl Line {
    fn open(remote: &Remote, marker: &str, file: &Path, who: &Who, steer: &dyn Steer) -> Result<Self, RemoteError> {
        let mut tries = 0;
        loop {
            match Self::once(remote, marker, file, who) {
                // What an earlier connection of this very process left: nobody else is waited for.
                Err(Refused::Held(Some(other))) if same(&other, who) && tries < TRIES && steer.go_on() => {
                    tries += 1;
                    remote.wait(tokio::time::sleep(Duration::from_secs(1)), &|| true)?;
                }
                Err(Refused::Held(other)) => {
                    let who = other.map_or_else(|| "another program works on it".to_owned(), |who| who.to_string());
                    return Err(RemoteError::Held { place: remote.place(), who });
                }
                Err(Refused::Other(error)) => return Err(error),
                Ok(line) => return Ok(line),
            }
        }
    }

    fn once(remote: &Remote, marker: &str, file: &Path, who: &Who) -> Result<Self, Refused> {
        let (pool, destination) = (remote.pool.clone(), remote.folder.destination.clone());
        let client = remote.wait(async move { pool.client(&destination).await }, &|| true)?;
        let mut words = client.map_err(|error| remote.unreachable(&error))?.into_iter();
        let mut command = program::command(words.next().unwrap_or_else(|| OsString::from("ssh"))).into_std();
        let script = script(remote, marker, file, who)?;
        command.args(words).arg("hotspare").arg(format!("exec sh -c {}", quote(&script)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let cannot = |error: std::io::Error| {
            RemoteError::trouble("lacks a program", format!("the ssh client cannot be run: {error}"), "install it")
        };
        let mut child = command.spawn().map_err(cannot)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let ((tell, said), (beat, wanted)) = (channel(), channel());
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let spawned = thread("lock")
            .spawn(move || beats(input, &wanted))
            .and_then(|_beating| thread("lock").spawn(move || listen(output, &tell)));
        // From here on the script ends with this.
        let mut line = Self { child, beat: Some(beat), said };
        spawned.map_err(cannot)?;
        match line.said.recv_timeout(PATIENCE) {
            Ok(said) if said == OURS => Ok(line),
            Ok(said) => Err(line.refused(remote, said)),
            Err(_silent) => {
                let why = format!("{} does not say whether the session is free", remote.place());
                Err(RemoteError::trouble("no answer", why, "repeat").into())
            }
        }
    }

    /// Why it was not given.
    fn refused(&mut self, remote: &Remote, said: Vec<u8>) -> Refused {
        self.beat = None;
        let status = self.child.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        match status {
            HELD => Refused::Held(serde_json::from_slice(&said).ok()),
            BROKEN => {
                let why = format!("the connection to {} broke", remote.place());
                RemoteError::trouble("unreachable", why, "repeat").into()
            }
            _ => remote.refused(&Output { status, stdout: Vec::new(), stderr: said }).into(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.beat = None;
        // Whoever comes next finds it free, where the other machine still answers.
        while self.said.recv_timeout(PATIENCE).is_ok() {}
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

enum Refused {
    Held(Option<Who>),
    Other(RemoteError),
}

impl From<RemoteError> for Refused {
    fn from(error: RemoteError) -> Self {
        Self::Other(error)
    }
}

/// Whether both are one process.
fn same(one: &Who, other: &Who) -> bool {
    (one.pid, &one.host) == (other.pid, &other.host)
}

/// Takes the lock, says so, and keeps it for as long as it hears a dot every now and then.
fn script(remote: &Remote, marker: &str, file: &Path, who: &Who) -> Result<String, RemoteError> {
    let (folder, file) = (within(file.parent().unwrap_or(Path::new(OWN)))?, within(file)?);
    let who = quote(&serde_json::to_string(who).unwrap_or_default());
    Ok(format!(
        "exec 2>&1\n{}mkdir -p {folder} || exit 1\n\
         umask 0; while :; do exec 9>>{file} || exit 1\n\
         flock -n 9 || {{ cat {file}; exit {HELD}; }}\n\
         [ {file} -ef /proc/self/fd/9 ] && break; done\n\
         printf '%s\\n' {who} > {file}; echo ours\n\
         while [ \"$(exec 9>&-; exec timeout {LET_GO} head -c 1)\" = . ]; do :; done\n\
         rm -f {file}",
        remote.enter_marked(marker)
    ))
}

/// Says every now and then that the lock is still wanted.
fn beats(input: Option<ChildStdin>, wanted: &Receiver<()>) {
    let Some(mut input) = input else { return };
    while input.write_all(b".").and_then(|()| input.flush()).is_ok() {
        if wanted.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Hands on the first line, or where there is no whole one all that was said, and ends with the script.
fn listen(output: Option<impl Read>, tell: &Sender<Vec<u8>>) {
    let Some(output) = output else { return };
    let (mut said, mut piece, mut told) = (Vec::new(), [0; 1024], false);
    let mut output = output.take(KEPT);
    while let Ok(read @ 1..) = output.read(&mut piece) {
        said.extend_from_slice(piece.get(..read).unwrap_or_default());
        if !told && said == OURS {
            told = tell.send(OURS.to_vec()).is_ok();
        }
    }
    if !told {
        let _nobody_waits = tell.send(said);
    }
}
