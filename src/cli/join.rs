//! How a command comes to an engine: the one that runs, or a fresh one.

use std::path::Path;

use super::context::Context;
use super::exit::Failure;
use crate::engine::client::Client;
use crate::engine::guest::Guest;
use crate::engine::launch::{self, Launch};
use crate::engine::socket::Socket;

/// Where this command's fleet file and state folder are.
pub fn place(context: &Context) -> Result<Launch, Failure> {
    Ok(Launch::locate(context.fleet.as_deref(), context.state.as_deref())?)
}

/// The engine that runs; `None`: none does.
pub async fn running(context: &Context, place: &Launch) -> Result<Option<Socket>, Failure> {
    let engine = launch::connect(place, guest(context)).await?;
    if let Some(engine) = &engine {
        compare(context, &place.fleet, engine);
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

/// The engine that runs, or one that is started as the console starts it.
pub async fn started(context: &Context, place: Launch) -> Result<Socket, Failure> {
    let fleet = place.fleet.clone();
    let engine = launch::connect_or_start(place, guest(context)).await?;
    compare(context, &fleet, &engine);
    Ok(engine)
}

/// Tells when the engine of the state folder looks after another fleet file than the one that was named.
fn compare(context: &Context, fleet: &Path, engine: &Socket) {
    let theirs = engine.snapshots().borrow().head.file.path.clone();
    if theirs != fleet {
        context.tell(&format!("hotspare: the engine of this state folder looks after {}", theirs.display()));
    }
}

fn guest(context: &Context) -> Guest {
    Guest::command_line(context.read_only)
}
