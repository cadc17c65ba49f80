//! `hotspare maintain`: all locks of a service, a shell on its host, and the locks back.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, join, span, table};
use crate::clock::{Clock, Timestamp};
use crate::console::shell::{self, Manner, Work, Worked};
use crate::engine::client::Client;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::service::view::{Held, HolderView, ModuleState, Released};
use crate::work::view::JobId;

/// Arguments of `hotspare maintain`.
#[derive(Debug, Args)]
pub struct MaintainArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Why, for the others
    #[arg(long, value_name = "WHY", default_value = "no reason given")]
    why: String,
    /// How long at most, such as 2h: then the host itself gives the locks back
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = span::read)]
    time: Duration,
    /// How long to wait for a lock that somebody else holds
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = span::read)]
    timeout: Duration,
    /// Run this on the host instead of a shell; one word is text for the host's shell, several are a program and its arguments
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    service: &'a str,
    host: &'a str,
    since: Timestamp,
    until: Timestamp,
    /// How the shell or the command ended; `null`: by a signal.
    status: Option<i32>,
    /// Why the locks did not last until the end of the work.
    lost: Option<&'a str>,
    /// Whether it was read back that the locks are free.
    free: Option<bool>,
}

/// Locks, works, unlocks. Exit 3 where a lock is somebody else's or a pid file is not there; 1 where the command failed, or
/// the locks did not last until its end.
pub fn run(context: &Context, args: &MaintainArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let until = Clock::real().now().checked_add(args.time);
        let until = until.map_err(|_overflow| Failure::usage("a maintenance cannot be this long"))?;
        let engine = join::started(context, join::place(context)?).await?;
        let command = Command::ServiceHold {
            service: args.service.clone(),
            why: args.why.clone(),
            until,
            patience: args.timeout.as_secs(),
        };
        let held = hold(context, &engine, command).await?;
        introduce(context, &held, &args.command);
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !context.json;
        // With --json standard output is for the document alone.
        let manner = Manner { command: &args.command, terminal, aside: context.json };
        let work = Work {
            service: held.service.clone(),
            host: held.host.clone(),
            ssh: held.ssh.clone(),
            hold: held.hold.clone(),
            words: Vec::new(),
        };
        let worked = shell::work(&engine, &work, manner, &Clock::real()).await;
        // What is over already cannot be given back.
        let over = worked.as_ref().is_ok_and(|worked| worked.lost.is_some());
        let released = if over { None } else { Some(release(context, &engine, &held).await) };
        let worked = worked.map_err(|error| {
            Failure::failed(format!("ssh cannot be started: {error}")).hint("apt-get install openssh-client")
        })?;
        conclude(context, args, &held, &worked, released)
    })
}

/// Takes the locks. Whoever is interrupted while they are being taken has none afterwards.
async fn hold(context: &Context, engine: &Socket, command: Command) -> Result<Held, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::failed(format!("signals cannot be heard: {error}")));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = tokio::select! {
        ended = follow::ended(context, engine, job) => ended?,
        _ = interrupt.recv() => return Err(let_go(context, engine, job).await),
        _ = hang_up.recv() => return Err(let_go(context, engine, job).await),
        _ = terminate.recv() => return Err(let_go(context, engine, job).await),
    };
    match follow::report(engine, &ended).await? {
        Report::ServiceHeld { held } => Ok(*held),
        Report::Refused { why } => Err(Failure::refused(why)),
        _ => Err(other()),
    }
}

/// Ends the job; where it had come to its end by then, what it holds is given back.
async fn let_go(context: &Context, engine: &Socket, job: JobId) -> Failure {
    context.tell("hotspare: interrupted; the job is asked to end");
    // One that has ended cannot be cancelled, and is looked at all the same.
    let _ended_already = engine.command(Command::Cancel { job }).await;
    let ended = tokio::time::timeout(follow::END_WITHIN, follow::ended(context, engine, job)).await;
    let held = match ended {
        Ok(Ok(ended)) => match follow::report(engine, &ended).await {
            Ok(Report::ServiceHeld { held }) => held,
            _ => return Failure::interrupted(),
        },
        _ => {
            return Failure::interrupted()
                .hint("whether the locks are held is not known: `hotspare service list` says it");
        }
    };
    match release(context, engine, &held).await {
        Ok(_read_back) => Failure::interrupted(),
        Err(failure) => Failure::interrupted().hint(format!(
            "the locks may still be held ({}): hotspare service release {}",
            failure.message, held.service
        )),
    }
}

/// Gives it back. What is still there of the command is ended before.
async fn release(context: &Context, engine: &Socket, held: &Held) -> Result<Released, Failure> {
    let (service, generation) = (held.service.clone(), Some(held.hold.generation));
    match report(context, engine, Command::ServiceRelease { service, generation }).await? {
        Report::ServiceReleased { released } => Ok(released),
        _ => Err(other()),
    }
}

