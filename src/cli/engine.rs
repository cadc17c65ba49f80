//! `hotspare engine`: the engine alone; stopping it; restarting it; asking it.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, table};
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Pace, Query};
use crate::engine::launch::Launch;
use crate::engine::lock::Lock;
use crate::engine::snapshot::{EngineView, FileView, LeaseView};
use crate::engine::{Config, Engine, StartError, daemon};
use crate::metrics;
use crate::reach::ssh::SshOptions;

mod memory;
mod restart;

/// Arguments of `hotspare engine`.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// What to do; nothing: run the engine until it is stopped
    #[command(subcommand)]
    ask: Option<Ask>,
    /// Leave the terminal; used by the console when it starts an engine
    #[arg(long, hide = true)]
    detached: bool,
}

/// What is asked of a running engine.
#[derive(Debug, Subcommand)]
enum Ask {
    /// Stop it; refused while jobs run
    Stop {
        /// Cancel jobs first
        #[arg(long)]
        force: bool,
    },
    /// Stop it and start one of this version, as after an update; refused while jobs run
    Restart {
        /// Cancel jobs first; also end an engine that this version cannot speak to
        #[arg(long)]
        force: bool,
    },
    /// Say whether it runs, and since when
    Status,
}

/// A stopped engine has left within this.
const LEAVES_WITHIN: Duration = Duration::from_secs(15);

/// Runs the engine, or asks the one that runs.
pub fn run(context: &Context, args: &EngineArgs) -> Result<Exit, Failure> {
    match &args.ask {
        None => foreground(context, args.detached),
        Some(Ask::Stop { force }) => context.block_on(stop(context, *force)),
        Some(Ask::Restart { force }) => context.block_on(restart::restart(context, *force)),
        Some(Ask::Status) => context.block_on(status(context)),
    }
}

fn foreground(context: &Context, detached: bool) -> Result<Exit, Failure> {
    memory::begin_with_little();
    let place = join::place(context)?;
    let config = Config {
        fleet: place.fleet?,
        state: Some(place.state.path().to_owned()),
        detached,
        quiet: false,
        clock: Clock::real(),
        ssh: SshOptions::default(),
    };
    // Not `Context::block_on`: an engine ends by SIGINT too, but cleanly.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime cannot start: {error}")))?;
    let clock = config.clock.clone();
    let ended = runtime.block_on(daemon::run(config, |engine| {
        metrics::start(engine, &clock);
        announce(context, engine);
    }));
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(failure(&error)),
    }
}

fn announce(context: &Context, engine: &Engine) {
    for alarm in &engine.snapshots().borrow().head.alarms {
        context.complain(&Failure::failed(alarm.as_str()));
    }
    context.tell(&format!(
        "hotspare: the engine runs (pid {}), state in {}",
        std::process::id(),
        engine.folder().display()
    ));
}

fn failure(error: &StartError) -> Failure {
    let failure = match error {
        StartError::Fleet(_) => Failure::usage(error.to_string()),
        _ => Failure::failed(error.to_string()),
    };
    failure.hint(error.hint())
}

async fn stop(context: &Context, force: bool) -> Result<Exit, Failure> {
    let place = join::place(context)?;
    let Some(engine) = join::running(context, &place).await? else {
        context.tell("hotspare: no engine runs");
        return finish(context, &Stopped { stopped: false });
    };
    engine.command(Command::Stop { force }).await?;
    let pid = engine.snapshots().borrow().head.engine.pid;
    left(&place, Some(pid)).await?;
    finish(context, &Stopped { stopped: true })
}

/// Waits until the engine has left its state folder.
async fn left(place: &Launch, pid: Option<u32>) -> Result<(), Failure> {
    let left = async {
        while Lock::holder(&place.state.lock()).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LEAVES_WITHIN, left).await.map_err(|_late| {
        let pid = pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
        Failure::failed(format!("the engine (pid {pid}) still runs after {} s", LEAVES_WITHIN.as_secs()))
            .hint("look at its log, then end it with `kill`; its journal stays whole")
    })
}

#[derive(Serialize)]
struct Stopped {
    stopped: bool,
}

fn finish(context: &Context, stopped: &Stopped) -> Result<Exit, Failure> {
    if context.json {
        context.document(stopped)?;
    } else if stopped.stopped {
        context.tell("hotspare: the engine has stopped");
    }
    Ok(Exit::Done)
}

/// What `engine status --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    running: bool,
    fleet: Option<&'a str>,
    engine: Option<&'a EngineView>,
    lease: Option<&'a LeaseView>,
    file: Option<&'a FileView>,
    alarms: &'a [String],
    pace: Option<Pace>,
}

async fn status(context: &Context) -> Result<Exit, Failure> {
    let place = join::place(context)?;
    let Some(client) = join::running(context, &place).await? else {
        if context.json {
            let none = Document {
                running: false,
                fleet: None,
                engine: None,
                lease: None,
                file: None,
                alarms: &[],
                pace: None,
            };
            context.document(&none)?;
        } else {
            context.line(&format!("no engine runs for the state folder {}", place.state.path().display()))?;
        }
        return Ok(Exit::Failed);
    };
    let snapshot = client.snapshots().borrow().clone();
    let head = &snapshot.head;
    let Answer::Pace { pace } = client.query(Query::Pace).await? else {
        return Err(Failure::failed("the engine answered something else than it was asked"));
    };
    if context.json {
        context.document(&Document {
            running: true,
            fleet: Some(&head.fleet),
            engine: Some(&head.engine),
            lease: Some(&head.lease),
            file: Some(&head.file),
            alarms: &head.alarms,
            pace: Some(pace),
        })?;
        return Ok(Exit::Done);
    }
    let up = Clock::real().now().duration_since(head.engine.started).as_secs();
    let lease = match (&head.lease.held, &head.lease.why) {
        (true, _) => format!("{}, held", head.lease.kind),
        (false, Some(why)) => format!("{}, not held: {why}", head.lease.kind),
        (false, None) => format!("{}, not held", head.lease.kind),
    };
    let mut lines = vec![
        format!("fleet     {}", head.fleet),
        format!("engine    pid {}, version {}, up {}", head.engine.pid, head.engine.version, table::span(up)),
        format!("lease     {lease}"),
        format!("state     {}", head.engine.state.display()),
        format!("file      {}", head.file.path.display()),
        format!("consoles  {}", head.engine.consoles),
        format!(
            "checks    {} run, {} left out; 99 of 100 started within {:.1} ms",
            pace.started,
            pace.skipped,
            pace.late_p99 * 1000.0
        ),
    ];
    lines
        .extend(head.engine.frozen.iter().map(|freeze| format!("frozen    until {:.0}: {}", freeze.until, freeze.why)));
    lines.extend(head.file.refused.iter().map(|refused| format!("refused   {refused}")));
    lines.extend(head.alarms.iter().map(|alarm| format!("alarm     {alarm}")));
    context.line(&lines.join("\n"))?;
    Ok(Exit::Done)
}
