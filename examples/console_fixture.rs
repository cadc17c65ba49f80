//! The console over invented data, for pictures, for the pty tests, and for working on its looks.
//!
//! `cargo run --example console_fixture -- [SCENE] [theme=NAME] [keymap=NAME] [ascii] [read-only] [mouse] [config=DIR]`
//! with SCENE one of: harbour, calm, nothing, trouble, gone, many, busy, mocap, stale, archive, no-sessions, two, or a state of
//! a pool: ready, standing-in, host-gone, waiting, returned, failed-spare, interrupted, under-way, asking, paused, observe;
//! or, after `feeds:`, a state of feeds: live, catching-up, target-away, source-away, refused, late, warned, standing-in, all;
//! or, after `services:`, free or held; or, after `runs:`, asking, interrupted or failed.

#[path = "../tests/support/fixture.rs"]
mod fixture;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use fixture::FakeClient;
use fixture::recordings::Recordings;
use hotspare::clock::Clock;
use hotspare::console::theme::color::Depth;
use hotspare::console::{ConsoleOptions, run};
use hotspare::engine::client::Link;
use hotspare::engine::snapshot::{Freeze, Head, Snapshot};
use hotspare::health::view::Health;
use hotspare::work::view::JobState;

fn scene(name: &str, clock: &Clock) -> Snapshot {
    let now = clock.now();
    match name {
        "nothing" => fixture::nothing(now),
        "many" => fixture::many(now, 1000),
        "calm" => {
            let hosts = ["studio-1", "studio-2", "studio-spare", "nas"];
            let hosts = hosts.iter().map(|name| fixture::host(name, "10.77.0.11", 0.0004, now)).collect();
            fixture::snapshot(now, hosts, Vec::new(), fixture::journal(now))
        }
        "trouble" => {
            let mut snapshot = fixture::harbour(now);
            let head: &mut Head = Arc::make_mut(&mut snapshot.head);
            head.file.refused = vec![
                "/etc/hotspare/hotspare.toml:12:3: unknown key `adress`; did you mean `address`?".into(),
                "/etc/hotspare/hotspare.toml:31:10: pool `people-count` names host `studio-9`, which is not declared"
                    .into(),
            ];
            head.alarms = vec!["the state disk is full: 0 B free in /home/ops/.local/state/hotspare/harbour".into()];
            head.engine.frozen =
                Some(Freeze { why: "the wall clock jumped by 3600 s".into(), until: fixture::ago(now, -30) });
            snapshot
        }
        _ => fixture::harbour(now),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |key: &str| arguments.iter().find_map(|argument| argument.strip_prefix(key)?.strip_prefix('='));
    let name = arguments.first().map_or("harbour", String::as_str);
    let mut options = ConsoleOptions::new(given("crashes").unwrap_or("/tmp").into());
    options.depth = if given("depth") == Some("none") { Depth::None } else { options.depth };
    options.theme = given("theme").unwrap_or("auto").into();
    options.keymap = given("keymap").unwrap_or("default").into();
    options.config = given("config").map(Into::into);
    options.ascii |= arguments.iter().any(|argument| argument == "ascii");
    options.read_only = arguments.iter().any(|argument| argument == "read-only");
    options.choices.mouse = arguments.iter().any(|argument| argument == "mouse");
    let now = options.clock.now();
    let client = match name {
        "mocap" => with(fixture::mocap(now)),
        "stale" => with(fixture::stale(now)),
        "archive" => with(fixture::archive(now, 100_000)),
        "no-sessions" => with(fixture::no_sessions(now)),
        feeds if feeds.starts_with("feeds:") => fixture::feeds::client(feeds.trim_start_matches("feeds:"), now),
        services if services.starts_with("services:") => {
            fixture::services::client(services.trim_start_matches("services:"), now)
        }
        runs if runs.starts_with("runs:") => fixture::runs::client(runs.trim_start_matches("runs:"), now),
        pool if pool == "two" || fixture::pools::SCENES.contains(&pool.trim_start_matches("all:")) => {
            fixture::pools::client(pool, now)
        }
        _ => FakeClient::new(scene(name, &options.clock)),
    };
    if name == "mocap" {
        tokio::spawn(copying(Arc::clone(&client)));
    }
    if name == "gone" {
        client.link.send_replace(Link::Lost { why: "its socket was closed".into() });
    }
    if name == "busy" {
        tokio::spawn(busy(Arc::clone(&client)));
    }
    let end = run(client, options).await?;
    writeln!(std::io::stdout(), "ended: {end:?}")?;
    Ok(())
}

fn with((snapshot, recordings): (Snapshot, Vec<Recordings>)) -> Arc<FakeClient> {
    FakeClient::with(snapshot, recordings)
}

/// A copy that goes on, four times a second, and begins anew when it is through.
async fn copying(client: Arc<FakeClient>) {
    let Some(id) = client.snapshots.borrow().jobs.last().map(|job| job.id) else { return };
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        client.change_job(id, |job| {
            let Some(part) = job.part.as_mut().filter(|_| job.state == JobState::Running) else { return };
            part.done = (part.done + 29_500_000) % part.total;
            job.done += 29_500_000;
        });
    }
}

/// A picture that changes ten times a second.
async fn busy(client: Arc<FakeClient>) {
    for seq in 2.. {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.snapshots.send_modify(|snapshot| {
            let snapshot = Arc::make_mut(snapshot);
            snapshot.seq = seq;
            for host in Arc::make_mut(&mut snapshot.hosts) {
                let host = Arc::make_mut(host);
                for check in host.checks.iter_mut().filter(|_| host.health == Health::Up) {
                    check.latency = Some(0.0003 + 0.000_1 * f64::from(u32::try_from(seq % 10).unwrap_or(0)));
                }
            }
        });
    }
}
