//! How a command comes to an engine: the one that runs, or a fresh one.

use super::context::Context;
use super::exit::Failure;
use crate::engine::guest::Guest;
use crate::engine::launch::{self, Launch};
use crate::engine::socket::Socket;

/// Where this command's fleet file and state folder are.
pub fn place(context: &Context) -> Result<Launch, Failure> {
    Ok(Launch::locate(context.fleet.as_deref(), context.state.as_deref())?)
}

/// The engine that runs; `None`: none does.
pub async fn running(context: &Context, place: &Launch) -> Result<Option<Socket>, Failure> {
    Ok(launch::connect(place, guest(context)).await?)
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
    Ok(launch::connect_or_start(place, guest(context)).await?)
}

fn guest(context: &Context) -> Guest {
    Guest::command_line(context.read_only)
}
