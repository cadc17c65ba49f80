//! `hotspare status`: hosts in one table, feeds and dumps in others, or a line a change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, table};
use crate::clock::Clock;
use crate::dump::view::DumpState;
use crate::engine::client::{Client, Link};
use crate::engine::snapshot::Snapshot;
use crate::feed::view::FeedState;
use crate::fleet::nearest;
use crate::health::observation::Outcome;
use crate::health::view::{CheckView, Health, HostView};
use crate::reach::plain;
use crate::standin::view::{PoolView, SpareState, Stand};

mod document;
mod dumps;
mod feeds;

/// Arguments of `hotspare status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only these hosts
    hosts: Vec<String>,
    /// Go on, with one line for each change
    #[arg(short, long)]
    watch: bool,
}

/// What is to be known of hosts, feeds and dumps is known within this.
const ASKED_WITHIN: Duration = Duration::from_secs(10);

/// Prints what is believed of hosts, feeds and dumps; exit 1 if anything is not well.
pub fn run(context: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let client = join::started(context, place).await?;
        let snapshot = asked_once(&client, &args.hosts).await?;
        if args.watch {
            return watch(context, &client, &args.hosts, &snapshot).await;
        }
        if context.json {
            context.document(&document::of(&snapshot, &args.hosts, Clock::real().now()))?;
        } else {
            context.painted(&lines(&snapshot, &args.hosts))?;
        }
        Ok(if well(&snapshot, &args.hosts) { Exit::Done } else { Exit::Failed })
    })
}

/// The first snapshot in which everything about these hosts, and without names about the feeds and dumps, is settled, or the one at the end of our patience.
async fn asked_once(client: &impl Client, names: &[String]) -> Result<Arc<Snapshot>, Failure> {
    let mut snapshots = client.snapshots();
    known(&snapshots.borrow(), names)?;
    let all_settled = |snapshot: &Arc<Snapshot>| {
        let carried = snapshot.feeds.iter().all(|feed| feed.state != FeedState::Starting);
        let dumped = snapshot.dumps.iter().all(|dump| dump.state != DumpState::Starting);
        (!names.is_empty() || carried && dumped) && chosen(snapshot, names).all(|host| settled(host))
    };
    let _some_are_slow = tokio::time::timeout(ASKED_WITHIN, snapshots.wait_for(all_settled)).await.is_err();
    let snapshot = Arc::clone(&snapshots.borrow());
    Ok(snapshot)
}

/// Whether every check has run, and no failure waits for a second one to count. A script that asks an engine which has
/// just started must hear that a host fails, not that nothing is known or that all is well.
fn settled(host: &HostView) -> bool {
    let asked = host.checks.iter().all(|check| check.at.is_some());
    let failing = host.checks.iter().any(|check| check.result == Outcome::Fail);
    asked && !(failing && matches!(host.health, Health::Unknown | Health::Up))
}

/// Every name is a host's.
fn known(snapshot: &Snapshot, names: &[String]) -> Result<(), Failure> {
    for name in names {
        if snapshot.host(name).is_some() {
            continue;
        }
        let failure = Failure::usage(format!("there is no host {name} in {}", snapshot.head.fleet));
        return Err(match nearest(name, snapshot.hosts.iter().map(|host| host.name.as_str())) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure.hint("`hotspare status` lists all hosts"),
        });
    }
    Ok(())
}

fn chosen<'a>(snapshot: &'a Snapshot, names: &'a [String]) -> impl Iterator<Item = &'a Arc<HostView>> {
    snapshot.hosts.iter().filter(move |host| names.is_empty() || names.contains(&host.name))
}

fn well(snapshot: &Snapshot, names: &[String]) -> bool {
    if names.is_empty() {
        return snapshot.healthy();
    }
    chosen(snapshot, names).all(|host| matches!(host.health, Health::Up | Health::Maintenance))
}