/// Sends a command and follows its job; what a safety check refuses is an error of its own.
pub(super) async fn report(context: &Context, engine: &Socket, command: Command) -> Result<Report, Failure> {
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = follow::ended_or_cancelled(context, engine, job).await?;
    match follow::report(engine, &ended).await? {
        Report::Refused { why } => Err(Failure::refused(why)),
        report => Ok(report),
    }
}

/// Says what is held and what runs, before the screen is the shell's.
fn introduce(context: &Context, held: &Held, command: &[String]) {
    let count = held.modules.len();
    let locks = if count == 1 { "its lock is".to_owned() } else { format!("its {count} locks are") };
    let mut rows = table::Table::new(["  module", "state", "pid", "command"]);
    for module in &held.modules {
        rows.row([
            format!("  {}", module.name),
            module.state.word().to_owned(),
            module.pid.map(|pid| pid.to_string()).unwrap_or_default(),
            module.command.clone(),
        ]);
    }
    let left = held.hold.until.duration_since(held.hold.since).as_secs();
    context.tell(&format!(
        "hotspare: {} on {}: {locks} held until {:.0} ({})",
        held.service,
        held.host,
        held.hold.until,
        table::span(left)
    ));
    context.tell(rows.render().trim_end());
    let live = held.modules.iter().filter(|module| module.state == ModuleState::Running);
    let live: Vec<String> = live.filter_map(|module| module.pid).map(|pid| pid.to_string()).collect();
    if !live.is_empty() {
        let (name, pids) = (&held.service, live.join(" "));
        context
            .tell(&format!("hotspare: `hotspare service stop {name}` elsewhere stops them; by hand: kill -INT {pids}"));
    }
    context.tell(&format!("hotspare: nothing is decided about {} by itself meanwhile", held.host));
    if command.is_empty() {
        context.tell(&format!("hotspare: your shell on {} follows; leave it to give the locks back", held.host));
    }
}

fn conclude(
    context: &Context,
    args: &MaintainArgs,
    held: &Held,
    worked: &Worked,
    released: Option<Result<Released, Failure>>,
) -> Result<Exit, Failure> {
    let released = released.transpose()?;
    let free = released.as_ref().and_then(|released| released.free);
    if context.json {
        context.document(&Document {
            service: &held.service,
            host: &held.host,
            since: held.hold.since,
            until: held.hold.until,
            status: worked.status,
            lost: worked.lost.as_deref(),
            free,
        })?;
    }
    if let Some(released) = &released {
        if let Some(words) = released.left.words() {
            context.tell(&format!("hotspare: {}: {words}", held.host));
        }
        let who: Vec<String> = released.holders.iter().map(HolderView::said).collect();
        context.tell(&match (free, who.is_empty()) {
            (Some(true), true) => format!("hotspare: {}: the locks are free, read back", held.service),
            (Some(true), false) => {
                format!("hotspare: {}: the locks were given back; held now by {}", held.service, who.join(", "))
            }
            (Some(false), _) => format!("hotspare: {}: a lock is still held by {}", held.service, who.join(", ")),
            (None, _) => format!("hotspare: {} cannot be asked; it lets go by itself within 30 s", held.host),
        });
    }
    match verdict(args, held, worked, free) {
        // The document is out already, and there is one.
        Err(failure) if context.json => {
            context.tell(&format!("hotspare: {}", failure.message));
            Ok(failure.exit)
        }
        verdict => verdict,
    }
}

/// How the work ended, once the locks are given back.
fn verdict(args: &MaintainArgs, held: &Held, worked: &Worked, free: Option<bool>) -> Result<Exit, Failure> {
    if let Some(lost) = &worked.lost {
        return Err(Failure::failed(format!("the locks of {} did not last until the end: {lost}", held.service))
            .hint("look what its modules did meanwhile: `hotspare service list`, `hotspare journal`"));
    }
    if worked.interrupted {
        let what = if args.command.is_empty() { "the shell" } else { "the command" };
        let message = format!("{what} on {} was interrupted", held.host);
        return Err(Failure { message, ..Failure::interrupted() });
    }
    let ended = |status: Option<i32>| status.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
    match worked.status {
        Some(255) => Err(Failure::failed(format!("ssh {} ended with 255: no connection, or it broke", held.ssh))
            .hint(format!("try it by hand: ssh {}", held.ssh))),
        // A shell ends with what its last command did.
        status if status != Some(0) && !args.command.is_empty() => {
            Err(Failure::failed(format!("the command on {} ended {}", held.host, ended(status))))
        }
        _ if free == Some(false) => Ok(Exit::Failed),
        _ => Ok(Exit::Done),
    }
}

pub(super) fn other() -> Failure {
    Failure::failed("the engine answered something else; its version may differ")
}
