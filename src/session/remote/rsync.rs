//! One run of the system's rsync over the warm connection: held, ended and slowed down by whoever steers it.
//!
//! A run that is held is ended: rsync keeps what it has of the file it is at, and goes on from there when it is let go.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::hold::Hold;
use super::{Remote, RemoteError};
use crate::reach::{plain, program};
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

/// How often it is looked whether the work is to be held, ended or slowed.
const LOOK: Duration = Duration::from_millis(200);
/// Without a sign from whoever steers for so many looks the work is held.
const SILENT: u32 = 10;
/// Broken connections in a row before it is given up.
const TRIES: u32 = 3;
/// Seconds without a byte after which rsync gives up.
const STILL: u32 = 60;
/// What is kept of what it says, bytes.
const KEPT: usize = 64 << 10;

/// What is to be carried.
pub(super) struct Load<'a> {
    /// Folder here, with a slash at its end.
    pub(super) from: OsString,
    /// Folders there: of the copy, of temporary files, of what is left of an interrupted run.
    pub(super) to: String,
    pub(super) temporary: String,
    pub(super) partial: String,
    /// Paths below `from`, each ended by a NUL.
    pub(super) names: Vec<u8>,
    /// Carry them also where size and time are the same.
    pub(super) again: bool,
    pub(super) steer: &'a dyn Steer,
    pub(super) throttle: Option<&'a Throttle>,
    pub(super) hold: &'a Hold<'a>,
}

/// How one run ended.
enum Ended {
    /// With this status.
    By(Option<i32>, String),
    /// It was held, or its limit changed: it is to be run again.
    Again,
    Cancelled,
}

impl Remote {
    /// Carries files. What a file's own trouble was is returned: the others are there.
    pub(super) fn carry(&self, load: &Load<'_>) -> Result<Option<String>, RemoteError> {
        let mut broken = 0;
        loop {
            load.hold.renew()?;
            let (pool, destination) = (self.pool.clone(), self.folder.destination.clone());
            let client = self.wait(async move { pool.client(&destination).await }, &|| true)?;
            let client = client.map_err(|error| self.unreachable(&error))?;
            let limit = load.throttle.and_then(Throttle::limit);
            let mut command = program::command("rsync");
            command.args(arguments(load, limit)).arg("--rsh").arg(words(&client));
            command.arg("--").arg(&load.from).arg(format!("hotspare:{}", load.to));
            command.env("LC_ALL", "C");
            let ended = run(command.into_std(), load, limit).map_err(|error| {
                RemoteError::trouble("lacks a program", format!("rsync cannot be run here: {error}"), "install rsync")
            })?;
            match ended {
                Ended::Again => {}
                Ended::Cancelled => return Err(RemoteError::Cancelled),
                Ended::By(Some(0), _) => return Ok(None),
                // Some files could not be carried, or had vanished: which is found out by what is there afterwards.
                Ended::By(Some(23 | 24), said) => return Ok(Some(plain::line(&said, 200))),
                // The connection broke, or nothing moved for too long.
                Ended::By(Some(10 | 12 | 30 | 35 | 255), _) if broken < TRIES => broken += 1,
                Ended::By(status, said) => {
                    let status = status.map_or_else(|| "a signal".to_owned(), |status| status.to_string());
                    let why = format!("{}: rsync ended with {status}: {}", self.place(), plain::line(&said, 200));
                    return Err(RemoteError::trouble("error", why, "see what is wrong there, then repeat"));
                }
            }
        }
    }
}

fn arguments(load: &Load<'_>, limit: Option<u64>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        // Paths never go through the shell of the other machine.
        "--protect-args",
        "--files-from=-",
        "--from0",
        "--times",
        "--perms",
        "--hard-links",
        "--sparse",
        "--no-human-readable",
        "--info=progress2",
        "--no-inc-recursive",
    ]
    .into_iter()
    .map(OsString::from)
    .collect();
    arguments.push(format!("--timeout={STILL}").into());
    arguments.push(format!("--temp-dir={}", load.temporary).into());
    arguments.push(format!("--partial-dir={}", load.partial).into());
    if load.again {
        arguments.push("--ignore-times".into());
    }
    if let Some(limit) = limit {
        arguments.push(format!("--bwlimit={}", limit.div_ceil(1024)).into());
    }
    arguments
}

