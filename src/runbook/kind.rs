//! Kinds of steps, one file each: look, act, look again, undo, over the real world.

pub mod address;
mod ask;
mod command;
mod compose;
mod dns;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod gate;
mod http;
mod late;
mod mysql;
mod replicas;
mod scale;
mod shell;
pub mod silence;
mod wait;
pub mod wire;

use super::deed::{Bit, Found, Trouble};
use super::plan::Act;
use super::tools::Tools;
use gate::Gate;
use scale::Scale;

/// What there is to say when a part of a step went well.
type Said = Result<Option<String>, Trouble>;

pub(super) async fn check(tools: &Tools, bit: Bit<'_>) -> Result<Found, Trouble> {
    match &bit.step.act {
        Act::Command { run } => command::check(tools, bit, run).await,
        Act::Address { take, drop, device } => {
            address::check(tools, bit, &address::Move::new(take.as_deref(), drop.as_deref(), device)).await
        }
        Act::Compose { folder, .. } => compose::check(tools, bit, folder).await,
        Act::Dns { .. } => dns::check(tools, bit).await,
        Act::Http { url, .. } => http::check(tools, bit, url).await,
        Act::MysqlPromote { url } => mysql::check(tools, bit, url).await,
        Act::Wait { check, on, .. } => wait::check(tools, bit, check, on).await,
        Act::Ask { show, .. } => ask::evidence(tools, bit, show.as_deref()).await,
        Act::Scale { service, to, pace } => scale::check(tools, bit, Scale { service, to: *to, pace: *pace }).await,
        Act::Gate { hosts, within, service } => {
            gate::check(tools, bit, Gate { hosts, within: *within, service: service.as_ref() }).await
        }
    }
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>) -> Said {
    match &bit.step.act {
        Act::Command { run } => command::act(tools, bit, run).await,
        Act::Address { take, drop, device } => {
            address::act(tools, bit, &address::Move::new(take.as_deref(), drop.as_deref(), device)).await
        }
        Act::Compose { folder, .. } => compose::act(tools, bit, folder).await,
        Act::Dns { .. } => dns::act(tools, bit).await,
        Act::Http { .. } => http::act(tools, bit).await,
        Act::MysqlPromote { url } => mysql::act(tools, bit, url).await,
        Act::Wait { check, on, within } => wait::act(tools, bit, check, on, *within).await,
        Act::Ask { .. } => Ok(None),
        Act::Scale { service, to, pace } => scale::act(tools, bit, Scale { service, to: *to, pace: *pace }).await,
        Act::Gate { hosts, within, service } => {
            gate::act(tools, bit, Gate { hosts, within: *within, service: service.as_ref() }).await
        }
    }
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>) -> Said {
    match &bit.step.act {
        Act::Command { .. } => command::verify(tools, bit).await,
        Act::Address { take, drop, device } => {
            address::verify(tools, bit, &address::Move::new(take.as_deref(), drop.as_deref(), device)).await
        }
        Act::Compose { folder, .. } => compose::verify(tools, bit, folder).await,
        Act::Dns { .. } => dns::verify(tools, bit).await,
        Act::Http { .. } => http::verify(bit),
        Act::MysqlPromote { url } => mysql::verify(tools, bit, url).await,
        // What only looks has no effect that a second look could find: no answer is a no.
        Act::Wait { .. } | Act::Ask { .. } | Act::Gate { .. } if bit.lost => {
            Err(Trouble::Failed("no answer in time".into()))
        }
        Act::Wait { .. } | Act::Ask { .. } | Act::Gate { .. } => Ok(None),
        Act::Scale { service, to, pace } => scale::verify(tools, bit, Scale { service, to: *to, pace: *pace }).await,
    }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>) -> Said {
    if matches!(bit.step.act, Act::Command { .. } | Act::Address { .. } | Act::Compose { .. }) {
        late::at_rest(tools, bit).await?;
    }
    match &bit.step.act {
        Act::Command { .. } => command::undo(tools, bit).await,
        Act::Address { take, device, .. } => {
            let Some(take) = take else { return Ok(None) };
            address::act(tools, bit, &address::Move::new(None, Some(take), device)).await
        }
        Act::Compose { folder, .. } => compose::undo(tools, bit, folder).await,
        Act::Dns { .. } => dns::undo(tools, bit).await,
        Act::Scale { service, to, pace } => scale::undo(tools, bit, Scale { service, to: *to, pace: *pace }).await,
        Act::Http { .. } | Act::MysqlPromote { .. } | Act::Wait { .. } | Act::Ask { .. } | Act::Gate { .. } => Ok(None),
    }
}

#[cfg(test)]
mod tests;
