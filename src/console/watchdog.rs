//! Ends a console that was told to end and cannot: whose loop waits for a terminal that will never answer.
//!
//! A healthy loop leaves within milliseconds and takes this watch with it; it is never hurried.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::signals::{Called, Signals};
use super::terminal::Terminal;
use super::terminal::line::Line;

/// How long the loop has for leaving.
const PATIENCE: Duration = Duration::from_secs(2);
/// The exit code of a process that a hang-up ends: 128 and the number of SIGHUP.
const HUNG_UP: i32 = 129;

/// The watch. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Watchdog(JoinHandle<()>);

impl Watchdog {
    /// Watches from now on, on another thread than that of the loop.
    pub(super) fn begin(line: Line) -> std::io::Result<Self> {
        let signals = Signals::begin()?;
        Ok(Self(tokio::spawn(async move {
            told_to_end(line, signals).await;
            tokio::time::sleep(PATIENCE).await;
            Terminal::abandon();
            #[expect(clippy::disallowed_methods, reason = "the thread that would return the exit code is stuck")]
            std::process::exit(HUNG_UP);
        })))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn told_to_end(line: Line, mut signals: Signals) {
    tokio::select! {
        () = line.gone() => {}
        () = async { while !matches!(signals.next().await, Called::End(_)) {} } => {}
    }
}
