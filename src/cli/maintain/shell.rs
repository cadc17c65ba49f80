//! The work itself: the operator's own ssh with the terminal, while the hold is asked for every few seconds, so that the
//! engine knows that somebody is there.

use std::io::{IsTerminal, Write as _};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::engine::socket::Socket;
use crate::reach::program;
use crate::service::shell;
use crate::service::view::Held;

/// How often the hold is asked for. The engine gives back what nobody asked for in 20 s.
const ASK: Duration = Duration::from_secs(3);
/// Before the end the person is told once.
const WARN: Duration = Duration::from_mins(5);

/// How the work ended.
#[derive(Debug, Default)]
pub(super) struct Worked {
    /// Exit status of ssh, which is that of the command; `None`: a signal ended it.
    pub(super) status: Option<i32>,
    /// Why the locks were gone before the end.
    pub(super) lost: Option<String>,
    /// Somebody told this process to end.
    pub(super) interrupted: bool,
}

/// Runs the shell or the command to its end.
pub(super) async fn work(context: &Context, engine: &Socket, held: &Held, words: &[String]) -> Result<Worked, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("signals cannot be listened to: {error}"));
    // Ctrl-C is for what runs there; it must not end this before the locks are back.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut child = begin(context, held, words)?;
    let mut asking = tokio::time::interval(ASK);
    asking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let clock = Clock::real();
    let (mut worked, mut warned) = (Worked::default(), false);
    loop {
        tokio::select! {
            status = child.wait() => {
                worked.status = status.ok().and_then(|status| status.code());
                return Ok(worked);
            }
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => return Ok(ended(child, worked).await),
            _ = terminate.recv() => return Ok(ended(child, worked).await),
            _ = asking.tick(), if worked.lost.is_none() => {
                worked.lost = gone(engine, held, clock.now()).await;
                if let Some(lost) = &worked.lost {
                    tell(&format!("the locks of {} are gone: {lost}", held.service));
                }
                let left = held.hold.until.duration_since(clock.now());
                if !warned && worked.lost.is_none() && left < WARN.try_into().unwrap_or_default() && long(held) {
                    warned = true;
                    tell(&format!("{} min are left, then {} gives the locks back", WARN.as_secs() / 60, held.host));
                }
            }
        }
    }
}

/// Whether it was to last so long that a warning before its end is of use.
fn long(held: &Held) -> bool {
    held.hold.until.duration_since(held.hold.since).unsigned_abs() > WARN * 2
}

/// Asks for the hold. Why it is gone; `None`: it stands.
async fn gone(engine: &Socket, held: &Held, now: Timestamp) -> Option<String> {
    let query = Query::Hold { service: held.service.clone(), generation: held.hold.generation };
    match engine.query(query).await {
        Ok(Answer::Hold { hold: Some(_) }) => None,
        Ok(_) if now >= held.hold.until => Some("the time is over".into()),
        Ok(_) => Some("the engine does not hold them any more; `hotspare journal` says why".into()),
        Err(refusal) => Some(format!("the engine is gone, and the host gives them back: {}", refusal.what)),
    }
}

/// The operator's own ssh, with everything that they have configured.
fn begin(context: &Context, held: &Held, words: &[String]) -> Result<Child, Failure> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !context.json;
    let mut command = program::foreground("ssh");
    command.args(shell::arguments(&held.ssh, &held.service, words, terminal));
    if context.json {
        // Standard output is for the document alone.
        command.stdout(Stdio::from(std::io::stderr()));
    }
    command.spawn().map_err(|error| {
        Failure::failed(format!("ssh cannot be started: {error}")).hint("apt-get install openssh-client")
    })
}

/// Ends ssh, and what runs there loses its terminal.
async fn ended(mut child: Child, worked: Worked) -> Worked {
    let _ended_already = child.start_kill();
    let _status = child.wait().await;
    Worked { interrupted: true, ..worked }
}

/// Says something while ssh has the terminal in its hands, which then returns to the first column only where it is told to.
fn tell(text: &str) {
    let text = crate::reach::plain::one_line(text);
    let _gone = write!(std::io::stderr().lock(), "\r\nhotspare: {text}\r\n");
}