/// Words as rsync takes its remote shell apart: quotes keep a word together, and one that is doubled stands for itself.
fn words(words: &[OsString]) -> OsString {
    let quoted = words.iter().map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "''")));
    quoted.collect::<Vec<_>>().join(" ").into()
}

fn run(mut command: std::process::Command, load: &Load<'_>, limit: Option<u64>) -> std::io::Result<Ended> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (beats, go_on) = (AtomicU64::new(0), AtomicBool::new(true));
    let (tell, progress) = channel();
    let (over, ended) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends early says why.
            let _unread = input.map(|mut input| input.write_all(&load.names));
        });
        scope.spawn(move || read_progress(output, &tell));
        let errors = scope.spawn(move || {
            let mut said = Vec::new();
            if let Some(mut pipe) = errors {
                let _kept = pipe.by_ref().take(KEPT as u64).read_to_end(&mut said);
                let _rest = std::io::copy(&mut pipe, &mut std::io::sink());
            }
            String::from_utf8_lossy(&said).into_owned()
        });
        let (beats, go_on) = (&beats, &go_on);
        scope.spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) && go_on.load(Ordering::Relaxed) {
                // Waits here as long as the work is held.
                go_on.store(load.steer.go_on(), Ordering::Relaxed);
                beats.fetch_add(1, Ordering::Relaxed);
            }
        });
        let stopped = watch(&progress, load, limit, beats, go_on);
        if stopped.is_some() {
            end(&child);
        }
        let status = child.wait()?;
        drop(over);
        let said = errors.join().unwrap_or_default();
        // Back only once it is let go: whoever watches for that is waited for.
        Ok(stopped.unwrap_or(Ended::By(status.code(), said)))
    })
    .map(|ended| if go_on.load(Ordering::Relaxed) { ended } else { Ended::Cancelled })
}

/// Hands progress on until the program ends by itself (`None`) or has to be ended.
fn watch(
    progress: &Receiver<u64>,
    load: &Load<'_>,
    limit: Option<u64>,
    beats: &AtomicU64,
    go_on: &AtomicBool,
) -> Option<Ended> {
    let (mut last, mut silent) = (0, 0);
    loop {
        match progress.recv_timeout(LOOK) {
            Ok(done) => load.steer.event(Event::Reached(done)),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => silent += 1,
        }
        let now = beats.load(Ordering::Relaxed);
        if now != last {
            (last, silent) = (now, 0);
        }
        if !go_on.load(Ordering::Relaxed) {
            return Some(Ended::Cancelled);
        }
        let changed = load.throttle.is_some_and(|throttle| throttle.limit() != limit);
        if silent > SILENT || changed {
            return Some(Ended::Again);
        }
    }
}

/// Asks it to end with everything it started; it keeps what it has.
fn end(child: &Child) {
    if let Some(leader) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _gone_already = kill_process_group(leader, Signal::TERM);
    }
}

/// Bytes carried so far, from lines such as `\r  1048576  50%  10.00MB/s  0:00:01`.
pub(super) fn read_progress(pipe: Option<impl Read>, tell: &Sender<u64>) {
    let Some(mut pipe) = pipe else { return };
    let (mut line, mut piece) = (Vec::new(), [0_u8; 4096]);
    while let Ok(read @ 1..) = pipe.read(&mut piece) {
        for byte in piece.get(..read).unwrap_or_default() {
            if matches!(byte, b'\r' | b'\n') {
                let text = String::from_utf8_lossy(&line);
                let done = text.split_whitespace().next().and_then(|word| word.parse().ok());
                if let Some(done) = done
                    && tell.send(done).is_err()
                {
                    return;
                }
                line.clear();
            } else if line.len() < 256 {
                line.push(*byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_what_rsync_prints() {
        let (tell, told) = channel();
        let printed =
            b"\r              0   0%    0.00kB/s    0:00:00\r      1048576  50%   10.00MB/s    0:00:01 (xfr#1)\n";
        read_progress(Some(&printed[..]), &tell);
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [0, 1_048_576]);
    }

    #[test]
    fn the_client_stays_whole_words() {
        let client = ["ssh", "-S", "/run/a b/it's/1"].map(OsString::from);
        assert_eq!(words(&client), "'ssh' '-S' '/run/a b/it''s/1'");
    }
}
