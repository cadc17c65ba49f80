//! The operator's own ssh with the terminal, while the hold of a service is asked for every few seconds, so that the engine
//! knows that somebody is there. For the console, which suspends, and for the command line.

use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::reach::{plain, program};
use crate::service::shell;
use crate::service::view::HoldView;

/// How often the hold is asked for. The engine gives back what nobody asked for in 20 s.
const ASK: Duration = Duration::from_secs(3);
/// So long before the end the person is told once.
const WARN: Duration = Duration::from_mins(5);

/// How a shell says that its command was ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// What is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The service.
    pub service: String,
    /// Its host.
    pub host: String,
    /// The destination for the ssh client.
    pub ssh: String,
    /// The hold.
    pub hold: HoldView,
    /// What is said before the shell begins, a line each.
    pub words: Vec<String>,
}

/// How the work ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worked {
    /// Exit status of ssh, which is that of the command; `None`: a signal ended it.
    pub status: Option<i32>,
    /// Why the locks were gone before the end.
    pub lost: Option<String>,
    /// Somebody told this process, or what ran there, to end.
    pub interrupted: bool,
}

/// How ssh is begun.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'a> {
    /// A command instead of a shell.
    pub command: &'a [String],
    /// With a terminal on the host.
    pub terminal: bool,
    /// What it prints goes to standard error.
    pub aside: bool,
}

/// Runs the shell or the command to its end.
pub async fn work(client: &dyn Client, work: &Work, manner: Manner<'_>, clock: &Clock) -> io::Result<Worked> {
    // Ctrl-C is for what runs there; it must not end this before the locks are back.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = begin(work, manner)?;
    let mut asking = tokio::time::interval(ASK);
    asking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut worked, mut warned, mut key) = (Worked::default(), false, false);
    loop {
        tokio::select! {
            status = child.wait() => {
                worked.status = status?.code();
                // What was begun there and ended by a signal says so by its number, as a shell does.
                let there = worked.status == Some(INTERRUPTED) && !manner.command.is_empty();
                worked.interrupted = there || key && matches!(worked.status, None | Some(255));
                if worked.lost.is_none() {
                    worked.lost = gone(client, work, clock.now()).await;
                }
                return Ok(worked);
            }
            _ = interrupt.recv() => key = true,
            _ = hang_up.recv() => return Ok(ended(child, worked).await),
            _ = terminate.recv() => return Ok(ended(child, worked).await),
            _ = asking.tick(), if worked.lost.is_none() => {
                worked.lost = gone(client, work, clock.now()).await;
                if let Some(lost) = &worked.lost {
                    tell(&format!("the locks of {} are gone: {lost}", work.service));
                } else if !warned && soon_over(&work.hold, clock.now()) {
                    warned = true;
                    tell(&format!("{} min are left, then {} gives the locks back", WARN.as_secs() / 60, work.host));
                }
            }
        }
    }
}

/// Whether it ends soon, of one that was to last so long that a warning is of use.
fn soon_over(hold: &HoldView, now: Timestamp) -> bool {
    let left = hold.until.duration_since(now).unsigned_abs();
    left < WARN && hold.until.duration_since(hold.since).unsigned_abs() > WARN * 2
}

/// Asks for the hold. Why it is gone; `None`: it stands.
async fn gone(client: &dyn Client, work: &Work, now: Timestamp) -> Option<String> {
    let query = Query::Hold { service: work.service.clone(), generation: work.hold.generation };
    match client.query(query).await {
        Ok(Answer::Hold { hold: Some(_) }) => None,
        Ok(_) if now >= work.hold.until => Some("the time is over".into()),
        Ok(_) => Some("the engine does not hold them any more; `hotspare journal` says why".into()),
        Err(refusal) => Some(format!("the engine is gone, and the host gives them back: {}", refusal.what)),
    }
}

/// The operator's own ssh, with everything that they have configured.
fn begin(work: &Work, manner: Manner<'_>) -> io::Result<Child> {
    let mut command = program::foreground("ssh");
    let since = work.hold.since;
    command.args(shell::arguments(&work.ssh, &work.service, since, manner.command, manner.terminal));
    if manner.aside {
        command.stdout(Stdio::from(io::stderr()));
    }
    command.spawn()
}

/// Ends ssh, and what runs there loses its terminal.
async fn ended(mut child: Child, worked: Worked) -> Worked {
    let _ended_already = child.start_kill();
    let _status = child.wait().await;
    Worked { interrupted: true, ..worked }
}

/// Says something while ssh has the terminal in its hands, which then returns to the first column only where it is told to.
fn tell(text: &str) {
    let text = plain::one_line(text);
    let _gone = write!(io::stderr().lock(), "\r\nhotspare: {text}\r\n");
}

/// Says what begins, on a terminal that is nobody's at the moment.
pub fn introduce(words: &[String]) {
    let mut err = io::stderr().lock();
    for line in words {
        let _gone = writeln!(err, "{}", plain::one_line(line));
    }
}