/// Lines with their colours.
fn lines(snapshot: &Snapshot, names: &[String]) -> Vec<(Option<&'static str>, String)> {
    let now = Clock::real().now();
    let mut hosts: Vec<&Arc<HostView>> = chosen(snapshot, names).collect();
    // What is wrong comes first; the order of the file otherwise.
    hosts.sort_by_key(|host| host.health);
    let mut table = table::Table::new(["", "host", "health", "since", "checks", "latency or reason"]);
    for host in &hosts {
        let (passing, all) = host.passing();
        table.row([
            glyph(host.health).to_string(),
            host.name.clone(),
            host.health.word().to_owned(),
            table::span(now.duration_since(host.since).as_secs()),
            format!("{passing}/{all}"),
            why(host).unwrap_or_else(|| latency(host)),
        ]);
    }
    let colours = std::iter::once(None).chain(hosts.iter().map(|host| Some(colour(host.health))));
    let mut lines: Vec<_> = colours.zip(table.render().lines().map(str::to_owned)).collect();
    if names.is_empty() && !snapshot.feeds.is_empty() {
        lines.push((None, String::new()));
        lines.extend(feeds::lines(snapshot));
        lines.push((None, String::new()));
    }
    if names.is_empty() && !snapshot.dumps.is_empty() {
        if snapshot.feeds.is_empty() {
            lines.push((None, String::new()));
        }
        lines.extend(dumps::lines(snapshot, now));
        lines.push((None, String::new()));
    }
    lines.push((None, format!("{}: {}", snapshot.head.fleet, counts(snapshot))));
    lines.extend(troubles(snapshot).into_iter().map(|trouble| (None, plain::one_line(&trouble))));
    lines
}

/// "5 up, 1 down", worst first.
fn counts(snapshot: &Snapshot) -> String {
    let counts: Vec<String> = Health::ALL
        .into_iter()
        .map(|health| (snapshot.count(health), health))
        .filter(|(count, _)| *count > 0)
        .map(|(count, health)| format!("{count} {}", health.word()))
        .collect();
    let hosts = if counts.is_empty() { "no hosts".into() } else { counts.join(", ") };
    let all = std::iter::once(hosts).chain(feeds::counts(snapshot)).chain(dumps::counts(snapshot));
    all.collect::<Vec<_>>().join("; ")
}

/// What is wrong beyond the hosts, one a line.
fn troubles(snapshot: &Snapshot) -> Vec<String> {
    let head = &snapshot.head;
    let mut lines: Vec<String> = head.alarms.iter().map(|alarm| format!("alarm: {alarm}")).collect();
    lines.extend(head.file.refused.iter().map(|refused| format!("fleet file refused: {refused}")));
    lines.extend(head.engine.frozen.iter().map(|freeze| format!("automatic decisions are suspended: {}", freeze.why)));
    // What is owed is an alarm already.
    lines.extend(snapshot.pools.iter().flat_map(|pool| of_pool(pool)));
    let waits = snapshot.runs.iter().filter(|run| !run.well() && (run.owed.is_empty() || !run.state.ended()));
    lines.extend(waits.map(|run| {
        let next = run.question.as_ref().map(|question| question.text.clone()).or_else(|| run.next.clone());
        format!("run {} of {} is {}: {}", run.id, run.runbook, run.state.word(), next.unwrap_or_default())
    }));
    if let (false, Some(why)) = (head.lease.held, &head.lease.why) {
        lines.push(format!("the lease is not held: {why}"));
    }
    lines
}

/// Who of a pool does not serve, or could not: without it a status with every host up would end with 1 and say nothing.
fn of_pool(pool: &PoolView) -> Vec<String> {
    let hosts = pool.hosts.iter().filter(|host| host.stand != Stand::Serving);
    let hosts = hosts.map(|host| format!("pool {}: {} is {}: {}", pool.name, host.name, host.stand.word(), host.why));
    let spares = pool.spares.iter().filter(|spare| spare.state != SpareState::Ready);
    let spares = spares.map(|spare| {
        let why = if spare.reasons.is_empty() { String::new() } else { format!(": {}", spare.reasons.join("; ")) };
        format!("pool {}: {} is {}{why}", pool.name, spare.name, spare.state.word())
    });
    let alarms = pool.alarms.iter().map(|alarm| format!("pool {}: {alarm}", pool.name));
    let asks = pool.run.as_ref().and_then(|run| Some((run, run.question.as_ref()?)));
    let asks = asks.map(|(run, question)| {
        let how = run.answered_by();
        format!("pool {}: run {} asks: {} (`{how} yes` or `no`)", pool.name, run.id, question.text)
    });
    asks.into_iter().chain(alarms).chain(hosts).chain(spares).collect()
}

