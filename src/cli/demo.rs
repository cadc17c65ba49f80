//! `hotspare demo`: a whole fleet on this machine, and the console over it.

mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::report::Report;
use super::console::{self, Manner};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::clock::Clock;
use crate::console::ConsoleOptions;
use crate::demo::counts::{Counts, Outage};
use crate::demo::fleet::SIGNATURE;
use crate::demo::guide::{self, Need};
use crate::demo::pace::Pace;
use crate::demo::races::{self, Races};
use crate::demo::script;
use crate::demo::share::{Hang, Share};
use crate::demo::stage::{Outcome, Stage};
use crate::demo::studio::{self, Studio};
use crate::engine::client::{Client, in_process};
use crate::engine::guest::Guest;
use crate::engine::{Config, Engine};
use crate::fleet::settings::ConsoleSettings;
use crate::fleet::units;
use crate::reach::ssh::SshOptions;

/// How long the demo's parts may take to end.
const FAREWELL: Duration = Duration::from_secs(5);
/// The fleet file in the demo's folder.
const FLEET: &str = "hotspare.toml";

/// Arguments of `hotspare demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the fleet file, the machines' disks and the state in this folder [default: a folder that is removed at the
    /// end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Play the script for so long (such as 20s) without a console, and tell what the engine saw; exits 1 if it saw
    /// anything too late or too soon
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    headless_for: Option<Duration>,
    /// How the console looks and tells.
    #[command(flatten)]
    manner: Manner,
}

/// Sets the stage, starts the engine over it, and opens the console or plays without one.
pub fn run(context: &Context, args: &DemoArgs) -> Result<Exit, Failure> {
    match args.headless_for {
        None => console::needs_terminal("without a terminal there is `hotspare demo --headless-for 20s`")?,
        Some(span) if span < script::shortest() => {
            let shortest = script::shortest().as_secs();
            return Err(Failure::usage("the demo would end before its first fault is over")
                .hint(format!("play it for {shortest}s or longer")));
        }
        Some(_) => {}
    }
    let kept = args.dir.as_deref().map(prepare).transpose()?;
    let removed = match kept {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("hotspare-demo-").tempdir().map_err(|error| {
            Failure::failed(format!("no folder can be made for the demo: {error}")).hint("name one with --dir DIR")
        })?),
    };
    let dir = kept.as_deref().or(removed.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
    context.block_on(play(context, args, dir))
}

/// Makes the folder. One that holds somebody's fleet file is left alone: the demo would write its own over it.
fn prepare(dir: &Path) -> Result<PathBuf, Failure> {
    let dir = std::fs::create_dir_all(dir)
        .and_then(|()| dir.canonicalize())
        .map_err(|error| Failure::failed(format!("the folder {} cannot be made: {error}", dir.display())))?;
    let fleet = dir.join(FLEET);
    let ours = |text: Vec<u8>| text.starts_with(SIGNATURE.as_bytes());
    if std::fs::symlink_metadata(&fleet).is_ok() && !std::fs::read(&fleet).is_ok_and(ours) {
        let message = format!("{} is there already, and the demo has not written it", fleet.display());
        return Err(Failure { exit: Exit::Refused, message, hints: vec!["name another folder with --dir".into()] });
    }
    Ok(dir)
}

