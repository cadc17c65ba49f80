//! `hotspare pool list`: a line a spare and a line a host that waits.

use std::sync::Arc;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::standin::view::{Past, Pause, PoolView, SpareState, SpareView, Stand};

/// A pool in `pool list --json` and in `status --json`.
#[derive(Serialize)]
pub(in crate::cli) struct Pool<'a> {
    name: &'a str,
    mode: &'a str,
    spares: Vec<Spare<'a>>,
    waiting: Vec<&'a str>,
    hosts: Vec<Host<'a>>,
    paused: Option<&'a Pause>,
    held_back: &'a [String],
    alarms: &'a [String],
    last_takeover: Option<&'a Past>,
    last_drill: Option<&'a Past>,
}

#[derive(Serialize)]
struct Spare<'a> {
    name: &'a str,
    standing_in_for: Option<&'a str>,
    since: Option<Timestamp>,
    by: Option<&'a str>,
    generation: u64,
    state: &'static str,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct Host<'a> {
    name: &'a str,
    stand: &'static str,
    since: Timestamp,
    spare: Option<&'a str>,
    why: &'a str,
    if_it_dies: &'a str,
}

#[derive(Serialize)]
struct Document<'a> {
    pools: Vec<Pool<'a>>,
}

/// What is promised of a pool in JSON.
pub(in crate::cli) fn pool(view: &PoolView) -> Pool<'_> {
    let waits = |stand: Stand| matches!(stand, Stand::Waiting | Stand::Failing);
    Pool {
        name: &view.name,
        mode: &view.mode,
        spares: view.spares.iter().map(spare).collect(),
        waiting: view.hosts.iter().filter(|host| waits(host.stand)).map(|host| host.name.as_str()).collect(),
        hosts: view
            .hosts
            .iter()
            .map(|host| Host {
                name: &host.name,
                stand: host.stand.word(),
                since: host.since,
                spare: host.spare.as_deref(),
                why: &host.why,
                if_it_dies: &host.if_it_dies,
            })
            .collect(),
        paused: view.paused.as_ref(),
        held_back: &view.held_back,
        alarms: &view.alarms,
        last_takeover: view.last_takeover.as_ref(),
        last_drill: view.last_drill.as_ref(),
    }
}

fn spare(view: &SpareView) -> Spare<'_> {
    Spare {
        name: &view.name,
        standing_in_for: view.standing_in_for.as_deref(),
        since: view.since,
        by: view.by.as_deref(),
        generation: view.generation,
        state: view.state.word(),
        reasons: &view.reasons,
    }
}

/// Prints all pools; exit 1 if anything of them needs a person.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let snapshot = Arc::clone(&engine.snapshots().borrow());
        if context.json {
            let pools = snapshot.pools.iter().map(|view| pool(view)).collect();
            context.document(&Document { pools })?;
        } else if snapshot.pools.is_empty() {
            context
                .line("no pools: write [pools.NAME] into the fleet file, with `protects`, `spares` and `takeover`")?;
        } else {
            for view in snapshot.pools.iter() {
                context.print(&text(view, Clock::real().now()))?;
            }
        }
        Ok(if snapshot.pools.iter().all(|view| view.well()) { Exit::Done } else { Exit::Failed })
    })
}

pub(super) fn text(view: &PoolView, now: Timestamp) -> String {
    let mut rows = table::Table::new(["spare", "state", "for", "since", "gen", "by", "why"]);
    for spare in &view.spares {
        rows.row([
            spare.name.clone(),
            if spare.state == SpareState::Active { "standing in".into() } else { spare.state.word().to_owned() },
            spare.standing_in_for.clone().unwrap_or_default(),
            spare.since.map(|since| table::span(now.duration_since(since).as_secs())).unwrap_or_default(),
            spare.generation.to_string(),
            spare.by.clone().unwrap_or_default(),
            spare.reasons.join("; "),
        ]);
    }
    let mut hosts = table::Table::new(["host", "stands", "since", "spare", "why", "if it dies now"]);
    for host in &view.hosts {
        hosts.row([
            host.name.clone(),
            host.stand.word().to_owned(),
            table::span(now.duration_since(host.since).as_secs()),
            host.spare.clone().unwrap_or_default(),
            host.why.clone(),
            host.if_it_dies.clone(),
        ]);
    }
    let mut lines = vec![format!("{} ({})", view.name, view.mode)];
    if let Some(pause) = &view.paused {
        let until = pause.until.map(|until| format!(" until {until:.0}")).unwrap_or_default();
        lines.push(format!("paused by {}{until}: {}", pause.owner, pause.why));
    }
    lines.extend(view.alarms.iter().map(|alarm| format!("alarm: {alarm}")));
    lines.extend(view.held_back.iter().map(|why| format!("automation is held back: {why}")));
    let past = |word: &str, past: &Option<Past>| {
        past.as_ref().map(|past| {
            let ago = table::span(now.duration_since(past.at).as_secs());
            format!(
                "last {word} {ago} ago: {} for {}, {}, {:.2} s{}",
                past.spare,
                past.host,
                past.state.word(),
                past.seconds,
                past.promised.map(|promised| format!(" of {promised:.0} s ({})", past.score())).unwrap_or_default(),
            )
        })
    };
    let tail: Vec<String> =
        [past("takeover", &view.last_takeover), past("drill", &view.last_drill)].into_iter().flatten().collect();
    let mut text = lines.join("\n");
    text.push('\n');
    text.push_str(&hosts.render());
    text.push_str(&rows.render());
    for line in tail {
        text.push_str(&line);
        text.push('\n');
    }
    text
}