/// The first check that does not pass, by name, and how many more there are; vital ones and failures first. A host that is
/// up may have one too: what cannot be asked does not make it worse, but is worth knowing.
fn why(host: &HostView) -> Option<String> {
    let mut missed: Vec<(&CheckView, &String)> = host
        .checks
        .iter()
        .filter(|check| check.result != Outcome::Pass)
        .filter_map(|check| check.reason.as_ref().map(|reason| (check, reason)))
        .collect();
    missed.sort_by_key(|(check, _)| (!check.vital, check.result != Outcome::Fail));
    let Some((check, reason)) = missed.first() else { return host.why.clone() };
    let more = match missed.len() {
        1 => String::new(),
        several => format!(" (and {} more)", several - 1),
    };
    Some(format!("{}: {reason}{more}", check.name))
}

fn latency(host: &HostView) -> String {
    let first = host.checks.iter().filter(|check| check.vital).chain(&host.checks).find_map(|check| check.latency);
    first.map_or_else(String::new, |seconds| format!("{:.1} ms", seconds * 1e3))
}

const fn glyph(health: Health) -> char {
    match health {
        Health::Up => '●',
        Health::Degraded => '◐',
        Health::Suspect => '◌',
        Health::Down => '✗',
        Health::Unknown => '?',
        Health::Maintenance => '≡',
    }
}

/// Blue for good and orange for bad: told apart by nearly everybody.
const fn colour(health: Health) -> &'static str {
    match health {
        Health::Up => "34",
        Health::Degraded | Health::Suspect => "33",
        Health::Down => "1;33",
        Health::Unknown | Health::Maintenance => "2",
    }
}

/// Prints a line for each change until it is interrupted.
async fn watch(
    context: &Context,
    client: &impl Client,
    names: &[String],
    first: &Arc<Snapshot>,
) -> Result<Exit, Failure> {
    let (mut snapshots, mut link) = (client.snapshots(), client.link());
    let mut shown = BTreeMap::new();
    let (mut carried, mut dumped) = (BTreeMap::new(), BTreeMap::new());
    let mut troubled = Vec::new();
    changes(context, first, names, (&mut shown, &mut carried, &mut dumped), &mut troubled)?;
    loop {
        tokio::select! {
            Ok(()) = snapshots.changed() => {
                let now = Arc::clone(&snapshots.borrow_and_update());
                changes(context, &now, names, (&mut shown, &mut carried, &mut dumped), &mut troubled)?;
            }
            Ok(()) = link.changed() => {
                let now = link.borrow_and_update().clone();
                let what = match &now {
                    Link::Joined => "the engine is back".to_owned(),
                    Link::Lost { why } => format!("the engine is lost: {why}"),
                };
                tell(context, "engine", &what, serde_json::json!({ "engine": now == Link::Joined, "why": what }))?;
            }
            () = context.reader_left() => return Ok(Exit::Done),
            else => return Err(Failure::failed("the engine cannot be followed any more")),
        }
    }
}

fn changes(
    context: &Context,
    snapshot: &Snapshot,
    names: &[String],
    (shown, carried, dumped): (&mut BTreeMap<String, Health>, &mut feeds::Told, &mut dumps::Told),
    troubled: &mut Vec<String>,
) -> Result<(), Failure> {
    for host in chosen(snapshot, names) {
        let before = shown.insert(host.name.clone(), host.health);
        if before == Some(host.health) {
            continue;
        }
        let was = before.map_or_else(String::new, |before| format!(" (was {})", before.word()));
        let why = why(host);
        let about = serde_json::json!({
            "host": host.name, "health": host.health.word(), "was": before.map(Health::word), "why": why,
        });
        let because = why.map_or_else(String::new, |why| format!(": {why}"));
        tell(context, &host.name, &format!("{}{was}{because}", host.health.word()), about)?;
    }
    shown.retain(|name, _| snapshot.host(name).is_some());
    if names.is_empty() {
        feeds::changes(context, snapshot, carried)?;
        dumps::changes(context, snapshot, dumped)?;
    }
    let now = troubles(snapshot);
    for trouble in now.iter().filter(|trouble| !troubled.contains(trouble)) {
        tell(context, "engine", trouble, serde_json::json!({ "trouble": trouble }))?;
    }
    for over in troubled.iter().filter(|trouble| !now.contains(trouble)) {
        tell(context, "engine", &format!("over: {over}"), serde_json::json!({ "over": over }))?;
    }
    *troubled = now;
    Ok(())
}

fn tell(context: &Context, about: &str, what: &str, mut document: serde_json::Value) -> Result<(), Failure> {
    let now = Clock::real().now();
    if context.json {
        document["time"] = serde_json::json!(format!("{now:.3}"));
        return context.document_line(&document);
    }
    let local = now.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
    context.line(&format!("{local} {about} {}", plain::one_line(what)))
}