async fn play(context: &Context, args: &DemoArgs, dir: &Path) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("the demo cannot be set up: {error}"));
    let clock = Clock::real();
    // Before the machines, which take their time: so that what it has just written counts as recorded in the past.
    let studio = Studio::set_up(dir, clock.now()).map_err(failed)?;
    let counts = Counts::set_up(dir).map_err(failed)?;
    let fleet = dir.join(FLEET);
    let races = Races::set_up(dir, &fleet, &clock).map_err(failed)?;
    if races.is_none() {
        context.tell("no MariaDB with its tools is installed here: the demo leaves out the dump of databases");
    }
    let mut stage = Stage::set_up(dir).await.map_err(failed)?;
    if stage.ssh.is_none() {
        context.tell("no sshd is installed here: the demo leaves out what needs one");
    }
    let at = dir.join("share");
    let share = stage.share(studio.share(), &at).await.map_err(failed)?;
    if share.is_none() {
        context.tell("nothing can be mounted by sshfs here: the demo leaves out the share that hangs");
    }
    let recordings = studio.fleet_file(share.as_ref().map(|_mounted| at.as_path()));
    std::fs::write(&fleet, stage.fleet_file(Pace::WATCHED) + &recordings + &counts.fleet_file()).map_err(failed)?;
    let engine = Engine::start(Config {
        fleet,
        state: Some(dir.join("state")),
        detached: true,
        quiet: false,
        clock: clock.clone(),
        ssh: SshOptions { config: stage.ssh.as_ref().map(|kit| kit.client_config.clone()), ..SshOptions::default() },
    })
    .await
    .map_err(|error| Failure::failed(error.to_string()).hint(error.hint()))?;

    let script: Arc<dyn Client> = Arc::new(in_process(&engine, &Guest { face: "demo".into(), read_only: false }));
    let mut play = Play {
        stage: &mut stage,
        studio: &studio,
        counts: &counts,
        races: races.as_ref(),
        share: share.as_ref(),
        script: &script,
        clock: &clock,
    };
    let ended = match args.headless_for {
        Some(span) => headless(context, &mut play, span).await,
        None => Box::pin(over_it(context, &args.manner, &mut play, &engine)).await,
    };
    drop(script);
    let farewell = async {
        engine.stop("demo").await;
        if let Some(share) = share {
            share.end().await;
        }
        let server_too = async {
            if let Some(races) = &races {
                races.end().await;
            }
        };
        tokio::join!(stage.tear_down(), server_too);
    };
    // What does not end in time ends with this process.
    let _late = tokio::time::timeout(FAREWELL, farewell).await;
    ended
}

/// What is played: faults of machines, a studio that records, cameras that count, races in a database, and a share that hangs.
struct Play<'a> {
    stage: &'a mut Stage,
    studio: &'a Studio,
    counts: &'a Counts,
    races: Option<&'a Races>,
    share: Option<&'a Share>,
    script: &'a Arc<dyn Client>,
    clock: &'a Clock,
}

impl Play<'_> {
    /// Plays until `until` has passed, or for ever.
    async fn go(
        &mut self,
        until: Option<Duration>,
        scene: impl FnMut(&Outcome),
        session: impl FnMut(studio::Event),
        outage: impl FnMut(Outage),
        dump: impl FnMut(races::Event),
        hang: impl FnMut(Hang),
    ) -> Result<(), Failure> {
        let races = async {
            match self.races {
                Some(races) => races.work(self.script, self.clock, dump).await,
                None => std::future::pending().await,
            }
        };
        let share = async {
            match self.share {
                Some(share) => share.work(self.script, self.clock, hang).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = self.stage.play(self.script, self.clock, until, scene) => ended,
            ended = self.studio.work(self.script, self.clock, session) => ended,
            ended = self.counts.work(self.script, self.clock, outage) => ended,
            () = races => Ok(()),
            () = share => Ok(()),
        };
        ended.map_err(|error| Failure::failed(format!("the demo's machines failed: {error}")))
    }
}

