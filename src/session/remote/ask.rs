//! One question to the other machine: a script, run in the destination's folder.

use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::{NO_FOLDER, NO_MARKER, OWN, Remote, RemoteError, TAKEN};
use crate::reach::plain;
use crate::reach::quote::quote;
use crate::reach::ssh::{self, Output, SshError, SshErrorKind};

/// How often whoever asked is asked whether to go on.
const TICK: Duration = Duration::from_millis(200);

/// What is made there is as open to others as the destination's folder, whoever logs in.
pub(super) const AS_OPEN: &str = "mode=$(stat -c %a . 2>/dev/null) && umask \"$(printf %o $((0777 & ~0$mode)))\"\n";

impl Remote {
    /// First lines of a script: in the destination's folder, with messages in English.
    pub(super) fn enter(&self) -> String {
        format!("LC_ALL=C; export LC_ALL; cd -- {} || exit {NO_FOLDER}\n", quote(&self.folder.path))
    }

    /// The same, if the marker is still there. For scripts that change something.
    pub(super) fn enter_marked(&self, marker: &str) -> String {
        format!("{}grep -q -F -e {} {OWN}/store.json || exit {NO_MARKER}\n{AS_OPEN}", self.enter(), quote(marker))
    }

    pub(super) fn run(
        &self,
        script: &str,
        input: Option<Vec<u8>>,
        time: Duration,
        limit: usize,
    ) -> Result<Vec<u8>, RemoteError> {
        self.run_while(script, input, time, limit, &|| true)
    }

    pub(super) fn run_while(
        &self,
        script: &str,
        input: Option<Vec<u8>>,
        time: Duration,
        limit: usize,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, RemoteError> {
        let mut remote = ssh::Remote::new(script, time).with_limit(limit);
        if let Some(input) = input {
            remote = remote.with_input(input);
        }
        let (pool, destination) = (self.pool.clone(), self.folder.destination.clone());
        let ended = self.wait(async move { pool.run(&destination, &remote).await }, go_on)?;
        self.ended(&ended.map_err(|error| self.unreachable(&error))?)
    }

    /// Waits for what lives on the runtime. A runtime that ends meanwhile ends the waiting.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        asking: impl Future<Output = T> + Send + 'static,
        go_on: &dyn Fn() -> bool,
    ) -> Result<T, RemoteError> {
        let (tell, told) = channel();
        let task = self.runtime.spawn(async move {
            let _nobody_waits = tell.send(asking.await);
        });
        loop {
            match told.recv_timeout(TICK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if go_on() => {}
                Err(_cancelled_or_stopped) => {
                    task.abort();
                    return Err(RemoteError::Cancelled);
                }
            }
        }
    }

    fn ended(&self, output: &Output) -> Result<Vec<u8>, RemoteError> {
        if output.status == 0 { Ok(output.stdout.clone()) } else { Err(self.refused(output)) }
    }

    /// What a script says by its status.
    pub(super) fn refused(&self, output: &Output) -> RemoteError {
        let place = self.place();
        match output.status {
            NO_FOLDER => RemoteError::trouble(
                "no folder",
                format!("{place}: {}", plain::last_line(&output.error_text(), 160)),
                "make it there, or mount what belongs there; hotspare does not",
            ),
            NO_MARKER => RemoteError::trouble(
                "replaced",
                format!("{place} is not the folder that it was: its marker is gone"),
                "is the right disk mounted there?",
            ),
            TAKEN => RemoteError::trouble("taken", place, ""),
            status => {
                let said = plain::last_line(&output.error_text(), 200);
                let why = if said.is_empty() { format!("a command ended with {status}") } else { said };
                RemoteError::trouble("error", format!("{place}: {why}"), "see what is wrong there, then repeat")
            }
        }
    }

    pub(super) fn unreachable(&self, error: &SshError) -> RemoteError {
        let word = if error.kind == SshErrorKind::NoAnswer { "no answer" } else { "unreachable" };
        RemoteError::trouble(word, format!("{}: {}", self.folder.destination, error.what), error.remedy.clone())
    }
}
