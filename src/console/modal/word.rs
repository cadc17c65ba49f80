//! What a person says of a pool under their name: that a host is off, that a spare is clean, that something was seen.
//!
//! hotspare cannot prove these. Each names what goes wrong if it is not true.

use super::confirm::Confirm;
use crate::console::format;
use crate::console::world::World;
use crate::engine::command::Command;
use crate::standin::view::PoolView;

/// The oath: a host is off.
pub fn swear(pool: &PoolView, host: &str, world: &World) -> Confirm {
    let mut lines = Vec::new();
    if let Some(view) = world.newest.host(host) {
        let since = format::moment(view.since, world.now, &world.zone);
        let why = view.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("{host} is {} since {since}{why}", view.health.word()));
        for owner in pool.owners.iter().filter(|owner| view.service.as_ref().is_some_and(|at| same(at, &owner.address)))
        {
            let who = if owner.held_by.is_empty() { "nobody".to_owned() } else { owner.held_by.join(" and ") };
            lines.push(format!("{} is held by {who}", owner.address));
        }
        lines.push(String::new());
    }
    lines.push(format!("Your word stands where a proof is missing: {host} is off, or cannot reach the network."));
    lines.push("If it still runs, two machines will own its address, and both will serve.".into());
    lines.push("Look at it, or at its switch port, before you type. It holds for this outage only.".into());
    let command = Command::PoolSwear { pool: pool.name.clone(), host: host.to_owned(), phrase: host.to_owned() };
    let title = format!("Swear that {host} is off?");
    Confirm::typed(title, lines, host.to_owned(), " It is off ", vec![command])
}

/// Whether an address with its prefix length is this one.
fn same(service: &str, address: &str) -> bool {
    service.split('/').next() == Some(address)
}

/// A spare on which something failed is clean.
pub fn clear(pool: &PoolView, spare: &str) -> Confirm {
    let mut lines = Vec::new();
    if let Some(view) = pool.spares.iter().find(|view| view.name == spare) {
        lines.extend(view.reasons.iter().cloned());
        lines.push(format!("generation {}", view.generation));
        lines.push(String::new());
    }
    lines.push(format!("{spare} becomes free again, and may take the place of the next host that fails."));
    lines.push("If it still serves or holds an address of another, two machines may own it.".into());
    lines.push("Look at it before you type: addresses, services, disk.".into());
    let command = Command::PoolClear { pool: pool.name.clone(), spare: spare.to_owned(), phrase: spare.to_owned() };
    Confirm::typed(format!("Is {spare} clean?"), lines, spare.to_owned(), " It is clean ", vec![command])
}

/// What happened was seen. What happens while it is read is not: it is shown before anything is sent.
pub fn acknowledge(pool: &PoolView) -> Confirm {
    let (lines, commands) = happened(pool);
    let title = format!("Acknowledge what happened in {}?", pool.name);
    Confirm::button(title, lines, " I have seen it ", commands)
        .anew(&pool.name, |name, world| world.newest.pool(name).map(|pool| happened(pool)))
}

fn happened(pool: &PoolView) -> (Vec<String>, Vec<Command>) {
    let mut lines: Vec<String> = pool.held_back.iter().map(|why| format!("held back: {why}")).collect();
    lines.extend(pool.alarms.iter().cloned());
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(format!("You have seen what happened in {}: its cool-down ends, its brake is armed again,", pool.name));
    lines.push("and another automatic attempt is allowed for every host. It may act at once.".into());
    (lines, vec![Command::PoolAcknowledge { pool: pool.name.clone() }])
}
