//! How a command comes to an engine: the one that runs, or a fresh one.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::{Accepted, Command};
use crate::engine::guest::Guest;
use crate::engine::launch::{self, Launch};
use crate::engine::lock::Lock;
use crate::engine::socket::Socket;
use crate::engine::start::{Config, Engine, StartError};
use crate::reach::ssh::SshOptions;

/// Who holds the lease is known within this, or nobody can be asked.
const LEASE_WITHIN: Duration = Duration::from_secs(5);

/// Where this command's fleet file and state folder are.
pub fn place(context: &Context) -> Result<Launch, Failure> {
    let place = Launch::locate(context.fleet.as_deref(), context.state.as_deref())?;
    if let Ok(fleet) = &place.fleet {
        context.detail(&format!("fleet file {}", fleet.display()));
    }
    context.detail(&format!("state folder {}", place.state.path().display()));
    Ok(place)
}

/// The engine that runs; `None`: none does.
pub async fn running(context: &Context, place: &Launch) -> Result<Option<Socket>, Failure> {
    let engine = launch::connect(place, guest(context)).await?;
    match &engine {
        Some(engine) => compare(context, place, engine),
        None => context.detail("no engine runs"),
    }
    Ok(engine)
}

/// The engine that runs, or an error that says how to start one.
pub async fn needed(context: &Context, place: &Launch) -> Result<Socket, Failure> {
    running(context, place).await?.ok_or_else(|| {
        Failure::failed(format!("no engine runs for the state folder {}", place.state.path().display()))
            .hint("start one with `hotspare` or `hotspare engine`")
    })
}

/// The engine that runs, or one that is started as the console starts it, which is told: it goes on after the command.
pub async fn started(context: &Context, place: Launch) -> Result<Socket, Failure> {
    let before = Lock::holder(&place.state.lock());
    let engine = launch::connect_or_start(place.clone(), guest(context)).await?;
    compare(context, &place, &engine);
    let pid = engine.snapshots().borrow().head.engine.pid;
    // Where the lock is another user's, nobody here could have started it.
    let blind = std::fs::File::open(place.state.lock()).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if before != Some(Some(pid)) && !blind {
        context.tell(&format!("hotspare: started the engine (pid {pid}); `hotspare engine stop` ends it"));
    }
    Ok(engine)
}

/// An engine that may act: the one that runs, or one that is started. Whoever holds the lease is known a moment after an engine
/// has begun, and what is ordered in that moment would be refused for that alone.
pub async fn to_act(context: &Context) -> Result<Socket, Failure> {
    let engine = started(context, place(context)?).await?;
    let mut shown = engine.snapshots();
    // An engine that takes it is named before it holds it.
    let own = format!(":{}:", shown.borrow().head.engine.pid);
    let known = shown.wait_for(|shown| {
        let lease = &shown.head.lease;
        lease.held || lease.by.as_ref().is_some_and(|by| !by.contains(&own))
    });
    // Where nobody is known by then, the order is refused with the reason.
    let _as_it_is = tokio::time::timeout(LEASE_WITHIN, known).await;
    Ok(engine)
}

/// Sends a command that takes no time and prints what the engine says.
pub fn told(context: &Context, command: Command) -> Result<Exit, Failure> {
    context.block_on(async {
        let engine = started(context, place(context)?).await?;
        let accepted = engine.command(command).await?;
        said(context, &accepted)
    })
}

/// Prints what the engine said of a command that it took.
pub fn said(context: &Context, accepted: &Accepted) -> Result<Exit, Failure> {
    if context.json {
        context.document(&serde_json::json!({ "said": accepted.said }))?;
    } else {
        context.line(&accepted.said)?;
    }
    Ok(Exit::Done)
}

/// An engine for one command.
pub struct Joined {
    /// The way to it.
    pub engine: Socket,
    own: Option<Engine>,
}

impl Joined {
    /// The command is over; an engine that was there before goes on.
    pub async fn leave(self) {
        if let Some(own) = self.own {
            own.stop("command line").await;
        }
    }
}

/// The engine that runs, or one in this process that does nothing but what it is asked and ends with the command.
pub async fn for_this_alone(context: &Context, place: Launch) -> Result<Joined, Failure> {
    let (engine, own) = or_in_process(context, place, true).await?;
    Ok(Joined { engine, own })
}

/// The engine that runs, or one in this process: a quiet one does nothing but what it is asked.
pub async fn or_in_process(context: &Context, place: Launch, quiet: bool) -> Result<(Socket, Option<Engine>), Failure> {
    if let Some(engine) = running(context, &place).await? {
        return Ok((engine, None));
    }
    let config = Config {
        fleet: place.fleet.clone()?,
        state: Some(place.state.path().to_owned()),
        detached: false,
        quiet,
        clock: Clock::real(),
        ssh: SshOptions::default(),
    };
    let own = Engine::start(config).await.map_err(|error| {
        let failure = match error {
            StartError::Fleet(_) => Failure::usage(error.to_string()),
            _ => Failure::failed(error.to_string()),
        };
        failure.hint(error.hint())
    })?;
    let engine = launch::connect(&place, guest(context)).await?;
    let engine = engine.ok_or_else(|| Failure::failed("the engine of this command does not answer"))?;
    Ok((engine, Some(own)))
}

/// Tells when the engine of the state folder looks after another fleet file than the one that was named.
fn compare(context: &Context, place: &Launch, engine: &Socket) {
    let (theirs, pid, version) = {
        let snapshot = engine.snapshots();
        let head = &snapshot.borrow().head;
        (head.file.path.clone(), head.engine.pid, head.engine.version.clone())
    };
    context.detail(&format!("joined the engine (pid {pid}, version {version})"));
    let ours = env!("CARGO_PKG_VERSION");
    if version != ours {
        context.tell(&format!(
            "hotspare: the engine is of version {version}, this program of {ours}: `hotspare engine restart` makes them one"
        ));
    }
    let Ok(fleet) = &place.fleet else { return };
    let same = |ours: std::io::Result<PathBuf>| ours.is_ok_and(|ours| theirs.canonicalize().is_ok_and(|it| it == ours));
    if theirs != *fleet && !same(fleet.canonicalize()) {
        context.tell(&format!("hotspare: the engine of this state folder looks after {}", theirs.display()));
    }
}

fn guest(context: &Context) -> Guest {
    Guest::command_line(context.read_only)
}
