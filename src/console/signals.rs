//! The signals that a console answers: ending, stopping, going on.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ConsoleEnd;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// To end.
    End(ConsoleEnd),
    /// To go back to the shell.
    Stop,
    /// To draw again: it has been continued.
    GoOn,
}

/// Listens to the signals, as long as it lives. Several may listen; each hears all.
pub(super) struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn begin() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Called {
        tokio::select! {
            _ = self.hang_up.recv() => Called::End(ConsoleEnd::HungUp),
            _ = self.terminate.recv() => Called::End(ConsoleEnd::Terminated),
            _ = self.interrupt.recv() => Called::End(ConsoleEnd::Terminated),
            _ = self.stop.recv() => Called::Stop,
            _ = self.go_on.recv() => Called::GoOn,
        }
    }
}