/// The console over the play. The script goes on until the person leaves.
async fn over_it(context: &Context, manner: &Manner, play: &mut Play<'_>, engine: &Engine) -> Result<Exit, Failure> {
    let client: Arc<dyn Client> = Arc::new(in_process(engine, &Guest::console(context.read_only)));
    let (say, guide) = tokio::sync::watch::channel(String::new());
    let options = ConsoleOptions {
        engine_stays: false,
        guide,
        ..console::options(context, manner, ConsoleSettings::default(), engine.folder().to_owned())
    };
    let (shown, clock) = (crate::console::run(client, options), play.clock.clone());
    let there = [
        (Need::Sshd, play.stage.ssh.is_some()),
        (Need::Database, play.races.is_some()),
        (Need::Share, play.share.is_some()),
    ];
    let missing: Vec<Need> = there.into_iter().filter(|(_, there)| !there).map(|(need, _)| need).collect();
    tokio::select! {
        ended = shown => ended.map(|_end| Exit::Done).map_err(|error| Failure::failed(error.to_string())),
        stopped = play.go(None, |_outcome| (), |_session| (), |_outage| (), |_dump| (), |_hang| ()) => {
            Err(stopped.err().unwrap_or_else(|| Failure::failed("the demo's script ended")))
        }
        () = guide::lead(&clock, &missing, &say) => Err(Failure::failed("the demo's script ended")),
    }
}

/// The play alone: one line an outcome.
async fn headless(context: &Context, play: &mut Play<'_>, span: Duration) -> Result<Exit, Failure> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut sessions: Vec<studio::Event> = Vec::new();
    let mut outages: Vec<Outage> = Vec::new();
    let mut dumped: Vec<races::Event> = Vec::new();
    let mut hangs: Vec<Hang> = Vec::new();
    let printed = std::cell::RefCell::new(Ok(()));
    let print = |ok: bool, line: String| {
        if !context.json {
            let mark = if ok { "ok  " } else { "LATE" };
            let mut printed = printed.borrow_mut();
            *printed = std::mem::replace(&mut *printed, Ok(())).and_then(|()| context.line(&format!("{mark} {line}")));
        }
    };
    context.tell(&format!("hotspare: the demo plays for {} s", span.as_secs()));
    let scene = |outcome: &Outcome| {
        print(outcome.as_announced(), outcome.line());
        outcomes.push(outcome.clone());
    };
    let session = |event: studio::Event| {
        print(event.ok, format!("{} {}", event.session, event.what));
        sessions.push(event);
    };
    let outage = |outage: Outage| {
        print(outage.ok(), outage.line());
        outages.push(outage);
    };
    let dump = |event: races::Event| {
        print(event.ok, event.what.clone());
        dumped.push(event);
    };
    let hang = |hang: Hang| {
        print(hang.ok(), hang.line());
        hangs.push(hang);
    };
    play.go(Some(span), scene, session, outage, dump, hang).await?;
    printed.into_inner()?;
    let ok = outcomes.iter().all(Outcome::as_announced)
        && sessions.iter().all(|event| event.ok)
        && outages.iter().all(Outage::ok)
        && dumped.iter().all(|event| event.ok)
        && hangs.iter().all(Hang::ok);
    let summary = play.races.and_then(|races| races.summary(play.script));
    if context.json {
        context.document(&Report {
            ok,
            scenes: outcomes.iter().map(report::Scene::from).collect(),
            sessions: sessions.iter().map(report::Session::from).collect(),
            feeds: outages.iter().map(report::Feed::from).collect(),
            dumps: summary.iter().map(|summary| report::Dump::of(summary, &dumped)).collect(),
            shares: hangs.iter().map(report::Share::from).collect(),
        })?;
    } else {
        let seen = outcomes.iter().filter(|outcome| outcome.as_announced()).count();
        let safe = sessions.iter().filter(|event| event.ok).count();
        context.line(&format!("{seen} of {} seen as announced", outcomes.len()))?;
        context.line(&format!("{safe} of {} sessions copied, verified and safe", sessions.len()))?;
        let carried = outages.iter().filter(|outage| outage.ok()).count();
        context.line(&format!("{carried} of {} outages of the warehouse without a lost row", outages.len()))?;
        if let Some(summary) = summary {
            context.line(&summary.line())?;
        }
    }
    Ok(if ok { Exit::Done } else { Exit::Failed })
}
